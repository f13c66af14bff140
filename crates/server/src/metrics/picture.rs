//! Connections and tunnels as they are when somebody asks: what is stored, reported and counted, joined.

use causeway_control::observed::TunnelStatus;
use causeway_control::resource::tunnel::{Tunnel, TunnelRole};
use causeway_control::resource::vpn_connection::{State, VpnConnection};
use causeway_control::state::AccountState;
use causeway_gateway::GatewaySnapshot;
use causeway_gateway::counters::CountersSnapshot;
use causeway_gateway::snapshot::ConnectionSnapshot;

use crate::observations::{Report, TunnelHistory};
use crate::world::World;

/// Everything about connections, at one moment.
pub struct Picture {
    /// Those that are stored.
    pub connections: Vec<ConnectionPicture>,
    /// What the engine counts beside them.
    pub engine: GatewaySnapshot,
}

/// A connection.
pub struct ConnectionPicture {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub account: String,
    /// Where it is.
    pub region: String,
    /// The name its owner gave it.
    pub name: String,
    /// Where it is in its life.
    pub state: State,
    /// How many routes are stored.
    pub routes: usize,
    /// How many of them the forwarding table has.
    pub routes_in_force: usize,
    /// Whether its routes are withdrawn because no tunnel passes the health check.
    pub is_withdrawn: bool,
    /// What was dropped because no tunnel was up.
    pub counters: CountersSnapshot,
    /// Its tunnels.
    pub tunnels: Vec<TunnelPicture>,
}

/// A tunnel.
pub struct TunnelPicture {
    /// Its connection.
    pub connection: String,
    /// Its id.
    pub id: String,
    /// `master` or `slave`.
    pub role: &'static str,
    /// The peer's address.
    pub peer: String,
    /// Whether it is to be up.
    pub is_configured: bool,
    /// How far it is.
    pub status: TunnelStatus,
    /// Whether it is up and nothing is known to keep packets from getting through.
    pub is_healthy: bool,
    /// Whether it carries its connection's packets.
    pub carries: bool,
    /// Whether something keeps it from being further.
    pub is_in_error: bool,
    /// What happened to it.
    pub history: TunnelHistory,
    /// What passed.
    pub counters: CountersSnapshot,
}

impl Picture {
    /// Looks at everything.
    pub fn of(world: &World, engine: GatewaySnapshot) -> Self {
        let reports = world.observed.all();
        let mut connections = Vec::new();
        for head in world.ledger.accounts() {
            let state = head.read();
            for connection in state.all_vpn_connections() {
                let (report, counted) = (reports.get(&connection.id), engine.connections.get(&connection.id));
                connections.push(connection_picture(&state, connection, report, counted));
            }
        }
        Self { connections, engine }
    }

    /// The tunnels of all connections.
    pub fn tunnels(&self) -> impl Iterator<Item = &TunnelPicture> {
        self.connections.iter().flat_map(|connection| &connection.tunnels)
    }
}

fn connection_picture(
    state: &AccountState,
    connection: &VpnConnection,
    report: Option<&Report>,
    counted: Option<&ConnectionSnapshot>,
) -> ConnectionPicture {
    let tunnel = |tunnel| tunnel_picture(state, connection, tunnel, report, counted);
    ConnectionPicture {
        id: connection.id.to_string(),
        account: state.account_id().to_string(),
        region: connection.region.to_string(),
        name: connection.name.clone(),
        state: connection.state(report.map(|report| report.observed.generation)),
        routes: state.route_count_over(connection),
        routes_in_force: counted.map_or(0, |counted| counted.routes_in_force),
        is_withdrawn: report.is_some_and(|report| report.observed.is_withdrawn),
        counters: counted.map(|counted| counted.counters.clone()).unwrap_or_default(),
        tunnels: connection.tunnels.iter().map(tunnel).collect(),
    }
}

fn tunnel_picture(
    state: &AccountState,
    connection: &VpnConnection,
    tunnel: &Tunnel,
    report: Option<&Report>,
    counted: Option<&ConnectionSnapshot>,
) -> TunnelPicture {
    let peer = state.customer_gateway(&tunnel.customer_gateway_id);
    let observed = report.and_then(|report| report.observed.tunnels.get(&tunnel.id));
    let counters = counted.and_then(|counted| counted.tunnels.get(&tunnel.id));
    TunnelPicture {
        connection: connection.id.to_string(),
        id: tunnel.id.to_string(),
        role: match tunnel.role {
            TunnelRole::Master => "master",
            TunnelRole::Slave => "slave",
        },
        peer: peer.map(|peer| peer.ip_address.to_string()).unwrap_or_default(),
        is_configured: connection.domain_owner().is_some(),
        status: observed.map(|observed| observed.status).unwrap_or_default(),
        is_healthy: observed.is_some_and(|observed| observed.is_healthy()),
        carries: counted.is_some_and(|counted| counted.carrier.as_ref() == Some(&tunnel.id)),
        is_in_error: observed.is_some_and(|observed| observed.last_error.is_some()),
        history: report.and_then(|report| report.history.get(&tunnel.id)).copied().unwrap_or_default(),
        counters: counters.cloned().unwrap_or_default(),
    }
}
