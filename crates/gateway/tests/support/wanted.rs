//! What a test wants of a gateway, and what the gateway reported.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use causeway_control::desired::{
    DesiredConnection, DesiredDomain, DesiredRoute, DesiredTunnel, Desires, Domain, DomainOwner, Listing,
};
use causeway_control::fields::Weight;
use causeway_control::ids::{Secret, TunnelId, VpnConnectionId};
use causeway_control::observed::{LogLine, ObservedConnection, Observer, TunnelStatus};
use causeway_control::resource::ike_config::{AuthAlg, EncAlg, IkeConfig, IkePfs};
use causeway_control::resource::ipsec_config::{IpsecConfig, IpsecPfs};
use causeway_control::resource::tunnel::TunnelRole;

/// How long a test waits for something that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// The durable state, and what was reported about it.
#[derive(Default)]
pub struct World {
    wanted: Mutex<BTreeMap<VpnConnectionId, DesiredConnection>>,
    domains: Mutex<BTreeMap<Domain, DesiredDomain>>,
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    connections: BTreeMap<VpnConnectionId, ObservedConnection>,
    gone: BTreeSet<VpnConnectionId>,
    domains: BTreeMap<Domain, u64>,
    log: Vec<(SystemTime, LogLine)>,
}

impl World {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Wants a connection, as its next generation.
    pub fn want(&self, mut connection: DesiredConnection) -> u64 {
        let mut wanted = self.wanted.lock().unwrap();
        connection.generation = wanted.get(&connection.id).map_or(1, |before| before.generation + 1);
        let generation = connection.generation;
        wanted.insert(connection.id.clone(), connection);
        generation
    }

    /// Changes what is wanted of a connection.
    pub fn change(&self, id: &str, change: impl FnOnce(&mut DesiredConnection)) -> u64 {
        let mut connection = self.wanted.lock().unwrap()[&id.parse().unwrap()].clone();
        change(&mut connection);
        self.want(connection)
    }

    /// Wants the domain of a VPN gateway, as its next generation.
    pub fn want_domain(&self, domain: &Domain, interface: Option<&str>) {
        let mut domains = self.domains.lock().unwrap();
        let generation = domains.get(domain).map_or(1, |before| before.generation + 1);
        let interface = interface.map(str::to_owned);
        domains.insert(domain.clone(), DesiredDomain { domain: domain.clone(), generation, interface });
    }

    /// Wants the domain of a VPN gateway no longer.
    pub fn forget_domain(&self, domain: &Domain) {
        self.domains.lock().unwrap().remove(domain);
    }

    /// Waits until what is reported of a domain is this generation, or nothing.
    pub fn wait_domain(&self, domain: &Domain, generation: Option<u64>) {
        let end = Instant::now() + PATIENCE;
        let mut seen = self.seen.lock().unwrap();
        while seen.domains.get(domain).copied() != generation {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{domain:?} {generation:?}: {:?}", seen.domains);
            seen = self.changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Wants a connection no longer.
    pub fn forget(&self, id: &str) {
        self.wanted.lock().unwrap().remove(&id.parse().unwrap());
    }

    /// Waits until something was reported about a connection; panics with what was reported instead.
    pub fn wait(&self, id: &str, what: &str, is_so: impl Fn(Option<&ObservedConnection>) -> bool) {
        self.wait_within(PATIENCE, id, what, is_so);
    }

    /// The same with a patience of its own.
    pub fn wait_within(
        &self,
        patience: Duration,
        id: &str,
        what: &str,
        is_so: impl Fn(Option<&ObservedConnection>) -> bool,
    ) {
        let (id, end) = (id.parse().unwrap(), Instant::now() + patience);
        let mut seen = self.seen.lock().unwrap();
        while !is_so(seen.connections.get(&id)) {
            let left = end.saturating_duration_since(Instant::now());
            let log: Vec<_> = seen.log.iter().map(|(_, line)| &line.text).collect();
            assert!(!left.is_zero(), "{what}: {:?}\n{log:#?}", seen.connections.get(&id));
            seen = self.changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    pub fn wait_in_force(&self, id: &str, generation: u64) {
        self.wait(id, "in force", |it| it.is_some_and(|it| it.generation >= generation));
    }

    pub fn wait_up(&self, id: &str) {
        let up = |it: &ObservedConnection| {
            !it.tunnels.is_empty()
                && it.tunnels.values().all(|it| it.status == TunnelStatus::IpsecSaEstablished)
        };
        self.wait(id, "all tunnels up", |it| it.is_some_and(up));
    }

    pub fn wait_status(&self, id: &str, tunnel: &str, status: TunnelStatus) {
        let tunnel: TunnelId = tunnel.parse().unwrap();
        let is_so = |it: &ObservedConnection| it.tunnels.get(&tunnel).is_some_and(|it| it.status == status);
        self.wait(id, &format!("{tunnel} {status}"), |it| it.is_some_and(is_so));
    }

    /// Whether it was reported that nothing of a connection is left.
    pub fn is_gone(&self, id: &str) -> bool {
        self.seen().gone.contains(&id.parse().unwrap())
    }

    /// Waits until a line of the log ends like this.
    pub fn wait_logged(&self, end_of_line: &str) {
        let end = Instant::now() + PATIENCE;
        let mut seen = self.seen.lock().unwrap();
        while !seen.log.iter().any(|(_, line)| line.text.ends_with(end_of_line)) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no line ends with `{end_of_line}`: {:#?}", seen.log);
            seen = self.changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    pub fn log(&self) -> Vec<LogLine> {
        self.seen().log.iter().map(|(_, line)| line.clone()).collect()
    }

    /// The log with the time at which each line came.
    pub fn log_with_times(&self) -> Vec<(SystemTime, LogLine)> {
        self.seen().log.clone()
    }

    /// Also after somebody who waited has given up in a panic.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen());
        self.changed.notify_all();
    }
}

impl Desires for World {
    fn listing(&self, _since: Option<u64>) -> Listing {
        let wanted = self.wanted.lock().unwrap();
        let generation = |it: &DesiredConnection| (it.id.clone(), Some(it.generation));
        Listing { mark: 0, is_complete: true, generations: wanted.values().map(generation).collect() }
    }

    fn domains(&self) -> Vec<DesiredDomain> {
        self.domains.lock().unwrap().values().cloned().collect()
    }

    fn desired(&self, id: &VpnConnectionId) -> Option<DesiredConnection> {
        self.wanted.lock().unwrap().get(id).cloned()
    }
}

impl Observer for World {
    fn observed(&self, id: &VpnConnectionId, observed: ObservedConnection) {
        self.see(|seen| drop(seen.connections.insert(id.clone(), observed)));
    }

    fn gone(&self, id: &VpnConnectionId) {
        self.see(|seen| {
            seen.connections.remove(id);
            seen.gone.insert(id.clone());
        });
    }

    fn domain_observed(&self, domain: &Domain, generation: u64) {
        self.see(|seen| seen.domains.extend([(domain.clone(), generation)]));
    }

    fn domain_gone(&self, domain: &Domain) {
        self.see(|seen| seen.domains.retain(|it, _| it != domain));
    }

    fn log(&self, line: LogLine) {
        self.see(|seen| seen.log.push((SystemTime::now(), line)));
    }
}

pub fn vpn_gateway_domain(name: &str) -> Domain {
    let owner = DomainOwner::VpnGateway(format!("vpn-{name}").parse().unwrap());
    Domain { owner, ..domain(name) }
}

pub fn domain(name: &str) -> Domain {
    Domain {
        account: "1234567890123456".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
        owner: DomainOwner::TransitRouter(format!("tr-{name}").parse().unwrap()),
    }
}

/// A tunnel that negotiates with strong algorithms, which are the fast ones too.
pub fn tunnel(id: &str, role: TunnelRole, local: Ipv4Addr, remote: Ipv4Addr) -> DesiredTunnel {
    let all = "0.0.0.0/0".parse().unwrap();
    let ike = IkeConfig {
        ike_enc_alg: EncAlg::Aes128Gcm,
        ike_auth_alg: AuthAlg::Sha256,
        ike_pfs: IkePfs::Group31,
        ..IkeConfig::default_of_tunnel(Secret::new("a secret of the test"))
    };
    DesiredTunnel {
        id: id.parse().unwrap(),
        index: if role == TunnelRole::Master { 1 } else { 2 },
        role,
        local_address: local,
        remote_address: remote,
        ike: ike.with_identities(local, remote),
        ipsec: IpsecConfig {
            ipsec_enc_alg: EncAlg::Aes128Gcm,
            ipsec_auth_alg: AuthAlg::Sha256,
            ipsec_pfs: IpsecPfs::Group31,
            ipsec_lifetime_s: 3_600,
        },
        remote_ca_certificate: String::new(),
        enable_dpd: true,
        enable_nat_traversal: true,
        local_subnets: vec![all],
        remote_subnets: vec![all],
        health_check: None,
    }
}

pub fn connection(id: &str, tunnels: Vec<DesiredTunnel>, routes: &[&str]) -> DesiredConnection {
    DesiredConnection {
        id: id.parse().unwrap(),
        domain: domain("test"),
        generation: 0,
        tunnels,
        routes: routes.iter().map(|dest| route(dest)).collect(),
    }
}

pub fn route(dest: &str) -> DesiredRoute {
    DesiredRoute::to(dest.parse().unwrap(), Weight::HIGH)
}
