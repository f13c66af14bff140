//! Resources for tests.

use std::net::Ipv4Addr;

use causeway_control::ids::Secret;
use causeway_control::resource::ike_config::IkeConfig;
use causeway_control::resource::ipsec_config::IpsecConfig;
use causeway_control::resource::tunnel::TunnelRole;

use causeway_control::desired::DesiredTunnel;

/// A tunnel as an attachment has them; tunnels of different versions differ in their pre-shared key.
pub fn tunnel(id: &str, version: u8) -> DesiredTunnel {
    let all = "0.0.0.0/0".parse().expect("a prefix");
    let (local, remote) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
    let ike = IkeConfig::default_of_tunnel(Secret::new(format!("secret {version}")));
    DesiredTunnel {
        id: id.parse().expect("a valid id"),
        index: 1,
        role: TunnelRole::Master,
        local_address: local,
        remote_address: remote,
        ike: ike.with_identities(local, remote),
        ipsec: IpsecConfig::default_of_tunnel(),
        remote_ca_certificate: String::new(),
        enable_dpd: true,
        enable_nat_traversal: true,
        local_subnets: vec![all],
        remote_subnets: vec![all],
        health_check: None,
    }
}
