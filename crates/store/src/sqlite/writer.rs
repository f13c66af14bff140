//! The one thread that writes: takes what is queued, one transaction, one sync, then the answers.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::copier::{self, Copier, Due, Progress};
use super::{database_error, revision_in};
use crate::failpoint::{Failpoint, Failpoints};
use crate::queue::{Entry, Queue};
use crate::{Commit, StoreError, Write};

/// Owns the connection that writes.
pub(super) struct Writer {
    connection: Connection,
    path: PathBuf,
    queue: Arc<Queue>,
    failpoints: Failpoints,
    /// Pages in the log, as SQLite says at each commit.
    log_pages: Arc<AtomicI32>,
    copier: Copier,
    progress: Progress,
    /// Commits that failed since the last one that did not.
    failed_commits: u64,
}

/// Why a batch failed.
struct Failure {
    source: rusqlite::Error,
    /// Whether its bytes may be in the log nevertheless.
    in_log: bool,
}

type Outcome = Result<u64, StoreError>;

impl Writer {
    pub(super) fn new(
        mut connection: Connection,
        path: PathBuf,
        queue: Arc<Queue>,
        copier: Copier,
        failpoints: Failpoints,
    ) -> rusqlite::Result<Self> {
        let log_pages = Arc::new(AtomicI32::new(0));
        let counter = Arc::clone(&log_pages);
        connection.wal_hook(Some(move |_log: &mut rusqlite::hooks::Wal, pages| {
            counter.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        let progress = Progress::default();
        Ok(Self { connection, path, queue, failpoints, log_pages, copier, progress, failed_commits: 0 })
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        // Should this thread die, nobody must wait for it for ever.
        let _abandoned = AbandonOnDrop(Arc::clone(&self.queue));
        while let Some(batch) = self.queue.take() {
            self.write(batch);
            self.failpoints.reached(Failpoint::AfterAcknowledgement);
            self.checkpoint_if_due();
        }
    }

    fn write(&mut self, batch: Vec<Entry>) {
        let outcomes = match self.commit(&batch) {
            Ok(outcomes) => outcomes,
            Err(failure) => vec![Err(self.note_failure(failure, batch.len())); batch.len()],
        };
        for (entry, outcome) in batch.into_iter().zip(outcomes) {
            // Whoever dropped the ticket does not want to know.
            let _told = entry.promise.send(outcome);
        }
    }

    /// One transaction. The outcomes count only if all of this succeeds.
    fn commit(&mut self, batch: &[Entry]) -> Result<Vec<Outcome>, Failure> {
        let not_in_log = |source| Failure { source, in_log: false };
        self.failpoints.reached(Failpoint::BeforeBegin);
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(not_in_log)?;
        self.failpoints.reached(Failpoint::AfterBegin);
        let outcomes = apply(&transaction, batch, &self.failpoints).map_err(not_in_log)?;
        self.failpoints.reached(Failpoint::BeforeCommit);
        transaction.commit().map_err(|source| Failure { source, in_log: true })?;
        self.failpoints.reached(Failpoint::AfterCommit);
        if std::mem::take(&mut self.failed_commits) > 0 {
            tracing::info!(database = %self.path.display(), "changes are stored again");
        }
        Ok(outcomes)
    }

    fn note_failure(&mut self, failure: Failure, commits: usize) -> StoreError {
        if failure.in_log {
            self.overwrite_log();
        }
        let error = database_error("commit to", &self.path)(failure.source);
        // Once, and not for each of the thousands that may follow while the disk is full.
        if self.failed_commits == 0 {
            tracing::error!(commits, "{error}");
        }
        self.failed_commits += commits as u64;
        error
    }

    /// Makes sure that a failed batch stays failed.
    ///
    /// When the log was written and the sync failed, SQLite forgets the transaction, but a restart would find it in
    /// the log and take it for committed. The next transaction is written over it; this is one that
    /// needs no caller.
    fn overwrite_log(&self) {
        let statement = "INSERT INTO meta (key, value) VALUES ('failed_batches', 1)
                         ON CONFLICT (key) DO UPDATE SET value = value + 1";
        if let Err(error) = self.connection.execute(statement, []) {
            tracing::debug!(%error, "the failed batch could not be overwritten yet");
        }
    }

    fn checkpoint_if_due(&mut self) {
        if let Some(pages) = self.copier.poll() {
            self.progress.copied(pages);
        }
        let pages = self.log_pages.load(Ordering::Relaxed);
        match self.progress.due(pages) {
            Due::Nothing => {}
            Due::Copy => {
                self.failpoints.reached(Failpoint::BeforeCheckpoint);
                self.progress.begun();
                if !self.copier.request() {
                    // Without the copier everything is the rest.
                    self.copy_rest(pages);
                }
            }
            Due::Rest => {
                self.copy_rest(pages);
                self.failpoints.reached(Failpoint::AfterCheckpoint);
            }
        }
    }

    /// Nobody commits meanwhile, so the log is copied to its end, and the next commit begins it anew.
    fn copy_rest(&mut self, pages: i32) {
        copier::copy(&self.connection, &self.path);
        self.progress.finished(pages);
    }
}

/// Applies the commits of a batch whose revision is right, in order, each on what the ones before it made.
fn apply(
    transaction: &Transaction<'_>,
    batch: &[Entry],
    failpoints: &Failpoints,
) -> rusqlite::Result<Vec<Outcome>> {
    let mut rows = Rows::prepare(transaction)?;
    let mut revisions = Revisions::new(transaction);
    let mut outcomes = Vec::with_capacity(batch.len());
    for Entry { commit, .. } in batch {
        let outcome = revisions.advance(commit)?;
        if outcome.is_ok() {
            for (number, write) in commit.writes.iter().enumerate() {
                rows.write(&commit.account, write)?;
                if number == 0 {
                    failpoints.reached(Failpoint::AfterFirstWrite);
                }
            }
        }
        outcomes.push(outcome);
    }
    revisions.store()?;
    Ok(outcomes)
}

/// The revisions of the accounts in a batch: each is read once and written once.
struct Revisions<'batch> {
    transaction: &'batch Transaction<'batch>,
    known: BTreeMap<&'batch str, Revision>,
}

#[derive(Clone, Copy)]
struct Revision {
    number: u64,
    advanced: bool,
}

impl<'batch> Revisions<'batch> {
    fn new(transaction: &'batch Transaction<'batch>) -> Self {
        Self { transaction, known: BTreeMap::new() }
    }

    /// The compare-and-set.
    fn advance(&mut self, commit: &'batch Commit) -> rusqlite::Result<Outcome> {
        let revision = match self.known.entry(&commit.account) {
            Slot::Occupied(known) => known.into_mut(),
            Slot::Vacant(unknown) => {
                let number = read_revision(self.transaction, &commit.account)?;
                unknown.insert(Revision { number, advanced: false })
            }
        };
        if revision.number != commit.expected_revision {
            return Ok(Err(StoreError::Conflict {
                expected: commit.expected_revision,
                found: revision.number,
            }));
        }
        *revision = Revision { number: revision.number + 1, advanced: true };
        Ok(Ok(revision.number))
    }

    fn store(self) -> rusqlite::Result<()> {
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO account (id, revision) VALUES (?1, ?2)
             ON CONFLICT (id) DO UPDATE SET revision = excluded.revision",
        )?;
        for (account, revision) in self.known.into_iter().filter(|(_account, revision)| revision.advanced) {
            statement.execute((account, revision.number as i64))?;
        }
        Ok(())
    }
}

fn read_revision(transaction: &Transaction<'_>, account: &str) -> rusqlite::Result<u64> {
    let mut statement = transaction.prepare_cached("SELECT revision FROM account WHERE id = ?1")?;
    let revision = statement.query_row([account], |row| revision_in(row, 0)).optional()?;
    Ok(revision.unwrap_or(0))
}

/// The statements that change rows.
struct Rows<'transaction> {
    put: CachedStatement<'transaction>,
    delete: CachedStatement<'transaction>,
}

impl<'transaction> Rows<'transaction> {
    fn prepare(transaction: &'transaction Transaction<'_>) -> rusqlite::Result<Self> {
        let put = transaction.prepare_cached(
            "INSERT INTO object (account, kind, id, value) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (account, kind, id) DO UPDATE SET value = excluded.value",
        )?;
        let delete =
            transaction.prepare_cached("DELETE FROM object WHERE account = ?1 AND kind = ?2 AND id = ?3")?;
        Ok(Self { put, delete })
    }

    fn write(&mut self, account: &str, write: &Write) -> rusqlite::Result<()> {
        let (kind, id) = (&write.kind, &write.id);
        let changed = match write.value.as_deref().map(|value| (value, std::str::from_utf8(value))) {
            Some((_value, Ok(text))) => self.put.execute((account, kind, id, text)),
            Some((value, Err(_not_text))) => self.put.execute((account, kind, id, value)),
            None => self.delete.execute((account, kind, id)),
        };
        changed.map(drop)
    }
}

/// Tells everybody who waits in the queue when the writer's thread ends.
struct AbandonOnDrop(Arc<Queue>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
