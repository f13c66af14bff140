//! The health check of one tunnel: when to send a probe, and what the answers come to.
//!
//! ```text
//!               first answer                 silent for Retry x Interval, and 12 probes in a row overdue
//!   Untested ------------------> Healthy ----------------------------------------------------> Unhealthy
//!       |                           ^ |                                                          ^  |
//!       |                           | | down                                                     |  |
//!       |                           | v                                                          |  |
//!       |                       Returning -------------------------------------------------------+  |
//!       |                           |   the same silence                                         |  |
//!       +---------------------------|------------------------------------------------------------+  |
//!                                   +--<-- 8 of the last 12 probes answered, for as long as is held -+
//! ```
//!
//! # Why it does not flap
//!
//! `Retry` unanswered probes in a row are nothing unusual on a path that loses 30% of them: with `Retry` 3 such a run comes every
//! 51 probes. So after a probe that was not answered in time more are sent than `Interval` asks for, 16 in the time of
//! `Retry` x `Interval`, and a tunnel fails only when **that time has passed without any answer and [`RUN_MIN`] probes in a row
//! are overdue**. At 30% loss a run of 12 has the probability 0.3^12, one in 1.9 million; at 50% one in 4,096. A tunnel from which
//! nothing comes fails after `Retry` x `Interval`, as the API's words promise, and a little more than a second where that is less.
//!
//! The way back has another threshold: at least [`ANSWERED_MIN`] of the last [`WINDOW`] probes answered, so that one lucky
//! answer is not enough, and 30% loss (where this holds for most windows) is no obstacle. A tunnel that fails again within
//! [`STRIKES_FORGOTTEN`] has to stay good for `Retry` x `Interval`, then for 3, 7, 15 times as long, at most [`HOLD_MAX`]. For that it is
//! enough that [`KEPT_MIN`] of each window are answered: at 30% loss every fourth window falls below the first threshold, and one in a
//! hundred below the second.
//!
//! Everything is bounded: at most [`OUTSTANDING_MAX`] probes are remembered, and no two are sent within [`SPACING_MIN`].

use std::collections::VecDeque;
use std::time::Duration;

pub use super::round_trip::RoundTrip;

/// So many probes in a row have to be overdue before a tunnel fails.
pub const RUN_MIN: u32 = 12;
/// So many probes are looked at before a tunnel is good again...
pub const WINDOW: usize = 12;
/// ...of which so many have to be answered...
pub const ANSWERED_MIN: usize = 8;
/// ...and so many for as long as it is held back after that.
pub const KEPT_MIN: usize = 5;
/// Probes whose answer may still come: more than are sent in the longest time that one is waited for.
pub const OUTSTANDING_MAX: usize = 64;
/// Probes after a loss come as often as this at most.
pub const SPACING_MIN: Duration = Duration::from_millis(50);
/// How many probes go into the time after which a tunnel fails, once one was lost. More than [`RUN_MIN`], because the last of
/// these have to be overdue by then.
const PROBES_IN_DOUBT: u32 = 16;
/// A tunnel that fails again so soon is held back for longer.
pub const STRIKES_FORGOTTEN: Duration = Duration::from_secs(600);
/// The longest that a tunnel is held back.
pub const HOLD_MAX: Duration = Duration::from_secs(300);
/// What longer times are taken for.
const PATIENCE_MAX: Duration = Duration::from_secs(86_400);

/// What a check says of its tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// There was no answer yet, and not silence for long enough.
    Untested,
    /// Answers come.
    Healthy,
    /// It was good before it went down, and answers have not come for long enough since it is up again.
    Returning,
    /// No answers came for too long.
    Unhealthy,
}

/// How a check is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The time between two probes of a tunnel that answers.
    pub interval: Duration,
    /// How long nothing comes back from a tunnel that fails.
    pub patience: Duration,
}

impl Settings {
    /// As the API has them: `Interval` in seconds, and `Retry`.
    pub fn new(interval_s: u32, retry: u32) -> Self {
        let interval = Duration::from_secs(interval_s.max(1).into()).min(PATIENCE_MAX);
        Self { interval, patience: interval.saturating_mul(retry.max(1)).min(PATIENCE_MAX) }
    }

    /// The time between two probes while it is open how the tunnel is.
    fn spacing_in_doubt(&self) -> Duration {
        (self.patience / PROBES_IN_DOUBT).clamp(SPACING_MIN, self.interval)
    }
}

/// A probe that was not answered.
#[derive(Debug, Clone, Copy)]
struct Outstanding {
    sequence: u16,
    at: Duration,
    is_overdue: bool,
}

/// The check of one tunnel.
#[derive(Debug, Clone)]
pub struct Check {
    settings: Settings,
    verdict: Verdict,
    /// None while the tunnel is down.
    next: Option<Duration>,
    sequence: u16,
    outstanding: VecDeque<Outstanding>,
    /// When the first of the probes was sent after which none was answered.
    silent_since: Option<Duration>,
    /// How many probes in a row are overdue.
    overdue: u32,
    /// Whether the last probes were answered, the newest last.
    outcomes: VecDeque<bool>,
    /// Since when enough of them are.
    good_since: Option<Duration>,
    /// How long they have to be.
    hold: Duration,
    strikes: u32,
    returned: Option<Duration>,
    round_trip: RoundTrip,
    /// Whether another tunnel may be at fault that nothing is answered.
    is_excused: bool,
}

impl Check {
    /// The check of a tunnel that is down.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            verdict: Verdict::Untested,
            next: None,
            sequence: 0,
            outstanding: VecDeque::new(),
            silent_since: None,
            overdue: 0,
            outcomes: VecDeque::new(),
            good_since: None,
            hold: Duration::ZERO,
            strikes: 0,
            returned: None,
            round_trip: RoundTrip::default(),
            is_excused: false,
        }
    }

    /// What it says.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// How long answers take.
    pub fn round_trip(&self) -> RoundTrip {
        self.round_trip
    }

    /// Whether the last probe whose time is up was not answered.
    pub fn is_in_doubt(&self) -> bool {
        self.overdue > 0 || self.verdict == Verdict::Unhealthy
    }

    /// Says whether answers may be lost in another tunnel. As long as that is so the tunnel has twice the patience, and an interval
    /// for the peer, which need not find out at the same moment.
    pub fn excuse(&mut self, is_excused: bool) {
        self.is_excused = is_excused;
    }

    /// How it is configured.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Is configured otherwise from now on.
    pub fn change(&mut self, settings: Settings, now: Duration) {
        self.settings = settings;
        self.next = self.next.map(|_| now);
    }

    /// The tunnel is up: probes can be sent.
    pub fn resume(&mut self, now: Duration) {
        self.next.get_or_insert(now);
    }

    /// The tunnel is down. That it failed stays, and nothing is made worse by probes that could not be sent.
    pub fn suspend(&mut self) {
        self.next = None;
        self.outstanding.clear();
        (self.silent_since, self.overdue) = (None, 0);
        if self.verdict == Verdict::Healthy {
            self.verdict = Verdict::Returning;
        }
        self.outcomes.clear();
        self.good_since = None;
    }

    /// A probe cannot be sent for a reason that lies not in the tunnel: nothing is waited for, and it is tried again later.
    pub fn defer(&mut self, now: Duration) {
        self.outstanding.clear();
        (self.silent_since, self.overdue) = (None, 0);
        self.next = self.next.map(|_| now + self.settings.interval);
    }

    /// When [`Check::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> Option<Duration> {
        let next = self.next?;
        let waiting = self.outstanding.iter().find(|probe| !probe.is_overdue);
        Some(waiting.map_or(next, |probe| next.min(probe.at + self.round_trip.timeout())))
    }

    /// Does what is due, and says with which sequence number a probe is to be sent now, if one is.
    pub fn handle_timeout(&mut self, now: Duration) -> Option<u16> {
        let mut next = self.next?;
        let timeout = self.round_trip.timeout();
        let is_late = |probe: &&mut Outstanding| !probe.is_overdue && probe.at + timeout <= now;
        let mut late = 0;
        for probe in self.outstanding.iter_mut().filter(is_late) {
            probe.is_overdue = true;
            late += 1;
        }
        for _ in 0..late {
            self.overdue = self.overdue.saturating_add(1);
            self.count(false, now);
        }
        self.judge_silence(now);
        if late > 0 {
            // Where one is missing, the others are not waited for.
            next = next.min(now + self.spacing());
            self.next = Some(next);
        }
        (next <= now).then(|| self.send(now))
    }

    /// An answer came at `now`; false if it answers nothing.
    pub fn on_answer(&mut self, sequence: u16, now: Duration) -> bool {
        let Some(place) = self.outstanding.iter().position(|probe| probe.sequence == sequence) else {
            return false;
        };
        for (number, probe) in self.outstanding.drain(..=place).collect::<Vec<_>>().into_iter().enumerate() {
            let is_it = number == place;
            if is_it {
                self.round_trip.add(now.saturating_sub(probe.at));
            }
            if !probe.is_overdue {
                self.count(is_it, now);
            }
        }
        self.silent_since = self.outstanding.front().map(|probe| probe.at);
        self.overdue =
            u32::try_from(self.outstanding.iter().filter(|it| it.is_overdue).count()).unwrap_or(u32::MAX);
        if self.verdict == Verdict::Untested {
            self.verdict = Verdict::Healthy;
        }
        self.judge_return(now);
        true
    }

    fn send(&mut self, now: Duration) -> u16 {
        self.sequence = self.sequence.wrapping_add(1);
        if self.outstanding.len() == OUTSTANDING_MAX {
            self.outstanding.pop_front();
        }
        let sequence = self.sequence;
        self.outstanding.push_back(Outstanding { sequence, at: now, is_overdue: false });
        self.silent_since.get_or_insert(now);
        self.next = Some(now + self.spacing());
        sequence
    }

    /// The time to the next probe.
    fn spacing(&self) -> Duration {
        let in_doubt = self.overdue > 0 || matches!(self.verdict, Verdict::Unhealthy | Verdict::Returning);
        if in_doubt { self.settings.spacing_in_doubt() } else { self.settings.interval }
    }

    /// Enters how a probe ended.
    fn count(&mut self, is_answered: bool, now: Duration) {
        if self.outcomes.len() == WINDOW {
            self.outcomes.pop_front();
        }
        self.outcomes.push_back(is_answered);
        let answered = self.outcomes.iter().filter(|it| **it).count();
        let enough = if self.good_since.is_some() { KEPT_MIN } else { ANSWERED_MIN };
        let is_good = self.outcomes.len() == WINDOW && answered >= enough;
        self.good_since = is_good.then(|| self.good_since.unwrap_or(now));
    }

    fn judge_silence(&mut self, now: Duration) {
        let silent = self.silent_since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        let Settings { interval, patience } = self.settings;
        let patience = if self.is_excused { patience * 2 + interval } else { patience };
        let fails = self.overdue >= RUN_MIN && silent >= patience;
        if !fails || self.verdict == Verdict::Unhealthy {
            return;
        }
        let is_soon = self.returned.is_some_and(|at| now.saturating_sub(at) < STRIKES_FORGOTTEN);
        self.strikes = if is_soon { self.strikes.saturating_add(1) } else { 0 };
        let times = (1_u32 << self.strikes.min(16)) - 1;
        self.hold = self.settings.patience.saturating_mul(times).min(HOLD_MAX);
        self.verdict = Verdict::Unhealthy;
        self.outcomes.clear();
        self.good_since = None;
    }

    fn judge_return(&mut self, now: Duration) {
        let is_back = self.good_since.is_some_and(|since| now.saturating_sub(since) >= self.hold);
        match self.verdict {
            Verdict::Unhealthy if is_back => (self.verdict, self.returned) = (Verdict::Healthy, Some(now)),
            Verdict::Returning if is_back => self.verdict = Verdict::Healthy,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
