//! What the database looks like, and how an older one becomes a current one.
//!
//! ```sh
//! sqlite3 DATA/causeway.db "SELECT kind, id, value FROM object WHERE account = '...'"
//! ```

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};

use super::{connect, database_error, inspect};
use crate::StoreError;
use crate::private_file::sync_folder_of;

/// What makes a database ours: the `application_id` in its header, "CSWY".
pub(super) const APPLICATION_ID: u32 = u32::from_be_bytes(*b"CSWY");

/// The steps from an empty database to the current one: step n leads to schema version n + 1. Steps are only ever
/// added at the end.
pub(super) const MIGRATIONS: &[&str] = &[
    // `value` is TEXT when the bytes are text, so that people and json_extract can read it, and BLOB otherwise.
    // `object` has row ids, because without them SQLite compares keys by reading whole rows, values included:
    // a third fewer commits a second with values of 3 KB, and a standstill beside one of 16 MB.
    "CREATE TABLE account (
         id TEXT NOT NULL PRIMARY KEY,
         revision INTEGER NOT NULL CHECK (revision >= 0)
     ) WITHOUT ROWID;
     CREATE TABLE object (
         account TEXT NOT NULL,
         kind TEXT NOT NULL,
         id TEXT NOT NULL,
         value BLOB NOT NULL,
         PRIMARY KEY (account, kind, id)
     );
     INSERT INTO meta (key, value) VALUES ('format', 'causeway');",
];

/// Version 0: where versions are kept.
const META: &str = "CREATE TABLE meta (
         key TEXT NOT NULL PRIMARY KEY,
         value BLOB NOT NULL
     ) WITHOUT ROWID;
     INSERT INTO meta (key, value) VALUES ('schema_version', 0);";

/// Makes a database under another name and gives it its own when it is whole, so that a crash leaves either none or
/// one that can be opened.
pub(super) fn create(path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    let draft = beside(path, ".new");
    for suffix in ["", "-wal", "-shm", "-journal"] {
        remove_leftover(&beside(&draft, suffix))?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
    let file = file.map_err(file_error("create", &draft))?;
    let failed = database_error("create", &draft);
    let mut connection = connect(&draft)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(&failed)?;
    connection.execute_batch(META).map_err(&failed)?;
    migrate(&mut connection, &draft, migrations)?;
    // Closing copies the log into the database and removes it.
    connection.close().map_err(|(_connection, error)| failed(error))?;
    file.sync_all().map_err(file_error("sync", &draft))?;
    fs::rename(&draft, path).map_err(file_error("create", path))?;
    sync_folder_of(path).map_err(|error| file_error("create", path)(io::Error::other(error)))
}

/// Brings a database to the version that the migrations lead to, wholly or not at all.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<(), StoreError> {
    let failed = database_error("migrate", path);
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let found = inspect::schema_version(&transaction).map_err(&failed)?;
    let known = migrations.len() as u64;
    let Some(due) = usize::try_from(found).ok().and_then(|done| migrations.get(done..)) else {
        return Err(StoreError::NewerSchema { path: path.to_owned(), found, known });
    };
    if due.is_empty() {
        return Ok(());
    }
    for migration in due {
        transaction.execute_batch(migration).map_err(&failed)?;
    }
    transaction
        .execute("UPDATE meta SET value = ?1 WHERE key = 'schema_version'", [migrations.len() as i64])
        .and_then(|_updated| transaction.commit())
        .map_err(&failed)?;
    tracing::info!(database = %path.display(), from = found, to = known, "the database's schema was brought up to date");
    Ok(())
}

/// The path of a file whose name is `path`'s with a suffix.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(super) fn file_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { doing, path, source: Arc::new(source) }
}

fn remove_leftover(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error("remove", path)(error)),
        _ => Ok(()),
    }
}
