//! An engine without packets, for `--engine none`: a test double for other people's automation.
//!
//! What is desired is in force after one delay, each tunnel is up after another. A tunnel that is configured anew goes down and
//! comes up again. One that is stepped looks only when it is told to: then everything is in force, and nothing between two steps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use causeway_control::desired::{
    DesiredConnection, DesiredDomain, DesiredRoute, DesiredTunnel, Desires, Domain, RouteMatch,
};
use causeway_control::ids::{TunnelId, VpnConnectionId};
use causeway_control::observed::{
    FailureKind, NegotiatedSelectors, ObservedConnection, ObservedForwarding, ObservedTunnel, Observer,
    TunnelHealth, TunnelStatus,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::proposals::fits_version;
use crate::snapshot::GatewaySnapshot;
use crate::{EngineHandle, Waker};

/// How long to sleep when nothing is to come.
const IDLE: Duration = Duration::from_secs(60);

/// How long it takes to do nothing: what a real gateway needs time for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delays {
    /// Until a tunnel is up.
    pub tunnel_up: Duration,
    /// Until a change is in force; its connection is `updating` meanwhile.
    pub change: Duration,
    /// Nothing happens until [`EngineHandle::step`], and then without delay.
    pub stepped: bool,
}

/// Starts engines without packets.
pub struct SimulatedEngine;

/// One that runs. It stops when this is dropped.
pub struct SimulatedHandle {
    told: Sender<Told>,
    shown: Shown,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What would be programmed of each connection.
type Shown = Arc<Mutex<BTreeMap<VpnConnectionId, SimulatedForwarding>>>;

/// What would be programmed of one.
struct SimulatedForwarding {
    domain: Domain,
    routes: Vec<DesiredRoute>,
    carrier: Option<TunnelId>,
}

/// What the engine is told.
enum Told {
    /// Something else may be desired.
    Look,
    /// It is to catch up, and to say when it has.
    Step(Sender<()>),
    /// It is to stop.
    Stop,
}

struct Simulation {
    shown: Shown,
    delays: Delays,
    desires: Arc<dyn Desires>,
    observer: Arc<dyn Observer>,
    connections: BTreeMap<VpnConnectionId, SimulatedConnection>,
    domains: BTreeMap<Domain, SimulatedDomain>,
    /// What was listed last.
    mark: Option<u64>,
    /// When something becomes different, of which connection.
    due: BTreeSet<(Instant, VpnConnectionId)>,
}

/// The domain of a VPN gateway.
struct SimulatedDomain {
    desired: DesiredDomain,
    /// When it is open, as it is desired.
    in_force_at: Instant,
    is_reported: bool,
}

struct SimulatedConnection {
    /// As listed.
    generation: u64,
    /// None of a connection of which nothing is to be in force.
    desired: Option<DesiredConnection>,
    /// When what is desired is in force.
    in_force_at: Instant,
    /// When each tunnel, as it is configured, comes up.
    up_at: Vec<(DesiredTunnel, Instant)>,
    reported: Option<ObservedConnection>,
}

impl SimulatedEngine {
    /// Starts one that takes so long.
    pub fn start(delays: Delays, desires: Arc<dyn Desires>, observer: Arc<dyn Observer>) -> SimulatedHandle {
        let (told, listening) = bounded(1);
        let shown = Shown::default();
        let seen = Arc::clone(&shown);
        let simulation = Simulation {
            shown,
            delays: if delays.stepped { Delays { stepped: true, ..Delays::default() } } else { delays },
            desires,
            observer,
            connections: BTreeMap::new(),
            domains: BTreeMap::new(),
            mark: None,
            due: BTreeSet::new(),
        };
        let thread = std::thread::spawn(move || simulation.run(&listening));
        SimulatedHandle { told, shown: seen, thread: Mutex::new(Some(thread)) }
    }
}

impl EngineHandle for SimulatedHandle {
    fn nudge(&self) {
        let _there_is_one = self.told.try_send(Told::Look);
    }

    fn waker(&self) -> Waker {
        let told = self.told.clone();
        Box::new(move || drop(told.try_send(Told::Look)))
    }

    fn step(&self) {
        let (done, is_done) = bounded(1);
        if self.told.send(Told::Step(done)).is_ok() {
            // An engine that stops meanwhile hangs up.
            let _done_or_stopped = is_done.recv();
        }
    }

    fn snapshot(&self) -> GatewaySnapshot {
        GatewaySnapshot::default()
    }

    fn forwarding(&self, id: &VpnConnectionId, of: Option<RouteMatch>) -> Option<ObservedForwarding> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let forwarding = shown.get(id)?;
        let is_asked =
            |route: &&DesiredRoute| of.is_some_and(|of| (route.policy, route.dest) == (of.policy, of.dest));
        let routes = || forwarding.routes.iter().filter(is_asked);
        let entry = routes().map(|route| route.weight.get()).max();
        let of_domain = shown.values().filter(|it| it.domain == forwarding.domain);
        let mut published = of_domain.flat_map(|it| &it.routes).filter(|route| route.is_published);
        let is_brought = of.is_some_and(|of| published.any(|route| route.dest.contains(&of.dest)));
        Some(ObservedForwarding {
            entry,
            linux_route: is_brought.then(|| "none".to_owned()),
            carrier: forwarding.carrier.clone(),
            // No packet ever passes.
            tunnels: BTreeMap::new(),
        })
    }

    fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && self.told.send(Told::Stop).is_ok()
            && thread.join().is_err()
        {
            tracing::error!("the simulated engine had panicked");
        }
    }
}

impl Drop for SimulatedHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Simulation {
    fn run(mut self, told: &Receiver<Told>) {
        let mut is_to_look = !self.delays.stepped;
        let mut stepped = None;
        loop {
            let now = Instant::now();
            if is_to_look {
                self.look(now);
            }
            while let Some((at, id)) = self.due.first().filter(|(at, _)| *at <= now).cloned() {
                self.due.remove(&(at, id.clone()));
                self.report(&id, now);
            }
            let domains = if is_to_look { self.look_at_domains(now) } else { None };
            drop(stepped.take());
            let next = self.due.first().map_or(now + IDLE, |(at, _)| *at);
            let next = domains.map_or(next, |at| at.min(next));
            is_to_look = !self.delays.stepped;
            match told.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Told::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Told::Step(done)) => {
                    is_to_look = true;
                    stepped = Some(done);
                }
                Ok(Told::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&mut self, now: Instant) {
        let listing = self.desires.listing(self.mark);
        self.mark = Some(listing.mark);
        let listed: BTreeMap<_, _> = listing.generations.into_iter().collect();
        let mut gone: Vec<_> =
            listed.iter().filter(|(_, it)| it.is_none()).map(|(id, _)| id.clone()).collect();
        if listing.is_complete {
            gone.extend(self.connections.keys().filter(|id| !listed.contains_key(id)).cloned());
        }
        for id in gone {
            if self.connections.remove(&id).is_some() {
                self.hide(&id);
                self.observer.gone(&id);
            }
        }
        for (id, generation) in listed {
            let Some(generation) = generation else { continue };
            if self.connections.get(&id).is_none_or(|known| known.generation != generation) {
                self.take(&id, generation, now);
                self.report(&id, now);
            }
        }
    }

    fn take(&mut self, id: &VpnConnectionId, generation: u64, now: Instant) {
        let desired = self.desires.desired(id);
        let known = self.connections.remove(id);
        let kept = |tunnel: &DesiredTunnel| {
            known
                .iter()
                .flat_map(|it| &it.up_at)
                .find(|(before, _)| before.negotiates_like(tunnel))
                .map(|(_, at)| *at)
        };
        let tunnels = desired.iter().flat_map(|it| &it.tunnels);
        let up_at: Vec<_> = tunnels
            .map(|tunnel| (tunnel.clone(), kept(tunnel).unwrap_or(now + self.delays.tunnel_up)))
            .collect();
        if desired.is_none() {
            self.hide(id);
            self.observer.gone(id);
        }
        let reported = known.and_then(|it| it.reported);
        let in_force_at = now + self.delays.change;
        let moments = up_at.iter().map(|(_, at)| *at).chain([in_force_at]);
        self.due.extend(moments.filter(|at| *at > now).map(|at| (at, id.clone())));
        let taken = SimulatedConnection { generation, desired, in_force_at, up_at, reported };
        self.connections.insert(id.clone(), taken);
    }

    /// Answers when the next domain is open.
    fn look_at_domains(&mut self, now: Instant) -> Option<Instant> {
        let listed = self.desires.domains().into_iter().map(|desired| (desired.domain.clone(), desired));
        let listed: BTreeMap<_, _> = listed.collect();
        let gone: Vec<_> = self.domains.keys().filter(|it| !listed.contains_key(it)).cloned().collect();
        for domain in gone {
            self.domains.remove(&domain);
            self.observer.domain_gone(&domain);
        }
        for (domain, desired) in listed {
            if self.domains.get(&domain).is_none_or(|known| known.desired != desired) {
                let in_force_at = now + self.delays.change;
                self.domains.insert(domain, SimulatedDomain { desired, in_force_at, is_reported: false });
            }
        }
        for (domain, it) in &mut self.domains {
            if it.in_force_at <= now && !it.is_reported {
                it.is_reported = true;
                self.observer.domain_observed(domain, it.desired.generation);
            }
        }
        self.domains.values().filter(|it| !it.is_reported).map(|it| it.in_force_at).min()
    }

    fn hide(&self, id: &VpnConnectionId) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Tells what is so at this moment, if it is not what was told last.
    fn report(&mut self, id: &VpnConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let Some(desired) = &connection.desired else { return };
        let tunnels =
            connection.up_at.iter().map(|(tunnel, at)| (tunnel.id.clone(), observe(tunnel, *at <= now)));
        let before = connection.reported.as_ref().map_or(0, |reported| reported.generation);
        let generation = if connection.in_force_at <= now { desired.generation } else { before };
        let observed = ObservedConnection { generation, tunnels: tunnels.collect(), is_withdrawn: false };
        if connection.reported.as_ref() != Some(&observed) {
            if generation == desired.generation {
                let forwarding = forwarding(desired, &observed);
                let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
                shown.insert(id.clone(), forwarding);
            }
            self.observer.observed(id, observed.clone());
            connection.reported = Some(observed);
        }
    }
}

fn forwarding(desired: &DesiredConnection, observed: &ObservedConnection) -> SimulatedForwarding {
    let is_up = |tunnel: &&DesiredTunnel| {
        observed.tunnels.get(&tunnel.id).is_some_and(|it| it.status == TunnelStatus::IpsecSaEstablished)
    };
    let carrier = desired.tunnels.iter().filter(is_up).min_by_key(|tunnel| (tunnel.role, &tunnel.id));
    let carrier = carrier.map(|tunnel| tunnel.id.clone());
    SimulatedForwarding { domain: desired.domain.clone(), routes: desired.routes.clone(), carrier }
}

fn observe(tunnel: &DesiredTunnel, is_up: bool) -> ObservedTunnel {
    if let Err(reason) = fits_version(tunnel) {
        let last_error = Some(reason.to_string());
        let failure = Some(FailureKind::Configuration);
        return ObservedTunnel { last_error, failure, ..ObservedTunnel::default() };
    }
    if !is_up {
        return ObservedTunnel::default();
    }
    // The peer agrees to everything.
    let selectors =
        NegotiatedSelectors { local: tunnel.local_subnets.clone(), remote: tunnel.remote_subnets.clone() };
    let status = TunnelStatus::IpsecSaEstablished;
    // And answers every probe.
    let health = tunnel.health_check.map_or(TunnelHealth::Unknown, |_| TunnelHealth::Healthy);
    ObservedTunnel { status, selectors: Some(selectors), health, ..ObservedTunnel::default() }
}
