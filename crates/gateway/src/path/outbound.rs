//! From a TUN device to the peers.

use std::io::{self, IoSlice};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::sync::Arc;

use causeway_esp::{NEXT_HEADER_IPV4, SealError};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::too_big::{Answer, Limiter};
use super::{DomainPlane, OutboundPath, OutboundPaths, addresses, fragment, mss};
use crate::counters::{DropReason, coarse_now_ms};
use crate::forwarding::Lookup;
use crate::offload::split::Group;
use crate::sockets::SEND_BYTES_MAX;
use crate::stop::StopSignal;
use crate::tun::{READ_BYTES, TunQueue};

/// How many reads before the signal to stop is looked at again, however much there is to read.
const READS_MAX: usize = 256;

/// Packets that are sealed and will be sent in one system call: equally long, but for the last, and to one peer.
struct Outbox {
    sealed: Vec<u8>,
    path: Option<Arc<OutboundPath>>,
    /// The length of each but the last.
    segment: usize,
    packets: usize,
    inner_bytes: usize,
    /// Whether the last was shorter, so that none may follow.
    is_closed: bool,
    /// Bounds what is told of packets that are too big.
    answers: Limiter,
    /// A packet that comes apart.
    whole: Vec<u8>,
}

/// Forwards what comes out of a worker's queue of the device until told to stop, or until the device is gone.
pub fn forward(domain: &DomainPlane, worker: usize, stop: &StopSignal) {
    let queue = domain.device.queue(worker);
    let mut buffer = vec![0; READ_BYTES];
    let mut outbox = Outbox::new();
    loop {
        let mut waiting =
            [PollFd::new(queue.as_fd(), PollFlags::POLLIN), PollFd::new(stop.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waiting, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => tracing::error!(device = domain.device.name(), %error, "waiting for packets"),
        }
        if waiting[1].any().unwrap_or(true) {
            return;
        }
        for _ in 0..READS_MAX {
            match read_once(domain, queue, &mut buffer, &mut outbox) {
                Read::Packets => {}
                Read::Nothing => break,
                // The domain is opened anew, with a thread of its own.
                Read::Gone => return,
            }
        }
        outbox.flush();
    }
}

/// What a read found.
enum Read {
    Packets,
    Nothing,
    /// Somebody removed the device.
    Gone,
}

fn read_once(domain: &DomainPlane, queue: &TunQueue, buffer: &mut [u8], outbox: &mut Outbox) -> Read {
    match queue.read(buffer) {
        Ok(len) => {
            match Group::read(&mut buffer[..len]) {
                Ok(group) => forward_group(domain, queue, &group, outbox),
                Err(error) => {
                    domain.counters.dropped(DropReason::Malformed);
                    tracing::debug!(device = domain.device.name(), %error, "reading a packet");
                }
            }
            Read::Packets
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Read::Nothing,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Read::Packets,
        Err(error) if error.raw_os_error() == Some(libc::EBADFD) => Read::Gone,
        Err(error) => {
            domain.counters.dropped(DropReason::Malformed);
            tracing::debug!(device = domain.device.name(), %error, "reading a packet");
            Read::Packets
        }
    }
}

/// Packets of one group go the same way: it is looked up once.
fn forward_group(domain: &DomainPlane, queue: &TunQueue, group: &Group<'_>, outbox: &mut Outbox) {
    let table = domain.table.read();
    let packets = group.segments() as u64;
    let Some((source, destination)) = addresses(group.packet()) else {
        return domain.counters.dropped_many(DropReason::NotIpv4, packets);
    };
    match table.lookup(source, destination) {
        Lookup::Path(paths) => {
            let Some(paths) = paths.as_ref() else { return };
            forward_over(paths, (source, destination), group, (queue, outbox));
        }
        Lookup::Down(candidate) => match table.last_resort(source, destination) {
            Some(paths) => forward_over(&paths, (source, destination), group, (queue, outbox)),
            None => candidate.carrier.counters().dropped_many(DropReason::TunnelDown, packets),
        },
        Lookup::NoRoute => domain.counters.dropped_many(DropReason::NoRoute, packets),
    }
}

fn forward_over(
    paths: &OutboundPaths,
    (source, destination): (Ipv4Addr, Ipv4Addr),
    group: &Group<'_>,
    (queue, outbox): (&TunQueue, &mut Outbox),
) {
    let Some(path) = paths.select(source, destination) else {
        return paths.counters.dropped_many(DropReason::OutsideSelectors, group.segments() as u64);
    };
    if group.segment_len(0) > path.mtu.inner() {
        return outbox.push_too_big(path, group, queue);
    }
    for number in 0..group.segments() {
        outbox.push(path, group, number);
    }
}

impl Outbox {
    fn new() -> Self {
        Self {
            sealed: Vec::with_capacity(SEND_BYTES_MAX + 2_048),
            path: None,
            segment: 0,
            packets: 0,
            inner_bytes: 0,
            is_closed: false,
            answers: Limiter::default(),
            whole: Vec::with_capacity(READ_BYTES),
        }
    }

    /// Seals one packet of a group, right where it is sent from.
    fn push(&mut self, path: &Arc<OutboundPath>, group: &Group<'_>, number: usize) {
        self.push_inner(path, group.segment_len(number), |sealed| {
            let start = sealed.len();
            group.append_segment(number, sealed);
            // What opens a connection comes alone.
            if group.segments() == 1 {
                mss::clamp(&mut sealed[start..], path.mtu.segment());
            }
        });
    }

    /// Packets of a group that are longer than the way takes come apart. Where that is forbidden, their sender is told of the
    /// first, as it would be of a group in the kernel.
    fn push_too_big(&mut self, path: &Arc<OutboundPath>, group: &Group<'_>, queue: &TunQueue) {
        let (packets, mtu) = (group.segments(), path.mtu.inner());
        let mut whole = std::mem::take(&mut self.whole);
        for number in 0..packets {
            whole.clear();
            group.append_segment(number, &mut whole);
            if fragment::is_forbidden(&whole) {
                path.counters.dropped_many(DropReason::TooBig, packets as u64);
                self.answer(&whole, mtu, queue);
                break;
            }
            let is_split = fragment::fragment(&whole, mtu, |header, payload| {
                self.push_inner(path, header.len() + payload.len(), |sealed| {
                    sealed.extend_from_slice(header);
                    sealed.extend_from_slice(payload);
                });
            });
            if !is_split {
                path.counters.dropped(DropReason::Malformed);
            }
        }
        self.whole = whole;
    }

    fn answer(&mut self, packet: &[u8], mtu: usize, queue: &TunQueue) {
        if !self.answers.permits(coarse_now_ms()) {
            return;
        }
        let Some(answer) = Answer::to(packet, mtu) else { return };
        let header = [0; tun_rs::VIRTIO_NET_HDR_LEN];
        if let Err(error) = queue.write(&[IoSlice::new(&header), IoSlice::new(answer.as_bytes())]) {
            tracing::debug!(%error, "answering a packet that is too big");
        }
    }

    /// Seals a packet of so many bytes that `append` writes.
    fn push_inner(&mut self, path: &Arc<OutboundPath>, inner_len: usize, append: impl FnOnce(&mut Vec<u8>)) {
        let length = path.sa.sealed_len(inner_len);
        if !self.has_room(path, length) {
            self.flush();
        }
        let start = self.sealed.len();
        let inner = start + path.sa.headroom();
        self.sealed.resize(inner, 0);
        append(&mut self.sealed);
        self.sealed.resize(start + length, 0);
        let sealed = path.sa.seal_in_place(&mut self.sealed, inner..inner + inner_len, NEXT_HEADER_IPV4);
        if let Err(error) = sealed {
            self.sealed.truncate(start);
            return path.counters.dropped(reason_of(error));
        }
        if self.packets == 0 {
            self.path = Some(Arc::clone(path));
            self.segment = length;
        }
        self.packets += 1;
        self.inner_bytes += inner_len;
        self.is_closed = length < self.segment;
    }

    fn has_room(&self, path: &Arc<OutboundPath>, length: usize) -> bool {
        self.path.as_ref().is_some_and(|current| {
            Arc::ptr_eq(current, path)
                && !self.is_closed
                && length <= self.segment
                && self.packets < path.peer.segments_max()
                && self.sealed.len() + length <= SEND_BYTES_MAX
        })
    }

    fn flush(&mut self) {
        if let Some(path) = self.path.take() {
            match path.peer.send(&self.sealed, self.segment) {
                Ok(()) => path.counters.sent(self.packets as u64, self.inner_bytes, coarse_now_ms()),
                Err(error) => {
                    path.counters.dropped_many(DropReason::SendFailed, self.packets as u64);
                    tracing::debug!(peer = ?path.peer, %error, "sending ESP");
                }
            }
        }
        self.sealed.clear();
        (self.packets, self.inner_bytes, self.is_closed) = (0, 0, false);
    }
}

pub(super) fn reason_of(error: SealError) -> DropReason {
    match error {
        SealError::SequenceExhausted => DropReason::SequenceExhausted,
        SealError::LifetimeOver => DropReason::LifetimeOver,
        // There is always room; a packet whose length is wrong has none.
        SealError::NoRoom => DropReason::Malformed,
    }
}
