//! What libFuzzer said about a run.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// How many lines of a panic or a report are shown.
const REASON_LINES_MAX: usize = 12;

/// What a run came to. What libFuzzer did not come to say is 0.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Outcome {
    executions: u64,
    executions_per_second: u64,
    /// Edges that the committed corpus took, and that all took at the end.
    edges: (u64, u64),
    /// Inputs that were worth keeping, likewise.
    inputs: (u64, u64),
    memory_mib: u64,
    /// The input that something is wrong with.
    pub(super) finding: Option<String>,
    reason: Vec<String>,
}

impl Outcome {
    /// Reads the log of a run.
    pub(super) fn read(log: &Path) -> Result<Self> {
        let bytes = fs::read(log).with_context(|| format!("reading {}", log.display()))?;
        Ok(Self::of(&String::from_utf8_lossy(&bytes)))
    }

    fn of(log: &str) -> Self {
        let mut outcome = Self::default();
        for line in log.lines() {
            outcome.take(line);
        }
        outcome
    }

    fn take(&mut self, line: &str) {
        if line.starts_with('#')
            && let (Some(edges), Some(inputs)) = (number_after(line, "cov: "), number_after(line, "corp: "))
        {
            if line.contains("INITED") {
                (self.edges.0, self.inputs.0) = (edges, inputs);
            }
            (self.edges.1, self.inputs.1) = (edges, inputs);
        } else if let Some(number) = number_after(line, "stat::number_of_executed_units:") {
            self.executions = number;
        } else if let Some(number) = number_after(line, "stat::average_exec_per_sec:") {
            self.executions_per_second = number;
        } else if let Some(number) = number_after(line, "stat::peak_rss_mb:") {
            self.memory_mib = number;
        } else if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.finding = Some(path.trim().to_owned());
        }
        let begins = line.contains("panicked at") || line.contains("ERROR: libFuzzer");
        if (begins || !self.reason.is_empty()) && self.reason.len() < REASON_LINES_MAX {
            self.reason.push(line.to_owned());
        }
    }

    /// The lines that say what is wrong.
    pub(super) fn reason(&self) -> impl Iterator<Item = &str> {
        self.reason.iter().map(String::as_str)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { executions, executions_per_second, edges, inputs, memory_mib, .. } = self;
        write!(f, "{executions_per_second:>7}/s, {executions} executions, ")?;
        write!(f, "edges {} -> {}, inputs {} -> {}, {memory_mib} MiB", edges.0, edges.1, inputs.0, inputs.1)
    }
}

/// The number that follows a text in a line.
fn number_after(line: &str, text: &str) -> Option<u64> {
    let rest = line.split_once(text)?.1.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn the_figures_of_a_run_are_read() {
        let outcome = Outcome::of(
            "INFO: seed corpus: files: 38\n#39\tINITED cov: 1200 ft: 1900 corp: 30/40Kb exec/s: 0 rss: 60Mb\n\
             #99\tNEW    cov: 1310 ft: 2000 corp: 31/41Kb lim: 8192 exec/s: 50 rss: 61Mb\n\
             #120\tDONE   cov: 1312 ft: 2001 corp: 32/41Kb lim: 8192 exec/s: 60 rss: 61Mb\n\
             stat::number_of_executed_units: 120\nstat::average_exec_per_sec:     60\nstat::peak_rss_mb:              61\n",
        );
        assert_eq!(
            outcome.to_string(),
            "     60/s, 120 executions, edges 1200 -> 1312, inputs 30 -> 32, 61 MiB"
        );
        assert_eq!((outcome.finding, outcome.reason), (None, vec![]));
    }

    #[test]
    fn a_crash_is_told_with_its_input_and_its_reason() {
        let outcome = Outcome::of(
            "#2\tINITED cov: 1 ft: 1 corp: 1/1b\n\nthread '<unnamed>' panicked at src/params.rs:50:9:\nthey differ\n\
             artifact_prefix='f/'; Test unit written to f/crash-0123\n",
        );
        assert_eq!(outcome.finding.as_deref(), Some("f/crash-0123"));
        assert_eq!(outcome.reason().next(), Some("thread '<unnamed>' panicked at src/params.rs:50:9:"));
        assert!(outcome.reason().any(|line| line == "they differ"));
    }
}
