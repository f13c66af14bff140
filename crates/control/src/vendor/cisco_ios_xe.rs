//! The words of Cisco IOS XE: IKEv2 only, and no Curve25519.

use crate::resource::ike_config::{AuthAlg, EncAlg, IkePfs, IkeVersion};
use crate::vendor::{Identity, PeerTunnel, Unsupported, Words, group, pfs};

pub(super) fn words(tunnel: &PeerTunnel) -> Result<Words, Unsupported> {
    let (ike, ipsec) = (&tunnel.ike, &tunnel.ipsec);
    if ike.ike_version != IkeVersion::Ikev2 {
        return Err(Unsupported::word("version", ike.ike_version));
    }
    let (ike_encryption, authenticates) = match ike.ike_enc_alg {
        EncAlg::Aes => ("aes-cbc-128", false),
        EncAlg::Aes192 => ("aes-cbc-192", false),
        EncAlg::Aes256 => ("aes-cbc-256", false),
        EncAlg::Des => ("des", false),
        EncAlg::TripleDes => ("3des", false),
        EncAlg::Aes128Gcm => ("aes-gcm-128", true),
        EncAlg::Aes256Gcm => ("aes-gcm-256", true),
        EncAlg::Aes192Gcm => return Err(Unsupported::word("encryption in IKE", ike.ike_enc_alg)),
    };
    let hash = hash(ike.ike_auth_alg).to_owned();
    let (integrity, prf) = if authenticates { (String::new(), hash) } else { (hash, String::new()) };
    let pfs = pfs(ipsec).map(known_group).transpose()?.unwrap_or_default();
    Ok(vec![
        ("ike_encryption", ike_encryption.to_owned()),
        ("ike_integrity", integrity),
        ("ike_prf", prf),
        ("ike_group", known_group(ike.ike_pfs)?.to_owned()),
        ("esp_transform", transform(ipsec.ipsec_enc_alg, ipsec.ipsec_auth_alg)),
        ("pfs", pfs.to_owned()),
        ("local_id", identity(&ike.local_id, "")?),
        ("remote_id", identity(&ike.remote_id, " 255.255.255.255")?),
    ])
}

fn known_group(name: IkePfs) -> Result<&'static str, Unsupported> {
    if name == IkePfs::Group31 { Err(Unsupported::word("group", name)) } else { Ok(group(name)) }
}

fn identity(text: &str, mask: &str) -> Result<String, Unsupported> {
    Ok(match Identity::of(text)? {
        Identity::Address(text) => format!("address {text}{mask}"),
        Identity::Fqdn(text) => format!("fqdn {text}"),
        Identity::UserFqdn(text) => format!("email {text}"),
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

fn transform(encryption: EncAlg, authentication: AuthAlg) -> String {
    let encryption = match encryption {
        EncAlg::Aes => "esp-aes 128",
        EncAlg::Aes192 => "esp-aes 192",
        EncAlg::Aes256 => "esp-aes 256",
        EncAlg::Des => "esp-des",
        EncAlg::TripleDes => "esp-3des",
        EncAlg::Aes128Gcm => return "esp-gcm 128".to_owned(),
        EncAlg::Aes192Gcm => return "esp-gcm 192".to_owned(),
        EncAlg::Aes256Gcm => return "esp-gcm 256".to_owned(),
    };
    // Its word for SHA-1 has no number.
    let hash = if authentication == AuthAlg::Sha1 { "sha" } else { hash(authentication) };
    format!("{encryption} esp-{hash}-hmac")
}
