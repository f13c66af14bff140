//! The commits that wait for the disk, in order and bounded.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::commit::{COMMIT_BYTES_MAX, Promise};
use crate::{Commit, StoreError};

/// The most commits that wait. At 5,000 commits a second this is more than a second and a half.
pub(crate) const WAITING_COMMITS_MAX: usize = 8_192;
/// The most bytes that wait.
pub(crate) const WAITING_BYTES_MAX: usize = 2 * COMMIT_BYTES_MAX;
/// The most commits in one transaction.
const BATCH_COMMITS_MAX: usize = 1_024;
/// A transaction takes no further commit once it has this many bytes.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// A commit and whom to tell about it.
pub(crate) struct Entry {
    pub(crate) commit: Commit,
    pub(crate) promise: Promise,
}

/// Submitters push, the writer takes batches.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    /// Adds a commit at the end, or refuses it when too much is waiting or the store is closing.
    pub(crate) fn push(&self, entry: Entry) -> Result<(), StoreError> {
        let mut waiting = self.lock();
        let bytes = waiting.bytes + entry.commit.size_bytes();
        if waiting.closed {
            return Err(StoreError::Stopped);
        }
        if waiting.entries.len() >= WAITING_COMMITS_MAX || bytes > WAITING_BYTES_MAX {
            return Err(StoreError::Overloaded { commits: waiting.entries.len(), bytes: waiting.bytes });
        }
        waiting.bytes = bytes;
        waiting.entries.push_back(entry);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for commits and takes as many as go into one transaction; `None` once the queue is closed and empty.
    pub(crate) fn take(&self) -> Option<Vec<Entry>> {
        let mut waiting = self.lock();
        while waiting.entries.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        Some(waiting.take_batch())
    }

    /// Lets nothing more in. What waits can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Closes, and tells everybody who waits that the store has stopped.
    pub(crate) fn abandon(&self) {
        self.close();
        self.lock().entries.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn take_batch(&mut self) -> Vec<Entry> {
        let mut batch = Vec::with_capacity(self.entries.len().min(BATCH_COMMITS_MAX));
        let mut bytes = 0;
        while bytes < BATCH_BYTES_MAX
            && batch.len() < BATCH_COMMITS_MAX
            && let Some(entry) = self.entries.pop_front()
        {
            bytes += entry.commit.size_bytes();
            batch.push(entry);
        }
        self.bytes -= bytes;
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::{BATCH_COMMITS_MAX, Entry, Queue, WAITING_BYTES_MAX, WAITING_COMMITS_MAX};
    use crate::{Commit, StoreError, Ticket, Write};

    fn entry(number: u64, bytes: usize) -> (Entry, Ticket) {
        let (promise, ticket) = Ticket::promised();
        let write = Write { kind: String::new(), id: String::new(), value: Some(vec![0; bytes]) };
        let commit = Commit { account: "a".into(), expected_revision: number, writes: vec![write] };
        (Entry { commit, promise }, ticket)
    }

    #[test]
    fn commits_leave_in_the_order_in_which_they_came_and_in_bounded_batches() {
        let queue = Queue::default();
        let count = BATCH_COMMITS_MAX as u64 + 5;
        for number in 0..count {
            queue.push(entry(number, 1).0).unwrap();
        }
        let (first, second) = (queue.take().unwrap(), queue.take().unwrap());
        assert_eq!((first.len(), second.len()), (BATCH_COMMITS_MAX, 5));
        let numbers = first.iter().chain(&second).map(|entry| entry.commit.expected_revision);
        assert!(numbers.eq(0..count));
    }

    #[test]
    fn a_full_queue_refuses_and_takes_again_when_there_is_room() {
        let queue = Queue::default();
        for number in 0..WAITING_COMMITS_MAX as u64 {
            queue.push(entry(number, 0).0).unwrap();
        }
        let error = queue.push(entry(0, 0).0).unwrap_err();
        assert!(matches!(error, StoreError::Overloaded { commits: WAITING_COMMITS_MAX, .. }));
        queue.take().unwrap();
        queue.push(entry(0, 0).0).unwrap();
    }

    #[test]
    fn bytes_count_as_well() {
        let queue = Queue::default();
        let half = WAITING_BYTES_MAX / 2;
        queue.push(entry(0, half).0).unwrap();
        queue.push(entry(1, half).0).unwrap();
        queue.push(entry(2, 1).0).unwrap_err();
        assert_eq!(queue.take().unwrap().len(), 1, "one large commit fills a batch");
        queue.push(entry(2, half).0).unwrap();
    }

    #[test]
    fn a_closed_queue_hands_out_what_waits_and_then_ends() {
        let queue = Queue::default();
        queue.push(entry(0, 0).0).unwrap();
        queue.close();
        assert!(matches!(queue.push(entry(1, 0).0), Err(StoreError::Stopped)));
        assert_eq!(queue.take().unwrap().len(), 1);
        assert!(queue.take().is_none());
    }

    #[test]
    fn who_waits_in_an_abandoned_queue_is_told() {
        let queue = Queue::default();
        let (entry, ticket) = entry(0, 0);
        queue.push(entry).unwrap();
        queue.abandon();
        assert!(matches!(ticket.wait(), Err(StoreError::Stopped)));
    }
}
