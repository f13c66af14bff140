//! What is counted as it happens: requests to the API, and commits to the store.

use std::time::Duration;

use causeway_control::operation;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::api::Answer;

/// The upper bounds of a request's time, in seconds: a read from memory, a commit, a wait for one's turn (3 s by default).
const REQUEST_SECONDS: [f64; 12] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 3.0, 10.0];

/// The upper bounds of a commit's time, in seconds: the flush of a good disk is in the middle.
const COMMIT_SECONDS: [f64; 10] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// Stands for all operations that do not exist: callers must not be able to make series.
const NO_OPERATION: &str = "unknown";

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// The requests to the API.
#[derive(Debug, Clone)]
pub struct Requests {
    answered: Family<Labels<2>, Counter>,
    seconds: Family<Labels<1>, Histogram>,
}

impl Default for Requests {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(REQUEST_SECONDS);
        Self { answered: Family::default(), seconds: Family::new_with_constructor(histogram) }
    }
}

impl Requests {
    /// Counts a request that was answered. `action` is what its sender called the operation, true or not.
    pub fn answered(&self, action: Option<&str>, answer: &Answer, time: Duration) {
        let operation = ("operation", operation_of(action));
        self.answered.get_or_create(&[operation, ("result", result_of(answer))]).inc();
        self.seconds.get_or_create(&[operation]).observe(time.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Requests to the API that were answered, by operation and result: ok, refused (what cannot be), denied \
            (who may not), throttled, failed (our fault)";
        registry.register("causeway_api_requests", help, self.answered.clone());
        let help = "How long requests to the API took, with the wait for a connection that is updating";
        registry.register("causeway_api_request_duration_seconds", help, self.seconds.clone());
    }
}

fn operation_of(action: Option<&str>) -> &'static str {
    let named = |action| operation::all().iter().find(|entry| entry.name == action);
    action.and_then(named).map_or(NO_OPERATION, |entry| entry.name)
}

fn result_of(answer: &Answer) -> &'static str {
    match answer.status {
        200..=299 => "ok",
        500.. => "failed",
        _ if answer.retry_after_ms.is_some() => "throttled",
        401 | 403 => "denied",
        _ => "refused",
    }
}

/// The commits to the store.
#[derive(Debug, Clone)]
pub struct Commits {
    settled: Family<Labels<1>, Counter>,
    seconds: Histogram,
}

impl Default for Commits {
    fn default() -> Self {
        let settled = Family::<Labels<1>, Counter>::default();
        // Both are there from the start: a rate over a series that appears with its first failure would miss it.
        for result in ["stored", "failed"] {
            drop(settled.get_or_create(&[("result", result)]));
        }
        Self { settled, seconds: Histogram::new(COMMIT_SECONDS) }
    }
}

impl Commits {
    /// Counts a commit that is durable now, or never will be.
    pub fn settled(&self, is_stored: bool, time: Duration) {
        let result = if is_stored { "stored" } else { "failed" };
        self.settled.get_or_create(&[("result", result)]).inc();
        if is_stored {
            self.seconds.observe(time.as_secs_f64());
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Commits to the store, by result: stored, failed";
        registry.register("causeway_store_commits", help, self.settled.clone());
        let help = "How long it took until a commit was durable";
        registry.register("causeway_store_commit_duration_seconds", help, self.seconds.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::{operation_of, result_of};
    use crate::api::http_refusal;

    #[test]
    fn what_callers_make_up_is_one_series() {
        assert_eq!(operation_of(Some("DescribeVpnConnections")), "DescribeVpnConnections");
        assert_eq!(operation_of(Some("DescribeVpnConnections\"} 1\n")), "unknown");
        assert_eq!(operation_of(None), "unknown");
    }

    #[test]
    fn each_way_to_end_has_its_result() {
        let of = |status| result_of(&http_refusal(status, "Code", "Sentence."));
        assert_eq!(
            [200, 400, 403, 404, 500, 503].map(of),
            ["ok", "refused", "denied", "refused", "failed", "failed"]
        );
        let mut throttled = http_refusal(400, "Throttling.User", "Too often.");
        throttled.retry_after_ms = Some(10);
        assert_eq!(result_of(&throttled), "throttled");
    }
}
