//! Waiting for what must come.

use std::time::{Duration, Instant};

/// Until it is so; fails when it is not within ten seconds.
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
