//! A relay between two networks: loses, reorders, duplicates and corrupts packets, filters them and translates their
//! addresses, where a kernel has no netem and no nftables.
//!
//! ```text
//!   left network -- [left interface]  relay's host  [right interface] -- right network
//!                            \                           /
//!                             policy routing -> TUN -> this -> TUN -> routing
//! ```
//!
//! The kernel routes into a TUN device whatever comes in, and routes on whatever comes back out of it. So packets arrive
//! here as they would on a wire, segments of offloaded ones apart and checksums whole, and every protocol over IPv4 passes.

mod front;
mod packet;
mod queue;
mod weather;

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ipnet::Ipv4Net;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tun_rs::{DeviceBuilder, SyncDevice};

use crate::host::Host;
use front::Doorway;
pub use front::Front;
use packet::{End, Packet};
use queue::Overtaken;
pub use weather::Weather;

const DEVICE: &str = "relay";
/// The table that leads into the device.
const TABLE: u32 = 100;
/// The longest packet that a TUN device hands over.
const PACKET_BYTES_MAX: usize = 65_535;
/// How often it is looked whether a held packet has waited long enough, or the relay shall end.
const TICK: Duration = Duration::from_millis(5);

/// How a relay is set up.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// The host's interface to the left.
    pub left: String,
    /// Its interface to the right.
    pub right: String,
    /// The addresses of the hosts to the left: everything else comes from the right.
    pub left_network: Ipv4Net,
    /// What is in front of the hosts to the left and to the right.
    pub fronts: [Front; 2],
    /// Decides which packets the weather befalls.
    pub seed: u64,
    /// The longest packet that passes, in bytes.
    pub mtu: u16,
}

/// What a relay did with packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RelayCounts {
    /// They went on, those that were duplicated twice.
    pub passed: u64,
    /// The weather took them, or the path was broken.
    pub lost: u64,
    /// Later ones overtook them.
    pub reordered: u64,
    /// They went on twice.
    pub duplicated: u64,
    /// They went on with a bit changed.
    pub corrupted: u64,
    /// A front did not let them through.
    pub refused: u64,
}

/// A running relay. It ends when this is dropped.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    stop: AtomicBool,
}

#[derive(Debug)]
struct State {
    left_network: Ipv4Net,
    doorways: [Doorway; 2],
    weather: Weather,
    seed: u64,
    broken: bool,
    /// How many packets came in each direction.
    numbers: [u64; 2],
    overtaken: [Overtaken; 2],
    counts: RelayCounts,
}

impl Relay {
    /// Has everything that comes in at the two interfaces of a host go through a relay.
    ///
    /// # Errors
    /// Without the right to make a TUN device, or when the host has no such interfaces.
    pub fn start(host: &Host, settings: &RelaySettings) -> Result<Self> {
        let device = host.enter(|| open(settings.mtu))?.context("making the relay's TUN device")?;
        let rule = |interface: &str| format!("rule add iif {interface} lookup {TABLE} priority 100");
        host.ip_batch(&[
            format!("link set {DEVICE} up"),
            format!("route add default dev {DEVICE} table {TABLE}"),
            rule(&settings.left),
            rule(&settings.right),
        ])
        .context("routing into the relay")?;
        let state = State {
            left_network: settings.left_network,
            doorways: settings.fronts.map(Doorway::new),
            weather: Weather::default(),
            seed: settings.seed,
            broken: false,
            numbers: [0; 2],
            overtaken: [Overtaken::default(), Overtaken::default()],
            counts: RelayCounts::default(),
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), stop: AtomicBool::new(false) });
        let sharing = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("netlab-relay".into());
        let thread = thread.spawn(move || sharing.run(&device)).context("starting the relay's thread")?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// From now on this befalls packets.
    pub fn set_weather(&self, weather: Weather) {
        self.shared.state().weather = weather;
    }

    /// From now on nothing passes, or everything again.
    pub fn set_broken(&self, broken: bool) {
        self.shared.state().broken = broken;
    }

    /// Both fronts forget what they remembered.
    pub fn forget(&self) {
        self.shared.state().doorways.iter_mut().for_each(Doorway::forget);
    }

    /// The translator in front of the hosts to the right has another public address from now on.
    pub fn move_right(&self, public: Ipv4Addr) {
        self.shared.state().doorways[1].move_to(public);
    }

    /// What it did so far.
    #[must_use]
    pub fn counts(&self) -> RelayCounts {
        self.shared.state().counts
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// Opens the device in the namespace of the calling thread.
fn open(mtu: u16) -> io::Result<SyncDevice> {
    let device = DeviceBuilder::new().name(DEVICE).mtu(mtu).build_sync()?;
    device.set_nonblocking(true)?;
    Ok(device)
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, device: &SyncDevice) {
        let mut buffer = vec![0; PACKET_BYTES_MAX];
        while !self.stop.load(Ordering::Relaxed) {
            let mut ready = [PollFd::new(device.as_fd(), PollFlags::POLLIN)];
            let timeout = PollTimeout::try_from(TICK).unwrap_or(PollTimeout::ZERO);
            let _interrupted_is_not_ready = poll(&mut ready, timeout);
            while let Ok(length) = device.recv(&mut buffer) {
                let sent = self.state().take(&mut buffer[..length], Instant::now());
                send(device, &sent);
            }
            let late = self.state().take_late(Instant::now());
            send(device, &late);
        }
    }
}

/// What the kernel does not take is lost, as on any wire.
fn send(device: &SyncDevice, packets: &[Vec<u8>]) {
    for packet in packets {
        let _lost = device.send(packet);
    }
}

impl State {
    /// What goes on because a packet has come.
    fn take(&mut self, bytes: &mut [u8], now: Instant) -> Vec<Vec<u8>> {
        let Some(mut packet) = Packet::of(bytes) else { return Vec::new() };
        let direction = usize::from(!self.left_network.contains(&packet.address(End::Source)));
        let (from, to) = (direction, 1 - direction);
        let number = self.numbers[direction];
        self.numbers[direction] += 1;
        let fate = self.weather.fate(self.seed, direction as u64, number);
        if !self.doorways[from].outgoing(&mut packet) {
            self.counts.refused += 1;
            return Vec::new();
        }
        if self.broken || fate.lost {
            self.counts.lost += 1;
            return Vec::new();
        }
        if !self.doorways[to].incoming(&mut packet) {
            self.counts.refused += 1;
            return Vec::new();
        }
        if let Some(drawn) = fate.corrupted {
            let payload = packet.payload();
            let bit = drawn % (payload.len().max(1) as u64 * 8);
            if let Some(byte) = payload.get_mut((bit / 8) as usize) {
                *byte ^= 1 << (bit % 8);
            }
            self.counts.corrupted += 1;
        }
        packet.seal();
        self.counts.duplicated += u64::from(fate.duplicated);
        let copies = if fate.duplicated { 2 } else { 1 };
        let queue = &mut self.overtaken[direction];
        let mut sent = vec![bytes.to_vec(); copies];
        if fate.overtaken_by > 0 && queue.has_room() {
            self.counts.reordered += 1;
            sent.drain(..).for_each(|packet| queue.hold(packet, fate.overtaken_by, now));
        } else {
            sent.extend(queue.overtake());
        }
        self.counts.passed += sent.len() as u64;
        sent
    }

    /// Those that have waited long enough though nothing has overtaken them.
    fn take_late(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let late: Vec<_> = self.overtaken.iter_mut().flat_map(|queue| queue.late(now)).collect();
        self.counts.passed += late.len() as u64;
        late
    }
}
