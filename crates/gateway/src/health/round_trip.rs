//! How long answers take, and how long to wait for one (RFC 6298, 2).

use std::time::Duration;

/// How long to wait before anything is known.
const TIMEOUT_FIRST: Duration = Duration::from_secs(1);
/// A host that answers may be busy for so long.
const TIMEOUT_MIN: Duration = Duration::from_millis(250);
/// A satellite takes 0.6 s.
const TIMEOUT_MAX: Duration = Duration::from_secs(2);

/// Round-trip times of one tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoundTrip {
    /// The last one, and their smoothed mean and deviation; none before the first answer.
    known: Option<Known>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    last: Duration,
    smoothed: Duration,
    deviation: Duration,
}

impl RoundTrip {
    /// Takes one more.
    pub(super) fn add(&mut self, last: Duration) {
        self.known = Some(match self.known {
            None => Known { last, smoothed: last, deviation: last / 2 },
            Some(Known { smoothed, deviation, .. }) => Known {
                last,
                smoothed: (smoothed * 7 + last) / 8,
                deviation: (deviation * 3 + smoothed.abs_diff(last)) / 4,
            },
        });
    }

    /// The smoothed one.
    pub fn smoothed(&self) -> Option<Duration> {
        self.known.map(|known| known.smoothed)
    }

    /// The last one.
    pub fn last(&self) -> Option<Duration> {
        self.known.map(|known| known.last)
    }

    /// After how long an answer is overdue.
    pub(super) fn timeout(&self) -> Duration {
        self.known
            .map_or(TIMEOUT_FIRST, |it| (it.smoothed + it.deviation * 4).clamp(TIMEOUT_MIN, TIMEOUT_MAX))
    }
}
