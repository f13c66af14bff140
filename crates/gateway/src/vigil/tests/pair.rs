//! Two gateways with two tunnels between them, as far as it goes who carries: what each sends, what gets through, and what each
//! makes of it. Time goes in ticks, so that an hour takes no time.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use causeway_control::desired::DesiredHealthCheck;
use causeway_control::resource::health_check::HealthCheckPolicy::{self, ReserveRoute, RevokeRoute};
use causeway_ike::TunnelKey;

use crate::health::check::Settings;
use crate::health::silence::Finding;
use crate::health::{Candidate, Decision, SilenceTimes, decide};
use crate::path::echo::Probe;
use crate::tunnels::Passed;
use crate::vigil::{Event, Vigil};

const TICK: Duration = Duration::from_millis(10);
const ON_THE_WAY: Duration = Duration::from_millis(10);
const LISTEN_INTERVAL: Duration = Duration::from_secs(1);
/// How often a host sends something, where one does.
const SPACING: Duration = Duration::from_millis(100);
const KEYS: [TunnelKey; 2] = [TunnelKey(1), TunnelKey(2)];
const LEFT: usize = 0;
const RIGHT: usize = 1;

#[derive(Debug, Clone, Copy)]
enum Packet {
    /// Something that a host answers.
    Request,
    /// Something that nobody answers.
    Statement,
    Answer,
    Probe(Probe),
    ProbeAnswer(Probe),
}

struct Side {
    vigil: Vigil,
    policy: Option<HealthCheckPolicy>,
    /// The places of its tunnels, the master first.
    order: [usize; 2],
    /// Another gateway than ours, which sends through one tunnel whatever happens.
    fixed: Option<usize>,
    carrier: Option<usize>,
    last_resort: Option<usize>,
    /// Packets of hosts that went into each tunnel, and packets that came out of it.
    counts: [(u64, u64); 2],
    passed: [(u64, u64); 2],
    next_listening: Duration,
    /// What its host sends by itself.
    flow: Option<Packet>,
    moves: Vec<(Duration, Option<usize>)>,
    events: Vec<(Duration, usize, Event)>,
    answered: Vec<Duration>,
}

impl Side {
    fn new(check: Option<DesiredHealthCheck>, order: [usize; 2], begins: Duration) -> Self {
        let mut vigil = Vigil::new(SilenceTimes::default());
        for key in KEYS {
            vigil.put(key, &"vco-a".parse().unwrap(), check, (key.0, begins));
            vigil.set_up(key, true, begins);
        }
        let carrier = Some(order[0]);
        Self {
            vigil,
            policy: check.map(|check| check.policy),
            order,
            fixed: None,
            carrier,
            last_resort: None,
            counts: Default::default(),
            passed: Default::default(),
            next_listening: begins,
            flow: None,
            moves: Vec::new(),
            events: Vec::new(),
            answered: Vec::new(),
        }
    }

    fn choose(&mut self, now: Duration) {
        let candidate = |tunnel: usize| Candidate {
            is_up: true,
            standing: self.vigil.standing(KEYS[tunnel]).0,
            is_mute: self.vigil.is_mute(KEYS[tunnel]),
            carries: self.carrier == Some(tunnel),
        };
        let Decision { carrier, last_resort } = decide(&self.order.map(candidate), self.policy);
        let of_place = |place: Option<usize>| place.map(|place| self.order[place]);
        let (carrier, last_resort) = (of_place(carrier), of_place(last_resort));
        if carrier != self.carrier {
            self.moves.push((now, carrier));
        }
        (self.carrier, self.last_resort) = (carrier, last_resort);
    }

    fn happened(&mut self, tunnel: usize, event: Option<Event>, now: Duration) {
        self.events.extend(event.map(|event| (now, tunnel, event)));
        self.choose(now);
    }

    /// Which way a host's packet goes.
    fn way(&self) -> Option<usize> {
        self.fixed.or(self.carrier).or(self.last_resort)
    }

    fn listen(&mut self, now: Duration) {
        let mut passed = BTreeMap::new();
        for (tunnel, key) in KEYS.into_iter().enumerate() {
            let (after, before) = (self.counts[tunnel], self.passed[tunnel]);
            passed.insert(key, Passed { sent: after.0 != before.0, heard: after.1 != before.1 });
            self.vigil.note_heard(key, after.1, now);
        }
        self.passed = self.counts;
        let carrier = self.carrier.map(|tunnel| KEYS[tunnel]);
        for (key, finding) in self.vigil.listen(&passed, |key| Some(key) == carrier, now) {
            let tunnel = KEYS.iter().position(|it| *it == key).unwrap();
            self.happened(tunnel, Some(Event::Silence(finding)), now);
        }
        self.choose(now);
    }

    fn count(&self, is_it: impl Fn(Event) -> bool) -> usize {
        self.events.iter().filter(|(_, _, event)| is_it(*event)).count()
    }
}

struct Pair {
    sides: [Side; 2],
    /// Whether a tunnel lets nothing through that one side sends.
    dead: [[bool; 2]; 2],
    /// Whether the host that each side's probes go to is there.
    hosts: [bool; 2],
    under_way: BTreeMap<(Duration, u64), (usize, usize, Packet)>,
    number: u64,
    now: Duration,
}

impl Pair {
    fn new(sides: [Side; 2]) -> Self {
        let under_way = BTreeMap::new();
        Self { sides, dead: Default::default(), hosts: [true; 2], under_way, number: 0, now: Duration::ZERO }
    }

    /// Both sides check, the right one a little later.
    fn checked(interval: u32, retry: u32, policy: HealthCheckPolicy, phase: Duration) -> Self {
        let check = |is_left| check(interval, retry, policy, is_left);
        let left = Side::new(Some(check(true)), [0, 1], Duration::ZERO);
        Self::new([left, Side::new(Some(check(false)), [0, 1], phase)])
    }

    /// Nobody checks.
    fn unchecked(flows: [Option<Packet>; 2], phase: Duration) -> Self {
        let mut pair = Self::new([Duration::ZERO, phase].map(|begins| Side::new(None, [0, 1], begins)));
        pair.sides.iter_mut().zip(flows).for_each(|(side, flow)| side.flow = flow);
        pair
    }

    fn send(&mut self, from: usize, tunnel: usize, packet: Packet) {
        if !self.dead[from][tunnel] {
            self.number += 1;
            self.under_way.insert((self.now + ON_THE_WAY, self.number), (1 - from, tunnel, packet));
        }
    }

    /// A host behind a side sends something.
    fn forward(&mut self, side: usize, packet: Packet) {
        if let Some(tunnel) = self.sides[side].way() {
            self.sides[side].counts[tunnel].0 += 1;
            self.send(side, tunnel, packet);
        }
    }

    fn deliver(&mut self, side: usize, tunnel: usize, packet: Packet) {
        let now = self.now;
        self.sides[side].counts[tunnel].1 += 1;
        match packet {
            Packet::Request => self.forward(side, Packet::Answer),
            Packet::Statement => {}
            Packet::Answer => self.sides[side].answered.push(now),
            Packet::Probe(probe) if self.hosts[1 - side] => self.forward(side, Packet::ProbeAnswer(probe)),
            Packet::Probe(_) => {}
            Packet::ProbeAnswer(probe) => {
                if let Some((key, _, event)) = self.sides[side].vigil.on_answer(&probe, now) {
                    let tunnel = KEYS.iter().position(|it| *it == key).unwrap();
                    self.sides[side].happened(tunnel, event, now);
                }
            }
        }
    }

    fn tick(&mut self) {
        self.now += TICK;
        let now = self.now;
        while let Some(((at, _), (side, tunnel, packet))) = self.under_way.pop_first() {
            if at > now {
                self.number += 1;
                self.under_way.insert((at, self.number), (side, tunnel, packet));
                break;
            }
            self.deliver(side, tunnel, packet);
        }
        for side in [LEFT, RIGHT] {
            if self.sides[side].next_listening <= now {
                self.sides[side].next_listening += LISTEN_INTERVAL;
                self.sides[side].listen(now);
            }
            while let Some(key) = self.sides[side].vigil.take_due(now) {
                let tunnel = KEYS.iter().position(|it| *it == key).unwrap();
                let heard = self.sides[side].counts[tunnel].1;
                self.sides[side].vigil.note_heard(key, heard, now);
                let (probe, event) = self.sides[side].vigil.handle_timeout(key, false, now);
                probe.into_iter().for_each(|probe| self.send(side, tunnel, Packet::Probe(probe)));
                self.sides[side].happened(tunnel, event, now);
            }
            if let Some(packet) = self.sides[side].flow
                && now.as_millis().is_multiple_of(SPACING.as_millis())
            {
                self.forward(side, packet);
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.tick();
        }
    }

    /// From now on a tunnel lets nothing through either way, or everything.
    fn set_dead(&mut self, tunnel: usize, is_dead: bool) {
        self.dead.iter_mut().for_each(|dead| dead[tunnel] = is_dead);
    }

    fn carriers(&self) -> [Option<usize>; 2] {
        [self.sides[LEFT].carrier, self.sides[RIGHT].carrier]
    }

    /// When each side moved since a moment, counted from there, and where to.
    fn moves_since(&self, since: Duration) -> [Vec<(Duration, Option<usize>)>; 2] {
        [LEFT, RIGHT].map(|side| {
            let moves = self.sides[side].moves.iter().filter(|(at, _)| *at >= since);
            moves.map(|(at, to)| (*at - since, *to)).collect()
        })
    }

    /// The longest time without an answer to the host of a side, from a moment until now.
    fn longest_outage(&self, side: usize, since: Duration) -> Duration {
        let answers = self.sides[side].answered.iter().copied().filter(|at| *at >= since);
        let times: Vec<_> = [since].into_iter().chain(answers).chain([self.now]).collect();
        times.windows(2).map(|two| two[1] - two[0]).max().unwrap_or_default()
    }
}

fn second(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// The check of either side: where the one's probes come from, the other's go to.
fn check(interval_s: u32, retry: u32, policy: HealthCheckPolicy, is_left: bool) -> DesiredHealthCheck {
    let (left, right) = (Ipv4Addr::new(10, 1, 0, 1), Ipv4Addr::new(10, 2, 0, 1));
    let (source, destination) = if is_left { (left, right) } else { (right, left) };
    DesiredHealthCheck { source, destination, interval_s, retry, policy }
}

/// `Interval` and `Retry`, and how much later the right side begins, in eighths of an interval.
fn settings() -> impl Iterator<Item = (u32, u32, Duration)> {
    let settings = [(1, 1), (1, 3), (3, 1), (3, 3), (5, 2)];
    settings.into_iter().flat_map(|(interval, retry)| {
        (0..8).map(move |part| (interval, retry, Duration::from_millis(u64::from(interval) * 125 * part)))
    })
}

/// The longest until a check fails (docs/failover.md), and a tick for each thing that happens after.
fn found_within(interval: u32, retry: u32) -> Duration {
    let Settings { interval, patience } = Settings::new(interval, retry);
    patience.max(Duration::from_millis(1_300)) + interval + patience / 16 + Duration::from_millis(100)
}

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
