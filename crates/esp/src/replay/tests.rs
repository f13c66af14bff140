use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::test_runner::{Config, RngSeed};

use super::ReplayWindow;
use crate::drop_reason::DropReason;
use crate::sequence::SequenceNumbers;

/// The window as RFC 4303 describes it: everything that was received, and an edge.
#[derive(Default)]
struct Model {
    seen: BTreeSet<u64>,
}

impl Model {
    fn highest(&self) -> u64 {
        self.seen.last().copied().unwrap_or(0)
    }

    fn verdict(&self, sequence: u64, size: u64) -> Result<(), DropReason> {
        if sequence == 0 || sequence + size <= self.highest() {
            Err(DropReason::TooOld)
        } else if self.seen.contains(&sequence) {
            Err(DropReason::Replayed)
        } else {
            Ok(())
        }
    }
}

/// Steps of the sequence number relative to the highest: duplicates, reordering, edges of words and of
/// the window, losses and leaps.
fn steps(size: i64) -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => Just(1_i64),
        4 => -70..70_i64,
        3 => -size - 70..70,
        2 => -size - 2..-size + 3,
        2 => size - 70..size + 70,
        1 => 0..10 * size,
        1 => any::<u32>().prop_map(i64::from),
    ]
}

fn follows_the_model(size: u32, start: u64, steps: &[i64]) {
    let window = ReplayWindow::new(size, SequenceNumbers::Extended);
    let mut model = Model::default();
    window.accept(start).unwrap();
    model.seen.insert(start);
    for step in steps {
        let sequence = model.highest().saturating_add_signed(*step);
        let expected = model.verdict(sequence, u64::from(window.size()));
        assert_eq!(window.check(sequence), expected, "check {sequence} of {window:?}");
        assert_eq!(window.accept(sequence), expected, "accept {sequence} of {window:?}");
        if expected.is_ok() {
            model.seen.insert(sequence);
        }
        assert_eq!(window.highest(), model.highest());
    }
}

/// How a network treats the packets of a sender that counts with 64 bits: in order, late, again, after losses of up to 2^31.
fn leaps(size: i64) -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 1..3_i64,
        4 => -size + 1..1,
        2 => size - 2..size + 3,
        1 => 0..1_i64 << 31,
    ]
}

/// Only the low halves of the numbers arrive. Each must be taken for the number that it is, and judged as a set of all numbers
/// that were received would.
fn finds_whole_numbers(asked: u32, start: u64, leaps: &[i64]) {
    let window = ReplayWindow::new(asked, SequenceNumbers::Extended);
    let mut model = Model::default();
    window.accept(start).unwrap();
    model.seen.insert(start);
    for leap in leaps {
        let sequence = model.highest().saturating_add_signed(*leap).max(1);
        let low = SequenceNumbers::low(sequence);
        assert_eq!(window.whole(low), Some(sequence), "{sequence:#x} of {window:?}");
        let expected = model.verdict(sequence, u64::from(window.size()));
        assert_eq!(window.accept(sequence), expected, "{sequence:#x} of {window:?}");
        if expected.is_ok() {
            model.seen.insert(sequence);
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 300, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_small_window_does_what_a_set_of_all_numbers_would(
        start in 1..10_000_u64,
        steps in vec(steps(64), 1..300),
    ) {
        follows_the_model(64, start, &steps);
    }

    #[test]
    fn an_extended_number_is_found_from_its_low_half_wherever_the_window_is(
        size in prop_oneof![Just(1_u32), Just(64), Just(1_024), Just(4_096)],
        // Around the first, the second and a late end of a subspace, and within one.
        subspace in prop_oneof![Just(1_u64), Just(2), Just(0x8000_0000), Just(0xffff_fff0)],
        offset in prop_oneof![-10_000..10_000_i64, any::<i32>().prop_map(i64::from)],
        leaps in vec(leaps(64), 1..200),
    ) {
        finds_whole_numbers(size, (subspace << 32).saturating_add_signed(offset), &leaps);
    }

    #[test]
    fn late_packets_of_a_wide_window_are_found_on_either_side_of_a_subspace(
        offset in -10_000..10_000_i64,
        leaps in vec(leaps(8_160), 1..200),
    ) {
        finds_whole_numbers(4_096, (1_u64 << 32).saturating_add_signed(offset), &leaps);
    }

    #[test]
    fn a_window_of_the_default_size_does_what_a_set_of_all_numbers_would(
        start in (1 << 31)..(1_u64 << 33),
        steps in vec(steps(i64::from(ReplayWindow::DEFAULT_SIZE)), 1..300),
    ) {
        follows_the_model(ReplayWindow::DEFAULT_SIZE, start, &steps);
    }
}

#[test]
fn the_window_is_at_least_as_wide_as_asked() {
    for (asked, size) in
        [(0, 96), (1, 96), (64, 96), (96, 96), (97, 224), (1_024, 2_016), (4_064, 4_064), (4_065, 8_160)]
    {
        assert_eq!(ReplayWindow::new(asked, SequenceNumbers::Standard).size(), size);
    }
    assert_eq!(ReplayWindow::default().size(), ReplayWindow::DEFAULT_SIZE);
    assert_eq!(ReplayWindow::new(u32::MAX, SequenceNumbers::Standard).size(), (1 << 21) - 32);
}

#[test]
fn the_oldest_number_of_the_window_is_accepted_once_and_the_one_before_it_never() {
    let window = ReplayWindow::default();
    window.accept(100_000).unwrap();
    let oldest = 100_000 - u64::from(window.size()) + 1;
    assert_eq!(window.accept(oldest - 1), Err(DropReason::TooOld));
    assert_eq!(window.accept(oldest), Ok(()));
    assert_eq!(window.accept(oldest), Err(DropReason::Replayed));
}

#[test]
fn zero_is_never_accepted() {
    let window = ReplayWindow::default();
    assert_eq!(window.accept(0), Err(DropReason::TooOld));
    window.accept(1).unwrap();
    assert_eq!(window.accept(0), Err(DropReason::TooOld));
}

#[test]
fn a_leap_to_the_last_number_there_is_works() {
    let window = ReplayWindow::new(64, SequenceNumbers::Extended);
    window.accept(1).unwrap();
    window.accept(u64::MAX).unwrap();
    assert_eq!(window.accept(u64::MAX), Err(DropReason::Replayed));
    assert_eq!(window.accept(u64::MAX - 1), Ok(()));
    assert_eq!(window.accept(1), Err(DropReason::TooOld));
}

#[test]
fn checking_changes_nothing() {
    let window = ReplayWindow::default();
    for _ in 0..3 {
        assert_eq!(window.check(5), Ok(()));
    }
    assert_eq!(window.highest(), 0);
    assert_eq!(window.accept(5), Ok(()));
}

#[test]
fn of_many_threads_that_bring_the_same_numbers_exactly_one_has_each_accepted() {
    const LAST: u64 = 20_000;
    let window = ReplayWindow::new(u32::try_from(LAST).unwrap(), SequenceNumbers::Standard);
    let accepted: Vec<AtomicUsize> = (0..=LAST).map(|_| AtomicUsize::new(0)).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (window, accepted) = (&window, &accepted);
            scope.spawn(move || {
                for n in 1..=LAST {
                    // Half of the threads begin with the odd numbers from below, half with the even ones.
                    let sequence = if n % 2 == thread % 2 { n } else { LAST + 1 - n };
                    if window.check(sequence).is_ok() && window.accept(sequence).is_ok() {
                        accepted[sequence as usize].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let counts: BTreeSet<_> = accepted[1..].iter().map(|count| count.load(Ordering::Relaxed)).collect();
    assert_eq!(counts, BTreeSet::from([1]));
}

/// A filter that says no to a fresh number loses a packet for good.
#[test]
fn a_number_that_only_one_thread_brings_is_never_refused_while_others_advance_the_window() {
    let window = ReplayWindow::new(4_064, SequenceNumbers::Standard);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let window = &window;
            scope.spawn(move || {
                for step in 0..20_000_u64 {
                    let sequence = 1 + 4 * step + thread;
                    let verdict = window.check(sequence).and_then(|()| window.accept(sequence));
                    assert_ne!(verdict, Err(DropReason::Replayed));
                }
            });
        }
    });
}
