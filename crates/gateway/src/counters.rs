//! What passed and what was dropped, per tunnel and per domain. Plain atomics: counting never waits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use causeway_control::observed::ObservedTraffic;
use nix::time::{ClockId, clock_gettime};

/// Why a packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// No route has the destination.
    NoRoute,
    /// There is a route, but no tunnel of its connection is up. It must not leave in clear.
    TunnelDown,
    /// Not an IPv4 packet, or none at all.
    NotIpv4,
    /// To the peer: source or destination are outside of what was negotiated for the tunnel.
    OutsideSelectors,
    /// From the peer: it may not send from this source, or not to this destination.
    Spoofed,
    /// From the peer: the packet was here before, or is too old to tell.
    Replayed,
    /// From the peer: the packet was not made with the tunnel's keys.
    NotAuthentic,
    /// From the peer: too short, or its padding is wrong.
    Malformed,
    /// To us, with an SPI that no tunnel has.
    UnknownSpi,
    /// To the peer: the security association's sequence numbers are used up, and its successor is not there yet.
    SequenceExhausted,
    /// Either way: the security association has carried as much as it may, and its successor is not there yet.
    LifetimeOver,
    /// To the peer: longer than the way takes, and not to be fragmented. Its sender was told, unless there were too many.
    TooBig,
    /// To the peer: the kernel did not take the outer packet.
    SendFailed,
    /// To the LAN: the kernel did not take the inner packet.
    DeviceFailed,
}

/// All reasons, in the order of their counters.
pub const DROP_REASONS: [DropReason; 14] = [
    DropReason::NoRoute,
    DropReason::TunnelDown,
    DropReason::NotIpv4,
    DropReason::OutsideSelectors,
    DropReason::Spoofed,
    DropReason::Replayed,
    DropReason::NotAuthentic,
    DropReason::Malformed,
    DropReason::UnknownSpi,
    DropReason::SequenceExhausted,
    DropReason::LifetimeOver,
    DropReason::TooBig,
    DropReason::SendFailed,
    DropReason::DeviceFailed,
];

/// Counters of a tunnel or a domain. They survive rekeys, because they belong to neither security association.
#[derive(Debug, Default)]
pub struct Counters {
    sent: Traffic,
    received: Traffic,
    children: AtomicU64,
    probes: ProbeCounts,
    dropped: [AtomicU64; DROP_REASONS.len()],
}

#[derive(Debug, Default)]
struct Traffic {
    packets: AtomicU64,
    bytes: AtomicU64,
    /// When the last batch passed, in UNIX milliseconds; 0 before the first.
    last_ms: AtomicU64,
}

/// What came of probes. They are not among the packets of the traffic.
#[derive(Debug, Default)]
struct ProbeCounts {
    sent: AtomicU64,
    answered: AtomicU64,
    /// Answers that came out of the tunnel, whichever tunnel was probed.
    heard: AtomicU64,
    /// In microseconds; 0 before the first answer.
    round_trip_us: AtomicU64,
    /// The same of IKE.
    ike_round_trip_us: AtomicU64,
}

/// Counters as they were at one moment. Bytes are those of inner packets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CountersSnapshot {
    /// Packets to the peer.
    pub sent_packets: u64,
    /// Bytes to the peer.
    pub sent_bytes: u64,
    /// Packets from the peer that were forwarded.
    pub received_packets: u64,
    /// Bytes from the peer that were forwarded.
    pub received_bytes: u64,
    /// Child SAs that were sent on: the first, and one more for each rekey.
    pub children: u64,
    /// Probes of the health check that were sent through it.
    pub probes_sent: u64,
    /// Those that were answered.
    pub probes_answered: u64,
    /// How long answers to probes take, smoothed (RFC 6298); none before the first one.
    pub round_trip: Option<Duration>,
    /// How long the peer took for its last answer by IKE that tells; none before the first one.
    pub ike_round_trip: Option<Duration>,
    /// Packets dropped, by reason; reasons that never occurred are absent.
    pub dropped: BTreeMap<DropReason, u64>,
}

impl DropReason {
    /// The reason as metrics name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoRoute => "no_route",
            Self::TunnelDown => "tunnel_down",
            Self::NotIpv4 => "not_ipv4",
            Self::OutsideSelectors => "outside_selectors",
            Self::Spoofed => "spoofed",
            Self::Replayed => "replayed",
            Self::NotAuthentic => "not_authentic",
            Self::Malformed => "malformed",
            Self::UnknownSpi => "unknown_spi",
            Self::SequenceExhausted => "sequence_exhausted",
            Self::LifetimeOver => "lifetime_over",
            Self::TooBig => "too_big",
            Self::SendFailed => "send_failed",
            Self::DeviceFailed => "device_failed",
        }
    }
}

impl Counters {
    /// Counts packets that went to the peer in a batch of that time, which [`coarse_now_ms`] tells.
    pub fn sent(&self, packets: u64, bytes: usize, now_ms: u64) {
        self.sent.add(packets, bytes, now_ms);
    }

    /// Counts a packet from the peer that was forwarded and came in a batch of that time.
    pub fn received(&self, bytes: usize, now_ms: u64) {
        self.received.add(1, bytes, now_ms);
    }

    /// When the last packets passed.
    pub fn traffic(&self) -> ObservedTraffic {
        let last = |traffic: &Traffic| {
            let ms = traffic.last_ms.load(Ordering::Relaxed);
            i64::try_from(ms).ok().filter(|ms| *ms > 0)
        };
        ObservedTraffic { sent_ms: last(&self.sent), received_ms: last(&self.received) }
    }

    /// Counts a child SA that is sent on from now on.
    pub fn child_used(&self) {
        self.children.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a probe that was sent.
    pub fn probe_sent(&self) {
        self.probes.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer to any probe that came out of this tunnel.
    pub fn probe_heard(&self) {
        self.probes.heard.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer to one of this tunnel's probes, and keeps how long answers take now.
    pub fn probe_answered(&self, round_trip: Option<Duration>) {
        self.probes.answered.fetch_add(1, Ordering::Relaxed);
        if let Some(round_trip) = round_trip {
            self.probes.round_trip_us.store(micros(round_trip), Ordering::Relaxed);
        }
    }

    /// Keeps how long the peer took to answer by IKE.
    pub fn ike_answered(&self, round_trip: Duration) {
        self.probes.ike_round_trip_us.store(micros(round_trip), Ordering::Relaxed);
    }

    /// Counts a packet that was dropped.
    pub fn dropped(&self, reason: DropReason) {
        self.dropped_many(reason, 1);
    }

    /// Counts packets that were dropped for one reason.
    pub fn dropped_many(&self, reason: DropReason, packets: u64) {
        self.dropped[reason as usize].fetch_add(packets, Ordering::Relaxed);
    }

    /// How many packets were sent to the peer for others, ever.
    pub fn sent_packets(&self) -> u64 {
        self.sent.packets.load(Ordering::Relaxed)
    }

    /// How many packets came from the peer, ever, those to us included.
    pub fn heard_packets(&self) -> u64 {
        self.received.packets.load(Ordering::Relaxed) + self.probes.heard.load(Ordering::Relaxed)
    }

    /// All of them now.
    pub fn snapshot(&self) -> CountersSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let time = |us: &AtomicU64| Some(read(us)).filter(|us| *us > 0).map(Duration::from_micros);
        let dropped = DROP_REASONS.iter().map(|reason| (*reason, read(&self.dropped[*reason as usize])));
        CountersSnapshot {
            sent_packets: read(&self.sent.packets),
            sent_bytes: read(&self.sent.bytes),
            received_packets: read(&self.received.packets),
            received_bytes: read(&self.received.bytes),
            children: read(&self.children),
            probes_sent: read(&self.probes.sent),
            probes_answered: read(&self.probes.answered),
            round_trip: time(&self.probes.round_trip_us),
            ike_round_trip: time(&self.probes.ike_round_trip_us),
            dropped: dropped.filter(|(_, count)| *count > 0).collect(),
        }
    }
}

/// In microseconds; never 0, which stands for none.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

impl Traffic {
    fn add(&self, packets: u64, bytes: usize, now_ms: u64) {
        self.packets.fetch_add(packets, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.last_ms.store(now_ms, Ordering::Relaxed);
    }
}

/// The time in UNIX milliseconds, as exact as the kernel's tick: read once for a batch, it costs a few nanoseconds.
pub fn coarse_now_ms() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_REALTIME_COARSE).map(Duration::from).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Counters, DROP_REASONS, DropReason};

    #[test]
    fn each_reason_has_a_counter_and_a_name_of_its_own() {
        let counters = Counters::default();
        for (index, reason) in DROP_REASONS.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
            counters.dropped_many(reason, index as u64 + 1);
        }
        let names: std::collections::BTreeSet<_> = DROP_REASONS.map(DropReason::name).into();
        assert_eq!(names.len(), DROP_REASONS.len());
        let dropped: Vec<_> = counters.snapshot().dropped.into_values().collect();
        assert_eq!(dropped, (1..=DROP_REASONS.len() as u64).collect::<Vec<_>>());
    }
}
