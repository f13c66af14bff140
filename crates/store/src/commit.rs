//! What is committed, how it is read back, and the promise of a store.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::StoreError;

/// The largest value of one row. A resource is a few kilobytes.
pub const VALUE_BYTES_MAX: usize = 16 << 20;
/// The largest number of writes in one commit. Deleting a connection with all its routes is ten thousand.
pub const COMMIT_WRITES_MAX: usize = 100_000;
/// The most bytes (keys and values) in one commit.
pub const COMMIT_BYTES_MAX: usize = 64 << 20;

/// Changes of one account that become durable together, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Whose rows are written. An account that was never written has revision 0.
    pub account: String,
    /// The revision the changes were planned on; the commit makes it one more.
    pub expected_revision: u64,
    /// Applied in order: of two writes of one row the later one counts.
    pub writes: Vec<Write>,
}

/// One row that is put or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// What it is, as the product names it.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// Its new value; `None` deletes the row, which need not exist.
    pub value: Option<Vec<u8>>,
}

/// One account as it is durably stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Whose rows these are.
    pub account: String,
    /// The number of commits the account has seen.
    pub revision: u64,
    /// Ordered by kind and id, bytewise.
    pub rows: Vec<Row>,
}

/// One stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// Its value.
    pub value: Vec<u8>,
}

/// Keeps the rows of all accounts.
///
/// - Commits are applied in the order in which they were submitted, and may rely on each other before they are
///   durable: revision 7 may be submitted while the commit that makes it is still queued.
/// - A commit whose expected revision is not the account's fails alone ([`StoreError::Conflict`]). What was
///   queued on top of it fails by the same rule, so that after a failure nothing planned on it can land.
/// - A ticket that resolved to `Ok` survives a crash of the process and of the machine.
/// - [`Store::load`] shows durable state only, of each account some revision wholly.
pub trait Store: Send + Sync {
    /// All accounts, ordered by name, also those whose rows are all deleted.
    fn load(&self) -> Result<Vec<Image>, StoreError>;

    /// Queues a commit, or refuses it, and returns at once. What is queued is carried out even when the ticket is dropped.
    fn submit(&self, commit: Commit) -> Ticket;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn load(&self) -> Result<Vec<Image>, StoreError> {
        (**self).load()
    }

    fn submit(&self, commit: Commit) -> Ticket {
        (**self).submit(commit)
    }
}

/// Resolves to the account's new revision when a commit is durable, or to the reason why it never will be.
#[derive(Debug)]
#[must_use = "a commit counts only when its ticket has resolved"]
pub struct Ticket {
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    /// It was not queued. None once that was told.
    Refused(Option<StoreError>),
    Awaited(oneshot::Receiver<Result<u64, StoreError>>),
}

/// The store's end of a [`Ticket`]. Dropping it unanswered tells the submitter that the store has stopped.
pub(crate) type Promise = oneshot::Sender<Result<u64, StoreError>>;

impl Commit {
    /// Keys and values, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.writes.iter().map(Write::size_bytes).sum()
    }

    /// Refuses what no store takes, before it can fail others in its batch.
    pub(crate) fn check_limits(&self) -> Result<(), StoreError> {
        let too_large = |what, actual, limit| Err(StoreError::TooLarge { what, actual, limit });
        if self.writes.len() > COMMIT_WRITES_MAX {
            return too_large("writes in one commit", self.writes.len(), COMMIT_WRITES_MAX);
        }
        let largest = self.writes.iter().map(Write::size_bytes).max().unwrap_or(0);
        if largest > VALUE_BYTES_MAX {
            return too_large("bytes in one row", largest, VALUE_BYTES_MAX);
        }
        if self.size_bytes() > COMMIT_BYTES_MAX {
            return too_large("bytes in one commit", self.size_bytes(), COMMIT_BYTES_MAX);
        }
        Ok(())
    }
}

impl Write {
    fn size_bytes(&self) -> usize {
        self.kind.len() + self.id.len() + self.value.as_ref().map_or(0, Vec::len)
    }
}

impl Ticket {
    /// A ticket whose outcome is known.
    pub fn resolved(outcome: Result<u64, StoreError>) -> Self {
        let (promise, ticket) = Self::promised();
        // The receiver is alive: it is returned below.
        let _delivered = promise.send(outcome);
        ticket
    }

    /// That of a commit that was not queued.
    pub fn refused(error: StoreError) -> Self {
        Self { outcome: Outcome::Refused(Some(error)) }
    }

    /// Whether the commit was not even queued. Then it is as if it had not been submitted, and what was queued before it is not
    /// concerned.
    pub fn is_refused(&self) -> bool {
        matches!(self.outcome, Outcome::Refused(_))
    }

    /// A ticket and the end that resolves it.
    pub(crate) fn promised() -> (Promise, Self) {
        let (promise, outcome) = oneshot::channel();
        (promise, Self { outcome: Outcome::Awaited(outcome) })
    }

    /// Waits without an async runtime, for command-line tools and tests. Must not be called on an async thread.
    pub fn wait(self) -> Result<u64, StoreError> {
        match self.outcome {
            Outcome::Refused(error) => Err(error.unwrap_or(StoreError::Stopped)),
            Outcome::Awaited(outcome) => outcome.blocking_recv().unwrap_or(Err(StoreError::Stopped)),
        }
    }
}

impl Future for Ticket {
    type Output = Result<u64, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.outcome {
            Outcome::Refused(error) => Poll::Ready(Err(error.take().unwrap_or(StoreError::Stopped))),
            Outcome::Awaited(outcome) => {
                Pin::new(outcome).poll(context).map(|answer| answer.unwrap_or(Err(StoreError::Stopped)))
            }
        }
    }
}
