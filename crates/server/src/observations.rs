//! What the gateway reports: the observed state of each connection, and the lines of its log.
//!
//! Nothing here is stored. After a restart everything is unknown until the gateway has looked, and a
//! connection is `updating` until then: a status is never older than the process that reports it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};

use causeway_control::desired::RouteMatch;
use causeway_control::ids::{TunnelId, VpnConnectionId, VpnGatewayId};
use causeway_control::observed::{
    LogEntry, LogLine, Logs, Observations, ObservedConnection, ObservedForwarding, TunnelStatus,
};
use causeway_gateway::EngineHandle;

/// How many lines of log a connection keeps; older ones go.
const LINES_MAX: usize = 2_000;

/// The latest report on each connection, and whom to ask for what changes with every packet.
#[derive(Default)]
pub struct Observed {
    connections: RwLock<BTreeMap<VpnConnectionId, Report>>,
    /// The generation that is in force of each VPN gateway whose domain is open.
    vpn_gateways: RwLock<BTreeMap<VpnGatewayId, u64>>,
    engine: OnceLock<Weak<dyn EngineHandle>>,
}

/// What is known of one connection.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The latest report.
    pub observed: ObservedConnection,
    /// What the reports before it came to.
    pub history: BTreeMap<TunnelId, TunnelHistory>,
}

/// How often something happened to a tunnel, since the process began or the connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TunnelHistory {
    /// It came up.
    pub establishments: u64,
    /// Something new kept it from being up.
    pub errors: u64,
}

impl Observed {
    /// Keeps a report in place of the one before.
    pub fn put(&self, id: &VpnConnectionId, observed: ObservedConnection) {
        let mut connections = self.connections.write().unwrap_or_else(PoisonError::into_inner);
        connections.entry(id.clone()).or_default().put(observed);
    }

    /// The domain of a VPN gateway is open, and this generation in force.
    pub fn put_vpn_gateway(&self, id: &VpnGatewayId, generation: u64) {
        let mut gateways = self.vpn_gateways.write().unwrap_or_else(PoisonError::into_inner);
        gateways.insert(id.clone(), generation);
    }

    /// The domain of a VPN gateway is closed.
    pub fn forget_vpn_gateway(&self, id: &VpnGatewayId) {
        self.vpn_gateways.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Whom to ask for what is programmed. The engine knows us as well, so that it is not kept alive from here.
    pub fn ask(&self, engine: &Arc<dyn EngineHandle>) {
        // A second engine in one process would be a mistake of ours, and harmless: the first stays.
        let _already_set = self.engine.set(Arc::downgrade(engine));
    }

    /// Everything that is known.
    pub fn all(&self) -> BTreeMap<VpnConnectionId, Report> {
        self.connections.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The connection is gone from the gateway.
    pub fn forget(&self, id: &VpnConnectionId) {
        self.connections.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

impl Observations for Observed {
    fn get(&self, id: &VpnConnectionId) -> Option<ObservedConnection> {
        let connections = self.connections.read().unwrap_or_else(PoisonError::into_inner);
        connections.get(id).map(|report| report.observed.clone())
    }

    fn vpn_gateway(&self, id: &VpnGatewayId) -> Option<u64> {
        self.vpn_gateways.read().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    fn forwarding(&self, id: &VpnConnectionId, of: Option<RouteMatch>) -> Option<ObservedForwarding> {
        self.engine.get()?.upgrade()?.forwarding(id, of)
    }
}

impl Report {
    fn put(&mut self, observed: ObservedConnection) {
        for (id, tunnel) in &observed.tunnels {
            let before = self.observed.tunnels.get(id).cloned().unwrap_or_default();
            let is_up = |status| status == TunnelStatus::IpsecSaEstablished;
            let history = self.history.entry(id.clone()).or_default();
            history.establishments += u64::from(is_up(tunnel.status) && !is_up(before.status));
            history.errors +=
                u64::from(tunnel.last_error.is_some() && tunnel.last_error != before.last_error);
        }
        self.observed = observed;
    }
}

/// The last lines of each connection's log.
#[derive(Debug, Default)]
pub struct ConnectionLogs {
    lines: Mutex<BTreeMap<VpnConnectionId, VecDeque<LogEntry>>>,
}

impl ConnectionLogs {
    /// Appends a line, and says it in the server's own log too.
    pub fn append(&self, line: LogLine, now_ms: i64) {
        let tunnel = line.tunnel.as_ref().map(ToString::to_string).unwrap_or_default();
        tracing::info!(target: "causeway::connection", connection = %line.connection, tunnel, level = ?line.level, "{}", line.text);
        let mut logs = self.lock();
        let lines = logs.entry(line.connection.clone()).or_default();
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(LogEntry { at_ms: now_ms, line });
    }

    /// Drops the log of a connection that is gone.
    pub fn forget(&self, id: &VpnConnectionId) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<VpnConnectionId, VecDeque<LogEntry>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Logs for ConnectionLogs {
    fn lines(&self, id: &VpnConnectionId, from_ms: i64, to_ms: i64) -> Vec<LogEntry> {
        let within = |entry: &&LogEntry| (from_ms..=to_ms).contains(&entry.at_ms);
        self.lock().get(id).map(|lines| lines.iter().filter(within).cloned().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use causeway_control::ids::{TunnelId, VpnConnectionId};
    use causeway_control::observed::{Observations, ObservedConnection, ObservedTunnel, TunnelStatus};

    use super::{Observed, TunnelHistory};

    fn reported(status: TunnelStatus, error: Option<&str>) -> ObservedConnection {
        let tunnel: TunnelId = "tun-a".parse().unwrap();
        let last_error = error.map(str::to_owned);
        let observed = ObservedTunnel { status, last_error, ..ObservedTunnel::default() };
        ObservedConnection { generation: 1, tunnels: [(tunnel, observed)].into(), is_withdrawn: false }
    }

    #[test]
    fn each_time_a_tunnel_comes_up_and_each_new_error_counts_once() {
        let (observed, id): (_, VpnConnectionId) = (Observed::default(), "vco-a".parse().unwrap());
        let (down, up) = (TunnelStatus::IkeSaNotEstablished, TunnelStatus::IpsecSaEstablished);
        let said = [
            (down, None),
            (up, None),
            (up, None),
            (down, Some("x")),
            (down, Some("x")),
            (down, Some("y")),
            (up, None),
        ];
        for (status, error) in said {
            observed.put(&id, reported(status, error));
        }
        let history = observed.all()[&id].history.values().copied().collect::<Vec<_>>();
        assert_eq!(history, [TunnelHistory { establishments: 2, errors: 2 }]);
        observed.forget(&id);
        assert!(observed.get(&id).is_none());
    }
}
