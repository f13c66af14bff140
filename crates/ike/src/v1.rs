//! IKEv1 (RFC 2407, 2408, 2409) with pre-shared keys: main and aggressive mode, quick mode with and without perfect forward
//! secrecy, address translation (RFC 3947 and the drafts before it), dead peer detection (RFC 3706).
//!
//! # The pieces
//!
//! - [`sa::Phase1`] is one ISAKMP SA, by our cookie: its state, its keys, the message it sends until it is answered, and the
//!   exchanges of phase 2 that are under its protection. [`phase1`] is what its two modes share, [`main_mode`] and
//!   [`aggressive`] what they do not.
//! - [`phase2::Phase2`] is what a tunnel has of phase 2: the pairs of networks that it wants, and its children. They belong to the
//!   tunnel and not to an ISAKMP SA, and outlive the one that they were made under. [`quick_mode`] makes them: one exchange for
//!   each pair of a local and a remote network, because an SA of IKEv1 has exactly one of each.
//! - [`informational`] is Delete, notifications and dead peer detection. [`timeout`] is what time does.
//! - [`message`], [`proposal`], [`keys`], [`cipher`], [`vendor`], [`nat`] and [`identity`] are the wire and the formulas.
//! - What IKEv2 has too is the same piece: tunnels and their back-off, the outbox, the index of half-open SAs, `ChildUp`, `ChildUse`
//!   and `ChildDown`, identities, and the comparison of proposals with its words.
//!
//! ```text
//!   datagram -> which ISAKMP SA (by cookies) -> the same as the last one? -> main | aggressive: by state
//!                                            -> quick | informational: decrypt, HASH, by message id -> Output
//! ```
//!
//! # What IKEv1 leaves to us
//!
//! - **Retransmission.** Nothing says which message is a request. Whoever waits for something sends its last message again; a
//!   message that is the same as the last one is answered with the same answer.
//! - **Rekeying.** There is no rekeying of an ISAKMP SA: another one takes its place. A child is replaced by another quick mode with
//!   the same networks. The new one is received on before the peer can send on it, the old one is deleted only after the peer
//!   has moved. Where both sides do it at once, both know from the cookies or the SPIs which of the two stays (`outranks`).
//! - **Delete is not acknowledged**, so nothing depends on its arrival: what is not deleted runs out. A peer that deletes its last
//!   ISAKMP SA may mean that or all of the tunnel. So it is negotiated anew at once, children included, and those that there
//!   are carry on until then.
//! - **Nobody acknowledges the last message of quick mode.** Who waits for it in vain gives the child up and says so with a Delete,
//!   and once more whenever the peer asks whether we are alive.
//! - **Message ids are not in order**, so a replayed message is known by its message id or by what it cannot prove: a replayed
//!   quick mode has no HASH(3), a replayed acknowledgement the wrong number.
//! - **A wrong pre-shared key** shows as a message that cannot be decrypted. With main mode the key is chosen before the identity is
//!   known: the keys of all tunnels between the two addresses are tried.
//!
//! # What is bounded
//!
//! An address with which there is no tunnel costs nothing but an answer. Before its peer has shown that it receives our answers, a
//! responder of main mode holds the peer's proposals (`SA_BYTES_MAX` at most) and no key; the numbers are those of IKEv2's
//! half-open SAs, and the oldest gives way. IKEv1 has no cookie that could be checked without state.
//!
//! # What is absent
//!
//! No certificates, no XAUTH, no mode configuration, no transport mode, no AH, no compression. They are not offered, and a peer's
//! offer of nothing else is declined with words that say so. Lifetimes in kilobytes are passed over.

pub(crate) mod aggressive;
pub(crate) mod cipher;
pub(crate) mod identity;
pub(crate) mod informational;
pub(crate) mod keys;
pub(crate) mod main_mode;
pub(crate) mod message;
pub(crate) mod nat;
pub(crate) mod phase1;
pub(crate) mod phase2;
pub(crate) mod proposal;
pub(crate) mod quick_mode;
pub(crate) mod resend;
pub(crate) mod sa;
pub(crate) mod timeout;
pub(crate) mod vendor;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use crate::config::{Mode, TunnelKey};
use crate::half_open::HalfOpen;
use crate::nat::Path;
use crate::shared::{Shared, Timer};
use crate::v1::message::{ExchangeType, Header};
use crate::v1::phase2::Phase2;
use crate::v1::sa::{Phase1, State, Step};

/// Everything of IKEv1 that an endpoint has.
#[derive(Default)]
pub(crate) struct Store {
    /// By our cookie. The one that is being worked on is not here meanwhile.
    pub sas: BTreeMap<u64, Phase1>,
    pub half_open: HalfOpen,
    pub phases2: BTreeMap<TunnelKey, Phase2>,
}

/// A message that was received, its header read.
#[derive(Clone, Copy)]
pub(crate) struct Received<'a> {
    pub path: Path,
    pub header: Header,
    pub first: u8,
    pub body: &'a [u8],
    pub bytes: &'a [u8],
}

/// Begins an ISAKMP SA for a tunnel; one that replaces another goes the way of the other.
pub(crate) fn initiate(shared: &mut Shared, key: TunnelKey, mode: Mode, replaces: Option<Path>) {
    match mode {
        Mode::Main => main_mode::initiate(shared, key, replaces),
        Mode::Aggressive => aggressive::initiate(shared, key, replaces),
    }
}

/// Takes a message of IKEv1.
pub(crate) fn on_datagram(shared: &mut Shared, path: Path, bytes: &[u8]) {
    let Ok((header, first, body)) = Header::parse(bytes) else { return };
    let received = Received { path, header, first, body, bytes };
    if header.cookie_responder == 0 && !header.encrypted && header.id == 0 {
        match header.exchange {
            ExchangeType::Main => return main_mode::on_first(shared, received),
            ExchangeType::Aggressive => return aggressive::on_first(shared, received),
            _ => {}
        }
    }
    let ours = shared.v1.sas.get(&header.cookie_initiator).is_some_and(|sa| sa.initiator);
    let spi = if ours { header.cookie_initiator } else { header.cookie_responder };
    shared.with_phase1(spi, |shared, sa| on_message(shared, sa, received));
}

fn on_message(shared: &mut Shared, sa: &mut Phase1, received: Received<'_>) {
    let Header { cookie_initiator, cookie_responder, exchange, .. } = received.header;
    let (own, peer) = match sa.initiator {
        true => (cookie_initiator, cookie_responder),
        false => (cookie_responder, cookie_initiator),
    };
    if own != sa.spi || (sa.peer_spi != 0 && peer != sa.peer_spi) {
        return;
    }
    match exchange {
        ExchangeType::Main | ExchangeType::Aggressive => {
            if !sa.answer_again(received.bytes, received.path, &mut shared.out) {
                on_phase1(shared, sa, received);
            }
        }
        ExchangeType::Quick => quick_mode::on_message(shared, sa, received),
        ExchangeType::Informational => informational::on_message(shared, sa, received),
        ExchangeType::Other(_) => {}
    }
}

fn on_phase1(shared: &mut Shared, sa: &mut Phase1, received: Received<'_>) {
    let State::Handshake(step, _) = &sa.state else { return };
    let main = received.header.exchange == ExchangeType::Main;
    match step {
        Step::MainSent1 if main => main_mode::on_second(shared, sa, received),
        Step::MainAnswered1 if main => main_mode::on_third(shared, sa, received),
        Step::MainSent3 if main => main_mode::on_fourth(shared, sa, received),
        Step::MainAnswered3 if main => main_mode::on_fifth(shared, sa, received),
        Step::MainSent5 if main => main_mode::on_sixth(shared, sa, received),
        Step::AggressiveSent1 if !main => aggressive::on_second(shared, sa, received),
        Step::AggressiveAnswered1 if !main => aggressive::on_third(shared, sa, received),
        _ => {}
    }
}

/// Tells the peer that all of a tunnel is deleted, and forgets its SAs.
pub(crate) fn close_tunnel(shared: &mut Shared, key: TunnelKey) {
    phase2::close(shared, key);
    let sas = shared.tunnels.get(&key).map(|tunnel| tunnel.sas.clone()).unwrap_or_default();
    for spi in sas {
        shared.with_phase1(spi, |shared, sa| {
            if sa.has_keys_of_phase2() {
                informational::delete_isakmp(shared, sa);
            }
            sa.state = State::Gone;
        });
    }
}

/// Replaces a child now, unless that is under way.
pub(crate) fn rekey_child(shared: &mut Shared, key: TunnelKey, inbound_spi: u32) {
    phase2::rekey(shared, key, inbound_spi);
}

/// Packets came out of a tunnel.
pub(crate) fn on_inbound_traffic(shared: &mut Shared, key: TunnelKey) {
    if let Some(spi) = phase2::bearer(shared, key) {
        shared.with_phase1(spi, |shared, sa| {
            sa.times.heard = shared.now;
            sa.liveness.waiting = None;
        });
    }
}

/// Authentic packets of a child, in UDP, come from another address or port than the peer's.
pub(crate) fn on_peer_moved(shared: &mut Shared, key: TunnelKey, inbound_spi: u32, remote: SocketAddrV4) {
    let Some(spi) = phase2::bearer(shared, key).filter(|_| phase2::is_in_udp(shared, key, inbound_spi))
    else {
        return;
    };
    shared.with_phase1(spi, |shared, sa| informational::follow(shared, sa, Path { remote, ..sa.path }));
}

/// Asks the peer of a tunnel whether it is alive; false if there is nobody to ask, or it does not know the question.
pub(crate) fn ask_peer(shared: &mut Shared, key: TunnelKey) -> bool {
    let Some(spi) = phase2::bearer(shared, key) else { return false };
    let asked = shared.with_phase1(spi, |shared, sa| {
        let knows = sa.abilities.dead_peer_detection;
        knows && (sa.liveness.waiting.is_some() || informational::ask(shared, sa))
    });
    asked == Some(true)
}

/// When the peer of a tunnel was last heard.
pub(crate) fn last_heard(shared: &Shared, key: TunnelKey) -> Option<Duration> {
    Some(shared.v1.sas.get(&phase2::bearer(shared, key)?)?.times.heard)
}

/// Replaces the children of a tunnel now, if there is an ISAKMP SA to do it under.
pub(crate) fn replace_children(shared: &mut Shared, key: TunnelKey) {
    if phase2::bearer(shared, key).is_some() {
        phase2::renew_all(shared, key);
    }
}

impl Shared {
    /// Takes an ISAKMP SA out, works on it, and puts it back unless it is gone.
    pub(crate) fn with_phase1<R>(
        &mut self,
        spi: u64,
        work: impl FnOnce(&mut Shared, &mut Phase1) -> R,
    ) -> Option<R> {
        let mut sa = self.v1.sas.remove(&spi)?;
        let result = work(self, &mut sa);
        self.settle_phase1(sa);
        Some(result)
    }

    /// Puts an ISAKMP SA among the others, or forgets it if it is gone.
    pub(crate) fn settle_phase1(&mut self, mut sa: Phase1) {
        if matches!(sa.state, State::Gone) {
            quick_mode::abandon_all(self, &mut sa);
        }
        if let Some(key) = sa.tunnel {
            self.look_again(key);
        }
        if !sa.is_half_open() {
            self.v1.half_open.remove(sa.spi);
        }
        let tunnel = sa.tunnel.and_then(|key| self.tunnels.get_mut(&key));
        if matches!(sa.state, State::Gone) {
            tunnel.map(|tunnel| tunnel.sas.remove(&sa.spi));
            return self.set_timer(Timer::Phase1(sa.spi), None);
        }
        let config = tunnel.map(|tunnel| {
            tunnel.sas.insert(sa.spi);
            tunnel.config.clone()
        });
        let deadline = sa.deadline(config.as_deref(), &self.limits);
        self.set_timer(Timer::Phase1(sa.spi), deadline);
        self.v1.sas.insert(sa.spi, sa);
    }
}

#[cfg(test)]
mod tests;
