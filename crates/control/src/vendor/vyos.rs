//! The words of VyOS. It has no DES, and no group of 768 bits.

use crate::resource::ike_config::{AuthAlg, EncAlg, IkeMode, IkePfs, IkeVersion};
use crate::vendor::{Identity, PeerTunnel, Unsupported, Words, group, pfs};

pub(super) fn words(tunnel: &PeerTunnel) -> Result<Words, Unsupported> {
    let (ike, ipsec) = (&tunnel.ike, &tunnel.ipsec);
    let is_v2 = ike.ike_version == IkeVersion::Ikev2;
    let aggressive = !is_v2 && ike.ike_mode == IkeMode::Aggressive;
    let pfs = match pfs(ipsec) {
        Some(pfs) => format!("dh-group{}", known_group(pfs)?),
        None => "disable".to_owned(),
    };
    Ok(vec![
        ("key_exchange", if is_v2 { "ikev2" } else { "ikev1" }.to_owned()),
        ("mode", if aggressive { "aggressive" } else { "main" }.to_owned()),
        ("ike_encryption", encryption(ike.ike_enc_alg)?.to_owned()),
        ("ike_hash", hash(ike.ike_auth_alg).to_owned()),
        ("ike_group", known_group(ike.ike_pfs)?.to_owned()),
        ("esp_encryption", encryption(ipsec.ipsec_enc_alg)?.to_owned()),
        ("esp_hash", hash(ipsec.ipsec_auth_alg).to_owned()),
        ("pfs", pfs),
        // In the shell's quotes, which the key cannot end.
        ("psk", format!("'{}'", ike.psk.expose().replace('\'', "'\\''"))),
        ("local_id", identity(&ike.local_id)?),
        ("remote_id", identity(&ike.remote_id)?),
    ])
}

fn identity(text: &str) -> Result<String, Unsupported> {
    Identity::of(text)?;
    Ok(format!("'{text}'"))
}

fn known_group(name: IkePfs) -> Result<&'static str, Unsupported> {
    if name == IkePfs::Group1 { Err(Unsupported::word("group", name)) } else { Ok(group(name)) }
}

fn encryption(algorithm: EncAlg) -> Result<&'static str, Unsupported> {
    Ok(match algorithm {
        EncAlg::Aes => "aes128",
        EncAlg::Aes192 => "aes192",
        EncAlg::Aes256 => "aes256",
        EncAlg::TripleDes => "3des",
        EncAlg::Aes128Gcm => "aes128gcm128",
        EncAlg::Aes192Gcm => "aes192gcm128",
        EncAlg::Aes256Gcm => "aes256gcm128",
        EncAlg::Des => return Err(Unsupported::word("encryption", algorithm)),
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
