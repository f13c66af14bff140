//! What a run measured, as a line of a table.

use std::time::Duration;

/// Latencies of one kind of request, and how long the run took.
#[derive(Debug, Default)]
pub struct Summary {
    latencies: Vec<Duration>,
    took: Duration,
}

impl Summary {
    /// Of one run.
    pub fn new(latencies: Vec<Duration>, took: Duration) -> Self {
        let mut summary = Self::default();
        summary.add(latencies, took);
        summary
    }

    /// Takes in another run.
    pub fn add(&mut self, latencies: Vec<Duration>, took: Duration) {
        self.latencies.extend(latencies);
        self.latencies.sort_unstable();
        self.took += took;
    }

    /// Requests per second.
    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// The latency that `per_mille` of a thousand requests did not exceed, in milliseconds.
    pub fn percentile_ms(&self, per_mille: usize) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let index = (self.latencies.len() * per_mille / 1_000).min(last);
        self.latencies.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1_000.0)
    }
}

/// The heading of the table that [`row`] fills, in Markdown.
pub fn heading() -> String {
    "| request | clients | per second | p50 ms | p99 ms |\n|---|---|---|---|---|".to_owned()
}

/// One line of the table.
pub fn row(what: &str, clients: usize, summary: &Summary) -> String {
    format!(
        "| {what} | {clients} | {:.0} | {:.2} | {:.2} |",
        summary.per_second(),
        summary.percentile_ms(500),
        summary.percentile_ms(990),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Summary;

    #[test]
    fn percentiles_are_of_the_sorted_latencies() {
        let summary =
            Summary::new((1..=100).rev().map(Duration::from_millis).collect(), Duration::from_secs(2));
        assert_eq!(summary.per_second(), 50.0);
        assert_eq!(summary.percentile_ms(500), 51.0);
        assert_eq!(summary.percentile_ms(990), 100.0);
    }
}
