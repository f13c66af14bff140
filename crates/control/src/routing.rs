//! Which route a destination takes: the rule of the forwarding table, for whoever has to say it beforehand.
//!
//! The longest prefix is taken, of equal ones the highest weight, of those the connection with the smaller id; and of
//! these the first whose connection has a tunnel up. `causeway_gateway::forwarding` does the same with packets.

use std::cmp::Ordering;

use ipnet::Ipv4Net;

use crate::desired::DomainOwner;
use crate::ids::RegionId;
use crate::resource::vco_route_entry::VcoRouteEntry;
use crate::state::AccountState;

/// The routes of a region's transit router or VPN gateway that cover a prefix, the preferred one first.
pub fn covering<'a>(
    state: &'a AccountState,
    region: &RegionId,
    owner: &DomainOwner,
    prefix: &Ipv4Net,
) -> Vec<&'a VcoRouteEntry> {
    let mut routes: Vec<&VcoRouteEntry> = state
        .vpn_connections(region)
        .filter(|connection| connection.domain_owner().as_ref() == Some(owner))
        .flat_map(|connection| state.vco_routes(&connection.id))
        .filter(|route| route.route_dest.contains(prefix))
        .collect();
    routes.sort_by(|a, b| preferred_first(a, b));
    routes
}

/// The order in which routes to one destination are taken.
pub fn preferred_first(a: &VcoRouteEntry, b: &VcoRouteEntry) -> Ordering {
    let longest_first = b.route_dest.prefix_len().cmp(&a.route_dest.prefix_len());
    longest_first
        .then_with(|| b.weight.cmp(&a.weight))
        .then_with(|| a.vpn_connection_id.cmp(&b.vpn_connection_id))
}

/// A route in a sentence.
pub fn name(route: &VcoRouteEntry) -> String {
    format!("{} of weight {} over {}", route.route_dest, route.weight, route.vpn_connection_id)
}
