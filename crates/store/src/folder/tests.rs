//! Each reason to refuse a data folder, and that nothing is touched then.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{DataFolder, FileSystem, FolderError};
use crate::{SqliteStore, StoreError};

/// Everything in a folder: name, contents and modification time.
fn contents(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, i64, i64)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let metadata = fs::metadata(&path).unwrap();
            (path.clone(), (fs::read(&path).unwrap(), metadata.mtime(), metadata.mtime_nsec()))
        })
        .collect()
}

/// Opens a folder that has to be refused, and checks that it is as it was.
fn refused(path: &Path) -> FolderError {
    let before = contents(path);
    let error = DataFolder::open(path).unwrap_err();
    assert_eq!(contents(path), before, "something was touched");
    assert!(!error.to_string().contains('\n'), "more than one line: {error}");
    error
}

/// A folder that has been used and closed.
fn used_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::open(folder.path()).unwrap();
    SqliteStore::open(&data).unwrap().unlock_vault().unwrap();
    folder
}

/// Makes a database as a later version would leave it; what changed stays in the log until the connection is dropped.
fn raise_schema_version(folder: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(folder.join("causeway.db")).unwrap();
    connection.execute("UPDATE meta SET value = 999 WHERE key = 'schema_version'", []).unwrap();
    connection
}

#[test]
fn a_folder_that_does_not_exist_is_created_for_its_owner_only() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("var/causeway");
    let folder = DataFolder::open(&path).unwrap();
    assert_eq!(folder.path(), path);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o700);
}

#[test]
fn all_files_in_the_folder_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::open(folder.path()).unwrap();
    let store = SqliteStore::open(&data).unwrap();
    store.unlock_vault().unwrap();
    let names: Vec<_> = contents(folder.path()).into_keys().collect();
    assert!(names.len() >= 4, "{names:?}");
    for path in names {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn a_file_in_place_of_the_folder_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    fs::write(&path, "a file").unwrap();
    for path in [path.clone(), path.join("below")] {
        let error = DataFolder::open(&path).unwrap_err();
        assert!(matches!(error, FolderError::NotAFolder { .. }), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), b"a file");
}

#[test]
fn a_network_file_system_is_refused_whether_the_folder_exists_or_not() {
    let parent = tempfile::tempdir().unwrap();
    for path in [parent.path().to_owned(), parent.path().join("data")] {
        let error = DataFolder::open_on(&path, &|_existing| Ok(FileSystem::Network("NFS"))).unwrap_err();
        assert!(matches!(error, FolderError::Network { name: "NFS", .. }), "{error}");
        assert!(error.to_string().ends_with("put it on a local disk"), "{error}");
    }
    assert!(contents(parent.path()).is_empty(), "something was made");
}

#[test]
fn the_file_system_of_the_parent_counts_for_a_folder_that_does_not_exist() {
    let parent = tempfile::tempdir().unwrap();
    let asked = std::cell::RefCell::new(Vec::new());
    let remember = |path: &Path| {
        asked.borrow_mut().push(path.to_owned());
        Ok(FileSystem::Local)
    };
    DataFolder::open_on(&parent.path().join("a/b"), &remember).unwrap();
    assert_eq!(*asked.borrow(), [parent.path()]);
}

#[test]
fn a_folder_in_use_names_the_process_that_holds_it() {
    let folder = used_folder();
    let held = DataFolder::open(folder.path()).unwrap();
    let error = refused(folder.path());
    assert!(
        matches!(error, FolderError::InUse { pid: Some(pid), .. } if pid == std::process::id()),
        "{error}"
    );
    let copy = held.clone();
    drop(held);
    refused(folder.path());
    drop(copy);
    DataFolder::open(folder.path()).unwrap();
}

#[test]
fn the_store_keeps_the_folder_locked_until_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::open(folder.path()).unwrap();
    let store = SqliteStore::open(&data).unwrap();
    drop(data);
    assert!(matches!(DataFolder::open(folder.path()), Err(FolderError::InUse { .. })));
    drop(store);
    DataFolder::open(folder.path()).unwrap();
}

#[test]
fn a_key_file_that_others_may_read_is_refused_with_the_command_that_helps() {
    let folder = used_folder();
    fs::set_permissions(folder.path().join("causeway.key"), Permissions::from_mode(0o640)).unwrap();
    let text = refused(folder.path()).to_string();
    assert!(text.contains("chmod 600") && text.contains("0640"), "{text}");
}

#[test]
fn a_newer_schema_is_refused_and_not_one_byte_changes() {
    let folder = used_folder();
    drop(raise_schema_version(folder.path()));
    let error = refused(folder.path());
    assert!(matches!(error, FolderError::Database(StoreError::NewerSchema { found: 999, .. })), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("causeway.db has schema version 999, and this version of Causeway knows"),
        "{text}"
    );
    // Nor is a lock file made where there was none, as in a folder restored from a backup.
    fs::remove_file(folder.path().join("causeway.lock")).unwrap();
    refused(folder.path());
}

#[test]
fn a_newer_schema_that_is_still_in_the_log_of_a_crashed_server_is_refused_as_well() {
    let folder = used_folder();
    let crashed = tempfile::tempdir().unwrap();
    let open = raise_schema_version(folder.path());
    for name in ["causeway.db", "causeway.db-wal", "causeway.lock"] {
        fs::copy(folder.path().join(name), crashed.path().join(name)).unwrap();
    }
    drop(open);
    assert!(fs::metadata(crashed.path().join("causeway.db-wal")).unwrap().len() > 0);
    let error = refused(crashed.path());
    assert!(matches!(error, FolderError::Database(StoreError::NewerSchema { found: 999, .. })), "{error}");
}

#[test]
fn somebody_who_looks_at_the_database_of_a_crashed_server_does_not_keep_it_from_starting() {
    let folder = used_folder();
    let crashed = tempfile::tempdir().unwrap();
    let open = rusqlite::Connection::open(folder.path().join("causeway.db")).unwrap();
    open.execute("INSERT INTO meta VALUES ('note', 'in the log')", []).unwrap();
    for name in ["causeway.db", "causeway.db-wal", "causeway.key"] {
        fs::copy(folder.path().join(name), crashed.path().join(name)).unwrap();
    }
    let onlooker = rusqlite::Connection::open(crashed.path().join("causeway.db")).unwrap();
    let note = "SELECT value FROM meta WHERE key = 'note'";
    assert_eq!(onlooker.query_row(note, [], |row| row.get::<_, String>(0)).unwrap(), "in the log");
    let data = DataFolder::open(crashed.path()).unwrap();
    SqliteStore::open(&data).unwrap();
    let _still_there = onlooker;
}

#[test]
fn a_file_that_is_not_our_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("causeway.db");
    for text in ["", "short", &"not a database ".repeat(100)] {
        fs::write(&path, text).unwrap();
        let error = refused(folder.path());
        assert!(matches!(error, FolderError::Database(StoreError::NotOurs { .. })), "{error}");
    }
    fs::remove_file(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE meta (key TEXT, value TEXT)").unwrap();
    drop(other);
    let text = refused(folder.path()).to_string();
    assert!(text.contains("it is the SQLite database of another program"), "{text}");
}

#[test]
fn a_log_without_its_database_is_refused() {
    let folder = used_folder();
    fs::write(folder.path().join("causeway.db-wal"), "changes").unwrap();
    fs::remove_file(folder.path().join("causeway.db")).unwrap();
    let error = refused(folder.path());
    assert!(matches!(error, FolderError::Database(StoreError::Incomplete { .. })), "{error}");
}

#[test]
fn a_folder_that_is_not_writable_is_refused() {
    let folder = used_folder();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
    let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
    let text = if is_root {
        let before = contents(folder.path());
        let text = refusal_as_nobody(folder.path());
        assert_eq!(contents(folder.path()), before, "something was touched");
        text
    } else {
        refused(folder.path()).to_string()
    };
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    assert!(text.contains("is not writable: "), "{text}");
}

const REFUSE: &str = "CAUSEWAY_TEST_REFUSE";

/// Root may write everywhere, so this runs [`the_refusal_of_another_user`] as somebody else.
fn refusal_as_nobody(path: &Path) -> String {
    const NOBODY: u32 = 65_534;
    // A copy, because nobody may not go where the test was built.
    let room = tempfile::tempdir().unwrap();
    fs::set_permissions(room.path(), Permissions::from_mode(0o755)).unwrap();
    let program = room.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let output = Command::new(&program)
        .args(["--exact", "folder::tests::the_refusal_of_another_user", "--nocapture"])
        .env(REFUSE, path)
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    String::from_utf8(output.stderr).unwrap()
}

/// Not a test of its own: what [`refusal_as_nobody`] runs.
#[test]
fn the_refusal_of_another_user() {
    if let Some(path) = std::env::var_os(REFUSE) {
        eprintln!("{}", DataFolder::open(path).unwrap_err());
    }
}
