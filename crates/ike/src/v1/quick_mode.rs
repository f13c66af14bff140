//! Quick mode (RFC 2409, 5.5): makes one child, that is, an ESP SA each way between one local and one remote network.
//!
//! ```text
//!   1 ->  {HASH(1), SA, Ni, [KE], IDci, IDcr}     2 <-  {HASH(2), SA, Nr, [KE], IDci, IDcr}
//!   3 ->  {HASH(3)}
//! ```
//!
//! The responder receives on the child as soon as it has answered, and counts it when HASH(3) has shown that the initiator is alive.
//! It asks for that by sending message 2 again. An initiator whose message 3 never arrives counts a child that the responder has
//! given up, so the responder tells it so ([`given_up`]).

mod respond;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use causeway_crypto::{Hash, KeyExchange, Secret};
use ipnet::Ipv4Net;

use crate::config::{TunnelConfig, TunnelKey};
use crate::failure::{Failure, FailureKind, Negotiated, ProposalItem};
use crate::output::Level;
use crate::shared::{Shared, encapsulation};
use crate::v1::cipher::{Decrypted, decrypt, seal};
use crate::v1::keys::is_same;
use crate::v1::main_mode::config_of;
use crate::v1::message::contents::Contents;
use crate::v1::message::notify::{INVALID_ID_INFORMATION, NO_PROPOSAL_CHOSEN, Notify, RESPONDER_LIFETIME};
use crate::v1::message::{ExchangeType, KEY_EXCHANGE, NONCE, Payload, SA, association, attribute};
use crate::v1::phase1::seconds;
use crate::v1::proposal::{Encapsulation, choose_child, lifetime_of, offer_child};
use crate::v1::resend::Resend;
use crate::v1::sa::Phase1;
use crate::v1::vendor::NatTraversal;
use crate::v1::{Received, identity, informational, phase2};

/// The most exchanges of one ISAKMP SA, those that are over and remembered included.
const EXCHANGES_MAX: usize = 512;
/// The most quick modes under one ISAKMP SA.
const SPENT_MAX: usize = 16_384;
/// How long an exchange that is over is remembered, for when its last message is asked for again.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How long the initiator is told of a child that we gave up.
const GIVEN_UP: Duration = Duration::from_secs(600);

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pair {
    pub slot: u16,
    pub local: Ipv4Net,
    pub remote: Ipv4Net,
    /// The child that is replaced, if that is why.
    pub replaces: Option<u32>,
}

/// What is agreed on, as far as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Terms {
    pub slot: u16,
    pub local: Ipv4Net,
    pub remote: Ipv4Net,
    pub inbound_spi: u32,
    pub outbound_spi: u32,
    /// Whether packets go inside UDP.
    pub in_udp: bool,
    /// Sequence numbers have 64 bits.
    pub extended: bool,
    pub lifetime: Duration,
    /// When the exchange began.
    pub began: Duration,
}

impl Terms {
    /// By which both sides order children that were made at once.
    pub(crate) fn rank(&self) -> (u32, u32) {
        (self.inbound_spi.max(self.outbound_spi), self.inbound_spi.min(self.outbound_spi))
    }
}

/// One exchange.
pub(crate) struct QuickMode {
    step: Step,
    terms: Terms,
    replaces: Option<u32>,
    nonces: (Vec<u8>, Vec<u8>),
    exchange: Option<KeyExchange>,
    vector: Vec<u8>,
    /// What the peer sent last, by its hash, and what we answered.
    last: Option<(Vec<u8>, Option<Vec<u8>>)>,
    resend: Option<Resend>,
    /// When it is forgotten.
    until: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// We sent message 1.
    Sent1,
    /// We answered it with message 2.
    Answered1,
    /// We answered, and never heard whether the initiator has the child.
    GivenUp,
    Done,
}

impl QuickMode {
    /// When something is due.
    pub(crate) fn due(&self) -> Duration {
        self.resend.as_ref().map_or(self.until, |resend| resend.due.min(self.until))
    }

    fn is_pending(&self) -> bool {
        self.step == Step::Sent1
    }
}

/// The slots that we have asked for and not heard about.
pub(crate) fn asked(shared: &Shared, key: TunnelKey) -> BTreeSet<u16> {
    let sas = shared.tunnels.get(&key).into_iter().flat_map(|tunnel| &tunnel.sas);
    let exchanges = sas.filter_map(|spi| shared.v1.sas.get(spi)).flat_map(|sa| sa.exchanges.values());
    exchanges.filter(|quick| quick.is_pending()).map(|quick| quick.terms.slot).collect()
}

/// The slots of all quick modes of a tunnel that may still make a child, those under this ISAKMP SA included.
pub(crate) fn under_way(shared: &Shared, sa: &Phase1, key: TunnelKey) -> BTreeSet<u16> {
    let others = shared.tunnels.get(&key).into_iter().flat_map(|tunnel| &tunnel.sas);
    let sas = others.filter_map(|spi| shared.v1.sas.get(spi)).chain([sa]);
    let exchanges = sas.flat_map(|sa| sa.exchanges.values());
    let pending = exchanges.filter(|quick| matches!(quick.step, Step::Sent1 | Step::Answered1));
    pending.map(|quick| quick.terms.slot).collect()
}

/// How packets are carried if it is for us to say.
fn carried(sa: &Phase1) -> Encapsulation {
    match encapsulation(sa.path, sa.nat) {
        None => Encapsulation::Esp,
        Some(_) => Encapsulation::Udp { draft: sa.abilities.nat_traversal == Some(NatTraversal::Draft) },
    }
}

/// Message 1.
pub(crate) fn start(shared: &mut Shared, sa: &mut Phase1, key: TunnelKey, pair: Pair) {
    let Some(config) = shared.tunnels.get(&key).map(|tunnel| Arc::clone(&tunnel.config)) else { return };
    let Some(id) = new_id(shared, sa) else { return phase2::failed(shared, key, pair.slot, pair.replaces) };
    let Some(keys) = &sa.keys else { return };
    let lifetime = config.child_lifetime();
    let carried = carried(sa);
    let terms = Terms {
        slot: pair.slot,
        local: pair.local,
        remote: pair.remote,
        inbound_spi: shared.new_child_spi(),
        outbound_spi: 0,
        in_udp: carried.is_udp(),
        extended: false,
        lifetime,
        began: shared.now,
    };
    let nonce = shared.new_nonce();
    let exchange = config.child.pfs.map(|group| KeyExchange::generate(group, &mut shared.random));
    let offer = offer_child(&config.child, terms.inbound_spi, seconds(lifetime), carried);
    let mut payloads =
        vec![Payload::new(SA, association::write(&[offer])), Payload::new(NONCE, nonce.clone())];
    payloads.extend(exchange.as_ref().map(|it| Payload::new(KEY_EXCHANGE, it.public_value().to_vec())));
    payloads.push(identity::network_payload(pair.local));
    payloads.push(identity::network_payload(pair.remote));
    let mut vector = keys.phase2_vector(&sa.vector, id);
    let header = sa.header(ExchangeType::Quick, true, id);
    let message = seal(keys.cipher(), &mut vector, &header, |rest| keys.hash_1(id, rest), payloads);
    shared.out.transmit(sa.path, message.clone());
    sa.times.sent = shared.now;
    let quick = QuickMode {
        step: Step::Sent1,
        terms,
        replaces: pair.replaces,
        nonces: (nonce, Vec::new()),
        exchange,
        vector,
        last: None,
        resend: Some(Resend::new(message, shared.now, &shared.limits)),
        until: Duration::MAX,
    };
    sa.spent.insert(id);
    sa.exchanges.insert(id, quick);
}

/// A message id that no exchange of the ISAKMP SA has.
pub(crate) fn new_id(shared: &mut Shared, sa: &Phase1) -> Option<u32> {
    if sa.exchanges.len() >= EXCHANGES_MAX {
        return None;
    }
    loop {
        let mut bytes = [0; 4];
        shared.random.fill(&mut bytes);
        let id = u32::from_be_bytes(bytes);
        if id != 0 && !sa.spent.contains(&id) {
            return Some(id);
        }
    }
}

/// A message of quick mode arrives.
pub(crate) fn on_message(shared: &mut Shared, sa: &mut Phase1, received: Received<'_>) {
    let id = received.header.id;
    if !sa.has_keys_of_phase2() || !received.header.encrypted || id == 0 {
        return;
    }
    let Some(mut quick) = sa.exchanges.remove(&id) else {
        if !sa.spent.contains(&id) {
            respond::on_first(shared, sa, received);
        }
        return;
    };
    let digest = Hash::Sha256.digest(&[received.bytes]);
    match quick.last.as_ref().filter(|(last, _)| *last == digest) {
        Some((_, answer)) => {
            if let Some(answer) = answer.clone() {
                shared.out.transmit(sa.path, answer);
                if let Some(key) = sa.tunnel {
                    phase2::not_yet_ready(shared, key, quick.terms.inbound_spi);
                }
            }
        }
        None => match quick.step {
            Step::Sent1 => on_second(shared, sa, &mut quick, (received, digest)),
            Step::Answered1 => on_third(shared, sa, &mut quick, (received, digest)),
            Step::GivenUp | Step::Done => {}
        },
    }
    sa.exchanges.insert(id, quick);
}

/// Decrypts a message and takes it apart.
fn open(sa: &Phase1, vector: &[u8], received: &Received<'_>) -> Option<(Decrypted, Contents)> {
    let keys = sa.keys.as_ref()?;
    let decrypted = decrypt(keys.cipher(), vector, received.first, received.body).ok()?;
    let contents = Contents::of(decrypted.payloads.clone()).ok()?;
    contents.hash_is_first.then_some((decrypted, contents))
}

/// Message 2 arrives. Sends message 3; the child is there.
fn on_second(
    shared: &mut Shared,
    sa: &mut Phase1,
    quick: &mut QuickMode,
    (received, digest): (Received<'_>, Vec<u8>),
) {
    let id = received.header.id;
    let (Some(config), Some(key)) = (config_of(shared, sa), sa.tunnel) else { return };
    let Some((decrypted, contents)) = open(sa, &quick.vector, &received) else { return };
    let Some(keys) = &sa.keys else { return };
    if !is_same(contents.hash.as_ref(), &keys.hash_2(id, &quick.nonces.0, decrypted.after_hash())) {
        return;
    }
    sa.times.heard = shared.now;
    let accepted = accept(&config, quick, &contents);
    let (outbound_spi, lifetime, secret) = match accepted {
        Ok(accepted) => accepted,
        Err(failure) => {
            quick.step = Step::Done;
            (quick.resend, quick.until) = (None, shared.now + REMEMBERED);
            refuse(shared, sa, key, failure);
            return phase2::failed(shared, key, quick.terms.slot, quick.replaces);
        }
    };
    (quick.terms.outbound_spi, quick.terms.lifetime) = (outbound_spi, lifetime);
    quick.nonces.1 = contents.nonce.unwrap_or_default();
    quick.vector = decrypted.next_vector;
    let nonces = (quick.nonces.0.as_slice(), quick.nonces.1.as_slice());
    let key_of = |spi| keys.child(&config.child, secret.as_ref(), spi, nonces);
    let child_keys = (key_of(quick.terms.inbound_spi), key_of(outbound_spi));
    let header = sa.header(ExchangeType::Quick, true, id);
    let hash = Payload::new(crate::v1::message::HASH, keys.hash_3(id, nonces));
    let message = crate::v1::cipher::encrypt(keys.cipher(), &mut quick.vector, &header, &[hash]);
    phase2::receive(shared, sa, (key, &config), &quick.terms, child_keys);
    shared.out.transmit(sa.path, message.clone());
    sa.times.sent = shared.now;
    phase2::confirm(shared, key, quick.terms.clone(), true);
    quick.step = Step::Done;
    quick.last = Some((digest, Some(message)));
    (quick.resend, quick.until) = (None, shared.now + REMEMBERED);
}

/// Whether a responder's answer is one to our offer: its SPI, the lifetime, and the fresh secret where there is to be one.
fn accept(
    config: &TunnelConfig,
    quick: &mut QuickMode,
    contents: &Contents,
) -> Result<(u32, Duration, Option<Secret>), Failure> {
    let malformed =
        || Failure::new(FailureKind::Malformed, "peer answered quick mode with something incomplete");
    let offered =
        contents.sa.as_ref().and_then(|body| association::parse(body).ok()).ok_or_else(malformed)?;
    let asked_for = if quick.terms.in_udp { Encapsulation::Udp { draft: false } } else { Encapsulation::Esp };
    let chosen = choose_child(&offered, &config.child, &[asked_for])?;
    if chosen.extended {
        let text = "peer answered with extended sequence numbers, which we did not propose";
        let (of, items) = (Negotiated::Child, vec![ProposalItem::SequenceNumbers]);
        return Err(Failure::new(FailureKind::Proposal { of, items }, text));
    }
    let outbound_spi = chosen.proposal.child_spi().ok_or_else(malformed)?;
    contents.nonce.as_ref().ok_or_else(malformed)?;
    if let [local, remote, ..] = contents.ids.as_slice() {
        let answered = (identity::network(local), identity::network(remote));
        if answered != (Some(quick.terms.local), Some(quick.terms.remote)) {
            let text = format!(
                "peer answered with traffic between our {} and its {}, we proposed our {} and its {}: that is another",
                identity::network_name(local),
                identity::network_name(remote),
                quick.terms.local,
                quick.terms.remote
            );
            return Err(Failure::new(FailureKind::TrafficSelectors, text));
        }
    }
    let secret = match quick.exchange.take() {
        None => None,
        Some(exchange) => {
            let value = contents.key_exchange.as_ref().ok_or_else(malformed)?;
            let text = "peer sent an invalid public value for the PFS group";
            Some(exchange.agree(value).map_err(|_| Failure::new(FailureKind::Malformed, text))?)
        }
    };
    let notified = contents.notify(RESPONDER_LIFETIME).and_then(|it| attribute::parse(&it.data).ok());
    let notified = notified.and_then(|attributes| lifetime_of(&attributes));
    let named = chosen.lifetime_s.into_iter().chain(notified).filter(|seconds| *seconds > 0).min();
    let lifetime = config.child_lifetime().min(named.map_or(Duration::MAX, Duration::from_secs));
    Ok((outbound_spi, lifetime, secret))
}

/// Message 3 arrives: the initiator is alive, and has the child.
fn on_third(
    shared: &mut Shared,
    sa: &mut Phase1,
    quick: &mut QuickMode,
    (received, digest): (Received<'_>, Vec<u8>),
) {
    let Some((_, contents)) = open(sa, &quick.vector, &received) else { return };
    let (Some(keys), Some(key)) = (&sa.keys, sa.tunnel) else { return };
    let expected = keys.hash_3(received.header.id, (&quick.nonces.0, &quick.nonces.1));
    if !is_same(contents.hash.as_ref(), &expected) {
        return;
    }
    sa.times.heard = shared.now;
    phase2::confirm(shared, key, quick.terms.clone(), false);
    quick.step = Step::Done;
    quick.last = Some((digest, None));
    (quick.resend, quick.until) = (None, shared.now + REMEMBERED);
}

/// The peer deletes children, so it has those that take their place, although its last message about them has not come.
pub(crate) fn conclude(shared: &mut Shared, sa: &mut Phase1, key: TunnelKey, outbound_spis: &[u32]) {
    let slots = phase2::slots(shared, key, outbound_spis);
    conclude_slots(shared, sa, key, &slots);
    // The quick mode may have been under the ISAKMP SA before.
    let siblings = shared.tunnels.get(&key).map(|tunnel| tunnel.sas.clone()).unwrap_or_default();
    for spi in siblings.into_iter().filter(|spi| *spi != sa.spi) {
        shared.with_phase1(spi, |shared, other| conclude_slots(shared, other, key, &slots));
    }
}

fn conclude_slots(shared: &mut Shared, sa: &mut Phase1, key: TunnelKey, slots: &[u16]) {
    let until = shared.now + REMEMBERED;
    let answered =
        |quick: &&mut QuickMode| quick.step == Step::Answered1 && slots.contains(&quick.terms.slot);
    for quick in sa.exchanges.values_mut().filter(answered) {
        quick.step = Step::Done;
        (quick.resend, quick.until) = (None, until);
        phase2::confirm(shared, key, quick.terms.clone(), false);
    }
}

/// There is no child because of what one of the sides wants.
fn refuse(shared: &mut Shared, sa: &Phase1, key: TunnelKey, failure: Failure) {
    if let Some(tunnel) = shared.tunnels.get_mut(&key) {
        tunnel.child_refused = true;
    }
    crate::v1::phase1::failed(shared, sa, Level::Error, failure);
}

/// The peer refuses, in an exchange of its own; it may say which by the SPI.
pub(crate) fn on_refusal(shared: &mut Shared, sa: &mut Phase1, notify: &Notify) {
    let (Some(config), Some(key)) = (config_of(shared, sa), sa.tunnel) else { return };
    let pending: Vec<u32> =
        sa.exchanges.iter().filter(|(_, quick)| quick.is_pending()).map(|(id, _)| *id).collect();
    let named = pending.iter().find(|id| {
        let spi = sa.exchanges.get(id).map(|quick| quick.terms.inbound_spi);
        spi.is_some() && notify.child_spi() == spi
    });
    // Some name none, or a zero.
    let unnamed = notify.child_spi().is_none_or(|spi| spi == 0);
    let id = match (named, pending.as_slice()) {
        (Some(id), _) => *id,
        (None, [id]) if unnamed => *id,
        _ => return,
    };
    let Some(quick) = sa.exchanges.remove(&id) else { return };
    let (ours, theirs) = (quick.terms.local, quick.terms.remote);
    let (kind, text) = match notify.kind {
        NO_PROPOSAL_CHOSEN => (
            FailureKind::Proposal { of: Negotiated::Child, items: Vec::new() },
            format!(
                "peer refused our ESP proposal {} for our {ours} and its {theirs} ({notify}): its encryption, integrity, PFS group \
             or networks differ; its log says which",
                config.child
            ),
        ),
        INVALID_ID_INFORMATION => (
            FailureKind::TrafficSelectors,
            format!(
                "peer refused traffic between our {ours} and its {theirs} ({notify}): its networks differ"
            ),
        ),
        _ => (
            FailureKind::Refused,
            format!("peer refused quick mode for our {ours} and its {theirs}: {notify}"),
        ),
    };
    refuse(shared, sa, key, Failure::new(kind, text));
    phase2::failed(shared, key, quick.terms.slot, quick.replaces);
}

/// Sends again what is not answered, and forgets what is over.
pub(crate) fn on_timeout(shared: &mut Shared, sa: &mut Phase1) {
    let now = shared.now;
    let due: Vec<u32> = sa.exchanges.iter().filter(|(_, it)| it.due() <= now).map(|(id, _)| *id).collect();
    for id in due {
        let Some(mut quick) = sa.exchanges.remove(&id).filter(|quick| quick.until > now) else { continue };
        match quick.resend.as_mut().and_then(|resend| resend.again(now, &shared.limits)) {
            Some(message) => {
                shared.out.transmit(sa.path, message);
                sa.times.sent = now;
                sa.exchanges.insert(id, quick);
            }
            None => on_silence(shared, sa, id, quick),
        }
    }
}

fn on_silence(shared: &mut Shared, sa: &mut Phase1, id: u32, mut quick: QuickMode) {
    abandon(shared, sa, &quick);
    match quick.step {
        Step::Sent1 => {
            let (ours, theirs, remote) = (quick.terms.local, quick.terms.remote, sa.path.remote);
            let text = format!("no answer from {remote} to quick mode for our {ours} and its {theirs}");
            let failure = Failure::new(FailureKind::PeerUnreachable, text);
            crate::v1::phase1::failed(shared, sa, Level::Warning, failure);
            informational::doubt(shared, sa);
        }
        Step::Answered1 => {
            informational::delete_esp(shared, sa, vec![quick.terms.inbound_spi]);
            quick.step = Step::GivenUp;
            (quick.last, quick.resend) = (None, None);
            quick.until = shared.now + quick.terms.lifetime.min(GIVEN_UP);
            sa.exchanges.insert(id, quick);
        }
        Step::GivenUp | Step::Done => {}
    }
}

/// The children that we gave up and the initiator may still count, by our SPIs. It has been told, but nothing says whether it
/// has heard that.
pub(crate) fn given_up(sa: &Phase1) -> Vec<u32> {
    let given_up = sa.exchanges.values().filter(|quick| quick.step == Step::GivenUp);
    given_up.map(|quick| quick.terms.inbound_spi).collect()
}

fn abandon(shared: &mut Shared, sa: &Phase1, quick: &QuickMode) {
    let Some(key) = sa.tunnel else { return };
    match quick.step {
        Step::Sent1 => phase2::failed(shared, key, quick.terms.slot, quick.replaces),
        // It was received on and never counted.
        Step::Answered1 => shared.child_down(key, quick.terms.inbound_spi, false),
        Step::GivenUp | Step::Done => {}
    }
}

/// The ISAKMP SA is gone, and with it what was negotiated under it and not finished.
pub(crate) fn abandon_all(shared: &mut Shared, sa: &mut Phase1) {
    for quick in std::mem::take(&mut sa.exchanges).values() {
        abandon(shared, sa, quick);
    }
}
