//! What is particular to SQLite: the schema, its migration, what people see with sqlite3, and how it is opened.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::{connect, schema};
use crate::{Commit, DataFolder, Image, Row, SqliteStore, Store, StoreError, Write};

fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(&DataFolder::open(folder.path()).unwrap()).unwrap()
}

fn route(value: &[u8], expected_revision: u64) -> Commit {
    let write = Write { kind: "VcoRouteEntry".into(), id: "1".into(), value: Some(value.to_vec()) };
    Commit { account: "17".into(), expected_revision, writes: vec![write] }
}

fn ask<T: rusqlite::types::FromSql>(connection: &Connection, query: &str) -> T {
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_person_with_sqlite3_can_read_what_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store.submit(route(br#"{"RouteDest": "10.1.0.0/16"}"#, 0)).wait().unwrap();
    let onlooker = Connection::open(folder.path().join("causeway.db")).unwrap();
    let dest: String =
        ask(&onlooker, "SELECT json_extract(value, '$.RouteDest') FROM object WHERE account = '17'");
    assert_eq!(dest, "10.1.0.0/16");
    assert_eq!(ask::<i64>(&onlooker, "SELECT revision FROM account WHERE id = '17'"), 1);
    assert_eq!(ask::<i64>(&onlooker, "SELECT value FROM meta WHERE key = 'schema_version'"), 1);
    assert_eq!(ask::<String>(&onlooker, "SELECT value FROM meta WHERE key = 'format'"), "causeway");
}

#[test]
fn a_backup_made_while_the_server_runs_can_be_restored() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store.submit(route(b"one", 0)).wait().unwrap();
    let sealed = store.unlock_vault().unwrap().seal(b"secret", "place");
    let restored = tempfile::tempdir().unwrap();
    // VACUUM INTO makes the same consistent copy as the shell's .backup.
    let onlooker = Connection::open(folder.path().join("causeway.db")).unwrap();
    onlooker.execute("VACUUM INTO ?1", [restored.path().join("causeway.db").to_str().unwrap()]).unwrap();
    fs::copy(folder.path().join("causeway.key"), restored.path().join("causeway.key")).unwrap();
    store.submit(route(b"two", 1)).wait().unwrap();
    let copy = open(&restored);
    let rows = vec![Row { kind: "VcoRouteEntry".into(), id: "1".into(), value: b"one".to_vec() }];
    assert_eq!(copy.load().unwrap(), [Image { account: "17".into(), revision: 1, rows }]);
    assert_eq!(*copy.unlock_vault().unwrap().open(&sealed, "place").unwrap(), b"secret");
}

#[test]
fn every_connection_syncs_each_commit() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder);
    let connection = connect(&folder.path().join("causeway.db")).unwrap();
    assert_eq!(ask::<String>(&connection, "PRAGMA journal_mode"), "wal");
    assert_eq!(ask::<i64>(&connection, "PRAGMA synchronous"), 2, "FULL");
    assert_eq!(ask::<i64>(&connection, "PRAGMA wal_autocheckpoint"), 0);
}

#[test]
fn the_log_is_copied_before_it_grows_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for revision in 0..200_u64 {
        // SQLite does not write again what has not changed.
        let value = revision.to_le_bytes().repeat(125_000);
        store.submit(route(&value, revision)).wait().unwrap();
    }
    let log_bytes = fs::metadata(folder.path().join("causeway.db-wal")).unwrap().len();
    assert!(log_bytes < 150 << 20, "200 MB were written, the log has {log_bytes}");
    drop(store);
    assert!(!folder.path().join("causeway.db-wal").exists(), "closing leaves the database alone");
}

/// A later schema, as a test imagines it.
const LATER: &[&str] = &[
    schema::MIGRATIONS[0],
    "ALTER TABLE account ADD COLUMN note TEXT NOT NULL DEFAULT 'migrated'",
    "CREATE TABLE extra (id INTEGER PRIMARY KEY); INSERT INTO extra VALUES (7)",
];

fn old_database(path: &Path) -> Connection {
    schema::create(path, schema::MIGRATIONS).unwrap();
    let connection = connect(path).unwrap();
    connection.execute_batch("INSERT INTO account (id, revision) VALUES ('17', 3)").unwrap();
    connection
}

#[test]
fn an_older_version_is_migrated_step_by_step_and_keeps_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("causeway.db");
    let mut connection = old_database(&path);
    schema::migrate(&mut connection, &path, LATER).unwrap();
    assert_eq!(ask::<String>(&connection, "SELECT id || revision || note FROM account"), "173migrated");
    assert_eq!(ask::<i64>(&connection, "SELECT id FROM extra"), 7);
    assert_eq!(ask::<i64>(&connection, "SELECT value FROM meta WHERE key = 'schema_version'"), 3);
    schema::migrate(&mut connection, &path, LATER).unwrap();
    assert_eq!(ask::<i64>(&connection, "SELECT count(*) FROM extra"), 1, "a step was taken twice");
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("causeway.db");
    let mut connection = old_database(&path);
    let broken = [LATER[0], LATER[1], "CREATE TABLE account (id)"];
    let error = schema::migrate(&mut connection, &path, &broken).unwrap_err();
    assert!(error.to_string().starts_with("cannot migrate "), "{error}");
    assert_eq!(ask::<i64>(&connection, "SELECT value FROM meta WHERE key = 'schema_version'"), 1);
    connection.query_row("SELECT note FROM account", [], |_row| Ok(())).unwrap_err();
}

#[test]
fn a_newer_version_is_refused_by_the_store_itself_too() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::open(folder.path()).unwrap();
    schema::create(&data.database_file(), LATER).unwrap();
    let before = fs::read(data.database_file()).unwrap();
    let error = SqliteStore::open(&data).err().unwrap();
    assert!(matches!(error, StoreError::NewerSchema { found: 3, known: 1, .. }), "{error}");
    assert_eq!(fs::read(data.database_file()).unwrap(), before);
    let mut connection = connect(&data.database_file()).unwrap();
    let error = schema::migrate(&mut connection, &data.database_file(), schema::MIGRATIONS).unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { .. }), "{error}");
}

#[test]
fn what_a_crash_left_while_the_database_was_made_is_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::open(folder.path()).unwrap();
    for suffix in ["", "-wal", "-shm", "-journal"] {
        fs::write(folder.path().join(format!("causeway.db.new{suffix}")), "half").unwrap();
    }
    drop(SqliteStore::open(&data).unwrap());
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["causeway.db", "causeway.lock"]);
}

#[test]
fn a_locked_database_fails_the_commit_with_what_to_do_and_the_next_one_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store.submit(route(b"one", 0)).wait().unwrap();
    let other = Connection::open(folder.path().join("causeway.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.submit(route(b"two", 1)).wait().unwrap_err();
    assert!(error.to_string().ends_with("another program holds the database locked, close it"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.submit(route(b"two", 1)).wait().unwrap(), 2);
}

#[test]
fn a_writer_that_dies_leaves_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::open(folder.path()).unwrap();
    let store = SqliteStore::open_watched(&data, |_point| panic!("on purpose")).unwrap();
    let tickets = [store.submit(route(b"one", 0)), store.submit(route(b"two", 1))];
    for ticket in tickets {
        assert!(matches!(ticket.wait(), Err(StoreError::Stopped)));
    }
    assert!(matches!(store.submit(route(b"three", 0)).wait(), Err(StoreError::Stopped)));
}
