//! CREATE_CHILD_SA for children (RFC 7296, 1.3.1, 1.3.3, 2.8): a new one, or one in the place of another.

use std::time::Duration;

use causeway_crypto::{KeyExchange, Secret};

use crate::child::{self, ChildState, Within};
use crate::config::TunnelConfig;
use crate::exchange::timeout::{REAUTHENTICATE_AGAIN, begin_successor};
use crate::exchange::{Reply, rekey_ike};
use crate::failure::{Failure, FailureKind, Negotiated, ProposalItem};
use crate::keys::Fresh;
use crate::message::ExchangeType;
use crate::message::contents::Contents;
use crate::message::notify::{Notify, NotifyKind};
use crate::message::payload::Payload;
use crate::message::proposal::PROTOCOL_IKE;
use crate::name::group_name;
use crate::output::Level;
use crate::sa::{IkeSa, Request, Task};
use crate::shared::Shared;
use crate::traffic::Traffic;

/// What an initiator remembers until CREATE_CHILD_SA is answered.
pub(crate) struct ChildRequest {
    /// The child that is being rekeyed.
    pub replaces: Option<u32>,
    /// The peer has rekeyed the same child at the same time.
    pub rival: Option<Rival>,
    inbound_spi: u32,
    /// What it was offered for.
    traffic: Traffic,
    nonce: Vec<u8>,
    exchange: Option<KeyExchange>,
}

/// The child that the peer made while we were making one for the same purpose.
pub(crate) struct Rival {
    inbound_spi: u32,
    lowest_nonce: Vec<u8>,
}

/// Asks for a child: one that replaces another and carries the same, or a new one for what none carries.
pub(crate) fn start(shared: &mut Shared, sa: &mut IkeSa, replaces: Option<u32>) {
    let Some(config) = shared.config_of(sa) else { return };
    let traffic = match replaces.map(|spi| sa.children.get(&spi)) {
        Some(old) => old.filter(|child| child.state == ChildState::Up).map(|child| child.traffic.clone()),
        None => sa.gap(&config, &shared.limits),
    };
    let Some(traffic) = traffic else { return };
    let (inbound_spi, nonce) = (shared.new_child_spi(), shared.new_nonce());
    let exchange = config.child.pfs.map(|group| KeyExchange::generate(group, &mut shared.random));
    let mut payloads = Vec::new();
    if let Some(spi) = replaces {
        payloads.push(Payload::Notify(Notify::about_child(NotifyKind::RekeySa, spi)));
    }
    let [proposal, tsi, tsr] = child::offer(&config, Within::CreateChild, inbound_spi, &traffic);
    payloads.extend([proposal, Payload::Nonce(nonce.clone())]);
    payloads.extend(exchange.as_ref().map(rekey_ike::key_exchange));
    payloads.extend([tsi, tsr]);
    let request = ChildRequest { replaces, rival: None, inbound_spi, traffic, nonce, exchange };
    sa.request(shared.sending(), ExchangeType::CreateChild, &payloads, Request::Child(Box::new(request)));
}

/// The peer answered.
pub(crate) fn on_response(shared: &mut Shared, sa: &mut IkeSa, request: ChildRequest, contents: &Contents) {
    let Some(config) = shared.config_of(sa).filter(|_| sa.is_established()) else { return };
    if let Some(notify) = contents.error() {
        return on_refused(shared, sa, &config, &request, notify.kind);
    }
    let inbound_spi = request.inbound_spi;
    match complete(shared, sa, &config, request, contents) {
        Ok(()) => {}
        Err((replaces, failure)) => {
            // The peer has a child that we do not have.
            sa.enqueue(Task::DeleteChild(inbound_spi));
            match replaces {
                Some(_) => shared.rekey_refused(sa, failure),
                None => shared.child_refused(sa, Level::Error, failure),
            }
            try_again(shared, sa, replaces, REFUSED_WAIT_MAX);
        }
    }
}

fn complete(
    shared: &mut Shared,
    sa: &mut IkeSa,
    config: &TunnelConfig,
    request: ChildRequest,
    contents: &Contents,
) -> Result<(), (Option<u32>, Failure)> {
    let ChildRequest { replaces, rival, inbound_spi, traffic, nonce, exchange } = request;
    let failed = |failure: Failure| (replaces, failure);
    let malformed = |text: &str| (replaces, Failure::new(FailureKind::Malformed, text));
    let agreement = child::accept(config, Within::CreateChild, &traffic, contents).map_err(failed)?;
    let peer_nonce = contents.nonce.clone().ok_or_else(|| malformed("peer answered without a nonce"))?;
    let secret = match (exchange, &contents.key_exchange) {
        (None, _) => None,
        (Some(exchange), Some((group, value))) if *group == exchange.group().ike_transform_id() => {
            let secret = exchange.agree(value);
            Some(secret.map_err(|_| malformed("peer sent an invalid public value for the PFS group"))?)
        }
        (Some(_), _) => return Err(malformed("peer answered without a public value for the PFS group")),
    };
    let Some(sa_keys) = &sa.keys else { return Ok(()) };
    let nonces = (nonce.as_slice(), peer_nonce.as_slice());
    let keys = child::keys(config, sa_keys, secret.as_ref(), nonces, true);
    let lowest_nonce = nonces.0.min(nonces.1);
    let loses = rival.as_ref().is_some_and(|rival| lowest_nonce < rival.lowest_nonce.as_slice());
    shared.install_child(sa, inbound_spi, agreement, keys, !loses);
    shared.agreed(sa, replaces);
    settle_rivals(shared, sa, replaces, inbound_spi, loses.then_some(()).and(rival));
    Ok(())
}

/// Deletes what the new child replaces; or the new child, if the peer's won (2.8.1).
fn settle_rivals(
    shared: &mut Shared,
    sa: &mut IkeSa,
    replaces: Option<u32>,
    new: u32,
    winner: Option<Rival>,
) {
    let old = replaces.and_then(|spi| Some((spi, sa.children.get_mut(&spi)?)));
    let old = old.map(|(spi, child)| {
        (child.state, child.rekey_at) = (ChildState::Replaced, None);
        spi
    });
    match (winner, old) {
        (Some(winner), _) if sa.children.contains_key(&winner.inbound_spi) => {
            if let Some(key) = sa.tunnel {
                shared.stop_using(key, new);
            }
            if let Some(child) = sa.children.get_mut(&new) {
                (child.state, child.rekey_at) = (ChildState::Replaced, None);
            }
            sa.enqueue(Task::DeleteChild(new));
        }
        (_, Some(old)) => sa.enqueue(Task::DeleteChild(old)),
        (_, None) => {}
    }
}

fn on_refused(
    shared: &mut Shared,
    sa: &mut IkeSa,
    config: &TunnelConfig,
    request: &ChildRequest,
    kind: NotifyKind,
) {
    let failure = child::refusal(config, &request.traffic, kind);
    match (request.replaces, kind) {
        (_, NotifyKind::TemporaryFailure) => shared.log(sa.tunnel, Level::Info, failure.text),
        (Some(old), NotifyKind::ChildSaNotFound) => {
            shared.log(sa.tunnel, Level::Warning, failure.text);
            shared.remove_child(sa, old, false);
            sa.enqueue(Task::NewChild);
        }
        // It has accepted the same algorithms before, in IKE_AUTH, which negotiates no group.
        (Some(_), NotifyKind::NoProposalChosen) => {
            let initiates = shared.tunnel_of(sa).is_some_and(|tunnel| tunnel.initiates());
            shared.rekey_refused(sa, other_group(config, kind, initiates));
        }
        (Some(_), _) => shared.rekey_refused(sa, failure),
        (None, _) => {
            refused(shared, sa, config, &request.traffic, kind);
            return renew(shared, sa, kind);
        }
    }
    let wait_max = if kind == NotifyKind::TemporaryFailure { BUSY_WAIT_MAX } else { REFUSED_WAIT_MAX };
    try_again(shared, sa, request.replaces, wait_max);
}

/// Where CREATE_CHILD_SA brings no child in the place of the one that IKE_AUTH has brought, another IKE_AUTH may.
fn renew(shared: &mut Shared, sa: &mut IkeSa, kind: NotifyKind) {
    let may_differ = matches!(
        kind,
        NotifyKind::NoAdditionalSas | NotifyKind::NoProposalChosen | NotifyKind::InvalidKePayload
    );
    if may_differ && sa.first_child.is_some() && !sa.has_child() {
        let patience = shared.now + REAUTHENTICATE_AGAIN;
        sa.times.child_retry = sa.times.child_retry.map(|at| at.max(patience));
        begin_successor(shared, sa);
    }
}

/// The peer has all of our algorithms for a child, and will not replace it.
fn other_group(config: &TunnelConfig, kind: NotifyKind, initiates: bool) -> Failure {
    let ours = config.child.pfs.map_or("none".to_owned(), |group| group_name(group.ike_transform_id()));
    let end = match initiates {
        true => "another IKE SA has to be made each time that the child SA's lifetime ends",
        false => "the tunnel is interrupted when the child SA's lifetime ends",
    };
    let text = format!(
        "peer refused to rekey the child SA ({kind}) although it has its algorithms: PFS group differs, ours is {ours}; {end}"
    );
    let (of, items) = (Negotiated::Child, vec![ProposalItem::Group]);
    Failure::new(FailureKind::Proposal { of, items }, text)
}

/// The peer gives no child for this traffic.
pub(crate) fn refused(
    shared: &mut Shared,
    sa: &mut IkeSa,
    config: &TunnelConfig,
    offered: &Traffic,
    kind: NotifyKind,
) {
    if matches!(kind, NotifyKind::TsUnacceptable | NotifyKind::SinglePairRequired) {
        shared.traffic_refused(sa, offered, kind);
    }
    shared.child_refused(sa, Level::Error, child::refusal(config, offered, kind));
}

/// Rekeys again a little later, or makes a new child if there is none. If that fails until the end is near, another IKE SA
/// brings another child in time.
fn try_again(shared: &mut Shared, sa: &mut IkeSa, replaces: Option<u32>, wait_max: Duration) {
    // The side that answered leaves the first word to the other.
    let before_end = if sa.initiator { 2 * REAUTHENTICATE_AGAIN } else { REAUTHENTICATE_AGAIN };
    let up = replaces.and_then(|spi| sa.children.get_mut(&spi)).filter(|child| child.state == ChildState::Up);
    match up {
        Some(child) => {
            child.rekey_at = Some(shared.soon(child.expire_at, wait_max));
            let left = child.expire_at.saturating_sub(shared.now);
            child.reauthenticate_at.get_or_insert(child.expire_at - before_end.min(left / 2));
        }
        None => shared.retry_child(sa),
    }
}

/// The peer asks for a child.
pub(crate) fn on_request(shared: &mut Shared, sa: &mut IkeSa, contents: &Contents) -> Reply {
    let Some(config) = shared.config_of(sa) else {
        return Reply::Error(Notify::new(NotifyKind::TemporaryFailure, &[]));
    };
    if contents.sa.as_ref().is_some_and(|sa| sa.iter().any(|proposal| proposal.protocol == PROTOCOL_IKE)) {
        return rekey_ike::on_request(shared, sa, &config, contents);
    }
    if matches!(sa.pending.as_ref().map(|pending| &pending.request), Some(Request::RekeyIke(_))) {
        return Reply::Error(Notify::new(NotifyKind::TemporaryFailure, &[]));
    }
    let replaces = match contents.notify(NotifyKind::RekeySa).map(|notify| replaced(sa, notify)) {
        Some(Ok(spi)) => Some(spi),
        Some(Err(notify)) => return Reply::Error(notify),
        None => None,
    };
    if sa.children.len() >= shared.limits.children_per_ike_sa_max {
        return Reply::Error(Notify::new(NotifyKind::NoAdditionalSas, &[]));
    }
    match make(shared, sa, &config, contents, replaces) {
        Ok(payloads) => Reply::Payloads(payloads),
        Err(Declined::Syntax) => Reply::Fatal,
        Err(Declined::For(notify, failure)) => {
            match replaces {
                Some(_) => shared.rekey_refused(sa, failure),
                None if sa.children.is_empty() => shared.child_refused(sa, Level::Error, failure),
                None => shared.rest_refused(sa, Level::Warning, failure),
            }
            Reply::Error(notify)
        }
    }
}

/// The child that the peer wants to replace, by its inbound SPI, which is our outbound one.
fn replaced(sa: &IkeSa, notify: &Notify) -> Result<u32, Notify> {
    let outbound_spi = notify.child_spi();
    let found = sa.children.iter().find(|(_, child)| Some(child.outbound_spi) == outbound_spi);
    match found {
        Some((spi, child)) if child.state == ChildState::Up => Ok(*spi),
        Some(_) => Err(Notify::new(NotifyKind::TemporaryFailure, &[])),
        None => Err(Notify { kind: NotifyKind::ChildSaNotFound, ..notify.clone() }),
    }
}

enum Declined {
    Syntax,
    For(Notify, Failure),
}

fn make(
    shared: &mut Shared,
    sa: &mut IkeSa,
    config: &TunnelConfig,
    contents: &Contents,
    replaces: Option<u32>,
) -> Result<Vec<Payload>, Declined> {
    let peer_nonce = contents.nonce.as_ref().ok_or(Declined::Syntax)?;
    let accepted = child::answer(config, Within::CreateChild, contents).map_err(|refusal| {
        match refusal.notify.kind {
            NotifyKind::InvalidSyntax => Declined::Syntax,
            _ => Declined::For(refusal.notify, refusal.failure),
        }
    })?;
    let (own_value, secret) = match agree(shared, config, contents)? {
        Some((value, secret)) => (Some(value), Some(secret)),
        None => (None, None),
    };
    let Some(sa_keys) = &sa.keys else { return Err(Declined::Syntax) };
    let (inbound_spi, nonce) = (shared.new_child_spi(), shared.new_nonce());
    let nonces = (peer_nonce.as_slice(), nonce.as_slice());
    let keys = child::keys(config, sa_keys, secret.as_ref(), nonces, false);
    let agreement = accepted.agreement.clone();
    // Until the peer has our answer it cannot receive on the new child.
    shared.install_child(sa, inbound_spi, agreement, keys, replaces.is_none());
    let fresh = Fresh {
        nonce_initiator: peer_nonce.clone(),
        nonce_responder: nonce,
        spi_initiator: 0,
        spi_responder: 0,
    };
    shared.agreed(sa, replaces);
    if let Some(old) = replaces {
        replace(shared, sa, old, Rival { inbound_spi, lowest_nonce: fresh.lowest_nonce() });
    }
    let [proposal, tsi, tsr] = accepted.payloads(inbound_spi);
    let mut payloads = vec![proposal, Payload::Nonce(fresh.nonce_responder)];
    payloads.extend(own_value);
    payloads.extend([tsi, tsr]);
    Ok(payloads)
}

/// The fresh key exchange, where one is configured.
fn agree(
    shared: &mut Shared,
    config: &TunnelConfig,
    contents: &Contents,
) -> Result<Option<(Payload, Secret)>, Declined> {
    let Some(group) = config.child.pfs else { return Ok(None) };
    let wanted = group.ike_transform_id();
    let sent = contents.key_exchange.as_ref();
    let Some((_, value)) = sent.filter(|(sent, _)| *sent == wanted) else {
        let theirs = sent.map_or("none".to_owned(), |(group, _)| group_name(*group));
        let text = format!(
            "peer sent a public value for {theirs}, we want {}: PFS group differs",
            group_name(wanted)
        );
        let (of, items) = (Negotiated::Child, vec![ProposalItem::Group]);
        let failure = Failure::new(FailureKind::Proposal { of, items }, text);
        return Err(Declined::For(Notify::new(NotifyKind::InvalidKePayload, &wanted.to_be_bytes()), failure));
    };
    let exchange = KeyExchange::generate(group, &mut shared.random);
    let own_value = rekey_ike::key_exchange(&exchange);
    let secret = exchange.agree(value).map_err(|_| Declined::Syntax)?;
    Ok(Some((own_value, secret)))
}

/// The peer's new child replaces an old one, which the peer is going to delete, unless ours replaces it as well and wins.
fn replace(shared: &mut Shared, sa: &mut IkeSa, old: u32, rival: Rival) {
    sa.tasks.retain(|task| *task != Task::RekeyChild(old));
    let ours = match sa.pending.as_mut().map(|pending| &mut pending.request) {
        Some(Request::Child(request)) if request.replaces == Some(old) => Some(request),
        _ => None,
    };
    if let Some(request) = ours {
        request.rival = Some(rival);
    }
    if let Some(child) = sa.children.get_mut(&old) {
        (child.state, child.rekey_at) = (ChildState::Replaced, None);
        // The peer may have to ask several times before it has our answer; the old child must not end before.
        child.expire_at = shared.now + REPLACED_MAX;
    }
}

/// How long a peer may take to delete what it has replaced.
pub(crate) const REPLACED_MAX: Duration = Duration::from_secs(60);
/// How long to leave a peer alone that is busy with something else.
pub(crate) const BUSY_WAIT_MAX: Duration = Duration::from_secs(10);
/// How long to leave a peer alone that does not want what we want.
pub(crate) const REFUSED_WAIT_MAX: Duration = Duration::from_secs(300);
