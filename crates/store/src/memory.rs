//! A store that forgets everything when it is dropped, with the same semantics as the durable ones.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Commit, Image, Row, Store, StoreError, Ticket};

/// Keeps everything in memory: for tests, and for servers whose state may vanish.
#[derive(Debug, Default)]
pub struct MemoryStore {
    accounts: Mutex<BTreeMap<String, Account>>,
}

#[derive(Debug, Default)]
struct Account {
    revision: u64,
    rows: BTreeMap<(String, String), Vec<u8>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn accounts(&self) -> MutexGuard<'_, BTreeMap<String, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(&self, commit: Commit) -> Result<u64, StoreError> {
        commit.check_limits()?;
        let mut accounts = self.accounts();
        let found = accounts.get(&commit.account).map_or(0, |account| account.revision);
        if found != commit.expected_revision {
            return Err(StoreError::Conflict { expected: commit.expected_revision, found });
        }
        let account = accounts.entry(commit.account).or_default();
        for write in commit.writes {
            let key = (write.kind, write.id);
            match write.value {
                Some(value) => account.rows.insert(key, value),
                None => account.rows.remove(&key),
            };
        }
        account.revision += 1;
        Ok(account.revision)
    }
}

impl Store for MemoryStore {
    fn load(&self) -> Result<Vec<Image>, StoreError> {
        let accounts = self.accounts();
        let images = accounts.iter().map(|(name, account)| Image {
            account: name.clone(),
            revision: account.revision,
            rows: account
                .rows
                .iter()
                .map(|((kind, id), value)| Row { kind: kind.clone(), id: id.clone(), value: value.clone() })
                .collect(),
        });
        Ok(images.collect())
    }

    fn submit(&self, commit: Commit) -> Ticket {
        Ticket::resolved(self.commit(commit))
    }
}
