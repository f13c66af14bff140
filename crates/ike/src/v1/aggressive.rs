//! Aggressive mode (RFC 2409, 5.4): everything at once, identities in the clear.
//!
//! ```text
//!   1 ->  SA, KE, Ni, IDii          2 <-  SA, KE, Nr, IDir, HASH_R, NAT-D
//!   3 ->  HASH_I, NAT-D
//! ```

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Mode, TunnelConfig, TunnelKey};
use crate::failure::{Failure, FailureKind};
use crate::identity::Identity;
use crate::nat::{IKE_PORT, Nat, Path};
use crate::output::Level;
use crate::shared::Shared;
use crate::v1::Received;
use crate::v1::cipher::{decrypt, encrypt};
use crate::v1::keys::{SaKeys, is_same};
use crate::v1::main_mode::config_of;
use crate::v1::message::association;
use crate::v1::message::contents::Contents;
use crate::v1::message::notify::{AUTHENTICATION_FAILED, INITIAL_CONTACT, Notify};
use crate::v1::message::{
    ExchangeType, HASH, Header, IDENTIFICATION, KEY_EXCHANGE, NONCE, Payload, SA, write_plain,
};
use crate::v1::phase1::{
    answer, begin, check_peer, decline, detect, disbelief, establish, failed, half_open, invited,
    is_repeated, key_exchange, nat_payloads, plain, proof, refused, send, step,
};
use crate::v1::proposal::choose_ike;
use crate::v1::resend::Resend;
use crate::v1::sa::{Handshake, Phase1, State, Step};
use crate::v1::vendor::{self, Abilities};
use crate::v1::{identity, message::parse_chain};

/// The most first messages from one address that are answered in a second: each costs a key exchange, whoever has sent it.
const ANSWERS_PER_SECOND_MAX: usize = 16;

/// Message 1.
pub(crate) fn initiate(shared: &mut Shared, key: TunnelKey, replaces: Option<Path>) {
    let Some((mut sa, mut handshake, config, mut payloads)) = begin(shared, key, replaces) else { return };
    let (exchange, value) = key_exchange(shared, &sa.suite);
    let nonce = shared.new_nonce();
    handshake.exchange = Some(exchange);
    (handshake.exchanged.public_values.0, handshake.exchanged.nonces.0) = (value.clone(), nonce.clone());
    let vendor_ids = payloads.split_off(1);
    payloads.push(Payload::new(KEY_EXCHANGE, value));
    payloads.push(Payload::new(NONCE, nonce));
    payloads.push(Payload::new(IDENTIFICATION, identity::body(&config.local_id)));
    payloads.extend(vendor_ids);
    let message = write_plain(&sa.header(ExchangeType::Aggressive, false, 0), &payloads);
    step(&mut sa, Step::AggressiveSent1, Box::new(handshake));
    send(shared, &mut sa, message);
    shared.settle_phase1(sa);
}

/// Message 1 arrives: somebody wants to begin. Answers with message 2.
pub(crate) fn on_first(shared: &mut Shared, received: Received<'_>) {
    if is_repeated(shared, &received) {
        return;
    }
    let (address, lately) = (*received.path.remote.ip(), shared.now.saturating_sub(Duration::from_secs(1)));
    if shared.v1.half_open.len_since(address, lately) >= ANSWERS_PER_SECOND_MAX {
        return;
    }
    let Some(contents) = plain(&received) else { return };
    let named = contents.ids.first().and_then(|body| identity::identity(body));
    let Some(named) = named else { return };
    let asks_for = |config: &TunnelConfig| Identity::is(&named, &config.remote_id);
    let invited = invited(shared, &received, Mode::Aggressive, &contents, asks_for);
    let Some((key, config, proposal, lifetime_s)) = invited else { return };
    let (Some(value), Some(nonce)) = (contents.key_exchange.clone(), contents.nonce.clone()) else { return };
    let (exchange, own_value) = key_exchange(shared, &config.ike);
    let Ok(secret) = exchange.agree(&value) else { return };

    let mut sa = half_open(shared, &received, config.ike);
    sa.tunnel = Some(key);
    let offered = Abilities::of(&contents.vendor_ids);
    let traverses = config.nat_traversal || config.force_encapsulation;
    sa.abilities = Abilities { nat_traversal: offered.nat_traversal.filter(|_| traverses), ..offered };
    let mut handshake = Handshake { lifetime_s, ..Handshake::default() };
    handshake.exchanged.cookies = sa.cookies();
    handshake.exchanged.public_values = (value, own_value.clone());
    handshake.exchanged.nonces = (nonce, shared.new_nonce());
    handshake.exchanged.sa_body = contents.sa.clone().unwrap_or_default();
    let Some(keys) = SaKeys::new(&sa.suite, &config.psk, &secret, &handshake.exchanged) else { return };
    let mut payloads = vec![
        Payload::new(SA, association::write(&[proposal])),
        Payload::new(KEY_EXCHANGE, own_value),
        Payload::new(NONCE, handshake.exchanged.nonces.1.clone()),
    ];
    payloads.extend(proof(&sa, &keys, &handshake, &config));
    payloads.extend(vendor::payloads(traverses, Some(offered)));
    payloads.extend(nat_payloads(shared, &sa, sa.abilities.nat_traversal, config.force_encapsulation));
    let message = write_plain(&sa.header(ExchangeType::Aggressive, false, 0), &payloads);
    sa.vector = keys.first_vector();
    sa.keys = Some(keys);
    handshake.peer_identity = contents.ids.first().cloned().unwrap_or_default();
    step(&mut sa, Step::AggressiveAnswered1, Box::new(handshake));
    // Nothing else makes the initiator say its last message again.
    sa.resend = Some(Resend::for_a_stranger(message.clone(), shared.now, &shared.limits));
    answer(shared, &mut sa, received.bytes, message);
    shared.settle_phase1(sa);
}

/// Message 2 arrives: the peer has proven who it is, or not. Sends message 3.
pub(crate) fn on_second(shared: &mut Shared, sa: &mut Phase1, received: Received<'_>) {
    let (Some(config), Some(key)) = (config_of(shared, sa), sa.tunnel) else { return };
    let Some(contents) = plain(&received) else { return };
    if received.path.remote.ip() != sa.path.remote.ip() || received.header.cookie_responder == 0 {
        return;
    }
    let Some(offered) = contents.sa.as_ref().and_then(|body| association::parse(body).ok()) else { return };
    let (Some(value), Some(nonce)) = (contents.key_exchange.clone(), contents.nonce.clone()) else { return };
    let chosen = match choose_ike(&offered, &config.ike) {
        Ok(chosen) => chosen,
        Err(failure) => return refused(shared, sa, failure),
    };
    let State::Handshake(_, handshake) = &mut sa.state else { return };
    let secret = handshake.exchange.take().and_then(|exchange| exchange.agree(&value).ok());
    let Some(secret) = secret else {
        sa.state = State::Gone;
        let text = "peer sent an invalid public value for the DH group";
        return failed(shared, sa, Level::Error, Failure::new(FailureKind::Malformed, text));
    };
    sa.peer_spi = received.header.cookie_responder;
    let cookies = sa.cookies();
    let State::Handshake(_, handshake) = &mut sa.state else { return };
    handshake.exchanged.cookies = cookies;
    handshake.exchanged.public_values.1 = value;
    handshake.exchanged.nonces.1 = nonce;
    let Some(keys) = SaKeys::new(&sa.suite, &config.psk, &secret, &handshake.exchanged) else { return };
    if let Err(denial) = check_peer(&keys, &handshake.exchanged, false, &contents, &config) {
        // The private value is used up, so this attempt is over, whoever it was that answered.
        sa.state = State::Gone;
        return failed(shared, sa, Level::Error, disbelief(&denial, &config));
    }
    prove(shared, sa, (key, &config), keys, (&received, &contents), chosen.lifetime_s);
}

/// Message 3.
fn prove(
    shared: &mut Shared,
    sa: &mut Phase1,
    (key, config): (TunnelKey, &TunnelConfig),
    keys: SaKeys,
    (received, contents): (&Received<'_>, &Contents),
    lifetime_s: Option<u64>,
) {
    let State::Handshake(_, handshake) = &sa.state else { return };
    let identity = identity::body(&config.local_id);
    let hash = keys.proof(true, &handshake.exchanged, &identity);
    let mut payloads = vec![Payload::new(HASH, hash)];
    let is_first = handshake.is_first;
    sa.abilities = Abilities::of(&contents.vendor_ids);
    if !(config.nat_traversal || config.force_encapsulation) {
        sa.abilities.nat_traversal = None;
    }
    sa.nat = detect(sa, contents, received.path, config.force_encapsulation);
    if sa.nat.encapsulates() && sa.path.local.port() == IKE_PORT {
        sa.path = sa.path.on_nat_port();
    }
    // Of the ports that this message goes over.
    payloads.extend(nat_payloads(shared, sa, sa.abilities.nat_traversal, config.force_encapsulation));
    if is_first {
        payloads.push(Notify::about_isakmp(INITIAL_CONTACT, sa.cookies(), &[]).payload());
    }
    sa.vector = keys.first_vector();
    let header = Header { encrypted: true, ..sa.header(ExchangeType::Aggressive, true, 0) };
    let message = encrypt(keys.cipher(), &mut sa.vector, &header, &payloads);
    sa.keys = Some(keys);
    sa.keep_answer(received.bytes, Some(&message));
    send(shared, sa, message);
    // Nothing answers it but a repetition of message 2, which it answers in turn.
    sa.resend = None;
    establish(shared, sa, (key, config), lifetime_s, contents);
}

/// Message 3 arrives, encrypted or not: the peer has proven who it is, or not.
pub(crate) fn on_third(shared: &mut Shared, sa: &mut Phase1, received: Received<'_>) {
    let (Some(config), Some(key)) = (config_of(shared, sa), sa.tunnel) else { return };
    let State::Handshake(_, handshake) = &sa.state else { return };
    let Some(keys) = &sa.keys else { return };
    let read = match received.header.encrypted {
        true => decrypt(keys.cipher(), &sa.vector, received.first, received.body)
            .and_then(|it| Ok((Contents::of(it.payloads)?, it.next_vector))),
        false => parse_chain(received.first, received.body)
            .and_then(Contents::of)
            .map(|contents| (contents, sa.vector.clone())),
    };
    let expected = keys.proof(true, &handshake.exchanged, &handshake.peer_identity);
    let proven = read.ok().filter(|(contents, _)| is_same(contents.hash.as_ref(), &expected));
    let Some((contents, next_vector)) = proven else {
        let text = format!(
            "authentication of {} failed in message 3 of aggressive mode: the pre-shared key does not match",
            config.remote_id
        );
        shared.stranger(Some(key), &Failure::new(FailureKind::PreSharedKey, text));
        return decline(shared, &received, AUTHENTICATION_FAILED);
    };
    let lifetime_s = handshake.lifetime_s;
    // Some hash the ports that they have moved to, and some those from before.
    let [moved, before] =
        [received.path, sa.path].map(|path| detect(sa, &contents, path, config.force_encapsulation));
    sa.nat = Nat { local: moved.local && before.local, remote: moved.remote && before.remote, ..moved };
    sa.path = received.path;
    sa.vector = next_vector;
    sa.resend = None;
    sa.keep_answer(received.bytes, None);
    let config = Arc::clone(&config);
    establish(shared, sa, (key, &config), lifetime_s, &contents);
}
