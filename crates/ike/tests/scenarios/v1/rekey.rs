//! Replacing both kinds of SA: for days, under loss, and on both sides at once, without a moment in which a packet could not pass.

use std::time::Duration;

use causeway_crypto::DhGroup;
use causeway_ike::{ChildProposal, Mode, TunnelConfig};

use crate::sim::{A, B, Sim, T, mirrored, put_both, secs};
use crate::v1::{INFORMATIONAL, MODES, QUICK_MODE, config, up};

/// Runs and asserts after each event that packets pass both ways.
fn run_without_a_gap(sim: &mut Sim, duration: Duration) {
    sim.run_checked(duration, |sim| {
        assert!(sim.passes(A, T, B), "at {:?} packets pass from A to B: {:#?}", sim.now, sim.side(A).logs);
        assert!(sim.passes(B, T, A), "at {:?} packets pass from B to A: {:#?}", sim.now, sim.side(B).logs);
    });
}

/// Asserts that nothing is left behind: one child on each side, when all that was replaced is gone.
fn assert_no_leaks(sim: &mut Sim) {
    let fewest = (0..300).map(|_| {
        sim.run(secs(1));
        (sim.side(A).children.len(), sim.side(B).children.len())
    });
    assert_eq!(fewest.min(), Some((1, 1)));
    sim.assert_up();
}

#[test]
fn a_tunnel_is_rekeyed_for_days_without_a_gap() {
    for mode in MODES {
        for pfs in [None, Some(DhGroup::Ecp256)] {
            let child = ChildProposal { pfs, ..config(mode).child };
            let lifetimes = TunnelConfig {
                child,
                ike_lifetime: secs(28_800),
                child_lifetime: secs(3_600),
                ..config(mode)
            };
            let mut sim = up(1, &lifetimes);
            run_without_a_gap(&mut sim, secs(2 * 86_400));
            // Each child lives 85 to 93% of an hour.
            let made = sim.side(A).children_made;
            assert!((51..=58).contains(&made), "{made} children in two days");
            assert_eq!(made, sim.side(B).children_made);
            let begun = |side: usize| {
                let established = |line: &&(_, _, String)| line.2.contains("IKE SA established");
                sim.side(side).logs.iter().filter(established).count()
            };
            assert!((6..=8).contains(&begun(A)), "{} IKE SAs in two days", begun(A));
            assert_no_leaks(&mut sim);
        }
    }
}

#[test]
fn a_tunnel_is_rekeyed_under_loss_duplication_and_reordering_without_a_gap() {
    for mode in MODES {
        for seed in 0..2 {
            let mut sim = Sim::new(seed);
            let lifetimes =
                TunnelConfig { ike_lifetime: secs(3_000), child_lifetime: secs(1_000), ..config(mode) };
            put_both(&mut sim, &lifetimes);
            sim.run(secs(5));
            (sim.loss, sim.doubled, sim.jitter) = (0.1, 0.2, Duration::from_millis(300));
            run_without_a_gap(&mut sim, secs(86_400));
            (sim.loss, sim.doubled) = (0.0, 0.0);
            sim.run(secs(120));
            assert_no_leaks(&mut sim);
        }
    }
}

#[test]
fn heavy_loss_may_cost_an_sa_but_never_the_tunnel() {
    for seed in 0..2 {
        let mut sim = Sim::new(seed);
        (sim.loss, sim.doubled, sim.jitter) = (0.4, 0.2, secs(3));
        let both = TunnelConfig {
            initiate: true,
            ike_lifetime: secs(600),
            child_lifetime: secs(200),
            ..config(Mode::Main)
        };
        sim.put(B, T, mirrored(&both));
        sim.put(A, T, both);
        sim.run(secs(86_400));
        (sim.loss, sim.doubled, sim.jitter) = (0.0, 0.0, secs(0));
        sim.run(secs(400));
        sim.assert_up();
    }
}

#[test]
fn the_shorter_lifetime_counts_for_both_sides() {
    for (ours, theirs) in [(86_400, 1_000), (1_000, 86_400)] {
        let mut sim = Sim::new(3);
        let with = |life| TunnelConfig { child_lifetime: secs(life), ..config(Mode::Main) };
        // Only the side that would wait for long may begin, so the other has told it.
        sim.put(B, T, mirrored(&with(theirs)));
        sim.put(A, T, TunnelConfig { initiate: true, ..with(ours) });
        sim.run(secs(1));
        run_without_a_gap(&mut sim, secs(10_000));
        let made = sim.side(A).children_made;
        assert!((10..=13).contains(&made), "{made} children");
    }
}

#[test]
fn a_child_that_ends_soon_is_not_deleted_while_the_last_packets_on_it_are_under_way() {
    for mode in MODES {
        // It is replaced half a second before its end, which is less than the peer is given to have the new one.
        let mut sim = up(5, &TunnelConfig { child_lifetime: secs(4), dpd: false, ..config(mode) });
        let (mut in_use, mut moved, mut seen) = (sim.side(A).in_use[&T], sim.now, sim.wire.len());
        let mut spans = Vec::new();
        sim.run_checked(secs(60), |sim| {
            if sim.side(A).in_use[&T] != in_use {
                (in_use, moved) = (sim.side(A).in_use[&T], sim.now);
            }
            let deletes = sim.wire[seen..]
                .iter()
                .filter(|it| *it.from.ip() == sim.sides[A].0 && it.message[18] == INFORMATIONAL);
            spans.extend(deletes.map(|_| sim.now - moved));
            seen = sim.wire.len();
        });
        assert!(spans.len() > 5, "{spans:?}");
        assert!(spans.iter().all(|span| *span >= Duration::from_millis(100)), "{mode:?}: {spans:?}");
    }
}

#[test]
fn the_old_child_is_received_on_until_the_peer_has_moved() {
    let mut sim = up(4, &TunnelConfig { child_lifetime: secs(1_000), ..config(Mode::Main) });
    // From now on the third message of quick mode, the last of A's in each exchange, is late.
    let mut held = Vec::new();
    sim.middle = Some(Box::new(move |it| {
        let id = it.message[20..24].to_vec();
        let of_quick_mode = it.message[18] == QUICK_MODE;
        if of_quick_mode {
            held.push((id.clone(), *it.from.ip()));
        }
        let number = held.iter().filter(|(other, _)| *other == id).count();
        // Messages 3 to 5 of an exchange: message 3, and repetitions of it.
        (!of_quick_mode || !(3..=5).contains(&number)).then_some(it)
    }));
    run_without_a_gap(&mut sim, secs(20_000));
    assert!(sim.side(A).children_made >= 20);
}
