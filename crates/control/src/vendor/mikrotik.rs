//! The words of RouterOS: AES-GCM for IPsec only, and no SHA-384 there.

use crate::resource::ike_config::{AuthAlg, EncAlg, IkeMode, IkePfs, IkeVersion};
use crate::vendor::{DPD_DELAY_S, Identity, PeerTunnel, Unsupported, Words, pfs};

pub(super) fn words(tunnel: &PeerTunnel) -> Result<Words, Unsupported> {
    let (ike, ipsec) = (&tunnel.ike, &tunnel.ipsec);
    let ike_encryption = match ike.ike_enc_alg {
        EncAlg::Aes => "aes-128",
        EncAlg::Aes192 => "aes-192",
        EncAlg::Aes256 => "aes-256",
        EncAlg::Des => "des",
        EncAlg::TripleDes => "3des",
        EncAlg::Aes128Gcm | EncAlg::Aes192Gcm | EncAlg::Aes256Gcm => {
            return Err(Unsupported::word("encryption in IKE", ike.ike_enc_alg));
        }
    };
    let (esp_encryption, authenticates) = esp_encryption(ipsec.ipsec_enc_alg);
    let esp_hash = match (authenticates, ipsec.ipsec_auth_alg) {
        (true, _) => "null",
        (false, AuthAlg::Sha384) => return Err(Unsupported::word("authentication", AuthAlg::Sha384)),
        (false, algorithm) => hash(algorithm),
    };
    let exchange_mode = match (ike.ike_version, ike.ike_mode) {
        (IkeVersion::Ikev2, _) => "ike2",
        (IkeVersion::Ikev1, IkeMode::Main) => "main",
        (IkeVersion::Ikev1, IkeMode::Aggressive) => "aggressive",
    };
    let dpd = if tunnel.enable_dpd { format!("{DPD_DELAY_S}s") } else { "disable-dpd".to_owned() };
    Ok(vec![
        ("ike_encryption", ike_encryption.to_owned()),
        ("ike_hash", hash(ike.ike_auth_alg).to_owned()),
        ("ike_group", group(ike.ike_pfs).to_owned()),
        ("esp_encryption", esp_encryption.to_owned()),
        ("esp_hash", esp_hash.to_owned()),
        ("pfs", pfs(ipsec).map_or("none", group).to_owned()),
        ("nat_traversal", if tunnel.enable_nat_traversal { "yes" } else { "no" }.to_owned()),
        ("dpd_interval", dpd),
        ("exchange_mode", exchange_mode.to_owned()),
        // In quotes, RouterOS reads these two.
        ("psk", ike.psk.expose().replace('$', "\\$").replace('?', "\\?")),
        ("local_id", identity(&ike.local_id)?),
        ("remote_id", identity(&ike.remote_id)?),
    ])
}

fn identity(text: &str) -> Result<String, Unsupported> {
    Ok(match Identity::of(text)? {
        Identity::Address(text) => format!("address:{text}"),
        Identity::Fqdn(text) => format!("fqdn:{text}"),
        Identity::UserFqdn(text) => format!("user-fqdn:{text}"),
    })
}

/// The word, and whether the algorithm authenticates by itself.
fn esp_encryption(algorithm: EncAlg) -> (&'static str, bool) {
    match algorithm {
        EncAlg::Aes => ("aes-128-cbc", false),
        EncAlg::Aes192 => ("aes-192-cbc", false),
        EncAlg::Aes256 => ("aes-256-cbc", false),
        EncAlg::Des => ("des", false),
        EncAlg::TripleDes => ("3des", false),
        EncAlg::Aes128Gcm => ("aes-128-gcm", true),
        EncAlg::Aes192Gcm => ("aes-192-gcm", true),
        EncAlg::Aes256Gcm => ("aes-256-gcm", true),
    }
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
        IkePfs::Group31 => "x25519",
    }
}
