//! Whether a worker that is woken runs at once, or lets the thread that woke it finish.
//!
//! ```text
//!   Prompt (SCHED_OTHER)  --time to try-->          Patient (SCHED_BATCH)
//!   Prompt (SCHED_OTHER)  <--waits for too long--   Patient (SCHED_BATCH)
//! ```
//!
//! Who sends a packet into a tunnel mostly goes to sleep after it. Linux wakes the worker on the sender's processor, and as
//! SCHED_OTHER the worker may run before the sender has got that far. The processor then has two threads that want to run, so
//! that whoever the worker wakes next is sent to another, sleeping processor. On a virtual machine that takes several times as
//! long as going on in turn. As SCHED_BATCH a thread lets the one that woke it finish.
//!
//! A thread that wakes a worker and does not go to sleep would keep it waiting for a whole slice of some milliseconds. So a
//! worker looks at how long it waits to run, and is patient only while that is short.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use crate::kernel;

/// After how many wakes a worker looks at how long it waited: few, so that little is lost by patience out of place.
const WAKES: u32 = 16;
/// How long a patient worker may wait to run, on average. Patient beside busy programs it is over a millisecond, else a few
/// microseconds, and a sixth of a millisecond in the worst of a hundred times.
const WAIT_MAX: Duration = Duration::from_micros(300);
/// How long a worker runs at once before it is patient again: when it had lasted, and when it was out of place each time.
const PROMPT_MIN: Duration = Duration::from_secs(1);
const PROMPT_MAX: Duration = Duration::from_secs(64);
/// Patience that lasted so long was not out of place.
const LASTED: Duration = Duration::from_secs(10);

/// How the thread that has it is scheduled. Made, used and dropped by that thread.
pub struct WakePolicy {
    /// None where Linux does not tell how long a thread waits, somebody has chosen another policy for us, or we may choose none.
    schedstat: Option<File>,
    wakes: u32,
    patience: Patience,
}

/// What is decided, and from what.
struct Patience {
    state: State,
    prompt_for: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Prompt { until: Instant },
    Patient { since: Instant, before: Waited },
}

/// How long a thread that could run had to wait, and how often it ran.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Waited {
    nanoseconds: u64,
    runs: u64,
}

impl WakePolicy {
    /// Of this thread.
    pub fn of_this_thread() -> Self {
        let schedstat = File::open("/proc/thread-self/schedstat").ok();
        Self {
            schedstat: schedstat.filter(|_| kernel::is_scheduled_as_other()),
            wakes: 0,
            patience: Patience::new(Instant::now()),
        }
    }

    /// The thread has slept and was woken.
    pub fn on_wake(&mut self) {
        self.wakes += 1;
        if self.wakes >= WAKES {
            self.wakes = 0;
            self.look();
        }
    }

    fn look(&mut self) {
        let now = Instant::now();
        let Some(schedstat) = self.schedstat.as_ref().filter(|_| self.patience.is_due(now)) else { return };
        let was_patient = self.patience.is_patient();
        let looked = read(schedstat).map(|waited| self.patience.look(now, waited));
        let is_patient = looked.is_ok() && self.patience.is_patient();
        let scheduled = match (was_patient, is_patient) {
            (false, true) => kernel::schedule_as(libc::SCHED_BATCH),
            (true, false) => kernel::schedule_as(libc::SCHED_OTHER),
            _ => Ok(()),
        };
        if let Err(error) = looked.and(scheduled) {
            tracing::debug!(%error, "workers run as soon as they are woken");
            self.schedstat = None;
            self.patience = Patience::new(now);
        }
    }
}

/// A thread that begins anew after a panic finds what it knows.
impl Drop for WakePolicy {
    fn drop(&mut self) {
        if self.patience.is_patient() {
            // Where that fails, the next one leaves the policy alone, as one that somebody has chosen.
            let _scheduled = kernel::schedule_as(libc::SCHED_OTHER);
        }
    }
}

impl Patience {
    fn new(now: Instant) -> Self {
        Self { state: State::Prompt { until: now }, prompt_for: PROMPT_MIN }
    }

    fn is_patient(&self) -> bool {
        matches!(self.state, State::Patient { .. })
    }

    /// Whether there is anything to decide.
    fn is_due(&self, now: Instant) -> bool {
        !matches!(self.state, State::Prompt { until } if now < until)
    }

    fn look(&mut self, now: Instant, waited: Waited) {
        self.state = match self.state {
            State::Prompt { .. } => State::Patient { since: now, before: waited },
            State::Patient { since, before } if waited.mean_since(before) <= WAIT_MAX => {
                State::Patient { since, before: waited }
            }
            State::Patient { since, .. } => {
                let lasted = now.saturating_duration_since(since) >= LASTED;
                self.prompt_for = if lasted { PROMPT_MIN } else { (2 * self.prompt_for).min(PROMPT_MAX) };
                State::Prompt { until: now + self.prompt_for }
            }
        };
    }
}

fn read(schedstat: &File) -> io::Result<Waited> {
    // Three numbers of 64 bits.
    let mut bytes = [0; 64];
    let length = schedstat.read_at(&mut bytes, 0)?;
    Waited::parse(&bytes[..length]).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

impl Waited {
    /// Time on a processor, time waited for one, how often it ran (Linux, Documentation/scheduler/sched-stats).
    fn parse(schedstat: &[u8]) -> Option<Self> {
        let mut numbers = str::from_utf8(schedstat).ok()?.split_whitespace().skip(1).map(str::parse);
        Some(Self { nanoseconds: numbers.next()?.ok()?, runs: numbers.next()?.ok()? })
    }

    fn mean_since(self, before: Self) -> Duration {
        let runs = self.runs.saturating_sub(before.runs).max(1);
        Duration::from_nanos(self.nanoseconds.saturating_sub(before.nanoseconds) / runs)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Patience, Waited, WakePolicy, read};
    use crate::kernel;

    /// A thread that is woken 16 times each 10 ms and waits so long each time, until it changes; how long it did not.
    struct Clock {
        now: Instant,
        waited: Waited,
    }

    impl Clock {
        fn until_it_changes(&mut self, patience: &mut Patience, wait: Duration) -> Option<Duration> {
            let (was, began) = (patience.is_patient(), self.now);
            for _ in 0..100_000 {
                self.now += Duration::from_millis(10);
                self.waited.runs += 16;
                self.waited.nanoseconds += 16 * wait.as_nanos() as u64;
                if patience.is_due(self.now) {
                    patience.look(self.now, self.waited);
                }
                if patience.is_patient() != was {
                    return Some(self.now - began);
                }
            }
            None
        }
    }

    #[test]
    fn a_worker_is_patient_for_as_long_as_its_waits_are_short() {
        const SHORT: Duration = Duration::from_micros(80);
        const LONG: Duration = Duration::from_millis(2);
        let mut clock = Clock { now: Instant::now(), waited: Waited { nanoseconds: 7, runs: 3 } };
        let mut patience = Patience::new(clock.now);
        let mut change = |wait| clock.until_it_changes(&mut patience, wait);
        let secs = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(change(SHORT), Some(Duration::from_millis(10)));
        assert_eq!(change(SHORT), None, "patience lasts");
        // Out of place it is given up at the first look, and tried again more and more seldom.
        for prompt_for in [1, 2, 4, 8, 16, 32, 64, 64] {
            assert_eq!(change(LONG), Some(Duration::from_millis(10)));
            assert_eq!(change(SHORT), secs(prompt_for));
        }
        assert_eq!(change(SHORT), None);
        assert_eq!(change(LONG), Some(Duration::from_millis(10)));
        assert_eq!(change(LONG), secs(1), "it had lasted");
    }

    #[test]
    fn what_linux_counts_is_read() {
        let counted = Waited::parse(b"1234567 890123 45\n");
        assert_eq!(counted, Some(Waited { nanoseconds: 890_123, runs: 45 }));
        for broken in [&b""[..], b"1 2", b"1 two 3", b"1 2 -3", b"\xff 1 2"] {
            assert_eq!(Waited::parse(broken), None);
        }
    }

    #[test]
    fn a_thread_becomes_patient_and_leaves_as_it_was_found() {
        let thread = std::thread::spawn(|| {
            let mut policy = WakePolicy::of_this_thread();
            let Some(schedstat) = &policy.schedstat else { return };
            assert!(read(schedstat).expect("what Linux counts").runs > 0);
            (0..15).for_each(|_| policy.on_wake());
            assert!(kernel::is_scheduled_as_other());
            policy.on_wake();
            assert_eq!(kernel::is_scheduled_as_other(), policy.schedstat.is_none());
            drop(policy);
            assert!(kernel::is_scheduled_as_other());
        });
        thread.join().expect("the thread ends well");
    }
}
