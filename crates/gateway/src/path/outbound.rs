//! From a TUN device to the peers.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use causeway_esp::{NEXT_HEADER_IPV4, SealError};

use super::too_big::{Answer, Limiter};
use super::{DomainPlane, OutboundPath, OutboundPaths, addresses, fragment, mss};
use crate::counters::{DropReason, coarse_now_ms};
use crate::forwarding::Lookup;
use crate::offload::split::Group;
use crate::sockets::{Port, SEND_BYTES_MAX, SEND_PATIENCE};
use crate::tun::{READ_BYTES, TunQueue};

/// How many reads are a turn,
const READS_MAX: usize = 256;
/// and how many bytes: a millisecond's at 8 Gb/s.
const READ_BYTES_MAX: usize = 1 << 20;

/// Takes what comes out of a worker's queues of the devices.
pub struct Forwarder {
    buffer: Vec<u8>,
    outbox: Outbox,
}

/// Packets that are sealed and will be sent in one system call: equally long, but for the last, and to one peer.
#[derive(Default)]
struct Batch {
    sealed: Vec<u8>,
    path: Option<Arc<OutboundPath>>,
    /// The length of each but the last.
    segment: usize,
    packets: usize,
    inner_bytes: usize,
}

/// What is on its way out.
struct Outbox {
    filling: Batch,
    /// Whether its last packet was shorter, so that none may follow.
    is_closed: bool,
    /// What did not fit into a send buffer, at most what one read brought, and since when the first of it has waited.
    waiting: VecDeque<Batch>,
    waiting_since: Instant,
    /// Bounds what is told of packets that are too big.
    answers: Limiter,
    /// A packet that comes apart.
    whole: Vec<u8>,
}

impl Forwarder {
    /// With nothing to send yet.
    pub fn new() -> Self {
        Self { buffer: vec![0; READ_BYTES], outbox: Outbox::new() }
    }

    /// Takes what a queue of a domain's device has, or a turn of it; true if there may be more.
    pub fn forward(&mut self, domain: &DomainPlane, queue: &TunQueue) -> bool {
        let (mut has_more, mut bytes) = (true, 0);
        for _ in 0..READS_MAX {
            match read_once(domain, queue, &mut self.buffer, &mut self.outbox) {
                Some(len) => bytes += len,
                None => has_more = false,
            }
            if !has_more || bytes > READ_BYTES_MAX || self.is_stalled() {
                break;
            }
        }
        self.outbox.flush();
        has_more
    }

    /// Whether something waits for room in a send buffer. Nothing is to be forwarded until it has gone.
    pub fn is_stalled(&self) -> bool {
        !self.outbox.waiting.is_empty()
    }

    /// In which send buffer room is waited for, and for how long.
    pub fn waits_for(&self) -> Option<(&Port, Instant)> {
        let path = self.outbox.waiting.front()?.path.as_ref()?;
        Some((path.peer.port(), self.outbox.waiting_since + SEND_PATIENCE))
    }

    /// Sends what waits and fits now, and gives up what has waited for too long.
    pub fn send_waiting(&mut self) {
        let outbox = &mut self.outbox;
        while let Some(batch) = outbox.waiting.front() {
            if let Err(error) = batch.send() {
                if outbox.waiting_since.elapsed() < SEND_PATIENCE {
                    return;
                }
                batch.give_up(&error);
            }
            outbox.waiting.pop_front();
            outbox.waiting_since = Instant::now();
        }
    }
}

/// How much there was; `None` if there is nothing now.
fn read_once(
    domain: &DomainPlane,
    queue: &TunQueue,
    buffer: &mut [u8],
    outbox: &mut Outbox,
) -> Option<usize> {
    let malformed = |error: &dyn std::fmt::Display| {
        domain.counters.dropped(DropReason::Malformed);
        tracing::debug!(device = domain.device.name(), %error, "reading a packet");
    };
    match queue.read(buffer) {
        Ok(len) => {
            match Group::read(&mut buffer[..len]) {
                Ok(group) => forward_group(domain, queue, &group, outbox),
                Err(error) => malformed(&error),
            }
            Some(len)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Some(0),
        // Somebody removed the device; the domain is opened anew.
        Err(error) if error.raw_os_error() == Some(libc::EBADFD) => None,
        Err(error) => {
            malformed(&error);
            Some(0)
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
        let sealed = Vec::with_capacity(SEND_BYTES_MAX + 2_048);
        Self {
            filling: Batch { sealed, ..Batch::default() },
            is_closed: false,
            waiting: VecDeque::new(),
            waiting_since: Instant::now(),
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
        let batch = &mut self.filling;
        let start = batch.sealed.len();
        let inner = start + path.sa.headroom();
        batch.sealed.resize(inner, 0);
        append(&mut batch.sealed);
        batch.sealed.resize(start + length, 0);
        let sealed = path.sa.seal_in_place(&mut batch.sealed, inner..inner + inner_len, NEXT_HEADER_IPV4);
        if let Err(error) = sealed {
            batch.sealed.truncate(start);
            return path.counters.dropped(reason_of(error));
        }
        if batch.packets == 0 {
            batch.path = Some(Arc::clone(path));
            batch.segment = length;
        }
        batch.packets += 1;
        batch.inner_bytes += inner_len;
        self.is_closed = length < batch.segment;
    }

    fn has_room(&self, path: &Arc<OutboundPath>, length: usize) -> bool {
        let batch = &self.filling;
        batch.path.as_ref().is_some_and(|current| {
            Arc::ptr_eq(current, path)
                && !self.is_closed
                && length <= batch.segment
                && batch.packets < path.peer.segments_max()
                && batch.sealed.len() + length <= SEND_BYTES_MAX
        })
    }

    /// Sends what there is. Where there is no room for it, or for what came before it, it waits.
    fn flush(&mut self) {
        if self.waiting.is_empty() && self.filling.send().is_ok() {
            self.filling.clear();
        } else if self.filling.path.is_some() {
            if self.waiting.is_empty() {
                self.waiting_since = Instant::now();
            }
            self.waiting.push_back(self.filling.take());
        }
        self.is_closed = false;
    }
}

impl Batch {
    /// Sends it and counts it, as lost if it cannot be sent at all.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is no room in the send buffer.
    fn send(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        match path.peer.try_send(&self.sealed, self.segment) {
            Ok(()) => path.counters.sent(self.packets as u64, self.inner_bytes, coarse_now_ms()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            Err(error) => self.give_up(&error),
        }
        Ok(())
    }

    fn give_up(&self, error: &io::Error) {
        let Some(path) = &self.path else { return };
        path.counters.dropped_many(DropReason::SendFailed, self.packets as u64);
        tracing::debug!(peer = ?path.peer, %error, "sending ESP");
    }

    /// What it holds. It is empty then, and keeps its room.
    fn take(&mut self) -> Self {
        let taken = Self { sealed: self.sealed.clone(), path: self.path.take(), ..*self };
        self.clear();
        taken
    }

    fn clear(&mut self) {
        self.sealed.clear();
        (self.path, self.packets, self.inner_bytes) = (None, 0, 0);
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
