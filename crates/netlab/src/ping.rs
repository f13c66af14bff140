//! ICMP echo: is there a way through, and when exactly was there one?

mod echo;

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::host::Host;
use echo::Heard;

/// How often the receiver looks whether it shall end.
const RECEIVE_TIMEOUT: Duration = Duration::from_millis(20);

/// Tells the echo requests of one pinger from those of another.
static IDENTIFIER: AtomicU16 = AtomicU16::new(0);

/// How to ping.
#[derive(Clone, Debug)]
pub struct PingOptions {
    /// How many echo requests.
    pub count: u64,
    /// The time from one to the next.
    pub interval: Duration,
    /// How long to wait for answers after the last request.
    pub timeout: Duration,
    /// The payload in bytes, at least 8. It repeats [`crate::MARKER`], so that a capture finds it in clear.
    pub size: usize,
}

impl Default for PingOptions {
    /// Five, 20 ms apart, 56 bytes, one second of patience.
    fn default() -> Self {
        Self { count: 5, interval: Duration::from_millis(20), timeout: Duration::from_secs(1), size: 56 }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct PingAnswer {
    /// Echo requests sent.
    pub sent: u64,
    /// Echo replies received.
    pub received: u64,
    /// Answers "destination unreachable" from a router.
    pub unreachable: u64,
    /// The time each answered request took, in order.
    pub round_trips: Vec<Duration>,
    /// What the kernel said when a request could not even be sent.
    pub send_error: Option<String>,
}

/// One echo request.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Counts from 0.
    pub sequence: u64,
    /// When it was sent.
    pub sent: Instant,
    /// When its reply was received.
    pub received: Option<Instant>,
}

/// All echo requests of a pinger, in order.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// One entry for each request.
    pub probes: Vec<Probe>,
    /// Answers "destination unreachable" from a router.
    pub unreachable: u64,
    /// What the kernel said when a request could not even be sent.
    pub send_error: Option<String>,
}

/// A flow of echo requests that goes on until it is stopped.
#[derive(Debug)]
pub struct Pinger {
    shared: Arc<Shared>,
    sender: Option<JoinHandle<()>>,
    receiver: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    flow: Mutex<Flow>,
    /// Requests that the kernel did not take; nothing is to be waited for then.
    refused: AtomicU64,
    stop_sending: AtomicBool,
    stop_receiving: AtomicBool,
}

/// Pings `target` from `host`, and waits only as long as answers are missing.
///
/// # Errors
/// When the socket cannot be made. No answer is not an error.
pub fn ping(host: &Host, target: Ipv4Addr, options: &PingOptions) -> Result<PingAnswer> {
    let mut pinger = Pinger::start_counted(host, target, options)?;
    // Who looks in between is in the way of what is measured.
    pinger.wait_until_sent();
    let give_up = Instant::now() + options.timeout;
    while Instant::now() < give_up {
        let flow = pinger.shared.flow();
        let refused = pinger.shared.refused.load(Ordering::Relaxed);
        let settled = flow.received() + flow.unreachable + refused;
        if settled >= options.count {
            break;
        }
        drop(flow);
        std::thread::sleep(Duration::from_millis(1));
    }
    let flow = pinger.stop(Duration::ZERO);
    let round_trips: Vec<_> = flow.probes.iter().filter_map(Probe::round_trip).collect();
    Ok(PingAnswer {
        sent: flow.probes.len() as u64,
        received: flow.received(),
        unreachable: flow.unreachable,
        round_trips,
        send_error: flow.send_error,
    })
}

impl Pinger {
    /// Starts to send an echo request each `interval`.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn start(host: &Host, target: Ipv4Addr, interval: Duration) -> Result<Self> {
        Self::start_counted(
            host,
            target,
            &PingOptions { count: u64::MAX, interval, ..PingOptions::default() },
        )
    }

    fn start_counted(host: &Host, target: Ipv4Addr, options: &PingOptions) -> Result<Self> {
        let socket = host.enter(open_socket)?.context("opening an ICMP socket")?;
        let shared = Arc::new(Shared::default());
        let identifier = IDENTIFIER.fetch_add(1, Ordering::Relaxed) ^ (std::process::id() << 6) as u16;
        let receiving = socket.try_clone().context("sharing the ICMP socket")?;
        let (send_to, receive_to, options) = (Arc::clone(&shared), Arc::clone(&shared), options.clone());
        let receiver = std::thread::spawn(move || receive(&receiving, target, identifier, &receive_to));
        let sender = std::thread::spawn(move || send(&socket, target, identifier, &options, &send_to));
        Ok(Self { shared, sender: Some(sender), receiver: Some(receiver) })
    }

    /// What has happened so far.
    #[must_use]
    pub fn so_far(&self) -> Flow {
        self.shared.flow().clone()
    }

    /// Sends no more, waits `patience` for answers under way, and gives the whole flow.
    #[must_use]
    pub fn stop(mut self, patience: Duration) -> Flow {
        self.shared.stop_sending.store(true, Ordering::Relaxed);
        std::thread::sleep(patience);
        self.join();
        std::mem::take(&mut *self.shared.flow())
    }

    fn join(&mut self) {
        self.shared.stop_sending.store(true, Ordering::Relaxed);
        self.shared.stop_receiving.store(true, Ordering::Relaxed);
        self.wait_until_sent();
        if let Some(thread) = self.receiver.take() {
            let _panicked = thread.join();
        }
    }

    /// Returns when every request has been sent.
    fn wait_until_sent(&mut self) {
        if let Some(thread) = self.sender.take() {
            let _panicked = thread.join();
        }
    }
}

impl Drop for Pinger {
    fn drop(&mut self) {
        self.join();
    }
}

impl Probe {
    /// The time it took, when it was answered.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.received.map(|received| received.duration_since(self.sent))
    }
}

impl Flow {
    /// How many were answered.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.probes.iter().filter(|probe| probe.received.is_some()).count() as u64
    }

    /// The time from `since` to the last answer that was received after it; zero when none was.
    #[must_use]
    pub fn last_through_after(&self, since: Instant) -> Duration {
        let last = self.probes.iter().filter_map(|probe| probe.received).max();
        last.map_or(Duration::ZERO, |last| last.saturating_duration_since(since))
    }

    /// How many of the requests sent from `from` up to `to` were answered, of how many.
    #[must_use]
    pub fn received_of_sent(&self, from: Instant, to: Instant) -> (u64, u64) {
        let sent = self.probes.iter().filter(|probe| probe.sent >= from && probe.sent < to);
        let (received, lost): (Vec<&Probe>, Vec<&Probe>) = sent.partition(|probe| probe.received.is_some());
        (received.len() as u64, (received.len() + lost.len()) as u64)
    }

    /// The longest time without a way through: from the first request that was lost to the next that was answered.
    #[must_use]
    pub fn longest_outage(&self) -> Duration {
        let mut longest = Duration::ZERO;
        let mut since = None;
        for probe in &self.probes {
            if probe.received.is_none() {
                since.get_or_insert(probe.sent);
            }
            if let Some(begun) = since {
                longest = longest.max(probe.sent.duration_since(begun));
            }
            if probe.received.is_some() {
                since = None;
            }
        }
        longest
    }
}

impl Shared {
    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
    socket.set_read_timeout(Some(RECEIVE_TIMEOUT))?;
    socket.set_recv_buffer_size(4 << 20)?;
    Ok(socket)
}

fn send(socket: &Socket, target: Ipv4Addr, identifier: u16, options: &PingOptions, shared: &Shared) {
    let address = SockAddr::from(SocketAddrV4::new(target, 0));
    let start = Instant::now();
    for sequence in 0..options.count {
        let due = start + options.interval.mul_f64(sequence as f64);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if shared.stop_sending.load(Ordering::Relaxed) {
            return;
        }
        let request = echo::request(identifier, sequence, options.size);
        // Noted before it is sent, so that its answer finds the entry.
        shared.flow().probes.push(Probe { sequence, sent: Instant::now(), received: None });
        if let Err(error) = socket.send_to(&request, &address) {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            shared.flow().send_error.get_or_insert_with(|| error.to_string());
        }
    }
}

fn receive(mut socket: &Socket, target: Ipv4Addr, identifier: u16, shared: &Shared) {
    let mut packet = vec![0; 65536];
    while !shared.stop_receiving.load(Ordering::Relaxed) {
        let Ok(length) = socket.read(&mut packet) else { continue };
        let now = Instant::now();
        let mut flow = shared.flow();
        match echo::hear(packet.get(..length).unwrap_or_default(), target, identifier) {
            Some(Heard::Reply { sequence }) => {
                let probe = usize::try_from(sequence).ok().and_then(|at| flow.probes.get_mut(at));
                if let Some(probe) = probe {
                    probe.received.get_or_insert(now);
                }
            }
            Some(Heard::Unreachable) => flow.unreachable += 1,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Flow, Probe};

    fn flow(start: Instant, answered: &[bool]) -> Flow {
        let at = |millis: usize| start + Duration::from_millis(millis as u64);
        let probe = |(index, answered): (usize, &bool)| Probe {
            sequence: index as u64,
            sent: at(10 * index),
            received: answered.then(|| at(10 * index + 1)),
        };
        Flow { probes: answered.iter().enumerate().map(probe).collect(), ..Flow::default() }
    }

    #[test]
    fn the_time_to_the_last_packet_counts_from_the_given_moment() {
        let start = Instant::now();
        let flow = flow(start, &[true, true, true, false, false]);
        assert_eq!(flow.last_through_after(start + Duration::from_millis(15)), Duration::from_millis(6));
        assert_eq!(flow.last_through_after(start + Duration::from_millis(30)), Duration::ZERO);
        assert_eq!(flow.received_of_sent(start, start + Duration::from_millis(40)), (3, 4));
    }

    #[test]
    fn an_outage_lasts_from_the_first_loss_to_the_next_answer() {
        let start = Instant::now();
        let outage = flow(start, &[true, false, true, false, false, false, true]).longest_outage();
        assert_eq!(outage.as_millis(), 30);
        assert_eq!(flow(start, &[true, true]).longest_outage(), Duration::ZERO);
    }
}
