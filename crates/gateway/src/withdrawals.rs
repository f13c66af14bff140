//! The connections whose Linux routes are withdrawn because no tunnel passes the health check. The negotiating thread, which
//! knows, says so here; the reconciler, which writes routes, looks here.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_control::ids::VpnConnectionId;

/// What both threads share.
#[derive(Debug, Default)]
pub struct Withdrawals {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    withdrawn: BTreeSet<VpnConnectionId>,
    changed: BTreeSet<VpnConnectionId>,
}

impl Withdrawals {
    /// Says whether a connection's routes are withdrawn; true if that is news, so that somebody has to look.
    pub fn set(&self, id: &VpnConnectionId, is_withdrawn: bool) -> bool {
        let mut known = self.lock();
        let is_news = match is_withdrawn {
            true => known.withdrawn.insert(id.clone()),
            false => known.withdrawn.remove(id),
        };
        if is_news {
            known.changed.insert(id.clone());
        }
        is_news
    }

    /// Whether a connection's routes are withdrawn.
    pub fn has(&self, id: &VpnConnectionId) -> bool {
        self.lock().withdrawn.contains(id)
    }

    /// The connections of which it has changed since this was last asked.
    pub fn take_changed(&self) -> BTreeSet<VpnConnectionId> {
        std::mem::take(&mut self.lock().changed)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Withdrawals;

    #[test]
    fn only_news_have_to_be_looked_at() {
        let (withdrawals, id) = (Withdrawals::default(), "vco-a".parse().unwrap());
        assert!(!withdrawals.set(&id, false), "nothing was withdrawn");
        assert!(withdrawals.set(&id, true) && !withdrawals.set(&id, true));
        assert!(withdrawals.has(&id));
        assert_eq!(withdrawals.take_changed().len(), 1);
        assert!(withdrawals.take_changed().is_empty());
    }
}
