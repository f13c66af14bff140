//! What time does to an ISAKMP SA: retransmission, replacement, expiry, dead peer detection, keepalives.

use std::net::SocketAddrV4;
use std::time::Duration;

use crate::config::IkeVersion;
use crate::failure::{Failure, FailureKind};
use crate::output::Level;
use crate::shared::Shared;
use crate::v1::main_mode::config_of;
use crate::v1::phase1::failed;
use crate::v1::sa::{Phase1, State, Step};
use crate::v1::{informational, initiate, phase2, quick_mode};

/// How long to wait before trying once more to replace an ISAKMP SA.
const REPLACE_WAIT_MAX: Duration = Duration::from_secs(120);
const REPLACE_WAIT_MIN: Duration = Duration::from_secs(1);

/// How often message 5 is sent before we say what is probably wrong.
const UNANSWERED: u32 = 4;

/// Does what is due.
pub(crate) fn on_timeout(shared: &mut Shared, sa: &mut Phase1) {
    let now = shared.now;
    let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
    if is_due(sa.times.expire) {
        return on_expired(shared, sa);
    }
    if is_due(sa.resend.as_ref().map(|resend| resend.due)) {
        let initiator = sa.initiator;
        match sa.resend.as_mut().and_then(|resend| resend.again(now, &shared.limits)) {
            Some(message) => {
                sa.times.sent = now;
                shared.out.transmit(sa.path, message);
                suspect(shared, sa);
            }
            None if initiator => return on_silence(shared, sa),
            // The initiator may yet ask again, until the time for that is over.
            None => sa.resend = None,
        }
    }
    if is_due(sa.times.rekey) {
        replace(shared, sa);
    }
    let config = config_of(shared, sa);
    if is_due(sa.liveness_due(config.as_deref(), &shared.limits)) && !informational::ask(shared, sa) {
        return on_dead_peer(shared, sa);
    }
    quick_mode::on_timeout(shared, sa);
    if is_due(sa.keepalive_due(&shared.limits)) {
        sa.times.sent = now;
        shared.out.keepalive(sa.path);
    }
}

/// A peer that has answered twice and does not answer message 5 most likely cannot read it, and is not likely to say so.
fn suspect(shared: &mut Shared, sa: &mut Phase1) {
    let unanswered = matches!(&sa.state, State::Handshake(Step::MainSent5, _));
    if unanswered && sa.resend.as_ref().is_some_and(|resend| resend.sent() == UNANSWERED) {
        let failure = silence(Step::MainSent5, sa.path.remote);
        failed(shared, sa, Level::Warning, failure);
    }
}

/// Begins the ISAKMP SA that takes this one's place, and looks again later whether that has worked.
fn replace(shared: &mut Shared, sa: &mut Phase1) {
    let expire = sa.times.expire.unwrap_or(shared.now);
    // Not ever shorter waits as the end comes near.
    let again = shared.soon(expire, REPLACE_WAIT_MAX).max(shared.now + REPLACE_WAIT_MIN);
    sa.times.rekey = Some(again);
    let (Some(config), Some(key)) = (config_of(shared, sa), sa.tunnel) else { return };
    let IkeVersion::V1(mode) = config.version else { return };
    let siblings = shared.tunnels.get(&key).into_iter().flat_map(|tunnel| &tunnel.sas);
    let mut siblings = siblings.filter_map(|spi| shared.v1.sas.get(spi));
    let under_way = siblings.any(|other| other.initiator && matches!(other.state, State::Handshake(..)));
    if !under_way && !config.remote.is_unspecified() {
        initiate(shared, key, mode, Some(sa.path));
    }
}

fn on_expired(shared: &mut Shared, sa: &mut Phase1) {
    if sa.is_established() {
        let text = "the IKE SA's lifetime ended before another one had taken its place";
        failed(shared, sa, Level::Warning, Failure::new(FailureKind::LifetimeEnded, text));
    }
    if sa.has_keys_of_phase2() {
        informational::delete_isakmp(shared, sa);
    }
    informational::ended(shared, sa);
}

/// The peer has not answered a message of phase 1, as often as it was sent.
fn on_silence(shared: &mut Shared, sa: &mut Phase1) {
    let remote = sa.path.remote;
    let failure = match &sa.state {
        State::Handshake(_, handshake) if handshake.refusal.is_some() => None,
        State::Handshake(step, _) if sa.initiator => Some(silence(*step, remote)),
        _ => None,
    };
    if let Some(failure) = failure {
        failed(shared, sa, Level::Warning, failure);
    }
    sa.state = State::Gone;
}

fn silence(step: Step, remote: SocketAddrV4) -> Failure {
    let to = match step {
        Step::MainSent1 | Step::MainAnswered1 => "message 1 of main mode",
        Step::MainSent3 | Step::MainAnswered3 => "message 3 of main mode",
        Step::MainSent5 => {
            "message 5 of main mode, which tells who we are: the pre-shared key does not match, or our identity"
        }
        Step::AggressiveSent1 | Step::AggressiveAnswered1 => "message 1 of aggressive mode",
    };
    let kind = match step {
        Step::MainSent5 => FailureKind::PreSharedKey,
        _ => FailureKind::PeerUnreachable,
    };
    Failure::new(kind, format!("no answer from {remote} to {to}"))
}

/// The peer does not say that it is alive: all that there is with it is given up.
fn on_dead_peer(shared: &mut Shared, sa: &mut Phase1) {
    let text = format!("peer {} does not answer any more: its SAs are given up", sa.path.remote);
    failed(shared, sa, Level::Warning, Failure::new(FailureKind::PeerUnreachable, text));
    let (Some(key), lived) = (sa.tunnel, shared.now.saturating_sub(sa.times.established)) else { return };
    sa.state = State::Gone;
    let limits = shared.limits.clone();
    let siblings = shared.tunnels.get_mut(&key).map(|tunnel| {
        tunnel.retry.held(lived, &limits);
        tunnel.sas.clone()
    });
    for spi in siblings.unwrap_or_default().into_iter().filter(|spi| *spi != sa.spi) {
        shared.with_phase1(spi, |_, other| {
            if other.has_keys_of_phase2() {
                other.state = State::Gone;
            }
        });
    }
    phase2::drop_all(shared, key);
}
