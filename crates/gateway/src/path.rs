//! The packet path: what a packet meets between a TUN device and the peer.
//!
//! ```text
//!   TUN -> forwarding table (destination -> OutboundPaths) -> which child's selectors? -> seal -> UDP    outbound.rs
//!   UDP -> SPI (-> InboundPath) -> open -> within the selectors? -> TUN                                inbound.rs
//! ```
//!
//! A packet that the way does not take comes apart before it is sealed, or its sender is told what would pass
//! (`fragment`, `too_big`, and `mss` for TCP). [`probe`] finds out what that is.
//!
//! Both directions run in the threads of the [`worker`]s, of which there is one for each processor: each has a queue of every
//! TUN device, and a socket on port 4500 of each of our addresses. Linux keeps a connection in one queue, and a peer at one
//! socket. Nothing on the way is locked between tunnels, nothing is allocated for a packet, and what the threads look up are
//! snapshots that are swapped atomically. Every packet that does not arrive is counted, by reason, on the tunnel that it
//! belonged to or, if it belonged to none, on the domain or the gateway. None leaves in clear, because there is no code that
//! would send one so.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};
use causeway_control::ids::VpnConnectionId;
use causeway_esp::{InboundSa, OutboundSa};

use crate::counters::Counters;
use crate::forwarding::ForwardingTable;
use crate::offload::{IP_HEADER, UDP_HEADER};
use crate::path::probe::Probes;
use crate::sockets::{LocalPorts, Port};
use crate::trie::Trie;
use crate::tun::TunDevice;

pub mod echo;
mod fragment;
pub mod inbound;
mod mss;
mod mtu;
mod outbound;
pub mod probe;
pub mod selectors;
mod source;
mod too_big;
mod wake;
pub mod worker;

use echo::Echoes;
pub use mtu::PathMtu;
pub use selectors::Selectors;
pub use source::LastSource;

/// A forwarding domain: one TUN device, one forwarding table. Nothing crosses domains.
pub struct DomainPlane {
    /// Where Linux hands us the packets of the domain.
    pub device: TunDevice,
    /// Which tunnel they take.
    pub table: ForwardingTable<VpnConnectionId, OutboundPaths>,
    /// Counts what belongs to no tunnel.
    pub counters: Counters,
}

/// The ways out of one tunnel, over the child SAs that are in use.
#[derive(Debug)]
pub struct OutboundPaths {
    /// The preferred one first; a packet takes the first that may carry it. Never empty.
    pub children: Box<[Arc<OutboundPath>]>,
    /// The tunnel's.
    pub counters: Arc<Counters>,
}

impl OutboundPaths {
    /// The only way.
    pub fn only(path: OutboundPath) -> Self {
        let counters = Arc::clone(&path.counters);
        Self { children: [Arc::new(path)].into(), counters }
    }

    /// The way of a packet, if one of the child SAs may carry it.
    pub fn select(&self, source: Ipv4Addr, destination: Ipv4Addr) -> Option<&Arc<OutboundPath>> {
        self.children.iter().find(|child| child.selectors.allow_outbound(source, destination))
    }
}

/// The way out over one child SA.
#[derive(Debug)]
pub struct OutboundPath {
    /// Seals; shared with the path that replaces this one when the peer moves.
    pub sa: Arc<OutboundSa>,
    /// What may go through.
    pub selectors: Selectors,
    /// Where the ESP packets go.
    pub peer: Peer,
    /// How long a packet may be; the way in shares it.
    pub mtu: Arc<PathMtu>,
    /// The tunnel's.
    pub counters: Arc<Counters>,
}

/// How ESP packets reach the peer.
pub struct Peer {
    /// Over one of these sockets.
    pub ports: Arc<LocalPorts>,
    /// To this address, and to this port if they go inside UDP.
    pub remote: SocketAddrV4,
    /// Whether they go inside UDP.
    pub in_udp: bool,
}

/// The way in of one child SA.
pub struct InboundPath {
    /// Opens.
    pub sa: InboundSa,
    /// What may come through.
    pub selectors: Selectors,
    /// Where it goes.
    pub domain: Arc<DomainPlane>,
    /// How long a packet may be; the way out shares it.
    pub mtu: Arc<PathMtu>,
    /// Where the peer's packets come from, if they are inside UDP.
    pub source: LastSource,
    /// The tunnel's.
    pub counters: Arc<Counters>,
}

/// What all threads of the packet path share.
#[derive(Default)]
pub struct Inbound {
    spis: ArcSwap<Trie<InboundPath>>,
    /// Counts packets that belong to no tunnel.
    pub counters: Counters,
    /// Makes our own packets, and takes the answers to them.
    pub echoes: Echoes,
    /// What finds out how long packets may be on the way to the peers.
    pub probes: Probes,
    /// IKE messages that were dropped because the negotiation was busy.
    ike_dropped: AtomicU64,
}

impl Inbound {
    /// Receives packets of this SPI from now on. There is one writer.
    pub fn install(&self, path: Arc<InboundPath>) {
        let changed = self.spis.load().with_key(path.sa.spi(), path);
        self.spis.store(Arc::new(changed));
    }

    /// Receives no more packets of this SPI.
    pub fn remove(&self, spi: u32) {
        let changed = self.spis.load().without_key(spi);
        self.spis.store(Arc::new(changed));
    }

    /// How many SPIs there are.
    pub fn len(&self) -> usize {
        self.spis.load().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// IKE messages that were dropped so far because the negotiation was busy.
    pub fn ike_dropped(&self) -> u64 {
        self.ike_dropped.load(Ordering::Relaxed)
    }

    fn read(&self) -> Guard<Arc<Trie<InboundPath>>> {
        self.spis.load()
    }
}

impl OutboundPath {
    /// The longest inner packet whose outer packet has at most `outer` bytes.
    pub fn inner_len(&self, outer: usize) -> usize {
        self.sa.inner_len(outer.saturating_sub(self.peer.overhead()))
    }

    /// The length of the outer packet of an inner one.
    pub fn outer_len(&self, inner: usize) -> usize {
        self.sa.sealed_len(inner) + self.peer.overhead()
    }
}

impl Peer {
    /// What goes around an ESP packet, in bytes.
    fn overhead(&self) -> usize {
        IP_HEADER + if self.in_udp { UDP_HEADER } else { 0 }
    }

    /// How many ESP packets one send may hold.
    fn segments_max(&self) -> usize {
        self.port().segments_max()
    }

    /// Sends an ESP packet. See [`Port::send`].
    fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.port().send(self.remote, packet)
    }

    /// Sends ESP packets of `segment` bytes each, the last of which may be shorter. See [`Port::try_send`].
    fn try_send(&self, packets: &[u8], segment: usize) -> io::Result<()> {
        self.port().try_send(self.remote, packets, segment)
    }

    fn port(&self) -> &Port {
        if self.in_udp { &self.ports.nat_traversal } else { &self.ports.esp }
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let protocol = if self.in_udp { "UDP" } else { "ESP" };
        write!(f, "{} -> {} in {protocol}", self.ports.nat_traversal.local().ip(), self.remote)
    }
}

/// Source and destination of an IPv4 packet, `None` if it is none.
fn addresses(packet: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let header = packet.first_chunk::<20>().filter(|header| header[0] >> 4 == 4)?;
    let address = |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
    Some((address(12), address(16)))
}
