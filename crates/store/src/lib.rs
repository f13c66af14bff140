//! Durability: SQLite with group commit, memory, one conformance suite.
//!
//! A [`Store`] keeps rows as bytes, per account, and knows one rule: a commit is written wholly, durably and
//! in order if the account is still at the revision that the commit was planned on, and not at all otherwise.
//! What the rows mean is not its business.
//!
//! # The data folder
//!
//! | file | what it is |
//! |---|---|
//! | `causeway.db` | the database, with `causeway.db-wal` and `causeway.db-shm` beside it while it is open |
//! | `causeway.key` | the key that secrets in the database are encrypted with, mode 0600 |
//! | `causeway.lock` | locked by the process that uses the folder, whose id is in it |
//!
//! # Backup
//!
//! Two things are needed to come back, and they are best kept apart from each other:
//!
//! - the database, at any time, while the server runs or not: `sqlite3 DATA/causeway.db ".backup 'causeway-backup.db'"`.
//!   Do not copy `causeway.db` alone while the server runs: the newest changes are in `causeway.db-wal`.
//! - the key file, once: `cp -p DATA/causeway.key SAFE/`. It never changes unless the key is rotated. Without it the
//!   pre-shared keys and AccessKey secrets of the database cannot be read by anybody.
//!
//! To restore, stop the server, put both into an empty folder as `causeway.db` and `causeway.key` (mode 0600), and
//! start the server on it.

mod commit;
#[cfg(feature = "testing")]
pub mod conformance;
mod error;
mod failpoint;
mod folder;
mod memory;
mod private_file;
mod queue;
mod sqlite;
mod vault;

pub use commit::{COMMIT_BYTES_MAX, COMMIT_WRITES_MAX, VALUE_BYTES_MAX};
pub use commit::{Commit, Image, Row, Store, Ticket, Write};
pub use error::StoreError;
#[cfg(feature = "testing")]
pub use failpoint::Failpoint;
pub use folder::{DataFolder, FileSystem, FolderError};
pub use memory::MemoryStore;
pub use private_file::{PrivateFileError, write_private_file};
pub use sqlite::SqliteStore;
pub use vault::{Vault, VaultError};
