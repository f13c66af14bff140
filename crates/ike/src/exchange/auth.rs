//! IKE_AUTH (RFC 7296, 1.2, 2.15, 2.21.2): both sides prove who they are, and make the first child.

use std::sync::Arc;
use std::time::Duration;

use crate::child::{self, Within};
use crate::config::{TunnelConfig, TunnelKey};
use crate::exchange::{Reply, create_child, informational};
use crate::failure::{Failure, FailureKind};
use crate::identity::Identity;
use crate::keys::Signed;
use crate::message::ExchangeType;
use crate::message::contents::Contents;
use crate::message::notify::{Notify, NotifyKind};
use crate::message::payload::Payload;
use crate::output::Level;
use crate::proof;
use crate::sa::{Handshake, IkeSa, Request, State, Task};
use crate::shared::{Shared, refusal};
use crate::traffic::Traffic;

/// What an initiator remembers until IKE_AUTH is answered.
pub(crate) struct AuthSent {
    handshake: Handshake,
    child_spi: u32,
    /// What the child was offered for.
    pub traffic: Traffic,
}

/// The body of an identification payload.
fn identity_body(identity: &Identity) -> Vec<u8> {
    let (kind, content) = identity.to_wire();
    [&[kind, 0, 0, 0], content.as_slice()].concat()
}

/// The identity in the body of an identification payload.
fn identity_of(body: &[u8]) -> Identity {
    Identity::from_wire(body.first().copied().unwrap_or(0), body.get(4..).unwrap_or_default())
}

/// As initiator: sends IKE_AUTH.
pub(crate) fn request(shared: &mut Shared, sa: &mut IkeSa, config: &TunnelConfig, handshake: Handshake) {
    let Some(keys) = &sa.keys else { return };
    let identity = identity_body(&proof::own_identity(config));
    let signed =
        Signed { message: &handshake.request, nonce: &handshake.fresh.nonce_responder, identity: &identity };
    let mut payloads = proof::prove(keys, config, true, signed, sa.named_signatures);
    payloads.insert(0, Payload::IdInitiator(identity.clone()));
    payloads.extend(config.certificates.as_deref().map(proof::request));
    let child_spi = shared.new_child_spi();
    if shared.tunnel_of(sa).is_some_and(|tunnel| !tunnel.unnamed_peer) {
        payloads.push(Payload::IdResponder(identity_body(&config.remote_id)));
    }
    if is_first(shared, sa) {
        payloads.push(Payload::Notify(Notify::new(NotifyKind::InitialContact, &[])));
    }
    let traffic = Traffic::of(config);
    payloads.extend(child::offer(config, Within::Auth, child_spi, &traffic));
    payloads.push(Payload::Notify(Notify::new(NotifyKind::EspTfcPaddingNotSupported, &[])));
    sa.request(shared.sending(), ExchangeType::Auth, &payloads, Request::Auth);
    sa.state = State::AuthSent(Box::new(AuthSent { handshake, child_spi, traffic }));
}

/// Whether the tunnel has no other established IKE SA, so that whatever the peer has is of an earlier life of ours.
fn is_first(shared: &Shared, sa: &IkeSa) -> bool {
    let tunnel = sa.tunnel.and_then(|key| shared.tunnels.get(&key));
    let mut others = tunnel.into_iter().flat_map(|tunnel| &tunnel.sas).filter(|spi| **spi != sa.spi);
    !others.any(|spi| shared.sas.get(spi).is_some_and(IkeSa::is_established))
}

/// As initiator: the peer answered.
pub(crate) fn on_response(shared: &mut Shared, sa: &mut IkeSa, contents: &Contents) {
    let Some(config) = shared.config_of(sa) else { return };
    let State::AuthSent(sent) = std::mem::replace(&mut sa.state, State::Gone) else { return };
    if contents.auth.is_none() {
        let kind = contents.error().map(|notify| notify.kind);
        if let Some(tunnel) = shared.tunnel_of(sa).filter(|_| kind == Some(NotifyKind::AuthenticationFailed))
        {
            tunnel.unnamed_peer = !tunnel.unnamed_peer;
        }
        let unproven = "peer answered IKE_AUTH without proving who it is";
        let unproven = || Failure::new(FailureKind::Malformed, unproven);
        return shared.failed(sa, Level::Error, kind.map_or_else(unproven, |kind| refusal(&config, kind)));
    }
    if let Err(failure) = verify_responder(shared, sa, &config, &sent.handshake, contents) {
        shared.failed(sa, Level::Error, failure);
        sa.state = State::Closing;
        return sa.enqueue(Task::RefuseAuthentication);
    }
    establish(shared, sa, &config);
    informational::on_auth_lifetime(shared, sa, contents);
    match contents.error() {
        Some(notify) => {
            create_child::refused(shared, sa, &config, &sent.traffic, notify.kind);
        }
        None => complete_child(shared, sa, &config, &sent, contents),
    }
}

fn complete_child(
    shared: &mut Shared,
    sa: &mut IkeSa,
    config: &TunnelConfig,
    sent: &AuthSent,
    contents: &Contents,
) {
    let fresh = &sent.handshake.fresh;
    match (child::accept(config, Within::Auth, &sent.traffic, contents), &sa.keys) {
        (Ok(agreement), Some(keys)) => {
            let nonces = (fresh.nonce_initiator.as_slice(), fresh.nonce_responder.as_slice());
            let keys = child::keys(config, keys, None, nonces, true);
            shared.install_child(sa, sent.child_spi, agreement, keys, true);
            sa.first_child = Some(sent.child_spi);
            shared.rekey_early(sa, sent.child_spi);
        }
        (Err(failure), _) => {
            // The peer has a child that we do not have.
            sa.enqueue(Task::DeleteChild(sent.child_spi));
            shared.child_refused(sa, Level::Error, failure);
        }
        (_, None) => {}
    }
}

fn verify_responder(
    shared: &Shared,
    sa: &IkeSa,
    config: &TunnelConfig,
    handshake: &Handshake,
    contents: &Contents,
) -> Result<(), Failure> {
    let nobody = || Failure::new(FailureKind::Malformed, "peer answered IKE_AUTH without an identity");
    let body = contents.id_responder.as_deref().ok_or_else(nobody)?;
    let identity = identity_of(body);
    if !proof::may_be(config, &identity) {
        let wanted = &config.remote_id;
        let text = format!("peer says it is {identity}, we want {wanted}: the remote identity differs");
        return Err(Failure::new(FailureKind::RemoteIdentity, text));
    }
    let signed =
        Signed { message: &handshake.response, nonce: &handshake.fresh.nonce_initiator, identity: body };
    let Some(keys) = &sa.keys else { return Err(nobody()) };
    proof::verify(keys, config, false, signed, (contents, &identity), shared.unix_now())
}

/// As responder: the peer says who it is.
pub(crate) fn on_request(shared: &mut Shared, sa: &mut IkeSa, contents: &Contents) -> Reply {
    let State::HalfOpen(handshake) = std::mem::replace(&mut sa.state, State::Gone) else {
        return Reply::Nothing;
    };
    match identify(shared, sa, &handshake, contents) {
        Ok((key, config)) => {
            let initial_contact = contents.notify(NotifyKind::InitialContact).is_some();
            welcome(shared, sa, key, &config, initial_contact);
            prove_and_answer(shared, sa, &config, &handshake, contents)
        }
        Err(Unknown { tunnels, failure }) => {
            for key in tunnels.iter().take(TUNNELS_TOLD_MAX) {
                shared.stranger(Some(*key), &failure);
            }
            if tunnels.is_empty() {
                shared.stranger(None, &failure);
            }
            shared.lost(sa, true);
            Reply::Error(Notify::new(NotifyKind::AuthenticationFailed, &[]))
        }
    }
}

/// The most tunnels whose logs tell of one peer that did not authenticate.
const TUNNELS_TOLD_MAX: usize = 4;

/// A peer that is none of ours, and the tunnels that it could have meant.
struct Unknown {
    tunnels: Vec<TunnelKey>,
    failure: Failure,
}

/// Finds the tunnel that the peer means, and has proven to be the other end of: by addresses, then by identities, then by key.
fn identify(
    shared: &Shared,
    sa: &IkeSa,
    handshake: &Handshake,
    contents: &Contents,
) -> Result<(TunnelKey, Arc<TunnelConfig>), Unknown> {
    let mut tunnels = shared.tunnels_between(*sa.path.local.ip(), *sa.path.remote.ip());
    tunnels.retain(|(_, config)| config.ike == sa.suite);
    let keys = |tunnels: &[(TunnelKey, _)]| tunnels.iter().map(|(key, _)| *key).collect::<Vec<_>>();
    let Some(body) = contents.id_initiator.as_deref() else {
        let failure = Failure::new(FailureKind::Malformed, "peer sent IKE_AUTH without an identity");
        return Err(Unknown { tunnels: keys(&tunnels), failure });
    };
    let identity = identity_of(body);
    let named = contents.id_responder.as_deref().map(identity_of);
    let of_identity = |config: &TunnelConfig| {
        let meant = |named: &Identity| named.is(&config.local_id) || *named == proof::own_identity(config);
        proof::may_be(config, &identity) && named.as_ref().is_none_or(meant)
    };
    let (known, others): (Vec<_>, Vec<_>) = tunnels.into_iter().partition(|(_, config)| of_identity(config));
    if known.is_empty() {
        let wanted = others.first().map(|(_, config)| config.as_ref());
        let failure = wrong_identity(&identity, named.as_ref(), wanted);
        return Err(Unknown { tunnels: keys(&others), failure });
    }
    let signed =
        Signed { message: &handshake.request, nonce: &handshake.fresh.nonce_responder, identity: body };
    let Some(sa_keys) = &sa.keys else {
        return Err(Unknown { tunnels: Vec::new(), failure: wrong_identity(&identity, None, None) });
    };
    let prove = |config: &TunnelConfig| {
        proof::verify(sa_keys, config, true, signed, (contents, &identity), shared.unix_now())
    };
    let mut proven = Vec::new();
    let mut failure = None;
    for found in &known {
        match prove(&found.1) {
            Ok(()) => proven.push(found),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    match proven.into_iter().min_by_key(|(key, _)| occupancy(shared, *key)) {
        Some(found) => Ok(found.clone()),
        None => {
            let failure = failure.unwrap_or_else(|| wrong_identity(&identity, None, None));
            Err(Unknown { tunnels: keys(&known), failure })
        }
    }
}

fn wrong_identity(identity: &Identity, named: Option<&Identity>, wanted: Option<&TunnelConfig>) -> Failure {
    let wants = named.map_or(String::new(), |named| format!(" and that we are {named}"));
    let text = match wanted {
        Some(config) => format!(
            "peer says it is {identity}{wants}, we want it to be {} and are {}: the identities do not match",
            config.remote_id, config.local_id
        ),
        None => {
            format!("peer says it is {identity}{wants}, and no tunnel with these algorithms is left to ask")
        }
    };
    let only_we_differ = wanted.is_some_and(|config| identity.is(&config.remote_id));
    let kind = if only_we_differ { FailureKind::LocalIdentity } else { FailureKind::RemoteIdentity };
    Failure::new(kind, text)
}

/// Tunnels that nothing tells apart are taken in this order: those that are down, then the one that has been up for longest.
fn occupancy(shared: &Shared, key: TunnelKey) -> (bool, Duration) {
    let tunnel = shared.tunnels.get(&key);
    let sas = tunnel.into_iter().flat_map(|tunnel| &tunnel.sas).filter_map(|spi| shared.sas.get(spi));
    let newest = sas.filter(|sa| sa.is_established()).map(|sa| sa.times.established).max();
    (newest.is_some(), newest.unwrap_or_default())
}

/// The peer has authenticated: puts its IKE SA in the place of what it replaces.
fn welcome(
    shared: &mut Shared,
    sa: &mut IkeSa,
    key: TunnelKey,
    config: &TunnelConfig,
    initial_contact: bool,
) {
    shared.bind(sa, key);
    sa.nat.forced &= config.force_encapsulation;
    if !(config.nat_traversal || config.force_encapsulation) {
        sa.nat = sa.nat.ignore();
    }
    let others = shared.tunnels.get(&key).map(|tunnel| tunnel.sas.clone()).unwrap_or_default();
    let begun = sa.times.created;
    for spi in others {
        shared.with_sa(spi, |shared, other| {
            let stale = initial_contact && !matches!(other.state, State::InitSent(_) | State::AuthSent(_));
            if stale && other.times.established < begun {
                shared.log(
                    other.tunnel,
                    Level::Info,
                    "peer has started anew: its earlier IKE SA is forgotten".to_owned(),
                );
                shared.lost(other, false);
            } else if matches!(other.state, State::InitSent(_)) {
                // The peer was faster; it cannot have this one.
                shared.lost(other, false);
            }
        });
    }
    establish(shared, sa, config);
}

/// The IKE SA counts from now on.
fn establish(shared: &mut Shared, sa: &mut IkeSa, config: &TunnelConfig) {
    sa.state = State::Established;
    sa.times.established = shared.now;
    sa.times.heard = shared.now;
    sa.times.rekey = Some(shared.rekey_time(config.ike_lifetime()));
    sa.times.expire = Some(shared.now + config.ike_lifetime());
    sa.times.redundant = Some(shared.now + shared.limits.linger);
    make_room(shared, sa);
    let text = format!("IKE SA established with {} at {}", config.remote_id, sa.path.remote);
    shared.log(sa.tunnel, Level::Info, text);
}

/// Closes the oldest IKE SA of a tunnel that has too many, and forgets the oldest of those that are only waiting to be gone.
pub(crate) fn make_room(shared: &mut Shared, sa: &IkeSa) {
    let sas = sa
        .tunnel
        .and_then(|key| shared.tunnels.get(&key))
        .map(|tunnel| tunnel.sas.clone())
        .unwrap_or_default();
    let max = shared.limits.ike_sas_per_tunnel_max;
    let others =
        sas.iter().filter_map(|spi| shared.sas.get(spi)).map(|sa| (sa.is_live(), sa.times.created, sa.spi));
    let (mut live, mut ending): (Vec<_>, Vec<_>) = others.partition(|(is_live, _, _)| *is_live);
    live.sort_unstable();
    ending.sort_unstable();
    let surplus = |crowd: &[(bool, Duration, u64)]| (crowd.len() + 1).saturating_sub(max);
    for (_, _, spi) in &live[..surplus(&live).min(live.len())] {
        shared.with_sa(*spi, |shared, other| match other.is_established() {
            true => shared.close(other, Task::Close),
            false => shared.lost(other, false),
        });
    }
    for (_, _, spi) in &ending[..surplus(&ending).min(ending.len())] {
        shared.with_sa(*spi, |shared, other| shared.lost(other, false));
    }
}

/// The peer makes the first child later (RFC 6023).
fn is_childless(contents: &Contents) -> bool {
    contents.sa.is_none() && contents.ts_initiator.is_none() && contents.ts_responder.is_none()
}

/// Proves who we are, and answers what the peer proposed for the first child.
fn prove_and_answer(
    shared: &mut Shared,
    sa: &mut IkeSa,
    config: &TunnelConfig,
    handshake: &Handshake,
    contents: &Contents,
) -> Reply {
    let Some(keys) = &sa.keys else { return Reply::Nothing };
    let identity = identity_body(&proof::own_identity(config));
    let fresh = &handshake.fresh;
    let signed = Signed { message: &handshake.response, nonce: &fresh.nonce_initiator, identity: &identity };
    let mut payloads = proof::prove(keys, config, false, signed, sa.named_signatures);
    payloads.insert(0, Payload::IdResponder(identity.clone()));
    if is_childless(contents) {
        shared.retry_child(sa);
        return Reply::Payloads(payloads);
    }
    // While another child is up, the new one is used when the peer is known to have it.
    let ready = shared.tunnel_of(sa).is_none_or(|tunnel| !tunnel.has_child());
    match child::answer(config, Within::Auth, contents) {
        Ok(accepted) => {
            let nonces = (fresh.nonce_initiator.as_slice(), fresh.nonce_responder.as_slice());
            let keys = child::keys(config, keys, None, nonces, false);
            let inbound_spi = shared.new_child_spi();
            let agreement = accepted.agreement.clone();
            payloads.extend(accepted.payloads(inbound_spi));
            payloads.push(Payload::Notify(Notify::new(NotifyKind::EspTfcPaddingNotSupported, &[])));
            shared.install_child(sa, inbound_spi, agreement, keys, ready);
            sa.first_child = Some(inbound_spi);
        }
        Err(refusal) => {
            payloads.push(Payload::Notify(refusal.notify));
            shared.child_refused(sa, Level::Error, refusal.failure);
        }
    }
    Reply::Payloads(payloads)
}
