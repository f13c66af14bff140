//! The embedded store: SQLite in WAL mode, every commit synced, one writer thread.
//!
//! A sync takes a quarter of a millisecond or more, so the writer takes whatever is queued, writes it in one
//! transaction, syncs once and resolves all tickets (group commit). A second thread copies the log into the database beside
//! it. Everybody else only reads.

mod copier;
pub(crate) mod inspect;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::failpoint::Failpoints;
use crate::queue::{Entry, Queue};
use crate::{Commit, DataFolder, Image, Row, Store, StoreError, Ticket};
use copier::Copier;
use writer::Writer;

/// How long to wait for another program that has the database locked, such as a person with sqlite3.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(2);
/// What the log may keep on disk once its contents are in the database.
const LOG_BYTES_KEPT: i64 = 64 << 20;
/// What the database may keep of its pages in memory: all that a commit touches with 100,000 routes stored.
const CACHE_KIB: i64 = 32 << 10;

/// Keeps everything in `causeway.db` of a data folder.
///
/// Dropping it writes what is queued, which may take a moment, and closes the database.
pub struct SqliteStore {
    queue: Arc<Queue>,
    writer: Option<JoinHandle<()>>,
    reader: Mutex<Connection>,
    // The last field, so that the folder is unlocked when the database is closed.
    folder: DataFolder,
}

impl SqliteStore {
    /// Opens the database of a data folder, or makes a new one; an older one is migrated.
    pub fn open(folder: &DataFolder) -> Result<Self, StoreError> {
        Self::open_with(folder, Failpoints::default())
    }

    /// The same, and `watch` is called on the writer's thread at each step of a commit.
    #[cfg(feature = "testing")]
    pub fn open_watched(
        folder: &DataFolder,
        watch: impl Fn(crate::Failpoint) + Send + 'static,
    ) -> Result<Self, StoreError> {
        Self::open_with(folder, Failpoints::watched_by(watch))
    }

    fn open_with(folder: &DataFolder, failpoints: Failpoints) -> Result<Self, StoreError> {
        let path = folder.database_file();
        if !inspect::check(&path)? {
            schema::create(&path, schema::MIGRATIONS)?;
        }
        let mut connection = connect(&path)?;
        schema::migrate(&mut connection, &path, schema::MIGRATIONS)?;
        let reader = Mutex::new(connect(&path)?);
        let queue = Arc::new(Queue::default());
        let copier = Copier::start(connect(&path)?, &path)?;
        let writer = Writer::new(connection, path.clone(), Arc::clone(&queue), copier, failpoints)
            .map_err(database_error("open", &path))?;
        let writer = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(schema::file_error("start the writer of", &path))?;
        Ok(Self { queue, writer: Some(writer), reader, folder: folder.clone() })
    }

    /// The folder it is in.
    pub(crate) fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// A value that is the store's own and not an account's.
    pub(crate) fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            let query = "SELECT value FROM meta WHERE key = ?1";
            connection.query_row(query, [key], |row| row.get(0)).optional()
        })
    }

    /// Sets such a value, durably.
    pub(crate) fn put_meta(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.read(|connection| {
            let statement = "INSERT INTO meta (key, value) VALUES (?1, ?2)
                             ON CONFLICT (key) DO UPDATE SET value = excluded.value";
            connection.execute(statement, [key, value]).map(drop)
        })
    }

    fn read<T>(&self, query: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        query(&mut reader).map_err(database_error("read", &self.folder.database_file()))
    }
}

impl Store for SqliteStore {
    fn load(&self) -> Result<Vec<Image>, StoreError> {
        self.read(|connection| {
            // One transaction, so that accounts and rows are of the same moment.
            let transaction = connection.transaction()?;
            let mut images = load_accounts(&transaction)?;
            load_rows(&transaction, &mut images)?;
            transaction.commit()?;
            Ok(images)
        })
    }

    fn submit(&self, commit: Commit) -> Ticket {
        let (promise, ticket) = Ticket::promised();
        let queued = commit.check_limits().and_then(|()| self.queue.push(Entry { commit, promise }));
        match queued {
            Ok(()) => ticket,
            Err(error) => Ticket::refused(error),
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the store's writer had stopped before the store was closed");
        }
    }
}

fn load_accounts(connection: &Connection) -> rusqlite::Result<Vec<Image>> {
    let mut statement = connection.prepare_cached("SELECT id, revision FROM account ORDER BY id")?;
    let images = statement.query_map([], |row| {
        Ok(Image { account: row.get(0)?, revision: revision_in(row, 1)?, rows: Vec::new() })
    })?;
    images.collect()
}

/// Distributes all rows over the images; both are ordered by account.
fn load_rows(connection: &Connection, images: &mut [Image]) -> rusqlite::Result<()> {
    let query = "SELECT account, kind, id, value FROM object ORDER BY account, kind, id";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([])?;
    let mut images = images.iter_mut().peekable();
    while let Some(row) = rows.next()? {
        let account = row.get_ref(0)?.as_str()?;
        while images.next_if(|image| image.account.as_str() < account).is_some() {}
        // A row of an account that has no revision was not written by us, and nobody could change it.
        if let Some(image) = images.peek_mut().filter(|image| image.account == account) {
            let value = row.get_ref(3)?.as_bytes()?.to_vec();
            image.rows.push(Row { kind: row.get(1)?, id: row.get(2)?, value });
        }
    }
    Ok(())
}

fn revision_in(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let revision: i64 = row.get(column)?;
    u64::try_from(revision).map_err(|_negative| rusqlite::Error::IntegralValueOutOfRange(column, revision))
}

/// A connection to an existing database, with everything durability depends on set.
fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
        .and_then(|connection| configure(&connection).map(|()| connection))
        .map_err(database_error("open", path))
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(LOCK_WAIT_MAX)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        // SQLite does not call this an error.
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        let text = "the file system has no shared memory maps, which the write-ahead log needs";
        return Err(rusqlite::Error::SqliteFailure(code, Some(text.to_owned())));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // The log is copied when the writer says so, and by whom.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |row| row.get::<_, i64>(0))?;
    connection
        .pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_KEPT, |row| row.get::<_, i64>(0))?;
    Ok(())
}

fn database_error(doing: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Database { doing, path: path.clone(), source: Arc::new(source) }
}
