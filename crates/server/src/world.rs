//! The world: the ledger and what the gateway reports, joined into what each needs of the other.
//!
//! The gateway sees only what is durable ([`Desires`]); the API sees only what the gateway reported
//! ([`Observer`]). A nudge between them says that something changed, never what.

use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use causeway_control::core::Settings;
use causeway_control::desired::{
    self, DesiredConnection, DesiredDomain, Desires, Domain, DomainOwner, Listing,
};
use causeway_control::error::Busy;
use causeway_control::ids::{RegionId, VpnConnectionId};
use causeway_control::observed::{LogLine, ObservedConnection, Observer};

use crate::config::Config;
use crate::ledger::{Durable, Head, Ledger};
use crate::metrics::Requests;
use crate::observations::{ConnectionLogs, Observed};
use crate::turns::Turns;

/// Wakes the engine; cheap, and may be called from any thread.
pub type Waker = Box<dyn Fn() + Send + Sync>;

/// Everything that the API and the engine share.
pub struct World {
    /// What is stored.
    pub ledger: Ledger,
    /// What the gateway reported.
    pub observed: Observed,
    /// The connections' logs.
    pub logs: ConnectionLogs,
    /// Who waits for which connection or VPN gateway.
    pub turns: Turns,
    /// What the operations need of the configuration.
    pub settings: Settings,
    /// What was asked, counted.
    pub requests: Requests,
    waker: OnceLock<Waker>,
}

impl World {
    /// Joins a ledger with nothing observed yet.
    pub fn new(ledger: Ledger, config: &Config) -> Self {
        Self {
            ledger,
            observed: Observed::default(),
            logs: ConnectionLogs::default(),
            turns: Turns::new(config.api.waiting_changes_max),
            settings: settings(config),
            requests: Requests::default(),
            waker: OnceLock::new(),
        }
    }

    /// Says how to wake the engine; until then nudges are not needed, since it looks when it starts.
    pub fn wake_engine_with(&self, waker: Waker) {
        // A second engine in one process would be a mistake of ours, and harmless: the first stays.
        let _already_set = self.waker.set(waker);
    }

    /// A hint to the engine that something is different.
    pub fn nudge(&self) {
        if let Some(wake) = self.waker.get() {
            wake();
        }
    }

    /// The time in UNIX milliseconds.
    pub fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    /// Fresh random bytes.
    pub fn random_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).expect("the system's random numbers do not run out");
        bytes
    }

    /// The side that the gateway reads.
    pub fn desires(self: &Arc<Self>) -> Arc<dyn Desires> {
        Arc::new(GatewaySide::new(self))
    }

    /// The side that the gateway reports to.
    pub fn observer(self: &Arc<Self>) -> Arc<dyn Observer> {
        Arc::new(GatewaySide::new(self))
    }
}

struct GatewaySide {
    world: Arc<World>,
    runtime: tokio::runtime::Handle,
}

impl GatewaySide {
    fn new(world: &Arc<World>) -> Self {
        Self { world: Arc::clone(world), runtime: tokio::runtime::Handle::current() }
    }

    /// Holds the gateway's own thread until what it read is durable. False: it was void.
    fn block_until_durable(&self, head: &Arc<Head>, seen: Durable) -> bool {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let head = Arc::clone(head);
        self.runtime.spawn(async move { tell.send(head.until_durable(seen).await) });
        // When the runtime is gone the process ends, and so does everything queued.
        told.recv().unwrap_or(true)
    }
}

impl Desires for GatewaySide {
    fn listing(&self, since: Option<u64>) -> Listing {
        self.world.ledger.shown.listing(since)
    }

    fn domains(&self) -> Vec<DesiredDomain> {
        let heads = self.world.ledger.accounts();
        let gateways = heads.iter().flat_map(|head| head.vpn_gateways());
        gateways
            .filter_map(|(account, gateway)| {
                desired::desired_domain(&account, &gateway, &self.world.settings)
            })
            .collect()
    }

    fn desired(&self, id: &VpnConnectionId) -> Option<DesiredConnection> {
        let head = self.world.ledger.head(&self.world.ledger.shown.account_of(id)?)?;
        // A change of just now may be ahead of the disk; what is shown must not be lost again.
        loop {
            let (seen, desired) = {
                let state = head.read();
                (head.seen(&state), desired::desired(&state, id, &self.world.settings))
            };
            if self.block_until_durable(&head, seen) {
                return desired;
            }
        }
    }
}

impl Observer for GatewaySide {
    fn observed(&self, id: &VpnConnectionId, observed: ObservedConnection) {
        self.world.observed.put(id, observed);
        self.world.turns.settled(&Busy::VpnConnection(id.clone()));
    }

    fn gone(&self, id: &VpnConnectionId) {
        self.world.observed.forget(id);
        self.world.logs.forget(id);
        self.world.turns.settled(&Busy::VpnConnection(id.clone()));
    }

    fn domain_observed(&self, domain: &Domain, generation: u64) {
        if let DomainOwner::VpnGateway(id) = &domain.owner {
            self.world.observed.put_vpn_gateway(id, generation);
            self.world.turns.settled(&Busy::VpnGateway(id.clone()));
        }
    }

    fn domain_gone(&self, domain: &Domain) {
        if let DomainOwner::VpnGateway(id) = &domain.owner {
            self.world.observed.forget_vpn_gateway(id);
            self.world.turns.settled(&Busy::VpnGateway(id.clone()));
        }
    }

    fn log(&self, line: LogLine) {
        self.world.logs.append(line, self.world.now_ms());
    }
}

fn settings(config: &Config) -> Settings {
    Settings {
        regions: config.api.regions.iter().filter_map(|region| region.parse::<RegionId>().ok()).collect(),
        public_addresses: config.addresses().iter().map(|address| address.public).collect(),
        auto_attach: config.api.auto_attach,
        vco_routes_per_connection_max: config.quotas.vco_routes_per_connection,
        customer_gateways_per_region_max: config.quotas.customer_gateways_per_region,
        vpn_routes_per_gateway_max: config.quotas.vpn_routes_per_gateway,
        vpn_pbr_routes_per_gateway_max: config.quotas.vpn_pbr_routes_per_gateway,
        vpn_connections_per_region_max: config.quotas.vpn_connections_per_region,
        vpn_gateways_per_region_max: config.quotas.vpn_gateways_per_region,
        vpcs: config.vpcs.clone(),
        recorded_changes_max: config.changes.kept_max,
        recorded_change_age_ms_max: i64::from(config.changes.days_max) * 24 * 60 * 60 * 1000,
        recorded_bytes_max: config.changes.bytes_max,
    }
}
