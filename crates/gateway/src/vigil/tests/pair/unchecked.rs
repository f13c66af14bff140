//! Without a health check: what a tunnel is suspected of, and where the two sides meet.

use std::time::Duration;

use super::{LEFT, Packet, Pair, RIGHT, Side, second};
use crate::health::silence::Finding;
use crate::vigil::Event;

/// Which hosts ask.
const ASKING: [[Option<Packet>; 2]; 3] = [
    [Some(Packet::Request), None],
    [None, Some(Packet::Request)],
    [Some(Packet::Request), Some(Packet::Request)],
];

/// Runs after a break: the longest outage, without the time until it must be found, of whoever asks.
fn outage_after(pair: &mut Pair, found: Duration, time: Duration) -> Duration {
    pair.run(found);
    let since = pair.now;
    pair.run(time);
    let asking = [LEFT, RIGHT].into_iter().filter(|side| pair.sides[*side].flow.is_some());
    asking.map(|side| pair.longest_outage(side, since)).max().unwrap_or_default()
}

#[test]
fn without_a_check_two_sides_meet_on_the_slave_when_the_master_is_dead_both_ways() {
    for flows in ASKING {
        for phase in [0, 250, 500, 750].map(Duration::from_millis) {
            let mut pair = Pair::unchecked(flows, phase);
            pair.run(second(60));
            pair.set_dead(0, true);
            let outage = outage_after(&mut pair, second(46), second(500));
            let moves = pair.moves_since(second(60));
            // A trial finds nothing.
            assert!(outage < second(6), "{flows:?}, {phase:?}: {outage:?} {moves:?}");
            assert!(moves.iter().all(|moves| moves.len() < 20), "{flows:?}, {phase:?}: {moves:?}");
            // When it is mended, one of the next trials finds it, and both are back.
            pair.set_dead(0, false);
            let outage = outage_after(&mut pair, second(0), second(900));
            assert_eq!(
                pair.carriers(),
                [Some(0); 2],
                "{flows:?}, {phase:?}: {:?}",
                pair.moves_since(second(60))
            );
            assert!(outage < second(2), "{flows:?}, {phase:?}: {outage:?}");
        }
    }
}

#[test]
fn without_a_check_two_sides_get_on_when_the_master_is_dead_one_way() {
    for flows in ASKING {
        for (from, phase) in [(LEFT, 0), (LEFT, 600), (RIGHT, 0), (RIGHT, 600)] {
            let mut pair = Pair::unchecked(flows, Duration::from_millis(phase));
            pair.run(second(60));
            pair.dead[from][0] = true;
            let outage = outage_after(&mut pair, second(46), second(1_000));
            let moves = pair.moves_since(second(60));
            assert!(outage < second(8), "{flows:?}, from {from}, {phase}: {outage:?} {moves:?}");
            assert!(moves.iter().all(|moves| moves.len() < 20), "{flows:?}, from {from}, {phase}: {moves:?}");
        }
    }
}

#[test]
fn a_peer_that_goes_to_the_slave_by_itself_and_stays_there_is_followed() {
    for flows in ASKING {
        let mut pair = Pair::unchecked(flows, Duration::ZERO);
        pair.sides[RIGHT].fixed = Some(0);
        pair.run(second(60));
        pair.set_dead(0, true);
        pair.run(second(5));
        pair.sides[RIGHT].fixed = Some(1);
        let outage = outage_after(&mut pair, second(25), second(2_000));
        let moves = pair.moves_since(second(60));
        assert!(outage < second(6), "{flows:?}: {outage:?} {moves:?}");
        // And it is followed back.
        pair.set_dead(0, false);
        pair.sides[RIGHT].fixed = Some(0);
        pair.run(second(30));
        assert_eq!(pair.carriers()[LEFT], Some(0), "{flows:?}: {:?}", pair.moves_since(second(60)));
    }
}

#[test]
fn a_peer_that_stays_on_a_master_that_is_dead_one_way_is_heard_through_it() {
    let mut pair = Pair::unchecked([Some(Packet::Request), None], Duration::ZERO);
    pair.sides[RIGHT].fixed = Some(0);
    pair.run(second(60));
    pair.dead[LEFT][0] = true;
    let outage = outage_after(&mut pair, second(22), second(2_000));
    let moves = &pair.moves_since(second(60))[LEFT];
    assert!(outage < second(6), "{outage:?} {moves:?}");
    assert!(moves.len() < 20, "{moves:?}");
}

#[test]
fn a_peer_that_always_answers_through_the_other_tunnel_costs_one_move() {
    for flows in ASKING {
        let mut pair = Pair::unchecked(flows, Duration::ZERO);
        pair.sides[RIGHT].fixed = Some(1);
        let outage = outage_after(&mut pair, second(1), second(2_000));
        assert!(outage < second(1), "{flows:?}: {outage:?}");
        let moves = &pair.sides[LEFT].moves;
        assert!(moves.len() <= 1, "{flows:?}: {moves:?}");
        let replaced = pair.sides[LEFT].count(|it| it == Event::Silence(Finding::Silent));
        assert_eq!(replaced, 0, "{flows:?}");
    }
}

#[test]
fn a_tunnel_that_one_side_has_left_for_the_other_carries_again_when_that_dies() {
    let mut pair = Pair::unchecked([Some(Packet::Request), None], Duration::ZERO);
    pair.sides[RIGHT] = Side::new(None, [1, 0], Duration::from_millis(500));
    pair.run(second(100));
    let [Some(left), Some(right)] = pair.carriers() else { panic!("{:?}", pair.carriers()) };
    assert_eq!(left, right, "{:?}", pair.moves_since(Duration::ZERO));
    pair.set_dead(left, true);
    let outage = outage_after(&mut pair, second(46), second(1_000));
    assert!(outage < second(6), "{outage:?} {:?}", pair.moves_since(Duration::ZERO));
}

#[test]
fn a_dead_tunnel_that_the_peer_has_left_gets_little_of_what_goes_one_way() {
    let mut pair = Pair::unchecked([Some(Packet::Request), None], Duration::ZERO);
    pair.sides[RIGHT].fixed = Some(1);
    pair.run(second(100));
    assert_eq!(pair.carriers()[LEFT], Some(1));
    pair.set_dead(0, true);
    pair.sides[LEFT].flow = Some(Packet::Statement);
    pair.run(second(3_500));
    let moves = pair.moves_since(second(100)).concat();
    let until = moves.iter().map(|(at, _)| *at).skip(1).chain([second(3_500)]);
    let of_dead = moves.iter().zip(until).filter(|((_, to), _)| *to == Some(0));
    let lost: Duration = of_dead.map(|((at, _), until)| until - *at).sum();
    assert!(lost < second(80), "{lost:?} {moves:?}");
}

#[test]
fn a_peer_that_answers_now_through_this_tunnel_and_now_through_that_is_followed_seldom() {
    let mut pair = Pair::unchecked([Some(Packet::Request), None], Duration::ZERO);
    for number in 0..120 {
        pair.sides[RIGHT].fixed = Some(number % 2);
        pair.run(second(30));
    }
    assert!(pair.longest_outage(LEFT, Duration::ZERO) < second(1));
    let moves = &pair.sides[LEFT].moves;
    assert!(moves.len() <= 2 * 10, "{moves:?}");
}

#[test]
fn two_sides_whose_masters_are_different_tunnels_move_once_if_at_all() {
    for flows in ASKING {
        for phase in [0, 500].map(Duration::from_millis) {
            let mut pair = Pair::unchecked(flows, phase);
            pair.sides[RIGHT] = Side { order: [1, 0], carrier: Some(1), ..Side::new(None, [1, 0], phase) };
            pair.sides[RIGHT].flow = flows[RIGHT];
            let outage = outage_after(&mut pair, second(1), second(2_000));
            assert!(outage < second(1), "{flows:?}: {outage:?}");
            let moves = pair.moves_since(second(0));
            assert!(moves.iter().all(|moves| moves.len() <= 1), "{flows:?}, {phase:?}: {moves:?}");
        }
    }
}

#[test]
fn traffic_in_one_direction_over_two_good_tunnels_moves_now_and_then() {
    let mut pair = Pair::unchecked([Some(Packet::Statement), None], Duration::ZERO);
    pair.run(second(3_600));
    let moves = &pair.sides[LEFT].moves;
    assert!(moves.len() < 2 * 12, "{}: {moves:?}", moves.len());
}
