//! The thread that copies the log into the database, while commits go on.
//!
//! ```text
//!   log has CHECKPOINT_PAGES more  ->  copier copies what was there then  ->  again, while much came meanwhile
//!                                                                         ->  writer copies the rest, which is little
//! ```
//!
//! Only a log that is copied to its end is begun anew, and somebody who commits all the time always adds to it: so the last
//! part is the writer's, between two commits.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use super::{database_error, schema};
use crate::StoreError;

/// The log is copied when it has this many pages more than at the last time (4 KiB each). The more there are, the more of
/// them are the same page again, of which only the last is copied.
const CHECKPOINT_PAGES: i32 = 8_000;
/// So many the writer copies itself: it takes about as long as a few commits.
const REST_PAGES_MAX: i32 = 500;
/// So often the copier tries to get that far. If commits come faster than it copies, they have to wait once.
const ROUNDS_MAX: u32 = 4;

/// What is to be done about the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing yet, or the copier is at it.
    Nothing,
    /// The copier is to copy what there is.
    Copy,
    /// The writer is to copy the rest.
    Rest,
}

/// How far the log is copied. Pure.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// How many pages of the log are in the database.
    copied: i32,
    /// How often the copier has copied since the log began.
    rounds: u32,
    is_copying: bool,
}

/// The thread, from the writer's side.
pub(super) struct Copier {
    requests: Option<SyncSender<()>>,
    copied: Receiver<i32>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// What is due with so many pages in the log.
    pub(super) fn due(&mut self, pages: i32) -> Due {
        if pages < self.copied {
            // SQLite has begun the log anew.
            *self = Self { is_copying: self.is_copying, ..Self::default() };
        }
        let rest = pages - self.copied;
        match self.rounds {
            _ if self.is_copying => Due::Nothing,
            0 if rest < CHECKPOINT_PAGES => Due::Nothing,
            1..ROUNDS_MAX if rest > REST_PAGES_MAX => Due::Copy,
            0 => Due::Copy,
            _ => Due::Rest,
        }
    }

    /// The copier was told.
    pub(super) fn begun(&mut self) {
        self.is_copying = true;
    }

    /// It has copied the log up to this page.
    pub(super) fn copied(&mut self, pages: i32) {
        *self = Self { copied: pages.max(self.copied), rounds: self.rounds + 1, is_copying: false };
    }

    /// The writer has copied the rest, or could not: the next time is as far away as the last one was.
    pub(super) fn finished(&mut self, pages: i32) {
        *self = Self { copied: pages, rounds: 0, is_copying: false };
    }
}

impl Copier {
    /// Starts it, with a connection of its own.
    pub(super) fn start(connection: Connection, path: &Path) -> Result<Self, StoreError> {
        let (requests, requested) = sync_channel::<()>(1);
        let (tell, copied) = sync_channel(1);
        let database = path.to_owned();
        let work = move || {
            for () in requested {
                let pages = copy(&connection, &database);
                if tell.send(pages).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("store-copier".to_owned()).spawn(work);
        let thread = thread.map_err(schema::file_error("start the copier of", path))?;
        Ok(Self { requests: Some(requests), copied, thread: Some(thread) })
    }

    /// Tells it to copy what there is. False if it has died.
    pub(super) fn request(&self) -> bool {
        self.requests.as_ref().is_some_and(|requests| requests.send(()).is_ok())
    }

    /// How far it has copied, once it has; 0 if it could not, or has died.
    pub(super) fn poll(&self) -> Option<i32> {
        match self.copied.try_recv() {
            Ok(pages) => Some(pages),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(0),
        }
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that copies the store's log had panicked");
        }
    }
}

/// Copies the log as far as nobody reads an older part of the database; answers how many of its pages are copied.
pub(super) fn copy(connection: &Connection, path: &Path) -> i32 {
    let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i32>(2));
    copied.unwrap_or_else(|source| {
        let error = database_error("copy the log into", path)(source);
        // Nothing is lost: the log stays, and grows until it can be copied.
        tracing::warn!("{error}");
        0
    })
}

#[cfg(test)]
mod tests {
    use super::{CHECKPOINT_PAGES, Due, Progress, REST_PAGES_MAX, ROUNDS_MAX};

    #[test]
    fn a_log_is_copied_by_the_copier_and_its_little_rest_by_the_writer() {
        let mut progress = Progress::default();
        assert_eq!(progress.due(CHECKPOINT_PAGES - 1), Due::Nothing);
        assert_eq!(progress.due(CHECKPOINT_PAGES), Due::Copy);
        progress.begun();
        let meanwhile = CHECKPOINT_PAGES + 2 * REST_PAGES_MAX;
        assert_eq!(progress.due(meanwhile), Due::Nothing);
        progress.copied(CHECKPOINT_PAGES);
        assert_eq!(progress.due(meanwhile), Due::Copy, "much came meanwhile");
        progress.begun();
        progress.copied(meanwhile);
        assert_eq!(progress.due(meanwhile + REST_PAGES_MAX), Due::Rest);
        progress.finished(meanwhile + REST_PAGES_MAX);
        assert_eq!(progress.due(1), Due::Nothing, "the log was begun anew");
        assert_eq!(progress.due(CHECKPOINT_PAGES), Due::Copy);
    }

    #[test]
    fn commits_that_are_faster_than_the_copier_wait_once() {
        let (mut progress, mut pages) = (Progress::default(), CHECKPOINT_PAGES);
        for _ in 0..ROUNDS_MAX {
            assert_eq!(progress.due(pages), Due::Copy);
            progress.begun();
            progress.copied(pages);
            pages += CHECKPOINT_PAGES;
        }
        assert_eq!(progress.due(pages), Due::Rest);
    }

    #[test]
    fn a_log_that_cannot_be_copied_is_tried_again_and_not_at_each_commit() {
        let (mut progress, mut pages, mut tried) = (Progress::default(), 0, 0);
        for _ in 0..10 * CHECKPOINT_PAGES {
            pages += 1;
            match progress.due(pages) {
                Due::Nothing => continue,
                Due::Copy => {
                    progress.begun();
                    progress.copied(0);
                }
                Due::Rest => progress.finished(pages),
            }
            tried += 1;
        }
        let each = ROUNDS_MAX + 1;
        assert!((10..=10 * each).contains(&tried), "{tried}");
    }
}
