//! Routes of VPN gateways: destination-based ones, and policy-based ones (PBR), which decide by the source as well.

use std::fmt;
use std::str::FromStr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::desired::Policy;
use crate::fields::Weight;
use crate::ids::{InvalidId, VpnConnectionId, VpnGatewayId};
use crate::resource::vpn_connection::VpnConnection;

/// The priority of a policy-based route whose owner chose none.
pub const PRIORITY_DEFAULT: u8 = 10;

/// A route of a VPN gateway over one of its connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpnRouteEntry {
    /// Whose route it is.
    pub vpn_gateway_id: VpnGatewayId,
    /// The connection that is taken.
    pub next_hop: VpnConnectionId,
    /// The destination CIDR block.
    pub route_dest: Ipv4Net,
    /// 100 is preferred over 0.
    pub weight: Weight,
    /// What makes it a policy-based route, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// Whether the VPC is told of it.
    pub is_published: bool,
    /// It came with its connection (`AutoConfigRoute`), and follows its networks.
    #[serde(default)]
    pub is_automatic: bool,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

/// Which of the two kinds of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// By destination.
    Destination,
    /// By source and destination.
    Policy,
}

/// What distinguishes the routes of one VPN gateway. Those over one connection are next to each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VpnRouteKey {
    /// The connection that is taken.
    pub next_hop: VpnConnectionId,
    /// The source CIDR block of a policy-based route.
    pub source: Option<Ipv4Net>,
    /// The destination CIDR block.
    pub route_dest: Ipv4Net,
    /// One destination can have a route of each weight.
    pub weight: Weight,
}

/// What distinguishes a route from all others: `vpn-...:vco-...:10.1.0.0/16:10.2.0.0/16:100`, with `*` for the source of a
/// destination-based one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VpnRouteId {
    /// Whose route it is.
    pub vpn_gateway: VpnGatewayId,
    /// Which one.
    pub key: VpnRouteKey,
}

impl VpnRouteEntry {
    /// What distinguishes it from the other routes of its VPN gateway.
    pub fn key(&self) -> VpnRouteKey {
        VpnRouteKey {
            next_hop: self.next_hop.clone(),
            source: self.policy.map(|policy| policy.source),
            route_dest: self.route_dest,
            weight: self.weight,
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> RouteKind {
        self.key().kind()
    }

    /// The routes that come with a connection of a VPN gateway: a published policy-based route from each network on the
    /// gateway's side to each on the peer's. None is made to 0.0.0.0/0, which stands for whatever other routes say.
    pub fn automatic(connection: &VpnConnection, created_ms: i64) -> Vec<Self> {
        let Some(gateway) = connection.vpn_gateway.as_ref().filter(|_| connection.auto_config_route) else {
            return Vec::new();
        };
        let pairs = connection
            .local_subnet
            .iter()
            .flat_map(|source| connection.remote_subnet.iter().map(move |route_dest| (*source, *route_dest)));
        pairs
            .filter(|(_, route_dest)| route_dest.prefix_len() > 0)
            .map(|(source, route_dest)| Self {
                vpn_gateway_id: gateway.id.clone(),
                next_hop: connection.id.clone(),
                route_dest,
                weight: Weight::HIGH,
                policy: Some(Policy { priority: PRIORITY_DEFAULT, source }),
                is_published: true,
                is_automatic: true,
                description: String::new(),
                created_ms,
            })
            .collect()
    }
}

impl VpnRouteKey {
    /// The first that a route over a connection can have.
    pub(crate) fn first_over(next_hop: VpnConnectionId) -> Self {
        Self { next_hop, source: None, route_dest: Ipv4Net::default(), weight: Weight::LOW }
    }

    /// Which kind of route it is of.
    pub fn kind(&self) -> RouteKind {
        if self.source.is_some() { RouteKind::Policy } else { RouteKind::Destination }
    }

    /// That of the route to the same destination with the other weight.
    pub fn with_other_weight(&self) -> Self {
        Self { weight: self.weight.other(), ..self.clone() }
    }
}

impl fmt::Display for VpnRouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VpnRouteKey { next_hop, source, route_dest, weight } = &self.key;
        write!(f, "{}:{next_hop}:", self.vpn_gateway)?;
        match source {
            Some(source) => write!(f, "{source}:{route_dest}:{weight}"),
            None => write!(f, "*:{route_dest}:{weight}"),
        }
    }
}

impl FromStr for VpnRouteId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId {
            expected: "a route: VPN gateway, connection, source or *, destination and weight, divided by colons",
        };
        let parts: Vec<&str> = text.split(':').collect();
        let [vpn_gateway, next_hop, source, route_dest, weight] = parts.as_slice() else {
            return Err(invalid());
        };
        let source = match *source {
            "*" => None,
            source => Some(source.parse().map_err(|_no_block| invalid())?),
        };
        Ok(Self {
            vpn_gateway: vpn_gateway.parse()?,
            key: VpnRouteKey {
                next_hop: next_hop.parse()?,
                source,
                route_dest: route_dest.parse().map_err(|_no_block| invalid())?,
                weight: weight.parse().map_err(|_no_weight| invalid())?,
            },
        })
    }
}
