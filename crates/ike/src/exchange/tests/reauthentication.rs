//! A second IKE SA takes the place of the first, make-before-break (RFC 7296, 2.8.3; RFC 4478).

use std::sync::Arc;
use std::time::Duration;

use causeway_crypto::{DhGroup, Encryption};

use super::puppet::{Pair, T, config, mirrored};
use super::requests::value;
use crate::child::{Within, offer};
use crate::config::{ChildProposal, TunnelConfig};
use crate::endpoint::Endpoint;
use crate::exchange::init;
use crate::message::ExchangeType;
use crate::message::notify::{Notify, NotifyKind};
use crate::message::payload::Payload;
use crate::sa::State;
use crate::traffic::Traffic;

fn established(endpoint: &Endpoint) -> Vec<u64> {
    endpoint.shared.sas.values().filter(|sa| sa.is_established()).map(|sa| sa.spi).collect()
}

/// Lets time pass in small steps, and asserts at each that what each side sends on, the other receives.
fn pass_without_a_gap(pair: &mut Pair, duration: Duration) {
    let end = pair.now + duration;
    while pair.now < end {
        pair.pass(Duration::from_millis(500));
        for (from, to) in [(&pair.us, &pair.peer), (&pair.peer, &pair.us)] {
            let used = *from.shared.tunnels[&T].in_use().first().expect("something is sent on");
            let outbound =
                from.shared.sas.values().find_map(|sa| sa.children.get(&used)).map(|it| it.outbound_spi);
            let outbound = outbound.expect("what is sent on is there");
            assert!(to.shared.sas.values().any(|sa| sa.children.contains_key(&outbound)), "it is received");
        }
    }
}

#[test]
fn when_the_peer_sets_a_lifetime_we_authenticate_again_in_time_and_lose_nothing() {
    let mut pair = Pair::we_initiate();
    pair.run();
    let before = established(&pair.us);
    let spi = pair.spi_of_peer();
    let lifetime = Notify::new(NotifyKind::AuthLifetime, &100_u32.to_be_bytes());
    pair.peer_requests(spi, ExchangeType::Informational, &[Payload::Notify(lifetime)]);
    pair.run();
    pass_without_a_gap(&mut pair, Duration::from_secs(84));
    assert_eq!(established(&pair.us), before, "not before it is time");
    pass_without_a_gap(&mut pair, Duration::from_secs(16));
    let after = established(&pair.us);
    assert!(after.len() == 1 && after != before, "{after:?}");
    assert_eq!(established(&pair.peer).len(), 1);
}

#[test]
fn when_authenticating_again_fails_the_tunnel_stays_and_it_is_tried_again() {
    let mut pair = Pair::we_initiate();
    pair.run();
    let spi = pair.spi_of_peer();
    let lifetime = Notify::new(NotifyKind::AuthLifetime, &600_u32.to_be_bytes());
    pair.peer_requests(spi, ExchangeType::Informational, &[Payload::Notify(lifetime)]);
    pair.run();
    let before = established(&pair.us);
    // The peer is too busy for new IKE SAs at that time.
    let tunnel = pair.peer.shared.take_tunnel(T).expect("a tunnel");
    pair.pass(Duration::from_secs(570));
    assert_eq!(established(&pair.us), before);
    assert!(pair.up());
    pair.peer.shared.insert_tunnel(T, tunnel.config.clone());
    pair.pass(Duration::from_secs(60));
    assert!(pair.up() && established(&pair.us) != before);
}

#[test]
fn a_peer_that_authenticates_again_replaces_its_ike_sa_and_loses_nothing() {
    let mut pair = Pair::established();
    let before = established(&pair.us);
    pair.pass(Duration::from_secs(1));
    init::initiate(&mut pair.peer.shared, T);
    pair.collect();
    pass_without_a_gap(&mut pair, Duration::from_secs(30));
    let after = established(&pair.us);
    assert!(after.len() == 1 && after != before, "{after:?}");
    assert_eq!(established(&pair.peer).len(), 1);
}

#[test]
fn an_ike_sa_that_the_peer_replaced_and_forgot_is_closed_after_a_while() {
    let mut pair = Pair::established();
    let before = established(&pair.us)[0];
    pair.pass(Duration::from_secs(1));
    init::initiate(&mut pair.peer.shared, T);
    pair.collect();
    pair.run();
    assert_eq!(established(&pair.us).len(), 2);
    // The peer loses the old one without a word.
    let theirs = pair.their_spi(before);
    pair.peer.shared.with_sa(theirs, |_, sa| sa.state = State::Gone);
    pair.pass(Duration::from_secs(59));
    assert_eq!(established(&pair.us).len(), 2);
    pair.pass(Duration::from_secs(3));
    assert!(pair.up() && established(&pair.us).len() == 1 && established(&pair.us)[0] != before);
}

#[test]
fn an_ike_sa_that_gets_its_child_late_takes_the_place_of_the_one_before_all_the_same() {
    let mut pair = Pair::we_initiate();
    pair.run();
    let before = established(&pair.us)[0];
    let lifetime = Notify::new(NotifyKind::AuthLifetime, &100_u32.to_be_bytes());
    pair.peer_requests(pair.spi_of_peer(), ExchangeType::Informational, &[Payload::Notify(lifetime)]);
    pair.run();
    // For a while the peer gives no child.
    let theirs = pair.peer.shared.tunnels[&T].config.clone();
    let child = ChildProposal { encryption: Encryption::Aes256Cbc, ..theirs.child };
    let other = Arc::new(TunnelConfig { child, ..(*theirs).clone() });
    pair.peer.shared.tunnels.entry(T).and_modify(|tunnel| tunnel.config = other);
    while established(&pair.us).len() == 1 {
        pair.pass(Duration::from_secs(1));
    }
    pair.pass(Duration::from_secs(7));
    pair.peer.shared.tunnels.entry(T).and_modify(|tunnel| tunnel.config = theirs);
    let begun = pair.us.ike_sas();
    while pair.us.shared.sas.values().filter(|sa| sa.has_child()).count() == 1 {
        pair.pass(Duration::from_millis(100));
    }
    pass_without_a_gap(&mut pair, Duration::from_secs(6));
    assert_eq!(begun, 2, "no other was begun meanwhile");
    assert!(!established(&pair.us).contains(&before) && established(&pair.us).len() == 1);
}

#[test]
fn the_child_that_comes_with_ike_auth_is_sent_on_after_a_while_whatever_came_after_it() {
    let mut pair = Pair::established();
    let lost = pair.us.shared.tunnels[&T].in_use()[0];
    let before = pair.our_spi();
    pair.pass(Duration::from_secs(1));
    init::initiate(&mut pair.peer.shared, T);
    pair.collect();
    pair.run();
    // The peer loses the old one without a word, and makes a child for a part of the networks in the new one.
    let theirs = pair.their_spi(before);
    pair.peer.shared.with_sa(theirs, |_, sa| sa.state = State::Gone);
    let part = Traffic {
        local: vec!["192.168.2.0/25".parse().expect("a network")],
        remote: vec!["192.168.1.0/24".parse().expect("a network")],
    };
    let [proposal, tsi, tsr] = offer(&mirrored(&config()), Within::CreateChild, 1_000, &part);
    let payloads = [proposal, Payload::Nonce(vec![1; 32]), value(DhGroup::Curve25519), tsi, tsr];
    pair.peer_requests(pair.spi_of_peer(), ExchangeType::CreateChild, &payloads);
    pair.run();
    pair.pass(Duration::from_secs(6));
    let in_use = pair.us.shared.tunnels[&T].in_use();
    assert!(in_use.len() == 2 && !in_use.contains(&lost), "{in_use:?}");
}
