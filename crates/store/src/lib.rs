//! Durability: SQLite with group commit, memory, one conformance suite.
//!
//! A [`Store`] keeps rows as bytes, per account, and knows one rule: a commit is written wholly, durably and
//! in order if the account is still at the revision that the commit was planned on, and not at all otherwise.
//! What the rows mean is not its business.

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
