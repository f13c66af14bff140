//! Black holes: a tunnel that carries and sends, while nothing comes back.
//!
//! ```text
//!            sent, and nothing came for `sent_for`            nor in `answered_for` more
//!   Content ---------------------------------> Asked -----------------------------------> Silent
//!      ^                                         |                                        |   ^
//!      | something came                          | something came                         |   | nothing came
//!      +-----------------------------------------+                                        v   | for `trial`
//!      +------------------------------------------------------------------------------- Trial -+
//!        something came                                               after a pause that doubles
//! ```
//!
//! # What is known, and what is not
//!
//! A peer whose SA is broken, or a firewall that passes IKE and not ESP, looks exactly like a flow that nobody answers (UDP syslog):
//! packets go out and none comes in. Nothing that can be observed from here tells the two apart, so what is done has to be
//! right for the one and do no harm to the other:
//!
//! - *What is looked at* is the tunnel that carries, and whatever comes back through any tunnel of its connection: a peer may well
//!   answer over the other one. A tunnel that carries nothing is not suspected.
//! - *Asked*: after 10 s of sending without an answer the IKE peer is asked whether it is alive, unless it was heard meanwhile, so
//!   that a peer that is dead is found without waiting for dead peer detection (30 s of silence). 10 s are longer than TCP takes for
//!   its first four retransmissions, and it is three samples at the least, so that one stray packet does not begin it.
//! - *Silent*: 10 s later the tunnel is marked. Another tunnel of the connection that is up carries then; where there is none, the
//!   tunnel goes on carrying: a mark never stops the only way there is. If the peer answers by IKE, the child SA is replaced, make
//!   before break, which repairs an SA that one side has lost and costs a flow in one direction nothing.
//! - *Trial*: what comes in while another tunnel carries says nothing of this one, so the mark goes only by carrying again: after a
//!   minute, then after twice as long each time, up to an hour. A trial that hears nothing ends after 3 s. Whoever cannot spare
//!   these 3 s configures a health check, which tries tunnels without anybody's packets.
//! - *Bounded*: there is at most one mark, and with it one replaced SA, in each pause. The pause doubles with each, and is
//!   forgotten only when the tunnel was good for twice that long. A flow in one direction costs one rekey an hour in the long run.

use std::time::Duration;

/// How often at least packets must have been sent, in samples, before the silence counts.
const SENT_SAMPLES_MIN: u32 = 3;
/// A pause is not forgotten sooner than this.
const FORGOTTEN_MIN: Duration = Duration::from_secs(600);

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
    /// Whether packets came through any tunnel of the connection.
    pub heard: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Ask the IKE peer whether it is alive.
    Ask,
    /// The tunnel is marked: another one is to carry, and its child SA is to be replaced if the peer lives.
    Silent,
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
    },
    Asked {
        at: Duration,
    },
    Silent {
        until: Duration,
    },
    /// Packets were sent since, if they were.
    Trial {
        since: Option<Duration>,
    },
}

/// What is suspected of one tunnel.
#[derive(Debug, Clone)]
pub struct Silence {
    times: SilenceTimes,
    stage: Stage,
    /// Whether it carried at the sample before.
    carried: bool,
    /// The next pause.
    pause: Duration,
    /// When the last mark was made, and for how long no other is.
    marked: Option<(Duration, Duration)>,
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
            pause: times.pause,
            marked: None,
            good_since: None,
        }
    }

    /// Whether the tunnel is marked.
    pub fn is_marked(&self) -> bool {
        matches!(self.stage, Stage::Silent { .. })
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
        let is_in_doubt = matches!(self.stage, Stage::Silent { .. } | Stage::Trial { .. });
        // While another tunnel carries, what comes back says nothing of this one.
        if sample.heard && (!is_in_doubt || (carried && sample.sent)) {
            self.stage = Stage::Content;
            return is_in_doubt.then_some(Finding::Heard);
        }
        match self.stage {
            Stage::Silent { until } if now >= until => {
                self.stage = Stage::Trial { since: None };
                Some(Finding::Tried)
            }
            Stage::Silent { .. } => None,
            Stage::Trial { since } => {
                let since = since.or(sample.sent.then_some(now)).filter(|_| carried);
                self.stage = Stage::Trial { since };
                let heard_nothing = since.is_some_and(|since| now.saturating_sub(since) >= self.times.trial);
                heard_nothing.then(|| self.mark(now))
            }
            _ if !carried => {
                self.stage = Stage::Content;
                None
            }
            Stage::Content | Stage::Waiting { .. } => self.wait(sample.sent, now),
            Stage::Asked { at } => {
                (now.saturating_sub(at) >= self.times.answered_for).then(|| self.mark(now))
            }
        }
    }

    /// A tunnel that was good for twice as long as the last pause may be suspected as if it never had been.
    fn forget(&mut self, now: Duration) {
        if matches!(self.stage, Stage::Silent { .. } | Stage::Trial { .. }) {
            self.good_since = None;
            return;
        }
        let good = now.saturating_sub(*self.good_since.get_or_insert(now));
        if self.marked.is_some_and(|(_, pause)| good >= (pause * 2).max(FORGOTTEN_MIN)) {
            (self.marked, self.pause) = (None, self.times.pause);
        }
    }

    fn wait(&mut self, sent: bool, now: Duration) -> Option<Finding> {
        let (since, samples) = match self.stage {
            Stage::Waiting { since, samples } => (since, samples),
            _ if sent => (now, 0),
            _ => return None,
        };
        let samples = samples + u32::from(sent);
        let may_mark = self.marked.is_none_or(|(at, pause)| now >= at + pause);
        if may_mark && samples >= SENT_SAMPLES_MIN && now.saturating_sub(since) >= self.times.sent_for {
            self.stage = Stage::Asked { at: now };
            return Some(Finding::Ask);
        }
        self.stage = Stage::Waiting { since, samples };
        None
    }

    fn mark(&mut self, now: Duration) -> Finding {
        self.marked = Some((now, self.pause));
        self.stage = Stage::Silent { until: now + self.pause };
        self.pause = (self.pause * 2).min(self.times.pause_max);
        Finding::Silent
    }
}

#[cfg(test)]
mod tests;
