//! From the peers to the TUN devices, and IKE messages to whoever negotiates.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use causeway_esp::{NEXT_HEADER_IPV4, spi_of};
use crossbeam_channel::Sender;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use quinn_udp::{BATCH_SIZE, RecvMeta};
use tun_rs::GROTable;

use super::{DomainPlane, Inbound, InboundPath, addresses};
use crate::counters::DropReason;
use crate::sockets::{Carries, LocalPorts, NON_ESP_MARKER, Port};
use crate::stop::StopSignal;
use crate::trie::Trie;
use crate::tun::HEADROOM;

/// A datagram, or as many as the kernel puts together.
const RECEIVE_BYTES: usize = 65_536;
/// Packets that are written to a device in one go.
const WRITE_PACKETS_MAX: usize = 128;
/// Room for a packet to which others are appended.
const WRITE_BYTES: usize = 65_536 + 2 * HEADROOM;
/// How many receives before another socket and the signal to stop are looked at again.
const RECEIVES_MAX: usize = 64;

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

/// Packets for one device.
struct Inbox {
    packets: Vec<Vec<u8>>,
    count: usize,
    domain: Option<Arc<DomainPlane>>,
    gro: GROTable,
}

/// What one thread works with.
struct Receiver<'a> {
    inbound: &'a Inbound,
    ike: &'a Sender<IkeDatagram>,
    inbox: Inbox,
}

/// Forwards what comes to the sockets until told to stop.
pub fn receive(ports: &LocalPorts, inbound: &Inbound, ike: &Sender<IkeDatagram>, stop: &StopSignal) {
    let mut storage = vec![0; BATCH_SIZE * RECEIVE_BYTES];
    let mut receiver = Receiver { inbound, ike, inbox: Inbox::new() };
    let all = ports.all();
    loop {
        let mut waiting: Vec<_> =
            all.iter().map(|port| PollFd::new(port.as_fd(), PollFlags::POLLIN)).collect();
        waiting.push(PollFd::new(stop.as_fd(), PollFlags::POLLIN));
        match poll(&mut waiting, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => tracing::error!(%error, "waiting for datagrams"),
        }
        if waiting.last().is_none_or(|stop| stop.any().unwrap_or(true)) {
            return;
        }
        for (port, waiting) in all.into_iter().zip(&waiting) {
            if waiting.any().unwrap_or(true) {
                receiver.drain(port, &mut storage);
            }
        }
    }
}

impl Receiver<'_> {
    fn drain(&mut self, port: &Port, storage: &mut [u8]) {
        for _ in 0..RECEIVES_MAX {
            let mut meta = [RecvMeta::default(); BATCH_SIZE];
            let received = {
                let mut buffers: [IoSliceMut<'_>; BATCH_SIZE] = {
                    let mut chunks = storage.chunks_mut(RECEIVE_BYTES);
                    std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()))
                };
                port.receive(&mut buffers, &mut meta)
            };
            match received {
                Ok(groups) => {
                    let spis = self.inbound.read();
                    for (buffer, meta) in storage.chunks_mut(RECEIVE_BYTES).zip(&meta[..groups]) {
                        self.take_group(port, &spis, &mut buffer[..meta.len], meta);
                    }
                    self.inbox.flush();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // An ICMP error about something sent earlier, or the like. The socket goes on.
                Err(error) => tracing::debug!(local = %port.local(), %error, "receiving"),
            }
        }
    }

    fn take_group(&mut self, port: &Port, spis: &Trie<InboundPath>, group: &mut [u8], meta: &RecvMeta) {
        let SocketAddr::V4(remote) = meta.addr else { return };
        for datagram in group.chunks_mut(meta.stride.max(1)) {
            match port.carries() {
                Carries::Ike => self.take_ike(port, remote, datagram),
                Carries::EspAndIke => match datagram.strip_prefix(&NON_ESP_MARKER) {
                    Some(message) => self.take_ike(port, remote, message),
                    // A keepalive is one byte and has done its work.
                    None if datagram.len() == 1 => {}
                    None => self.take_esp(spis, datagram),
                },
                Carries::Esp => {
                    let header = datagram.first().map_or(0, |first| usize::from(first & 0xf) * 4);
                    self.take_esp(spis, datagram.get_mut(header..).unwrap_or_default());
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

    fn take_esp(&mut self, spis: &Trie<InboundPath>, datagram: &mut [u8]) {
        let Some(spi) = spi_of(datagram) else {
            return self.inbound.counters.dropped(DropReason::Malformed);
        };
        let Some(path) = spis.get_key(spi) else {
            return self.inbound.counters.dropped(DropReason::UnknownSpi);
        };
        let inner = match path.sa.open(datagram) {
            Ok(inner) => inner,
            // A dummy packet only hides how much traffic there is.
            Err(causeway_esp::DropReason::Dummy) => return,
            Err(reason) => return path.counters.dropped(reason_of(reason)),
        };
        let packet = &datagram[inner.range];
        match addresses(packet) {
            Some((source, destination)) if inner.next_header == NEXT_HEADER_IPV4 => {
                if !path.selectors.allow_inbound(source, destination) {
                    return path.counters.dropped(DropReason::Spoofed);
                }
            }
            _ => return path.counters.dropped(DropReason::NotIpv4),
        }
        path.counters.received(packet.len());
        self.inbox.push(&path.domain, packet);
    }
}

impl Inbox {
    fn new() -> Self {
        Self {
            packets: (0..WRITE_PACKETS_MAX).map(|_| Vec::with_capacity(WRITE_BYTES)).collect(),
            count: 0,
            domain: None,
            gro: GROTable::new(),
        }
    }

    fn push(&mut self, domain: &Arc<DomainPlane>, packet: &[u8]) {
        let is_other = self.domain.as_ref().is_some_and(|current| !Arc::ptr_eq(current, domain));
        if is_other || self.count == self.packets.len() {
            self.flush();
        }
        if self.domain.is_none() {
            self.domain = Some(Arc::clone(domain));
        }
        let buffer = &mut self.packets[self.count];
        buffer.clear();
        buffer.resize(HEADROOM, 0);
        buffer.extend_from_slice(packet);
        self.count += 1;
    }

    fn flush(&mut self) {
        let Some(domain) = self.domain.take() else { return };
        if let Err(error) = domain.device.write(&mut self.gro, &mut self.packets[..self.count]) {
            domain.counters.dropped(DropReason::DeviceFailed);
            tracing::debug!(device = domain.device.name(), %error, "writing packets");
        }
        self.count = 0;
    }
}

fn reason_of(reason: causeway_esp::DropReason) -> DropReason {
    match reason {
        causeway_esp::DropReason::TooOld | causeway_esp::DropReason::Replayed => DropReason::Replayed,
        causeway_esp::DropReason::NotAuthentic => DropReason::NotAuthentic,
        _ => DropReason::Malformed,
    }
}
