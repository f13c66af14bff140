//! What a plan would change, in words: for a request that was only to be checked.

use std::collections::BTreeSet;

use crate::record::{Change, Record, Stored};
use crate::resource::vco_route_entry::RouteId;
use crate::resource::vpn_connection::VpnConnection;
use crate::routing::{self, name};
use crate::state::AccountState;

/// Of how many routes it is said what takes over. Each is compared with every route of its region.
const ROUTES_TOLD_MAX: usize = 10;

/// Says what the changes would do to the state that they were planned at.
pub fn describe(state: &AccountState, changes: &[Change]) -> String {
    let mut sentences = Vec::new();
    for change in changes {
        match change {
            Change::Put(record) if record.kind() == Record::CLIENT_TOKEN => {}
            Change::Put(Record::VcoRouteEntry(route)) => {
                sentences.push(format!("It would write the route {}.", name(route)));
            }
            Change::Put(Record::VpnConnection(after)) => sentences.push(connection(state, after)),
            Change::Put(record) => {
                sentences.push(format!("It would write the {} {}.", record.kind(), record.id()))
            }
            Change::Delete { kind, .. } if [Record::CLIENT_TOKEN, Record::VCO_ROUTE_ENTRY].contains(kind) => {
            }
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
    let deleted: BTreeSet<RouteId> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Delete { kind, id } if *kind == Record::VCO_ROUTE_ENTRY => id.parse().ok(),
            Change::Delete { .. } | Change::Put(_) => None,
        })
        .collect();
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

fn lost_route(
    state: &AccountState,
    changes: &[Change],
    deleted: &BTreeSet<RouteId>,
    lost: &RouteId,
) -> String {
    let written = changes.iter().filter_map(|change| match change {
        Change::Put(Record::VcoRouteEntry(route)) => Some(route),
        Change::Put(_) | Change::Delete { .. } => None,
    });
    let connection = state.vpn_connection(&lost.connection);
    let stored = connection.into_iter().flat_map(|connection| {
        let owner = connection.domain_owner();
        let covering = |owner| routing::covering(state, &connection.region, owner, &lost.key.route_dest);
        owner.as_ref().map(covering).unwrap_or_default()
    });
    let next = stored
        .filter(|route| !deleted.contains(&route.id()))
        .chain(written.filter(|route| route.route_dest.contains(&lost.key.route_dest)))
        .min_by(|a, b| routing::preferred_first(a, b));
    let takes_over = match next {
        Some(route) => format!("the route {} would take over", name(route)),
        None => "no other route would take over".to_owned(),
    };
    format!(
        "{} would lose its route of weight {} over {}; {takes_over}.",
        lost.key.route_dest, lost.key.weight, lost.connection
    )
}

#[cfg(test)]
mod tests;
