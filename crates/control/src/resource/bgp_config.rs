//! The BGP session inside a tunnel. It is stored and answered; this engine speaks no BGP yet.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::fields::{Asn, TunnelCidr, optional};

/// The number of the gateway's autonomous system when nobody chose one.
pub const LOCAL_ASN_DEFAULT: u32 = 45_104;

/// The BGP configuration of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BgpConfig {
    /// The gateway's autonomous system.
    pub local_asn: u32,
    /// The network between the two speakers.
    pub tunnel_cidr: Option<Ipv4Net>,
    /// The gateway's address in it.
    pub local_bgp_ip: Option<Ipv4Addr>,
}

impl Default for BgpConfig {
    fn default() -> Self {
        Self { local_asn: LOCAL_ASN_DEFAULT, tunnel_cidr: None, local_bgp_ip: None }
    }
}

impl BgpConfig {
    /// The peer's address: the other one of the two hosts in a /30.
    pub fn peer_bgp_ip(&self) -> Option<Ipv4Addr> {
        let local = self.local_bgp_ip?;
        self.tunnel_cidr?.hosts().find(|host| *host != local)
    }

    /// Refuses a speaker's address outside the link network; `field` is the parameter that says it.
    ///
    /// # Errors
    ///
    /// `Invalid{ParameterName}`.
    pub fn check(&self, field: &str) -> Result<(), ApiError> {
        let Some(address) = self.local_bgp_ip else { return Ok(()) };
        match self.tunnel_cidr {
            Some(net) if net.hosts().any(|host| host == address) => Ok(()),
            Some(net) => Err(ApiError::invalid(field, format!("one of the two host addresses in {net}"))),
            None => Err(ApiError::invalid(field, "a TunnelCidr beside the LocalBgpIp")),
        }
    }
}

/// The members of `TunnelBgpConfig` as a client sends them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
#[schemars(inline)]
pub struct TunnelBgpOptions {
    /// The gateway's autonomous system.
    #[serde(deserialize_with = "asn")]
    #[schemars(with = "Option<i64>")]
    pub local_asn: Option<Asn>,
    /// The gateway's address in the link network.
    #[serde(deserialize_with = "optional")]
    pub local_bgp_ip: Option<Ipv4Addr>,
    /// The link network.
    #[serde(deserialize_with = "optional")]
    pub tunnel_cidr: Option<TunnelCidr>,
}

impl TunnelBgpOptions {
    /// The configuration `base` with what was sent in place of what it says.
    pub fn over(self, base: BgpConfig) -> BgpConfig {
        BgpConfig {
            local_asn: self.local_asn.map_or(base.local_asn, Asn::get),
            tunnel_cidr: self.tunnel_cidr.map(TunnelCidr::net).or(base.tunnel_cidr),
            local_bgp_ip: self.local_bgp_ip.or(base.local_bgp_ip),
        }
    }
}

/// The members of the JSON parameter `BgpConfig` as a client sends them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
#[schemars(inline)]
pub struct BgpOptions {
    /// Whether there is a session.
    #[serde(alias = "enable")]
    pub enable_bgp: Option<bool>,
    /// The gateway's autonomous system.
    #[serde(deserialize_with = "asn")]
    #[schemars(with = "Option<i64>")]
    pub local_asn: Option<Asn>,
    /// The gateway's address in the link network.
    #[serde(deserialize_with = "optional")]
    pub local_bgp_ip: Option<Ipv4Addr>,
    /// The link network.
    #[serde(deserialize_with = "optional")]
    pub tunnel_cidr: Option<TunnelCidr>,
}

impl BgpOptions {
    /// What it says of the session itself.
    pub fn session(self) -> TunnelBgpOptions {
        let Self { enable_bgp: _, local_asn, local_bgp_ip, tunnel_cidr } = self;
        TunnelBgpOptions { local_asn, local_bgp_ip, tunnel_cidr }
    }
}

/// Terraform sends 0 for a number that nobody set.
fn asn<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Asn>, D::Error> {
    let text: Option<String> = optional(deserializer)?;
    text.filter(|text| text != "0").map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

/// An address or a network as an answer shows it: empty where there is none.
pub(crate) fn shown<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
