//! What waits for the owner of the endpoint to take.

use std::collections::VecDeque;
use std::time::Duration;

use crate::config::TunnelKey;
use crate::nat::Path;
use crate::output::{Level, Output};

/// Log lines that somebody who has not authenticated may cause, in each interval.
const STRANGER_LINES_MAX: u32 = 20;
const STRANGER_INTERVAL: Duration = Duration::from_secs(10);

/// A bounded queue. Datagrams and log lines are dropped when it is full; they are repeated or dispensable.
pub(crate) struct Outbox {
    queue: VecDeque<Output>,
    max: usize,
    stranger_lines: u32,
    stranger_since: Duration,
}

impl Outbox {
    pub(crate) fn new(max: usize) -> Self {
        Outbox { queue: VecDeque::new(), max, stranger_lines: 0, stranger_since: Duration::ZERO }
    }

    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    /// Something that must not be lost.
    pub(crate) fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    pub(crate) fn transmit(&mut self, path: Path, message: Vec<u8>) {
        self.push_if_room(Output::Transmit { local: path.local, remote: path.remote, message });
    }

    pub(crate) fn keepalive(&mut self, path: Path) {
        self.push_if_room(Output::Keepalive { local: path.local, remote: path.remote });
    }

    pub(crate) fn log(&mut self, tunnel: Option<TunnelKey>, level: Level, text: String) {
        self.push_if_room(Output::Log { tunnel, level, text });
    }

    /// Whether one more line may be logged that anybody can cause.
    pub(crate) fn may_log_stranger(&mut self, now: Duration) -> bool {
        if now.saturating_sub(self.stranger_since) >= STRANGER_INTERVAL {
            (self.stranger_lines, self.stranger_since) = (0, now);
        }
        self.stranger_lines += 1;
        self.stranger_lines <= STRANGER_LINES_MAX
    }

    fn push_if_room(&mut self, output: Output) {
        if self.queue.len() < self.max {
            self.queue.push_back(output);
        }
    }
}
