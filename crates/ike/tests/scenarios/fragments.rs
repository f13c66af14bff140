//! Messages that are longer than a packet (RFC 7383).

use causeway_ike::{Limits, TunnelConfig};

use crate::sim::{A, B, Datagram, Sim, T, config, mirrored, put_both, secs};

const FRAGMENT: u8 = 53;

fn limits(fragment_packet_bytes: usize) -> Limits {
    Limits { fragment_packet_bytes, first_rekey_after: secs(0), ..Limits::default() }
}

/// So many networks that a message with all of them is longer than a packet.
fn long() -> TunnelConfig {
    let net = |n: u32| format!("10.{}.{}.0/25", n / 200, n % 200).parse().expect("a network");
    TunnelConfig {
        local_ts: (0..120).map(net).collect(),
        remote_ts: (200..320).map(net).collect(),
        ..config()
    }
}

fn in_fragments(sim: &Sim) -> Vec<&Datagram> {
    sim.wire.iter().filter(|it| it.message[16] == FRAGMENT).collect()
}

#[test]
fn long_messages_travel_in_fragments_both_ways_and_short_ones_do_not() {
    for packet in [576, 1_280, 1_500] {
        let mut sim = Sim::with_limits(1, limits(packet));
        put_both(&mut sim, &long());
        sim.run(secs(1));
        sim.assert_up();
        assert!(sim.wire.iter().all(|it| it.message.len() + 28 <= packet), "no packet is longer");
        let from =
            |side: usize| in_fragments(&sim).iter().filter(|it| *it.from.ip() == sim.sides[side].0).count();
        assert!(from(A) >= 3 && from(B) >= 3);
        let sent = sim.wire.len();
        sim.run(secs(100));
        assert!(in_fragments(&sim).len() < sim.wire.len() - 4 && sim.wire.len() > sent, "liveness is short");
    }
}

#[test]
fn fragments_may_be_lost_doubled_and_reordered() {
    for seed in 0..20 {
        let mut sim = Sim::with_limits(seed, limits(576));
        (sim.loss, sim.doubled, sim.jitter) = (0.1, 0.3, secs(1));
        put_both(&mut sim, &TunnelConfig { child_lifetime: secs(600), ike_lifetime: secs(2_000), ..long() });
        sim.run(secs(600));
        sim.assert_up();
        assert!(in_fragments(&sim).len() > 20, "seed {seed}");
    }
}

#[test]
fn a_peer_that_takes_no_fragments_gets_none() {
    for (ours, theirs) in [(1_280, 0), (0, 1_280)] {
        let mut sim = Sim::with_limits(2, limits(ours));
        sim.sides[B].1 = Sim::with_limits(3, limits(theirs)).sides.remove(B).1;
        put_both(&mut sim, &long());
        sim.run(secs(1));
        sim.assert_up();
        assert!(in_fragments(&sim).is_empty());
    }
}

#[test]
fn a_broken_copy_of_a_fragment_changes_nothing() {
    let mut sim = Sim::with_limits(4, limits(576));
    sim.put(B, T, mirrored(&long()));
    // Each fragment is preceded by copies that differ in a byte, or in which fragment they say they are.
    let (sent, mut seen) = (TunnelConfig { initiate: true, ..long() }, 0);
    sim.put(A, T, sent);
    while sim.now < secs(2) {
        sim.run(std::time::Duration::from_millis(5));
        for original in sim.wire.clone().into_iter().skip(seen).filter(|it| it.message[16] == FRAGMENT) {
            for at in [19, 23, 32, 33, 34, 35, 36, 60, original.message.len() - 1] {
                let mut message = original.message.clone();
                message[at] ^= 1;
                sim.deliver(Datagram { message, ..original.clone() });
            }
        }
        seen = sim.wire.len();
    }
    sim.assert_up();
}

#[test]
fn rekeyed_ike_sas_go_on_with_fragments() {
    let mut sim = Sim::with_limits(5, limits(576));
    put_both(&mut sim, &TunnelConfig { ike_lifetime: secs(300), child_lifetime: secs(1_000), ..long() });
    sim.run(secs(3_000));
    sim.assert_up();
    assert!(sim.logged(A, "IKE SA rekeyed"));
    assert!(sim.wire.iter().all(|it| it.message.len() + 28 <= 576));
}
