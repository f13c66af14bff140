//! Random histories, compared with a model that is too simple to be wrong.
//!
//! A place is empty only once, so each history has accounts of its own.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use proptest::{collection, prop_assert_eq};

use super::{Place, commit, load};
use crate::{Commit, Image, Row, Store, StoreError, Ticket, Write};

const HISTORIES: u32 = 48;
const STEPS_MAX: usize = 60;

#[derive(Debug, Clone)]
enum Step {
    /// Submits a commit to one of a few accounts, on the revision that is right, moved by an offset.
    Submit { account: u8, offset: i8, writes: Vec<Write> },
    /// Waits for everything and compares.
    Settle,
    /// Closes the store with whatever is queued, opens it again and compares.
    Reopen,
}

pub(super) fn any_history_ends_as_the_model_does(place: &dyn Place) {
    let config = Config { cases: HISTORIES, failure_persistence: None, ..Config::default() };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let number = Cell::new(0);
    let outcome =
        TestRunner::new_with_rng(config, random).run(&collection::vec(step(), 1..STEPS_MAX), |steps| {
            number.set(number.get() + 1);
            History::begin(number.get()).play(place, steps)
        });
    if let Err(failure) = outcome {
        unreachable!("{failure}");
    }
}

fn step() -> impl Strategy<Value = Step> {
    let offset = prop_oneof![8 => Just(0), 1 => Just(1), 1 => Just(-1)];
    let submit = (0..3_u8, offset, collection::vec(write(), 0..6))
        .prop_map(|(account, offset, writes)| Step::Submit { account, offset, writes });
    prop_oneof![20 => submit, 2 => Just(Step::Settle), 1 => Just(Step::Reopen)]
}

fn write() -> impl Strategy<Value = Write> {
    // Few names, so that rows are replaced and deleted; a value now and then that needs many pages.
    let length = prop_oneof![20 => 0..40_usize, 1 => 4_000..20_000_usize];
    let value = (any::<u8>(), length).prop_map(|(byte, length)| vec![byte; length]);
    ("[ab]", "[0-9]", proptest::option::weighted(0.7, value)).prop_map(|(kind, id, value)| Write {
        kind,
        id,
        value,
    })
}

/// By kind and id.
type Rows = BTreeMap<(String, String), Vec<u8>>;

/// What should be stored: each account's revision and rows.
#[derive(Default)]
struct Model {
    accounts: BTreeMap<String, (u64, Rows)>,
}

impl Model {
    fn revision(&self, account: &str) -> u64 {
        self.accounts.get(account).map_or(0, |(revision, _rows)| *revision)
    }

    /// The new revision, or the one that is a conflict.
    fn commit(&mut self, commit: &Commit) -> Result<u64, u64> {
        let found = self.revision(&commit.account);
        if found != commit.expected_revision {
            return Err(found);
        }
        let (revision, rows) = self.accounts.entry(commit.account.clone()).or_default();
        *revision += 1;
        for write in &commit.writes {
            let key = (write.kind.clone(), write.id.clone());
            rows.remove(&key);
            rows.extend(write.value.clone().map(|value| (key, value)));
        }
        Ok(*revision)
    }

    fn images(&self) -> Vec<Image> {
        let image = |(account, (revision, rows)): (&String, &(u64, Rows))| {
            let rows = rows.iter().map(|((kind, id), value)| Row {
                kind: kind.clone(),
                id: id.clone(),
                value: value.clone(),
            });
            Image { account: account.clone(), revision: *revision, rows: rows.collect() }
        };
        self.accounts.iter().map(image).collect()
    }
}

struct History {
    number: u32,
    model: Model,
    waiting: Vec<(Ticket, Result<u64, u64>)>,
}

impl History {
    fn begin(number: u32) -> Self {
        Self { number, model: Model::default(), waiting: Vec::new() }
    }

    fn play(mut self, place: &dyn Place, steps: Vec<Step>) -> Result<(), TestCaseError> {
        let mut store = place.open();
        for step in steps {
            match step {
                Step::Submit { account, offset, writes } => self.submit(&*store, account, offset, writes),
                Step::Settle => self.settle(&*store)?,
                Step::Reopen => {
                    drop(store);
                    store = place.open();
                    self.settle(&*store)?;
                }
            }
        }
        self.settle(&*store)
    }

    fn submit(&mut self, store: &dyn Store, account: u8, offset: i8, writes: Vec<Write>) {
        let account = format!("{:06}-{account}", self.number);
        let expected_revision = self.model.revision(&account).saturating_add_signed(offset.into());
        let commit = commit(&account, expected_revision, writes);
        let expected = self.model.commit(&commit);
        self.waiting.push((store.submit(commit), expected));
    }

    fn settle(&mut self, store: &dyn Store) -> Result<(), TestCaseError> {
        for (ticket, expected) in self.waiting.drain(..) {
            let outcome = ticket.wait().map_err(|error| match error {
                StoreError::Conflict { found, .. } => found,
                other => unreachable!("neither stored nor a conflict: {other}"),
            });
            prop_assert_eq!(outcome, expected);
        }
        let prefix = format!("{:06}-", self.number);
        let ours: Vec<_> =
            load(store).into_iter().filter(|image| image.account.starts_with(&prefix)).collect();
        prop_assert_eq!(ours, self.model.images());
        Ok(())
    }
}
