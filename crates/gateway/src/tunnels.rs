//! The tunnels as the packet path sees them: child SAs come, are used, move and go, as the negotiation says.
//!
//! One thread owns this. What it changes, the packet path sees by atomic swaps: the SPI map, and for each connection the
//! [`Carrier`] that all of its routes share. A connection takes the best of its tunnels that are up, as [`crate::health`] has it.
//!
//! A rekey makes before it breaks: the new child is installed and received on, then `ChildUse` switches what is sent, and the
//! old one is received on until `ChildDown`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use causeway_control::ids::{TunnelId, VpnConnectionId};
use causeway_control::observed::NegotiatedSelectors;
use causeway_control::resource::health_check::HealthCheckPolicy;
use causeway_control::resource::tunnel::TunnelRole;
use causeway_crypto::{Protection, WrongKeyLength};
use causeway_esp::{InboundSa, OutboundSa, ReplayWindow, SequenceNumbers, Traffic};
use causeway_ike::{ChildSa, DirectionKeys, TunnelKey};

use crate::config::GatewayConfig;
use crate::counters::Counters;
use crate::forwarding::Carrier;
use crate::health::{Candidate, Standing, decide};
use crate::path::echo::Echoes;
use crate::path::{
    DomainPlane, Inbound, InboundPath, LastSource, OutboundPath, OutboundPaths, PathMtu, Peer, Selectors,
};
use crate::sockets::LocalPorts;

mod way;

use way::Way;

/// Why a child SA cannot be installed. The peers agreed on something that we cannot do, which is a mistake of ours.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// For this tunnel nothing is configured.
    #[error("the tunnel is not configured")]
    UnknownTunnel,
    /// We have no socket there.
    #[error("the address {0} is none of ours")]
    UnknownAddress(Ipv4Addr),
    /// The keys do not fit the algorithms.
    #[error(transparent)]
    Keys(#[from] WrongKeyLength),
}

/// A tunnel, as the packet path needs it.
#[derive(Clone)]
pub struct TunnelPlace {
    /// Whose tunnel it is.
    pub connection: VpnConnectionId,
    /// Its name.
    pub id: TunnelId,
    /// Whether it is preferred.
    pub role: TunnelRole,
    /// Where its packets come from and go to.
    pub domain: Arc<DomainPlane>,
    /// What the connection's routes share.
    pub carrier: Arc<Carrier<OutboundPaths>>,
    /// The tunnel's counters.
    pub counters: Arc<Counters>,
}

struct Tunnel {
    place: TunnelPlace,
    /// The children that are sent on, the preferred one first.
    in_use: Vec<u32>,
    paths: Option<Arc<OutboundPaths>>,
    way: Way,
    /// How good it is, whether only others of its connection are heard, and what follows if no tunnel is good.
    judged: Judged,
    /// How many packets had gone into it and come out of it when that was last asked.
    passed: (u64, u64),
}

/// What is known of a tunnel beyond its being up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Judged {
    /// How good it is.
    pub standing: Standing,
    /// Whether packets still come out of another tunnel of its connection, and out of this one no longer.
    pub is_mute: bool,
    /// What follows if no tunnel is good.
    pub policy: Option<HealthCheckPolicy>,
}

/// What passed through a tunnel since that was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Packets went into it, probes aside.
    pub sent: bool,
    /// Packets came out of it.
    pub heard: bool,
}

/// What carries the packets of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chosen {
    /// The tunnel.
    pub tunnel: Option<TunnelKey>,
    /// Tunnels are up, and none of them passes the health check.
    pub is_refused: bool,
}

struct Child {
    tunnel: TunnelKey,
    sa: Arc<OutboundSa>,
    inbound: Arc<InboundPath>,
    /// It was asked to be replaced.
    is_worn: bool,
    mtu: Arc<PathMtu>,
    selectors: Selectors,
    /// The same as it was negotiated.
    negotiated: NegotiatedSelectors,
    local: Ipv4Addr,
    remote: Ipv4Addr,
    encapsulation: Option<(SocketAddrV4, SocketAddrV4)>,
}

/// All tunnels and their child SAs.
pub struct Tunnels {
    inbound: Arc<Inbound>,
    ports: BTreeMap<Ipv4Addr, Arc<LocalPorts>>,
    tunnels: BTreeMap<TunnelKey, Tunnel>,
    /// By the SPI that we chose.
    children: BTreeMap<u32, Child>,
    connections: BTreeMap<VpnConnectionId, BTreeSet<TunnelKey>>,
    chosen: BTreeMap<VpnConnectionId, Chosen>,
    /// The connections of which something may be otherwise than when that was last asked.
    changed: BTreeSet<VpnConnectionId>,
    /// No packet comes out of a TUN device that is longer.
    device_mtu: usize,
    /// What a child may carry at most.
    traffic_max: Traffic,
}

impl Tunnels {
    /// No tunnels yet.
    pub fn new(
        inbound: Arc<Inbound>,
        ports: BTreeMap<Ipv4Addr, Arc<LocalPorts>>,
        config: &GatewayConfig,
    ) -> Self {
        Self {
            inbound,
            ports,
            tunnels: BTreeMap::new(),
            children: BTreeMap::new(),
            connections: BTreeMap::new(),
            chosen: BTreeMap::new(),
            changed: BTreeSet::new(),
            device_mtu: config.mtu.into(),
            traffic_max: config.sa_traffic_max,
        }
    }

    /// The sockets of one of our addresses.
    pub fn ports(&self, local: Ipv4Addr) -> Option<&Arc<LocalPorts>> {
        self.ports.get(&local)
    }

    /// Makes the packets of probes.
    pub fn echoes(&self) -> &Echoes {
        &self.inbound.echoes
    }

    /// Where a tunnel is.
    pub fn place(&self, key: TunnelKey) -> Option<&TunnelPlace> {
        self.tunnels.get(&key).map(|tunnel| &tunnel.place)
    }

    /// All tunnels.
    pub fn keys(&self) -> Vec<TunnelKey> {
        self.tunnels.keys().copied().collect()
    }

    /// Adds a tunnel, or changes its role.
    pub fn put(&mut self, key: TunnelKey, place: TunnelPlace) {
        let connection = place.connection.clone();
        self.connections.entry(connection.clone()).or_default().insert(key);
        match self.tunnels.get_mut(&key) {
            Some(tunnel) => tunnel.place = place,
            None => {
                let passed = (place.counters.sent_packets(), place.counters.heard_packets());
                let (judged, way) = (Judged::default(), Way::default());
                let (in_use, paths) = (Vec::new(), None);
                self.tunnels.insert(key, Tunnel { place, in_use, paths, way, judged, passed });
            }
        }
        self.choose(&connection);
    }

    /// Removes a tunnel with all of its children.
    pub fn remove(&mut self, key: TunnelKey) {
        let of_tunnel = self.children.iter().filter(|(_, child)| child.tunnel == key);
        for spi in of_tunnel.map(|(spi, _)| *spi).collect::<Vec<_>>() {
            self.child_down(spi);
        }
        let Some(tunnel) = self.tunnels.remove(&key) else { return };
        let connection = tunnel.place.connection;
        if let Some(keys) = self.connections.get_mut(&connection) {
            keys.remove(&key);
            if keys.is_empty() {
                tunnel.place.carrier.switch(None);
                tunnel.place.carrier.switch_last_resort(None);
                self.connections.remove(&connection);
                self.chosen.remove(&connection);
            }
        }
        self.choose(&connection);
    }

    /// Receives on a new child.
    pub fn child_up(&mut self, key: TunnelKey, child: &ChildSa) -> Result<(), InstallError> {
        let place = &self.tunnels.get(&key).ok_or(InstallError::UnknownTunnel)?.place;
        self.ports.get(&child.local).ok_or(InstallError::UnknownAddress(child.local))?;
        let selectors = Selectors::new(&child.local_ts, &child.remote_ts);
        let numbers = match child.extended_sequence_numbers {
            true => SequenceNumbers::Extended,
            false => SequenceNumbers::Standard,
        };
        let window = ReplayWindow::new(ReplayWindow::DEFAULT_SIZE, numbers);
        let outbound = OutboundSa::new(child.outbound_spi, protection(child, &child.outbound_key)?, numbers);
        let mtu = Arc::new(PathMtu::new(self.device_mtu));
        let inbound = InboundSa::new(child.inbound_spi, protection(child, &child.inbound_key)?, window);
        let inbound = Arc::new(InboundPath {
            sa: inbound.within(self.traffic_max),
            selectors: selectors.clone(),
            domain: Arc::clone(&place.domain),
            mtu: Arc::clone(&mtu),
            source: LastSource::default(),
            counters: Arc::clone(&place.counters),
        });
        self.inbound.install(Arc::clone(&inbound));
        let installed = Child {
            tunnel: key,
            sa: Arc::new(outbound.within(self.traffic_max)),
            inbound,
            is_worn: false,
            mtu,
            selectors,
            negotiated: NegotiatedSelectors {
                local: child.local_ts.clone(),
                remote: child.remote_ts.clone(),
            },
            local: child.local,
            remote: child.remote,
            encapsulation: child.encapsulation,
        };
        self.children.insert(child.inbound_spi, installed);
        Ok(())
    }

    /// Sends on these children, the preferred one first, and on no other of the tunnel.
    pub fn child_use(&mut self, key: TunnelKey, inbound_spis: Vec<u32>) {
        if let Some(tunnel) = self.tunnels.get_mut(&key) {
            tunnel.in_use = inbound_spis;
            tunnel.place.counters.child_used();
            tunnel.way.probe_soon();
            self.reroute(key);
        }
    }

    /// Sends to where the peer is now.
    pub fn child_moved(&mut self, inbound_spi: u32, encapsulation: Option<(SocketAddrV4, SocketAddrV4)>) {
        if let Some(child) = self.children.get_mut(&inbound_spi) {
            child.encapsulation = encapsulation;
            let key = child.tunnel;
            self.tunnels.get_mut(&key).into_iter().for_each(|tunnel| tunnel.way.forget());
            self.reroute(key);
        }
    }

    /// Removes both directions of a child.
    pub fn child_down(&mut self, inbound_spi: u32) {
        self.inbound.remove(inbound_spi);
        let Some(child) = self.children.remove(&inbound_spi) else { return };
        // No other list is told when the last child goes, and somebody may choose the number again.
        if let Some(tunnel) = self.tunnels.get_mut(&child.tunnel) {
            tunnel.in_use.retain(|spi| *spi != inbound_spi);
        }
        self.reroute(child.tunnel);
    }

    /// What was negotiated for the children that a tunnel sends on, taken together. Where there are several because the peer
    /// takes single pairs of networks, it may be that not each pair of these has one.
    pub fn selectors(&self, key: TunnelKey) -> Option<NegotiatedSelectors> {
        let in_use = self.tunnels.get(&key)?.in_use.iter().filter_map(|spi| self.children.get(spi));
        let mut negotiated = in_use.map(|child| &child.negotiated);
        let mut all = negotiated.next()?.clone();
        for next in negotiated {
            for (nets, more) in [(&mut all.local, &next.local), (&mut all.remote, &next.remote)] {
                let news: Vec<_> = more.iter().filter(|net| !nets.contains(net)).copied().collect();
                nets.extend(news);
            }
        }
        Some(all)
    }

    /// What passed through each tunnel that is up since this was last asked.
    pub fn take_passed(&mut self) -> BTreeMap<TunnelKey, Passed> {
        let mut passed = BTreeMap::new();
        for (key, tunnel) in self.tunnels.iter_mut().filter(|(_, tunnel)| tunnel.paths.is_some()) {
            let counters = &tunnel.place.counters;
            let now = (counters.sent_packets(), counters.heard_packets());
            let before = std::mem::replace(&mut tunnel.passed, now);
            passed.insert(*key, Passed { sent: before.0 != now.0, heard: before.1 != now.1 });
        }
        passed
    }

    /// The children out of which packets came since this was last asked from elsewhere than we send to, and where that was.
    pub fn take_moved(&self) -> Vec<(TunnelKey, u32, SocketAddrV4)> {
        let moved = |(spi, child): (&u32, &Child)| {
            let (_, remote) = child.encapsulation?;
            let source = child.inbound.source.take().filter(|source| *source != remote)?;
            Some((child.tunnel, *spi, source))
        };
        self.children.iter().filter_map(moved).collect()
    }

    /// Says how good a tunnel is, and what follows if none of its connection is good.
    pub fn judge(&mut self, key: TunnelKey, judged: Judged) {
        let Some(tunnel) = self.tunnels.get_mut(&key) else { return };
        if tunnel.judged != judged {
            tunnel.judged = judged;
            let connection = tunnel.place.connection.clone();
            self.choose(&connection);
        }
    }

    /// The ways out of a tunnel, while it is up.
    pub fn paths(&self, key: TunnelKey) -> Option<&Arc<OutboundPaths>> {
        self.tunnels.get(&key)?.paths.as_ref()
    }

    /// What carries the packets of a connection.
    pub fn chosen(&self, connection: &VpnConnectionId) -> Chosen {
        self.chosen.get(connection).copied().unwrap_or_default()
    }

    /// Whether a tunnel carries the packets of its connection.
    pub fn carries(&self, key: TunnelKey) -> bool {
        self.place(key).is_some_and(|place| self.chosen(&place.connection).tunnel == Some(key))
    }

    /// The tunnels of a connection.
    pub fn of_connection(&self, connection: &VpnConnectionId) -> impl Iterator<Item = TunnelKey> {
        self.connections.get(connection).into_iter().flatten().copied()
    }

    /// The connections that may be carried otherwise than when this was last asked.
    pub fn take_changed(&mut self) -> BTreeSet<VpnConnectionId> {
        std::mem::take(&mut self.changed)
    }

    /// The children in use that have carried half of what they may, each once: it is time to replace them.
    pub fn take_worn(&mut self) -> Vec<(TunnelKey, u32)> {
        let in_use: Vec<_> =
            self.tunnels.iter().flat_map(|(key, it)| it.in_use.iter().map(|spi| (*key, *spi))).collect();
        let mut is_worn = |spi: &u32| {
            let child = self.children.get_mut(spi).filter(|child| !child.is_worn);
            child.is_some_and(|child| {
                child.is_worn = child.sa.is_worn() || child.inbound.sa.is_worn();
                child.is_worn
            })
        };
        in_use.into_iter().filter(|(_, spi)| is_worn(spi)).collect()
    }

    /// The tunnels one of whose children in use carries nothing more, because it was not replaced in time.
    pub fn used_up(&self) -> Vec<TunnelKey> {
        let is_used_up = |tunnel: &Tunnel| {
            let mut children = tunnel.in_use.iter().filter_map(|spi| self.children.get(spi));
            children.any(|child| child.sa.is_over() || child.inbound.sa.is_over())
        };
        self.tunnels.iter().filter(|(_, tunnel)| is_used_up(tunnel)).map(|(key, _)| *key).collect()
    }

    /// Makes the tunnel's paths those of the children in use.
    fn reroute(&mut self, key: TunnelKey) {
        let Some(tunnel) = self.tunnels.get(&key) else { return };
        let counters = &tunnel.place.counters;
        let in_use = tunnel.in_use.iter().filter_map(|spi| self.children.get(spi));
        let children: Box<[_]> =
            in_use.filter_map(|child| self.path(child, counters)).map(Arc::new).collect();
        let paths = OutboundPaths { children, counters: Arc::clone(counters) };
        let connection = tunnel.place.connection.clone();
        if let Some(tunnel) = self.tunnels.get_mut(&key) {
            paths.children.iter().for_each(|path| tunnel.way.apply(path, self.device_mtu));
            tunnel.paths = (!paths.children.is_empty()).then(|| Arc::new(paths));
        }
        self.choose(&connection);
    }

    fn path(&self, child: &Child, counters: &Arc<Counters>) -> Option<OutboundPath> {
        let (local, remote, in_udp) = match child.encapsulation {
            Some((local, remote)) => (*local.ip(), remote, true),
            None => (child.local, SocketAddrV4::new(child.remote, 0), false),
        };
        Some(OutboundPath {
            sa: Arc::clone(&child.sa),
            selectors: child.selectors.clone(),
            peer: Peer { ports: Arc::clone(self.ports.get(&local)?), remote, in_udp },
            mtu: Arc::clone(&child.mtu),
            counters: Arc::clone(counters),
        })
    }

    /// Sends the connection's packets over its best tunnel that is up.
    fn choose(&mut self, connection: &VpnConnectionId) {
        let keys = self.connections.get(connection).into_iter().flatten();
        let mut tunnels: Vec<_> = keys.filter_map(|key| Some((*key, self.tunnels.get(key)?))).collect();
        tunnels.sort_by_key(|(_, tunnel)| (tunnel.place.role, &tunnel.place.id));
        let Some((_, first)) = tunnels.first() else { return };
        let before = self.chosen(connection).tunnel;
        let candidate = |(key, it): &(TunnelKey, &Tunnel)| {
            let Judged { standing, is_mute, .. } = it.judged;
            Candidate { is_up: it.paths.is_some(), standing, is_mute, carries: before == Some(*key) }
        };
        let candidates: Vec<_> = tunnels.iter().map(candidate).collect();
        let decision = decide(&candidates, first.judged.policy);
        let of_place = |place: Option<usize>| place.and_then(|place| tunnels.get(place));
        let paths = |place: Option<usize>| of_place(place).and_then(|(_, tunnel)| tunnel.paths.clone());
        first.place.carrier.switch(paths(decision.carrier));
        first.place.carrier.switch_last_resort(paths(decision.last_resort));
        let tunnel = of_place(decision.carrier).map(|(key, _)| *key);
        let chosen = Chosen { tunnel, is_refused: decision.last_resort.is_some() };
        self.chosen.insert(connection.clone(), chosen);
        self.changed.insert(connection.clone());
    }
}

fn protection(child: &ChildSa, keys: &DirectionKeys) -> Result<Protection, WrongKeyLength> {
    let (encryption, integrity) = (keys.encryption.as_bytes(), keys.integrity.as_bytes());
    Protection::new(child.encryption, child.integrity, encryption, integrity)
}
