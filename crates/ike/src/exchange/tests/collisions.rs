//! What we answer while we ask for something ourselves: RFC 7296, 2.25.1 for children, 2.25.2 for IKE SAs.

use std::time::Duration;

use causeway_crypto::{DhGroup, KeyExchange, SeededRandom};

use super::puppet::{Pair, config, mirrored};
use super::requests::value;
use crate::child::{Within, offer};
use crate::message::ExchangeType;
use crate::message::contents::Contents;
use crate::message::notify::{Notify, NotifyKind};
use crate::message::payload::{Delete, Payload};
use crate::output::Output;
use crate::sa::Task;
use crate::traffic::Traffic;

/// What the peer asks for, in the order of the table's columns.
const REQUESTS: [&str; 6] =
    ["rekey it", "delete it", "rekey unknown", "new child", "rekey IKE", "delete IKE"];

/// What we are doing, and what we answer. "child", "ike": we make one; "deleted": we delete ours as well; "": nothing to say.
#[rustfmt::skip]
const TABLE: [(&str, [&str; 6]); 6] = [
    ("nothing",            ["child", "deleted", "CHILD_SA_NOT_FOUND", "child", "ike", ""]),
    ("rekeying the child", ["child", "deleted", "CHILD_SA_NOT_FOUND", "child", "TEMPORARY_FAILURE", ""]),
    ("deleting the child", ["TEMPORARY_FAILURE", "", "CHILD_SA_NOT_FOUND", "child", "TEMPORARY_FAILURE", ""]),
    ("rekeying the IKE SA",
        ["TEMPORARY_FAILURE", "deleted", "TEMPORARY_FAILURE", "TEMPORARY_FAILURE", "ike", ""]),
    ("closing the IKE SA",
        ["TEMPORARY_FAILURE", "", "TEMPORARY_FAILURE", "TEMPORARY_FAILURE", "TEMPORARY_FAILURE", ""]),
    ("asking for liveness", ["child", "deleted", "CHILD_SA_NOT_FOUND", "child", "ike", ""]),
];

/// A tunnel that is up, and a request of ours that the peer has not seen.
fn doing(what: &str) -> (Pair, u32) {
    let mut pair = Pair::established();
    let spi = pair.our_spi();
    let (child, outbound) = pair.us.shared.sas[&spi]
        .children
        .iter()
        .map(|(spi, it)| (*spi, it.outbound_spi))
        .next()
        .expect("a child");
    let task = match what {
        "rekeying the child" => Some(Task::RekeyChild(child)),
        "deleting the child" => Some(Task::DeleteChild(child)),
        "rekeying the IKE SA" => Some(Task::RekeyIke),
        "asking for liveness" => Some(Task::Liveness),
        "closing the IKE SA" => {
            pair.us.shared.with_sa(spi, |shared, sa| shared.close(sa, Task::Close));
            None
        }
        _ => None,
    };
    if let Some(task) = task {
        pair.us.shared.with_sa(spi, |_, sa| sa.enqueue(task));
    }
    pair.collect();
    assert_eq!(pair.from_us.is_empty(), what == "nothing", "{what}");
    pair.from_us.clear();
    (pair, outbound)
}

fn child_payloads(rekeys: Option<u32>) -> Vec<Payload> {
    let theirs = mirrored(&config());
    let [proposal, tsi, tsr] = offer(&theirs, Within::CreateChild, 0x4321, &Traffic::of(&theirs));
    let notify = rekeys.map(|spi| Payload::Notify(Notify::about_child(NotifyKind::RekeySa, spi)));
    let rest = [proposal, Payload::Nonce(vec![1; 32]), value(DhGroup::Curve25519), tsi, tsr];
    notify.into_iter().chain(rest).collect()
}

fn request(what: &str, outbound_spi: u32) -> (ExchangeType, Vec<Payload>) {
    let exchange = KeyExchange::generate(DhGroup::Curve25519, &mut SeededRandom::new(3));
    match what {
        "rekey it" => (ExchangeType::CreateChild, child_payloads(Some(outbound_spi))),
        "rekey unknown" => (ExchangeType::CreateChild, child_payloads(Some(0x9999))),
        "new child" => (ExchangeType::CreateChild, child_payloads(None)),
        "delete it" => (ExchangeType::Informational, vec![Payload::Delete(Delete::Esp(vec![outbound_spi]))]),
        "delete IKE" => (ExchangeType::Informational, vec![Payload::Delete(Delete::Ike)]),
        _ => {
            let proposal = config().ike.offer(&7_u64.to_be_bytes());
            let value = Payload::KeyExchange { group: 31, value: exchange.public_value().to_vec() };
            let payloads =
                vec![Payload::SecurityAssociation(vec![proposal]), Payload::Nonce(vec![2; 32]), value];
            (ExchangeType::CreateChild, payloads)
        }
    }
}

fn name(answer: Vec<Payload>) -> String {
    let contents = Contents::of(answer).expect("payloads");
    match (contents.error(), &contents.sa, contents.deletes.as_slice()) {
        (Some(notify), _, _) => notify.kind.to_string(),
        (_, Some(proposals), _) => if proposals[0].protocol == 1 { "ike" } else { "child" }.to_owned(),
        (_, _, [Delete::Esp(spis)]) if !spis.is_empty() => "deleted".to_owned(),
        _ => String::new(),
    }
}

#[test]
fn requests_that_cross_ours_are_answered_as_the_table_says() {
    for (what, row) in TABLE {
        for (asked, expected) in REQUESTS.into_iter().zip(row) {
            let (mut pair, outbound_spi) = doing(what);
            let (exchange, payloads) = request(asked, outbound_spi);
            let answer = pair.ask(exchange, &payloads);
            assert_eq!(name(answer), expected, "the peer asks to {asked} while we are {what}");
        }
    }
}

/// Lets time pass for us alone: the peer is silent.
fn pass_in_silence(pair: &mut Pair, duration: Duration) {
    let end = pair.now + duration;
    while let Some(at) = pair.us.next_timeout().filter(|at| *at <= end) {
        pair.now = pair.now.max(at);
        pair.us.handle_timeout(pair.now);
        pair.collect();
        pair.from_us.clear();
    }
    pair.now = end;
}

#[test]
fn children_do_not_go_to_an_ike_sa_that_the_peer_has_closed() {
    let (mut pair, _) = doing("rekeying the IKE SA");
    let (exchange, payloads) = request("rekey IKE", 0);
    assert_eq!(name(pair.ask(exchange, &payloads)), "ike");
    let rival = pair.us.shared.sas.values().find(|sa| sa.rival_of.is_some()).map(|sa| sa.spi);
    let rival = rival.expect("the peer has made one as well");
    pass_in_silence(&mut pair, Duration::from_secs(70));
    // The peer gives up its own, and nothing more is heard of it.
    pair.us.shared.with_sa(rival, |shared, rival| shared.lost(rival, true));
    pass_in_silence(&mut pair, Duration::from_secs(200));
    assert!(pair.us.shared.sas.is_empty());
    assert!(!pair.up());
    assert!(pair.outputs.iter().any(|output| matches!(output, Output::ChildDown { .. })));
}
