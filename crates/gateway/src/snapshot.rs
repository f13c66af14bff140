//! What a running gateway can be asked: counters, and what is programmed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_control::desired::{Domain, RouteMatch};
use causeway_control::ids::{TunnelId, VpnConnectionId};
use causeway_control::observed::ObservedForwarding;

use crate::counters::{Counters, CountersSnapshot};
use crate::forwarding::Carrier;
use crate::path::{DomainPlane, Inbound, OutboundPaths};
use crate::routes::KnownRoutes;

/// A gateway at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewaySnapshot {
    /// Its connections.
    pub connections: BTreeMap<VpnConnectionId, ConnectionSnapshot>,
    /// Its domains.
    pub domains: BTreeMap<Domain, DomainSnapshot>,
    /// What came to it and belonged to no tunnel.
    pub unattributed: CountersSnapshot,
    /// IKE messages that were dropped because the negotiation was busy.
    pub ike_dropped: u64,
}

/// A connection at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionSnapshot {
    /// What was dropped because no tunnel of it was up.
    pub counters: CountersSnapshot,
    /// Its tunnels.
    pub tunnels: BTreeMap<TunnelId, CountersSnapshot>,
    /// How many prefixes it has in the forwarding table.
    pub routes_in_force: usize,
    /// The tunnel that carries its packets, if one does.
    pub carrier: Option<TunnelId>,
}

/// A domain at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainSnapshot {
    /// Its TUN device.
    pub device: String,
    /// How many prefixes its forwarding table has.
    pub prefixes: usize,
    /// What came out of its device and belonged to no tunnel.
    pub counters: CountersSnapshot,
}

/// The counters of one connection.
#[derive(Clone, Default)]
pub struct ConnectionCounters {
    /// Its own.
    pub connection: Arc<Counters>,
    /// Its tunnels'.
    pub tunnels: BTreeMap<TunnelId, Arc<Counters>>,
    /// How many prefixes it has in the forwarding table.
    pub routes_in_force: usize,
    /// The way that its packets take; none before it is in a domain.
    pub way: Option<Way>,
}

/// The way that the packets of a connection take.
#[derive(Clone)]
pub struct Way {
    /// Where it is.
    pub plane: Arc<DomainPlane>,
    /// What its routes share.
    pub carrier: Arc<Carrier<OutboundPaths>>,
    /// The Linux routes of the domain, which are whosever prefix it is.
    pub linux_routes: Arc<KnownRoutes>,
}

impl ConnectionCounters {
    /// The tunnel that carries its packets now.
    fn carrier(&self) -> Option<TunnelId> {
        let path = self.way.as_ref()?.carrier.path();
        let path = path.as_ref()?;
        let is_carrier = |counters: &Arc<Counters>| Arc::ptr_eq(&path.counters, counters);
        self.tunnels.iter().find(|(_, it)| is_carrier(it)).map(|(id, _)| id.clone())
    }
}

/// Where the counters are found. The packet path never looks here.
#[derive(Default)]
pub struct Registry {
    shelves: Mutex<Shelves>,
    inbound: Arc<Inbound>,
}

/// What the registry knows.
#[derive(Default)]
pub struct Shelves {
    /// By connection.
    pub connections: BTreeMap<VpnConnectionId, ConnectionCounters>,
    /// By domain.
    pub domains: BTreeMap<Domain, Arc<DomainPlane>>,
}

impl Registry {
    /// Of a gateway that receives over `inbound`.
    pub fn new(inbound: Arc<Inbound>) -> Self {
        Self { shelves: Mutex::default(), inbound }
    }

    /// To look something up or change it.
    pub fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is programmed of one connection, for a route if one is named: the entry is looked up in the forwarding table
    /// itself. The Linux routes are the domain's: what one connection has withdrawn another may still publish.
    pub fn forwarding(&self, id: &VpnConnectionId, of: Option<RouteMatch>) -> Option<ObservedForwarding> {
        let shelves = self.lock();
        let counters = shelves.connections.get(id)?;
        let way = counters.way.as_ref()?;
        let entry = of.and_then(|of| way.plane.table.weight(of, id));
        let device = &way.plane.device;
        let is_brought = of.is_some_and(|of| way.linux_routes.lead_to(of.dest, device.index()));
        let tunnels = || counters.tunnels.iter();
        Some(ObservedForwarding {
            entry,
            linux_route: is_brought.then(|| device.name().to_owned()),
            carrier: counters.carrier(),
            tunnels: tunnels().map(|(id, counters)| (id.clone(), counters.traffic())).collect(),
        })
    }

    /// Everything now.
    pub fn snapshot(&self) -> GatewaySnapshot {
        let shelves = self.lock();
        let connection = |counters: &ConnectionCounters| ConnectionSnapshot {
            counters: counters.connection.snapshot(),
            tunnels: counters
                .tunnels
                .iter()
                .map(|(id, counters)| (id.clone(), counters.snapshot()))
                .collect(),
            routes_in_force: counters.routes_in_force,
            carrier: counters.carrier(),
        };
        let domain = |plane: &Arc<DomainPlane>| DomainSnapshot {
            device: plane.device.name().to_owned(),
            prefixes: plane.table.len(),
            counters: plane.counters.snapshot(),
        };
        GatewaySnapshot {
            connections: shelves.connections.iter().map(|(id, it)| (id.clone(), connection(it))).collect(),
            domains: shelves.domains.iter().map(|(name, plane)| (name.clone(), domain(plane))).collect(),
            unattributed: self.inbound.counters.snapshot(),
            ike_dropped: self.inbound.ike_dropped(),
        }
    }
}
