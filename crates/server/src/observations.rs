//! What the gateway reports: the observed state of each connection, and the lines of its log.
//!
//! Nothing here is stored. After a restart everything is unknown until the gateway has looked, and a
//! connection is `updating` until then: a status is never older than the process that reports it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use causeway_control::ids::VpnConnectionId;
use causeway_control::observed::{LogEntry, LogLine, Logs, Observations, ObservedConnection};

/// How many lines of log a connection keeps; older ones go.
const LINES_MAX: usize = 2_000;

/// The latest report on each connection.
#[derive(Debug, Default)]
pub struct Observed {
    connections: RwLock<BTreeMap<VpnConnectionId, ObservedConnection>>,
}

impl Observed {
    /// Keeps a report in place of the one before.
    pub fn put(&self, id: &VpnConnectionId, observed: ObservedConnection) {
        self.connections.write().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), observed);
    }

    /// The connection is gone from the gateway.
    pub fn forget(&self, id: &VpnConnectionId) {
        self.connections.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

impl Observations for Observed {
    fn get(&self, id: &VpnConnectionId) -> Option<ObservedConnection> {
        self.connections.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
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
