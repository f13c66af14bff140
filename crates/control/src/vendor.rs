//! The peer's side of a connection, written in the language of a vendor's device.
//!
//! Each vendor has a template (plain text, under `templates/`) and a file here that knows its words. What a
//! vendor's device cannot do is refused, rather than written as something else.

mod cisco_ios_xe;
mod fortigate;
mod juniper_srx;
mod libreswan;
mod mikrotik;
mod strongswan;
mod template;
mod vyos;

use std::borrow::Cow;
use std::fmt::Write;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::resource::ike_config::{IkeConfig, IkePfs};
use crate::resource::ipsec_config::{IpsecConfig, IpsecPfs};
use crate::resource::tunnel::TunnelRole;
use template::Scope;

/// Whose device the peer is. Clients write it in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// strongSwan, configured for swanctl.
    StrongSwan,
    /// libreswan.
    Libreswan,
    /// Cisco IOS XE.
    CiscoIosXe,
    /// Juniper SRX.
    JuniperSrx,
    /// Fortinet FortiGate.
    FortiGate,
    /// MikroTik RouterOS.
    MikroTik,
    /// VyOS.
    VyOs,
}

impl Vendor {
    /// All of them, by the words of the parameter.
    pub const WORDS: [(&'static str, Self); 7] = [
        ("strongSwan", Self::StrongSwan),
        ("libreswan", Self::Libreswan),
        ("CiscoIosXe", Self::CiscoIosXe),
        ("JuniperSrx", Self::JuniperSrx),
        ("FortiGate", Self::FortiGate),
        ("MikroTik", Self::MikroTik),
        ("VyOS", Self::VyOs),
    ];

    fn template(self) -> &'static str {
        match self {
            Self::StrongSwan => include_str!("../templates/strongswan.txt"),
            Self::Libreswan => include_str!("../templates/libreswan.txt"),
            Self::CiscoIosXe => include_str!("../templates/cisco-ios-xe.txt"),
            Self::JuniperSrx => include_str!("../templates/juniper-srx.txt"),
            Self::FortiGate => include_str!("../templates/fortigate.txt"),
            Self::MikroTik => include_str!("../templates/mikrotik.txt"),
            Self::VyOs => include_str!("../templates/vyos.txt"),
        }
    }

    fn words(self, tunnel: &PeerTunnel) -> Result<Words, Unsupported> {
        match self {
            Self::StrongSwan => Ok(strongswan::words(tunnel)),
            Self::Libreswan => libreswan::words(tunnel),
            Self::CiscoIosXe => cisco_ios_xe::words(tunnel),
            Self::JuniperSrx => juniper_srx::words(tunnel),
            Self::FortiGate => fortigate::words(tunnel),
            Self::MikroTik => mikrotik::words(tunnel),
            Self::VyOs => vyos::words(tunnel),
        }
    }
}

impl<'de> Deserialize<'de> for Vendor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let named = Self::WORDS.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
        named.map(|(_, vendor)| vendor).ok_or_else(|| {
            serde::de::Error::custom(format!("one of {}", Self::WORDS.map(|(word, _)| word).join(", ")))
        })
    }
}

impl JsonSchema for Vendor {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Vendor".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::WORDS.map(|(word, _)| word) })
    }
}

/// A connection as its peer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The id of the connection.
    pub connection: String,
    /// The networks on the peer's side.
    pub local_subnets: Vec<Ipv4Net>,
    /// The networks on the gateway's side.
    pub remote_subnets: Vec<Ipv4Net>,
    /// One tunnel, or two.
    pub tunnels: Vec<PeerTunnel>,
}

/// A tunnel as its peer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerTunnel {
    /// Its number, from 1.
    pub index: u8,
    /// Which tunnel is taken while both are up.
    pub role: TunnelRole,
    /// The peer's address.
    pub local: Ipv4Addr,
    /// The gateway's address.
    pub remote: Ipv4Addr,
    /// How the IKE SA is agreed on; its identities are the peer's own one as local, and the gateway's as remote.
    pub ike: IkeConfig,
    /// How the IPsec SAs are agreed on.
    pub ipsec: IpsecConfig,
    /// Whether liveness is checked.
    pub enable_dpd: bool,
    /// Whether NATs are traversed.
    pub enable_nat_traversal: bool,
}

/// What a vendor's device cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(String);

impl Unsupported {
    fn word(what: &str, word: impl serde::Serialize) -> Self {
        Self(format!("no {what} {}", crate::resource::ike_config::word(word)))
    }
}

/// What the vendor says for the things of a tunnel, by their names in the template.
type Words = Vec<(&'static str, String)>;

/// How often liveness is checked, in seconds.
const DPD_DELAY_S: &str = "30";

/// Writes the configuration.
///
/// # Errors
///
/// What the vendor's device cannot do.
pub fn write(vendor: Vendor, peer: &Peer) -> Result<String, Unsupported> {
    let mut scope = Scope::new();
    scope.set("connection", &peer.connection);
    let tunnels = peer.tunnels.iter().map(|tunnel| tunnel_scope(vendor, peer, tunnel));
    scope.set_list("tunnel", tunnels.collect::<Result<_, _>>()?);
    Ok(template::render(vendor.template(), &scope))
}

fn tunnel_scope(vendor: Vendor, peer: &Peer, tunnel: &PeerTunnel) -> Result<Scope, Unsupported> {
    let mut scope = Scope::new();
    let index = tunnel.index.to_string();
    let is_master = tunnel.role == TunnelRole::Master;
    let dpd_delay_s = if tunnel.enable_dpd { DPD_DELAY_S } else { "" };
    let psk_hex = tunnel.ike.psk.expose().bytes().fold(String::new(), |mut hex, byte| {
        let _never_fails = write!(hex, "{byte:02x}");
        hex
    });
    scope.set("name", &format!("{}-{index}", peer.connection));
    scope.set("short_name", &short_name(&peer.connection, &index));
    scope.set("index", &index);
    scope.set("metric", if is_master { "10" } else { "20" });
    scope.set("standby", if is_master { "no" } else { "yes" });
    scope.set("local", &tunnel.local.to_string());
    scope.set("remote", &tunnel.remote.to_string());
    scope.set("psk", tunnel.ike.psk.expose());
    scope.set("psk_hex", &psk_hex);
    scope.set("dpd_delay_s", dpd_delay_s);
    for (lifetime, rekey, seconds) in [
        ("ike_lifetime_s", "ike_rekey_s", tunnel.ike.ike_lifetime_s),
        ("ipsec_lifetime_s", "ipsec_rekey_s", tunnel.ipsec.ipsec_lifetime_s),
    ] {
        scope.set(lifetime, &seconds.to_string());
        // Earlier than the other side, so that the SA is replaced before it ends.
        scope.set(rekey, &(seconds - seconds / 10).to_string());
    }
    for (name, word) in vendor.words(tunnel)? {
        scope.set(name, &word);
    }
    networks(&mut scope, peer);
    Ok(scope)
}

/// The networks on both sides: as lists, and in pairs.
fn networks(scope: &mut Scope, peer: &Peer) {
    let everything = |subnet: &Ipv4Net| subnet.prefix_len() == 0;
    let list = |subnets: &[Ipv4Net]| subnets.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    scope.set("local_subnets", &list(&peer.local_subnets));
    scope.set("remote_subnets", &list(&peer.remote_subnets));
    scope.set_list("local_subnet", peer.local_subnets.iter().map(subnet_scope).collect());
    scope.set_list("remote_subnet", peer.remote_subnets.iter().map(subnet_scope).collect());
    // A route for everything would lead the tunnel's own packets into the tunnel.
    let routes = peer.remote_subnets.iter().filter(|subnet| !everything(subnet));
    scope.set_list("route", routes.map(subnet_scope).collect());
    let mut pairs = Vec::new();
    for local in &peer.local_subnets {
        for remote in &peer.remote_subnets {
            let mut pair = Scope::new();
            pair.set("number", &(pairs.len() + 1).to_string());
            pair.set("local_subnet", &local.to_string());
            pair.set("remote_subnet", &remote.to_string());
            pair.set("local_wildcard", &format!("{} {}", local.network(), local.hostmask()));
            pair.set("remote_wildcard", &format!("{} {}", remote.network(), remote.hostmask()));
            pairs.push(pair);
        }
    }
    let all = peer.local_subnets.iter().all(everything) && peer.remote_subnets.iter().all(everything);
    scope.set_list("selector", if all { Vec::new() } else { pairs.clone() });
    scope.set_list("pair", pairs);
}

fn subnet_scope(subnet: &Ipv4Net) -> Scope {
    let mut scope = Scope::new();
    scope.set("subnet", &subnet.to_string());
    scope.set("network", &subnet.network().to_string());
    scope.set("netmask", &subnet.netmask().to_string());
    scope
}

/// A name of at most 15 characters, for devices that take no longer one.
fn short_name(connection: &str, index: &str) -> String {
    let skipped = connection.chars().count().saturating_sub(12);
    let end: String = connection.chars().skip(skipped).collect();
    format!("{end}-{index}")
}

/// How a peer names itself in IKE, by what the text looks like, which is how the gateway reads it.
enum Identity<'a> {
    Address(&'a str),
    Fqdn(&'a str),
    UserFqdn(&'a str),
}

impl<'a> Identity<'a> {
    /// Refuses what could end the place that it is written to.
    fn of(text: &'a str) -> Result<Self, Unsupported> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@+".contains(&byte);
        if !text.bytes().all(plain) {
            return Err(Unsupported(format!(
                "no identity {text}: only letters, digits and . - _ @ + can be written safely"
            )));
        }
        Ok(match (text.parse::<Ipv4Addr>(), text.find('@')) {
            (Ok(_), _) => Self::Address(text),
            (Err(_), None) => Self::Fqdn(text),
            (Err(_), Some(0)) => Self::Fqdn(&text[1..]),
            (Err(_), Some(_)) => Self::UserFqdn(text),
        })
    }
}

/// The group of the key exchange of IPsec SAs, if there is one.
fn pfs(config: &IpsecConfig) -> Option<IkePfs> {
    match config.ipsec_pfs {
        IpsecPfs::Disabled => None,
        IpsecPfs::Group1 => Some(IkePfs::Group1),
        IpsecPfs::Group2 => Some(IkePfs::Group2),
        IpsecPfs::Group5 => Some(IkePfs::Group5),
        IpsecPfs::Group14 => Some(IkePfs::Group14),
        IpsecPfs::Group19 => Some(IkePfs::Group19),
        IpsecPfs::Group31 => Some(IkePfs::Group31),
    }
}

/// The number of a group.
fn group(group: IkePfs) -> &'static str {
    match group {
        IkePfs::Group1 => "1",
        IkePfs::Group2 => "2",
        IkePfs::Group5 => "5",
        IkePfs::Group14 => "14",
        IkePfs::Group19 => "19",
        IkePfs::Group31 => "31",
    }
}

#[cfg(test)]
mod tests;
