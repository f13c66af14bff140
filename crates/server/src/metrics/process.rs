//! The process itself, under the names that every exporter uses.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// What the kernel counts processor time in, per second; part of its interface, whatever its own clock does.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads `/proc/self` whenever somebody asks.
#[derive(Debug)]
pub struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let gauges = [
            (
                "process_resident_memory_bytes",
                "Memory of the process that is in RAM.",
                kilobytes(&status, "VmRSS:"),
            ),
            ("process_virtual_memory_bytes", "Address space of the process.", kilobytes(&status, "VmSize:")),
            ("process_open_fds", "Open file descriptors.", open_files()),
            ("process_threads", "Threads of the process.", field(&status, "Threads:")),
        ];
        for (name, help, value) in gauges {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            // What cannot be read is absent: 0 would be a lie.
            if let Some(value) = value {
                family.encode_gauge(&value)?;
            }
        }
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let help = "Processor time of the process, its own and the kernel's for it.";
        let mut family = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
        if let Some(seconds) = processor_seconds(&stat) {
            family.encode_counter::<NoLabelSet, _, u64>(&seconds, None)?;
        }
        let help = "When the process started, in seconds since 1970.";
        let mut family =
            encoder.encode_descriptor("process_start_time_seconds", help, None, MetricType::Gauge)?;
        match started(&stat) {
            Some(started) => family.encode_gauge(&started),
            None => Ok(()),
        }
    }
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    field(status, name).map(|kilobytes| kilobytes * 1_024)
}

fn open_files() -> Option<u64> {
    std::fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64)
}

/// A field of `/proc/self/stat`, counted as in proc(5); the second, a name, may contain anything up to its parenthesis.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let after_name = stat.rsplit_once(')')?.1;
    after_name.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn processor_seconds(stat: &str) -> Option<f64> {
    Some((stat_field(stat, 14)? + stat_field(stat, 15)?) / TICKS_PER_SECOND)
}

fn started(stat: &str) -> Option<f64> {
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let age = Duration::try_from_secs_f64(uptime - stat_field(stat, 22)? / TICKS_PER_SECOND).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(now.checked_sub(age)?.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::{kilobytes, processor_seconds, started};

    #[test]
    fn a_process_whose_name_has_spaces_and_parentheses_is_read_all_the_same() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 4 0 300 1 1";
        assert_eq!(processor_seconds(stat), Some(2.0));
    }

    #[test]
    fn memory_is_told_in_bytes() {
        assert_eq!(kilobytes("Name:\tx\nVmRSS:\t    2 kB\n", "VmRSS:"), Some(2_048));
        assert_eq!(kilobytes("Name:\tx\n", "VmRSS:"), None);
    }

    #[test]
    fn this_process_started_less_than_an_hour_ago() {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let age = now - started(&stat).unwrap();
        assert!((-1.0..3_600.0).contains(&age), "{age}");
    }
}
