//! How many tests have passed and failed, by what their runners print.

use std::ops::AddAssign;

/// Tests counted.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    /// Not run at all, on request of the test itself.
    pub(super) ignored: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// `test result: ok. 19 passed; 0 failed; 0 ignored; …`
pub(super) fn of_libtest(line: &str) -> Option<Tally> {
    let counts = line.strip_prefix("test result: ")?;
    Some(Tally {
        passed: count(counts, &["passed"])?,
        failed: count(counts, &["failed"])?,
        ignored: count(counts, &["ignored"]).unwrap_or(0),
    })
}

/// `==== 1 failed, 3 passed, 1 skipped in 2.31s ====`, with or without the frame.
pub(super) fn of_pytest(line: &str) -> Option<Tally> {
    let (counts, time) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
    if !time.starts_with(|digit: char| digit.is_ascii_digit()) {
        return None;
    }
    let tally = Tally {
        passed: count(counts, &["passed"]).unwrap_or(0),
        failed: count(counts, &["failed"]).unwrap_or(0) + count(counts, &["error", "errors"]).unwrap_or(0),
        ignored: count(counts, &["skipped"]).unwrap_or(0) + count(counts, &["xfailed"]).unwrap_or(0),
    };
    (tally != Tally::default() || counts.contains("no tests ran")).then_some(tally)
}

/// The closing lines of node's test runner in its TAP form, each with one count: `# pass 4`, `# fail 0`.
pub(super) fn of_node(line: &str) -> Option<Tally> {
    let (what, number) = line.strip_prefix("# ")?.split_once(' ')?;
    let number = number.parse().ok()?;
    match what {
        "pass" => Some(Tally { passed: number, ..Tally::default() }),
        "fail" | "cancelled" => Some(Tally { failed: number, ..Tally::default() }),
        "skipped" | "todo" => Some(Tally { ignored: number, ..Tally::default() }),
        _ => None,
    }
}

/// The number before one of the `words`.
fn count(counts: &str, words: &[&str]) -> Option<u64> {
    let parts: Vec<&str> = counts.split([' ', ',', ';', '.']).filter(|part| !part.is_empty()).collect();
    parts.windows(2).find(|pair| words.contains(&pair[1])).and_then(|pair| pair[0].parse().ok())
}

#[cfg(test)]
mod tests {
    use super::{Tally, of_libtest, of_node, of_pytest};

    fn tally(passed: u64, failed: u64, ignored: u64) -> Option<Tally> {
        Some(Tally { passed, failed, ignored })
    }

    #[test]
    fn the_closing_lines_of_libtest_are_counted_and_no_others() {
        let line = "test result: FAILED. 2 passed; 1 failed; 3 ignored; 0 measured; 4 filtered out; finished in 0.1s";
        assert_eq!(of_libtest(line), tally(2, 1, 3));
        assert_eq!(of_libtest("test result: ok. 3 passed; 0 failed"), tally(3, 0, 0));
        assert_eq!(of_libtest("test a_result ... ok"), None);
    }

    #[test]
    fn the_closing_lines_of_pytest_are_counted_and_no_others() {
        assert_eq!(of_pytest("=== 1 failed, 3 passed, 2 skipped, 1 error in 2.31s ==="), tally(3, 2, 2));
        assert_eq!(of_pytest("5 passed in 61.20s (0:01:01)"), tally(5, 0, 0));
        assert_eq!(of_pytest("no tests ran in 0.01s"), tally(0, 0, 0));
        assert_eq!(of_pytest("there were 3 passed in review"), None);
    }
    #[test]
    fn the_closing_lines_of_node_are_counted_and_no_others() {
        assert_eq!(of_node("# pass 4"), tally(4, 0, 0));
        assert_eq!(of_node("# fail 1"), tally(0, 1, 0));
        assert_eq!(of_node("# cancelled 2"), tally(0, 2, 0));
        assert_eq!(of_node("# skipped 3"), tally(0, 0, 3));
        assert_eq!(of_node("# tests 4"), None);
        assert_eq!(of_node("# Subtest: pass 4"), None);
    }
}
