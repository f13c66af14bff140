//! Quick mode as responder: what the peer asks for, and message 2.

use std::net::SocketAddrV4;
use std::time::Duration;

use causeway_crypto::{Hash, KeyExchange, Secret};
use ipnet::Ipv4Net;

use super::{EXCHANGES_MAX, QuickMode, SPENT_MAX, Step, Terms, carried, open, refuse};
use crate::config::{TunnelConfig, TunnelKey};
use crate::failure::{Failure, FailureKind};
use crate::nat::IKE_PORT;
use crate::shared::Shared;
use crate::traffic::nets_name;
use crate::v1::cipher::seal;
use crate::v1::keys::is_same;
use crate::v1::main_mode::config_of;
use crate::v1::message::contents::Contents;
use crate::v1::message::notify::{
    INVALID_ID_INFORMATION, INVALID_KEY_INFORMATION, NO_PROPOSAL_CHOSEN, Notify, PAYLOAD_MALFORMED,
    RESPONDER_LIFETIME,
};
use crate::v1::message::{ExchangeType, IDENTIFICATION, KEY_EXCHANGE, NONCE, Payload, SA, association};
use crate::v1::phase1::seconds;
use crate::v1::proposal::{Encapsulation, choose_child, is_in_udp, lifetime_data};
use crate::v1::resend::Resend;
use crate::v1::sa::Phase1;
use crate::v1::{Received, identity, informational, phase2};

/// Message 1 arrives. Answers with message 2, or tells why not.
pub(super) fn on_first(shared: &mut Shared, sa: &mut Phase1, received: Received<'_>) {
    let id = received.header.id;
    let (Some(config), Some(key)) = (config_of(shared, sa), sa.tunnel) else { return };
    let Some(keys) = &sa.keys else { return };
    let vector = keys.phase2_vector(&sa.vector, id);
    let Some((decrypted, contents)) = open(sa, &vector, &received) else { return };
    if !is_same(contents.hash.as_ref(), &keys.hash_1(id, decrypted.after_hash())) {
        return;
    }
    sa.times.heard = shared.now;
    informational::follow(shared, sa, received.path);
    if sa.exchanges.len() >= EXCHANGES_MAX || sa.spent.len() >= SPENT_MAX {
        // It has been used for so long that another one should take its place.
        sa.times.rekey = sa.times.rekey.map(|at| at.min(shared.now));
        return;
    }
    match agree(shared, sa, (key, &config), &contents) {
        Ok(agreed) => respond(shared, sa, (key, &config), (received, decrypted.next_vector), agreed),
        Err((kind, failure)) => {
            refuse(shared, sa, key, failure);
            let spi = contents.sa.as_ref().and_then(|body| association::parse(body).ok());
            let spi = spi.and_then(|offered| offered.first()?.child_spi()).unwrap_or(0);
            informational::notify(shared, sa, Notify::about_child(kind, spi, &[]));
        }
    }
}

/// What a responder agrees to.
struct Agreed {
    terms: Terms,
    nonces: (Vec<u8>, Vec<u8>),
    secret: Option<Secret>,
    payloads: Vec<Payload>,
}

fn agree(
    shared: &mut Shared,
    sa: &Phase1,
    (key, config): (TunnelKey, &TunnelConfig),
    contents: &Contents,
) -> Result<Agreed, (u16, Failure)> {
    let text = "peer began quick mode with something incomplete";
    let malformed = || (PAYLOAD_MALFORMED, Failure::new(FailureKind::Malformed, text));
    let offered =
        contents.sa.as_ref().and_then(|body| association::parse(body).ok()).ok_or_else(malformed)?;
    let peer_nonce = contents.nonce.clone().ok_or_else(malformed)?;
    let chosen = choose_child(&offered, &config.child, &acceptable(sa))
        .map_err(|failure| (NO_PROPOSAL_CHOSEN, failure))?;
    let outbound_spi = chosen.proposal.child_spi().ok_or_else(malformed)?;
    let in_udp = is_in_udp(&chosen.proposal).unwrap_or(carried(sa).is_udp());
    let (remote, local) = networks(sa, contents, config)?;
    let slot = phase2::slot(shared, sa, key, (local, remote)).ok_or_else(|| {
        (INVALID_ID_INFORMATION, other_networks(config, &remote.to_string(), &local.to_string()))
    })?;
    let mut own_value = None;
    let mut secret = None;
    if let Some(group) = config.child.pfs {
        let value = contents.key_exchange.as_ref().ok_or_else(malformed)?;
        let exchange = KeyExchange::generate(group, &mut shared.random);
        own_value = Some(Payload::new(KEY_EXCHANGE, exchange.public_value().to_vec()));
        let agreed = exchange.agree(value).map_err(|_| {
            let text = "peer sent an invalid public value for the PFS group";
            (INVALID_KEY_INFORMATION, Failure::new(FailureKind::Malformed, text))
        })?;
        secret = Some(agreed);
    }
    let (inbound_spi, nonce) = (shared.new_child_spi(), shared.new_nonce());
    let (own_lifetime, offered_s) = (config.child_lifetime(), chosen.lifetime_s.unwrap_or(0));
    let offered_lifetime = Duration::from_secs(if offered_s == 0 { u64::MAX } else { offered_s });
    let answer = association::Proposal { spi: inbound_spi.to_be_bytes().to_vec(), ..chosen.proposal };
    let mut payloads =
        vec![Payload::new(SA, association::write(&[answer])), Payload::new(NONCE, nonce.clone())];
    payloads.extend(own_value);
    payloads.extend(contents.ids.iter().take(2).map(|id| Payload::new(IDENTIFICATION, id.clone())));
    if own_lifetime < offered_lifetime {
        let data = lifetime_data(seconds(own_lifetime));
        payloads.push(Notify::about_child(RESPONDER_LIFETIME, inbound_spi, &data).payload());
    }
    let lifetime = own_lifetime.min(offered_lifetime);
    let (extended, began) = (chosen.extended, shared.now);
    let terms = Terms { slot, local, remote, inbound_spi, outbound_spi, in_udp, extended, lifetime, began };
    Ok(Agreed { terms, nonces: (peer_nonce, nonce), secret, payloads })
}

/// How packets may be carried. The payloads by which address translation is detected prove nothing of who wrote them, so that
/// a single changed byte makes the two sides come to different conclusions. What the peer asks for in quick mode is proven.
fn acceptable(sa: &Phase1) -> Vec<Encapsulation> {
    let ours = carried(sa);
    let other = match ours {
        Encapsulation::Udp { .. } => (!sa.nat.forced).then_some(Encapsulation::Esp),
        Encapsulation::Esp => {
            (sa.path.local.port() != IKE_PORT).then_some(Encapsulation::Udp { draft: false })
        }
    };
    [ours].into_iter().chain(other).collect()
}

/// The networks that a peer asks for, its own first. Without identities the two addresses are meant.
fn networks(
    sa: &Phase1,
    contents: &Contents,
    config: &TunnelConfig,
) -> Result<(Ipv4Net, Ipv4Net), (u16, Failure)> {
    let host = |address: SocketAddrV4| Ipv4Net::from(*address.ip());
    match contents.ids.as_slice() {
        [] => Ok((host(sa.path.remote), host(sa.path.local))),
        [remote, local, ..] => match (identity::network(remote), identity::network(local)) {
            (Some(remote), Some(local)) => Ok((remote, local)),
            _ => {
                let (remote, local) = (identity::network_name(remote), identity::network_name(local));
                Err((INVALID_ID_INFORMATION, other_networks(config, &remote, &local)))
            }
        },
        [_] => {
            let text = "peer began quick mode with one identity only";
            Err((PAYLOAD_MALFORMED, Failure::new(FailureKind::Malformed, text)))
        }
    }
}

fn other_networks(config: &TunnelConfig, remote: &str, local: &str) -> Failure {
    let text = format!(
        "peer proposed traffic between its {remote} and our {local}, we want its {} and our {}: that is not within it",
        nets_name(&config.remote_ts),
        nets_name(&config.local_ts)
    );
    Failure::new(FailureKind::TrafficSelectors, text)
}

/// Message 2.
fn respond(
    shared: &mut Shared,
    sa: &mut Phase1,
    (key, config): (TunnelKey, &TunnelConfig),
    (received, mut vector): (Received<'_>, Vec<u8>),
    agreed: Agreed,
) {
    let Agreed { terms, nonces, secret, payloads } = agreed;
    let id = received.header.id;
    let Some(keys) = &sa.keys else { return };
    let header = sa.header(ExchangeType::Quick, true, id);
    let hash = |rest: &[u8]| keys.hash_2(id, &nonces.0, rest);
    let message = seal(keys.cipher(), &mut vector, &header, hash, payloads);
    let key_of = |spi| keys.child(&config.child, secret.as_ref(), spi, (&nonces.0, &nonces.1));
    let child_keys = (key_of(terms.inbound_spi), key_of(terms.outbound_spi));
    phase2::receive(shared, sa, (key, config), &terms, child_keys);
    shared.out.transmit(sa.path, message.clone());
    sa.times.sent = shared.now;
    let quick = QuickMode {
        step: Step::Answered1,
        terms,
        replaces: None,
        nonces,
        exchange: None,
        vector,
        last: Some((Hash::Sha256.digest(&[received.bytes]), Some(message.clone()))),
        resend: Some(Resend::new(message, shared.now, &shared.limits)),
        until: Duration::MAX,
    };
    sa.spent.insert(id);
    sa.exchanges.insert(id, quick);
}
