//! Black holes: a tunnel that carries and sends, while nothing comes back.
//!
//! ```text
//!            sent, and nothing came for `sent_for`            nor in `answered_for` more
//!   Content ---------------------------------> Asked -----------------------------------> Silent
//!      ^                                         |                                        |   ^
//!      | something came                          | something came                         |   | nothing came
//!      +-----------------------------------------+                                        v   | for `trial`
//!      +------------------------------------------------------------------------------- Trial -+
//!        something came                        after a pause that doubles, or when the peer sends through it again
//! ```
//!
//! # What is known, and what is not
//!
//! A peer whose SA is broken, or a firewall that passes IKE and not ESP, looks exactly like a flow that nobody answers (UDP syslog):
//! packets go out and none comes in. Nothing that can be observed from here tells the two apart, so what is done has to be
//! right for the one and do no harm to the other:
//!
//! - *What is looked at* is the tunnel that carries, and whatever comes back through it. A tunnel that carries nothing is not
//!   suspected. What comes through another tunnel that is bad itself counts as well: the peer still sends there, and hears us here.
//! - *Asked*: after 10 s of sending without an answer the IKE peer is asked whether it is alive, unless it was heard meanwhile, so
//!   that a peer that is dead is found without waiting for dead peer detection (30 s of silence). 10 s are longer than TCP takes for
//!   its first four retransmissions, and it is three samples at the least, so that one stray packet does not begin it.
//! - *Silent*: 10 s later the tunnel is marked. Another tunnel of the connection that is up carries then; where there is none, the
//!   tunnel goes on carrying: a mark never stops the only way there is. If the peer answers by IKE, the child SA is replaced, make
//!   before break, which repairs an SA that one side has lost and costs a flow in one direction nothing.
//! - *Trial*: what comes in while another tunnel carries says nothing of this one, so the mark goes only by carrying again: after a
//!   minute, then after twice as long each time, up to an hour. A trial that hears nothing through the tunnel itself ends after 3 s.
//!   Whoever cannot spare these 3 s configures a health check, which tries tunnels without anybody's packets.
//! - *Bounded*: there is at most one mark, and with it one replaced SA, in each pause. The pause doubles with each, and is
//!   forgotten only when the tunnel was good for twice that long. A flow in one direction costs one rekey an hour in the long run.
//!
//! # Where the peer sends
//!
//! A peer that sends through another tunnel that is good may have left this one because it is dead, or may prefer the other for a
//! reason of its own, which is all the same to it. In either case it is safe to go where it sends: so the tunnel is marked after the
//! same 20 s, and two sides of which one has found a black hole meet beside it. Such a mark says little against the tunnel: no
//! SA is replaced for it, and no trial comes by itself, so that a peer with other preferences costs one move and no more. When the
//! other tunnel becomes silent, this one carries again, for as long as it takes to be marked like any other.
//!
//! The way back is the same. A peer that sent through the other tunnel, and now sends through this one and no longer through the
//! other, has gone back to it or tries it: then it is tried here too, for twice as long as a trial takes or until the peer leaves it
//! again. A peer that goes to and fro is followed after a minute, then after twice as long each time, up to ten minutes.

use std::time::Duration;

/// How often at least packets must have been sent, in samples, before the silence counts.
const SENT_SAMPLES_MIN: u32 = 3;
/// A pause is not forgotten sooner than this.
const FORGOTTEN_MIN: Duration = Duration::from_secs(600);
/// A tunnel is left for where the peer sends at most this seldom.
const FOLLOW_PAUSE_MAX: Duration = Duration::from_secs(600);

/// The bounds; see the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilenceTimes {
    /// How long a tunnel may send and hear nothing before its peer is asked.
    pub sent_for: Duration,
    /// How long after that before the tunnel is marked.
    pub answered_for: Duration,
    /// How long a marked tunnel is tried.
    pub trial: Duration,
    /// The first pause before that.
    pub pause: Duration,
    /// The longest pause.
    pub pause_max: Duration,
}

impl Default for SilenceTimes {
    fn default() -> Self {
        Self {
            sent_for: Duration::from_secs(10),
            answered_for: Duration::from_secs(10),
            trial: Duration::from_secs(3),
            pause: Duration::from_secs(60),
            pause_max: Duration::from_secs(3_600),
        }
    }
}

/// What happened since the last sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Whether the tunnel carries its connection's packets.
    pub carries: bool,
    /// Whether packets were sent through it.
    pub sent: bool,
    /// Whether packets came through it.
    pub heard: bool,
    /// What came through the other tunnels of the connection.
    pub beside: Beside,
}

/// What came through the other tunnels of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Beside {
    /// Nothing.
    #[default]
    Nothing,
    /// Packets through one that is bad itself.
    Bad,
    /// Packets through one that is good.
    Good,
}

/// What is held against a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Suspicion {
    /// Nothing.
    #[default]
    None,
    /// The peer sends through another tunnel.
    Left,
    /// It sent, and nothing came back.
    Silent,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Ask the IKE peer whether it is alive.
    Ask,
    /// The tunnel is marked: another one is to carry, and its child SA is to be replaced if the peer lives.
    Silent,
    /// The tunnel is marked: another one is to carry, through which the peer sends.
    Followed,
    /// The mark is gone for as long as a trial takes.
    Tried,
    /// Something came back: the mark is gone.
    Heard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Content,
    /// Packets were sent since `since`, in so many samples.
    Waiting {
        since: Duration,
        samples: u32,
        /// Whether the peer was heard through a good tunnel since.
        is_beside: bool,
    },
    Asked {
        at: Duration,
        /// Whether the peer was heard through a good tunnel since.
        is_beside: bool,
    },
    Silent(Mark),
    Trial {
        /// Packets were sent since, if they were.
        since: Option<Duration>,
        /// The mark that is there again if the peer leaves the tunnel, where it was followed to it.
        followed: Option<Mark>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    /// When the tunnel is tried by itself; none if nothing is known against it but that the peer has left it.
    until: Option<Duration>,
    /// Whether the peer sent through another tunnel, and not through this one, while it stood by.
    has_left: bool,
    /// Since when it carries and sends nevertheless, because no other is better.
    carries_since: Option<Duration>,
}

impl Mark {
    fn new(until: Option<Duration>) -> Self {
        Self { until, has_left: false, carries_since: None }
    }
}

/// The pauses between marks, each twice as long as the one before.
#[derive(Debug, Clone, Copy)]
struct Pauses {
    /// When the last mark was made, and for how long no other is.
    last: Option<(Duration, Duration)>,
    next: Duration,
}

impl Pauses {
    fn new(first: Duration) -> Self {
        Self { last: None, next: first }
    }

    fn are_over(&self, now: Duration) -> bool {
        self.last.is_none_or(|(at, pause)| now >= at + pause)
    }

    /// Begins the next, and says when it is over.
    fn begin(&mut self, now: Duration, longest: Duration) -> Duration {
        let pause = self.next;
        *self = Self { last: Some((now, pause)), next: (pause * 2).min(longest) };
        now + pause
    }

    /// A tunnel that was good for twice as long as the last pause may be suspected as if it never had been.
    fn forget(&mut self, good: Duration, first: Duration) {
        if self.last.is_some_and(|(_, pause)| good >= (pause * 2).max(FORGOTTEN_MIN)) {
            *self = Self::new(first);
        }
    }
}

/// What is suspected of one tunnel.
#[derive(Debug, Clone)]
pub struct Silence {
    times: SilenceTimes,
    stage: Stage,
    /// Whether it carried at the sample before.
    carried: bool,
    /// Between marks because of silence.
    silent: Pauses,
    /// Between marks because the peer sends elsewhere.
    followed: Pauses,
    /// Since when the tunnel is neither marked nor tried.
    good_since: Option<Duration>,
}

impl Silence {
    /// Nothing is suspected.
    pub fn new(times: SilenceTimes) -> Self {
        Self {
            times,
            stage: Stage::Content,
            carried: false,
            silent: Pauses::new(times.pause),
            followed: Pauses::new(times.pause),
            good_since: None,
        }
    }

    /// Whether the tunnel is marked, and why.
    pub fn suspicion(&self) -> Suspicion {
        match self.stage {
            Stage::Silent(Mark { until: Some(_), .. }) => Suspicion::Silent,
            Stage::Silent(Mark { until: None, .. }) => Suspicion::Left,
            _ => Suspicion::None,
        }
    }

    /// The tunnel went down: what was suspected was of SAs that are gone. How long the pauses are stays.
    pub fn reset(&mut self) {
        (self.stage, self.carried) = (Stage::Content, false);
    }

    /// Looks at what happened since the last sample. Samples are taken every second or so.
    pub fn observe(&mut self, sample: Sample, now: Duration) -> Option<Finding> {
        // What passed while it changed hands says nothing.
        let carried = std::mem::replace(&mut self.carried, sample.carries) && sample.carries;
        self.forget(now);
        if self.is_answered(sample, carried) {
            let is_in_doubt = matches!(self.stage, Stage::Silent(_) | Stage::Trial { .. });
            self.stage = Stage::Content;
            return is_in_doubt.then_some(Finding::Heard);
        }
        match self.stage {
            Stage::Silent(mark) => self.rest(mark, sample, carried, now),
            Stage::Trial { since, followed } => {
                let since = since.or(sample.sent.then_some(now)).filter(|_| carried);
                self.stage = Stage::Trial { since, followed };
                let lasted = since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
                match followed {
                    Some(mark) => self.follow(mark, sample, carried, lasted),
                    None => (lasted >= self.times.trial).then(|| self.mark(now)),
                }
            }
            _ if !carried => {
                self.stage = Stage::Content;
                None
            }
            Stage::Content | Stage::Waiting { .. } => self.wait(sample, now),
            Stage::Asked { at, is_beside } => {
                let is_beside = is_beside || sample.beside == Beside::Good;
                self.stage = Stage::Asked { at, is_beside };
                (now.saturating_sub(at) >= self.times.answered_for).then(|| self.doubt(is_beside, now))?
            }
        }
    }

    /// Whether what was heard shows that packets get through the tunnel.
    fn is_answered(&self, sample: Sample, carried: bool) -> bool {
        match self.stage {
            // While another tunnel carries, what comes back says nothing of this one.
            Stage::Silent(_) | Stage::Trial { followed: None, .. } => carried && sample.sent && sample.heard,
            Stage::Trial { followed: Some(_), .. } => false,
            _ => sample.heard || sample.beside == Beside::Bad,
        }
    }

    /// Waits for a reason to try a tunnel that is marked.
    fn rest(&mut self, mark: Mark, sample: Sample, carried: bool, now: Duration) -> Option<Finding> {
        let is_time = mark.until.is_some_and(|until| now >= until);
        let stands_by = !sample.carries;
        let is_beside = sample.beside != Beside::Nothing;
        let has_come_back = stands_by && mark.has_left && sample.heard && !is_beside;
        if is_time || has_come_back {
            let followed = (!is_time).then_some(mark);
            self.stage = Stage::Trial { since: None, followed };
            return Some(Finding::Tried);
        }
        let has_left = mark.has_left || (stands_by && is_beside && !sample.heard);
        let carries_since = mark.carries_since.or(sample.sent.then_some(now)).filter(|_| carried);
        let lasted = carries_since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        let is_silent = mark.until.is_none() && lasted >= self.times.sent_for + self.times.answered_for;
        if is_silent && self.silent.are_over(now) {
            return Some(self.mark(now));
        }
        self.stage = Stage::Silent(Mark { has_left, carries_since, ..mark });
        None
    }

    /// Stays where the peer went to, until it leaves again or has stayed long enough.
    fn follow(&mut self, mark: Mark, sample: Sample, carried: bool, lasted: Duration) -> Option<Finding> {
        if carried && !sample.heard && sample.beside != Beside::Nothing {
            return Some(self.leave(mark));
        }
        if lasted < self.times.trial * 2 {
            return None;
        }
        // The next mark need not wait until this one would have been over.
        self.silent.last = self.silent.last.map(|(at, _)| (at, self.times.pause));
        self.stage = Stage::Content;
        Some(Finding::Heard)
    }

    fn leave(&mut self, mark: Mark) -> Finding {
        self.stage = Stage::Silent(mark);
        Finding::Followed
    }

    fn forget(&mut self, now: Duration) {
        if matches!(self.stage, Stage::Silent(_) | Stage::Trial { .. }) {
            self.good_since = None;
            return;
        }
        let good = now.saturating_sub(*self.good_since.get_or_insert(now));
        self.silent.forget(good, self.times.pause);
        self.followed.forget(good, self.times.pause);
    }

    fn wait(&mut self, sample: Sample, now: Duration) -> Option<Finding> {
        let (since, samples, was_beside) = match self.stage {
            Stage::Waiting { since, samples, is_beside } => (since, samples, is_beside),
            _ if sample.sent => (now, 0, false),
            _ => return None,
        };
        let samples = samples + u32::from(sample.sent);
        let is_beside = was_beside || sample.beside == Beside::Good;
        let may_mark = if is_beside { self.followed.are_over(now) } else { self.silent.are_over(now) };
        if may_mark && samples >= SENT_SAMPLES_MIN && now.saturating_sub(since) >= self.times.sent_for {
            self.stage = Stage::Asked { at: now, is_beside: false };
            return Some(Finding::Ask);
        }
        self.stage = Stage::Waiting { since, samples, is_beside };
        None
    }

    /// Marks the tunnel through which nothing came, if that may be.
    fn doubt(&mut self, is_beside: bool, now: Duration) -> Option<Finding> {
        let pauses = if is_beside { &self.followed } else { &self.silent };
        if !pauses.are_over(now) {
            self.stage = Stage::Content;
            return None;
        }
        if !is_beside {
            return Some(self.mark(now));
        }
        self.followed.begin(now, FOLLOW_PAUSE_MAX);
        Some(self.leave(Mark::new(None)))
    }

    fn mark(&mut self, now: Duration) -> Finding {
        let until = self.silent.begin(now, self.times.pause_max);
        self.stage = Stage::Silent(Mark::new(Some(until)));
        Finding::Silent
    }
}

#[cfg(test)]
mod tests;
