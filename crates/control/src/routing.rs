//! Which route a packet takes: the rule of the forwarding table, for whoever has to say it beforehand.
//!
//! Policy-based routes come first, the smallest priority before the others, then the longest source. The longest destination is
//! taken, of equal ones the highest weight, of those the connection with the smaller id; and of these the first whose
//! connection has a tunnel up. `causeway_gateway::forwarding` does the same with packets.

use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::desired::{DomainOwner, Policy, RouteMatch};
use crate::fields::Weight;
use crate::ids::{RegionId, VpnConnectionId};
use crate::resource::vco_route_entry::VcoRouteEntry;
use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_route_entry::VpnRouteEntry;
use crate::state::AccountState;

/// A route of an attachment or of a VPN gateway, as far as forwarding goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The connection that is taken.
    pub connection: VpnConnectionId,
    /// Which packets it is for.
    pub of: RouteMatch,
    /// 100 is preferred over 0.
    pub weight: Weight,
    /// Whether the networks on the gateway's side are told of it.
    pub is_published: bool,
}

impl From<&VcoRouteEntry> for Route {
    fn from(route: &VcoRouteEntry) -> Self {
        Self {
            connection: route.vpn_connection_id.clone(),
            of: route.route_dest.into(),
            weight: route.weight,
            is_published: true,
        }
    }
}

impl From<&VpnRouteEntry> for Route {
    fn from(route: &VpnRouteEntry) -> Self {
        Self {
            connection: route.next_hop.clone(),
            of: RouteMatch { policy: route.policy, dest: route.route_dest },
            weight: route.weight,
            is_published: route.is_published,
        }
    }
}

/// How it is called in a sentence.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Policy { priority, source }) = self.of.policy {
            write!(f, "from {source} to {} of priority {priority} and", self.of.dest)?;
        } else {
            write!(f, "{} of", self.of.dest)?;
        }
        write!(f, " weight {} over {}", self.weight, self.connection)
    }
}

impl Route {
    /// Whether it covers a destination, and may be for a source; one that is not known is none that a policy is for.
    pub fn covers(&self, source: Option<Ipv4Addr>, dest: &Ipv4Net) -> bool {
        let is_for = |policy: Policy| source.is_some_and(|source| policy.source.contains(&source));
        self.of.dest.contains(dest) && self.of.policy.is_none_or(is_for)
    }
}

/// The routes over a connection, of whatever kind.
pub fn routes_over<'a>(
    state: &'a AccountState,
    connection: &'a VpnConnection,
) -> impl Iterator<Item = Route> + use<'a> {
    let gateway = connection.vpn_gateway.as_ref();
    let of_gateway =
        gateway.into_iter().flat_map(|gateway| state.vpn_routes_over(&gateway.id, &connection.id));
    state.vco_routes(&connection.id).map(Route::from).chain(of_gateway.map(Route::from))
}

/// The routes of a region's transit router or VPN gateway that cover a prefix, the preferred one first. Policy-based ones are
/// among them if a source is given that they are for.
pub fn covering(
    state: &AccountState,
    region: &RegionId,
    owner: &DomainOwner,
    source: Option<Ipv4Addr>,
    prefix: &Ipv4Net,
) -> Vec<Route> {
    let (gateway, router) = match owner {
        DomainOwner::VpnGateway(id) => (Some(id), None),
        DomainOwner::TransitRouter(id) => (None, Some(id)),
    };
    let of_gateway = gateway.into_iter().flat_map(|id| state.connections_of(id));
    let of_router = router.into_iter().flat_map(|id| state.attached_to(id));
    let mut routes: Vec<Route> = of_gateway
        .chain(of_router)
        .filter(|connection| connection.region == *region)
        .flat_map(|connection| routes_over(state, connection))
        .filter(|route| route.covers(source, prefix))
        .collect();
    routes.sort_by(preferred_first);
    routes
}

/// The order in which routes to one destination are taken.
pub fn preferred_first(a: &Route, b: &Route) -> Ordering {
    let rank = |route: &Route| {
        let policy = route.of.policy.map(|policy| (policy.priority, Reverse(policy.source.prefix_len())));
        let last = (u8::MAX, Reverse(0));
        (policy.unwrap_or(last), Reverse(route.of.dest.prefix_len()), Reverse(route.weight))
    };
    rank(a).cmp(&rank(b)).then_with(|| a.connection.cmp(&b.connection))
}
