//! The inverse of a change, planned at the state of now.
//!
//! Every member that the change set must still be as the change left it, and gets the value that it had before; what
//! others have changed beside it stays. The result is held to the rules that the operations by hand are held to
//! (`rules`).

use serde_json::Value;

use crate::catalogue;
use crate::error::ApiError;
use crate::ids::{Secret, VpnConnectionId};
use crate::record::{self, Record};
use crate::recorded_change::difference::{self, Member, SET_BY_EVERY_WRITE, is_secret};
use crate::recorded_change::{Effect, ROUTES, RecordedChange, Touched, connection_of, rules};
use crate::resource::vpn_connection::VpnConnection;
use crate::state::AccountState;
use crate::tx::Tx;

/// Plans the inverse of a change.
///
/// # Errors
///
/// `ConflictingChange` with the member that is no longer as the change left it, `OperationUnsupported.RevertChange` for
/// what cannot come back, `VpnConnection.Configuring` for a connection that is `updating`, and what the rules say.
pub fn plan(change: &RecordedChange, tx: &mut Tx<'_>) -> Result<(), ApiError> {
    for touched in &change.touched {
        let current = record::find(tx.state(), &touched.kind, &touched.id);
        match inverted(change, touched, current.as_ref(), tx)? {
            Some(record) => tx.put_record(record),
            None => {
                let kind = current.as_ref().map(Record::kind);
                if let Some(kind) = kind {
                    tx.delete_record(kind, touched.id.clone());
                }
            }
        }
    }
    rules::check(change, tx)?;
    for connection in programmed_anew(change, tx) {
        program_anew(&connection, tx)?;
    }
    Ok(())
}

/// The record as it was before the change, with what others have changed since in other members.
fn inverted(
    change: &RecordedChange,
    touched: &Touched,
    current: Option<&Record>,
    tx: &Tx<'_>,
) -> Result<Option<Record>, ApiError> {
    // The secrets of now are put into the same list, so that equal secrets have equal places.
    let mut secrets = change.secrets.clone();
    let image = current.map(|record| difference::image(record, &mut secrets));
    let mut wanted = image.clone();
    for member in &touched.members {
        let after = member.after.as_ref().map(difference::Json::value);
        if difference::get(image.as_ref(), &member.pointer) != after.as_ref() {
            return Err(conflict(tx.state(), change, touched, member, image.as_ref()));
        }
        let before = member.before.as_ref().map(difference::Json::value);
        if member.is_whole() {
            wanted = before;
        } else if !wanted.as_mut().is_some_and(|it| difference::set(it, &member.pointer, before)) {
            return Err(conflict(tx.state(), change, touched, member, image.as_ref()));
        }
    }
    wanted.map(|wanted| rebuilt(touched, wanted, current, &secrets, tx)).transpose()
}

/// A record from its image.
fn rebuilt(
    touched: &Touched,
    mut image: Value,
    current: Option<&Record>,
    secrets: &[Secret],
    tx: &Tx<'_>,
) -> Result<Record, ApiError> {
    for (_, pointer) in SET_BY_EVERY_WRITE.iter().filter(|(kind, _)| *kind == touched.kind) {
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        if difference::get(Some(&image), parent).is_some() {
            difference::set(&mut image, pointer, Some(0.into()));
        }
    }
    let unreadable = |_error| ApiError::new(&catalogue::INTERNAL_ERROR);
    let mut record = Record::from_json(&touched.kind, image.to_string().as_bytes()).map_err(unreadable)?;
    match (&mut record, current) {
        (Record::AccessKey(key), Some(Record::AccessKey(known))) => key.secret = known.secret.clone(),
        (record, _) => {
            if !difference::reveal(record, secrets) {
                let detail =
                    format!("The secret of the {} {} is not kept: make a new one.", touched.kind, touched.id);
                return Err(ApiError::new(&catalogue::CHANGE_NOT_REVERTIBLE).detail(detail));
            }
        }
    }
    match (&mut record, current) {
        (Record::VpnConnection(connection), Some(Record::VpnConnection(known))) => {
            set_generations(connection, Some(known), tx);
        }
        (Record::VpnConnection(connection), _) => set_generations(connection, None, tx),
        (Record::VpnGateway(gateway), _) => gateway.generation = tx.next_revision(),
        (Record::RamUser(user), _) => user.updated_ms = tx.now_ms(),
        _ => {}
    }
    Ok(record)
}

/// What is there again is new to the gateway; what only changes is so where the gateway has to do something about it.
fn set_generations(connection: &mut VpnConnection, known: Option<&VpnConnection>, tx: &Tx<'_>) {
    let next = tx.next_revision();
    connection.generation = match known {
        Some(known) if !is_programmed_otherwise(known, connection) => known.generation,
        _ => next,
    };
    let attached = known.and_then(|known| known.attachment.as_ref());
    if let Some(attachment) = &mut connection.attachment {
        let same = attached.filter(|known| known.id == attachment.id);
        attachment.generation = same.map_or(next, |known| known.generation);
    }
    let bound = known.and_then(|known| known.vpn_gateway.as_ref());
    if let Some(binding) = &mut connection.vpn_gateway {
        binding.generation = bound.map_or(next, |known| known.generation);
    }
}

fn is_programmed_otherwise(before: &VpnConnection, after: &VpnConnection) -> bool {
    before.concerns_the_gateway(after) || before.domain_owner() != after.domain_owner()
}

fn conflict(
    state: &AccountState,
    change: &RecordedChange,
    touched: &Touched,
    member: &Member,
    image: Option<&Value>,
) -> ApiError {
    let later = state.recorded_changes().rev().take_while(|later| later.revision > change.revision);
    let by = later
        .filter(|later| later.touched.iter().any(|it| it.kind == touched.kind && it.id == touched.id))
        .map(|later| format!(" The latest change of it is {} ({}).", later.request_id, later.action))
        .next();
    let now = difference::get(image, &member.pointer);
    let is = match (now, &member.after) {
        (Some(_), None) => "is there again".to_owned(),
        (None, Some(_)) => "is no longer there".to_owned(),
        (Some(now), Some(after)) if member.is_whole() => {
            format!("has another {}", first_difference(now, &after.value()))
        }
        (Some(now), _) if is_secret(&member.pointer, now) => "is another secret now".to_owned(),
        (now, after) => {
            let text = |value: Option<Value>| value.map_or_else(|| "nothing".to_owned(), |it| it.to_string());
            let after = text(after.as_ref().map(difference::Json::value));
            format!("is {} now, and the change left {after}", text(now.cloned()))
        }
    };
    let name = view_name(&member.pointer);
    let of = if name.is_empty() { String::new() } else { format!("{name} of ") };
    let detail = format!("{of}{} {} {is}.{}", touched.kind, touched.id, by.unwrap_or_default());
    ApiError::new(&catalogue::CONFLICTING_CHANGE).detail(detail)
}

/// The name of the first member in which two images of one record differ.
fn first_difference(now: &Value, after: &Value) -> String {
    let mut members = Vec::new();
    difference::differ(String::new(), Some(now), Some(after), &mut members);
    members.first().map(|member| view_name(&member.pointer)).unwrap_or_default()
}

/// How a member is named to people: as a client flattens it, such as `Tunnels.1.Ike.Psk`.
pub fn view_name(pointer: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    for part in pointer.split('/').skip(1) {
        // What people named themselves stays as they named it.
        let is_own = names.last().is_some_and(|parent| parent == "Tags" || parent == "Policies");
        let name = match part.parse::<usize>() {
            _ if is_own => part.replace("~1", "/").replace("~0", "~"),
            Ok(position) => (position + 1).to_string(),
            Err(_name) => part.split('_').map(capital).collect(),
        };
        names.push(name);
    }
    names.join(".")
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The connections that were there before and are there after, and of which something is programmed otherwise.
fn programmed_anew(change: &RecordedChange, tx: &Tx<'_>) -> Vec<VpnConnectionId> {
    let state = tx.state();
    let is_otherwise = |id: &VpnConnectionId| {
        let (before, after) = (state.vpn_connection(id), tx.find::<VpnConnection>(id));
        before.zip(after).is_some_and(|(before, after)| is_programmed_otherwise(before, after))
    };
    let mut connections = Vec::new();
    for touched in &change.touched {
        match touched.kind.as_str() {
            Record::VPN_CONNECTION if touched.effect() == Effect::Modified => {
                connections.extend(touched.id.parse::<VpnConnectionId>().ok().filter(is_otherwise));
            }
            kind if ROUTES.contains(&kind) => connections.extend(connection_of(&touched.id)),
            Record::CUSTOMER_GATEWAY if touched.members.iter().any(|it| it.pointer == "/auth_key") => {
                let users = touched.id.parse().ok();
                connections
                    .extend(users.iter().flat_map(|id| state.users_of(id)).map(|user| user.id.clone()));
            }
            _ => {}
        }
    }
    connections.retain(|id| state.vpn_connection(id).is_some());
    connections.sort();
    connections.dedup();
    connections
}

fn program_anew(id: &VpnConnectionId, tx: &mut Tx<'_>) -> Result<(), ApiError> {
    // One that goes does not wait: there is nothing left to wait for.
    let Some(connection) = tx.find::<VpnConnection>(id).cloned() else { return Ok(()) };
    if let Some(stored) = tx.state().vpn_connection(id) {
        stored.must_be_settled(tx.observations())?;
    }
    tx.touch(connection);
    Ok(())
}
