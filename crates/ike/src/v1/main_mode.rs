//! Main mode (RFC 2409, 5.4): proposals, then public values, then identities, which are encrypted.
//!
//! ```text
//!   1 ->  SA                        2 <-  SA
//!   3 ->  KE, Ni, NAT-D             4 <-  KE, Nr, NAT-D
//!   5 ->  {IDii, HASH_I}            6 <-  {IDir, HASH_R}
//! ```

use std::sync::Arc;

use crate::config::{IkeVersion, Mode, TunnelConfig, TunnelKey};
use crate::failure::{Failure, FailureKind};
use crate::nat::{IKE_PORT, Path};
use crate::output::Level;
use crate::shared::Shared;
use crate::v1::Received;
use crate::v1::cipher::{Decrypted, decrypt, encrypt};
use crate::v1::keys::SaKeys;
use crate::v1::message::association;
use crate::v1::message::contents::Contents;
use crate::v1::message::notify::AUTHENTICATION_FAILED;
use crate::v1::message::{ExchangeType, KEY_EXCHANGE, NONCE, Payload, SA, write_plain};
use crate::v1::phase1::{
    Denial, answer, begin, check_peer, decline, detect, disbelief, establish, failed, half_open, invited,
    is_repeated, key_exchange, nat_payloads, plain, proof, refused, send, step,
};
use crate::v1::proposal::choose_ike;
use crate::v1::sa::{Handshake, Phase1, State, Step};
use crate::v1::vendor::{self, Abilities};

/// The most tunnels whose pre-shared keys are tried on one message.
const CANDIDATES_MAX: usize = 64;

/// Takes the handshake out; whatever is not put back is forgotten.
fn take(sa: &mut Phase1) -> Option<Box<Handshake>> {
    match std::mem::replace(&mut sa.state, State::Gone) {
        State::Handshake(_, handshake) => Some(handshake),
        other => {
            sa.state = other;
            None
        }
    }
}

/// Message 1.
pub(crate) fn initiate(shared: &mut Shared, key: TunnelKey, replaces: Option<Path>) {
    let Some((mut sa, handshake, _, payloads)) = begin(shared, key, replaces) else { return };
    let message = write_plain(&sa.header(ExchangeType::Main, false, 0), &payloads);
    step(&mut sa, Step::MainSent1, Box::new(handshake));
    send(shared, &mut sa, message);
    shared.settle_phase1(sa);
}

/// Message 1 arrives: somebody wants to begin. Answers with message 2.
pub(crate) fn on_first(shared: &mut Shared, received: Received<'_>) {
    if is_repeated(shared, &received) {
        return;
    }
    let Some(contents) = plain(&received) else { return };
    let invited = invited(shared, &received, Mode::Main, &contents, |_| true);
    let Some((_, config, proposal, lifetime_s)) = invited else { return };
    let mut sa = half_open(shared, &received, config.ike);
    let offered = Abilities::of(&contents.vendor_ids);
    let traverses = traverses(shared, &sa);
    sa.abilities = Abilities { nat_traversal: offered.nat_traversal.filter(|_| traverses), ..offered };
    let mut payloads = vec![Payload::new(SA, association::write(&[proposal]))];
    payloads.extend(vendor::payloads(traverses, Some(offered)));
    let message = write_plain(&sa.header(ExchangeType::Main, false, 0), &payloads);
    let mut handshake = Handshake { lifetime_s, ..Handshake::default() };
    handshake.exchanged.sa_body = contents.sa.unwrap_or_default();
    step(&mut sa, Step::MainAnswered1, Box::new(handshake));
    answer(shared, &mut sa, received.bytes, message);
    shared.settle_phase1(sa);
}

/// The tunnels whose peer this may be: between the two addresses, in main mode, with this suite.
fn candidates(shared: &Shared, sa: &Phase1) -> Vec<(TunnelKey, Arc<TunnelConfig>)> {
    let tunnels = shared.v1_tunnels_between(*sa.path.local.ip(), *sa.path.remote.ip()).into_iter();
    let fits = |config: &TunnelConfig| config.version == IkeVersion::V1(Mode::Main) && config.ike == sa.suite;
    tunnels.filter(|(_, config)| fits(config)).take(CANDIDATES_MAX).collect()
}

fn traverses(shared: &Shared, sa: &Phase1) -> bool {
    candidates(shared, sa).iter().any(|(_, config)| config.nat_traversal || config.force_encapsulation)
}

/// Message 2 arrives. Sends message 3.
pub(crate) fn on_second(shared: &mut Shared, sa: &mut Phase1, received: Received<'_>) {
    let (Some(config), Some(contents)) = (config_of(shared, sa), plain(&received)) else { return };
    // The only thing that says that this is from the peer is that it knows our cookie.
    if received.path.remote.ip() != sa.path.remote.ip() || received.header.cookie_responder == 0 {
        return;
    }
    let Some(offered) = contents.sa.as_ref().and_then(|body| association::parse(body).ok()) else { return };
    let chosen = match choose_ike(&offered, &config.ike) {
        Ok(chosen) => chosen,
        Err(failure) => return refused(shared, sa, failure),
    };
    let Some(mut handshake) = take(sa) else { return };
    sa.peer_spi = received.header.cookie_responder;
    sa.abilities = Abilities::of(&contents.vendor_ids);
    if !(config.nat_traversal || config.force_encapsulation) {
        sa.abilities.nat_traversal = None;
    }
    let (exchange, value) = key_exchange(shared, &sa.suite);
    handshake.exchange = Some(exchange);
    handshake.lifetime_s = chosen.lifetime_s;
    handshake.exchanged.cookies = sa.cookies();
    handshake.exchanged.public_values.0 = value;
    handshake.exchanged.nonces.0 = shared.new_nonce();
    let (value, nonce) = (handshake.exchanged.public_values.0.clone(), handshake.exchanged.nonces.0.clone());
    let message = keys_message(shared, sa, (value, nonce), config.force_encapsulation);
    step(sa, Step::MainSent3, handshake);
    sa.keep_answer(received.bytes, Some(&message));
    send(shared, sa, message);
}

/// Messages 3 and 4.
fn keys_message(
    shared: &mut Shared,
    sa: &Phase1,
    (value, nonce): (Vec<u8>, Vec<u8>),
    forced: bool,
) -> Vec<u8> {
    let mut payloads = vec![Payload::new(KEY_EXCHANGE, value), Payload::new(NONCE, nonce)];
    payloads.extend(nat_payloads(shared, sa, sa.abilities.nat_traversal, forced));
    write_plain(&sa.header(ExchangeType::Main, false, 0), &payloads)
}

/// Message 3 arrives. Answers with message 4.
pub(crate) fn on_third(shared: &mut Shared, sa: &mut Phase1, received: Received<'_>) {
    let Some(contents) = plain(&received) else { return };
    let (Some(value), Some(nonce)) = (contents.key_exchange.clone(), contents.nonce.clone()) else { return };
    let forced = candidates(shared, sa).iter().any(|(_, config)| config.force_encapsulation);
    let (exchange, own_value) = key_exchange(shared, &sa.suite);
    let Ok(secret) = exchange.agree(&value) else { return };
    let Some(mut handshake) = take(sa) else { return };
    let own_nonce = shared.new_nonce();
    handshake.shared = Some(secret);
    handshake.exchanged.cookies = sa.cookies();
    handshake.exchanged.public_values = (value, own_value.clone());
    handshake.exchanged.nonces = (nonce, own_nonce.clone());
    sa.nat = detect(sa, &contents, received.path, forced);
    let message = keys_message(shared, sa, (own_value, own_nonce), forced);
    step(sa, Step::MainAnswered3, handshake);
    answer(shared, sa, received.bytes, message);
}

/// Message 4 arrives: the keys are known. Sends message 5.
pub(crate) fn on_fourth(shared: &mut Shared, sa: &mut Phase1, received: Received<'_>) {
    let (Some(config), Some(contents)) = (config_of(shared, sa), plain(&received)) else { return };
    let (Some(value), Some(nonce)) = (contents.key_exchange.clone(), contents.nonce.clone()) else { return };
    if received.path.remote.ip() != sa.path.remote.ip() {
        return;
    }
    let Some(mut handshake) = take(sa) else { return };
    let secret = handshake.exchange.take().and_then(|exchange| exchange.agree(&value).ok());
    let Some(secret) = secret else {
        // The exchange is used up; this attempt is not worth another.
        let text = "peer sent an invalid public value for the DH group";
        return failed(shared, sa, Level::Error, Failure::new(FailureKind::Malformed, text));
    };
    handshake.exchanged.public_values.1 = value;
    handshake.exchanged.nonces.1 = nonce;
    let Some(keys) = SaKeys::new(&sa.suite, &config.psk, &secret, &handshake.exchanged) else { return };
    sa.nat = detect(sa, &contents, received.path, config.force_encapsulation);
    if sa.nat.encapsulates() && sa.path.local.port() == IKE_PORT {
        sa.path = sa.path.on_nat_port();
    }
    sa.vector = keys.first_vector();
    let payloads = proof(sa, &keys, &handshake, &config);
    let header = sa.header(ExchangeType::Main, true, 0);
    let message = encrypt(keys.cipher(), &mut sa.vector, &header, &payloads);
    sa.keys = Some(keys);
    step(sa, Step::MainSent5, handshake);
    sa.keep_answer(received.bytes, Some(&message));
    send(shared, sa, message);
}

/// Message 5 arrives: who is it? Answers with message 6.
pub(crate) fn on_fifth(shared: &mut Shared, sa: &mut Phase1, received: Received<'_>) {
    let State::Handshake(_, handshake) = &sa.state else { return };
    if !received.header.encrypted {
        return;
    }
    let tunnels = candidates(shared, sa);
    match recognise(sa, handshake, &tunnels, &received) {
        Ok(Recognised { key, config, keys, contents, next_vector }) => {
            let Some(handshake) = take(sa) else { return };
            // The peer may have moved to the ports for translation, and only now is known that it is the peer.
            sa.path = received.path;
            sa.nat.forced &= config.force_encapsulation;
            sa.vector = next_vector;
            let payloads = proof(sa, &keys, &handshake, &config);
            let header = sa.header(ExchangeType::Main, true, 0);
            let message = encrypt(keys.cipher(), &mut sa.vector, &header, &payloads);
            sa.keys = Some(keys);
            answer(shared, sa, received.bytes, message);
            establish(shared, sa, (key, &config), handshake.lifetime_s, &contents);
        }
        Err((key, failure)) => {
            shared.stranger(key, &failure);
            decline(shared, &received, AUTHENTICATION_FAILED);
        }
    }
}

/// The tunnel whose peer has proven that it is it.
struct Recognised {
    key: TunnelKey,
    config: Arc<TunnelConfig>,
    keys: SaKeys,
    contents: Contents,
    next_vector: Vec<u8>,
}

/// Tries the pre-shared keys of all tunnels that may be meant.
fn recognise(
    sa: &Phase1,
    handshake: &Handshake,
    tunnels: &[(TunnelKey, Arc<TunnelConfig>)],
    received: &Received<'_>,
) -> Result<Recognised, (Option<TunnelKey>, Failure)> {
    let mut denied = None;
    for (key, config) in tunnels {
        let secret = handshake.shared.as_ref();
        let keys = secret.and_then(|it| SaKeys::new(&sa.suite, &config.psk, it, &handshake.exchanged));
        let Some(keys) = keys else { continue };
        let decrypted = decrypt(keys.cipher(), &keys.first_vector(), received.first, received.body);
        let readable = decrypted
            .and_then(|Decrypted { payloads, next_vector, .. }| Ok((Contents::of(payloads)?, next_vector)));
        let checked = match &readable {
            Ok((contents, _)) => check_peer(&keys, &handshake.exchanged, true, contents, config),
            Err(_) => Err(Denial::Key),
        };
        match (checked, readable) {
            (Ok(()), Ok((contents, next_vector))) => {
                let config = Arc::clone(config);
                return Ok(Recognised { key: *key, config, keys, contents, next_vector });
            }
            (Err(denial @ Denial::Identity(_)), _) => denied = Some((*key, disbelief(&denial, config))),
            _ => {}
        }
    }
    Err(match (denied, tunnels.first()) {
        (Some((key, failure)), _) => (Some(key), failure),
        (None, Some((key, config))) => {
            let text = format!(
                "message 5 of main mode from {} cannot be decrypted: the pre-shared key does not match",
                config.remote_id
            );
            (Some(*key), Failure::new(FailureKind::PreSharedKey, text))
        }
        (None, None) => {
            let text = "no tunnel with these algorithms is left to ask";
            (None, Failure::new(FailureKind::Refused, text))
        }
    })
}

/// Message 6 arrives: the peer has proven who it is, or not.
pub(crate) fn on_sixth(shared: &mut Shared, sa: &mut Phase1, received: Received<'_>) {
    let (Some(config), Some(key)) = (config_of(shared, sa), sa.tunnel) else { return };
    let State::Handshake(_, handshake) = &sa.state else { return };
    let Some(keys) = sa.keys.as_ref().filter(|_| received.header.encrypted) else { return };
    let Ok(decrypted) = decrypt(keys.cipher(), &sa.vector, received.first, received.body) else { return };
    let Decrypted { payloads, next_vector, .. } = decrypted;
    let Ok(contents) = Contents::of(payloads) else { return };
    match check_peer(keys, &handshake.exchanged, false, &contents, &config) {
        Ok(()) => {
            let lifetime_s = handshake.lifetime_s;
            sa.vector = next_vector;
            sa.resend = None;
            sa.keep_answer(received.bytes, None);
            establish(shared, sa, (key, &config), lifetime_s, &contents);
        }
        // Anybody can send what is not a proof; an identity that is proven is the peer's.
        Err(Denial::Key) => {}
        Err(denial) => refused(shared, sa, disbelief(&denial, &config)),
    }
}

/// The configuration of the tunnel that an ISAKMP SA belongs to.
pub(crate) fn config_of(shared: &Shared, sa: &Phase1) -> Option<Arc<TunnelConfig>> {
    Some(Arc::clone(&shared.tunnels.get(&sa.tunnel?)?.config))
}
