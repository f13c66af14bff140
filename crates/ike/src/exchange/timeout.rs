//! What time does to an IKE SA: retransmission, rekeying, expiry, liveness, keepalives.

use std::time::Duration;

use crate::child::ChildState;
use crate::exchange::create_child::REPLACED_MAX;
use crate::failure::{Failure, FailureKind};
use crate::output::Level;
use crate::sa::{IkeSa, Request, State, Task};
use crate::shared::Shared;

/// When to try again to authenticate anew, if that has failed.
pub(crate) const REAUTHENTICATE_AGAIN: Duration = Duration::from_secs(30);
/// A moment that does not come.
const NEVER: Duration = Duration::MAX;

/// Does what is due.
pub(crate) fn on_timeout(shared: &mut Shared, sa: &mut IkeSa) {
    let now = shared.now;
    let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
    if is_due(sa.times.expire) {
        return on_expired(shared, sa);
    }
    if sa.pending.as_ref().is_some_and(|pending| pending.due <= now) && !sa.retransmit(shared.sending()) {
        return on_silence(shared, sa);
    }
    if is_due(sa.parts_expire(&shared.limits)) {
        sa.request_parts.clear();
        sa.answer_parts.clear();
    }
    if is_due(sa.times.rekey) {
        sa.times.rekey = None;
        sa.enqueue(Task::RekeyIke);
    }
    if is_due(sa.times.child_retry) {
        sa.times.child_retry = None;
        sa.enqueue(Task::NewChild);
    }
    if is_due(sa.times.reauthenticate) {
        sa.times.reauthenticate = Some(now + REAUTHENTICATE_AGAIN);
        reauthenticate(shared, sa);
    }
    if is_due(sa.times.redundant) {
        sa.times.redundant = None;
        drop_redundant(shared, sa);
    }
    age_children(shared, sa);
    let config = shared.config_of(sa);
    if is_due(sa.liveness_due(config.as_deref(), &shared.limits)) {
        sa.enqueue(Task::Liveness);
    }
    if is_due(sa.keepalive_due(&shared.limits)) {
        sa.times.sent = now;
        shared.out.keepalive(sa.path);
    }
}

fn on_expired(shared: &mut Shared, sa: &mut IkeSa) {
    let asks = matches!(sa.pending.as_ref().map(|pending| &pending.request), Some(Request::RekeyIke(_)));
    // What is asked before it cannot take longer than until the peer is given up.
    let rekeys = asks || (sa.pending.is_some() && sa.tasks.contains(&Task::RekeyIke));
    match sa.state {
        // The peer may have made the new IKE SA already, and moved the children there.
        State::Established if rekeys => sa.times.expire = Some(shared.now + shared.limits.linger),
        State::Established => {
            let text = "the IKE SA's lifetime ended before it was rekeyed";
            shared.failed(sa, Level::Warning, Failure::new(FailureKind::LifetimeEnded, text));
            shared.close(sa, Task::Close);
        }
        State::Replaced => shared.close(sa, Task::Close),
        _ => shared.lost(sa, false),
    }
}

/// The peer has not answered, as often as it was asked.
fn on_silence(shared: &mut Shared, sa: &mut IkeSa) {
    let remote = sa.path.remote;
    let text = match &sa.state {
        State::InitSent(init) if init.was_refused() => None,
        State::InitSent(_) => Some(format!("no answer from {remote} to IKE_SA_INIT")),
        State::AuthSent(_) => Some(format!("no answer from {remote} to IKE_AUTH")),
        State::Established => Some(format!("peer {remote} does not answer any more: its SAs are given up")),
        _ => None,
    };
    if let Some(text) = text {
        shared.failed(sa, Level::Warning, Failure::new(FailureKind::PeerUnreachable, text));
    }
    if let Some(Request::RekeyIke(_)) = sa.pending.as_ref().map(|pending| &pending.request) {
        super::rekey_ike::concede(shared, sa);
    }
    shared.lost(sa, false);
}

fn age_children(shared: &mut Shared, sa: &mut IkeSa) {
    let now = shared.now;
    let mut tasks = Vec::new();
    let mut reauthenticates = false;
    for (spi, child) in &mut sa.children {
        if child.reauthenticate_at.is_some_and(|at| at <= now) {
            let is_up = child.state == ChildState::Up;
            child.reauthenticate_at = is_up.then_some(now + REAUTHENTICATE_AGAIN);
            reauthenticates |= is_up;
        }
        if child.expire_at <= now {
            child.expire_at = NEVER;
            (child.rekey_at, child.reauthenticate_at) = (None, None);
            if child.state != ChildState::Deleting {
                tasks.push(Task::DeleteChild(*spi));
            }
        } else if child.rekey_at.is_some_and(|at| at <= now) {
            child.rekey_at = None;
            tasks.push(Task::RekeyChild(*spi));
        }
    }
    for task in tasks {
        sa.enqueue(task);
    }
    if reauthenticates {
        begin_successor(shared, sa);
    }
}

/// Begins another IKE SA for the child that comes with it, because the peer makes none in this one (4), unless there is one
/// already or it is not for us to begin. When it is up, this one is closed.
pub(crate) fn begin_successor(shared: &mut Shared, sa: &IkeSa) {
    let Some((key, tunnel)) = sa.tunnel.and_then(|key| Some((key, shared.tunnels.get(&key)?))) else {
        return;
    };
    let mut others = tunnel.sas.iter().filter_map(|spi| shared.sas.get(spi));
    let has_successor = others.any(|other| other.is_live() && other.times.created > sa.times.established);
    if sa.is_established() && tunnel.initiates() && !has_successor {
        let text = "the peer makes no other child SA in this IKE SA: another IKE SA is begun".to_owned();
        shared.log(sa.tunnel, Level::Info, text);
        super::init::initiate(shared, key);
    }
}

/// Begins another IKE SA. When it is up, and has a child, this one is closed.
fn reauthenticate(shared: &mut Shared, sa: &IkeSa) {
    let Some(key) = sa.tunnel.filter(|_| sa.is_established()) else { return };
    shared.log(sa.tunnel, Level::Info, "authenticating again, as the peer wants".to_owned());
    super::init::initiate(shared, key);
}

/// A tunnel needs one IKE SA. Of those that both sides began at once one goes, and those that were there before go as well.
fn drop_redundant(shared: &mut Shared, sa: &mut IkeSa) {
    if !sa.is_established() || sa.rival_of.is_some() {
        return;
    }
    // By now the peer has got our answer to IKE_AUTH, or given up. What replaces a child waits for the peer to say so.
    shared.children_ready(sa, |spi| sa.first_child == Some(spi));
    let Some(tunnel) = sa.tunnel.and_then(|key| shared.tunnels.get(&key)) else { return };
    let others = tunnel.sas.iter().filter_map(|spi| shared.sas.get(spi));
    let others = others.filter(|other| other.is_established() && other.rival_of.is_none());
    let (rivals, earlier): (Vec<&IkeSa>, Vec<&IkeSa>) = others.partition(|other| at_once(sa, other));
    let earlier = earlier.into_iter().filter(|other| other.times.established < sa.times.established);
    let earlier: Vec<u64> = earlier.map(|other| other.spi).collect();
    let lowest = rivals.into_iter().min_by(|a, b| a.lowest_nonce.cmp(&b.lowest_nonce));
    let lowest = lowest.map(|other| (other.spi, other.initiator, other.lowest_nonce.clone()));
    close_earlier(shared, sa, &earlier);
    if let Some(lowest) = lowest {
        close_lowest(shared, sa, lowest);
    }
}

/// Whether each was begun before the other was established.
fn at_once(one: &IkeSa, other: &IkeSa) -> bool {
    one.times.created <= other.times.established && other.times.created <= one.times.established
}

/// The peer, or we, have authenticated again: who began the new IKE SA deletes what it replaces (2.8.3).
fn close_earlier(shared: &mut Shared, sa: &mut IkeSa, earlier: &[u64]) {
    let patience = sa.times.established + REPLACED_MAX;
    if earlier.is_empty() || !sa.has_child() {
        return;
    }
    if !sa.initiator && shared.now < patience {
        sa.times.redundant = Some(patience);
        return;
    }
    for spi in earlier {
        shared.log(
            sa.tunnel,
            Level::Info,
            "a newer IKE SA has taken the place of one: it is closed".to_owned(),
        );
        shared.with_sa(*spi, |shared, other| shared.close_replaced(other));
    }
}

/// Of several IKE SAs that both sides began at once, the one with the lowest nonce goes, by the same rule as for rekeying: who
/// began it deletes it.
fn close_lowest(shared: &mut Shared, sa: &mut IkeSa, lowest: (u64, bool, Vec<u8>)) {
    let text = "both sides initiated: the redundant IKE SA is closed".to_owned();
    let (spi, is_ours, nonce) = lowest;
    if sa.lowest_nonce < nonce {
        if sa.initiator {
            shared.log(sa.tunnel, Level::Info, text);
            shared.close_replaced(sa);
        }
    } else if is_ours {
        shared.log(sa.tunnel, Level::Info, text);
        shared.with_sa(spi, |shared, other| shared.close_replaced(other));
        sa.times.redundant = Some(shared.now + shared.limits.linger);
    }
}
