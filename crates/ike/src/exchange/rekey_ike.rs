//! CREATE_CHILD_SA for the IKE SA itself (RFC 7296, 1.3.2, 2.8, 2.18): a new IKE SA takes over the children of the old one.

use causeway_crypto::KeyExchange;

use crate::config::TunnelConfig;
use crate::exchange::Reply;
use crate::exchange::auth::make_room;
use crate::exchange::create_child::{BUSY_WAIT_MAX, REFUSED_WAIT_MAX, REPLACED_MAX};
use crate::failure::Negotiated;
use crate::keys::Fresh;
use crate::message::ExchangeType;
use crate::message::contents::Contents;
use crate::message::notify::{Notify, NotifyKind};
use crate::message::payload::Payload;
use crate::message::proposal::{PROTOCOL_IKE, Proposal};
use crate::output::Level;
use crate::proposal::{accepted, choose, explain};
use crate::sa::{Beginning, IkeSa, Request, State, Task};
use crate::shared::{Shared, refusal};

/// What an initiator remembers until the rekeying is answered.
pub(crate) struct IkeRequest {
    spi: u64,
    nonce: Vec<u8>,
    exchange: KeyExchange,
    /// The IKE SA that the peer made while we were making one for the same purpose.
    rival: Option<u64>,
}

/// A key exchange payload with our value.
pub(crate) fn key_exchange(exchange: &KeyExchange) -> Payload {
    let (group, value) = (exchange.group().ike_transform_id(), exchange.public_value().to_vec());
    Payload::KeyExchange { group, value }
}

/// Asks for a new IKE SA.
pub(crate) fn start(shared: &mut Shared, sa: &mut IkeSa) {
    let Some(config) = shared.config_of(sa) else { return };
    let (spi, nonce) = (shared.new_ike_spi(), shared.new_nonce());
    let exchange = KeyExchange::generate(config.ike.group, &mut shared.random);
    let payloads = [
        Payload::SecurityAssociation(vec![config.ike.offer(&spi.to_be_bytes())]),
        Payload::Nonce(nonce.clone()),
        key_exchange(&exchange),
    ];
    let request = IkeRequest { spi, nonce, exchange, rival: None };
    sa.request(shared.sending(), ExchangeType::CreateChild, &payloads, Request::RekeyIke(Box::new(request)));
}

/// The peer answered.
pub(crate) fn on_response(shared: &mut Shared, sa: &mut IkeSa, request: IkeRequest, contents: &Contents) {
    let Some(config) = shared.config_of(sa).filter(|_| sa.is_established()) else { return };
    let rival = request.rival;
    let busy = contents.notify(NotifyKind::TemporaryFailure).is_some();
    let outcome = match contents.error() {
        Some(notify) => Err((Level::Warning, refusal(&config, notify.kind).text)),
        None => complete(shared, sa, &config, request, contents).map_err(|text| (Level::Error, text)),
    };
    match outcome {
        Ok(new) => settle_rivals(shared, sa, new, rival),
        Err((level, text)) => {
            // The peer did not see that both of us were at it; its own is the one.
            if rival.is_some_and(|rival| hand_over(shared, sa, rival)) {
                return await_delete(shared, sa);
            }
            shared.log(sa.tunnel, level, text);
            let expire = sa.times.expire.unwrap_or(shared.now);
            let wait_max = if busy { BUSY_WAIT_MAX } else { REFUSED_WAIT_MAX };
            sa.times.rekey = Some(shared.soon(expire, wait_max));
        }
    }
}

/// Makes the new IKE SA from the peer's answer.
fn complete(
    shared: &mut Shared,
    sa: &IkeSa,
    config: &TunnelConfig,
    request: IkeRequest,
    contents: &Contents,
) -> Result<IkeSa, String> {
    let malformed = || "peer answered the rekeying of the IKE SA with something incomplete".to_owned();
    let wanted = config.ike.transforms();
    let chosen = contents.sa.as_deref().ok_or_else(malformed)?;
    let proposal = accepted(chosen, PROTOCOL_IKE, &wanted)
        .ok_or_else(|| explain(Negotiated::Ike, chosen, &wanted).text)?;
    let peer_spi = proposal.ike_spi().filter(|spi| *spi != 0).ok_or_else(malformed)?;
    let (group, value) = contents.key_exchange.as_ref().ok_or_else(malformed)?;
    if *group != config.ike.group.ike_transform_id() {
        return Err(malformed());
    }
    let fresh = Fresh {
        nonce_initiator: request.nonce,
        nonce_responder: contents.nonce.clone().ok_or_else(malformed)?,
        spi_initiator: request.spi,
        spi_responder: peer_spi,
    };
    let secret = request.exchange.agree(value).map_err(|_| malformed())?;
    let keys =
        sa.keys.as_ref().and_then(|keys| keys.rekeyed(&config.ike, &secret, &fresh)).ok_or_else(malformed)?;
    let mut new = successor(shared, sa, config, true, &fresh);
    new.keys = Some(keys);
    Ok(new)
}

/// An IKE SA in the place of another.
fn successor(
    shared: &mut Shared,
    sa: &IkeSa,
    config: &TunnelConfig,
    initiator: bool,
    fresh: &Fresh,
) -> IkeSa {
    let (spi, peer_spi) = match initiator {
        true => (fresh.spi_initiator, fresh.spi_responder),
        false => (fresh.spi_responder, fresh.spi_initiator),
    };
    let mut new = IkeSa::new(Beginning {
        spi,
        peer_spi,
        initiator,
        tunnel: None,
        path: sa.path,
        suite: config.ike,
        state: State::Established,
        now: shared.now,
    });
    (new.nat, new.fragments, new.lowest_nonce) = (sa.nat, sa.fragments, fresh.lowest_nonce());
    new.first_child = sa.first_child;
    new.times.rekey = Some(shared.rekey_time(config.ike_lifetime()));
    new.times.expire = Some(shared.now + config.ike_lifetime());
    new.times.reauthenticate = sa.times.reauthenticate;
    if let Some(key) = sa.tunnel {
        shared.bind(&mut new, key);
    }
    new
}

/// We have made a new IKE SA, and perhaps the peer has made another: the one with the lowest nonce goes, and who made it
/// deletes it; who made the other deletes the old one (2.8.1).
fn settle_rivals(shared: &mut Shared, sa: &mut IkeSa, mut new: IkeSa, rival: Option<u64>) {
    let rival = rival.and_then(|spi| shared.sas.get(&spi)).filter(|rival| rival.is_established());
    let rival = rival.map(|rival| (rival.spi, rival.lowest_nonce.clone()));
    match rival {
        Some((spi, lowest_nonce)) if new.lowest_nonce < lowest_nonce => {
            hand_over(shared, sa, spi);
            new.state = State::Replaced;
            shared.close(&mut new, Task::Close);
            shared.settle(new);
            await_delete(shared, sa);
        }
        rival => {
            let spi = new.spi;
            shared.settle(new);
            if let Some((loser, _)) = rival {
                // In case that its children have been moved there meanwhile.
                shared.with_sa(loser, |shared, loser| {
                    hand_over(shared, loser, spi);
                    await_delete(shared, loser);
                });
            }
            hand_over(shared, sa, spi);
            shared.log(sa.tunnel, Level::Info, "IKE SA rekeyed".to_owned());
            sa.state = State::Replaced;
            shared.close(sa, Task::Close);
        }
    }
}

/// Moves the children of one IKE SA, and what was to be done with them, to another. False if that is not there, or not any more.
fn hand_over(shared: &mut Shared, from: &mut IkeSa, to: u64) -> bool {
    if !shared.sas.get(&to).is_some_and(IkeSa::is_established) {
        return false;
    }
    let (mut children, tasks) = (std::mem::take(&mut from.children), std::mem::take(&mut from.tasks));
    let (path, gaps) = (from.path, from.gaps.clone());
    shared.with_sa(to, |shared, to| {
        to.children.append(&mut children);
        to.gaps = gaps;
        to.tasks.extend(tasks.into_iter().filter(|task| !matches!(task, Task::RekeyIke | Task::Close)));
        to.rival_of = None;
        to.times.redundant = Some(shared.now + shared.limits.linger);
        if to.path != path {
            shared.moved(to);
        }
        shared.retry_child(to);
    });
    true
}

/// The peer is going to delete this one; it may take its time, but not for ever.
fn await_delete(shared: &Shared, sa: &mut IkeSa) {
    sa.state = State::Replaced;
    sa.times.rekey = None;
    (sa.times.child_retry, sa.times.reauthenticate) = (None, None);
    sa.times.expire = Some(shared.now + REPLACED_MAX);
}

/// The peer asks for a new IKE SA.
pub(crate) fn on_request(
    shared: &mut Shared,
    sa: &mut IkeSa,
    config: &TunnelConfig,
    contents: &Contents,
) -> Reply {
    let pending = sa.pending.as_ref().map(|pending| &pending.request);
    let busy = match pending {
        Some(Request::Child(_) | Request::DeleteChildren(_) | Request::Close) => true,
        Some(Request::RekeyIke(request)) => request.rival.is_some(),
        _ => false,
    };
    if busy {
        return Reply::Error(Notify::new(NotifyKind::TemporaryFailure, &[]));
    }
    match make(shared, sa, config, contents) {
        Ok((new, payloads)) => {
            take_over(shared, sa, new);
            Reply::Payloads(payloads)
        }
        Err(None) => Reply::Fatal,
        Err(Some((notify, text))) => {
            shared.log(sa.tunnel, Level::Error, text);
            Reply::Error(notify)
        }
    }
}

/// Puts the peer's new IKE SA in the place of the old one; or beside it, if we have asked for one as well.
fn take_over(shared: &mut Shared, sa: &mut IkeSa, mut new: IkeSa) {
    let spi = new.spi;
    let ours = match sa.pending.as_mut().map(|pending| &mut pending.request) {
        Some(Request::RekeyIke(request)) => Some(request),
        _ => None,
    };
    match ours {
        Some(request) => {
            request.rival = Some(spi);
            new.rival_of = Some(sa.spi);
            shared.settle(new);
        }
        None => {
            shared.settle(new);
            hand_over(shared, sa, spi);
            shared.log(sa.tunnel, Level::Info, "IKE SA rekeyed by the peer".to_owned());
            await_delete(shared, sa);
            make_room(shared, sa);
        }
    }
}

type Refusal = Option<(Notify, String)>;

/// Makes the new IKE SA and the answer; an error of `None` is a malformed request.
fn make(
    shared: &mut Shared,
    sa: &IkeSa,
    config: &TunnelConfig,
    contents: &Contents,
) -> Result<(IkeSa, Vec<Payload>), Refusal> {
    let (Some(offered), Some(nonce)) = (&contents.sa, &contents.nonce) else { return Err(None) };
    let (sent, value) = contents.key_exchange.as_ref().ok_or(None)?;
    let wanted = config.ike.transforms();
    let chosen = choose(offered, PROTOCOL_IKE, &wanted);
    let Some((proposal, peer_spi)) =
        chosen.and_then(|it| it.ike_spi().filter(|spi| *spi != 0).map(|spi| (it, spi)))
    else {
        let text = explain(Negotiated::Ike, offered, &wanted).text;
        return Err(Some((Notify::new(NotifyKind::NoProposalChosen, &[]), text)));
    };
    let group = config.ike.group.ike_transform_id();
    if *sent != group {
        let text = "peer guessed another DH group than we want for the new IKE SA, and is told".to_owned();
        return Err(Some((Notify::new(NotifyKind::InvalidKePayload, &group.to_be_bytes()), text)));
    }
    let exchange = KeyExchange::generate(config.ike.group, &mut shared.random);
    let own_value = key_exchange(&exchange);
    let secret = exchange.agree(value).map_err(|_| None)?;
    let fresh = Fresh {
        nonce_initiator: nonce.clone(),
        nonce_responder: shared.new_nonce(),
        spi_initiator: peer_spi,
        spi_responder: shared.new_ike_spi(),
    };
    let keys = sa.keys.as_ref().and_then(|keys| keys.rekeyed(&config.ike, &secret, &fresh)).ok_or(None)?;
    let mut new = successor(shared, sa, config, false, &fresh);
    new.keys = Some(keys);
    let proposal = Proposal { spi: fresh.spi_responder.to_be_bytes().to_vec(), ..proposal };
    let payloads =
        vec![Payload::SecurityAssociation(vec![proposal]), Payload::Nonce(fresh.nonce_responder), own_value];
    Ok((new, payloads))
}

/// The peer uses its new IKE SA while we still wait to hear about ours: it takes its own for the one that stays.
pub(crate) fn rival_is_used(shared: &mut Shared, sa: &mut IkeSa) {
    let rival = if sa.is_established() { sa.rival_of.take() } else { None };
    let Some(old) = rival else { return };
    sa.times.redundant = Some(shared.now + shared.limits.linger);
    let taken = shared.with_sa(old, |_, old| {
        (std::mem::take(&mut old.children), std::mem::take(&mut old.tasks), old.gaps.clone())
    });
    if let Some((mut children, tasks, gaps)) = taken {
        sa.gaps = gaps;
        sa.children.append(&mut children);
        sa.tasks.extend(tasks.into_iter().filter(|task| !matches!(task, Task::RekeyIke | Task::Close)));
    }
}

/// The peer deletes the old IKE SA while we still wait to hear about ours: its own is the one that stays.
pub(crate) fn concede(shared: &mut Shared, sa: &mut IkeSa) {
    let rival = match sa.pending.as_ref().map(|pending| &pending.request) {
        Some(Request::RekeyIke(request)) => request.rival,
        _ => None,
    };
    if rival.is_some_and(|rival| hand_over(shared, sa, rival)) {
        sa.state = State::Replaced;
    }
}
