//! The exchanges of an IKE SA: which message belongs to which, what is started when, and what time does.

pub(crate) mod auth;
pub(crate) mod create_child;
pub(crate) mod informational;
pub(crate) mod init;
pub(crate) mod rekey_ike;
pub(crate) mod timeout;

use std::time::Duration;

use crate::child::ChildState;
use crate::failure::{Failure, FailureKind};
use crate::fragments::Added;
use crate::message::contents::Contents;
use crate::message::notify::{Notify, NotifyKind};
use crate::message::payload::{Delete, ENCRYPTED_FRAGMENT, Payload};
use crate::message::{ExchangeType, Header, MessageError, parse_payloads};
use crate::nat::Path;
use crate::output::Level;
use crate::sa::{IkeSa, Pending, Request, State, Task};
use crate::shared::Shared;

/// What to answer to a request.
pub(crate) enum Reply {
    Payloads(Vec<Payload>),
    Error(Notify),
    /// INVALID_SYNTAX, which both sides take for the end of the IKE SA (2.21.3).
    Fatal,
    /// Not even an error.
    Nothing,
}

/// A protected message that claims to belong to this IKE SA.
pub(crate) fn on_message(
    shared: &mut Shared,
    sa: &mut IkeSa,
    path: Path,
    (header, first): (&Header, u8),
    bytes: &[u8],
) {
    let (spi_initiator, spi_responder) = sa.spis();
    let ours = (header.spi_initiator, header.spi_responder) == (spi_initiator, spi_responder);
    if !ours || header.from_initiator == sa.initiator {
        return;
    }
    if header.response {
        on_response(shared, sa, (header, first), bytes);
    } else {
        on_request(shared, sa, path, (header, first), bytes);
    }
}

fn on_request(shared: &mut Shared, sa: &mut IkeSa, path: Path, (header, first): (&Header, u8), bytes: &[u8]) {
    if let Some(answer) = sa.answer_to(header.id) {
        // All fragments of a repeated request are answered once, at the first (RFC 7383, 2.6.1).
        let again = match first {
            ENCRYPTED_FRAGMENT => sa.open_fragment(bytes).is_ok_and(|fragment| fragment.number == 1),
            _ => sa.open(first, bytes).is_ok(),
        };
        if again {
            answer.into_iter().for_each(|message| shared.out.transmit(path, message));
        }
        return;
    }
    let half_open = matches!(sa.state, State::HalfOpen(_));
    let may_ask = match sa.state {
        State::HalfOpen(_) => header.exchange == ExchangeType::Auth,
        State::Established | State::Replaced | State::Closing => true,
        State::InitSent(_) | State::AuthSent(_) | State::Closed | State::Gone => false,
    };
    if !may_ask || !sa.expects(header.id) {
        return;
    }
    let Some((kind, plain)) = receive(shared, sa, (header, first), bytes) else { return };
    sa.times.heard = shared.now;
    if half_open {
        sa.path = path;
    }
    follow(shared, sa, path);
    let reply = match parse_payloads(kind, &plain).and_then(Contents::of) {
        Ok(contents) => answer(shared, sa, header.exchange, &contents),
        Err(MessageError::UnsupportedCritical(kind)) => {
            Reply::Error(Notify::new(NotifyKind::UnsupportedCriticalPayload, &[kind]))
        }
        Err(_) => Reply::Fatal,
    };
    let (payloads, is_fatal) = match reply {
        Reply::Payloads(payloads) => (payloads, false),
        // Without an IKE_AUTH that can be read there is no going on.
        Reply::Error(notify) => (vec![Payload::Notify(notify)], matches!(sa.state, State::HalfOpen(_))),
        Reply::Fatal => (vec![Payload::Notify(Notify::new(NotifyKind::InvalidSyntax, &[]))], true),
        Reply::Nothing => return,
    };
    sa.respond(shared.sending(), path, header.exchange, &payloads);
    if is_fatal {
        on_malformed(shared, sa);
    }
}

/// An authentic request that makes no sense, or makes some only to others.
fn on_malformed(shared: &mut Shared, sa: &mut IkeSa) {
    let text = "peer sent a malformed request: the IKE SA is closed";
    let failure = Failure::new(FailureKind::Malformed, text);
    match sa.state {
        // Everybody can come as far as this.
        State::HalfOpen(_) => shared.stranger(None, &failure),
        _ => shared.failed(sa, Level::Error, failure),
    }
    shared.lost(sa, true);
}

/// Opens a message, or puts it together: gives the type of its first payload and all of them as soon as it is whole.
fn receive(
    shared: &mut Shared,
    sa: &mut IkeSa,
    (header, first): (&Header, u8),
    bytes: &[u8],
) -> Option<(u8, Vec<u8>)> {
    if first != ENCRYPTED_FRAGMENT {
        let whole = sa.open(first, bytes).ok()?;
        if header.response {
            sa.answer_parts.clear()
        } else {
            sa.request_parts.clear()
        }
        return Some(whole);
    }
    let fragment = sa.open_fragment(bytes).ok()?;
    let room = shared.room_for_parts(sa);
    let now = shared.now;
    let parts = if header.response { &mut sa.answer_parts } else { &mut sa.request_parts };
    match parts.add(header.id, fragment, now, room) {
        Added::Whole(kind, plain) => Some((kind, plain)),
        Added::Kept | Added::Dropped => None,
    }
}

fn answer(shared: &mut Shared, sa: &mut IkeSa, exchange: ExchangeType, contents: &Contents) -> Reply {
    match (&sa.state, exchange) {
        (State::HalfOpen(_), _) => return auth::on_request(shared, sa, contents),
        (State::Established, ExchangeType::CreateChild | ExchangeType::Informational) => {}
        (_, ExchangeType::CreateChild) => {
            return Reply::Error(Notify::new(NotifyKind::TemporaryFailure, &[]));
        }
        (_, ExchangeType::Informational) => {}
        _ => return Reply::Fatal,
    }
    let closes = contents.deletes.contains(&Delete::Ike);
    if !closes {
        rekey_ike::rival_is_used(shared, sa);
    }
    match exchange {
        ExchangeType::CreateChild => create_child::on_request(shared, sa, contents),
        _ => informational::on_request(shared, sa, contents),
    }
}

/// Answers and later requests go where an authentic packet came from, when translation is in play (2.23).
pub(crate) fn follow(shared: &mut Shared, sa: &mut IkeSa, path: Path) {
    if sa.nat.remote && !sa.nat.local && sa.path != path {
        sa.path = path;
        shared.moved(sa);
    }
}

fn on_response(shared: &mut Shared, sa: &mut IkeSa, (header, first): (&Header, u8), bytes: &[u8]) {
    let awaited = |pending: &Pending| pending.id == header.id && pending.exchange == header.exchange;
    if !sa.pending.as_ref().is_some_and(awaited) {
        return;
    }
    let Some((kind, plain)) = receive(shared, sa, (header, first), bytes) else { return };
    sa.times.heard = shared.now;
    let Some(pending) = sa.pending.take() else { return };
    if let Some((tunnel, took)) = sa.tunnel.zip(round_trip(shared, &pending)) {
        shared.tunnels.entry(tunnel).and_modify(|tunnel| tunnel.round_trip = Some(took));
    }
    let contents = match parse_payloads(kind, &plain).and_then(Contents::of) {
        Ok(contents) => contents,
        Err(error) => return on_unreadable(shared, sa, &error),
    };
    match pending.request {
        Request::Init => {}
        Request::Auth => auth::on_response(shared, sa, &contents),
        Request::Child(request) => create_child::on_response(shared, sa, *request, &contents),
        Request::RekeyIke(request) => rekey_ike::on_response(shared, sa, *request, &contents),
        Request::DeleteChildren(spis) => informational::on_deleted(shared, sa, &spis),
        Request::Close => sa.state = State::Gone,
        Request::Liveness => {}
    }
}

/// How long an answer took. Nothing is known where it is open which of several requests was answered, or where most of the
/// time goes into a key exchange.
fn round_trip(shared: &Shared, pending: &Pending) -> Option<Duration> {
    let is_short = matches!(pending.request, Request::Auth | Request::DeleteChildren(_) | Request::Liveness);
    let sent = pending.due.checked_sub(shared.limits.retransmit_after)?;
    (is_short && pending.sent == 1).then(|| shared.now.saturating_sub(sent))
}

/// An authentic answer that makes no sense: there is no going on with that peer (2.21.3).
fn on_unreadable(shared: &mut Shared, sa: &mut IkeSa, error: &MessageError) {
    let text = format!("peer sent an answer that cannot be read: {error}");
    shared.failed(sa, Level::Error, Failure::new(FailureKind::Malformed, text));
    match sa.state {
        State::Established | State::Replaced => shared.close(sa, Task::Close),
        _ => shared.lost(sa, false),
    }
}

/// Starts what waits, as long as no request is outstanding.
pub(crate) fn start_tasks(shared: &mut Shared, sa: &mut IkeSa) {
    while sa.pending.is_none() && matches!(sa.state, State::Established | State::Replaced | State::Closing) {
        let Some(task) = sa.tasks.pop_front() else { break };
        let established = sa.is_established();
        match task {
            Task::NewChild if established => create_child::start(shared, sa, None),
            Task::RekeyChild(spi) if established => create_child::start(shared, sa, Some(spi)),
            Task::DeleteChild(spi) if established => delete_child(shared, sa, spi),
            Task::RekeyIke if established => rekey_ike::start(shared, sa),
            Task::Liveness if established => {
                sa.request(shared.sending(), ExchangeType::Informational, &[], Request::Liveness);
            }
            Task::Close => close(shared, sa, Payload::Delete(Delete::Ike)),
            Task::RefuseAuthentication => {
                close(shared, sa, Payload::Notify(Notify::new(NotifyKind::AuthenticationFailed, &[])));
            }
            _ => {}
        }
    }
}

fn delete_child(shared: &mut Shared, sa: &mut IkeSa, spi: u32) {
    if let Some(child) = sa.children.get_mut(&spi) {
        if child.state == ChildState::Up
            && let Some(key) = sa.tunnel
        {
            shared.stop_using(key, spi);
        }
        child.state = ChildState::Deleting;
    }
    let payload = Payload::Delete(Delete::Esp(vec![spi]));
    sa.request(shared.sending(), ExchangeType::Informational, &[payload], Request::DeleteChildren(vec![spi]));
}

fn close(shared: &mut Shared, sa: &mut IkeSa, payload: Payload) {
    sa.state = State::Closing;
    sa.tasks.clear();
    sa.request(shared.sending(), ExchangeType::Informational, &[payload], Request::Close);
}

#[cfg(test)]
pub(crate) mod tests;
