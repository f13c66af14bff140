//! What the gateway is shown: the durable connections of all accounts, and in which order they last changed.
//!
//! The gateway asks after every change; with 10,000 connections it must not have to look at each of them. So the newest changes
//! are remembered by number, and only who asks for something older is shown everything.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_control::desired::Listing;
use causeway_control::ids::{AccountId, VpnConnectionId};

/// How many of the newest changes are remembered.
const RECENT_MAX: usize = 16_384;

/// The durable connections that are in a forwarding domain.
#[derive(Default)]
pub struct Shown {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    connections: BTreeMap<VpnConnectionId, Entry>,
    /// The connections of the newest changes; the last one has the number `changes`.
    recent: VecDeque<VpnConnectionId>,
    changes: u64,
    /// The revision at which connections among the newest changes were removed.
    removed: BTreeMap<VpnConnectionId, u64>,
}

struct Entry {
    account: AccountId,
    generation: u64,
}

impl Shown {
    /// Shows what is durable of an account now, in place of what was shown of it.
    pub fn replace(&self, account: &AccountId, generations: Vec<(VpnConnectionId, u64)>) {
        let mut inner = self.lock();
        inner.connections.retain(|_, entry| entry.account != *account);
        for (id, generation) in generations {
            inner.connections.insert(id, Entry { account: account.clone(), generation });
        }
        // Whoever asks next is shown everything.
        inner.recent.clear();
        inner.removed.clear();
        inner.changes += 1;
    }

    /// Shows changes of an account that have become durable with a revision of it. They come in any order: the newest stays.
    pub fn changed(&self, account: &AccountId, revision: u64, touched: Vec<(VpnConnectionId, Option<u64>)>) {
        if touched.is_empty() {
            return;
        }
        let mut inner = self.lock();
        for (id, generation) in touched {
            match generation {
                Some(generation) if inner.removed.get(&id).is_some_and(|at| *at > generation) => continue,
                Some(generation) => {
                    inner.removed.remove(&id);
                    let shown = || Entry { account: account.clone(), generation };
                    let entry = inner.connections.entry(id.clone()).or_insert_with(shown);
                    entry.generation = entry.generation.max(generation);
                }
                None if inner.connections.get(&id).is_some_and(|it| it.generation > revision) => continue,
                None => {
                    inner.connections.remove(&id);
                    inner.removed.insert(id.clone(), revision);
                }
            }
            inner.note(id);
        }
    }

    /// What may be different since a mark.
    pub fn listing(&self, since: Option<u64>) -> Listing {
        let inner = self.lock();
        let missed = since.and_then(|since| inner.changes.checked_sub(since)).map(usize::try_from);
        let mark = inner.changes;
        match missed {
            Some(Ok(missed)) if missed <= inner.recent.len() => {
                let ids: BTreeSet<_> = inner.recent.range(inner.recent.len() - missed..).collect();
                let generation =
                    |id: &VpnConnectionId| inner.connections.get(id).map(|entry| entry.generation);
                let generations = ids.into_iter().map(|id| (id.clone(), generation(id))).collect();
                Listing { mark, is_complete: false, generations }
            }
            _ => {
                let all = inner.connections.iter();
                let generations = all.map(|(id, entry)| (id.clone(), Some(entry.generation))).collect();
                Listing { mark, is_complete: true, generations }
            }
        }
    }

    /// Whose a connection is.
    pub fn account_of(&self, id: &VpnConnectionId) -> Option<AccountId> {
        self.lock().connections.get(id).map(|entry| entry.account.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn note(&mut self, id: VpnConnectionId) {
        if self.recent.len() == RECENT_MAX
            && let Some(oldest) = self.recent.pop_front()
        {
            self.removed.remove(&oldest);
        }
        self.recent.push_back(id);
        self.changes += 1;
    }
}

#[cfg(test)]
mod tests {
    use causeway_control::ids::{AccountId, VpnConnectionId};

    use super::{RECENT_MAX, Shown};

    fn account() -> AccountId {
        "1234567890123456".parse().unwrap()
    }

    fn id(number: usize) -> VpnConnectionId {
        format!("vco-{number}").parse().unwrap()
    }

    #[test]
    fn who_asks_again_is_shown_what_changed_since() {
        let shown = Shown::default();
        shown.replace(&account(), vec![(id(1), 1), (id(2), 2)]);
        let first = shown.listing(None);
        assert!(first.is_complete);
        assert_eq!(first.generations, [(id(1), Some(1)), (id(2), Some(2))]);
        assert_eq!(shown.listing(Some(first.mark)).generations, []);
        shown.changed(&account(), 3, vec![(id(1), Some(3)), (id(2), None)]);
        shown.changed(&account(), 4, vec![(id(1), Some(4))]);
        let second = shown.listing(Some(first.mark));
        assert!(!second.is_complete);
        assert_eq!(second.generations, [(id(1), Some(4)), (id(2), None)]);
        assert_eq!(shown.account_of(&id(1)), Some(account()));
        assert_eq!(shown.account_of(&id(2)), None);
    }

    #[test]
    fn what_becomes_known_late_does_not_hide_what_is_newer() {
        let shown = Shown::default();
        shown.changed(&account(), 5, vec![(id(1), Some(5)), (id(2), None)]);
        shown.changed(&account(), 4, vec![(id(1), Some(4)), (id(2), Some(4))]);
        assert_eq!(shown.listing(None).generations, [(id(1), Some(5))]);
        shown.changed(&account(), 7, vec![(id(2), Some(7))]);
        shown.changed(&account(), 6, vec![(id(2), None)]);
        assert_eq!(shown.listing(None).generations, [(id(1), Some(5)), (id(2), Some(7))]);
    }

    #[test]
    fn who_missed_more_than_is_remembered_is_shown_everything() {
        let shown = Shown::default();
        let mark = shown.listing(None).mark;
        for number in 0..=RECENT_MAX {
            shown.changed(&account(), 1, vec![(id(number), Some(1))]);
        }
        assert!(shown.listing(Some(mark)).is_complete);
        assert!(!shown.listing(Some(mark + 1)).is_complete);
        let mark = shown.listing(None).mark;
        shown.replace(&account(), Vec::new());
        let listing = shown.listing(Some(mark));
        assert!(listing.is_complete && listing.generations.is_empty());
    }
}
