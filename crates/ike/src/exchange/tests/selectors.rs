//! Several child SAs of one tunnel, because the peer takes less than everything at a time.

use std::sync::Arc;

use causeway_crypto::DhGroup;
use ipnet::Ipv4Net;

use super::puppet::{Pair, T, config, mirrored};
use super::requests::value;
use crate::child::{Within, offer};
use crate::config::TunnelConfig;
use crate::message::ExchangeType;
use crate::message::payload::Payload;
use crate::output::Output;
use crate::sa::Task;
use crate::traffic::Traffic;

fn nets(texts: &[&str]) -> Vec<Ipv4Net> {
    texts.iter().map(|text| text.parse().expect("a network")).collect()
}

/// Two networks behind us, one behind the peer.
fn two_networks() -> TunnelConfig {
    TunnelConfig {
        local_ts: nets(&["10.1.0.0/24", "10.2.0.0/24"]),
        remote_ts: nets(&["10.9.0.0/16"]),
        ..config()
    }
}

/// From now on the peer takes traffic of this network of ours only.
fn peer_takes(pair: &mut Pair, network: &str) {
    let only = TunnelConfig { local_ts: nets(&[network]), ..two_networks() };
    pair.peer.shared.tunnels.get_mut(&T).expect("a tunnel").config = Arc::new(mirrored(&only));
}

/// The networks behind us of the children that are up, and those of the children that are sent on.
fn carried(pair: &Pair) -> (Vec<String>, Vec<String>) {
    let children = pair.us.shared.sas.values().flat_map(|sa| &sa.children);
    let name = |spi: &u32| {
        let child = children.clone().find(|(it, _)| *it == spi).expect("a child").1;
        crate::traffic::nets_name(&child.traffic.local)
    };
    let mut up: Vec<String> = children.clone().map(|(spi, _)| name(spi)).collect();
    let mut used: Vec<String> = pair.us.shared.tunnels[&T].in_use().iter().map(name).collect();
    up.sort();
    used.sort();
    (up, used)
}

fn both() -> Vec<String> {
    vec!["10.1.0.0/24".to_owned(), "10.2.0.0/24".to_owned()]
}

/// We initiate; the peer takes one of our networks in IKE_AUTH, and the other when it is asked for it.
fn two_children() -> Pair {
    let ours = TunnelConfig { initiate: true, ..two_networks() };
    let mut pair = Pair::new(ours, mirrored(&two_networks()));
    peer_takes(&mut pair, "10.1.0.0/24");
    pair.deliver_to_peer();
    pair.deliver_to_us();
    pair.deliver_to_peer();
    peer_takes(&mut pair, "10.2.0.0/24");
    pair.run();
    pair
}

#[test]
fn what_the_peer_leaves_out_gets_a_child_of_its_own() {
    let pair = two_children();
    assert_eq!(carried(&pair), (both(), both()));
    let last = pair.outputs.iter().rev().find_map(|output| match output {
        Output::ChildUse { inbound_spis, .. } => Some(inbound_spis.len()),
        _ => None,
    });
    assert_eq!(last, Some(2), "both are to be sent on");
}

#[test]
fn each_child_is_rekeyed_with_the_traffic_that_it_carries() {
    let mut pair = two_children();
    let spi = pair.our_spi();
    let old: Vec<u32> = pair.us.shared.sas[&spi].children.keys().copied().collect();
    peer_takes(&mut pair, "10.0.0.0/8");
    for child in &old {
        pair.us.shared.with_sa(spi, |_, sa| sa.enqueue(Task::RekeyChild(*child)));
        pair.collect();
        pair.run();
    }
    assert_eq!(carried(&pair), (both(), both()));
    assert!(old.iter().all(|spi| !pair.us.shared.tunnels[&T].in_use().contains(spi)));
}

#[test]
fn a_child_that_the_peer_deletes_comes_back_and_leaves_the_other_alone() {
    let mut pair = two_children();
    let spi = pair.spi_of_peer();
    let second = pair.peer.shared.sas[&spi]
        .children
        .iter()
        .find(|(_, child)| child.traffic.remote == nets(&["10.2.0.0/24"]));
    let second = *second.expect("the peer has it").0;
    pair.peer.shared.with_sa(spi, |_, sa| sa.enqueue(Task::DeleteChild(second)));
    pair.collect();
    pair.run();
    let one = vec!["10.1.0.0/24".to_owned()];
    assert_eq!(carried(&pair), (one.clone(), one));
    pair.pass(std::time::Duration::from_secs(3));
    assert_eq!(carried(&pair), (both(), both()));
}

#[test]
fn a_peer_that_takes_no_more_than_one_pair_at_a_time_is_offered_each() {
    let ours = TunnelConfig { initiate: true, ..two_networks() };
    let mut pair = Pair::new(ours, mirrored(&two_networks()));
    // It refuses the two together, as some do.
    peer_takes(&mut pair, "172.16.0.0/12");
    pair.deliver_to_peer();
    pair.deliver_to_us();
    pair.deliver_to_peer();
    peer_takes(&mut pair, "10.0.0.0/8");
    pair.run();
    assert_eq!(carried(&pair), (both(), both()));
}

#[test]
fn what_the_peer_refuses_is_not_asked_for_again_and_again() {
    let ours = TunnelConfig { initiate: true, ..two_networks() };
    let mut pair = Pair::new(ours, mirrored(&two_networks()));
    peer_takes(&mut pair, "10.1.0.0/24");
    pair.run();
    let before = pair.sent;
    pair.pass(std::time::Duration::from_secs(20));
    assert_eq!(pair.sent, before, "nothing is left to ask for");
    assert!(pair.logged("peer refused traffic between our 10.2.0.0/24 and its 10.9.0.0/16"));
    assert!(pair.up());
}

#[test]
fn a_peer_may_have_a_child_for_each_of_its_networks_and_all_are_sent_on() {
    let mut pair = Pair::new(two_networks(), TunnelConfig { initiate: true, ..mirrored(&two_networks()) });
    pair.us.shared.tunnels.get_mut(&T).expect("a tunnel").config =
        Arc::new(TunnelConfig { local_ts: nets(&["10.1.0.0/24"]), ..two_networks() });
    pair.deliver_to_us();
    pair.deliver_to_peer();
    pair.deliver_to_us();
    pair.us.shared.tunnels.get_mut(&T).expect("a tunnel").config = Arc::new(two_networks());
    pair.run();
    assert_eq!(carried(&pair), (both(), both()));
}

#[test]
fn the_packet_that_a_peer_wants_to_send_is_within_what_it_is_answered() {
    let mut pair = Pair::established();
    let theirs = mirrored(&config());
    let mut asked = Traffic::of(&theirs);
    asked.local = nets(&["192.168.2.7/32", "192.168.0.0/16"]);
    let [proposal, tsi, tsr] = offer(&theirs, Within::CreateChild, 0x1234, &asked);
    let value = value(DhGroup::Curve25519);
    let payloads = [proposal, Payload::Nonce(vec![7; 32]), value, tsi, tsr];
    let answer = pair.ask(ExchangeType::CreateChild, &payloads);
    let answered = answer.iter().find_map(|payload| match payload {
        Payload::TsInitiator(selectors) => Some(crate::traffic::selectors_name(selectors)),
        _ => None,
    });
    assert_eq!(answered.as_deref(), Some("192.168.2.0/24"));
}
