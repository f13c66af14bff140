//! What crosses a wire, counted by kind, and whether anything on it was in clear.

mod frame;
mod pcap;
mod socket;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use ipnet::Ipv4Net;

use crate::MARKER;
use crate::host::Host;
pub use frame::Class;
use frame::Seen;
use pcap::PcapFile;
use socket::{Listen, PacketSocket};

/// How many leaks are described in words; all are counted.
const LEAKS_DESCRIBED_MAX: usize = 20;

/// How long the frames that were captured before `stop` may take to be read.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// What to look for.
#[derive(Clone, Debug)]
pub struct CaptureOptions {
    /// The networks behind the gateways: no packet from or to them may be seen on this wire.
    pub inner: Vec<Ipv4Net>,
    /// Bytes that are known to be in the payload, and must not be seen.
    pub marker: Vec<u8>,
    /// Where to write what was captured, in the format of tcpdump.
    pub pcap: Option<PathBuf>,
    /// How many bytes of each frame are looked at and written.
    pub snap_bytes: u32,
}

impl Default for CaptureOptions {
    /// No inner networks, [`MARKER`], no file, the first 512 bytes.
    fn default() -> Self {
        Self { inner: Vec::new(), marker: MARKER.to_vec(), pcap: None, snap_bytes: 512 }
    }
}

/// A running capture. Dropping it ends it.
#[derive(Debug)]
pub struct Capture {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<()>>>,
}

#[derive(Debug)]
struct Shared {
    seen: Mutex<Captured>,
    stop: AtomicBool,
}

/// What a capture has seen.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    /// Frames of each kind.
    pub frames: BTreeMap<Class, u64>,
    /// Bytes of each kind, by the length in the IP header where there is one.
    pub bytes: BTreeMap<Class, u64>,
    /// Frames that show what should be hidden: an inner address (also one quoted in an ICMP error) or the marker.
    pub clear_text_packets: u64,
    /// Of those, the ones in which the marker was found.
    pub marker_packets: u64,
    /// ARP requests and replies about an inner address: nothing leaked yet, but somebody tried to deliver here.
    pub arp_for_inner: u64,
    /// The first clear-text packets in words.
    pub leaks: Vec<Leak>,
    /// Frames that the kernel could not keep for us; when this is not 0, the other numbers are lower bounds.
    pub dropped: u64,
}

/// One packet that was seen in clear.
#[derive(Clone, Debug)]
pub struct Leak {
    /// The wall-clock time at which it was seen.
    pub at: SystemTime,
    /// From whom.
    pub source: Option<Ipv4Addr>,
    /// To whom.
    pub destination: Option<Ipv4Addr>,
    /// What kind of packet it looks like from outside.
    pub class: Class,
    /// Why it counts as clear text.
    pub why: &'static str,
}

impl Capture {
    /// Captures what one interface of a host sends and receives.
    ///
    /// # Errors
    /// When the interface does not exist or the capture socket cannot be made.
    pub fn start(host: &Host, interface: &str, options: CaptureOptions) -> Result<Self> {
        let interface = interface.to_owned();
        Self::begin(host, options, move || socket::interface_index(&interface).map(Listen::To))
    }

    /// Captures what enters a switch, each frame once.
    pub(crate) fn on_switch(host: &Host, bridge: &str, options: CaptureOptions) -> Result<Self> {
        let bridge = bridge.to_owned();
        Self::begin(host, options, move || socket::interface_index(&bridge).map(Listen::EnteringAllBut))
    }

    fn begin(
        host: &Host,
        options: CaptureOptions,
        listen: impl FnOnce() -> Result<Listen> + Send,
    ) -> Result<Self> {
        let snap = options.snap_bytes;
        let socket = host
            .enter(|| PacketSocket::open(listen()?, snap))?
            .with_context(|| format!("starting a capture on {}", host.label()))?;
        let file = options.pcap.as_deref().map(|path| PcapFile::create(path, snap)).transpose()?;
        let shared = Arc::new(Shared { seen: Mutex::default(), stop: AtomicBool::new(false) });
        let sharing = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("netlab-capture".into())
            .spawn(move || sharing.read_all(socket, file, &options))
            .context("starting the capture thread")?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// What was seen so far.
    #[must_use]
    pub fn so_far(&self) -> Captured {
        self.shared.seen().clone()
    }

    /// Reads what was captured up to now, and ends.
    ///
    /// # Errors
    /// When reading or writing the file failed on the way: the numbers would not be the truth.
    pub fn stop(mut self) -> Result<Captured> {
        self.end()?;
        Ok(std::mem::take(&mut *self.shared.seen()))
    }

    fn end(&mut self) -> Result<()> {
        self.shared.stop.store(true, Ordering::Relaxed);
        match self.thread.take() {
            Some(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            None => Ok(()),
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _its_owner_did_not_ask = thread.join();
        }
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Captured> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_all(
        &self,
        mut socket: PacketSocket,
        mut file: Option<PcapFile>,
        options: &CaptureOptions,
    ) -> Result<()> {
        let mut stopped_at: Option<Instant> = None;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                let since = *stopped_at.get_or_insert_with(Instant::now);
                if since.elapsed() > DRAIN_MAX {
                    break;
                }
            }
            let Some(frame) = socket.receive()? else {
                if stopped_at.is_some() {
                    break; // nothing is left that was captured before the end
                }
                continue;
            };
            if let Some(file) = &mut file {
                file.write(frame.bytes, frame.at)?;
            }
            let mut seen = self.seen();
            seen.note(frame.bytes, frame.at, options);
            seen.dropped = u64::from(frame.dropped);
        }
        file.map_or(Ok(()), PcapFile::finish)
    }
}

impl Captured {
    /// Frames of one kind.
    #[must_use]
    pub fn count(&self, class: Class) -> u64 {
        self.frames.get(&class).copied().unwrap_or(0)
    }

    /// All frames.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.frames.values().sum()
    }

    fn note(&mut self, bytes: &[u8], at: SystemTime, options: &CaptureOptions) {
        let seen = Seen::of(bytes);
        *self.frames.entry(seen.class).or_default() += 1;
        *self.bytes.entry(seen.class).or_default() += seen.bytes;
        let is_inner = |address: &Ipv4Addr| options.inner.iter().any(|net| net.contains(address));
        if seen.class == Class::Arp {
            self.arp_for_inner += u64::from(seen.addresses().any(|address| is_inner(&address)));
            return;
        }
        let marked = contains(bytes, &options.marker);
        self.marker_packets += u64::from(marked);
        let why = if seen.addresses().any(|address| is_inner(&address)) {
            "an address of an inner network"
        } else if seen.quoted.into_iter().flatten().any(|address| is_inner(&address)) {
            "an ICMP error that quotes an inner packet"
        } else if marked {
            "the known payload"
        } else {
            return;
        };
        self.clear_text_packets += 1;
        if self.leaks.len() < LEAKS_DESCRIBED_MAX {
            let (source, destination) = (seen.source, seen.destination);
            self.leaks.push(Leak { at, source, destination, class: seen.class, why });
        }
    }
}

fn contains(bytes: &[u8], marker: &[u8]) -> bool {
    !marker.is_empty() && bytes.windows(marker.len()).any(|window| window == marker)
}

#[cfg(test)]
mod tests;
