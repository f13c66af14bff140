//! Two gateways with two tunnels between them, as far as it goes who carries: what each sends, what gets through, and what each
//! makes of it. Time goes in ticks, so that an hour takes no time.

mod checked;
mod unchecked;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use causeway_control::desired::DesiredHealthCheck;
use causeway_control::resource::health_check::HealthCheckPolicy;
use causeway_ike::TunnelKey;

use crate::health::check::Settings;
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
