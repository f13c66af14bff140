//! Why something could not be stored or loaded, in one line that also says what to do.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::ErrorCode;

/// Why a commit did not happen, or why the database cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote this account first, or the commit relied on one that failed. Plan again on `found`.
    #[error("the account is at revision {found}, the change was planned on revision {expected}")]
    Conflict {
        /// What the commit was planned on.
        expected: u64,
        /// Where the account is.
        found: u64,
    },

    /// The disk does not keep up, and the queue is at its bound. The commit was not queued.
    #[error("{commits} commits ({bytes} bytes) are waiting for the disk already; try again later")]
    Overloaded {
        /// How many wait.
        commits: usize,
        /// How large they are together.
        bytes: usize,
    },

    /// A commit beyond what a store takes. It was not queued.
    #[error("{actual} {what}, and the limit is {limit}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        actual: usize,
        /// How much is allowed.
        limit: usize,
    },

    /// The store was closed, or its writer died, before the commit was answered.
    #[error("the store has stopped; start the server again")]
    Stopped,

    /// The database was written by a later version. Nothing in it was changed.
    #[error(
        "{} has schema version {found}, and this version of Causeway knows versions up to {known}; \
         start the newer version, or restore a backup made by this one",
        path.display()
    )]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The newest version that this program knows.
        known: u64,
    },

    /// The file is not ours.
    #[error("{} is not a Causeway database: {reason}; choose another data folder", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// How that shows.
        reason: String,
    },

    /// The database is gone and its log is not. Nothing was changed.
    #[error(
        "{} is missing, but its log {}-wal is there; put the database back, or restore a backup into an empty folder",
        path.display(),
        path.display()
    )]
    Incomplete {
        /// The database.
        path: PathBuf,
    },

    /// SQLite or the disk below it failed. The commits that were answered with this are not in the database.
    ///
    /// One case is beyond us: when the disk takes the bytes of a commit, refuses to sync them, and then takes no
    /// further write either, a crash before the next successful commit may bring that commit back, wholly.
    #[error("cannot {doing} {}: {source}; {}", path.display(), advice(source))]
    Database {
        /// What was being done.
        doing: &'static str,
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: Arc<rusqlite::Error>,
    },

    /// A file of the data folder could not be used.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
}

/// What the operator can do about a failure of SQLite.
fn advice(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "free some space on that file system, later changes are tried again",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds the database locked, close it"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "stop the server and restore the data folder from a backup"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "check that the server's user may write to the data folder"
        }
        _ => "check the disk and its free space",
    }
}
