//! How the two ends of a tunnel agree on IPsec SAs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fields::{Lifetime, optional};
use crate::resource::ike_config::{AuthAlg, EncAlg, word};

/// The Diffie-Hellman group of an IPsec SA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum IpsecPfs {
    /// No exchange of its own: the keys follow from the IKE SA.
    Disabled,
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

/// The IPsec configuration of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpsecConfig {
    /// Encryption.
    pub ipsec_enc_alg: EncAlg,
    /// Authentication.
    pub ipsec_auth_alg: AuthAlg,
    /// The group of the key exchange, if there is one.
    pub ipsec_pfs: IpsecPfs,
    /// How long an IPsec SA lives, in seconds.
    pub ipsec_lifetime_s: u32,
}

impl IpsecConfig {
    /// What `TunnelOptionsSpecification` means by members that are absent.
    pub fn default_of_tunnel() -> Self {
        Self {
            ipsec_enc_alg: EncAlg::Aes,
            ipsec_auth_alg: AuthAlg::Sha1,
            ipsec_pfs: IpsecPfs::Group2,
            ipsec_lifetime_s: Lifetime::default().seconds(),
        }
    }

    /// What the parameter `IpsecConfig` documents for members that are absent.
    pub fn default_of_single_tunnel() -> Self {
        Self { ipsec_auth_alg: AuthAlg::Md5, ..Self::default_of_tunnel() }
    }
}

/// The members of `IpsecConfig` and `TunnelIpsecConfig` as a client sends them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
#[schemars(inline)]
pub struct IpsecOptions {
    /// Encryption.
    #[serde(deserialize_with = "optional")]
    pub ipsec_enc_alg: Option<EncAlg>,
    /// Authentication.
    #[serde(deserialize_with = "optional")]
    pub ipsec_auth_alg: Option<AuthAlg>,
    /// The Diffie-Hellman group, or none.
    #[serde(deserialize_with = "optional")]
    pub ipsec_pfs: Option<IpsecPfs>,
    /// How long an IPsec SA lives, in seconds.
    #[serde(deserialize_with = "optional")]
    pub ipsec_lifetime: Option<Lifetime>,
}

impl IpsecOptions {
    /// The configuration `base` with what was sent in place of what it says.
    pub fn over(self, base: IpsecConfig) -> IpsecConfig {
        IpsecConfig {
            ipsec_enc_alg: self.ipsec_enc_alg.unwrap_or(base.ipsec_enc_alg),
            ipsec_auth_alg: self.ipsec_auth_alg.unwrap_or(base.ipsec_auth_alg),
            ipsec_pfs: self.ipsec_pfs.unwrap_or(base.ipsec_pfs),
            ipsec_lifetime_s: self.ipsec_lifetime.map_or(base.ipsec_lifetime_s, Lifetime::seconds),
        }
    }
}

/// `IpsecConfig` in an answer. A connection of two tunnels has none, and shows empty members.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct IpsecConfigView<Lifetime> {
    ipsec_auth_alg: String,
    ipsec_enc_alg: String,
    ipsec_lifetime: Lifetime,
    ipsec_pfs: String,
}

impl<Lifetime> IpsecConfigView<Lifetime> {
    /// Shows a configuration; `lifetime` writes seconds as this answer does.
    pub fn of(config: &IpsecConfig, lifetime: fn(u32) -> Lifetime) -> Self {
        Self {
            ipsec_auth_alg: word(config.ipsec_auth_alg),
            ipsec_enc_alg: word(config.ipsec_enc_alg),
            ipsec_lifetime: lifetime(config.ipsec_lifetime_s),
            ipsec_pfs: word(config.ipsec_pfs),
        }
    }
}
