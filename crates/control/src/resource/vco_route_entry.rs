//! Destination-based routes of IPsec-VPN connections.

use std::fmt;
use std::str::FromStr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::fields::Weight;
use crate::ids::{InvalidId, VpnConnectionId};

/// A route: what goes to `route_dest` takes the connection.
///
/// The API also names a next hop, which is always the connection itself, so it is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VcoRouteEntry {
    /// Whose route it is.
    pub vpn_connection_id: VpnConnectionId,
    /// The destination CIDR block.
    pub route_dest: Ipv4Net,
    /// 100 is preferred over 0.
    pub weight: Weight,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

impl VcoRouteEntry {
    /// What distinguishes it from the other routes of its connection.
    pub fn key(&self) -> RouteKey {
        RouteKey { route_dest: self.route_dest, weight: self.weight }
    }
}

/// What distinguishes the routes of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKey {
    /// The destination CIDR block.
    pub route_dest: Ipv4Net,
    /// The weight: one destination can have a route of each.
    pub weight: Weight,
}

impl RouteKey {
    /// The route to the same destination with the other weight.
    pub fn with_other_weight(self) -> Self {
        Self { weight: self.weight.other(), ..self }
    }
}

/// What distinguishes a route from all others: written `vco-...:192.168.10.0/24:100`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteId {
    /// Whose route it is.
    pub connection: VpnConnectionId,
    /// Which one.
    pub key: RouteKey,
}

impl fmt::Display for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.connection, self.key.route_dest, self.key.weight)
    }
}

impl FromStr for RouteId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid =
            InvalidId { expected: "a route: connection, destination and weight, divided by colons" };
        let mut parts = text.splitn(3, ':');
        let (Some(connection), Some(route_dest), Some(weight)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid);
        };
        let key = match (route_dest.parse(), weight.parse()) {
            (Ok(route_dest), Ok(weight)) => RouteKey { route_dest, weight },
            _ => return Err(invalid),
        };
        Ok(Self { connection: connection.parse()?, key })
    }
}
