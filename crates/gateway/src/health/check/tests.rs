use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::{Strategy, any, prop, prop_assert, prop_oneof, proptest};

use super::{Check, OUTSTANDING_MAX, RUN_MIN, SPACING_MIN, Settings, Verdict};

/// Random numbers that are the same in each run (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A path that loses some probes, and delays the others.
struct Path {
    check: Check,
    dice: Dice,
    loss: f64,
    delay: (Duration, Duration),
    under_way: BTreeMap<Duration, u16>,
    now: Duration,
    sent: u64,
    /// Each change of the verdict, with its time.
    verdicts: Vec<(Duration, Verdict)>,
}

impl Path {
    fn new(settings: Settings, seed: u64, loss: f64) -> Self {
        let mut check = Check::new(settings);
        check.resume(Duration::ZERO);
        let delay = (Duration::from_millis(20), Duration::from_millis(60));
        let (dice, under_way) = (Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1), BTreeMap::new());
        Self { check, dice, loss, delay, under_way, now: Duration::ZERO, sent: 0, verdicts: Vec::new() }
    }

    /// Does what comes next.
    fn step(&mut self) {
        let due = self.check.next_timeout().unwrap();
        let answer = self.under_way.first_key_value().map(|(at, sequence)| (*at, *sequence));
        match answer.filter(|(at, _)| *at <= due) {
            Some((at, sequence)) => {
                self.under_way.remove(&at);
                self.now = self.now.max(at);
                self.check.on_answer(sequence, self.now);
            }
            None => {
                self.now = self.now.max(due);
                if let Some(sequence) = self.check.handle_timeout(self.now) {
                    self.sent += 1;
                    if self.dice.roll() >= self.loss {
                        let delay = self.delay.0 + (self.delay.1 - self.delay.0).mul_f64(self.dice.roll());
                        self.under_way.insert(self.now + delay, sequence);
                    }
                }
            }
        }
        let verdict = self.check.verdict();
        if self.verdicts.last().is_none_or(|(_, before)| *before != verdict) {
            self.verdicts.push((self.now, verdict));
        }
    }

    fn run_until(&mut self, end: Duration) {
        while self.check.next_timeout().unwrap() < end {
            self.step();
        }
    }

    fn run_probes(&mut self, probes: u64) {
        while self.sent < probes {
            self.step();
        }
    }

    fn failures(&self) -> usize {
        self.verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Unhealthy).count()
    }

    /// When the verdict became this one, after a moment.
    fn became(&self, verdict: Verdict, after: Duration) -> Duration {
        self.verdicts
            .iter()
            .find(|(at, it)| *at >= after && *it == verdict)
            .unwrap_or_else(|| panic!("{:?}", self.verdicts))
            .0
    }
}

/// `Interval` and `Retry` as people configure them, the default among them.
const SETTINGS: [(u32, u32); 9] = [(1, 1), (1, 2), (1, 3), (1, 10), (3, 1), (3, 3), (3, 5), (5, 2), (10, 20)];

#[test]
fn a_path_that_loses_30_percent_never_flaps() {
    for (interval, retry) in SETTINGS {
        for seed in 1..=4 {
            let mut path = Path::new(Settings::new(interval, retry), seed, 0.3);
            path.run_probes(10_000);
            assert_eq!(
                path.failures(),
                0,
                "Interval {interval}, Retry {retry}, seed {seed}: {:?}",
                path.verdicts
            );
        }
    }
}

#[test]
fn what_the_words_of_the_api_alone_would_give_flaps() {
    // Three of 10,000 probes in a row, at 30% loss: the reason for all of this.
    let mut dice = Dice(1);
    let (mut run, mut failures) = (0, 0);
    for _ in 0..10_000 {
        run = if dice.roll() < 0.3 { run + 1 } else { 0 };
        failures += usize::from(run == 3);
    }
    assert!(failures > 100, "{failures}");
}

#[test]
fn a_path_that_breaks_is_found_after_retry_times_interval_and_little_more() {
    for (interval, retry) in SETTINGS {
        for seed in 1..=20 {
            let settings = Settings::new(interval, retry);
            let mut path = Path::new(settings, seed, 0.0);
            let breaks = Duration::from_secs(100) + settings.interval.mul_f64(path.dice.roll());
            path.run_until(breaks);
            path.loss = 1.0;
            path.run_until(breaks + settings.patience * 3 + Duration::from_secs(10));
            let took = path.became(Verdict::Unhealthy, breaks) - breaks;
            let soonest = settings.patience.saturating_sub(Duration::from_millis(60));
            let latest = settings.patience.max(Duration::from_millis(1_300))
                + settings.interval
                + settings.spacing_in_doubt();
            assert!((soonest..latest).contains(&took), "Interval {interval}, Retry {retry}: {took:?}");
        }
    }
}

#[test]
fn a_path_that_comes_back_is_good_again_in_bounded_time_also_if_it_loses_30_percent() {
    for (interval, retry) in SETTINGS {
        for (seed, loss) in (1..=20).flat_map(|seed| [(seed, 0.0), (seed, 0.3)]) {
            let settings = Settings::new(interval, retry);
            let mut path = Path::new(settings, seed, 1.0);
            let mends = settings.patience * 3 + Duration::from_secs(20);
            path.run_until(mends);
            assert_eq!(path.check.verdict(), Verdict::Unhealthy);
            path.loss = loss;
            path.run_until(mends + settings.spacing_in_doubt() * 200);
            let took = path.became(Verdict::Healthy, mends) - mends;
            let bound =
                settings.spacing_in_doubt() * if loss > 0.0 { 100 } else { 14 } + Duration::from_secs(1);
            assert!(took <= bound, "Interval {interval}, Retry {retry}, loss {loss}: {took:?}");
        }
    }
}

#[test]
fn one_lucky_answer_makes_no_tunnel_good_again() {
    let mut path = Path::new(Settings::new(1, 1), 7, 1.0);
    path.run_until(Duration::from_secs(10));
    path.loss = 0.9;
    path.run_probes(path.sent + 10_000);
    assert_eq!(path.check.verdict(), Verdict::Unhealthy, "{:?}", path.verdicts);
}

#[test]
fn a_tunnel_that_fails_again_and_again_is_held_back_for_longer() {
    let settings = Settings::new(1, 1);
    let mut path = Path::new(settings, 3, 0.0);
    let mut held = Vec::new();
    for _ in 0..5 {
        path.loss = 1.0;
        path.run_until(path.now + Duration::from_secs(5));
        let mends = path.now;
        path.loss = 0.0;
        path.run_until(path.now + Duration::from_secs(40));
        held.push(path.became(Verdict::Healthy, mends) - mends);
    }
    assert!(held.windows(2).all(|two| two[1] > two[0]), "{held:?}");
    assert!(held[4] > Duration::from_secs(15), "{held:?}");
}

#[test]
fn a_tunnel_that_is_held_back_returns_also_if_its_path_loses_30_percent() {
    for (interval, retry) in [(1, 1), (1, 3), (3, 1), (3, 3), (1, 10)] {
        let settings = Settings::new(interval, retry);
        for times in [1, 3, 7] {
            let hold = settings.patience * times;
            let took = (1..=40).map(|seed| {
                let mut path = Path::new(settings, seed, 0.3);
                path.run_until(Duration::from_secs(100));
                // It was held back before, and fails again.
                path.loss = 1.0;
                (path.check.returned, path.check.strikes) = (Some(path.now), times.ilog2());
                path.run_until(path.now + settings.patience * 3 + Duration::from_secs(10));
                assert_eq!((path.check.verdict(), path.check.hold), (Verdict::Unhealthy, hold));
                let mends = path.now;
                path.loss = 0.3;
                path.run_until(mends + hold * 40);
                path.became(Verdict::Healthy, mends) - mends
            });
            let mean = took.sum::<Duration>() / 40;
            assert!(
                mean < hold * 3 + settings.spacing_in_doubt() * 50,
                "{interval} x {retry}, {hold:?}: {mean:?}"
            );
        }
    }
}

#[test]
fn a_tunnel_that_was_down_returns_before_it_is_good() {
    let mut path = Path::new(Settings::new(1, 1), 5, 0.0);
    path.run_until(Duration::from_secs(5));
    assert_eq!(path.check.verdict(), Verdict::Healthy);
    path.check.suspend();
    assert_eq!(path.check.next_timeout(), None);
    path.under_way.clear();
    path.check.resume(Duration::from_secs(60));
    assert_eq!(path.check.verdict(), Verdict::Returning);
    path.run_until(Duration::from_secs(62));
    assert_eq!(path.check.verdict(), Verdict::Healthy);
}

#[test]
fn round_trip_times_are_smoothed() {
    let mut check = Check::new(Settings::new(1, 3));
    check.resume(Duration::ZERO);
    for (second, ms) in [10, 10, 10, 90].into_iter().enumerate() {
        let at = Duration::from_secs(second as u64);
        let sequence = check.handle_timeout(at).unwrap();
        assert!(check.on_answer(sequence, at + Duration::from_millis(ms)));
        assert!(!check.on_answer(sequence, at + Duration::from_millis(ms)), "a second answer is none");
    }
    assert_eq!(check.round_trip().last(), Some(Duration::from_millis(90)));
    assert_eq!(check.round_trip().smoothed(), Some(Duration::from_millis(20)));
}

#[derive(Debug, Clone)]
enum Event {
    /// Time passes, in milliseconds.
    Pass(u64),
    /// One of the probes that were sent is answered, counted from the newest.
    Answer(usize),
    /// An answer to nothing.
    Noise(u16),
    Down,
    Up,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0_u64..400).prop_map(Event::Pass),
        4 => (0_usize..6).prop_map(Event::Answer),
        1 => any::<u16>().prop_map(Event::Noise),
        1 => prop::strategy::Just(Event::Down),
        1 => prop::strategy::Just(Event::Up),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_a_tunnel_fails_only_by_silence_and_returns_only_by_answers(
        (interval, retry) in (1_u32..4, 1_u32..5),
        events in prop::collection::vec(event(), 1..600),
    ) {
        let settings = Settings::new(interval, retry);
        let mut check = Check::new(settings);
        let (mut now, mut sent) = (Duration::ZERO, Vec::new());
        let (mut last_answer, mut answers_since_failure, mut unanswered) = (None, 0, 0_u32);
        let mut last_sent = None;
        for event in events {
            let before = check.verdict();
            let is_answer = match event {
                Event::Pass(ms) => {
                    now += Duration::from_millis(ms);
                    if let Some(sequence) = check.handle_timeout(now) {
                        let spaced = last_sent.is_none_or(|at| now - at >= SPACING_MIN || check.next_timeout().is_none());
                        prop_assert!(spaced, "no two within {SPACING_MIN:?}");
                        (last_sent, unanswered) = (Some(now), unanswered + 1);
                        sent.push(sequence);
                    }
                    false
                }
                Event::Answer(back) if back < sent.len() => check.on_answer(sent[sent.len() - 1 - back], now),
                Event::Noise(sequence) if !sent.contains(&sequence) => {
                    prop_assert!(!check.on_answer(sequence, now));
                    false
                }
                Event::Answer(_) | Event::Noise(_) => false,
                Event::Down => { check.suspend(); last_sent = None; false }
                Event::Up => { check.resume(now); false }
            };
            if is_answer {
                (last_answer, unanswered) = (Some(now), 0);
                answers_since_failure += 1;
            }
            prop_assert!(check.outstanding.len() <= OUTSTANDING_MAX);
            match (before, check.verdict()) {
                (Verdict::Unhealthy, Verdict::Healthy) => prop_assert!(is_answer && answers_since_failure >= 1),
                (Verdict::Untested, Verdict::Healthy) => prop_assert!(is_answer),
                (Verdict::Returning, Verdict::Healthy) => prop_assert!(is_answer),
                (before, Verdict::Unhealthy) if before != Verdict::Unhealthy => {
                    prop_assert!(unanswered >= RUN_MIN);
                    // An answer is heard after its probe was sent, so that the silence may have begun a little before it.
                    let silent = last_answer.map_or(now, |at| now - at);
                    prop_assert!(silent + Duration::from_secs(4) >= settings.patience);
                    answers_since_failure = 0;
                }
                (before, after) if before != after => {
                    prop_assert!((before, after) == (Verdict::Healthy, Verdict::Returning), "{before:?} {after:?}");
                }
                _ => {}
            }
        }
    }
}
