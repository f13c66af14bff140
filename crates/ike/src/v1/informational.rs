//! Informational exchanges (RFC 2409, 5.7): deletes, notifications, and dead peer detection (RFC 3706). Nothing of it is
//! acknowledged but the question whether one is alive.

use crate::config::TunnelKey;
use crate::failure::{Failure, FailureKind, Negotiated};
use crate::nat::Path;
use crate::output::Level;
use crate::shared::Shared;
use crate::v1::Received;
use crate::v1::cipher::{decrypt, seal};
use crate::v1::keys::is_same;
use crate::v1::main_mode::config_of;
use crate::v1::message::contents::Contents;
use crate::v1::message::notify::{
    AUTHENTICATION_FAILED, Delete, INITIAL_CONTACT, NO_PROPOSAL_CHOSEN, Notify, R_U_THERE, R_U_THERE_ACK,
};
use crate::v1::message::{ExchangeType, Payload};
use crate::v1::phase1::{STARTED_ANEW, failed, plain, refused};
use crate::v1::sa::{Phase1, State};
use crate::v1::{phase2, quick_mode};

/// An informational message arrives.
pub(crate) fn on_message(shared: &mut Shared, sa: &mut Phase1, received: Received<'_>) {
    if !received.header.encrypted {
        return on_unprotected(shared, sa, &received);
    }
    let id = received.header.id;
    let Some(keys) = &sa.keys else { return };
    let vector = keys.phase2_vector(&sa.vector, id);
    let Ok(decrypted) = decrypt(keys.cipher(), &vector, received.first, received.body) else { return };
    let hash = keys.hash_1(id, decrypted.after_hash());
    let Ok(contents) = Contents::of(decrypted.payloads) else { return };
    if !contents.hash_is_first || !is_same(contents.hash.as_ref(), &hash) || !sa.is_new(id) {
        return;
    }
    match sa.state {
        State::Handshake(..) => on_refusal(shared, sa, &contents),
        State::Established | State::Replaced => {
            follow(shared, sa, received.path);
            on_contents(shared, sa, &contents);
        }
        State::Gone => {}
    }
}

/// Anybody could have written it. It may say why we get no answer, and can do no more.
fn on_unprotected(shared: &mut Shared, sa: &mut Phase1, received: &Received<'_>) {
    if !sa.initiator || received.path.remote.ip() != sa.path.remote.ip() {
        return;
    }
    let Some(contents) = plain(received) else { return };
    on_refusal(shared, sa, &contents);
}

fn on_refusal(shared: &mut Shared, sa: &mut Phase1, contents: &Contents) {
    let (Some(config), Some(notify)) = (config_of(shared, sa), contents.error()) else { return };
    let (kind, text) = match (notify.kind, &sa.keys) {
        (NO_PROPOSAL_CHOSEN, None) => (
            FailureKind::Proposal { of: Negotiated::Ike, items: Vec::new() },
            format!(
                "peer refused our IKE proposal {} ({notify}): its encryption, hash, DH group or mode differs, or it knows no tunnel \
             with {}; its log says which",
                config.ike, config.local
            ),
        ),
        (AUTHENTICATION_FAILED, _) | (_, Some(_)) => (
            FailureKind::AuthenticationRefused,
            format!(
                "peer refused our authentication ({notify}): the pre-shared key does not match, the mode differs, or it does not \
             expect us to be {} or itself to be {}",
                config.local_id, config.remote_id
            ),
        ),
        _ => (FailureKind::Refused, format!("peer refused the IKE SA: {notify}")),
    };
    refused(shared, sa, Failure::new(kind, text));
}

/// Answers and later messages go where an authentic message came from, when translation is in play.
pub(crate) fn follow(shared: &mut Shared, sa: &mut Phase1, path: Path) {
    if sa.nat.remote && !sa.nat.local && sa.path != path {
        sa.path = path;
        if let Some(key) = sa.tunnel {
            phase2::moved(shared, sa, key);
        }
    }
}

fn on_contents(shared: &mut Shared, sa: &mut Phase1, contents: &Contents) {
    for notify in &contents.notifies {
        match (notify.kind, notify.sequence(), sa.tunnel) {
            (R_U_THERE, Some(sequence), _) => on_question(shared, sa, sequence),
            (R_U_THERE_ACK, Some(sequence), _) if sequence == sa.liveness.asked => {
                sa.times.heard = shared.now;
                note_round_trip(shared, sa);
                sa.liveness.waiting = None;
            }
            (INITIAL_CONTACT, _, Some(key)) if !sa.initiator => starts_anew(shared, sa, key),
            _ if notify.is_error() => quick_mode::on_refusal(shared, sa, notify),
            _ => {}
        }
    }
    for delete in &contents.deletes {
        match (delete, sa.tunnel) {
            (Delete::Esp(spis), Some(key)) => {
                quick_mode::conclude(shared, sa, key, spis);
                phase2::on_delete(shared, key, spis);
            }
            (Delete::Isakmp(cookies), _) => on_delete(shared, sa, cookies),
            _ => {}
        }
    }
}

/// The peer has no children but those under this ISAKMP SA. What was not asked for because there was a child is asked for now.
fn starts_anew(shared: &mut Shared, sa: &Phase1, key: TunnelKey) {
    if phase2::forget_before(shared, key, sa.times.created) {
        shared.log(Some(key), Level::Info, STARTED_ANEW.to_owned());
        phase2::on_bearer(shared, sa, key);
    }
}

/// The peer has answered: how long did that take, if it was asked once?
fn note_round_trip(shared: &mut Shared, sa: &Phase1) {
    let Some((1, again)) = sa.liveness.waiting else { return };
    let limits = &shared.limits;
    let sent = again.saturating_sub(limits.retransmit_after.min(limits.retransmit_after_max));
    let took = shared.now.saturating_sub(sent);
    if let Some(tunnel) = sa.tunnel.and_then(|key| shared.tunnels.get_mut(&key)) {
        tunnel.round_trip = Some(took);
    }
}

/// The peer asks whether we are alive, and so is itself, unless somebody repeats an old question.
fn on_question(shared: &mut Shared, sa: &mut Phase1, sequence: u32) {
    if sa.liveness.answered.is_none_or(|last| sequence.wrapping_sub(last) as i32 > 0) {
        sa.liveness.answered = Some(sequence);
        sa.times.heard = shared.now;
        sa.liveness.waiting = None;
        // Nothing proves the vendor id that says so: somebody on the way may have taken it out. The question is proven.
        sa.abilities.dead_peer_detection = true;
    }
    let answer = Notify::about_isakmp(R_U_THERE_ACK, sa.cookies(), &sequence.to_be_bytes());
    notify(shared, sa, answer);
    delete_esp(shared, sa, quick_mode::given_up(sa));
}

/// The peer deletes ISAKMP SAs: this one, or others of the same tunnel.
fn on_delete(shared: &mut Shared, sa: &mut Phase1, cookies: &[(u64, u64)]) {
    let siblings = sa.tunnel.and_then(|key| shared.tunnels.get(&key)).map(|tunnel| tunnel.sas.clone());
    for spi in siblings.unwrap_or_default().into_iter().filter(|spi| *spi != sa.spi) {
        shared.with_phase1(spi, |_, other| {
            if cookies.contains(&other.cookies()) {
                other.state = State::Gone;
            }
        });
    }
    if cookies.contains(&sa.cookies()) {
        if sa.is_established() {
            let failure = Failure::new(FailureKind::ClosedByPeer, "peer closed the IKE SA");
            failed(shared, sa, Level::Info, failure);
        }
        ended(shared, sa);
    }
}

/// An ISAKMP SA is over; if it was the last one, its tunnel has to see to another.
pub(crate) fn ended(shared: &mut Shared, sa: &mut Phase1) {
    let (was_established, lived) = (sa.is_established(), shared.now.saturating_sub(sa.times.established));
    sa.state = State::Gone;
    let Some(key) = sa.tunnel.filter(|key| was_established && phase2::bearer(shared, *key).is_none()) else {
        return;
    };
    let limits = shared.limits.clone();
    if let Some(tunnel) = shared.tunnels.get_mut(&key) {
        tunnel.retry.held(lived, &limits);
    }
    phase2::on_no_bearer(shared, key);
}

/// Sends one payload in an exchange of its own.
fn send(shared: &mut Shared, sa: &mut Phase1, payload: Payload) {
    let Some(id) = quick_mode::new_id(shared, sa) else { return };
    let Some(keys) = &sa.keys else { return };
    let mut vector = keys.phase2_vector(&sa.vector, id);
    let header = sa.header(ExchangeType::Informational, true, id);
    let message = seal(keys.cipher(), &mut vector, &header, |rest| keys.hash_1(id, rest), vec![payload]);
    sa.times.sent = shared.now;
    shared.out.transmit(sa.path, message);
}

/// Sends a notification.
pub(crate) fn notify(shared: &mut Shared, sa: &mut Phase1, notify: Notify) {
    send(shared, sa, notify.payload());
}

/// Tells the peer that an ISAKMP SA is deleted.
pub(crate) fn delete_isakmp(shared: &mut Shared, sa: &mut Phase1) {
    let delete = Delete::Isakmp(vec![sa.cookies()]);
    send(shared, sa, delete.payload());
}

/// Tells the peer that children are deleted, by our SPIs.
pub(crate) fn delete_children(shared: &mut Shared, key: TunnelKey, spis: &[u32]) {
    let Some(bearer) = phase2::bearer(shared, key) else { return };
    shared.with_phase1(bearer, |shared, sa| delete_esp(shared, sa, spis.to_vec()));
}

/// The same, under this ISAKMP SA.
pub(crate) fn delete_esp(shared: &mut Shared, sa: &mut Phase1, spis: Vec<u32>) {
    if !spis.is_empty() {
        send(shared, sa, Delete::Esp(spis).payload());
    }
}

/// Asks whether the peer is alive; false if it was asked often enough.
pub(crate) fn ask(shared: &mut Shared, sa: &mut Phase1) -> bool {
    let asked = sa.liveness.waiting.map_or(0, |(asked, _)| asked);
    if asked > shared.limits.retransmissions_max {
        return false;
    }
    if asked == 0 {
        let mut bytes = [0; 4];
        shared.random.fill(&mut bytes);
        // Below half of the range, and each one more than the last (RFC 3706, 6.2).
        let first = u32::from_be_bytes(bytes) >> 1;
        sa.liveness.asked = if sa.liveness.asked == 0 { first } else { sa.liveness.asked.wrapping_add(1) };
    }
    let wait = shared.limits.retransmit_after.saturating_mul(1 << asked.min(16));
    let again = shared.now + wait.min(shared.limits.retransmit_after_max);
    sa.liveness.waiting = Some((asked + 1, again));
    let question = Notify::about_isakmp(R_U_THERE, sa.cookies(), &sa.liveness.asked.to_be_bytes());
    notify(shared, sa, question);
    true
}

/// The peer has not answered something else: is it there, and does it know this ISAKMP SA?
pub(crate) fn doubt(shared: &mut Shared, sa: &mut Phase1) {
    if !sa.is_established() {
        return;
    }
    let may_ask = sa.abilities.dead_peer_detection;
    let asks = config_of(shared, sa).is_some_and(|config| config.dpd && may_ask);
    if !asks {
        // There is no other way to find out than to begin anew.
        delete_isakmp(shared, sa);
        ended(shared, sa);
    } else if sa.liveness.waiting.is_none() {
        ask(shared, sa);
    }
}
