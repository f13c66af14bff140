//! The words of libreswan. It has no DES, and no group of 768 bits.

use crate::resource::ike_config::{AuthAlg, EncAlg, IkeMode, IkePfs, IkeVersion};
use crate::vendor::{Identity, PeerTunnel, Unsupported, Words, pfs};

pub(super) fn words(tunnel: &PeerTunnel) -> Result<Words, Unsupported> {
    let (ike, ipsec) = (&tunnel.ike, &tunnel.ipsec);
    let (esp, authenticates) = encryption(ipsec.ipsec_enc_alg)?;
    let mut esp = esp.to_owned();
    if !authenticates {
        esp = format!("{esp}-{}", hash(ipsec.ipsec_auth_alg));
    }
    let pfs = pfs(ipsec);
    if let Some(pfs) = pfs {
        esp = format!("{esp};{}", group(pfs)?);
    }
    let (ike_encryption, _) = encryption(ike.ike_enc_alg)?;
    let is_v2 = ike.ike_version == IkeVersion::Ikev2;
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    Ok(vec![
        ("ikev2", yes(is_v2)),
        ("aggressive", yes(!is_v2 && ike.ike_mode == IkeMode::Aggressive)),
        ("ike_proposal", format!("{ike_encryption}-{};{}", hash(ike.ike_auth_alg), group(ike.ike_pfs)?)),
        ("esp_proposal", esp),
        ("pfs", yes(pfs.is_some())),
        ("dpd_timeout_s", if tunnel.enable_dpd { "120" } else { "" }.to_owned()),
        ("local_id", identity(&ike.local_id)?),
        ("remote_id", identity(&ike.remote_id)?),
    ])
}

fn identity(text: &str) -> Result<String, Unsupported> {
    Ok(match Identity::of(text)? {
        Identity::Address(text) | Identity::UserFqdn(text) => text.to_owned(),
        Identity::Fqdn(text) => format!("@{text}"),
    })
}

/// The word, and whether the algorithm authenticates by itself.
fn encryption(algorithm: EncAlg) -> Result<(&'static str, bool), Unsupported> {
    Ok(match algorithm {
        EncAlg::Aes => ("aes128", false),
        EncAlg::Aes192 => ("aes192", false),
        EncAlg::Aes256 => ("aes256", false),
        EncAlg::TripleDes => ("3des", false),
        EncAlg::Aes128Gcm => ("aes_gcm128", true),
        EncAlg::Aes192Gcm => ("aes_gcm192", true),
        EncAlg::Aes256Gcm => ("aes_gcm256", true),
        EncAlg::Des => return Err(Unsupported::word("encryption", algorithm)),
    })
}

fn hash(algorithm: AuthAlg) -> &'static str {
    match algorithm {
        AuthAlg::Md5 => "md5",
        AuthAlg::Sha1 => "sha1",
        AuthAlg::Sha256 => "sha2_256",
        AuthAlg::Sha384 => "sha2_384",
        AuthAlg::Sha512 => "sha2_512",
    }
}

fn group(group: IkePfs) -> Result<&'static str, Unsupported> {
    Ok(match group {
        IkePfs::Group2 => "modp1024",
        IkePfs::Group5 => "modp1536",
        IkePfs::Group14 => "modp2048",
        IkePfs::Group19 => "dh19",
        IkePfs::Group31 => "dh31",
        IkePfs::Group1 => return Err(Unsupported::word("group", group)),
    })
}
