//! The words of Junos: AES-GCM for IPsec only, and no Curve25519.

use crate::resource::ike_config::{AuthAlg, EncAlg, IkeMode, IkePfs, IkeVersion};
use crate::vendor::{Identity, PeerTunnel, Unsupported, Words, group, pfs};

pub(super) fn words(tunnel: &PeerTunnel) -> Result<Words, Unsupported> {
    let (ike, ipsec) = (&tunnel.ike, &tunnel.ipsec);
    let (ike_encryption, authenticates) = encryption(ike.ike_enc_alg);
    if authenticates {
        return Err(Unsupported::word("encryption in IKE", ike.ike_enc_alg));
    }
    let (esp_encryption, authenticates) = encryption(ipsec.ipsec_enc_alg);
    let esp_hash = if authenticates { "" } else { hmac(ipsec.ipsec_auth_alg) };
    let is_v2 = ike.ike_version == IkeVersion::Ikev2;
    let aggressive = !is_v2 && ike.ike_mode == IkeMode::Aggressive;
    Ok(vec![
        ("ike_hash", hash(ike.ike_auth_alg).to_owned()),
        ("ike_encryption", ike_encryption.to_owned()),
        ("ike_group", known_group(ike.ike_pfs)?),
        ("esp_hash", esp_hash.to_owned()),
        ("esp_encryption", esp_encryption.to_owned()),
        ("pfs", pfs(ipsec).map(known_group).transpose()?.unwrap_or_default()),
        ("mode", if aggressive { "aggressive" } else { "main" }.to_owned()),
        ("version", if is_v2 { "v2-only" } else { "v1-only" }.to_owned()),
        ("local_id", identity(&ike.local_id)?),
        ("remote_id", identity(&ike.remote_id)?),
    ])
}

fn identity(text: &str) -> Result<String, Unsupported> {
    Ok(match Identity::of(text)? {
        Identity::Address(text) => format!("inet {text}"),
        Identity::Fqdn(text) => format!("hostname {text}"),
        Identity::UserFqdn(text) => format!("user-at-hostname \"{text}\""),
    })
}

fn known_group(name: IkePfs) -> Result<String, Unsupported> {
    if name == IkePfs::Group31 {
        return Err(Unsupported::word("group", name));
    }
    Ok(format!("group{}", group(name)))
}

/// The word, and whether the algorithm authenticates by itself.
fn encryption(algorithm: EncAlg) -> (&'static str, bool) {
    match algorithm {
        EncAlg::Aes => ("aes-128-cbc", false),
        EncAlg::Aes192 => ("aes-192-cbc", false),
        EncAlg::Aes256 => ("aes-256-cbc", false),
        EncAlg::Des => ("des-cbc", false),
        EncAlg::TripleDes => ("3des-cbc", false),
        EncAlg::Aes128Gcm => ("aes-128-gcm", true),
        EncAlg::Aes192Gcm => ("aes-192-gcm", true),
        EncAlg::Aes256Gcm => ("aes-256-gcm", true),
    }
}

fn hash(algorithm: AuthAlg) -> &'static str {
    match algorithm {
        AuthAlg::Md5 => "md5",
        AuthAlg::Sha1 => "sha1",
        AuthAlg::Sha256 => "sha-256",
        AuthAlg::Sha384 => "sha-384",
        AuthAlg::Sha512 => "sha-512",
    }
}

fn hmac(algorithm: AuthAlg) -> &'static str {
    match algorithm {
        AuthAlg::Md5 => "hmac-md5-96",
        AuthAlg::Sha1 => "hmac-sha1-96",
        AuthAlg::Sha256 => "hmac-sha-256-128",
        AuthAlg::Sha384 => "hmac-sha-384",
        AuthAlg::Sha512 => "hmac-sha-512",
    }
}
