//! What a peer that holds the keys can do with fragments: not make us keep much, nor for long.

use std::time::Duration;

use super::puppet::Pair;
use crate::config::Limits;
use crate::message::{ExchangeType, Header};
use crate::protect;
use crate::sa::State;

/// Parts of requests, each with a number of its own, of which the first is never sent.
fn send_parts(pair: &mut Pair, ours: u64, id: u32, numbers: std::ops::Range<u16>, plain: usize) {
    let theirs = pair.their_spi(ours);
    let sa = &pair.peer.shared.sas[&theirs];
    let (spi_initiator, spi_responder) = sa.spis();
    let exchange = ExchangeType::Informational;
    let header =
        Header { spi_initiator, spi_responder, exchange, from_initiator: sa.initiator, response: false, id };
    let keys = sa.keys.as_ref().expect("keys");
    let protection = if sa.initiator { &keys.from_initiator } else { &keys.from_responder };
    let parts: Vec<_> = numbers
        .map(|number| {
            let sequence = 5_000 + u64::from(number);
            protect::seal_fragment(&header, (number, 200), &vec![0; plain], protection, sequence)
        })
        .collect();
    pair.from_peer.extend(parts);
    pair.deliver_to_us();
}

fn expected_id(pair: &Pair, spi: u64) -> u32 {
    (0..).find(|id| pair.us.shared.sas[&spi].expects(*id)).expect("it expects some request")
}

#[test]
fn parts_that_never_become_whole_are_bounded_and_forgotten() {
    let mut pair = Pair::established();
    let spi = pair.our_spi();
    let id = expected_id(&pair, spi);
    send_parts(&mut pair, spi, id, 2..150, 1_000);
    let kept = pair.us.shared.sas[&spi].parts_bytes();
    assert!((60_000..=65_535).contains(&kept), "{kept} bytes");
    send_parts(&mut pair, spi, id, 2..60, 1_000);
    assert_eq!(pair.us.shared.sas[&spi].parts_bytes(), kept, "a replayed part is not kept twice");
    pair.pass(Limits::default().fragments_timeout + Duration::from_secs(1));
    assert_eq!(pair.us.shared.sas[&spi].parts_bytes(), 0);
}

#[test]
fn parts_of_other_messages_than_the_next_are_not_kept() {
    let mut pair = Pair::established();
    let spi = pair.our_spi();
    let id = expected_id(&pair, spi);
    for other in [id + 1, id + 1_000, id.wrapping_sub(1)] {
        send_parts(&mut pair, spi, other, 2..10, 100);
    }
    assert_eq!(pair.us.shared.sas[&spi].parts_bytes(), 0);
}

#[test]
fn all_ike_sas_together_keep_no_more_than_the_limit() {
    let mut pair = Pair::established();
    pair.us.shared.limits.fragments_bytes_max = 10_000;
    let spi = pair.our_spi();
    let id = expected_id(&pair, spi);
    send_parts(&mut pair, spi, id, 2..150, 1_000);
    assert_eq!(pair.us.shared.sas[&spi].parts_bytes(), 10_000);
    // What is closed makes room.
    pair.us.shared.with_sa(spi, |_, sa| sa.state = State::Gone);
    assert_eq!(pair.us.shared.parts_bytes(), 0);
}
