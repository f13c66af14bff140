//! What the gateway tells of each connection: one picture, to which reconciliation and negotiation both contribute.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_control::desired::Domain;
use causeway_control::ids::{TunnelId, VpnConnectionId};
use causeway_control::observed::{
    Level, LogLine, NegotiatedSelectors, ObservedConnection, ObservedTunnel, Observer, TunnelHealth,
};

/// Keeps the picture and passes on each change of it. The observer is called under a lock, so that it sees the changes in
/// order; it must be quick and must not call back.
pub struct Reports {
    observer: Arc<dyn Observer>,
    connections: Mutex<BTreeMap<VpnConnectionId, ObservedConnection>>,
}

impl Reports {
    /// A picture of nothing.
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        Self { observer, connections: Mutex::default() }
    }

    /// A connection is being programmed; none of its generations is in force yet.
    pub fn begin(&self, id: &VpnConnectionId) {
        self.lock().entry(id.clone()).or_default();
    }

    /// This generation of the connection is wholly in force.
    pub fn in_force(&self, id: &VpnConnectionId, generation: u64) {
        self.change(id, |observed| observed.generation = generation);
    }

    /// A tunnel was configured.
    pub fn begin_tunnel(&self, id: &VpnConnectionId, tunnel: &TunnelId) {
        self.change(id, |observed| {
            observed.tunnels.entry(tunnel.clone()).or_default();
        });
    }

    /// A tunnel was removed.
    pub fn forget_tunnel(&self, id: &VpnConnectionId, tunnel: &TunnelId) {
        self.change(id, |observed| drop(observed.tunnels.remove(tunnel)));
    }

    /// How far a tunnel is; its selectors and its health stay as they are. Of one that was removed meanwhile there is nothing to tell.
    pub fn tunnel(&self, id: &VpnConnectionId, tunnel: &TunnelId, now: ObservedTunnel) {
        self.change(id, |observed| {
            if let Some(known) = observed.tunnels.get_mut(tunnel) {
                *known = ObservedTunnel { selectors: known.selectors.take(), health: known.health, ..now };
            }
        });
    }

    /// What was negotiated for the security associations that a tunnel sends on; none while there is none.
    pub fn selectors(&self, id: &VpnConnectionId, tunnel: &TunnelId, selectors: Option<NegotiatedSelectors>) {
        self.change(id, |observed| {
            if let Some(known) = observed.tunnels.get_mut(tunnel) {
                known.selectors = selectors;
            }
        });
    }

    /// Whether packets get through a tunnel.
    pub fn health(&self, id: &VpnConnectionId, tunnel: &TunnelId, health: TunnelHealth) {
        self.change(id, |observed| {
            if let Some(known) = observed.tunnels.get_mut(tunnel) {
                known.health = health;
            }
        });
    }

    /// Whether the connection's routes are withdrawn because no tunnel passes the health check.
    pub fn withdrawn(&self, id: &VpnConnectionId, is_withdrawn: bool) {
        self.change(id, |observed| observed.is_withdrawn = is_withdrawn);
    }

    /// Nothing of the connection is left.
    pub fn gone(&self, id: &VpnConnectionId) {
        let mut connections = self.lock();
        connections.remove(id);
        self.observer.gone(id);
    }

    /// The domain of a VPN gateway is open, and this generation in force.
    pub fn domain_open(&self, domain: &Domain, generation: u64) {
        self.observer.domain_observed(domain, generation);
    }

    /// Nothing of the domain of a VPN gateway is left.
    pub fn domain_gone(&self, domain: &Domain) {
        self.observer.domain_gone(domain);
    }

    /// A line for the connection's log.
    pub fn log(
        &self,
        id: &VpnConnectionId,
        tunnel: Option<&TunnelId>,
        level: Level,
        text: impl Into<String>,
    ) {
        self.observer.log(LogLine {
            connection: id.clone(),
            tunnel: tunnel.cloned(),
            level,
            text: text.into(),
        });
    }

    /// The picture of one connection.
    pub fn get(&self, id: &VpnConnectionId) -> Option<ObservedConnection> {
        self.lock().get(id).cloned()
    }

    fn change(&self, id: &VpnConnectionId, change: impl FnOnce(&mut ObservedConnection)) {
        let mut connections = self.lock();
        let Some(observed) = connections.get_mut(id) else { return };
        let before = observed.clone();
        change(observed);
        if *observed != before {
            self.observer.observed(id, observed.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<VpnConnectionId, ObservedConnection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
