//! Looks at a database without touching it: no lock, no log and no index file appears beside it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::database_error;
use super::schema::{APPLICATION_ID, MIGRATIONS, beside, file_error};
use crate::StoreError;

/// Says whether there is a database, and refuses one that is of a newer version or somebody else's.
pub(crate) fn check(path: &Path) -> Result<bool, StoreError> {
    let log_bytes = size_bytes(&beside(path, "-wal"))?;
    if size_bytes(path)?.is_none() {
        // SQLite would take the log of the lost database for that of the new one.
        return match log_bytes {
            Some(1..) => Err(StoreError::Incomplete { path: path.to_owned() }),
            _ => Ok(false),
        };
    }
    check_header(path)?;
    let found = schema_version_untouched(path, log_bytes.unwrap_or(0) > 0)
        .map_err(database_error("read the schema version of", path))?;
    let known = MIGRATIONS.len() as u64;
    if found > known {
        return Err(StoreError::NewerSchema { path: path.to_owned(), found, known });
    }
    Ok(true)
}

/// The schema version that a database says it has.
pub(super) fn schema_version(connection: &Connection) -> rusqlite::Result<u64> {
    // CAST, because a person with sqlite3 at hand writes '2' as easily as 2.
    let query = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'schema_version'";
    let version: i64 = connection.query_row(query, [], |row| row.get(0))?;
    u64::try_from(version).map_err(|_negative| rusqlite::Error::IntegralValueOutOfRange(0, version))
}

/// Compares the file's header with ours (<https://www.sqlite.org/fileformat.html>, section 1.3).
fn check_header(path: &Path) -> Result<(), StoreError> {
    let not_ours = |reason: &str| StoreError::NotOurs { path: path.to_owned(), reason: reason.to_owned() };
    let mut header = [0; 100];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(not_ours("it is too short"));
        }
        Err(error) => return Err(file_error("read", path)(error)),
    }
    if &header[..16] != b"SQLite format 3\0" {
        return Err(not_ours("it is not an SQLite database"));
    }
    if header[68..72] != APPLICATION_ID.to_be_bytes() {
        return Err(not_ours("it is the SQLite database of another program"));
    }
    Ok(())
}

/// Reads the schema version of a database that no server has open.
///
/// Without a log the file is opened as immutable. With one, left by a crash, the log has to be read as well: in
/// exclusive mode SQLite keeps the log's index in memory instead of in a file, and it is told neither to
/// copy nor to remove the log.
fn schema_version_untouched(path: &Path, has_log: bool) -> rusqlite::Result<u64> {
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if !has_log {
        let flags = read_only | OpenFlags::SQLITE_OPEN_URI;
        return schema_version(&Connection::open_with_flags(immutable_uri(path), flags)?);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    match schema_version(&connection) {
        // Somebody looks at it with sqlite3, so that the index file is there already.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            schema_version(&Connection::open_with_flags(path, read_only)?)
        }
        version => version,
    }
}

fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*byte))
            }
            other => uri.push_str(&format!("%{other:02x}")),
        }
    }
    uri + "?immutable=1"
}

fn size_bytes(path: &Path) -> Result<Option<u64>, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_error("look at", path)(error)),
    }
}
