//! The peer: what a scenario says of it, in strongSwan's words.

use std::net::Ipv4Addr;
use std::time::Duration;

use causeway_control::resource::ike_config::{AuthAlg, EncAlg, IkeMode, IkePfs, IkeVersion};
use causeway_control::resource::ipsec_config::IpsecPfs;
use causeway_lab::{PeerSide, TunnelSettings};
use causeway_netlab::{Certificate, Connection, IkeVersion as Version, PeerConfig, StartAction};
use ipnet::Ipv4Net;

/// The name of its one connection, and of the child.
pub const CONNECTION: &str = "site";

/// Who is where, as the peer sees it.
pub struct Ends {
    /// Its own address.
    pub own: Ipv4Addr,
    /// The gateway's address.
    pub gateway: Ipv4Addr,
    pub own_id: String,
    pub gateway_id: String,
}

pub fn config(peer: &PeerSide, ends: &Ends, certificate: Option<Certificate>, log_level: u8) -> PeerConfig {
    let tunnel = &peer.tunnel;
    let mut connection =
        Connection::new(CONNECTION, ends.own, ends.gateway, tunnel.ike.psk.expose().as_bytes());
    connection.version = match (tunnel.ike.ike_version, tunnel.ike.ike_mode) {
        (IkeVersion::Ikev2, _) => Version::V2,
        (IkeVersion::Ikev1, IkeMode::Main) => Version::V1Main,
        (IkeVersion::Ikev1, IkeMode::Aggressive) => Version::V1Aggressive,
    };
    connection.local_id.clone_from(&ends.own_id);
    connection.remote_id.clone_from(&ends.gateway_id);
    connection.certificate = certificate;
    connection.ike_proposals = ike_proposal(tunnel);
    connection.esp_proposals = esp_proposal(tunnel);
    connection.local_networks.clone_from(&tunnel.remote_subnets);
    connection.remote_networks.clone_from(&tunnel.local_subnets);
    if peer.child_for_each_network {
        let mut pairs: Vec<(Ipv4Net, Ipv4Net)> = Vec::new();
        for own in &tunnel.remote_subnets {
            pairs.extend(tunnel.local_subnets.iter().map(|other| (*own, *other)));
        }
        let (own, other) = pairs.remove(0);
        (connection.local_networks, connection.remote_networks) = (vec![own], vec![other]);
        connection.more_children = pairs;
    }
    connection.start = if peer.begins { StartAction::Start } else { StartAction::None };
    connection.dpd_delay = peer.dpd_interval;
    connection.ike_rekey = shorter_than_usual(tunnel.ike.ike_lifetime_s);
    connection.child_rekey = shorter_than_usual(tunnel.ipsec.ipsec_lifetime_s);
    connection.extra.extend(peer.childless.then(|| "childless = force".to_owned()));
    PeerConfig {
        connections: vec![connection],
        routes: networks_to_reach(tunnel),
        log_level,
        ike_packet_bytes: peer.ike_packet_bytes,
        retransmissions: peer.retransmissions,
    }
}

/// strongSwan rekeys when a lifetime ends that a scenario names; it has its own way otherwise.
fn shorter_than_usual(lifetime_s: u32) -> Option<Duration> {
    let usual_s = TunnelSettings::default().ike.ike_lifetime_s;
    (lifetime_s < usual_s).then(|| Duration::from_secs(lifetime_s.into()))
}

/// All of the LAN behind the gateway, or what the tunnel is for.
fn networks_to_reach(tunnel: &TunnelSettings) -> Vec<Ipv4Net> {
    let is_everything = |net: &Ipv4Net| net.prefix_len() == 0;
    if tunnel.local_subnets.iter().any(is_everything) {
        return vec!["10.1.0.0/24".parse().unwrap()];
    }
    tunnel.local_subnets.clone()
}

fn ike_proposal(tunnel: &TunnelSettings) -> String {
    let ike = &tunnel.ike;
    let (cipher, hash) = (encryption(ike.ike_enc_alg), authentication(ike.ike_auth_alg));
    // AES-GCM authenticates by itself, and the hash is only that of the PRF.
    let hash = if cipher.contains("gcm") { format!("prf{hash}") } else { hash.to_owned() };
    format!("{cipher}-{hash}-{}", ike_group(ike.ike_pfs))
}

fn esp_proposal(tunnel: &TunnelSettings) -> String {
    let ipsec = &tunnel.ipsec;
    let mut words = vec![encryption(ipsec.ipsec_enc_alg)];
    if !words[0].contains("gcm") {
        words.push(authentication(ipsec.ipsec_auth_alg));
    }
    words.extend(ipsec_group(ipsec.ipsec_pfs));
    words.join("-")
}

fn encryption(name: EncAlg) -> &'static str {
    match name {
        EncAlg::Aes => "aes128",
        EncAlg::Aes192 => "aes192",
        EncAlg::Aes256 => "aes256",
        EncAlg::Des => "des",
        EncAlg::TripleDes => "3des",
        EncAlg::Aes128Gcm => "aes128gcm16",
        EncAlg::Aes192Gcm => "aes192gcm16",
        EncAlg::Aes256Gcm => "aes256gcm16",
    }
}

fn authentication(name: AuthAlg) -> &'static str {
    match name {
        AuthAlg::Md5 => "md5",
        AuthAlg::Sha1 => "sha1",
        AuthAlg::Sha256 => "sha256",
        AuthAlg::Sha384 => "sha384",
        AuthAlg::Sha512 => "sha512",
    }
}

fn ike_group(name: IkePfs) -> &'static str {
    match name {
        IkePfs::Group1 => "modp768",
        IkePfs::Group2 => "modp1024",
        IkePfs::Group5 => "modp1536",
        IkePfs::Group14 => "modp2048",
        IkePfs::Group19 => "ecp256",
        IkePfs::Group31 => "x25519",
    }
}

fn ipsec_group(name: IpsecPfs) -> Option<&'static str> {
    Some(match name {
        IpsecPfs::Disabled => return None,
        IpsecPfs::Group1 => "modp768",
        IpsecPfs::Group2 => "modp1024",
        IpsecPfs::Group5 => "modp1536",
        IpsecPfs::Group14 => "modp2048",
        IpsecPfs::Group19 => "ecp256",
        IpsecPfs::Group31 => "x25519",
    })
}
