//! A disk that takes no more: what is refused is refused together, nothing of it comes back, and everything goes on
//! once there is room.
//!
//! The disk is one that ends where a limit on the size of files says (RLIMIT_FSIZE). The limit holds for a
//! whole process, so the store runs in one of its own: this test program once more, started so that the signal that
//! comes with the limit is ignored and the write fails instead.

use std::path::Path;
use std::process::Command;

use causeway_store::{Commit, DataFolder, Image, Row, SqliteStore, Store, StoreError, Ticket, Write};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

const FOLDER: &str = "CAUSEWAY_FULL_DISK_FOLDER";

fn numbered(account: &str, number: u64) -> Commit {
    let write =
        Write { kind: "k".into(), id: "1".into(), value: Some(vec![b'0' + (number % 10) as u8; 3_000]) };
    Commit { account: account.into(), expected_revision: number, writes: vec![write] }
}

fn image_at(account: &str, revision: u64) -> Image {
    let last = numbered(account, revision - 1).writes.remove(0);
    let row = Row { kind: last.kind, id: last.id, value: last.value.expect("it is a put") };
    Image { account: account.into(), revision, rows: vec![row] }
}

/// Ends the disk so many bytes after the end of a file.
fn fill_disk(file: &Path, bytes_left: u64) {
    let (_soft, hard) = getrlimit(Resource::RLIMIT_FSIZE).expect("a known resource");
    let length = std::fs::metadata(file).expect("the file is open").len();
    setrlimit(Resource::RLIMIT_FSIZE, length + bytes_left, hard).expect("lowering is allowed");
}

fn make_room() {
    let (_soft, hard) = getrlimit(Resource::RLIMIT_FSIZE).expect("a known resource");
    setrlimit(Resource::RLIMIT_FSIZE, hard, hard).expect("up to the hard limit is allowed");
}

#[test]
fn while_the_disk_is_full_every_commit_is_refused_and_afterwards_all_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "the_server_whose_disk_is_full", "--nocapture"])
        .env(FOLDER, folder.path())
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    let store = SqliteStore::open(&DataFolder::open(folder.path()).unwrap()).unwrap();
    assert_eq!(store.load().unwrap(), [image_at("a", 6), image_at("b", 3)]);
}

/// Not a test of its own: what the one above runs.
#[test]
fn the_server_whose_disk_is_full() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let data = DataFolder::open(&folder).unwrap();
    let store = SqliteStore::open(&data).unwrap();
    for number in 0..3 {
        store.submit(numbered("a", number)).wait().unwrap();
        store.submit(numbered("b", number)).wait().unwrap();
    }
    let stored = [image_at("a", 3), image_at("b", 3)];

    // Room for some pages of a commit and not for all of them.
    fill_disk(&Path::new(&folder).join("causeway.db-wal"), 6_000);
    for _attempt in 0..3 {
        let tickets = [3, 4, 5, 6].map(|number| store.submit(numbered("a", number)));
        let outcomes = tickets.map(Ticket::wait);
        let error = outcomes[0].as_ref().unwrap_err();
        assert!(error.to_string().starts_with("cannot commit to "), "{error}");
        // The others were in the same batch, or were planned on a revision that never was.
        for outcome in &outcomes {
            let error = outcome.as_ref().unwrap_err();
            assert!(
                matches!(error, StoreError::Database { .. } | StoreError::Conflict { found: 3, .. }),
                "{error}"
            );
        }
        assert_eq!(store.load().unwrap(), stored, "what was refused can be seen");
    }

    make_room();
    assert_eq!(store.submit(numbered("a", 3)).wait().unwrap(), 4);
    assert_eq!(store.submit(numbered("a", 4)).wait().unwrap(), 5);
    assert_eq!(store.submit(numbered("a", 5)).wait().unwrap(), 6);
}
