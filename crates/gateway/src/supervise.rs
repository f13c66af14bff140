//! The last resort against mistakes of ours: a panic over one packet must not end the traffic of all.
//!
//! Nothing from outside is supposed to be able to cause one. If something does, the packet is lost, the log has an error with
//! the place (Rust's own message), and the thread goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Keeps a panic that comes again and again from taking all of a processor.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs `work` until it returns by itself, and again after a panic. It must hold nothing that a panic leaves half done.
pub fn supervise(name: &str, work: impl Fn()) {
    while !survives(name, &work) {
        std::thread::sleep(PAUSE);
    }
}

/// Runs `work` once, and says whether it returned.
pub fn survives(name: &str, work: impl FnOnce()) -> bool {
    let survived = catch_unwind(AssertUnwindSafe(work)).is_ok();
    if !survived {
        tracing::error!(
            thread = name,
            "a mistake of Causeway's: please report it with the panic message above"
        );
    }
    survived
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::supervise;

    #[test]
    fn work_goes_on_after_a_panic_and_ends_when_it_returns() {
        let runs = AtomicU32::new(0);
        supervise("test", || {
            if runs.fetch_add(1, Ordering::Relaxed) < 2 {
                std::panic::resume_unwind(Box::new("a panic without a message"));
            }
        });
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    }
}
