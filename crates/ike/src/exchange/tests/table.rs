//! Every state of an IKE SA against every event.

use std::time::Duration;

use crate::exchange::tests::puppet::{Pair, T};
use crate::message::payload::{Delete, Payload};
use crate::message::{ExchangeType, Header, write_payloads};
use crate::sa::{State, Task};

const EVENTS: [&str; 8] =
    ["AUTH?", "CREATE?", "INFO?", "DELETE?", "INFO!", "wrong id!", "forged DELETE?", "a day passes"];

/// For each state, for each event of `EVENTS`: the state after it, with `+` if we sent something.
const TABLE: [(&str, [&str; 8]); 7] = [
    (
        "InitSent",
        ["InitSent", "InitSent", "InitSent", "InitSent", "InitSent", "InitSent", "InitSent", "Gone+"],
    ),
    ("HalfOpen", ["Closed+", "HalfOpen", "HalfOpen", "HalfOpen", "HalfOpen", "HalfOpen", "HalfOpen", "Gone"]),
    (
        "AuthSent",
        ["AuthSent", "AuthSent", "AuthSent", "AuthSent", "AuthSent", "AuthSent", "AuthSent", "Gone+"],
    ),
    (
        "Established",
        [
            "Closed+",
            "Closed+",
            "Established+",
            "Closed+",
            "Established",
            "Established",
            "Established",
            "Gone+",
        ],
    ),
    (
        "Replaced",
        ["Closed+", "Replaced+", "Replaced+", "Closed+", "Replaced", "Replaced", "Replaced", "Gone+"],
    ),
    ("Closing", ["Closed+", "Closing+", "Closing+", "Closed+", "Gone", "Closing", "Closing", "Gone+"]),
    ("Closed", ["Closed", "Closed", "Closed", "Closed", "Closed", "Closed", "Closed", "Gone"]),
];

fn name(state: &State) -> &'static str {
    match state {
        State::InitSent(_) => "InitSent",
        State::HalfOpen(_) => "HalfOpen",
        State::AuthSent(_) => "AuthSent",
        State::Established => "Established",
        State::Replaced => "Replaced",
        State::Closing => "Closing",
        State::Closed => "Closed",
        State::Gone => "Gone",
    }
}

/// We, with an IKE SA in this state, and a peer that holds its keys (or, before there are any, other ones).
fn in_state(state: &str) -> (Pair, u64) {
    let mut pair = match state {
        "InitSent" | "AuthSent" => Pair::we_initiate(),
        "HalfOpen" => Pair::peer_initiates(),
        _ => Pair::established(),
    };
    match state {
        "HalfOpen" => {
            pair.deliver_to_us();
            pair.deliver_to_peer();
        }
        "AuthSent" => {
            pair.deliver_to_peer();
            pair.deliver_to_us();
        }
        _ => {}
    }
    let spi = pair.our_spi();
    match state {
        "Replaced" => {
            let theirs = pair.their_spi(spi);
            pair.peer.shared.with_sa(theirs, |_, sa| sa.enqueue(Task::RekeyIke));
            pair.collect();
            pair.deliver_to_us();
        }
        "Closing" => {
            pair.us.shared.with_sa(spi, |shared, sa| shared.close(sa, Task::Close));
            pair.collect();
        }
        "Closed" => {
            pair.ask(ExchangeType::Informational, &[Payload::Delete(Delete::Ike)]);
        }
        _ => {}
    }
    pair.from_us.clear();
    pair.from_peer.clear();
    assert_eq!(name(&pair.us.shared.sas[&spi].state), state);
    (pair, spi)
}

/// A message of the peer in the IKE SA, as an event says.
fn message(pair: &Pair, spi: u64, event: &str) -> Vec<u8> {
    let sa = &pair.us.shared.sas[&spi];
    let next_id = (0..).find(|id| sa.expects(*id)).expect("it expects some request");
    let pending_id = sa.pending.as_ref().map_or(0, |pending| pending.id);
    let (exchange, response, id) = match event {
        "AUTH?" => (ExchangeType::Auth, false, next_id),
        "CREATE?" => (ExchangeType::CreateChild, false, next_id),
        "INFO!" => (ExchangeType::Informational, true, pending_id),
        "wrong id!" => (ExchangeType::Informational, true, pending_id + 1),
        _ => (ExchangeType::Informational, false, next_id),
    };
    let (spi_initiator, spi_responder) = sa.spis();
    let header =
        Header { spi_initiator, spi_responder, exchange, from_initiator: !sa.initiator, response, id };
    let payloads = if event.contains("DELETE") { vec![Payload::Delete(Delete::Ike)] } else { Vec::new() };
    let (first, plain) = write_payloads(&payloads);
    let theirs = pair.their_spi(spi);
    let mut message = match pair.peer.shared.sas.get(&theirs).filter(|sa| sa.keys.is_some()) {
        Some(_) => pair.seal(theirs, &header, first, &plain),
        None => [crate::message::write_plain(&header, &[]), vec![0; 64]].concat(),
    };
    if event.starts_with("forged") {
        let last = message.len() - 1;
        message[last] ^= 1;
    }
    message
}

#[test]
fn every_event_in_every_state_does_what_the_table_says() {
    for (state, row) in TABLE {
        for (event, expected) in EVENTS.into_iter().zip(row) {
            let (mut pair, spi) = in_state(state);
            if event == "a day passes" {
                pass_a_day(&mut pair, spi);
            } else {
                let message = message(&pair, spi, event);
                pair.from_peer.push(message);
                pair.deliver_to_us();
            }
            let after = pair.us.shared.sas.get(&spi).map_or("Gone", |sa| name(&sa.state));
            let sent = if pair.from_us.is_empty() { "" } else { "+" };
            assert_eq!(format!("{after}{sent}"), expected, "{event} in {state}");
            check_invariants(&pair, &format!("{event} in {state}"));
        }
    }
}

/// Lets the peer be silent until the IKE SA is gone, which has to be within a day.
fn pass_a_day(pair: &mut Pair, spi: u64) {
    let end = pair.now + Duration::from_secs(86_400 + 600);
    while pair.us.shared.sas.contains_key(&spi) {
        let at = pair.us.next_timeout().expect("something is due as long as there is an IKE SA");
        assert!(at <= end, "it ends");
        pair.now = pair.now.max(at);
        pair.us.handle_timeout(pair.now);
        pair.collect();
    }
}

/// What holds whatever has happened.
fn check_invariants(pair: &Pair, when: &str) {
    let shared = &pair.us.shared;
    for sa in shared.sas.values() {
        let open = matches!(sa.state, State::Established);
        assert!(open || sa.children.is_empty(), "only an established IKE SA has children: {when}");
        assert!(!matches!(sa.state, State::Gone), "what is gone is forgotten: {when}");
        let known = sa.tunnel.is_none_or(|key| shared.tunnels[&key].sas.contains(&sa.spi));
        assert!(known, "a tunnel knows its IKE SAs: {when}");
        let deadline = sa.deadline(None, &shared.limits);
        assert!(deadline.is_some(), "every IKE SA ends some time: {when}");
    }
    for spi in &shared.tunnels[&T].sas {
        assert!(shared.sas.contains_key(spi), "a tunnel knows no IKE SA that is not there: {when}");
    }
    let unauthenticated = shared.sas.values().filter(|sa| sa.is_unauthenticated()).count();
    assert_eq!(shared.half_open.len(), unauthenticated, "{when}");
}
