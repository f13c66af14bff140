//! What requests changed, as far as it is remembered.

use crate::ids::RequestId;
use crate::recorded_change::RecordedChange;
use crate::state::AccountState;

impl AccountState {
    /// What a request changed.
    pub fn recorded_change(&self, request: &RequestId) -> Option<&RecordedChange> {
        self.recorded_changes.get(self.requests.get(request)?)
    }

    /// What requests changed, the oldest first.
    pub fn recorded_changes(&self) -> impl DoubleEndedIterator<Item = &RecordedChange> {
        self.recorded_changes.values()
    }

    /// What requests changed before a revision, the oldest first.
    pub fn recorded_changes_before(&self, revision: u64) -> impl DoubleEndedIterator<Item = &RecordedChange> {
        self.recorded_changes.range(..revision).map(|(_, change)| change)
    }

    /// Of how many requests it is known what they changed.
    pub fn recorded_change_count(&self) -> usize {
        self.recorded_changes.len()
    }

    /// How many bytes that takes, about.
    pub fn recorded_bytes(&self) -> usize {
        self.recorded_bytes
    }
}
