//! Commits that wait together, and submitters beside each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{Place, commit, conflict, delete, done, holds, image, load, put, row};
use crate::{Store, StoreError, Ticket};

pub(super) fn commits_rely_on_each_other_before_they_are_durable(place: &dyn Place) {
    let store = place.open();
    let tickets: Vec<Ticket> = (0..500_u64)
        .map(|revision| {
            let writes = [put("k", &revision.to_string(), "new"), delete("k", &(revision / 2).to_string())];
            store.submit(commit("a", revision, writes))
        })
        .collect();
    for (revision, ticket) in (1..).zip(tickets) {
        assert_eq!(ticket.wait().expect("each relies on the one before"), revision);
    }
    let mut left: Vec<_> = (250..500).map(|number: u64| row("k", &number.to_string(), "new")).collect();
    left.sort_by(|one, other| one.id.cmp(&other.id));
    holds(place, store, &[image("a", 500, left)]);
}

pub(super) fn what_was_queued_on_a_commit_that_failed_fails_too(place: &dyn Place) {
    let store = place.open();
    let submit = |expected| store.submit(commit("a", expected, [put("k", &expected.to_string(), "")]));
    // The second is planned on a revision that never was, and the ones after it on the second.
    let tickets = [submit(0), submit(5), submit(6), submit(7), submit(1), submit(8)];
    let outcomes = tickets.map(Ticket::wait);
    let [first, second, third, fourth, fifth, sixth] = outcomes;
    assert_eq!(first.expect("planned on revision 0"), 1);
    assert_eq!(conflict(second), (5, 1));
    assert_eq!(conflict(third), (6, 1));
    assert_eq!(conflict(fourth), (7, 1));
    assert_eq!(fifth.expect("planned anew on revision 1"), 2);
    assert_eq!(conflict(sixth), (8, 2));
    holds(place, store, &[image("a", 2, [row("k", "0", ""), row("k", "1", "")])]);
}

pub(super) fn a_conflict_fails_alone_among_those_queued_with_it(place: &dyn Place) {
    let store = place.open();
    let accounts: Vec<_> = (0..100).map(|number| format!("{number:02}")).collect();
    let submit = |(number, account): (u64, &String)| {
        // Every third is wrong.
        store.submit(commit(
            account,
            u64::from(number.is_multiple_of(3)),
            [put("k", "1", account.as_bytes())],
        ))
    };
    let tickets: Vec<_> = (0..).zip(&accounts).map(submit).collect();
    for (number, ticket) in (0_u64..).zip(tickets) {
        match ticket.wait() {
            Ok(revision) => assert!(revision == 1 && !number.is_multiple_of(3)),
            outcome => assert!(conflict(outcome) == (1, 0) && number.is_multiple_of(3)),
        }
    }
    let right = (0_u64..).zip(&accounts).filter(|(number, _account)| !number.is_multiple_of(3));
    let expected: Vec<_> =
        right.map(|(_number, account)| image(account, 1, [row("k", "1", account.as_bytes())])).collect();
    holds(place, store, &expected);
}

pub(super) fn what_was_acknowledged_is_in_the_next_load(place: &dyn Place) {
    let store = place.open();
    for revision in 0..50_u64 {
        done(&*store, commit("a", revision, [put("k", "1", revision.to_string())]));
        assert_eq!(load(&*store), [image("a", revision + 1, [row("k", "1", revision.to_string())])]);
    }
}

pub(super) fn a_load_shows_every_account_at_some_revision_wholly(place: &dyn Place) {
    let store = place.open();
    let written = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let tickets: Vec<_> = (0..2_000_u64).map(|revision| store.submit(numbered(revision))).collect();
            for ticket in tickets {
                ticket.wait().expect("each relies on the one before");
            }
            written.store(true, Ordering::Release);
        });
        let mut revision_before = 0;
        while !written.load(Ordering::Acquire) {
            let Some(image) = load(&*store).pop() else { continue };
            assert!(image.revision >= revision_before, "went back");
            revision_before = image.revision;
            let number = (image.revision - 1).to_string();
            assert_eq!(image.rows, [row("k", "1", number.clone()), row("k", "2", number)]);
        }
    });
}

/// Two rows that say which commit wrote them.
fn numbered(revision: u64) -> crate::Commit {
    commit("a", revision, [put("k", "1", revision.to_string()), put("k", "2", revision.to_string())])
}

pub(super) fn a_dropped_ticket_is_carried_out(place: &dyn Place) {
    let store = place.open();
    drop(store.submit(commit("a", 0, [put("k", "1", "one")])));
    done(&*store, commit("a", 1, []));
    holds(place, store, &[image("a", 2, [row("k", "1", "one")])]);
}

pub(super) fn what_is_queued_when_the_store_is_closed_is_carried_out(place: &dyn Place) {
    let store = place.open();
    let tickets: Vec<_> = (0..300).map(|revision| store.submit(numbered(revision))).collect();
    drop(store);
    for (revision, ticket) in (1..).zip(tickets) {
        assert_eq!(ticket.wait().expect("was queued before the store was closed"), revision);
    }
    let last = [row("k", "1", "299"), row("k", "2", "299")];
    assert_eq!(load(&*place.open()), [image("a", 300, last)]);
}

pub(super) fn of_many_who_write_one_account_nobody_loses_an_update(place: &dyn Place) {
    const SUBMITTERS: u64 = 4;
    const COUNT: u64 = 25;
    let store = place.open();
    thread::scope(|scope| {
        for submitter in 0..SUBMITTERS {
            let store = &*store;
            scope.spawn(move || {
                let mut revision = 0;
                for number in 0..COUNT {
                    revision = insist(store, revision, &format!("{submitter}-{number:02}"));
                }
            });
        }
    });
    let ids = (0..SUBMITTERS)
        .flat_map(|submitter| (0..COUNT).map(move |number| format!("{submitter}-{number:02}")));
    let rows: Vec<_> = ids.map(|id| row("k", &id, "")).collect();
    holds(place, store, &[image("a", SUBMITTERS * COUNT, rows)]);
}

/// Tries until it has won, and returns the revision then.
fn insist(store: &dyn Store, mut revision: u64, id: &str) -> u64 {
    loop {
        match store.submit(commit("a", revision, [put("k", id, "")])).wait() {
            Ok(new) => return new,
            Err(StoreError::Conflict { found, .. }) => revision = found,
            Err(other) => unreachable!("neither stored nor a conflict: {other}"),
        }
    }
}

pub(super) fn many_who_write_their_own_accounts_do_not_disturb_each_other(place: &dyn Place) {
    const COUNT: u64 = 50;
    let store = place.open();
    let accounts = ["a", "b", "c", "d", "e", "f", "g", "h"];
    thread::scope(|scope| {
        for account in accounts {
            let store = &*store;
            scope.spawn(move || {
                for revision in 0..COUNT {
                    done(store, commit(account, revision, [put("k", account, revision.to_string())]));
                }
            });
        }
    });
    let last = (COUNT - 1).to_string();
    let expected = accounts.map(|account| image(account, COUNT, [row("k", account, last.clone())]));
    holds(place, store, &expected);
}
