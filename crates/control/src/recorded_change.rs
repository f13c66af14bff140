//! What requests changed: who, when, from where, and the values before and after.
//!
//! # How it is kept, and why
//!
//! A change is a record like any other, written in the very commit that it tells of: there is none without the other.
//! Its id is the revision that the commit leads to, so that the order of ids is the order of events, and a page of a list
//! that begins at an id stays what it is, whatever comes later.
//!
//! Only the members that differ are kept ([`difference`]), as JSON text: of a route that was added the route, of a name
//! that was changed the two names. The generations that every write sets are not: a connection that was only touched
//! because of its route is not in it. So a write pays for the size of what it changes, however much is stored beside it,
//! and nothing that exists is in memory twice but for what was made or changed lately: a typical change takes half a
//! kilobyte, and the 10,000 that are kept by default take about five megabytes. Three bounds hold, in the configuration:
//! how many, how old, how many bytes; what is over them goes in the same commits, the oldest first.
//!
//! Secrets stand apart from the values, which name them by their place, and are sealed by the store like those of any
//! record; so a change of a pre-shared key can be undone, and a listing can never show one. The secret of an AccessKey is
//! not kept: a key that was deleted, perhaps because somebody else has it, stays deleted.

pub mod access;
pub mod difference;
pub mod inverse;
mod rules;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::account::Caller;
use crate::context::CallContext;
use crate::ids::{RegionId, RequestId, Secret, VpnConnectionId};
use crate::record::{self, Change, Record};
use crate::resource::vco_route_entry::RouteId;
use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_route_entry::VpnRouteId;
use crate::state::AccountState;

pub use difference::{Json, Member};

/// How many whose time is up are forgotten with a new one, so that no request pays for all.
const PRUNED_MAX: usize = 8;
/// When there are too many, so many are forgotten together, or one of a hundred if that is less. Neighbours are on
/// the same pages of the disk, so that to forget sixteen writes hardly more than to forget one.
const FORGOTTEN_TOGETHER: usize = 16;
/// What a change takes beside its texts, about, in bytes.
const FRAME_BYTES: usize = 200;

/// What one request changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedChange {
    /// The revision that it led to.
    pub revision: u64,
    /// The request.
    pub request_id: RequestId,
    /// When, in UNIX milliseconds.
    pub at_ms: i64,
    /// Who.
    pub caller: RecordedCaller,
    /// From where.
    pub source_ip: IpAddr,
    /// The operation.
    pub action: String,
    /// What it changed.
    pub touched: Vec<Touched>,
    /// The secrets that the values before and after name by their place.
    pub secrets: Vec<Secret>,
}

/// Who called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedCaller {
    /// The account itself, a RAM user or a role session.
    pub kind: CallerKind,
    /// The name of the RAM user, or those of the role and of the session with a slash between; empty for the account.
    pub name: String,
}

/// What kind of caller it was, in the words of `GetCallerIdentity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(inline)]
pub enum CallerKind {
    /// The account itself.
    Account,
    /// A RAM user.
    #[serde(rename = "RAMUser")]
    RamUser,
    /// Somebody with a role for a while.
    AssumedRoleUser,
}

/// One record that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// One of the kinds of [`Record`].
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Where it is, if it is in a region.
    pub region: Option<RegionId>,
    /// The members that differ.
    pub members: Vec<Member>,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Effect {
    /// It was made.
    Created,
    /// Members of it were changed.
    Modified,
    /// It was deleted.
    Deleted,
}

impl RecordedChange {
    /// The id of its record: ordered like the revisions.
    pub fn id(&self) -> String {
        Self::id_of(self.revision)
    }

    /// The id of the change that led to a revision.
    pub fn id_of(revision: u64) -> String {
        format!("{revision:016x}")
    }

    /// The revision that an id names.
    pub fn revision_of(id: &str) -> Option<u64> {
        u64::from_str_radix(id, 16).ok().filter(|revision| Self::id_of(*revision) == id)
    }

    /// How many bytes it takes, about.
    pub fn bytes(&self) -> usize {
        let touched = self.touched.iter().map(|touched| touched.bytes()).sum::<usize>();
        let secrets =
            self.secrets.iter().map(|secret| secret.expose().len() + FRAME_BYTES / 4).sum::<usize>();
        FRAME_BYTES + touched + secrets
    }
}

impl Touched {
    /// What became of it.
    pub fn effect(&self) -> Effect {
        match self.members.as_slice() {
            [whole] if whole.is_whole() && whole.before.is_none() => Effect::Created,
            [whole] if whole.is_whole() && whole.after.is_none() => Effect::Deleted,
            _ => Effect::Modified,
        }
    }

    /// Whether it is the resource of this id, or belongs to it, as a route belongs to its connection and to its VPN gateway.
    pub fn is_of(&self, resource: &str) -> bool {
        let belongs = match self.kind.as_str() {
            Record::VCO_ROUTE_ENTRY => connection_of(&self.id).is_some_and(|id| id.as_str() == resource),
            Record::VPN_ROUTE_ENTRY => self.id.parse().is_ok_and(|id: VpnRouteId| {
                id.key.next_hop.as_str() == resource || id.vpn_gateway.as_str() == resource
            }),
            _ => false,
        };
        belongs || self.id == resource
    }

    fn bytes(&self) -> usize {
        let members = self.members.iter().map(Member::bytes).sum::<usize>();
        FRAME_BYTES / 2 + self.kind.len() + self.id.len() + members
    }
}

impl From<&Caller> for RecordedCaller {
    fn from(caller: &Caller) -> Self {
        let (kind, name) = match caller {
            Caller::Root => (CallerKind::Account, String::new()),
            Caller::RamUser { name } => (CallerKind::RamUser, name.clone()),
            Caller::RoleSession { role, session, .. } => {
                (CallerKind::AssumedRoleUser, format!("{role}/{session}"))
            }
        };
        Self { kind, name }
    }
}

/// Adds to the changes of a request the record of them, and makes room for it.
pub fn record(state: &AccountState, context: &CallContext<'_>, action: &str, changes: &mut Vec<Change>) {
    let settings = context.settings;
    if settings.recorded_changes_max == 0 {
        return;
    }
    let mut secrets = Vec::new();
    let regions = regions(state, changes);
    let touch = |change| touch(state, &regions, change, &mut secrets);
    let touched: Vec<Touched> = changes.iter().filter_map(touch).collect();
    if touched.is_empty() {
        return;
    }
    let recorded = RecordedChange {
        revision: state.revision() + 1,
        request_id: context.request_id.clone(),
        at_ms: context.now_ms,
        caller: RecordedCaller::from(&context.caller),
        source_ip: context.source_ip,
        action: action.to_owned(),
        touched,
        secrets,
    };
    changes.extend(forgotten(state, context, recorded.bytes()));
    changes.push(Change::Put(Record::RecordedChange(Box::new(recorded))));
}

/// The kinds that nobody asked to change: what was answered, what was found and what was changed.
const NOT_RECORDED: [&str; 3] = [Record::CLIENT_TOKEN, Record::DIAGNOSIS, Record::RECORDED_CHANGE];

/// What one of the changes does to what is stored, unless that is nothing that anybody would see.
fn touch(
    state: &AccountState,
    regions: &BTreeMap<VpnConnectionId, RegionId>,
    change: &Change,
    secrets: &mut Vec<Secret>,
) -> Option<Touched> {
    let (kind, id, after) = match change {
        Change::Put(record) => (record.kind(), record.id(), Some(record)),
        Change::Delete { kind, id } => (*kind, id.clone(), None),
    };
    if NOT_RECORDED.contains(&kind) {
        return None;
    }
    if let Some(Record::VpnConnection(connection)) = after
        && is_only_touched(state, connection)
    {
        return None;
    }
    let before = record::find(state, kind, &id);
    // What was deleted before is only swept.
    if matches!((&before, after), (Some(Record::VpnGateway(gateway)), None) if gateway.is_deleted) {
        return None;
    }
    let members = difference::between(before.as_ref(), after, secrets);
    let region = || region_of(regions, before.as_ref().or(after)?);
    (!members.is_empty()).then(|| Touched { kind: kind.to_owned(), region: region(), id, members })
}

/// The usual case, found without writing JSON: the connection of a route that came or went.
fn is_only_touched(state: &AccountState, after: &VpnConnection) -> bool {
    state.vpn_connection(&after.id).is_some_and(|before| {
        let after = VpnConnection { generation: before.generation, ..after.clone() };
        after == *before
    })
}

/// The kinds of routes.
const ROUTES: [&str; 2] = [Record::VCO_ROUTE_ENTRY, Record::VPN_ROUTE_ENTRY];

/// The regions of the connections whose routes are changed, or that are.
fn regions(state: &AccountState, changes: &[Change]) -> BTreeMap<VpnConnectionId, RegionId> {
    let mut regions = BTreeMap::new();
    for change in changes {
        let id = match change {
            Change::Put(Record::VpnConnection(written)) => {
                regions.insert(written.id.clone(), written.region.clone());
                continue;
            }
            Change::Put(Record::VcoRouteEntry(route)) => Some(route.vpn_connection_id.clone()),
            Change::Put(Record::VpnRouteEntry(route)) => Some(route.next_hop.clone()),
            Change::Delete { kind, id } if ROUTES.contains(kind) => connection_of(id),
            Change::Put(_) | Change::Delete { .. } => None,
        };
        if let Some(stored) = id.and_then(|id| state.vpn_connection(&id)) {
            regions.insert(stored.id.clone(), stored.region.clone());
        }
    }
    regions
}

fn region_of(regions: &BTreeMap<VpnConnectionId, RegionId>, record: &Record) -> Option<RegionId> {
    match record {
        Record::CustomerGateway(gateway) => Some(gateway.region.clone()),
        Record::VpnConnection(connection) => Some(connection.region.clone()),
        Record::VpnGateway(gateway) => Some(gateway.region.clone()),
        Record::Vpc(vpc) => Some(vpc.region.clone()),
        Record::VSwitch(v_switch) => Some(v_switch.region.clone()),
        Record::TransitRouter(router) => Some(router.region.clone()),
        Record::VcoRouteEntry(route) => regions.get(&route.vpn_connection_id).cloned(),
        Record::VpnRouteEntry(route) => regions.get(&route.next_hop).cloned(),
        _ => None,
    }
}

/// What is to be forgotten so that there is room for one of so many bytes: the oldest.
fn forgotten(state: &AccountState, context: &CallContext<'_>, bytes: usize) -> Vec<Change> {
    let settings = context.settings;
    let mut count = state.recorded_change_count() + 1;
    let mut total = state.recorded_bytes().saturating_add(bytes);
    let born_after = context.now_ms.saturating_sub(settings.recorded_change_age_ms_max);
    let is_too_much =
        |count, total| count > settings.recorded_changes_max || total > settings.recorded_bytes_max;
    let together = if is_too_much(count, total) { FORGOTTEN_TOGETHER.min(count / 100) } else { 0 };
    let mut gone = Vec::new();
    for change in state.recorded_changes() {
        let too_old = change.at_ms < born_after && gone.len() < PRUNED_MAX;
        if !is_too_much(count, total) && !too_old && gone.len() >= together {
            break;
        }
        count -= 1;
        total = total.saturating_sub(change.bytes());
        gone.push(Change::Delete { kind: Record::RECORDED_CHANGE, id: change.id() });
    }
    gone
}

/// The connection that a route belongs to, or points to.
fn connection_of(route: &str) -> Option<VpnConnectionId> {
    let of_connection = route.parse::<RouteId>().ok().map(|route| route.connection);
    of_connection.or_else(|| route.parse::<VpnRouteId>().ok().map(|route| route.key.next_hop))
}

#[cfg(test)]
mod tests;
