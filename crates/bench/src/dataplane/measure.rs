//! What is measured of each contender.

use std::time::Duration;

use anyhow::{Result, ensure};
use causeway_netlab::{PingOptions, Pinger, Probe, TcpOptions, ping, tcp_throughput};

use super::pair::Pair;
use crate::processor::ProcessorTime;
use crate::udp::{Arrived, Handing, UdpLoad, udp_throughput};

/// Payload of the large datagrams, in bytes; packets of 1,328.
const LARGE: usize = 1_300;
/// Payload of the small datagrams, in bytes; packets of 64.
const SMALL: usize = 36;
/// Streams at once.
const STREAMS: usize = 8;

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Each throughput.
    pub duration: Duration,
    /// Echo requests on an idle way in each turn.
    pub echoes: u64,
    /// Turns of each contender.
    pub turns: usize,
}

/// Figures of one contender: of one round, without round trips on an idle way, or of all ([`Measured::of`]).
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured {
    /// Gigabits of TCP payload per second, one stream.
    pub tcp_gbps: f64,
    /// The same with eight streams at once.
    pub tcp_many_gbps: f64,
    /// Thousands of datagrams of 1,300 bytes per second.
    pub large_kpps: f64,
    /// Thousands of 64-byte packets per second.
    pub small_kpps: f64,
    /// Thousands of datagrams of 1,300 bytes per second, handed over in groups.
    pub grouped_kpps: f64,
    /// Round trip on an idle way, microseconds: half are faster.
    pub idle_us: f64,
    /// The same: 99 of 100 are faster.
    pub idle_p99_us: f64,
    /// Round trip beside a TCP stream, microseconds: half are faster.
    pub loaded_us: f64,
    /// Seconds of processor time of both ends' programs per gigabyte of TCP payload.
    pub programs_s_per_gb: f64,
    /// Seconds of the whole machine's processor time per gigabyte, the load generator's included.
    pub machine_s_per_gb: f64,
}

/// Measures everything once but for the round trip on an idle way ([`super::turns`]).
pub fn measure(pair: &Pair, effort: Effort) -> Result<Measured> {
    let mut measured = tcp(pair, effort)?;
    let many = TcpOptions { duration: effort.duration, streams: STREAMS, ..TcpOptions::default() };
    measured.tcp_many_gbps = tcp_throughput(&pair.left, &pair.right, pair.target(), &many)?.gbps();
    measured.large_kpps = udp(pair, LARGE, Handing::Single, effort)?.kpps();
    measured.small_kpps = udp(pair, SMALL, Handing::Single, effort)?.kpps();
    measured.grouped_kpps = udp(pair, LARGE, Handing::Segmented, effort)?.kpps();
    measured.loaded_us = loaded_round_trip(pair, effort)?;
    Ok(measured)
}

fn tcp(pair: &Pair, effort: Effort) -> Result<Measured> {
    let hosts = [&pair.left, &pair.right];
    let options = TcpOptions { duration: effort.duration, ..TcpOptions::default() };
    let before = ProcessorTime::read(&hosts)?;
    let through = tcp_throughput(&pair.left, &pair.right, pair.target(), &options)?;
    let used = ProcessorTime::read(&hosts)?.since(before);
    let gigabytes = (through.bytes as f64 / 1e9).max(f64::MIN_POSITIVE);
    Ok(Measured {
        tcp_gbps: through.gbps(),
        programs_s_per_gb: used.programs.as_secs_f64() / gigabytes,
        machine_s_per_gb: used.machine.as_secs_f64() / gigabytes,
        ..Measured::default()
    })
}

fn udp(pair: &Pair, payload: usize, handing: Handing, effort: Effort) -> Result<Arrived> {
    let load = UdpLoad { payload, handing, duration: effort.duration };
    let arrived = udp_throughput(&pair.left, &pair.right, pair.target(), load)?;
    if arrived.lost > 0 {
        eprintln!("  UDP {payload} B, {handing:?}: {} arrived, {} were lost", arrived.received, arrived.lost);
    }
    Ok(arrived)
}

/// What so many echo requests on an idle way take.
pub fn idle_round_trips(pair: &Pair, echoes: u64) -> Result<Vec<Duration>> {
    let options = PingOptions { count: echoes, interval: Duration::from_millis(2), ..PingOptions::default() };
    let times = ping(&pair.left, *pair.target().ip(), &options)?.round_trips;
    ensure!(!times.is_empty(), "none of {echoes} echoes came back");
    Ok(times)
}

fn loaded_round_trip(pair: &Pair, effort: Effort) -> Result<f64> {
    let pinger = Pinger::start(&pair.left, *pair.target().ip(), Duration::from_millis(5))?;
    let options = TcpOptions { duration: effort.duration, ..TcpOptions::default() };
    let through = tcp_throughput(&pair.left, &pair.right, pair.target(), &options);
    let flow = pinger.stop(Duration::ZERO);
    through?;
    let mut times: Vec<Duration> = flow.probes.iter().filter_map(Probe::round_trip).collect();
    times.sort_unstable();
    Ok(at_per_mille(&times, 500))
}

/// In microseconds.
fn at_per_mille(sorted: &[Duration], per_mille: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = (sorted.len() * per_mille / 1_000).min(last);
    sorted.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}

impl Measured {
    /// The middle of each figure of the rounds, and the round trips on an idle way; without any these are not a number.
    pub fn of(rounds: &[Self], mut idle: Vec<Duration>) -> Self {
        idle.sort_unstable();
        let middle = |figure: fn(&Self) -> f64| {
            let mut all: Vec<f64> = rounds.iter().map(figure).collect();
            all.sort_unstable_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
        };
        Self {
            tcp_gbps: middle(|it| it.tcp_gbps),
            tcp_many_gbps: middle(|it| it.tcp_many_gbps),
            large_kpps: middle(|it| it.large_kpps),
            small_kpps: middle(|it| it.small_kpps),
            grouped_kpps: middle(|it| it.grouped_kpps),
            idle_us: at_per_mille(&idle, 500),
            idle_p99_us: at_per_mille(&idle, 990),
            loaded_us: middle(|it| it.loaded_us),
            programs_s_per_gb: middle(|it| it.programs_s_per_gb),
            machine_s_per_gb: middle(|it| it.machine_s_per_gb),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Measured;
    use std::time::Duration;

    #[test]
    fn of_several_rounds_the_middle_counts() {
        let round = |tcp_gbps| Measured { tcp_gbps, ..Measured::default() };
        assert_eq!(Measured::of(&[round(9.0), round(1.0), round(5.0)], Vec::new()).tcp_gbps, 5.0);
    }

    #[test]
    fn half_of_the_round_trips_are_faster_than_the_median() {
        let measured = Measured::of(&[], (1..=100).rev().map(Duration::from_micros).collect());
        assert_eq!((measured.idle_us.round(), measured.idle_p99_us.round()), (51.0, 100.0));
        assert!(Measured::of(&[], Vec::new()).idle_us.is_nan());
    }
}
