//! The words of strongSwan: proposals as swanctl.conf has them. It can do all that the gateway can.

use crate::resource::ike_config::{AuthAlg, EncAlg, IkeMode, IkePfs, IkeVersion};
use crate::vendor::{PeerTunnel, Words, pfs};

pub(super) fn words(tunnel: &PeerTunnel) -> Words {
    let (ike, ipsec) = (&tunnel.ike, &tunnel.ipsec);
    let hash = hash(ike.ike_auth_alg);
    let encryption = |algorithm: EncAlg| -> (&str, bool) {
        match algorithm {
            EncAlg::Aes => ("aes128", false),
            EncAlg::Aes192 => ("aes192", false),
            EncAlg::Aes256 => ("aes256", false),
            EncAlg::Des => ("des", false),
            EncAlg::TripleDes => ("3des", false),
            EncAlg::Aes128Gcm => ("aes128gcm16", true),
            EncAlg::Aes192Gcm => ("aes192gcm16", true),
            EncAlg::Aes256Gcm => ("aes256gcm16", true),
        }
    };
    let (ike_encryption, authenticates) = encryption(ike.ike_enc_alg);
    let prf = if authenticates { "prf" } else { "" };
    let (esp, authenticates) = encryption(ipsec.ipsec_enc_alg);
    let mut esp = esp.to_owned();
    if !authenticates {
        esp = format!("{esp}-{}", self::hash(ipsec.ipsec_auth_alg));
    }
    if let Some(pfs) = pfs(ipsec) {
        esp = format!("{esp}-{}", group(pfs));
    }
    let is_v2 = ike.ike_version == IkeVersion::Ikev2;
    let aggressive = !is_v2 && ike.ike_mode == IkeMode::Aggressive;
    vec![
        ("ike_version", if is_v2 { "2" } else { "1" }.to_owned()),
        ("aggressive", if aggressive { "yes" } else { "no" }.to_owned()),
        ("ike_proposal", format!("{ike_encryption}-{prf}{hash}-{}", group(ike.ike_pfs))),
        ("esp_proposal", esp),
        ("local_id", quoted(&ike.local_id)),
        ("remote_id", quoted(&ike.remote_id)),
    ]
}

fn hash(algorithm: AuthAlg) -> &'static str {
    match algorithm {
        AuthAlg::Md5 => "md5",
        AuthAlg::Sha1 => "sha1",
        AuthAlg::Sha256 => "sha256",
        AuthAlg::Sha384 => "sha384",
        AuthAlg::Sha512 => "sha512",
    }
}

fn group(group: IkePfs) -> &'static str {
    match group {
        IkePfs::Group1 => "modp768",
        IkePfs::Group2 => "modp1024",
        IkePfs::Group5 => "modp1536",
        IkePfs::Group14 => "modp2048",
        IkePfs::Group19 => "ecp256",
        IkePfs::Group31 => "curve25519",
    }
}

/// A value in quotes, in which strongSwan reads backslash escapes.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
