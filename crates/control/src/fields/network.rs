//! Addresses and networks.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use ipnet::Ipv4Net;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// How many networks a connection may have on each side.
const SUBNETS_MAX: usize = 5;

macro_rules! from_text {
    ($name:ident, $schema:tt) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

/// The destination of a route: an IPv4 CIDR block without host bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteDest(Ipv4Net);

impl RouteDest {
    /// The block.
    pub fn net(self) -> Ipv4Net {
        self.0
    }
}

impl FromStr for RouteDest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        block(text).map(Self)
    }
}

from_text!(RouteDest, { "type": "string", "format": "cidr" });

/// A list of IPv4 CIDR blocks without host bits, separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnets(Vec<Ipv4Net>);

impl From<Subnets> for Vec<Ipv4Net> {
    fn from(subnets: Subnets) -> Self {
        subnets.0
    }
}

impl FromStr for Subnets {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let blocks = text.split(',').map(|part| block(part.trim())).collect::<Result<Vec<_>, _>>()?;
        if blocks.len() > SUBNETS_MAX {
            return Err(format!("at most {SUBNETS_MAX} CIDR blocks, separated by commas"));
        }
        Ok(Self(blocks))
    }
}

from_text!(Subnets, { "type": "string" });

/// The public address of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InternetIp(Ipv4Addr);

impl InternetIp {
    /// The address.
    pub fn address(self) -> Ipv4Addr {
        self.0
    }
}

impl FromStr for InternetIp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let address: Ipv4Addr = text.parse().map_err(|_malformed| "an IPv4 address")?;
        let [first, second, _, _] = address.octets();
        let excluded = matches!(first, 0 | 127 | 224..=239 | 255)
            || (first == 100 && (64..128).contains(&second))
            || (first == 169 && second == 254);
        if excluded { Err("an IPv4 address at which a peer can be reached") } else { Ok(Self(address)) }
    }
}

from_text!(InternetIp, { "type": "string", "format": "ipv4" });

/// The link network of a BGP session inside a tunnel: a /30 in 169.254.0.0/16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TunnelCidr(Ipv4Net);

impl TunnelCidr {
    /// The network.
    pub fn net(self) -> Ipv4Net {
        self.0
    }
}

/// What the provider keeps for itself.
const RESERVED_TUNNEL_CIDRS: [[u8; 4]; 8] = [
    [169, 254, 0, 0],
    [169, 254, 1, 0],
    [169, 254, 2, 0],
    [169, 254, 3, 0],
    [169, 254, 4, 0],
    [169, 254, 5, 0],
    [169, 254, 6, 0],
    [169, 254, 169, 252],
];

impl FromStr for TunnelCidr {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str =
            "a /30 in 169.254.0.0/16 that the API does not reserve, such as 169.254.11.0/30";
        let net = block(text).map_err(|_no_block| EXPECTED)?;
        let octets = net.network().octets();
        let link_local = octets[0] == 169 && octets[1] == 254;
        if net.prefix_len() == 30 && link_local && !RESERVED_TUNNEL_CIDRS.contains(&octets) {
            Ok(Self(net))
        } else {
            Err(EXPECTED)
        }
    }
}

from_text!(TunnelCidr, { "type": "string", "format": "cidr" });

impl fmt::Display for TunnelCidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn block(text: &str) -> Result<Ipv4Net, String> {
    const EXPECTED: &str = "an IPv4 CIDR block, such as 192.168.10.0/24";
    let net: Ipv4Net = text.parse().map_err(|_malformed| EXPECTED.to_owned())?;
    // A leading zero is octal for some readers and nothing for others.
    if net.to_string() != text {
        return Err(EXPECTED.to_owned());
    }
    if net.trunc() == net {
        Ok(net)
    } else {
        Err(format!("a CIDR block without host bits: {} is meant, or another prefix length", net.trunc()))
    }
}
