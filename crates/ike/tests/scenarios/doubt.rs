//! What is done for an owner who doubts that packets get through a tunnel, by both versions.

use std::time::Duration;

use causeway_ike::{Mode, TunnelConfig, TunnelStatus};

use crate::sim::{A, B, Sim, T, config, put_both, secs};
use crate::v1;

fn configs() -> [TunnelConfig; 3] {
    [config(), v1::config(Mode::Main), v1::config(Mode::Aggressive)]
}

/// A tunnel that is up and has been silent for a while.
fn up(seed: u64, config: &TunnelConfig) -> Sim {
    let mut sim = Sim::new(seed);
    put_both(&mut sim, config);
    sim.run(secs(20));
    sim.assert_up();
    sim
}

#[test]
fn a_peer_that_is_asked_is_heard() {
    for config in configs() {
        for side in [A, B] {
            let mut sim = up(1, &config);
            let now = sim.now;
            assert!(sim.side(side).endpoint.last_heard(T) < Some(now - secs(5)));
            assert!(sim.sides[side].1.endpoint.ask_peer(T, now));
            sim.collect(side);
            sim.run(secs(1));
            assert!(sim.side(side).endpoint.last_heard(T) > Some(now));
            let took = sim.side(side).endpoint.round_trip(T);
            assert!(took.is_some_and(|it| it > Duration::ZERO && it < secs(1)), "{took:?}");
            sim.assert_up();
        }
    }
}

#[test]
fn a_peer_that_is_asked_and_does_not_answer_is_given_up_sooner() {
    for config in configs() {
        let mut sim = up(2, &config);
        sim.middle = Some(Box::new(|_| None));
        let now = sim.now;
        assert!(sim.sides[A].1.endpoint.ask_peer(T, now));
        sim.collect(A);
        sim.run(secs(95));
        assert_eq!(sim.status(A), TunnelStatus::IkeSaNotEstablished);
        assert_eq!(sim.side(A).endpoint.last_heard(T), None);
    }
}

#[test]
fn a_tunnel_without_dead_peer_detection_is_not_asked() {
    for config in configs() {
        let mut sim = up(3, &TunnelConfig { dpd: false, ..config });
        let (now, sent) = (sim.now, sim.wire.len());
        assert!(!sim.sides[A].1.endpoint.ask_peer(T, now));
        sim.collect(A);
        sim.run(secs(1));
        assert_eq!(sim.wire.len(), sent);
    }
}

#[test]
fn replaced_children_are_made_before_the_old_ones_are_gone() {
    for config in configs() {
        for side in [A, B] {
            let mut sim = up(4, &config);
            let old = sim.side(side).in_use[&T];
            let now = sim.now;
            sim.sides[side].1.endpoint.replace_children(T, now);
            sim.collect(side);
            sim.run_checked(Duration::from_secs(30), |sim| sim.assert_up());
            assert_ne!(sim.side(side).in_use[&T], old);
            assert!(!sim.side(side).children.contains_key(&old), "the old one is gone");
            assert_eq!((sim.side(A).children.len(), sim.side(B).children.len()), (1, 1));
        }
    }
}
