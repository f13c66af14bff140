//! How the two ends of a tunnel agree on an IKE SA.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fields::{Identity, Lifetime, Psk, optional};
use crate::ids::Secret;

/// The version of IKE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum IkeVersion {
    /// RFC 2409.
    Ikev1,
    /// RFC 7296.
    Ikev2,
}

/// The first exchange of IKEv1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum IkeMode {
    /// Main mode, which hides the identities.
    Main,
    /// Aggressive mode, which is shorter.
    Aggressive,
}

/// An encryption algorithm: the API's in CBC mode, and AES-GCM beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum EncAlg {
    /// AES with a key of 128 bits.
    Aes,
    /// AES with a key of 192 bits.
    Aes192,
    /// AES with a key of 256 bits.
    Aes256,
    /// DES: weak.
    Des,
    /// Triple DES.
    #[serde(rename = "3des")]
    TripleDes,
    /// AES-GCM with a key of 128 bits and a tag of 16 bytes: an extension. It authenticates by itself.
    Aes128Gcm,
    /// AES-GCM with a key of 192 bits and a tag of 16 bytes: an extension.
    Aes192Gcm,
    /// AES-GCM with a key of 256 bits and a tag of 16 bytes: an extension.
    Aes256Gcm,
}

/// An authentication algorithm: HMAC with this hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum AuthAlg {
    /// MD5: weak.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-2 with 256 bits.
    Sha256,
    /// SHA-2 with 384 bits.
    Sha384,
    /// SHA-2 with 512 bits.
    Sha512,
}

/// The Diffie-Hellman group of the IKE SA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum IkePfs {
    /// 768 bits: weak.
    Group1,
    /// 1,024 bits: weak.
    Group2,
    /// 1,536 bits.
    Group5,
    /// 2,048 bits.
    Group14,
    /// The elliptic curve P-256: an extension.
    Group19,
    /// Curve25519: an extension.
    Group31,
}

/// The IKE configuration of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IkeConfig {
    /// The pre-shared key.
    pub psk: Secret,
    /// The version of IKE.
    pub ike_version: IkeVersion,
    /// The first exchange, for IKEv1.
    pub ike_mode: IkeMode,
    /// Encryption.
    pub ike_enc_alg: EncAlg,
    /// Authentication, and the pseudo-random function.
    pub ike_auth_alg: AuthAlg,
    /// The group of the key exchange.
    pub ike_pfs: IkePfs,
    /// How long an IKE SA lives, in seconds.
    pub ike_lifetime_s: u32,
    /// How the gateway names itself; empty in the store stands for its address.
    pub local_id: String,
    /// How the peer names itself; empty in the store stands for its address.
    pub remote_id: String,
}

impl IkeConfig {
    /// What `TunnelOptionsSpecification` documents for members that are absent.
    pub fn default_of_tunnel(psk: Secret) -> Self {
        Self {
            psk,
            ike_version: IkeVersion::Ikev2,
            ike_mode: IkeMode::Main,
            ike_enc_alg: EncAlg::Aes,
            ike_auth_alg: AuthAlg::Sha1,
            ike_pfs: IkePfs::Group2,
            ike_lifetime_s: Lifetime::default().seconds(),
            local_id: String::new(),
            remote_id: String::new(),
        }
    }

    /// What the parameter `IkeConfig` documents for members that are absent.
    pub fn default_of_single_tunnel(psk: Secret) -> Self {
        Self { ike_version: IkeVersion::Ikev1, ike_auth_alg: AuthAlg::Md5, ..Self::default_of_tunnel(psk) }
    }

    /// The configuration with the identities that are meant where none was chosen: the two addresses.
    pub fn with_identities(&self, local: Ipv4Addr, remote: Ipv4Addr) -> Self {
        let chosen = |text: &str, address: Ipv4Addr| {
            if text.is_empty() { address.to_string() } else { text.to_owned() }
        };
        Self {
            local_id: chosen(&self.local_id, local),
            remote_id: chosen(&self.remote_id, remote),
            ..self.clone()
        }
    }
}

/// The members of `IkeConfig` and `TunnelIkeConfig` as a client sends them, each of which may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
#[schemars(inline)]
pub struct IkeOptions {
    /// The pre-shared key; a random one when absent.
    #[serde(deserialize_with = "optional")]
    pub psk: Option<Psk>,
    /// The version of IKE.
    #[serde(deserialize_with = "optional")]
    pub ike_version: Option<IkeVersion>,
    /// The first exchange, for IKEv1.
    #[serde(deserialize_with = "optional")]
    pub ike_mode: Option<IkeMode>,
    /// Encryption.
    #[serde(deserialize_with = "optional")]
    pub ike_enc_alg: Option<EncAlg>,
    /// Authentication.
    #[serde(deserialize_with = "optional")]
    pub ike_auth_alg: Option<AuthAlg>,
    /// The Diffie-Hellman group.
    #[serde(deserialize_with = "optional")]
    pub ike_pfs: Option<IkePfs>,
    /// How long an IKE SA lives, in seconds.
    #[serde(deserialize_with = "optional")]
    pub ike_lifetime: Option<Lifetime>,
    /// How the gateway names itself; its address when absent.
    #[serde(deserialize_with = "optional")]
    pub local_id: Option<Identity>,
    /// How the peer names itself; its address when absent.
    #[serde(deserialize_with = "optional")]
    pub remote_id: Option<Identity>,
}

impl IkeOptions {
    /// The configuration `base` with what was sent in place of what it says.
    pub fn over(self, base: IkeConfig) -> IkeConfig {
        IkeConfig {
            psk: self.psk.map_or(base.psk, Into::into),
            ike_version: self.ike_version.unwrap_or(base.ike_version),
            ike_mode: self.ike_mode.unwrap_or(base.ike_mode),
            ike_enc_alg: self.ike_enc_alg.unwrap_or(base.ike_enc_alg),
            ike_auth_alg: self.ike_auth_alg.unwrap_or(base.ike_auth_alg),
            ike_pfs: self.ike_pfs.unwrap_or(base.ike_pfs),
            ike_lifetime_s: self.ike_lifetime.map_or(base.ike_lifetime_s, Lifetime::seconds),
            local_id: self.local_id.map_or(base.local_id, Into::into),
            remote_id: self.remote_id.map_or(base.remote_id, Into::into),
        }
    }
}

/// `IkeConfig` in an answer. A connection of two tunnels has none, and shows empty members.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct IkeConfigView<Lifetime> {
    ike_auth_alg: String,
    ike_enc_alg: String,
    ike_lifetime: Lifetime,
    ike_mode: String,
    ike_pfs: String,
    ike_version: String,
    local_id: String,
    /// In clear: whoever may read the connection may read its key, as the provider's clients expect.
    psk: String,
    remote_id: String,
}

impl<Lifetime> IkeConfigView<Lifetime> {
    /// Shows a configuration; `lifetime` writes seconds as this answer does.
    pub fn of(config: &IkeConfig, lifetime: fn(u32) -> Lifetime) -> Self {
        Self {
            ike_auth_alg: word(config.ike_auth_alg),
            ike_enc_alg: word(config.ike_enc_alg),
            ike_lifetime: lifetime(config.ike_lifetime_s),
            ike_mode: word(config.ike_mode),
            ike_pfs: word(config.ike_pfs),
            ike_version: word(config.ike_version),
            local_id: config.local_id.clone(),
            psk: config.psk.expose().to_owned(),
            remote_id: config.remote_id.clone(),
        }
    }
}

/// The API's word for a choice.
pub(crate) fn word<T: Serialize>(choice: T) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}
