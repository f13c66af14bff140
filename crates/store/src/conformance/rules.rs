//! One store, one commit after the other.

use super::{Place, commit, conflict, delete, done, holds, image, load, put, row};
use crate::{COMMIT_WRITES_MAX, StoreError, VALUE_BYTES_MAX};

pub(super) fn a_new_store_is_empty(place: &dyn Place) {
    let store = place.open();
    holds(place, store, &[]);
}

pub(super) fn a_commit_is_still_there_when_the_store_is_opened_again(place: &dyn Place) {
    let store = place.open();
    done(&*store, commit("a", 0, [put("route", "1", "one"), put("tunnel", "1", "two")]));
    let expected = [image("a", 1, [row("route", "1", "one"), row("tunnel", "1", "two")])];
    holds(place, store, &expected);
    let store = place.open();
    done(&*store, commit("a", 1, [put("route", "2", "three")]));
    let rows = [row("route", "1", "one"), row("route", "2", "three"), row("tunnel", "1", "two")];
    holds(place, store, &[image("a", 2, rows)]);
}

pub(super) fn a_put_replaces_and_a_delete_removes(place: &dyn Place) {
    let store = place.open();
    done(
        &*store,
        commit("a", 0, [put("route", "1", "old"), put("route", "2", "old"), put("tunnel", "1", "old")]),
    );
    done(&*store, commit("a", 1, [put("route", "1", "new"), delete("route", "2")]));
    holds(place, store, &[image("a", 2, [row("route", "1", "new"), row("tunnel", "1", "old")])]);
}

pub(super) fn deleting_what_does_not_exist_is_no_error(place: &dyn Place) {
    let store = place.open();
    done(&*store, commit("a", 0, [delete("route", "1")]));
    holds(place, store, &[image("a", 1, [])]);
}

pub(super) fn of_two_writes_of_one_row_the_later_counts(place: &dyn Place) {
    let store = place.open();
    let writes = [
        put("route", "1", "first"),
        put("route", "1", "second"),
        put("route", "2", "gone"),
        delete("route", "2"),
        delete("route", "3"),
        put("route", "3", "back"),
    ];
    done(&*store, commit("a", 0, writes));
    holds(place, store, &[image("a", 1, [row("route", "1", "second"), row("route", "3", "back")])]);
}

pub(super) fn a_commit_without_writes_raises_the_revision(place: &dyn Place) {
    let store = place.open();
    done(&*store, commit("a", 0, []));
    done(&*store, commit("a", 1, []));
    holds(place, store, &[image("a", 2, [])]);
}

pub(super) fn an_account_without_rows_keeps_its_revision(place: &dyn Place) {
    let store = place.open();
    done(&*store, commit("a", 0, [put("route", "1", "one")]));
    done(&*store, commit("a", 1, [delete("route", "1")]));
    drop(store);
    let store = place.open();
    assert_eq!(conflict(store.submit(commit("a", 0, [])).wait()), (0, 2));
    holds(place, store, &[image("a", 2, [])]);
}

pub(super) fn accounts_do_not_share_rows_or_revisions(place: &dyn Place) {
    let store = place.open();
    done(&*store, commit("a", 0, [put("route", "1", "of a")]));
    done(&*store, commit("b", 0, [put("route", "1", "of b"), put("route", "2", "of b")]));
    done(&*store, commit("a", 1, [delete("route", "1"), delete("route", "2")]));
    let of_b = [row("route", "1", "of b"), row("route", "2", "of b")];
    holds(place, store, &[image("a", 2, []), image("b", 1, of_b)]);
}

pub(super) fn images_and_rows_are_ordered_bytewise(place: &dyn Place) {
    let store = place.open();
    for account in ["b", "a", "B", "", "ä", "a\0"] {
        done(&*store, commit(account, 0, []));
    }
    done(
        &*store,
        commit("a", 1, [put("b", "1", ""), put("a", "9", ""), put("a", "10", ""), put("A", "z", "")]),
    );
    let rows = [row("A", "z", ""), row("a", "10", ""), row("a", "9", ""), row("b", "1", "")];
    let of_a = image("a", 2, rows);
    let others = |account| image(account, 1, []);
    holds(place, store, &[others(""), others("B"), of_a, others("a\0"), others("b"), others("ä")]);
}

pub(super) fn any_bytes_are_kept_as_they_are(place: &dyn Place) {
    let all_bytes: Vec<u8> = (0..=255).collect();
    let values: [&[u8]; 8] =
        [b"", b"\0", b"text\0text", b"\xff\xfe", b"12", b"1e3", "{\"ü\": 1}".as_bytes(), &all_bytes];
    let names = ["", "'", "\"; DROP TABLE object; --", "%", "a/b", "\0", "ü", "0"];
    let rows: Vec<_> = names.iter().zip(values).map(|(name, value)| (name, value.to_vec())).collect();
    let store = place.open();
    let writes: Vec<_> = rows.iter().map(|(name, value)| put("kind'\0", name, value.clone())).collect();
    done(&*store, commit("'", 0, writes));
    let mut expected: Vec<_> = rows.into_iter().map(|(name, value)| row("kind'\0", name, value)).collect();
    expected.sort_by(|one, other| one.id.cmp(&other.id));
    holds(place, store, &[image("'", 1, expected)]);
}

pub(super) fn large_values_and_many_writes_are_kept(place: &dyn Place) {
    let store = place.open();
    // The limit counts the names as well, one byte each.
    let large = vec![0xa5; VALUE_BYTES_MAX - 2];
    done(&*store, commit("a", 0, [put("k", "0", large.clone())]));
    let ids: Vec<_> = (0..20_000).map(|number| format!("{number:05}")).collect();
    done(&*store, commit("b", 0, ids.iter().map(|id| put("k", id, id.as_bytes())).collect::<Vec<_>>()));
    done(&*store, commit("b", 1, ids[1..].iter().map(|id| delete("k", id)).collect::<Vec<_>>()));
    holds(
        place,
        store,
        &[image("a", 1, [row("k", "0", large)]), image("b", 2, [row("k", "00000", "00000")])],
    );
}

pub(super) fn what_is_too_large_is_refused_and_nothing_else(place: &dyn Place) {
    let store = place.open();
    let too_many = vec![delete("k", "1"); COMMIT_WRITES_MAX + 1];
    let too_long = vec![put("k", "1", vec![0; VALUE_BYTES_MAX])];
    let too_long_together: Vec<_> =
        (0..5).map(|number| put("k", &number.to_string(), vec![0; VALUE_BYTES_MAX - 2])).collect();
    for writes in [too_many, too_long, too_long_together] {
        let outcome = store.submit(commit("a", 0, writes)).wait();
        assert!(matches!(outcome, Err(StoreError::TooLarge { .. })), "{outcome:?}");
    }
    done(&*store, commit("a", 0, [put("k", "1", "small")]));
    holds(place, store, &[image("a", 1, [row("k", "1", "small")])]);
}

pub(super) fn many_accounts_are_kept(place: &dyn Place) {
    let names: Vec<_> = (0..1_000).map(|number| format!("{number:04}")).collect();
    let store = place.open();
    let tickets: Vec<_> = (0..3)
        .flat_map(|revision| names.iter().map(move |name| (revision, name)))
        .map(|(revision, name)| {
            store.submit(commit(name, revision, [put("k", &revision.to_string(), name.as_bytes())]))
        })
        .collect();
    for ticket in tickets {
        ticket.wait().expect("a commit on the right revision succeeds");
    }
    let rows = |name: &str| [row("k", "0", name), row("k", "1", name), row("k", "2", name)];
    let expected: Vec<_> = names.iter().map(|name| image(name, 3, rows(name))).collect();
    holds(place, store, &expected);
}

pub(super) fn a_wrong_revision_is_a_conflict_and_changes_nothing(place: &dyn Place) {
    let store = place.open();
    for wrong in [1, 7, u64::MAX] {
        assert_eq!(conflict(store.submit(commit("a", wrong, [put("k", "1", "no")])).wait()), (wrong, 0));
    }
    assert_eq!(load(&*store), [], "a conflict made an account");
    done(&*store, commit("a", 0, [put("k", "1", "yes")]));
    done(&*store, commit("a", 1, []));
    for wrong in [0, 1, 3, i64::MAX as u64, u64::MAX] {
        let writes = [put("k", "1", "no"), put("k", "2", "no"), delete("k", "1")];
        assert_eq!(conflict(store.submit(commit("a", wrong, writes)).wait()), (wrong, 2));
    }
    holds(place, store, &[image("a", 2, [row("k", "1", "yes")])]);
}
