//! The words of FortiOS. It has no AES-GCM with a key of 192 bits.

use crate::resource::ike_config::{AuthAlg, EncAlg, IkeMode, IkeVersion};
use crate::vendor::{Identity, PeerTunnel, Unsupported, Words, group, pfs};

pub(super) fn words(tunnel: &PeerTunnel) -> Result<Words, Unsupported> {
    let (ike, ipsec) = (&tunnel.ike, &tunnel.ipsec);
    let (ike_encryption, authenticates) = encryption(ike.ike_enc_alg)?;
    let prf = if authenticates { "prf" } else { "" };
    let (esp, authenticates) = encryption(ipsec.ipsec_enc_alg)?;
    let esp = if authenticates { esp.to_owned() } else { format!("{esp}-{}", hash(ipsec.ipsec_auth_alg)) };
    let pfs = pfs(ipsec);
    let mode = match (ike.ike_version, ike.ike_mode) {
        (IkeVersion::Ikev2, _) => "",
        (IkeVersion::Ikev1, IkeMode::Main) => "main",
        (IkeVersion::Ikev1, IkeMode::Aggressive) => "aggressive",
    };
    let (local_id_type, local_id) = match Identity::of(&ike.local_id)? {
        Identity::Address(text) => ("address", text),
        Identity::Fqdn(text) => ("fqdn", text),
        Identity::UserFqdn(text) => ("user-fqdn", text),
    };
    let enable = |yes: bool| if yes { "enable" } else { "disable" }.to_owned();
    Ok(vec![
        ("ike_version", if mode.is_empty() { "2" } else { "1" }.to_owned()),
        ("mode", mode.to_owned()),
        ("local_id_type", local_id_type.to_owned()),
        ("local_id", local_id.to_owned()),
        ("ike_proposal", format!("{ike_encryption}-{prf}{}", hash(ike.ike_auth_alg))),
        ("ike_group", group(ike.ike_pfs).to_owned()),
        ("nat_traversal", enable(tunnel.enable_nat_traversal)),
        ("dpd", if tunnel.enable_dpd { "on-idle" } else { "disable" }.to_owned()),
        ("esp_proposal", esp),
        ("pfs", enable(pfs.is_some())),
        ("pfs_group", pfs.map(group).unwrap_or_default().to_owned()),
    ])
}

/// The word, and whether the algorithm authenticates by itself.
fn encryption(algorithm: EncAlg) -> Result<(&'static str, bool), Unsupported> {
    Ok(match algorithm {
        EncAlg::Aes => ("aes128", false),
        EncAlg::Aes192 => ("aes192", false),
        EncAlg::Aes256 => ("aes256", false),
        EncAlg::Des => ("des", false),
        EncAlg::TripleDes => ("3des", false),
        EncAlg::Aes128Gcm => ("aes128gcm", true),
        EncAlg::Aes256Gcm => ("aes256gcm", true),
        EncAlg::Aes192Gcm => return Err(Unsupported::word("encryption", algorithm)),
    })
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
