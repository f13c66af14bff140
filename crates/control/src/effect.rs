//! What a plan would change, in words: for a request that was only to be checked.

use crate::record::{Change, Record};
use crate::resource::vco_route_entry::RouteId;
use crate::resource::vpn_connection::VpnConnection;
use crate::routing::{self, Route};
use crate::state::AccountState;

/// Of how many routes it is said what takes over. Each is compared with every route of its region.
const ROUTES_TOLD_MAX: usize = 10;

/// The kinds whose deletion is said in other words, or not at all.
const SAID_OTHERWISE: [&str; 3] = [Record::CLIENT_TOKEN, Record::VCO_ROUTE_ENTRY, Record::VPN_ROUTE_ENTRY];

/// Says what the changes would do to the state that they were planned at.
pub fn describe(state: &AccountState, changes: &[Change]) -> String {
    let mut sentences = Vec::new();
    for change in changes {
        match change {
            Change::Put(record) if record.kind() == Record::CLIENT_TOKEN => {}
            Change::Put(Record::VcoRouteEntry(route)) => {
                sentences.push(format!("It would write the route {}.", Route::from(route)));
            }
            Change::Put(Record::VpnRouteEntry(route)) => {
                sentences.push(format!("It would write the route {}.", Route::from(route)));
            }
            Change::Put(Record::VpnConnection(after)) => sentences.push(connection(state, after)),
            Change::Put(record) => {
                sentences.push(format!("It would write the {} {}.", record.kind(), record.id()))
            }
            Change::Delete { kind, .. } if SAID_OTHERWISE.contains(kind) => {}
            Change::Delete { kind, id } => sentences.push(format!("It would delete the {kind} {id}.")),
        }
    }
    sentences.extend(lost_routes(state, changes));
    if sentences.is_empty() { "It would change nothing.".to_owned() } else { sentences.join(" ") }
}

fn connection(state: &AccountState, after: &VpnConnection) -> String {
    let before = state.vpn_connection(&after.id);
    let detached = before.is_some_and(|before| before.attachment.is_some()) && after.attachment.is_none();
    let id = &after.id;
    if detached {
        let routes = state.vco_route_count(id);
        format!("It would detach {id}: none of its {routes} routes would be in force.")
    } else if before.is_some() {
        format!("It would change {id}.")
    } else {
        "It would create an IPsec-VPN connection.".to_owned()
    }
}

/// Which prefixes lose a route, and which route takes over.
fn lost_routes(state: &AccountState, changes: &[Change]) -> Vec<String> {
    let deleted: Vec<Route> = changes.iter().filter_map(|change| deleted_route(state, change)).collect();
    let mut sentences: Vec<String> = deleted
        .iter()
        .take(ROUTES_TOLD_MAX)
        .map(|route| lost_route(state, changes, &deleted, route))
        .collect();
    if deleted.len() > ROUTES_TOLD_MAX {
        sentences.push(format!("{} more routes would go.", deleted.len() - ROUTES_TOLD_MAX));
    }
    sentences
}

fn deleted_route(state: &AccountState, change: &Change) -> Option<Route> {
    match change {
        Change::Delete { kind: Record::VCO_ROUTE_ENTRY, id } => {
            let id: RouteId = id.parse().ok()?;
            state.vco_route(&id.connection, id.key).map(Route::from)
        }
        Change::Delete { kind: Record::VPN_ROUTE_ENTRY, id } => {
            state.vpn_route(&id.parse().ok()?).map(Route::from)
        }
        Change::Delete { .. } | Change::Put(_) => None,
    }
}

fn written_route(change: &Change) -> Option<Route> {
    match change {
        Change::Put(Record::VcoRouteEntry(route)) => Some(route.into()),
        Change::Put(Record::VpnRouteEntry(route)) => Some(route.into()),
        Change::Put(_) | Change::Delete { .. } => None,
    }
}

fn lost_route(state: &AccountState, changes: &[Change], deleted: &[Route], lost: &Route) -> String {
    let connection = state.vpn_connection(&lost.connection);
    let source = lost.of.policy.map(|policy| policy.source.addr());
    let stored = connection.into_iter().flat_map(|connection| {
        let owner = connection.domain_owner();
        let covering = |owner| routing::covering(state, &connection.region, owner, source, &lost.of.dest);
        owner.as_ref().map(covering).unwrap_or_default()
    });
    let written = changes.iter().filter_map(written_route);
    let next = stored
        .filter(|route| !deleted.contains(route))
        .chain(written.filter(|route| route.covers(source, &lost.of.dest)))
        .min_by(routing::preferred_first);
    let takes_over = match next {
        Some(route) => format!("the route {route} would take over"),
        None => "no other route would take over".to_owned(),
    };
    let from = lost.of.policy.map(|policy| format!(" from {}", policy.source)).unwrap_or_default();
    format!(
        "{}{from} would lose its route of weight {} over {}; {takes_over}.",
        lost.of.dest, lost.weight, lost.connection
    )
}

#[cfg(test)]
mod tests;
