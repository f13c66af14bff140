//! UDP from one host to another, as fast as what is between them takes it.
//!
//! The load adapts itself: at most [`WINDOW`] datagrams are under way, and a new one leaves when an old one has arrived. So
//! whatever is slowest on the way is always busy and never flooded, and what arrives is what it can do. Datagrams that do not
//! arrive are given up when nothing arrives any more for a while, and are counted.

use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use causeway_netlab::Host;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{RcvBufForce, UdpGroSegment, UdpGsoSegment};
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, sendmmsg, setsockopt};

/// The most datagrams under way: a little less than a TUN device's usual queue of 500.
const WINDOW: u64 = 480;
/// Datagrams that are sent or received by one system call.
const BATCH: usize = 32;
/// Datagrams in one send that the kernel, or somebody on the way, segments.
const SEGMENTS: usize = 40;
/// Nothing arrives for so long: what is under way is lost.
const PATIENCE: Duration = Duration::from_millis(10);
/// What the kernel holds for the receiver.
const BUFFER_BYTES: usize = 8 << 20;

/// How datagrams are handed to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handing {
    /// One by one, as most programs do, and as they arrive from a network card.
    Single,
    /// Many in one piece (UDP_SEGMENT and UDP_GRO), as QUIC does.
    Segmented,
}

/// What to send.
#[derive(Debug, Clone, Copy)]
pub struct UdpLoad {
    /// Bytes of payload of each datagram.
    pub payload: usize,
    /// How they are handed to the kernel.
    pub handing: Handing,
    /// How long to send.
    pub duration: Duration,
}

/// What arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrived {
    /// Datagrams that arrived in time.
    pub received: u64,
    /// Datagrams that were given up.
    pub lost: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl Arrived {
    /// Thousands of datagrams per second.
    pub fn kpps(&self) -> f64 {
        self.received as f64 / self.elapsed.as_secs_f64() / 1e3
    }
}

/// What sender and receiver know of each other.
#[derive(Default)]
struct Shared {
    sent: AtomicU64,
    received: AtomicU64,
    over: AtomicBool,
}

/// Sends from one host to an address of another.
pub fn udp_throughput(from: &Host, to: &Host, at: SocketAddrV4, load: UdpLoad) -> Result<Arrived> {
    let receiving = to.enter(|| UdpSocket::bind(at))?.with_context(|| format!("binding {at}"))?;
    let at = receiving.local_addr()?;
    let sending = from.enter(|| -> std::io::Result<UdpSocket> {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(at)?;
        Ok(socket)
    })??;
    receiving.set_read_timeout(Some(Duration::from_millis(20)))?;
    setsockopt(&receiving, RcvBufForce, &BUFFER_BYTES)?;
    if load.handing == Handing::Segmented {
        setsockopt(&receiving, UdpGroSegment, &true)?;
        setsockopt(&sending, UdpGsoSegment, &i32::try_from(load.payload)?)?;
    }
    let shared = Arc::new(Shared::default());
    let (sender, shared_too) = (std::thread::current(), Arc::clone(&shared));
    let receiver = std::thread::spawn(move || receive(&receiving, load, &shared_too, &sender));
    let arrived = send(&sending, load, &shared);
    shared.over.store(true, Ordering::Relaxed);
    receiver.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    arrived
}

fn send(socket: &UdpSocket, load: UdpLoad, shared: &Shared) -> Result<Arrived> {
    let start = Instant::now();
    let (mut lost, mut heard) = (0, (0, start));
    let mut headers = MultiHeaders::<()>::preallocate(BATCH, None);
    let step = if load.handing == Handing::Single { BATCH } else { SEGMENTS };
    let payload = vec![0x5a_u8; load.payload * SEGMENTS];
    while start.elapsed() < load.duration {
        let received = shared.received.load(Ordering::Relaxed);
        let sent = shared.sent.load(Ordering::Relaxed);
        // One that was given up may arrive after all.
        let under_way = sent.saturating_sub(received + lost);
        if received != heard.0 {
            heard = (received, Instant::now());
        }
        if under_way + step as u64 > WINDOW {
            if heard.1.elapsed() > PATIENCE {
                lost += under_way;
                heard.1 = Instant::now();
            } else {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            continue;
        }
        let taken = match load.handing {
            Handing::Single => send_single(socket, &payload[..load.payload], &mut headers)?,
            Handing::Segmented => send_segmented(socket, &payload)?,
        };
        shared.sent.fetch_add(taken, Ordering::Relaxed);
    }
    let received = shared.received.load(Ordering::Relaxed);
    Ok(Arrived { received, lost, elapsed: start.elapsed() })
}

fn send_single(socket: &UdpSocket, payload: &[u8], headers: &mut MultiHeaders<()>) -> Result<u64> {
    let slices: [[IoSlice<'_>; 1]; BATCH] = std::array::from_fn(|_| [IoSlice::new(payload)]);
    match sendmmsg(socket.as_raw_fd(), headers, &slices, [None::<()>; BATCH], [], MsgFlags::empty()) {
        Ok(sent) => Ok(sent.count() as u64),
        Err(Errno::ENOBUFS | Errno::EAGAIN | Errno::EINTR) => Ok(0),
        Err(error) => Err(error).context("sending datagrams"),
    }
}

fn send_segmented(socket: &UdpSocket, payload: &[u8]) -> Result<u64> {
    match socket.send(payload) {
        Ok(_all) => Ok(SEGMENTS as u64),
        Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => Ok(0),
        Err(error) => Err(error).context("sending datagrams in one piece"),
    }
}

/// Receives until the sender is done, and wakes it when there is room for another batch.
fn receive(socket: &UdpSocket, load: UdpLoad, shared: &Shared, sender: &Thread) -> Result<()> {
    let bytes = if load.handing == Handing::Single { 2_048 } else { 65_536 };
    let mut storage = vec![0_u8; bytes * BATCH];
    let mut headers = MultiHeaders::<()>::preallocate(BATCH, None);
    while !shared.over.load(Ordering::Relaxed) {
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            storage.chunks_mut(bytes).map(|chunk| [IoSliceMut::new(chunk)]).collect();
        let received =
            recvmmsg(socket.as_raw_fd(), &mut headers, &mut slices, MsgFlags::MSG_WAITFORONE, None);
        let arrived = match received {
            Ok(messages) => messages.map(|message| message.bytes.div_ceil(load.payload) as u64).sum(),
            Err(Errno::EAGAIN | Errno::EINTR) => 0,
            Err(error) => return Err(error).context("receiving datagrams"),
        };
        let received = shared.received.fetch_add(arrived, Ordering::Relaxed) + arrived;
        if shared.sent.load(Ordering::Relaxed).saturating_sub(received) <= WINDOW / 2 {
            sender.unpark();
        }
    }
    Ok(())
}
