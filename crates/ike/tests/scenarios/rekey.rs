//! Rekeying: for days, under loss, and on both sides at once, without a moment in which a packet could not pass.

use std::time::Duration;

use causeway_crypto::DhGroup;
use causeway_ike::{ChildProposal, Limits, Mode, Output, TunnelConfig};

use crate::sim::{A, ADDRESS_A, B, Datagram, Middle, Sim, T, config, mirrored, put_both, secs};

/// Runs and asserts after each event that packets pass both ways.
fn run_without_a_gap(sim: &mut Sim, duration: Duration) {
    sim.run_checked(duration, |sim| {
        assert!(sim.passes(A, T, B), "at {:?} packets pass from A to B: {:#?}", sim.now, sim.side(A).logs);
        assert!(sim.passes(B, T, A), "at {:?} packets pass from B to A: {:#?}", sim.now, sim.side(B).logs);
    });
}

/// Asserts that nothing is left behind: one child on each side, when all that lingers is gone.
fn assert_no_leaks(sim: &mut Sim) {
    let fewest = (0..200).map(|_| {
        sim.run(secs(1));
        (sim.side(A).children.len(), sim.side(B).children.len())
    });
    assert_eq!(fewest.min(), Some((1, 1)));
    sim.assert_up();
}

#[test]
fn a_tunnel_is_rekeyed_for_days_without_a_gap() {
    for pfs in [None, Some(DhGroup::Ecp256)] {
        let child = ChildProposal { pfs, ..config().child };
        let mut sim = Sim::new(1);
        put_both(
            &mut sim,
            &TunnelConfig { child, ike_lifetime: secs(28_800), child_lifetime: secs(3_600), ..config() },
        );
        sim.run(secs(1));
        run_without_a_gap(&mut sim, secs(5 * 86_400));
        // Each child lives 85 to 93% of an hour.
        let made = sim.side(A).children_made;
        assert!((128..=145).contains(&made), "{made} children in five days");
        assert_eq!(made, sim.side(B).children_made);
        assert!(sim.logged(A, "IKE SA rekeyed") && sim.logged(B, "IKE SA rekeyed"));
        assert_no_leaks(&mut sim);
    }
}

/// As when it has carried as much as it should; whoever asks, and however often.
#[test]
fn a_child_is_replaced_when_asked_without_a_gap() {
    for config in [config(), crate::v1::config(Mode::Main)] {
        for side in [A, B] {
            let mut sim = Sim::new(3);
            put_both(&mut sim, &config);
            sim.run(secs(20));
            for replaced in 1..=3 {
                let made = sim.side(A).children_made;
                sim.rekey_child(side, T);
                sim.rekey_child(side, T);
                run_without_a_gap(&mut sim, secs(1));
                sim.rekey_child(side, T);
                run_without_a_gap(&mut sim, secs(40));
                let both = (sim.side(A).children_made, sim.side(B).children_made);
                assert!(both.0 > made && both.0 <= made + 2, "{config:?} {side} {replaced}: {made} {both:?}");
                assert_eq!(both.0, both.1);
                assert_no_leaks(&mut sim);
            }
        }
    }
}

#[test]
fn a_tunnel_is_rekeyed_under_loss_duplication_and_reordering_without_a_gap() {
    for seed in 0..6 {
        let mut sim = Sim::new(seed);
        put_both(
            &mut sim,
            &TunnelConfig { ike_lifetime: secs(3_000), child_lifetime: secs(1_000), ..config() },
        );
        sim.run(secs(5));
        (sim.loss, sim.doubled, sim.jitter) = (0.1, 0.2, Duration::from_millis(300));
        run_without_a_gap(&mut sim, secs(86_400));
        (sim.loss, sim.doubled) = (0.0, 0.0);
        sim.run(secs(120));
        assert_no_leaks(&mut sim);
    }
}

#[test]
fn heavy_loss_may_cost_an_ike_sa_but_never_the_tunnel() {
    for seed in 0..4 {
        let mut sim = Sim::new(seed);
        (sim.loss, sim.doubled, sim.jitter) = (0.4, 0.2, secs(3));
        let both =
            TunnelConfig { initiate: true, ike_lifetime: secs(600), child_lifetime: secs(200), ..config() };
        sim.put(B, T, mirrored(&both));
        sim.put(A, T, both);
        sim.run(secs(86_400));
        (sim.loss, sim.doubled, sim.jitter) = (0.0, 0.0, secs(0));
        sim.run(secs(300));
        assert_no_leaks(&mut sim);
    }
}

/// Lets requests through and keeps answers back, so that both sides have asked before either hears.
fn requests_only() -> Middle {
    Box::new(|datagram: Datagram| (datagram.message[19] & 0x20 == 0).then_some(datagram))
}

/// Both sides rekey at the same moment: nothing passes until both have asked, then only requests do, then everything.
fn collide(sim: &mut Sim, lifetime: Duration) {
    sim.run(lifetime.mul_f64(0.84));
    let before = sim.wire.len();
    sim.middle = Some(Box::new(|_| None));
    while ![A, B].iter().all(|side| {
        let address = sim.sides[*side].0;
        sim.wire[before..].iter().any(|datagram| *datagram.from.ip() == address)
    }) {
        run_without_a_gap(sim, Duration::from_millis(100));
        assert!(sim.now < lifetime * 2, "both sides rekey");
    }
    sim.middle = Some(requests_only());
    run_without_a_gap(sim, secs(17));
    sim.middle = None;
    run_without_a_gap(sim, secs(120));
}

#[test]
fn children_that_both_sides_rekey_at_once_leave_one() {
    let mut who_won = [0, 0];
    for seed in 0..24 {
        let mut sim = Sim::new(seed);
        sim.keep_trace = true;
        let pfs = (seed % 2 == 0).then_some(DhGroup::Curve25519);
        let child = ChildProposal { pfs, ..config().child };
        put_both(&mut sim, &TunnelConfig { child, dpd: false, child_lifetime: secs(300), ..config() });
        sim.run(secs(1));
        collide(&mut sim, secs(300));
        assert_eq!(
            (sim.side(A).children_made, sim.side(B).children_made),
            (3, 3),
            "each side has made one, seed {seed}"
        );
        assert_eq!((sim.side(A).children.len(), sim.side(B).children.len()), (1, 1), "seed {seed}");
        // A responder installs a child before its initiator does.
        let survivor = sim.side(A).children.values().next().expect("a child").1.clone();
        let first = sim.trace.iter().find_map(|(_, side, output)| match output {
            Output::ChildUp { child, .. } => {
                (*child == survivor || child.outbound_spi == survivor.inbound_spi).then_some(*side)
            }
            _ => None,
        });
        who_won[first.expect("it was installed")] += 1;
        sim.assert_up();
    }
    assert!(who_won.iter().all(|won| *won > 0));
}

#[test]
fn ike_sas_that_both_sides_rekey_at_once_leave_one() {
    for seed in 0..24 {
        let mut sim = Sim::new(seed);
        put_both(&mut sim, &TunnelConfig { dpd: false, ike_lifetime: secs(300), ..config() });
        sim.run(secs(1));
        collide(&mut sim, secs(300));
        assert_eq!(
            (sim.side(A).children_made, sim.side(B).children_made),
            (1, 1),
            "children move, seed {seed}"
        );
        sim.assert_up();
        assert!(!sim.logged(A, "closed") && !sim.logged(B, "closed"), "{:?}", sim.side(A).logs);
        // The one that is left is in order: it can be used by both sides, and closed by one.
        run_without_a_gap(&mut sim, secs(600));
        sim.remove(A, T);
        sim.run(secs(10));
        assert!(sim.side(B).children.is_empty());
    }
}

#[test]
fn rekeying_on_both_sides_in_every_interleaving_of_losses_leaves_no_gap_and_no_leak() {
    // Both rekey within seconds of each other, again and again, and every datagram has its own fate.
    for seed in 0..40 {
        let mut sim = Sim::new(seed);
        let lifetimes = [(secs(60), secs(86_400)), (secs(86_400), secs(60)), (secs(60), secs(65))];
        let (ike_lifetime, child_lifetime) = lifetimes[seed as usize % 3];
        put_both(&mut sim, &TunnelConfig { dpd: false, ike_lifetime, child_lifetime, ..config() });
        sim.run(secs(1));
        (sim.loss, sim.jitter) = (0.15, secs(1));
        run_without_a_gap(&mut sim, secs(1_200));
        (sim.loss, sim.jitter) = (0.0, secs(0));
        sim.run(secs(100));
        assert_no_leaks(&mut sim);
    }
}

#[test]
fn the_old_child_is_received_on_for_a_while_after_it_was_replaced() {
    let mut sim = Sim::new(1);
    put_both(&mut sim, &TunnelConfig { child_lifetime: secs(1_000), ..config() });
    sim.run(secs(1));
    let old = sim.side(A).in_use[&T];
    let mut switched = None;
    sim.run_checked(secs(1_000), |sim| {
        let using_new = sim.side(A).in_use[&T] != old;
        if using_new && switched.is_none() {
            switched = Some(sim.now);
        }
        if let Some(at) = switched.filter(|at| sim.now < *at + secs(5)) {
            assert!(sim.side(A).children.contains_key(&old), "{:?} after the switch", sim.now - at);
        }
    });
    assert!(switched.is_some() && !sim.side(A).children.contains_key(&old));
}

#[test]
fn a_responder_sends_on_the_new_child_only_when_the_initiator_has_it() {
    let mut sim = Sim::new(2);
    put_both(&mut sim, &TunnelConfig { dpd: false, child_lifetime: secs(1_000), ..config() });
    // B never rekeys by itself, because it has longer.
    let longer = TunnelConfig { dpd: false, child_lifetime: secs(100_000), ..mirrored(&config()) };
    sim.put(B, T, longer);
    sim.run(secs(1));
    // B's answers are lost from now on, so A does not get the new child.
    sim.middle = Some(Box::new(|datagram| (*datagram.from.ip() == ADDRESS_A).then_some(datagram)));
    while sim.side(B).children.len() == 1 {
        run_without_a_gap(&mut sim, secs(1));
    }
    run_without_a_gap(&mut sim, secs(30));
    assert_eq!((sim.side(A).children.len(), sim.side(B).children.len()), (1, 2));
    sim.middle = None;
    run_without_a_gap(&mut sim, secs(60));
    assert_eq!((sim.side(A).children.len(), sim.side(B).children.len()), (1, 1));
    assert_eq!((sim.side(A).children_made, sim.side(B).children_made), (2, 2));
}

/// Tunnels whose two ends differ in the group of perfect forward secrecy. IKE_AUTH does not say so: the first child works, and
/// each that is to take its place is refused.
fn with_other_groups() -> [(TunnelConfig, TunnelConfig); 3] {
    let pfs = |pfs| TunnelConfig {
        child: ChildProposal { pfs, ..config().child },
        child_lifetime: secs(1_000),
        ..config()
    };
    let groups = [None, Some(DhGroup::Ecp256), Some(DhGroup::Curve25519)];
    let pair = |ours: usize, theirs: usize| {
        (TunnelConfig { initiate: true, ..pfs(groups[ours]) }, mirrored(&pfs(groups[theirs])))
    };
    [pair(0, 1), pair(1, 0), pair(1, 2)]
}

#[test]
fn a_child_that_the_peer_does_not_replace_is_followed_by_that_of_another_ike_sa_without_a_gap() {
    for (ours, theirs) in with_other_groups() {
        for peer_initiates in [false, true] {
            let mut sim = Sim::new(5);
            sim.put(B, T, TunnelConfig { initiate: peer_initiates, ..theirs.clone() });
            sim.put(A, T, ours.clone());
            sim.run(secs(1));
            run_without_a_gap(&mut sim, secs(20_000));
            let made = sim.side(A).children_made;
            assert!((20..=30).contains(&made), "{made} children in twenty of their lifetimes");
            assert_no_leaks(&mut sim);
        }
    }
}

#[test]
fn a_peer_that_gives_each_ike_sa_one_child_only_gets_another_ike_sa_in_time() {
    // As one does that answers every CREATE_CHILD_SA with NO_ADDITIONAL_SAS.
    let limits = Limits { children_per_ike_sa_max: 1, ..Limits::default() };
    let mut sim = Sim::with_limits(6, limits);
    put_both(&mut sim, &TunnelConfig { child_lifetime: secs(1_000), ..config() });
    sim.run(secs(1));
    run_without_a_gap(&mut sim, secs(20_000));
    assert!(sim.logged(A, "NO_ADDITIONAL_SAS"));
    assert_no_leaks(&mut sim);
}

#[test]
fn a_child_that_is_asked_for_in_vain_after_the_peer_has_deleted_it_comes_with_another_ike_sa() {
    for (ours, theirs) in with_other_groups() {
        let mut sim = Sim::new(7);
        // Its lifetime is over before we know that it does not replace the child.
        sim.put(B, T, TunnelConfig { child_lifetime: secs(500), ..theirs });
        sim.put(A, T, ours);
        sim.run(secs(490));
        let mut down = 0;
        for _ in 0..5_000 {
            sim.run(secs(1));
            down += usize::from(!sim.passes(A, T, B) || !sim.passes(B, T, A));
        }
        assert!((1..=40).contains(&down), "{down} s of 5,000 without a child: {:#?}", sim.side(A).logs);
    }
}
