//! What is wanted of the gateway, derived from what is stored.

use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::fields::Weight;
use crate::ids::{AccountId, RegionId, TransitRouterId, TunnelId, VpnConnectionId, VpnGatewayId};
use crate::resource::health_check::HealthCheckPolicy;
use crate::resource::ike_config::IkeConfig;
use crate::resource::ipsec_config::IpsecConfig;
use crate::resource::tunnel::TunnelRole;
use crate::resource::vpn_gateway::VpnGateway;
use crate::settings::Settings;
use crate::state::AccountState;

/// A forwarding domain: nothing crosses from one into another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain {
    /// Whose it is.
    pub account: AccountId,
    /// Where it is.
    pub region: RegionId,
    /// What it is the domain of.
    pub owner: DomainOwner,
}

/// What a forwarding domain belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DomainOwner {
    /// A transit router.
    TransitRouter(TransitRouterId),
    /// A VPN gateway.
    VpnGateway(VpnGatewayId),
}

impl DomainOwner {
    /// The id of the transit router or of the VPN gateway.
    pub fn as_str(&self) -> &str {
        match self {
            Self::TransitRouter(id) => id.as_str(),
            Self::VpnGateway(id) => id.as_str(),
        }
    }
}

impl fmt::Display for DomainOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The forwarding domain of a VPN gateway as it is to be. Those of transit routers are there while a connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredDomain {
    /// The domain.
    pub domain: Domain,
    /// What is to be reported once it is open.
    pub generation: u64,
    /// The interface behind which the VPC lies: only what comes in by it takes the domain's tunnels. Without one,
    /// whatever passes this machine does.
    pub interface: Option<String>,
}

/// An IPsec-VPN connection as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredConnection {
    /// Its id.
    pub id: VpnConnectionId,
    /// Which packets it can carry.
    pub domain: Domain,
    /// What is to be reported once all of this is in force.
    pub generation: u64,
    /// One tunnel or two.
    pub tunnels: Vec<DesiredTunnel>,
    /// Its routes: those of the connection itself by destination, or those of its VPN gateway that lead over it.
    pub routes: Vec<DesiredRoute>,
}

/// A tunnel as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredTunnel {
    /// Its id.
    pub id: TunnelId,
    /// 1 or 2.
    pub index: u8,
    /// Which tunnel is taken while both are up.
    pub role: TunnelRole,
    /// The gateway's address: the `InternetIp` of the API.
    pub local_address: Ipv4Addr,
    /// The peer's address.
    pub remote_address: Ipv4Addr,
    /// How the IKE SA is agreed on; the identities are never empty.
    pub ike: IkeConfig,
    /// How the IPsec SAs are agreed on.
    pub ipsec: IpsecConfig,
    /// The certificate in PEM form that the peer's has to chain to; empty for a peer that has the pre-shared key.
    pub remote_ca_certificate: String,
    /// Whether the peer's liveness is checked.
    pub enable_dpd: bool,
    /// Whether NATs are detected and traversed.
    pub enable_nat_traversal: bool,
    /// The networks on the gateway's side.
    pub local_subnets: Vec<Ipv4Net>,
    /// The networks on the peer's side.
    pub remote_subnets: Vec<Ipv4Net>,
    /// The health check of the connection, which each of its tunnels has to pass; none while it is not enabled.
    pub health_check: Option<DesiredHealthCheck>,
}

impl DesiredTunnel {
    /// Whether it differs from `other` in nothing that the peers negotiate.
    pub fn negotiates_like(&self, other: &Self) -> bool {
        Self { health_check: other.health_check, ..self.clone() } == *other
    }
}

/// A health check as it is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DesiredHealthCheck {
    /// Where probes come from: `Sip`.
    pub source: Ipv4Addr,
    /// Where they go: `Dip`.
    pub destination: Ipv4Addr,
    /// The time between two of them, in seconds: `Interval`.
    pub interval_s: u32,
    /// How many intervals without an answer are a failure: `Retry`.
    pub retry: u32,
    /// What follows from it.
    pub policy: HealthCheckPolicy,
}

/// A route as it is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DesiredRoute {
    /// The destination.
    pub dest: Ipv4Net,
    /// 100 is preferred over 0.
    pub weight: Weight,
    /// Of a policy-based route; `None` of a destination-based one.
    pub policy: Option<Policy>,
    /// Whether the networks on the gateway's side are told of the destination: a Linux route brings what is for it to the
    /// domain's device. Otherwise only what comes there anyway is forwarded.
    pub is_published: bool,
}

impl DesiredRoute {
    /// A destination-based route that is published.
    pub fn to(dest: Ipv4Net, weight: Weight) -> Self {
        Self { dest, weight, policy: None, is_published: true }
    }
}

/// What makes a route a policy-based one. Those of a domain are asked before its destination-based routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Policy {
    /// From 1 to 100: the smallest number is asked first.
    pub priority: u8,
    /// The sources that it is for.
    pub source: Ipv4Net,
}

/// Which packets a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteMatch {
    /// Of a policy-based route.
    pub policy: Option<Policy>,
    /// The destination.
    pub dest: Ipv4Net,
}

impl From<Ipv4Net> for RouteMatch {
    fn from(dest: Ipv4Net) -> Self {
        Self { policy: None, dest }
    }
}

/// Which connections there are, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The moment: what to ask with next time.
    pub mark: u64,
    /// Whether this is everything there is, so that what is missing is to be removed. Otherwise it is everything that may be
    /// different from what there was at the mark that was asked with.
    pub is_complete: bool,
    /// Connections, each with its generation; `None` is to be removed.
    pub generations: Vec<(VpnConnectionId, Option<u64>)>,
}

/// Where the gateway reads what is wanted. Only durable state is shown.
pub trait Desires: Send + Sync {
    /// The connections there are, or those that may be different since the mark of an earlier listing. It is always right to
    /// answer with everything.
    fn listing(&self, since: Option<u64>) -> Listing;
    /// The domains of the VPN gateways there are. One that is missing is to be closed once it has no connection.
    fn domains(&self) -> Vec<DesiredDomain>;
    /// A connection as it is to be; `None` when nothing of it is to be in force.
    fn desired(&self, id: &VpnConnectionId) -> Option<DesiredConnection>;
}

/// The connections of an account that are in a forwarding domain, each with its generation.
pub fn generations(state: &AccountState) -> Vec<(VpnConnectionId, u64)> {
    let bound = state.all_vpn_connections().filter(|connection| connection.domain_owner().is_some());
    bound.map(|connection| (connection.id.clone(), connection.generation)).collect()
}

/// The domain of a VPN gateway as it is to be; `None` when it was deleted.
pub fn desired_domain(
    account: &AccountId,
    gateway: &VpnGateway,
    settings: &Settings,
) -> Option<DesiredDomain> {
    (!gateway.is_deleted).then(|| DesiredDomain {
        domain: gateway.domain(account),
        generation: gateway.generation,
        interface: settings.vpc(&gateway.region, &gateway.vpc_id).and_then(|vpc| vpc.interface.clone()),
    })
}

/// A connection as it is to be; `None` when it does not exist, or is bound to nothing.
pub fn desired(state: &AccountState, id: &VpnConnectionId, settings: &Settings) -> Option<DesiredConnection> {
    let connection = state.vpn_connection(id)?;
    let owner = connection.domain_owner()?;
    let tunnel = |tunnel: &crate::resource::tunnel::Tunnel| {
        let local_address = settings.tunnel_address(tunnel.index);
        let remote_address = state.customer_gateway(&tunnel.customer_gateway_id)?.ip_address;
        Some(DesiredTunnel {
            id: tunnel.id.clone(),
            index: tunnel.index,
            role: tunnel.role,
            local_address,
            remote_address,
            ike: tunnel.ike_between(local_address, Some(remote_address)),
            ipsec: tunnel.ipsec.clone(),
            remote_ca_certificate: connection.remote_ca_certificate(tunnel).to_owned(),
            enable_dpd: tunnel.enable_dpd,
            enable_nat_traversal: tunnel.enable_nat_traversal,
            local_subnets: connection.local_subnet.clone(),
            remote_subnets: connection.remote_subnet.clone(),
            health_check: connection.health_check.desired(),
        })
    };
    let routes = state.vco_routes_by_dest(id).map(|route| DesiredRoute::to(route.route_dest, route.weight));
    let gateway = connection.vpn_gateway.as_ref();
    let of_gateway = gateway.into_iter().flat_map(|gateway| state.vpn_routes_over(&gateway.id, id));
    let of_gateway = of_gateway.map(|route| DesiredRoute {
        dest: route.route_dest,
        weight: route.weight,
        policy: route.policy,
        is_published: route.is_published,
    });
    Some(DesiredConnection {
        id: connection.id.clone(),
        domain: Domain { account: state.account_id().clone(), region: connection.region.clone(), owner },
        generation: connection.generation,
        tunnels: connection.tunnels.iter().filter_map(tunnel).collect(),
        routes: routes.chain(of_gateway).collect(),
    })
}

#[cfg(test)]
mod tests;
