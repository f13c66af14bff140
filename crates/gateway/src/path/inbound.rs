//! From the peers to the TUN devices, and IKE messages to whoever negotiates.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use causeway_esp::{NEXT_HEADER_IPV4, spi_of};
use crossbeam_channel::Sender;
use quinn_udp::{BATCH_SIZE, RecvMeta};

use super::{DomainPlane, Inbound, InboundPath, addresses, mss};
use crate::counters::{DropReason, coarse_now_ms};
use crate::offload::join::Joiner;
use crate::sockets::{Carries, NON_ESP_MARKER, Port};
use crate::trie::Trie;

/// A datagram, or as many as the kernel puts together.
const RECEIVE_BYTES: usize = 65_536;
/// How many groups are few.
const FEW: usize = 2;
/// How many receives are a turn.
const RECEIVES_MAX: usize = 4;

/// An IKE message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IkeDatagram {
    /// Our address.
    pub local: std::net::Ipv4Addr,
    /// Whether it came to the port for NAT traversal.
    pub to_nat_traversal: bool,
    /// Who sent it.
    pub remote: SocketAddrV4,
    /// The message, without the marker.
    pub message: Vec<u8>,
}

/// Packets for one device, where they were opened.
#[derive(Default)]
struct Inbox {
    worker: usize,
    joiner: Joiner,
    domain: Option<Arc<DomainPlane>>,
}

/// Finds the paths of SPIs. What one receive brings mostly has one, which is looked up once.
struct Lookup<'a> {
    spis: &'a Trie<InboundPath>,
    last: Option<&'a Arc<InboundPath>>,
}

/// Takes what comes to a worker's sockets.
pub struct Receiver<'a> {
    inbound: &'a Inbound,
    ike: &'a Sender<IkeDatagram>,
    inbox: Inbox,
    storage: Vec<u8>,
    /// Whether the last receive brought few, and the next one asks for no more: asking for many costs as well.
    asks_for_few: bool,
    /// When what is being taken came.
    now_ms: u64,
}

impl<'a> Receiver<'a> {
    /// Writes what is opened to the devices' queues of this worker.
    pub fn new(worker: usize, inbound: &'a Inbound, ike: &'a Sender<IkeDatagram>) -> Self {
        let inbox = Inbox { worker, ..Inbox::default() };
        let storage = vec![0; BATCH_SIZE * RECEIVE_BYTES];
        Self { inbound, ike, inbox, storage, asks_for_few: true, now_ms: 0 }
    }

    /// Takes what a socket has, or a turn of it; true if there may be more.
    pub fn receive(&mut self, port: &Port) -> bool {
        let mut storage = std::mem::take(&mut self.storage);
        let has_more = (0..RECEIVES_MAX).all(|_| self.receive_once(port, &mut storage));
        self.storage = storage;
        has_more
    }

    fn receive_once(&mut self, port: &Port, storage: &mut [u8]) -> bool {
        if self.asks_for_few {
            self.receive_up_to::<FEW>(port, storage)
        } else {
            self.receive_up_to::<BATCH_SIZE>(port, storage)
        }
    }

    fn receive_up_to<const N: usize>(&mut self, port: &Port, storage: &mut [u8]) -> bool {
        let mut meta = [RecvMeta::default(); N];
        let received = {
            let mut buffers: [IoSliceMut<'_>; N] = {
                let mut chunks = storage.chunks_mut(RECEIVE_BYTES);
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()))
            };
            port.receive(&mut buffers, &mut meta)
        };
        match received {
            Ok(groups) => {
                let spis = self.inbound.read();
                let mut lookup = Lookup { spis: &spis, last: None };
                self.now_ms = coarse_now_ms();
                for (number, meta) in meta[..groups].iter().enumerate() {
                    let start = number * RECEIVE_BYTES;
                    self.take_group(port, &mut lookup, storage, start..start + meta.len, meta);
                }
                self.inbox.flush(storage);
                self.asks_for_few = groups < FEW;
                // Fewer than asked for are all that there were.
                groups == N
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            // An ICMP error about something sent earlier, or the like. The socket goes on.
            Err(error) => {
                tracing::debug!(local = %port.local(), %error, "receiving");
                true
            }
        }
    }

    /// Takes the datagrams at `group` in `storage`, all of which are from one peer.
    fn take_group(
        &mut self,
        port: &Port,
        lookup: &mut Lookup<'_>,
        storage: &mut [u8],
        group: Range<usize>,
        meta: &RecvMeta,
    ) {
        let SocketAddr::V4(remote) = meta.addr else { return };
        for start in group.clone().step_by(meta.stride.max(1)) {
            let at = start..(start + meta.stride.max(1)).min(group.end);
            let datagram = &storage[at.clone()];
            match port.carries() {
                Carries::Ike => self.take_ike(port, remote, datagram),
                Carries::EspAndIke => match datagram.strip_prefix(&NON_ESP_MARKER) {
                    Some(message) => self.take_ike(port, remote, message),
                    // A keepalive is one byte and has done its work.
                    None if datagram.len() == 1 => {}
                    None => self.take_esp(lookup, storage, at, Some(remote)),
                },
                Carries::Unreachable => self.inbound.probes.take_icmp(datagram),
                Carries::Esp => {
                    let header = datagram.first().map_or(0, |first| usize::from(first & 0xf) * 4);
                    self.take_esp(lookup, storage, (at.start + header).min(at.end)..at.end, None);
                }
            }
        }
    }

    fn take_ike(&self, port: &Port, remote: SocketAddrV4, message: &[u8]) {
        let datagram = IkeDatagram {
            local: *port.local().ip(),
            to_nat_traversal: port.carries() == Carries::EspAndIke,
            remote,
            message: message.to_vec(),
        };
        if self.ike.try_send(datagram).is_err() {
            self.inbound.ike_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Opens the packet at `at` in `storage`, where it stays until it is written. What came inside UDP has a source.
    fn take_esp(
        &mut self,
        lookup: &mut Lookup<'_>,
        storage: &mut [u8],
        at: Range<usize>,
        source: Option<SocketAddrV4>,
    ) {
        let datagram = &mut storage[at.clone()];
        let Some(spi) = spi_of(datagram) else {
            return self.inbound.counters.dropped(DropReason::Malformed);
        };
        let Some(path) = lookup.path(spi) else {
            return self.inbound.counters.dropped(DropReason::UnknownSpi);
        };
        let inner = match path.sa.open(datagram) {
            Ok(inner) => inner,
            // A dummy packet only hides how much traffic there is.
            Err(causeway_esp::DropReason::Dummy) => return,
            Err(reason) => return path.counters.dropped(reason_of(reason)),
        };
        if let Some(source) = source {
            path.source.note(source);
        }
        let packet = &datagram[inner.range.clone()];
        match addresses(packet) {
            Some((source, destination)) if inner.next_header == NEXT_HEADER_IPV4 => {
                if !path.selectors.allow_inbound(source, destination) {
                    return path.counters.dropped(DropReason::Spoofed);
                }
            }
            _ => return path.counters.dropped(DropReason::NotIpv4),
        }
        if self.inbound.echoes.take(packet) {
            return path.counters.probe_heard();
        }
        path.counters.received(packet.len(), self.now_ms);
        mss::clamp(&mut datagram[inner.range.clone()], path.mtu.segment());
        self.inbox.push(&path.domain, storage, at.start + inner.range.start..at.start + inner.range.end);
    }
}

impl<'a> Lookup<'a> {
    fn path(&mut self, spi: u32) -> Option<&'a Arc<InboundPath>> {
        if self.last.is_none_or(|last| last.sa.spi() != spi) {
            self.last = self.spis.get_key(spi);
        }
        self.last
    }
}

impl Inbox {
    fn push(&mut self, domain: &Arc<DomainPlane>, storage: &mut [u8], packet: Range<usize>) {
        if self.domain.as_ref().is_some_and(|current| !Arc::ptr_eq(current, domain)) {
            self.flush(storage);
        }
        if self.domain.is_none() {
            self.domain = Some(Arc::clone(domain));
        }
        self.joiner.push(storage, packet);
    }

    fn flush(&mut self, storage: &mut [u8]) {
        let Some(domain) = self.domain.take() else { return };
        let queue = domain.device.queue(self.worker);
        if let Err((packets, error)) = self.joiner.write(storage, |pieces| queue.write(pieces)) {
            domain.counters.dropped_many(DropReason::DeviceFailed, packets);
            tracing::debug!(device = domain.device.name(), %error, packets, "writing packets");
        }
    }
}

fn reason_of(reason: causeway_esp::DropReason) -> DropReason {
    match reason {
        causeway_esp::DropReason::TooOld | causeway_esp::DropReason::Replayed => DropReason::Replayed,
        causeway_esp::DropReason::NotAuthentic => DropReason::NotAuthentic,
        causeway_esp::DropReason::LifetimeOver => DropReason::LifetimeOver,
        _ => DropReason::Malformed,
    }
}
