//! With a health check on at least one side.

use std::time::Duration;

use causeway_control::resource::health_check::HealthCheckPolicy::{ReserveRoute, RevokeRoute};

use super::{KEYS, LEFT, Packet, Pair, RIGHT, Side, check, found_within, second, settings};
use crate::vigil::Event;

#[test]
fn two_sides_that_check_leave_a_master_that_is_dead_both_ways_and_withdraw_nothing() {
    for (interval, retry, phase) in settings() {
        for policy in [RevokeRoute, ReserveRoute] {
            let mut pair = Pair::checked(interval, retry, policy, phase);
            pair.run(second(60) + phase / 2);
            assert_eq!(pair.carriers(), [Some(0); 2]);
            let broken = pair.now;
            pair.set_dead(0, true);
            pair.run(second(90));
            let what = format!("{interval} x {retry}, {phase:?}, {policy:?}");
            for moves in pair.moves_since(broken) {
                assert!(matches!(moves[..], [(_, Some(1))]), "{what}: {moves:?}");
                assert!(moves[0].0 < found_within(interval, retry), "{what}: {moves:?}");
            }
            let mended = pair.now;
            pair.set_dead(0, false);
            pair.run(second(60));
            for moves in pair.moves_since(mended) {
                assert!(matches!(moves[..], [(_, Some(0))]), "{what}: {moves:?}");
            }
        }
    }
}

#[test]
fn two_sides_that_check_get_on_when_a_master_is_dead_one_way() {
    for (interval, retry, phase) in settings() {
        for (from, policy) in [(LEFT, RevokeRoute), (RIGHT, RevokeRoute), (LEFT, ReserveRoute)] {
            let mut pair = Pair::checked(interval, retry, policy, phase);
            pair.sides[LEFT].flow = Some(Packet::Request);
            pair.run(second(60) + phase / 2);
            let broken = pair.now;
            pair.dead[from][0] = true;
            pair.run(found_within(interval, retry));
            let found = pair.now;
            pair.run(second(90));
            let what = format!("{interval} x {retry}, {phase:?}, {policy:?}, from {from}");
            let (moves, outage) = (pair.moves_since(broken), pair.longest_outage(LEFT, found));
            assert!(outage < second(1), "{what}: {outage:?} {moves:?}");
            assert!(moves.iter().all(|moves| moves.iter().all(|(_, to)| to.is_some())), "{what}: {moves:?}");
            assert!(moves.iter().all(|moves| moves.len() <= 2), "{what}: {moves:?}");
        }
    }
}

#[test]
fn where_nothing_answers_through_either_tunnel_routes_are_withdrawn_as_soon_as_before() {
    for (interval, retry, phase) in settings() {
        let bound = found_within(interval, retry);
        let withdrawn = |pair: &Pair, side: usize, since| {
            let moves = &pair.moves_since(since)[side];
            moves.iter().find(|(_, to)| to.is_none()).map(|(at, _)| *at)
        };
        // The whole path.
        let mut pair = Pair::checked(interval, retry, RevokeRoute, phase);
        pair.run(second(60) + phase / 2);
        let broken = pair.now;
        (0..2).for_each(|tunnel| pair.set_dead(tunnel, true));
        pair.run(bound * 4);
        for side in [LEFT, RIGHT] {
            let took = withdrawn(&pair, side, broken);
            assert!(took.is_some_and(|took| took < bound), "{interval} x {retry}, {phase:?}: {took:?}");
        }
        // The host that answers.
        let mut pair = Pair::checked(interval, retry, RevokeRoute, phase);
        pair.run(second(60) + phase / 2);
        let broken = pair.now;
        pair.hosts[LEFT] = false;
        pair.run(bound * 4);
        let took = withdrawn(&pair, LEFT, broken);
        assert!(took.is_some_and(|took| took < bound), "{interval} x {retry}, {phase:?}: {took:?}");
        assert_eq!(withdrawn(&pair, RIGHT, broken), None);
    }
}

#[test]
fn a_side_that_checks_and_one_that_does_not_meet_on_the_slave() {
    for flow in [None, Some(Packet::Request)] {
        let left = Side::new(Some(check(3, 3, RevokeRoute, true)), [0, 1], Duration::ZERO);
        let mut pair = Pair::new([left, Side::new(None, [0, 1], second(0))]);
        pair.sides[RIGHT].flow = flow;
        pair.run(second(60));
        pair.set_dead(0, true);
        pair.run(second(60));
        assert_eq!(pair.carriers(), [Some(1); 2], "{:?}", pair.moves_since(second(60)));
        assert_eq!(pair.sides[LEFT].vigil.standing(KEYS[1]).0, crate::health::Standing::Good);
    }
}

#[test]
fn sides_whose_masters_are_different_tunnels_get_on_when_one_is_dead() {
    for tunnel in [0, 1] {
        for (interval, retry, phase) in settings() {
            let side = |is_left, order, begins| {
                Side::new(Some(check(interval, retry, RevokeRoute, is_left)), order, begins)
            };
            let mut pair = Pair::new([side(true, [0, 1], second(0)), side(false, [1, 0], phase)]);
            pair.run(second(60) + phase / 2);
            assert_eq!(pair.carriers(), [Some(0), Some(1)]);
            let broken = pair.now;
            pair.set_dead(tunnel, true);
            pair.run(second(90));
            let what = format!("{interval} x {retry}, {phase:?}, tunnel {tunnel}");
            assert_eq!(pair.carriers(), [Some(1 - tunnel); 2], "{what}: {:?}", pair.moves_since(broken));
            let withdrawn = pair.moves_since(broken).concat().iter().any(|(_, to)| to.is_none());
            assert!(!withdrawn, "{what}: {:?}", pair.moves_since(broken));
        }
    }
}

#[test]
fn a_tunnel_that_passes_a_slow_check_is_not_taken_for_a_black_hole() {
    for interval in [22, 60, 300] {
        let left = Side::new(Some(check(interval, 3, RevokeRoute, true)), [0, 1], Duration::ZERO);
        let mut pair = Pair::new([left, Side::new(None, [0, 1], second(0))]);
        pair.sides[LEFT].flow = Some(Packet::Statement);
        pair.run(second(2_000));
        assert_eq!(pair.sides[LEFT].moves, [], "Interval {interval}");
        assert_eq!(pair.sides[LEFT].count(|it| matches!(it, Event::Silence(_))), 0, "Interval {interval}");
    }
}
