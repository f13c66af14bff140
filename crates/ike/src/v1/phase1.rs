//! What main and aggressive mode share: beginning, being refused, proving who one is, and being established (RFC 2409, 5).

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use causeway_crypto::KeyExchange;

use crate::config::{IkeProposal, IkeVersion, Mode, TunnelConfig, TunnelKey};
use crate::failure::{Failure, FailureKind};
use crate::identity::Identity;
use crate::nat::{IKE_PORT, Nat, Path};
use crate::output::Level;
use crate::shared::Shared;
use crate::v1::keys::{Exchanged, SaKeys, is_same};
use crate::v1::message::association::{self, PROTOCOL_ISAKMP, Proposal};
use crate::v1::message::contents::Contents;
use crate::v1::message::notify::{INITIAL_CONTACT, NO_PROPOSAL_CHOSEN, Notify};
use crate::v1::message::{ExchangeType, HASH, Header, IDENTIFICATION, Payload, SA, parse_chain, write_plain};
use crate::v1::proposal::{choose_ike, offer_ike};
use crate::v1::resend::Resend;
use crate::v1::sa::{Handshake, Phase1, State, Step};
use crate::v1::vendor::{self, NatTraversal};
use crate::v1::{Received, identity, nat, phase2};

/// The most bytes of proposals that a responder keeps.
pub(crate) const SA_BYTES_MAX: usize = 4_096;
/// What INITIAL-CONTACT is told as.
pub(crate) const STARTED_ANEW: &str = "peer has started anew: what it had is forgotten";
/// The most tunnels whose logs tell of one refused message.
const TUNNELS_TOLD_MAX: usize = 4;

/// Our part as initiator so far: an ISAKMP SA without a state, what to remember, and the first payloads. One that replaces
/// another goes the way of the other.
pub(crate) fn begin(
    shared: &mut Shared,
    key: TunnelKey,
    replaces: Option<Path>,
) -> Option<(Phase1, Handshake, Arc<TunnelConfig>, Vec<Payload>)> {
    let config = Arc::clone(&shared.tunnels.get(&key)?.config);
    let Some(offer) = offer_ike(&config.ike, seconds(config.ike_lifetime())) else {
        let text =
            format!("IKEv1 has no way to name the IKE proposal {}: choose another encryption", config.ike);
        let failure = Failure::new(FailureKind::Version, text);
        if shared.tunnels.get_mut(&key)?.note(&failure) {
            shared.log(Some(key), Level::Error, failure.text);
        }
        shared.look_again(key);
        return None;
    };
    let at = |ip| SocketAddrV4::new(ip, IKE_PORT);
    let path = replaces.unwrap_or(Path { local: at(config.local), remote: at(config.remote) });
    let is_first =
        replaces.is_none() && phase2::bearer(shared, key).is_none() && !phase2::has_children(shared, key);
    let mut sa = Phase1::new(shared.new_ike_spi(), 0, path, config.ike, shared.now);
    sa.tunnel = Some(key);
    let sa_body = association::write(&[offer]);
    let mut handshake = Handshake { is_first, ..Handshake::default() };
    handshake.exchanged.sa_body = sa_body.clone();
    let mut payloads = vec![Payload::new(SA, sa_body)];
    payloads.extend(vendor::payloads(config.nat_traversal || config.force_encapsulation, None));
    Some((sa, handshake, config, payloads))
}

/// Sends a message of phase 1; as initiator until it is answered.
pub(crate) fn send(shared: &mut Shared, sa: &mut Phase1, message: Vec<u8>) {
    shared.out.transmit(sa.path, message.clone());
    sa.times.sent = shared.now;
    sa.resend = Some(Resend::new(message, shared.now, &shared.limits));
}

/// Answers a message of phase 1, and keeps the answer for when it comes again.
pub(crate) fn answer(shared: &mut Shared, sa: &mut Phase1, received: &[u8], message: Vec<u8>) {
    shared.out.transmit(sa.path, message.clone());
    sa.times.sent = shared.now;
    sa.keep_answer(received, Some(&message));
}

/// The payloads of a message that need no key.
pub(crate) fn plain(received: &Received<'_>) -> Option<Contents> {
    let readable = !received.header.encrypted;
    readable.then(|| parse_chain(received.first, received.body).and_then(Contents::of).ok())?
}

/// As responder: the tunnels that a peer may mean, and what to answer with. Where nothing fits the peer is told, and so are we.
pub(crate) fn invited(
    shared: &mut Shared,
    received: &Received<'_>,
    mode: Mode,
    contents: &Contents,
    asks_for: impl Fn(&TunnelConfig) -> bool,
) -> Option<(TunnelKey, Arc<TunnelConfig>, Proposal, Option<u64>)> {
    let path = received.path;
    let mut tunnels = shared.v1_tunnels_between(*path.local.ip(), *path.remote.ip());
    if tunnels.is_empty() {
        let other = shared.tunnels_between(*path.local.ip(), *path.remote.ip());
        match other.first() {
            Some((key, _)) => {
                let text = "peer speaks IKEv1, and this tunnel speaks IKEv2 only";
                shared.stranger(Some(*key), &Failure::new(FailureKind::Version, text));
            }
            None => {
                let text = format!(
                    "{} asks for a tunnel to {} by IKEv1, and there is none between the two",
                    path.remote,
                    path.local.ip()
                );
                shared.stranger(None, &Failure::new(FailureKind::Refused, text));
            }
        }
        decline(shared, received, NO_PROPOSAL_CHOSEN);
        return None;
    }
    let body = contents.sa.as_ref().filter(|body| body.len() <= SA_BYTES_MAX)?;
    let offered = association::parse(body).ok()?;
    let all: Vec<TunnelKey> = tunnels.iter().map(|(key, _)| *key).collect();
    tunnels.retain(|(_, config)| config.version == IkeVersion::V1(mode));
    let failure = match tunnels.is_empty() {
        true => other_mode(mode),
        false => {
            tunnels.retain(|(_, config)| asks_for(config));
            let chosen = tunnels.iter().map(|it| (it, choose_ike(&offered, &it.1.ike))).collect::<Vec<_>>();
            let fitting = chosen.iter().find_map(|(it, chosen)| Some((it, chosen.as_ref().ok()?)));
            if let Some(((key, config), chosen)) = fitting {
                return Some((*key, Arc::clone(config), chosen.proposal.clone(), chosen.lifetime_s));
            }
            match chosen.into_iter().find_map(|(_, chosen)| chosen.err()) {
                Some(failure) => failure,
                None => wrong_identity(contents, shared.tunnels.get(all.first()?).map(|it| &*it.config)),
            }
        }
    };
    for key in all.into_iter().take(TUNNELS_TOLD_MAX) {
        shared.stranger(Some(key), &failure);
    }
    decline(shared, received, NO_PROPOSAL_CHOSEN);
    None
}

fn other_mode(theirs: Mode) -> Failure {
    let (theirs, ours) = match theirs {
        Mode::Main => ("main", "aggressive"),
        Mode::Aggressive => ("aggressive", "main"),
    };
    let text = format!(
        "peer begins in {theirs} mode, and this tunnel is configured for {ours} mode: IKE mode differs"
    );
    Failure::new(FailureKind::Version, text)
}

fn wrong_identity(contents: &Contents, wanted: Option<&TunnelConfig>) -> Failure {
    let theirs = contents.ids.first().and_then(|body| identity::identity(body));
    let theirs = theirs.map_or("nobody".to_owned(), |identity| identity.to_string());
    let ours = wanted.map_or("somebody else".to_owned(), |config| config.remote_id.to_string());
    let text = format!("peer says it is {theirs}, we want it to be {ours}: the identities do not match");
    Failure::new(FailureKind::RemoteIdentity, text)
}

/// Answers without keeping anything.
pub(crate) fn decline(shared: &mut Shared, received: &Received<'_>, kind: u16) {
    let header = Header { exchange: ExchangeType::Informational, encrypted: false, ..received.header };
    let notify = Notify { protocol: PROTOCOL_ISAKMP, spi: Vec::new(), kind, data: Vec::new() };
    shared.out.transmit(received.path, write_plain(&header, &[notify.payload()]));
}

/// As responder: a new ISAKMP SA, for which the oldest of those that nobody has authenticated gives way, if need be.
pub(crate) fn half_open(shared: &mut Shared, received: &Received<'_>, suite: IkeProposal) -> Phase1 {
    let path = received.path;
    let tunnels = shared.v1_tunnels_between(*path.local.ip(), *path.remote.ip()).len();
    let max = shared.limits.half_open_max.max(2 * shared.tunnels.len());
    let per_address_max = shared.limits.half_open_per_address_max.max(2 * tunnels);
    if let Some(oldest) = shared.v1.half_open.to_evict(*path.remote.ip(), max, per_address_max) {
        shared.with_phase1(oldest, |_, sa| sa.state = State::Gone);
    }
    let (spi, peer_spi) = (shared.new_ike_spi(), received.header.cookie_initiator);
    let mut sa = Phase1::new(spi, peer_spi, path, suite, shared.now);
    sa.times.expire = Some(shared.now + shared.limits.half_open_timeout);
    shared.v1.half_open.insert(spi, shared.now, path.remote, peer_spi);
    sa
}

/// The same first message again: the same answer again.
pub(crate) fn is_repeated(shared: &mut Shared, received: &Received<'_>) -> bool {
    let made = shared.v1.half_open.made_by(received.path.remote, received.header.cookie_initiator);
    let Some(spi) = made else { return false };
    shared.with_phase1(spi, |shared, sa| {
        sa.answer_again(received.bytes, received.path, &mut shared.out);
    });
    true
}

/// Our two NAT-D payloads, if both sides can go through translation.
pub(crate) fn nat_payloads(
    shared: &mut Shared,
    sa: &Phase1,
    traversal: Option<NatTraversal>,
    forced: bool,
) -> Vec<Payload> {
    let Some(traversal) = traversal else { return Vec::new() };
    let random: &mut dyn causeway_crypto::Random = &mut shared.random;
    let claim = forced.then_some(random);
    nat::payloads(traversal, sa.hash(), sa.cookies(), sa.path, claim).to_vec()
}

/// What the peer's NAT-D payloads tell, as seen from where they came.
pub(crate) fn detect(sa: &Phase1, contents: &Contents, path: Path, forced: bool) -> Nat {
    match sa.abilities.nat_traversal {
        Some(_) => nat::detect(&contents.nat_d, sa.hash(), sa.cookies(), path, forced),
        None => Nat::default(),
    }
}

/// As initiator: the peer, or somebody who read our message, refuses. We wait for a better answer for a little longer.
pub(crate) fn refused(shared: &mut Shared, sa: &mut Phase1, failure: Failure) {
    let State::Handshake(_, handshake) = &mut sa.state else { return };
    if handshake.refusal.as_ref() == Some(&failure) {
        return;
    }
    handshake.refusal = Some(failure.clone());
    if let Some(resend) = &mut sa.resend {
        resend.lose_hope();
    }
    failed(shared, sa, Level::Error, failure);
}

/// An attempt has failed: says why, unless it is why the attempt before failed.
pub(crate) fn failed(shared: &mut Shared, sa: &Phase1, level: Level, failure: Failure) {
    let tunnel = sa.tunnel.and_then(|key| shared.tunnels.get_mut(&key));
    if tunnel.is_none_or(|tunnel| tunnel.note(&failure)) {
        shared.log(sa.tunnel, level, failure.text);
    }
}

/// A fresh private value, and its public one.
pub(crate) fn key_exchange(shared: &mut Shared, suite: &IkeProposal) -> (KeyExchange, Vec<u8>) {
    let exchange = KeyExchange::generate(suite.group, &mut shared.random);
    let value = exchange.public_value().to_vec();
    (exchange, value)
}

/// Why a peer is not the one that it should be.
pub(crate) enum Denial {
    /// Its hash is not what the pre-shared key makes it.
    Key,
    Identity(Option<Identity>),
}

/// Whether the peer's identity and hash are those that the tunnel's configuration says.
pub(crate) fn check_peer(
    keys: &SaKeys,
    exchanged: &Exchanged,
    of_initiator: bool,
    contents: &Contents,
    config: &TunnelConfig,
) -> Result<(), Denial> {
    let Some(body) = contents.ids.first() else { return Err(Denial::Key) };
    if !is_same(contents.hash.as_ref(), &keys.proof(of_initiator, exchanged, body)) {
        return Err(Denial::Key);
    }
    match identity::identity(body) {
        Some(identity) if identity.is(&config.remote_id) => Ok(()),
        identity => Err(Denial::Identity(identity)),
    }
}

/// Why a peer was not believed, in words.
pub(crate) fn disbelief(denial: &Denial, config: &TunnelConfig) -> Failure {
    match denial {
        Denial::Key => {
            let text =
                format!("authentication of {} failed: the pre-shared key does not match", config.remote_id);
            Failure::new(FailureKind::PreSharedKey, text)
        }
        Denial::Identity(identity) => {
            let theirs = identity.as_ref().map_or("nobody".to_owned(), ToString::to_string);
            let ours = &config.remote_id;
            let text =
                format!("peer says it is {theirs}, we want it to be {ours}: the identities do not match");
            Failure::new(FailureKind::RemoteIdentity, text)
        }
    }
}

/// Our identity and the hash that proves it, and INITIAL-CONTACT if we have nothing else with the peer.
pub(crate) fn proof(
    sa: &Phase1,
    keys: &SaKeys,
    handshake: &Handshake,
    config: &TunnelConfig,
) -> Vec<Payload> {
    let body = identity::body(&config.local_id);
    let hash = keys.proof(sa.initiator, &handshake.exchanged, &body);
    let mut payloads = vec![Payload::new(IDENTIFICATION, body), Payload::new(HASH, hash)];
    if handshake.is_first {
        payloads.push(Notify::about_isakmp(INITIAL_CONTACT, sa.cookies(), &[]).payload());
    }
    payloads
}

/// Puts an ISAKMP SA into a step of its handshake.
pub(crate) fn step(sa: &mut Phase1, step: Step, handshake: Box<Handshake>) {
    sa.state = State::Handshake(step, handshake);
}

/// The peer has authenticated: the ISAKMP SA counts from now on, and takes the place of the one before.
pub(crate) fn establish(
    shared: &mut Shared,
    sa: &mut Phase1,
    (key, config): (TunnelKey, &TunnelConfig),
    lifetime_s: Option<u64>,
    contents: &Contents,
) {
    sa.tunnel = Some(key);
    sa.state = State::Established;
    (sa.times.established, sa.times.heard) = (shared.now, shared.now);
    let agreed = lifetime_s.filter(|seconds| *seconds > 0).map_or(Duration::MAX, Duration::from_secs);
    let lifetime = config.ike_lifetime().min(agreed);
    sa.times.rekey = Some(shared.rekey_time(lifetime));
    sa.times.expire = Some(shared.now + lifetime);
    let text = format!("IKE SA established with {} at {}", config.remote_id, sa.path.remote);
    shared.log(Some(key), Level::Info, text);
    let starts_anew = !sa.initiator && contents.notify(INITIAL_CONTACT).is_some();
    let others = shared.tunnels.get(&key).map(|tunnel| tunnel.sas.clone()).unwrap_or_default();
    let mut forgotten = false;
    let own = sa.spi;
    for spi in others.into_iter().filter(|spi| *spi != own) {
        shared.with_phase1(spi, |shared, other| {
            let stale = starts_anew && other.times.established < sa.times.created;
            match &other.state {
                State::Established | State::Replaced if stale => {
                    other.state = State::Gone;
                    forgotten = true;
                }
                State::Established => retire(shared, sa, other),
                // The peer was faster.
                State::Handshake(Step::MainSent1 | Step::AggressiveSent1, _) if !sa.initiator => {
                    other.state = State::Gone;
                }
                _ => {}
            }
        });
    }
    if starts_anew && (phase2::forget_before(shared, key, sa.times.created) || forgotten) {
        shared.log(Some(key), Level::Info, STARTED_ANEW.to_owned());
    }
    make_room(shared, sa, key);
    phase2::on_bearer(shared, sa, key);
}

/// Of two established ISAKMP SAs one is enough. Who began the one that stays deletes the other; the other side lets it run out.
fn retire(shared: &Shared, new: &mut Phase1, old: &mut Phase1) {
    let (stays, goes) = if new.outranks(old) { (new, old) } else { (old, new) };
    goes.state = State::Replaced;
    (goes.times.rekey, goes.liveness.waiting) = (None, None);
    if stays.initiator {
        let end = shared.now + shared.limits.linger;
        goes.times.expire = Some(goes.times.expire.map_or(end, |expire| expire.min(end)));
    }
}

/// Forgets the oldest ISAKMP SAs of a tunnel that has too many.
fn make_room(shared: &mut Shared, sa: &Phase1, key: TunnelKey) {
    let sas = shared.tunnels.get(&key).map(|tunnel| tunnel.sas.clone()).unwrap_or_default();
    let others = sas.iter().filter(|spi| **spi != sa.spi).filter_map(|spi| shared.v1.sas.get(spi));
    let mut others: Vec<(Duration, u64)> = others.map(|other| (other.times.created, other.spi)).collect();
    others.sort_unstable();
    let surplus = (others.len() + 1).saturating_sub(shared.limits.ike_sas_per_tunnel_max);
    for (_, spi) in others.into_iter().take(surplus) {
        shared.with_phase1(spi, |_, other| other.state = State::Gone);
    }
}

/// A lifetime as the number on the wire.
pub(crate) fn seconds(lifetime: Duration) -> u32 {
    lifetime.as_secs().try_into().unwrap_or(u32::MAX)
}
