//! What each vendor's configuration looks like, as whole files under `templates/golden/`.

use std::path::Path;

use serde_json::json;

use super::{Peer, PeerTunnel, Vendor, write};
use crate::ids::Secret;
use crate::resource::ike_config::{AuthAlg, EncAlg, IkeConfig, IkeOptions, IkePfs, IkeVersion};
use crate::resource::ipsec_config::{IpsecConfig, IpsecOptions, IpsecPfs};
use crate::resource::tunnel::TunnelRole;

fn tunnel(index: u8, role: TunnelRole) -> PeerTunnel {
    PeerTunnel {
        index,
        role,
        local: [198, 51, 100, 7].into(),
        remote: [203, 0, 113, index].into(),
        ike: IkeConfig {
            ike_enc_alg: EncAlg::Aes256,
            ike_auth_alg: AuthAlg::Sha256,
            ike_pfs: IkePfs::Group14,
            local_id: "198.51.100.7".to_owned(),
            remote_id: format!("203.0.113.{index}"),
            ..IkeConfig::default_of_tunnel(Secret::new(format!("k'e$y?{index}")))
        },
        ipsec: IpsecConfig {
            ipsec_enc_alg: EncAlg::Aes256Gcm,
            ipsec_auth_alg: AuthAlg::Sha256,
            ipsec_pfs: IpsecPfs::Group14,
            ipsec_lifetime_s: 3600,
        },
        enable_dpd: index == 1,
        enable_nat_traversal: true,
    }
}

fn peer() -> Peer {
    Peer {
        connection: "vco-m5e1example0123456".to_owned(),
        local_subnets: ["192.168.10.0/24", "192.168.11.0/24"].map(|net| net.parse().unwrap()).to_vec(),
        remote_subnets: vec!["10.0.0.0/8".parse().unwrap()],
        tunnels: vec![tunnel(1, TunnelRole::Master), tunnel(2, TunnelRole::Slave)],
    }
}

/// Compares with the golden file; writes it instead when CAUSEWAY_WRITE_GOLDEN is set.
fn holds(vendor: Vendor, file: &str) {
    let text = write(vendor, &peer()).unwrap();
    assert!(!text.contains("<<") && !text.contains("%%"), "a name was not filled in:\n{text}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/golden").join(file);
    if std::env::var_os("CAUSEWAY_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, golden, "{}", path.display());
}

#[test]
fn strongswan_is_written_as_its_golden_file() {
    holds(Vendor::StrongSwan, "strongswan.txt");
}

#[test]
fn libreswan_is_written_as_its_golden_file() {
    holds(Vendor::Libreswan, "libreswan.txt");
}

#[test]
fn cisco_ios_xe_is_written_as_its_golden_file() {
    holds(Vendor::CiscoIosXe, "cisco-ios-xe.txt");
}

#[test]
fn juniper_srx_is_written_as_its_golden_file() {
    holds(Vendor::JuniperSrx, "juniper-srx.txt");
}

#[test]
fn fortigate_is_written_as_its_golden_file() {
    holds(Vendor::FortiGate, "fortigate.txt");
}

#[test]
fn mikrotik_is_written_as_its_golden_file() {
    holds(Vendor::MikroTik, "mikrotik.txt");
}

#[test]
fn vyos_is_written_as_its_golden_file() {
    holds(Vendor::VyOs, "vyos.txt");
}

#[test]
fn what_a_device_cannot_do_is_refused_rather_than_written_as_something_else() {
    let with = |change: fn(&mut PeerTunnel)| {
        let mut peer = peer();
        change(&mut peer.tunnels[1]);
        let refusals = Vendor::WORDS.map(|(word, vendor)| write(vendor, &peer).is_err().then_some(word));
        refusals.into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(with(|_tunnel| {}), "");
    assert_eq!(with(|tunnel| tunnel.ike.ike_version = IkeVersion::Ikev1), "CiscoIosXe");
    assert_eq!(with(|tunnel| tunnel.ike.ike_enc_alg = EncAlg::Aes128Gcm), "JuniperSrx MikroTik");
    assert_eq!(with(|tunnel| tunnel.ipsec.ipsec_enc_alg = EncAlg::Des), "libreswan VyOS");
    assert_eq!(with(|tunnel| tunnel.ike.ike_pfs = IkePfs::Group31), "CiscoIosXe JuniperSrx");
    let injected = "libreswan CiscoIosXe JuniperSrx FortiGate MikroTik VyOS";
    assert_eq!(with(|tunnel| tunnel.ike.local_id = "a\"b".to_owned()), injected);
}

#[test]
fn every_algorithm_is_written_in_full_or_refused() {
    let encryptions = ["aes", "aes192", "aes256", "des", "3des", "aes128gcm", "aes192gcm", "aes256gcm"];
    let hashes = ["md5", "sha1", "sha256", "sha384", "sha512"];
    let groups = ["group1", "group2", "group5", "group14", "group19", "group31"];
    for (_, vendor) in Vendor::WORDS {
        let mut written = 0;
        for (encryption, hash) in encryptions.iter().flat_map(|one| hashes.map(|hash| (*one, hash))) {
            for group in groups {
                let mut peer = peer();
                let ike = json!({ "IkeEncAlg": encryption, "IkeAuthAlg": hash, "IkePfs": group });
                let ike: IkeOptions = serde_json::from_value(ike).unwrap();
                let ipsec = json!({ "IpsecEncAlg": encryption, "IpsecAuthAlg": hash, "IpsecPfs": group });
                let ipsec: IpsecOptions = serde_json::from_value(ipsec).unwrap();
                peer.tunnels[0].ike = ike.over(peer.tunnels[0].ike.clone());
                peer.tunnels[0].ipsec = ipsec.over(peer.tunnels[0].ipsec.clone());
                let Ok(text) = write(vendor, &peer) else { continue };
                assert!(!text.contains("<<") && !text.contains("%%"), "{text}");
                written += 1;
            }
        }
        // Nobody refuses AES-CBC with SHA-2 and the usual groups.
        assert!(written >= 3 * 2 * 4, "{vendor:?} {written}");
    }
}

#[test]
fn an_identity_cannot_end_its_quotes() {
    let mut peer = peer();
    peer.tunnels[0].ike.local_id = r#"a"b\c"#.to_owned();
    let text = write(Vendor::StrongSwan, &peer).unwrap();
    assert!(text.contains(r#"id = "a\"b\\c""#), "{text}");
}

#[test]
fn a_tunnel_for_everything_gets_no_route_that_would_lead_into_itself() {
    let mut peer = peer();
    peer.remote_subnets = vec!["0.0.0.0/0".parse().unwrap()];
    peer.local_subnets = vec!["0.0.0.0/0".parse().unwrap()];
    let junos = write(Vendor::JuniperSrx, &peer).unwrap();
    assert!(!junos.contains("static route") && !junos.contains("traffic-selector"), "{junos}");
    let swan = write(Vendor::StrongSwan, &peer).unwrap();
    assert!(swan.contains("remote_ts = 0.0.0.0/0") && !swan.contains("ip route add 0.0.0.0/0"), "{swan}");
}
