//! What we answer to requests that are wrong, untimely or more than we want.

use causeway_crypto::{DhGroup, KeyExchange, SeededRandom};

use crate::child::{Within, offer};
use crate::config::{Limits, TunnelConfig};
use crate::endpoint::Endpoint;
use crate::exchange::tests::puppet::{Pair, T, config, mirrored};
use crate::message::contents::Contents;
use crate::message::notify::{Notify, NotifyKind};
use crate::message::payload::{Delete, Payload};
use crate::message::proposal::GROUP;
use crate::message::proposal::Transform;
use crate::message::{ExchangeType, Header, parse_plain, write_payloads, write_plain};
use crate::output::Output;
use crate::sa::{State, Task};
use crate::traffic::Traffic;

fn error_of(payloads: Vec<Payload>) -> Option<Notify> {
    Contents::of(payloads).expect("payloads").error().cloned()
}

fn kind_of(payloads: Vec<Payload>) -> Option<NotifyKind> {
    error_of(payloads).map(|notify| notify.kind)
}

pub fn value(group: DhGroup) -> Payload {
    let exchange = KeyExchange::generate(group, &mut SeededRandom::new(9));
    Payload::KeyExchange { group: group.ike_transform_id(), value: exchange.public_value().to_vec() }
}

/// A request of the peer for a child, with this public value.
fn child_request(spi: u32, key_exchange: Payload) -> Vec<Payload> {
    let theirs = mirrored(&config());
    let [proposal, tsi, tsr] = offer(&theirs, Within::CreateChild, spi, &Traffic::of(&theirs));
    vec![proposal, Payload::Nonce(vec![1; 32]), key_exchange, tsi, tsr]
}

#[test]
fn liveness_is_answered_with_nothing() {
    let mut pair = Pair::established();
    assert_eq!(pair.ask(ExchangeType::Informational, &[]), []);
}

#[test]
fn a_child_with_the_wrong_group_is_told_the_right_one_and_the_next_guess_is_taken() {
    let mut pair = Pair::established();
    let answer = pair.ask(ExchangeType::CreateChild, &child_request(1_000, value(DhGroup::Modp1024)));
    let notify = error_of(answer).expect("an error");
    assert_eq!((notify.kind, notify.data), (NotifyKind::InvalidKePayload, vec![0, 31]));
    let answer = pair.ask(ExchangeType::CreateChild, &child_request(1_000, value(DhGroup::Curve25519)));
    let contents = Contents::of(answer).expect("payloads");
    assert!(contents.error().is_none() && contents.sa.is_some() && contents.key_exchange.is_some());
}

#[test]
fn a_public_value_that_is_none_is_fatal() {
    let mut pair = Pair::established();
    let zero = Payload::KeyExchange { group: 31, value: vec![0; 32] };
    assert_eq!(
        kind_of(pair.ask(ExchangeType::CreateChild, &child_request(1_000, zero))),
        Some(NotifyKind::InvalidSyntax)
    );
    assert!(!pair.up());
}

#[test]
fn rekeying_a_child_that_is_not_there_is_told_so() {
    let mut pair = Pair::established();
    let mut request = child_request(1_000, value(DhGroup::Curve25519));
    request.insert(0, Payload::Notify(Notify::about_child(NotifyKind::RekeySa, 0xdead)));
    let notify = error_of(pair.ask(ExchangeType::CreateChild, &request)).expect("an error");
    assert_eq!((notify.kind, notify.child_spi()), (NotifyKind::ChildSaNotFound, Some(0xdead)));
    assert!(pair.up());
}

#[test]
fn rekeying_a_child_that_we_delete_has_to_wait() {
    let mut pair = Pair::established();
    let (ours, _) = our_child(&pair);
    let spi = pair.our_spi();
    pair.us.shared.with_sa(spi, |_, sa| sa.enqueue(Task::DeleteChild(ours)));
    pair.collect();
    pair.from_us.clear();
    let theirs = pair.us.shared.sas[&spi].children[&ours].outbound_spi;
    let mut request = child_request(1_000, value(DhGroup::Curve25519));
    request.insert(0, Payload::Notify(Notify::about_child(NotifyKind::RekeySa, theirs)));
    assert_eq!(kind_of(pair.ask(ExchangeType::CreateChild, &request)), Some(NotifyKind::TemporaryFailure));
}

#[test]
fn requests_for_children_wait_while_we_rekey_the_ike_sa_and_the_other_way_round() {
    let mut pair = Pair::established();
    let (spi, (child, _)) = (pair.our_spi(), our_child(&pair));
    pair.us.shared.with_sa(spi, |_, sa| sa.enqueue(Task::RekeyIke));
    pair.collect();
    pair.from_us.clear();
    let request = child_request(1_000, value(DhGroup::Curve25519));
    assert_eq!(kind_of(pair.ask(ExchangeType::CreateChild, &request)), Some(NotifyKind::TemporaryFailure));

    let mut pair = Pair::established();
    pair.us.shared.with_sa(spi, |_, sa| sa.enqueue(Task::RekeyChild(child)));
    pair.collect();
    pair.from_us.clear();
    let offer = Payload::SecurityAssociation(vec![config().ike.offer(&7_u64.to_be_bytes())]);
    let rekey = [offer, Payload::Nonce(vec![1; 32]), value(DhGroup::Curve25519)];
    assert_eq!(kind_of(pair.ask(ExchangeType::CreateChild, &rekey)), Some(NotifyKind::TemporaryFailure));
    assert!(pair.up());
}

fn our_child(pair: &Pair) -> (u32, u32) {
    let sa = &pair.us.shared.sas[&pair.our_spi()];
    sa.children.iter().map(|(spi, child)| (*spi, child.outbound_spi)).next().expect("a child")
}

#[test]
fn an_ike_rekeying_that_does_not_fit_is_refused_and_the_old_ike_sa_stays() {
    let mut pair = Pair::established();
    let mut other = config().ike.offer(&7_u64.to_be_bytes());
    other.transforms[0] = Transform::new(1, 12, Some(256));
    let rekey = |proposal, group| {
        [Payload::SecurityAssociation(vec![proposal]), Payload::Nonce(vec![1; 32]), value(group)]
    };
    let answer = pair.ask(ExchangeType::CreateChild, &rekey(other, DhGroup::Curve25519));
    assert_eq!(kind_of(answer), Some(NotifyKind::NoProposalChosen));
    assert!(pair.logged(
        "peer proposed IKE aes256/sha1/curve25519, we want aes128/sha1/curve25519: encryption differs"
    ));
    let mut both = config().ike.offer(&7_u64.to_be_bytes());
    both.transforms.push(Transform::new(GROUP, 14, None));
    let answer = pair.ask(ExchangeType::CreateChild, &rekey(both, DhGroup::Modp2048));
    assert_eq!(
        error_of(answer).map(|notify| (notify.kind, notify.data)),
        Some((NotifyKind::InvalidKePayload, vec![0, 31]))
    );
    assert!(pair.up());
}

#[test]
fn children_are_limited() {
    let mut pair = Pair::established();
    let max = pair.us.shared.limits.children_per_ike_sa_max as u32;
    let kinds: Vec<_> = (0..max + 3)
        .map(|n| {
            kind_of(
                pair.ask(ExchangeType::CreateChild, &child_request(1_000 + n, value(DhGroup::Curve25519))),
            )
        })
        .collect();
    assert!(kinds[..max as usize - 1].iter().all(Option::is_none));
    assert!(kinds[max as usize - 1..].iter().all(|kind| *kind == Some(NotifyKind::NoAdditionalSas)));
}

#[test]
fn a_delete_of_children_is_answered_with_our_halves_and_unknown_ones_are_passed_over() {
    let mut pair = Pair::established();
    let (ours, theirs) = our_child(&pair);
    let answer = pair.ask(ExchangeType::Informational, &[Payload::Delete(Delete::Esp(vec![0xdead, theirs]))]);
    assert_eq!(answer, [Payload::Delete(Delete::Esp(vec![ours]))]);
    assert!(!pair.up());
    assert_eq!(pair.ask(ExchangeType::Informational, &[Payload::Delete(Delete::Esp(vec![theirs]))]), []);
}

#[test]
fn a_child_that_both_sides_delete_is_deleted_once() {
    let mut pair = Pair::established();
    let (spi, (ours, theirs)) = (pair.our_spi(), our_child(&pair));
    pair.us.shared.with_sa(spi, |_, sa| sa.enqueue(Task::DeleteChild(ours)));
    pair.collect();
    pair.from_us.clear();
    assert_eq!(pair.ask(ExchangeType::Informational, &[Payload::Delete(Delete::Esp(vec![theirs]))]), []);
    assert!(pair.us.shared.sas[&spi].children.is_empty());
}

#[test]
fn an_unknown_critical_payload_is_refused_by_its_number_and_nothing_else_happens() {
    let mut pair = Pair::established();
    let spi = pair.spi_of_peer();
    let message = pair.raw_request(spi, 2, ExchangeType::Informational, 200, &[0, 0x80, 0, 4]);
    pair.from_peer.push(message);
    pair.deliver_to_us();
    let notify = error_of(pair.read_answer(spi)).expect("an error");
    assert_eq!((notify.kind, notify.data), (NotifyKind::UnsupportedCriticalPayload, vec![200]));
    let message = pair.raw_request(spi, 3, ExchangeType::Informational, 200, &[0, 0, 0, 4]);
    pair.from_peer.push(message);
    pair.deliver_to_us();
    assert_eq!(pair.read_answer(spi), [], "one that is not critical is passed over");
    assert!(pair.up());
}

#[test]
fn a_malformed_but_authentic_request_ends_the_ike_sa() {
    let mut pair = Pair::established();
    let spi = pair.spi_of_peer();
    let message = pair.raw_request(spi, 2, ExchangeType::Informational, 42, &[0, 0, 0, 200]);
    pair.from_peer.push(message);
    pair.deliver_to_us();
    assert_eq!(kind_of(pair.read_answer(spi)), Some(NotifyKind::InvalidSyntax));
    assert!(!pair.up());
    assert!(pair.logged("malformed"));
}

#[test]
fn a_repeated_request_gets_the_same_bytes_and_has_no_second_effect() {
    let mut pair = Pair::established();
    let spi = pair.spi_of_peer();
    pair.peer_requests(spi, ExchangeType::CreateChild, &child_request(1_000, value(DhGroup::Curve25519)));
    let request = pair.from_peer.clone();
    pair.deliver_to_us();
    let answer = std::mem::take(&mut pair.from_us);
    let children = pair.us.shared.sas[&pair.our_spi()].children.len();
    for _ in 0..3 {
        pair.from_peer = request.clone();
        pair.deliver_to_us();
        assert_eq!(std::mem::take(&mut pair.from_us), answer);
    }
    assert_eq!(pair.us.shared.sas[&pair.our_spi()].children.len(), children);
}

#[test]
fn requests_out_of_the_window_are_dropped() {
    let mut pair = Pair::established();
    let spi = pair.spi_of_peer();
    for id in [0, 3, 4, u32::MAX] {
        let message = pair.raw_request(spi, id, ExchangeType::Informational, 0, &[]);
        pair.from_peer.push(message);
        pair.deliver_to_us();
        assert!(pair.from_us.is_empty(), "message id {id}");
    }
}

#[test]
fn a_fatal_notification_of_the_peer_ends_the_ike_sa() {
    let mut pair = Pair::established();
    let refuses = Payload::Notify(Notify::new(NotifyKind::AuthenticationFailed, &[]));
    assert_eq!(pair.ask(ExchangeType::Informational, &[refuses]), []);
    assert!(!pair.up() && pair.logged("AUTHENTICATION_FAILED"));
}

/// An IKE_SA_INIT request of somebody who offers all groups and guesses one.
fn init_request(guess: DhGroup, critical: bool) -> Vec<u8> {
    let mut proposal = config().ike.offer(&[]);
    proposal.transforms.push(Transform::new(GROUP, 14, None));
    let payloads = [
        Payload::SecurityAssociation(vec![proposal]),
        value(guess),
        Payload::Nonce(vec![1; 32]),
        Payload::Unused(200),
    ];
    let header = Header {
        spi_initiator: 77,
        spi_responder: 0,
        exchange: ExchangeType::SaInit,
        from_initiator: true,
        response: false,
        id: 0,
    };
    let mut message = write_plain(&header, &payloads);
    let flags = message.len() - 3;
    message[flags] = if critical { 0x80 } else { 0 };
    message
}

#[test]
fn a_wrong_guess_of_the_group_is_told_the_right_one_and_costs_nothing() {
    let mut pair = Pair::new(config(), mirrored(&config()));
    pair.from_peer.push(init_request(DhGroup::Modp2048, false));
    pair.deliver_to_us();
    let (header, payloads) = parse_plain(&pair.from_us.pop().expect("an answer")).expect("a message");
    assert_eq!((header.spi_initiator, header.spi_responder, header.response), (77, 0, true));
    assert_eq!(
        error_of(payloads).map(|it| (it.kind, it.data)),
        Some((NotifyKind::InvalidKePayload, vec![0, 31]))
    );
    assert!(pair.us.shared.sas.is_empty());
    pair.from_peer.push(init_request(DhGroup::Curve25519, false));
    pair.deliver_to_us();
    let (header, payloads) = parse_plain(&pair.from_us.pop().expect("an answer")).expect("a message");
    assert!(header.spi_responder != 0 && kind_of(payloads).is_none());
}

#[test]
fn an_unknown_critical_payload_in_the_first_message_is_refused() {
    let mut pair = Pair::new(config(), mirrored(&config()));
    pair.from_peer.push(init_request(DhGroup::Curve25519, true));
    pair.deliver_to_us();
    let (_, payloads) = parse_plain(&pair.from_us.pop().expect("an answer")).expect("a message");
    let notify = error_of(payloads).expect("an error");
    assert_eq!((notify.kind, notify.data), (NotifyKind::UnsupportedCriticalPayload, vec![200]));
    assert!(pair.us.shared.sas.is_empty());
}

/// The answer to our first message that a peer gives who wants something else first.
fn first_answer(pair: &Pair, notify: Notify) -> Vec<u8> {
    let header = Header {
        spi_initiator: pair.our_spi(),
        spi_responder: 0,
        exchange: ExchangeType::SaInit,
        from_initiator: false,
        response: true,
        id: 0,
    };
    write_plain(&header, &[Payload::Notify(notify)])
}

#[test]
fn a_cookie_is_returned_first_and_the_rest_stays_the_same() {
    let mut pair = Pair::we_initiate();
    let before = pair.from_us.pop().expect("a request");
    let answer = first_answer(&pair, Notify::new(NotifyKind::Cookie, &[7; 33]));
    pair.from_peer.push(answer);
    pair.deliver_to_us();
    let (_, old) = parse_plain(&before).expect("a message");
    let (_, new) = parse_plain(pair.from_us.last().expect("another request")).expect("a message");
    assert_eq!(new[0], Payload::Notify(Notify::new(NotifyKind::Cookie, &[7; 33])));
    assert_eq!(new[1..], old);
    pair.run();
    assert!(pair.up());
}

#[test]
fn cookies_without_end_are_not_returned_without_end() {
    let mut pair = Pair::we_initiate();
    pair.from_us.clear();
    for n in 0..50 {
        let answer = first_answer(&pair, Notify::new(NotifyKind::Cookie, &[n; 8]));
        pair.from_peer.push(answer);
        pair.deliver_to_us();
    }
    assert!(pair.from_us.len() <= 4);
}

#[test]
fn a_peer_that_wants_our_group_gets_a_fresh_value_and_one_that_wants_another_is_told_of() {
    let mut pair = Pair::we_initiate();
    let before = pair.from_us.pop().expect("a request");
    let answer = first_answer(&pair, Notify::new(NotifyKind::InvalidKePayload, &[0, 31]));
    pair.from_peer.push(answer);
    pair.deliver_to_us();
    let again = pair.from_us.last().cloned().expect("another request");
    assert_ne!(again, before);
    pair.run();
    assert!(pair.up());

    let mut pair = Pair::we_initiate();
    let answer = first_answer(&pair, Notify::new(NotifyKind::InvalidKePayload, &[0, 14]));
    pair.from_peer.push(answer);
    pair.deliver_to_us();
    assert!(
        pair.logged("peer wants the DH group modp2048, we want aes128/sha1/curve25519: DH group differs")
    );
}

#[test]
fn a_responder_that_fails_to_prove_itself_is_told_and_left() {
    let mut pair = Pair::we_initiate();
    pair.deliver_to_peer();
    pair.deliver_to_us();
    pair.deliver_to_peer();
    let spi = pair.peer.shared.sas.keys().copied().next().expect("an IKE SA");
    // The answer is lost, and another is given in its place.
    pair.from_peer.clear();
    let sa = &pair.peer.shared.sas[&spi];
    let (spi_initiator, spi_responder) = sa.spis();
    let exchange = ExchangeType::Auth;
    let header =
        Header { spi_initiator, spi_responder, exchange, from_initiator: false, response: true, id: 1 };
    let proof = Payload::Auth { method: 2, value: vec![0; 20] };
    let (first, plain) = write_payloads(&[Payload::IdResponder(vec![1, 0, 0, 0, 10, 0, 0, 2]), proof]);
    let message = pair.seal(spi, &header, first, &plain);
    pair.from_peer.push(message);
    pair.deliver_to_us();
    assert!(!pair.up() && pair.logged("the pre-shared key does not match: peer 10.0.0.2"));
    pair.deliver_to_peer();
    assert!(matches!(pair.peer.shared.sas[&spi].state, State::Closed), "it was told");
}

#[test]
fn a_child_that_the_initiator_does_not_accept_is_deleted_at_the_responder() {
    let mut pair = Pair::we_initiate();
    pair.deliver_to_peer();
    pair.deliver_to_us();
    // As if we had offered less than the peer takes.
    let spi = pair.our_spi();
    pair.us.shared.with_sa(spi, |_, sa| {
        let State::AuthSent(sent) = &mut sa.state else { unreachable!("we wait for IKE_AUTH") };
        sent.traffic.remote = vec!["192.168.2.0/25".parse().expect("a network")];
    });
    pair.deliver_to_peer();
    pair.deliver_to_us();
    assert!(pair.logged("that is not within it"));
    pair.run();
    assert!(!pair.peer.shared.tunnels[&T].has_child(), "the peer's half is gone too");
    assert!(pair.us.shared.sas.values().any(|sa| matches!(sa.state, State::Established)));
}

#[test]
fn ike_sas_that_a_peer_replaces_again_and_again_are_limited() {
    let mut pair = Pair::established();
    for _ in 0..50 {
        let newest = pair.peer.shared.sas.values().find(|sa| sa.is_established()).map(|sa| sa.spi);
        let newest = newest.expect("the peer has one");
        pair.peer.shared.with_sa(newest, |_, sa| sa.enqueue(Task::RekeyIke));
        pair.collect();
        pair.run();
    }
    let max = pair.us.shared.limits.ike_sas_per_tunnel_max;
    assert!(pair.us.ike_sas() <= max + 1, "{} IKE SAs", pair.us.ike_sas());
    assert!(pair.up());
}

/// Sends us an IKE_AUTH with any bytes as its payloads, as somebody can who has sent IKE_SA_INIT and proven nothing, and reads
/// our answer.
fn auth_of_stranger(pair: &mut Pair, seed: u64, first: u8, plain: &[u8]) -> Notify {
    pair.peer = Endpoint::new(Box::new(SeededRandom::new(seed)), Limits::default());
    pair.peer.put_tunnel(T, TunnelConfig { initiate: true, ..mirrored(&config()) }, pair.now);
    pair.from_peer.clear();
    pair.collect();
    pair.deliver_to_us();
    pair.deliver_to_peer();
    pair.from_peer.clear();
    let spi = pair.spi_of_peer();
    let message = pair.raw_request(spi, 1, ExchangeType::Auth, first, plain);
    pair.from_peer.push(message);
    pair.deliver_to_us();
    error_of(pair.read_answer(spi)).expect("an error")
}

#[test]
fn an_unknown_critical_payload_in_ike_auth_is_refused_by_its_number_and_ends_it() {
    let mut pair = Pair::new(config(), mirrored(&config()));
    let notify = auth_of_stranger(&mut pair, 20, 200, &[0, 0x80, 0, 4]);
    assert_eq!((notify.kind, notify.data), (NotifyKind::UnsupportedCriticalPayload, vec![200]));
    assert!(pair.us.shared.sas.values().all(|sa| matches!(sa.state, State::Closed)));
}

#[test]
fn strangers_do_not_fill_the_log_with_what_cannot_be_read() {
    let mut pair = Pair::new(config(), mirrored(&config()));
    // So that nobody has to bring a cookie.
    pair.us.shared.limits.half_open_per_address_max = 1_000;
    pair.us.shared.limits.cookie_threshold = 1_000;
    for seed in 20..60 {
        let notify = auth_of_stranger(&mut pair, seed, 42, &[0, 0, 0, 200]);
        assert_eq!(notify.kind, NotifyKind::InvalidSyntax);
    }
    let lines = pair.outputs.iter().filter(|output| matches!(output, Output::Log { .. })).count();
    assert!((1..=20).contains(&lines), "{lines} lines");
}
