//! The rules that every store keeps, on each of ours.

use std::path::PathBuf;
use std::sync::Arc;

use causeway_store::conformance::{Place, RULES};
use causeway_store::{DataFolder, MemoryStore, SqliteStore, Store};

struct Memory(Arc<MemoryStore>);

impl Place for Memory {
    fn open(&self) -> Box<dyn Store> {
        Box::new(Arc::clone(&self.0))
    }
}

struct Sqlite(PathBuf);

impl Place for Sqlite {
    fn open(&self) -> Box<dyn Store> {
        let folder = DataFolder::open(&self.0).expect("the folder is free");
        Box::new(SqliteStore::open(&folder).expect("the database is in order"))
    }
}

#[test]
fn memory_keeps_every_rule() {
    for rule in RULES {
        println!("{}", rule.name);
        (rule.check)(&Memory(Arc::default()));
    }
}

#[test]
fn sqlite_keeps_every_rule() {
    let parent = tempfile::tempdir().unwrap();
    for rule in RULES {
        println!("{}", rule.name);
        (rule.check)(&Sqlite(parent.path().join(rule.name)));
    }
}
