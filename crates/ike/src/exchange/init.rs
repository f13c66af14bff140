//! IKE_SA_INIT (RFC 7296, 1.2, 2.6 and 2.7). Nothing in it is authenticated, so nothing in it ends anything.

use std::time::Duration;

use causeway_crypto::KeyExchange;

use crate::config::{IkeProposal, Limits, TunnelConfig, TunnelKey};
use crate::cookie::{CookieJar, Visitor};
use crate::exchange::auth;
use crate::exchange::rekey_ike::key_exchange;
use crate::failure::{Failure, FailureKind, Negotiated, ProposalItem};
use crate::keys::{Fresh, SaKeys};
use crate::message::contents::Contents;
use crate::message::notify::{Notify, NotifyKind};
use crate::message::payload::Payload;
use crate::message::proposal::{PROTOCOL_IKE, Proposal};
use crate::message::{self, ExchangeType, Header, MessageError};
use crate::name::group_name;
use crate::nat::{self, IKE_PORT, Nat, Path};
use crate::output::Level;
use crate::proof;
use crate::proposal::{accepted, choose, explain};
use crate::sa::{Beginning, Handshake, IkeSa, Request, State};
use crate::shared::{Shared, refusal};

/// How often a peer may ask for another cookie or key exchange before we take its next answer for nonsense.
const ROUNDS_MAX: u32 = 4;
/// Cookies have at most this many bytes (2.6).
const COOKIE_BYTES_MAX: usize = 64;

/// What an initiator remembers until IKE_SA_INIT is answered.
pub(crate) struct InitSent {
    exchange: Option<KeyExchange>,
    nonce: Vec<u8>,
    cookie: Option<Vec<u8>>,
    request: Vec<u8>,
    /// How often we began again because the peer asked for it.
    rounds: u32,
    /// What the peer, or somebody who read our request, last refused us with.
    refusal: Option<Failure>,
}

impl InitSent {
    /// Whether the failure has been told already.
    pub(crate) fn was_refused(&self) -> bool {
        self.refusal.is_some()
    }
}

/// Begins an IKE SA for a tunnel.
pub(crate) fn initiate(shared: &mut Shared, key: TunnelKey) {
    let Some(config) = shared.tunnels.get(&key).map(|tunnel| tunnel.config.clone()) else { return };
    let at = |ip| std::net::SocketAddrV4::new(ip, IKE_PORT);
    let path = Path { local: at(config.local), remote: at(config.remote) };
    let (spi, nonce) = (shared.new_ike_spi(), shared.new_nonce());
    let exchange = Some(KeyExchange::generate(config.ike.group, &mut shared.random));
    let init = InitSent { exchange, nonce, cookie: None, request: Vec::new(), rounds: 0, refusal: None };
    let mut sa = IkeSa::new(Beginning {
        spi,
        peer_spi: 0,
        initiator: true,
        tunnel: None,
        path,
        suite: config.ike,
        state: State::InitSent(Box::new(init)),
        now: shared.now,
    });
    shared.bind(&mut sa, key);
    let Some(message) = write_request(&mut sa, &config, &shared.limits) else { return };
    sa.send_request(shared.sending(), ExchangeType::SaInit, vec![message], Request::Init);
    shared.settle(sa);
}

fn write_request(sa: &mut IkeSa, config: &TunnelConfig, limits: &Limits) -> Option<Vec<u8>> {
    let (spi, path) = (sa.spi, sa.path);
    let State::InitSent(init) = &mut sa.state else { return None };
    let mut payloads = Vec::new();
    if let Some(cookie) = &init.cookie {
        payloads.push(Payload::Notify(Notify::new(NotifyKind::Cookie, cookie)));
    }
    payloads.push(Payload::SecurityAssociation(vec![config.ike.offer(&[])]));
    payloads.push(key_exchange(init.exchange.as_ref()?));
    payloads.push(Payload::Nonce(init.nonce.clone()));
    if config.nat_traversal || config.force_encapsulation {
        payloads.extend(nat::notifications(spi, 0, path, config.force_encapsulation));
    }
    payloads.extend(fragmentation(limits));
    payloads.push(proof::hashes());
    let header = Header {
        spi_initiator: spi,
        spi_responder: 0,
        exchange: ExchangeType::SaInit,
        from_initiator: true,
        response: false,
        id: 0,
    };
    init.request = message::write_plain(&header, &payloads);
    Some(init.request.clone())
}

/// As initiator: the answer, or something that looks like it.
pub(crate) fn on_response(shared: &mut Shared, sa: &mut IkeSa, path: Path, bytes: &[u8]) {
    let State::InitSent(init) = &sa.state else { return };
    let Some(config) = shared.config_of(sa) else { return };
    // The only thing that says that this is from the peer is that it knows our SPI.
    if path.remote.ip() != sa.path.remote.ip() {
        return;
    }
    let Ok((header, contents)) = read(bytes) else { return };
    let rounds = init.rounds;
    if let Some(cookie) = contents.notify(NotifyKind::Cookie).filter(|_| contents.sa.is_none()) {
        if rounds < ROUNDS_MAX && (1..=COOKIE_BYTES_MAX).contains(&cookie.data.len()) {
            begin_again(shared, sa, &config, Some(cookie.data.clone()));
        }
    } else if let Some(notify) = contents.notify(NotifyKind::InvalidKePayload) {
        on_invalid_group(shared, sa, &config, notify);
    } else if let Some(notify) = contents.error() {
        refused(shared, sa, refusal(&config, notify.kind));
    } else if let Err(failure) = complete(shared, sa, &config, path, (&header, &contents), bytes) {
        refused(shared, sa, failure);
    }
}

/// The peer wants another group. We want exactly one, so all we can do is to send that one again, if it is meant.
fn on_invalid_group(shared: &mut Shared, sa: &mut IkeSa, config: &TunnelConfig, notify: &Notify) {
    let State::InitSent(init) = &mut sa.state else { return };
    let wanted = notify.data.as_slice().try_into().map(u16::from_be_bytes).unwrap_or(0);
    if wanted == config.ike.group.ike_transform_id() && init.rounds < ROUNDS_MAX {
        init.exchange = Some(KeyExchange::generate(config.ike.group, &mut shared.random));
        let cookie = init.cookie.clone();
        begin_again(shared, sa, config, cookie);
    } else {
        let (theirs, ours) = (group_name(wanted), config.ike);
        let text = format!("peer wants the DH group {theirs}, we want {ours}: DH group differs");
        let (of, items) = (Negotiated::Ike, vec![ProposalItem::Group]);
        refused(shared, sa, Failure::new(FailureKind::Proposal { of, items }, text));
    }
}

fn begin_again(shared: &mut Shared, sa: &mut IkeSa, config: &TunnelConfig, cookie: Option<Vec<u8>>) {
    let State::InitSent(init) = &mut sa.state else { return };
    init.cookie = cookie;
    init.rounds += 1;
    let Some(message) = write_request(sa, config, &shared.limits) else { return };
    if let Some(pending) = &mut sa.pending {
        pending.messages = vec![message.clone()];
    }
    shared.out.transmit(sa.path, message);
}

/// Anybody on the way could have written the refusal, so we wait for a better answer for a little longer.
fn refused(shared: &mut Shared, sa: &mut IkeSa, failure: Failure) {
    let State::InitSent(init) = &mut sa.state else { return };
    if init.refusal.as_ref() == Some(&failure) {
        return;
    }
    init.refusal = Some(failure.clone());
    if let Some(pending) = &mut sa.pending {
        pending.sent_max = pending.sent_max.min(pending.sent + 1);
    }
    shared.failed(sa, Level::Error, failure);
}

/// Both sides know each other's nonce and public value: derives the keys and goes on with IKE_AUTH.
fn complete(
    shared: &mut Shared,
    sa: &mut IkeSa,
    config: &TunnelConfig,
    path: Path,
    (header, contents): (&Header, &Contents),
    bytes: &[u8],
) -> Result<(), Failure> {
    let malformed =
        || Failure::new(FailureKind::Malformed, "peer answered IKE_SA_INIT with something incomplete");
    let wanted = config.ike.transforms();
    let chosen = contents.sa.as_deref().ok_or_else(malformed)?;
    if accepted(chosen, PROTOCOL_IKE, &wanted).is_none() {
        return Err(explain(Negotiated::Ike, chosen, &wanted));
    }
    let (group, value) = contents.key_exchange.as_ref().ok_or_else(malformed)?;
    let nonce = contents.nonce.clone().ok_or_else(malformed)?;
    if *group != config.ike.group.ike_transform_id() || header.spi_responder == 0 {
        return Err(malformed());
    }
    let State::InitSent(init) = &mut sa.state else { return Ok(()) };
    let Some(exchange) = init.exchange.take() else { return Ok(()) };
    let secret = exchange.agree(value);
    let Ok(secret) = secret else {
        // The exchange is used up; this attempt is not worth another.
        if let Some(pending) = &mut sa.pending {
            pending.sent_max = 0;
        }
        return Err(Failure::new(FailureKind::Malformed, INVALID_VALUE));
    };
    let fresh = Fresh {
        nonce_initiator: init.nonce.clone(),
        nonce_responder: nonce,
        spi_initiator: sa.spi,
        spi_responder: header.spi_responder,
    };
    let handshake = Handshake { request: std::mem::take(&mut init.request), response: bytes.to_vec(), fresh };
    let keys = SaKeys::initial(&sa.suite, &secret, &handshake.fresh).ok_or_else(contradiction)?;
    sa.nat = Nat::detect(contents, sa.spi, header.spi_responder, path, config.force_encapsulation);
    if !(config.nat_traversal || config.force_encapsulation) {
        sa.nat = sa.nat.ignore();
    }
    if sa.nat.encapsulates() && sa.path.local.port() == IKE_PORT {
        sa.path = sa.path.on_nat_port();
    }
    sa.named_signatures = proof::takes_named(contents);
    sa.fragments = fragments(contents, &shared.limits);
    sa.peer_spi = header.spi_responder;
    sa.lowest_nonce = handshake.fresh.lowest_nonce();
    sa.keys = Some(keys);
    sa.pending = None;
    sa.begin_after_init();
    auth::request(shared, sa, config, handshake);
    Ok(())
}

/// That we take messages in fragments (RFC 7383, 2.3).
fn fragmentation(limits: &Limits) -> Option<Payload> {
    let notify = || Payload::Notify(Notify::new(NotifyKind::FragmentationSupported, &[]));
    (limits.fragment_packet_bytes > 0).then(notify)
}

/// Whether both sides take messages in fragments.
fn fragments(contents: &Contents, limits: &Limits) -> bool {
    limits.fragment_packet_bytes > 0 && contents.notify(NotifyKind::FragmentationSupported).is_some()
}

fn contradiction() -> Failure {
    let (of, items) = (Negotiated::Ike, Vec::new());
    let text = "the configured IKE algorithms contradict each other";
    Failure::new(FailureKind::Proposal { of, items }, text)
}

const INVALID_VALUE: &str = "peer sent an invalid public value for the DH group";

fn read(bytes: &[u8]) -> Result<(Header, Contents), MessageError> {
    let (header, payloads) = message::parse_plain(bytes)?;
    Ok((header, Contents::of(payloads)?))
}

/// As responder: somebody wants to begin.
pub(crate) fn on_request(shared: &mut Shared, cookies: &mut CookieJar, path: Path, bytes: &[u8]) {
    let (header, contents) = match read(bytes) {
        Ok(read) => read,
        Err(MessageError::UnsupportedCritical(kind)) => {
            let Ok((header, _)) = Header::parse(bytes) else { return };
            return decline(
                shared,
                path,
                &header,
                Notify::new(NotifyKind::UnsupportedCriticalPayload, &[kind]),
            );
        }
        Err(_) => return,
    };
    if let Some(spi) = shared.half_open.made_by(path.remote, header.spi_initiator) {
        return repeat(shared, spi, path, bytes);
    }
    let candidates = shared.tunnels_between(*path.local.ip(), *path.remote.ip());
    if let Some((key, _)) = shared
        .v1_tunnels_between(*path.local.ip(), *path.remote.ip())
        .first()
        .filter(|_| candidates.is_empty())
    {
        let text = "peer speaks IKEv2, and this tunnel speaks IKEv1 only";
        shared.stranger(Some(*key), &Failure::new(FailureKind::Version, text));
        return decline(shared, path, &header, Notify::new(NotifyKind::NoProposalChosen, &[]));
    }
    if candidates.is_empty() {
        let text = format!(
            "{} asks for a tunnel to {}, and there is none between the two",
            path.remote,
            path.local.ip()
        );
        shared.stranger(None, &Failure::new(FailureKind::Refused, text));
        return decline(shared, path, &header, Notify::new(NotifyKind::NoProposalChosen, &[]));
    }
    let Some(nonce) = &contents.nonce else { return };
    let visitor = Visitor { address: path.remote, spi: header.spi_initiator, nonce };
    if let Err(notify) = admit(shared, cookies, visitor, contents.notify(NotifyKind::Cookie)) {
        return decline(shared, path, &header, notify);
    }
    let candidates: Vec<_> = candidates.iter().map(|(key, config)| (*key, config.as_ref())).collect();
    let refused = match negotiate(&candidates, &contents) {
        Ok((config, proposal)) => {
            answer(shared, path, (&header, &contents), bytes, &candidates, (config, proposal))
        }
        Err(refused) => Err(refused),
    };
    if let Err(Refused { notify, failure }) = refused {
        for (key, _) in candidates.iter().take(TUNNELS_TOLD_MAX) {
            if let Some(failure) = &failure {
                shared.stranger(Some(*key), failure);
            }
        }
        decline(shared, path, &header, notify);
    }
}

/// The most tunnels whose logs tell of one refused request.
const TUNNELS_TOLD_MAX: usize = 4;

struct Refused {
    notify: Notify,
    /// None if it is nothing to tell of.
    failure: Option<Failure>,
}

/// The same request again: the same answer again. Another request with the same SPI is not from the same peer.
fn repeat(shared: &mut Shared, spi: u64, path: Path, bytes: &[u8]) {
    let Some(State::HalfOpen(handshake)) = shared.sas.get(&spi).map(|sa| &sa.state) else { return };
    if handshake.request == bytes {
        let response = handshake.response.clone();
        shared.out.transmit(path, response);
    }
}

/// Whether this visitor may cost us memory; otherwise what it has to bring.
fn admit(
    shared: &mut Shared,
    cookies: &mut CookieJar,
    visitor: Visitor<'_>,
    cookie: Option<&Notify>,
) -> Result<(), Notify> {
    let (limits, now) = (&shared.limits, shared.now);
    let lifetime = limits.cookie_secret_lifetime;
    let crowd = shared.half_open.len_of(*visitor.address.ip());
    let crowded =
        shared.half_open.len() >= limits.cookie_threshold || crowd * 2 >= limits.half_open_per_address_max;
    let known = cookie.is_some_and(|cookie| cookies.recognises(&cookie.data, visitor, now, lifetime));
    if crowded && !known {
        let cookie = cookies.bake(visitor, &mut shared.random, now, lifetime);
        return Err(Notify::new(NotifyKind::Cookie, &cookie));
    }
    Ok(())
}

/// Finds the first tunnel whose suite is among the peer's; one whose group the peer has sent a value for goes first.
fn negotiate<'a>(
    candidates: &[(TunnelKey, &'a TunnelConfig)],
    contents: &Contents,
) -> Result<(&'a TunnelConfig, Proposal), Refused> {
    let syntax = || Refused { notify: Notify::new(NotifyKind::InvalidSyntax, &[]), failure: None };
    let offered = contents.sa.as_deref().ok_or_else(syntax)?;
    let (sent, _) = contents.key_exchange.as_ref().ok_or_else(syntax)?;
    let mut fitting = candidates.iter().filter_map(|(_, config)| {
        choose(offered, PROTOCOL_IKE, &config.ike.transforms()).map(|proposal| (*config, proposal))
    });
    let fitting: Vec<_> = fitting.by_ref().collect();
    let guessed = fitting.iter().find(|(config, _)| config.ike.group.ike_transform_id() == *sent);
    if let Some(found) = guessed {
        return Ok(found.clone());
    }
    if let Some((config, _)) = fitting.first() {
        let group = config.ike.group.ike_transform_id().to_be_bytes();
        return Err(Refused { notify: Notify::new(NotifyKind::InvalidKePayload, &group), failure: None });
    }
    let failure =
        candidates.first().map(|(_, config)| explain(Negotiated::Ike, offered, &config.ike.transforms()));
    Err(Refused { notify: Notify::new(NotifyKind::NoProposalChosen, &[]), failure })
}

/// Makes a half-open IKE SA and answers.
fn answer(
    shared: &mut Shared,
    path: Path,
    (header, contents): (&Header, &Contents),
    bytes: &[u8],
    candidates: &[(TunnelKey, &TunnelConfig)],
    (config, proposal): (&TunnelConfig, Proposal),
) -> Result<(), Refused> {
    let syntax =
        |failure: Option<Failure>| Refused { notify: Notify::new(NotifyKind::InvalidSyntax, &[]), failure };
    let suite: IkeProposal = config.ike;
    let (Some((_, value)), Some(nonce)) = (&contents.key_exchange, &contents.nonce) else {
        return Err(syntax(None));
    };
    let exchange = KeyExchange::generate(suite.group, &mut shared.random);
    let own_value = key_exchange(&exchange);
    let Ok(secret) = exchange.agree(value) else {
        return Err(syntax(Some(Failure::new(FailureKind::Malformed, INVALID_VALUE))));
    };
    let spi = shared.new_ike_spi();
    let fresh = Fresh {
        nonce_initiator: nonce.clone(),
        nonce_responder: shared.new_nonce(),
        spi_initiator: header.spi_initiator,
        spi_responder: spi,
    };
    let Some(keys) = SaKeys::initial(&suite, &secret, &fresh) else {
        return Err(syntax(Some(contradiction())));
    };
    let mut payloads = vec![
        Payload::SecurityAssociation(vec![proposal]),
        own_value,
        Payload::Nonce(fresh.nonce_responder.clone()),
    ];
    let forced = candidates.iter().any(|(_, config)| config.force_encapsulation);
    let mut nat = Nat::detect(contents, header.spi_initiator, header.spi_responder, path, forced);
    if candidates.iter().any(|(_, config)| config.nat_traversal || config.force_encapsulation) {
        payloads.extend(nat::notifications(header.spi_initiator, spi, path, forced));
    } else {
        nat = nat.ignore();
    }
    payloads.push(Payload::Notify(Notify::new(NotifyKind::ChildlessSupported, &[])));
    payloads.push(proof::hashes());
    let auth = candidates.iter().find_map(|(_, config)| config.certificates.as_deref());
    payloads.extend(auth.map(proof::request));
    let in_fragments = fragments(contents, &shared.limits);
    payloads.extend(fragmentation(&shared.limits).filter(|_| in_fragments));
    let response_header = Header { spi_responder: spi, from_initiator: false, response: true, ..*header };
    let response = message::write_plain(&response_header, &payloads);
    shared.out.transmit(path, response.clone());

    let handshake = Handshake { request: bytes.to_vec(), response, fresh };
    let mut sa = half_open(path, suite, handshake, shared.now);
    (sa.keys, sa.nat, sa.fragments) = (Some(keys), nat, in_fragments);
    sa.named_signatures = proof::takes_named(contents);
    sa.times.expire = Some(shared.now + shared.limits.half_open_timeout);
    insert_half_open(shared, sa);
    Ok(())
}

fn half_open(path: Path, suite: IkeProposal, handshake: Handshake, now: Duration) -> IkeSa {
    let lowest_nonce = handshake.fresh.lowest_nonce();
    let mut sa = IkeSa::new(Beginning {
        spi: handshake.fresh.spi_responder,
        peer_spi: handshake.fresh.spi_initiator,
        initiator: false,
        tunnel: None,
        path,
        suite,
        state: State::HalfOpen(Box::new(handshake)),
        now,
    });
    sa.lowest_nonce = lowest_nonce;
    sa.begin_after_init();
    sa
}

fn insert_half_open(shared: &mut Shared, sa: IkeSa) {
    let tunnels = shared.tunnels_between(*sa.path.local.ip(), *sa.path.remote.ip()).len();
    let max = shared.limits.half_open_max.max(2 * shared.tunnels.len());
    let per_address_max = shared.limits.half_open_per_address_max.max(2 * tunnels);
    if let Some(oldest) = shared.half_open.to_evict(*sa.path.remote.ip(), max, per_address_max) {
        shared.with_sa(oldest, |_, sa| sa.state = State::Gone);
    }
    shared.half_open.insert(sa.spi, sa.times.created, sa.path.remote, sa.peer_spi);
    shared.settle(sa);
}

/// Answers without keeping anything.
fn decline(shared: &mut Shared, path: Path, request: &Header, notify: Notify) {
    let header = Header { from_initiator: false, response: true, ..*request };
    let message = message::write_plain(&header, &[Payload::Notify(notify)]);
    shared.out.transmit(path, message);
}
