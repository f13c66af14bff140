//! What every store has to do, as one suite that runs on each of them.
//!
//! ```no_run
//! use causeway_store::{MemoryStore, Store, conformance};
//! use std::sync::Arc;
//!
//! struct Memory(Arc<MemoryStore>);
//!
//! impl conformance::Place for Memory {
//!     fn open(&self) -> Box<dyn Store> {
//!         Box::new(Arc::clone(&self.0))
//!     }
//! }
//!
//! for rule in conformance::RULES {
//!     println!("{}", rule.name);
//!     (rule.check)(&Memory(Arc::default()));
//! }
//! ```

mod concurrency;
mod model;
mod rules;

use crate::{Commit, Image, Row, Store, StoreError, Write};

/// Where a store keeps its rows: opening it again, once the store before was dropped, finds them again.
pub trait Place {
    /// Opens the store.
    fn open(&self) -> Box<dyn Store>;
}

/// One thing that every store does. The check panics if this one does not.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// What it does, as a sentence.
    pub name: &'static str,
    /// Runs on a new and empty place.
    pub check: fn(&dyn Place),
}

/// Names a rule after its function.
macro_rules! rules {
    ($($module:ident::$name:ident),* $(,)?) => {
        &[$(Rule { name: stringify!($name), check: $module::$name }),*]
    };
}

/// All rules.
pub const RULES: &[Rule] = rules![
    rules::a_new_store_is_empty,
    rules::a_commit_is_still_there_when_the_store_is_opened_again,
    rules::a_put_replaces_and_a_delete_removes,
    rules::deleting_what_does_not_exist_is_no_error,
    rules::of_two_writes_of_one_row_the_later_counts,
    rules::a_commit_without_writes_raises_the_revision,
    rules::an_account_without_rows_keeps_its_revision,
    rules::accounts_do_not_share_rows_or_revisions,
    rules::images_and_rows_are_ordered_bytewise,
    rules::any_bytes_are_kept_as_they_are,
    rules::large_values_and_many_writes_are_kept,
    rules::what_is_too_large_is_refused_and_nothing_else,
    rules::many_accounts_are_kept,
    rules::a_wrong_revision_is_a_conflict_and_changes_nothing,
    concurrency::commits_rely_on_each_other_before_they_are_durable,
    concurrency::what_was_queued_on_a_commit_that_failed_fails_too,
    concurrency::a_conflict_fails_alone_among_those_queued_with_it,
    concurrency::what_was_acknowledged_is_in_the_next_load,
    concurrency::a_load_shows_every_account_at_some_revision_wholly,
    concurrency::a_dropped_ticket_is_carried_out,
    concurrency::what_is_queued_when_the_store_is_closed_is_carried_out,
    concurrency::of_many_who_write_one_account_nobody_loses_an_update,
    concurrency::many_who_write_their_own_accounts_do_not_disturb_each_other,
    model::any_history_ends_as_the_model_does,
];

fn put(kind: &str, id: &str, value: impl Into<Vec<u8>>) -> Write {
    Write { kind: kind.to_owned(), id: id.to_owned(), value: Some(value.into()) }
}

fn delete(kind: &str, id: &str) -> Write {
    Write { kind: kind.to_owned(), id: id.to_owned(), value: None }
}

fn commit(account: &str, expected_revision: u64, writes: impl Into<Vec<Write>>) -> Commit {
    Commit { account: account.to_owned(), expected_revision, writes: writes.into() }
}

fn row(kind: &str, id: &str, value: impl Into<Vec<u8>>) -> Row {
    Row { kind: kind.to_owned(), id: id.to_owned(), value: value.into() }
}

fn image(account: &str, revision: u64, rows: impl Into<Vec<Row>>) -> Image {
    Image { account: account.to_owned(), revision, rows: rows.into() }
}

/// Everything that is stored.
fn load(store: &dyn Store) -> Vec<Image> {
    store.load().expect("a store in order can be loaded")
}

/// Submits a commit that has to succeed and waits for it.
fn done(store: &dyn Store, commit: Commit) {
    let revision = commit.expected_revision + 1;
    let outcome = store.submit(commit).wait();
    assert_eq!(outcome.expect("a commit on the right revision succeeds"), revision);
}

/// The two revisions of an outcome that has to be a conflict: expected and found.
fn conflict(outcome: Result<u64, StoreError>) -> (u64, u64) {
    match outcome {
        Err(StoreError::Conflict { expected, found }) => (expected, found),
        other => unreachable!("not a conflict: {other:?}"),
    }
}

/// Checks what is stored, now and after the store is opened again.
fn holds(place: &dyn Place, store: Box<dyn Store>, expected: &[Image]) {
    assert_eq!(load(&*store), expected, "before closing");
    drop(store);
    assert_eq!(load(&*place.open()), expected, "after opening again");
}
