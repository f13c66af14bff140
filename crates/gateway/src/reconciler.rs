//! The thread that makes it so: looks at what is desired, plans, applies, and reports what is in force.
//!
//! It is level-triggered. A nudge or the passing of time only means "look again"; what to do follows from what is desired and
//! what is programmed. Each connection is planned and applied by itself: an error of one is logged, tried again with
//! growing pauses, and keeps no other waiting. A generation is reported only after the whole plan was applied: the
//! forwarding table no longer has what was deleted and has what was added, and so do the Linux routes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_control::desired::{
    DesiredConnection, DesiredDomain, DesiredTunnel, Desires, Domain, DomainOwner, Listing,
};
use causeway_control::ids::{TunnelId, VpnConnectionId};
use causeway_control::observed::Level;
use causeway_ike::TunnelKey;
use crossbeam_channel::{Receiver, Sender, never, select};

use crate::counters::Counters;
use crate::domains::{DomainError, Domains};
use crate::engine::Command;
use crate::forwarding::{Candidate, Carrier};
use crate::gateway_domains::GatewayDomains;
use crate::path::OutboundPaths;
use crate::reconcile::{Programmed, Step, dests, plan};
use crate::reports::Reports;
use crate::snapshot::{Registry, Way};
use crate::tunnels::TunnelPlace;
use crate::watch::Changes;
use crate::withdrawals::Withdrawn;

use check::Checks;

/// The first pause after an error; each further one is twice as long.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// The longest pause after an error.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// Why the reconciler looks again.
pub enum Nudge {
    /// Something else may be desired.
    Look,
    /// The gateway is to stop.
    Stop,
}

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Domain(#[from] DomainError),
    #[error("the negotiating thread has ended")]
    NoEngine,
}

/// What a connection has while something of it is programmed.
struct Lane {
    carrier: Arc<Carrier<OutboundPaths>>,
    tunnels: BTreeMap<TunnelId, (TunnelKey, Arc<Counters>)>,
}

/// When a connection is tried again, and what was desired of it then.
struct Retry {
    generation: Option<u64>,
    at: Instant,
    pause: Duration,
}

/// What the thread owns.
pub struct Reconciler {
    desires: Arc<dyn Desires>,
    reports: Arc<Reports>,
    registry: Arc<Registry>,
    domains: Domains,
    changes: Arc<Changes>,
    engine: Sender<Command>,
    withdrawn: Withdrawn,
    programmed: Programmed,
    lanes: BTreeMap<VpnConnectionId, Lane>,
    /// What was listed last; none when the next listing is to be complete.
    mark: Option<u64>,
    /// The connections that are to be, each with its generation, as far as was listed.
    listed: BTreeMap<VpnConnectionId, u64>,
    /// The generation of each connection whose plan was wholly applied.
    in_force: BTreeMap<VpnConnectionId, u64>,
    retries: BTreeMap<VpnConnectionId, Retry>,
    /// The domains of VPN gateways, which are open also without a connection.
    gateways: GatewayDomains,
    next_key: u64,
    checks: Checks,
}

impl Reconciler {
    /// A reconciler that has done nothing yet.
    pub fn new(
        desires: Arc<dyn Desires>,
        reports: Arc<Reports>,
        registry: Arc<Registry>,
        domains: Domains,
        engine: Sender<Command>,
        withdrawn: Withdrawn,
    ) -> Self {
        Self {
            changes: domains.changes(),
            desires,
            reports,
            registry,
            domains,
            engine,
            withdrawn,
            programmed: Programmed::default(),
            lanes: BTreeMap::new(),
            mark: None,
            listed: BTreeMap::new(),
            in_force: BTreeMap::new(),
            retries: BTreeMap::new(),
            gateways: GatewayDomains::default(),
            next_key: 0,
            checks: Checks::new(Instant::now()),
        }
    }

    /// Works until told to stop, and then removes all that it made.
    pub fn run(mut self, nudges: &Receiver<Nudge>, mut changes_by_others: Receiver<()>) {
        self.recover();
        let mut listings = self.domains.listings();
        loop {
            self.look();
            if Instant::now() >= self.check_due() {
                self.check();
                self.mark = None;
                self.look();
            }
            self.compare();
            select! {
                recv(nudges) -> nudge => match nudge {
                    Ok(Nudge::Look) => {}
                    Ok(Nudge::Stop) | Err(_) => return self.domains.stop(),
                },
                recv(changes_by_others) -> change => match change {
                    Ok(()) => self.checks.hasten(),
                    Err(_nobody_listens) => changes_by_others = never(),
                },
                recv(listings) -> listed => match listed {
                    Ok(listed) => self.listed(listed),
                    Err(_nobody_lists) => listings = never(),
                },
                default(self.pause()) => {}
            }
        }
    }

    fn recover(&mut self) {
        let listing = self.desires.listing(None);
        let desired = listing.generations.iter().filter_map(|(id, _)| self.desires.desired(id));
        let mut wanted: BTreeSet<Domain> = desired.map(|connection| connection.domain).collect();
        for desired in self.desires.domains() {
            self.domains.set_interface(&desired.domain, desired.interface);
            wanted.insert(desired.domain);
        }
        if let Err(error) = self.domains.recover(&wanted) {
            tracing::error!(%error, "looking for what an earlier process left behind");
        }
    }

    /// Brings every connection that is not as desired one pass closer. All connections are looked at if the listing is
    /// complete, otherwise those that may be different since the last one, and those of which something is still to be done.
    fn look(&mut self) {
        let listing = self.desires.listing(self.mark);
        self.mark = Some(listing.mark);
        // After the connections, so that the domain of each that is listed is known.
        self.open_gateway_domains();
        let mut candidates: BTreeSet<_> = self.retries.keys().cloned().collect();
        candidates.extend(self.take_over(listing));
        // What is desired of them is as it was, and how it is to be made so is not.
        for id in self.withdrawn.take_changed() {
            self.in_force.remove(&id);
            candidates.insert(id);
        }
        for id in candidates {
            let generation = self.listed.get(&id).copied();
            let is_settled = self.in_force.get(&id).copied() == generation
                && (generation.is_some() || self.programmed.connection(&id).is_none());
            let now = Instant::now();
            let waits = |retry: &Retry| retry.generation == generation && retry.at > now;
            if is_settled {
                self.give_up_trying(&id, generation);
            } else if !self.retries.get(&id).is_some_and(waits) {
                self.reconcile(&id, generation);
            }
        }
        self.close_empty_domains();
    }

    /// Opens the domains of VPN gateways, and makes their rules be about the right interface.
    fn open_gateway_domains(&mut self) {
        for desired in self.gateways.due(self.desires.domains(), Instant::now()) {
            let opened = self.open_gateway_domain(&desired);
            if let Err(error) = &opened {
                tracing::warn!(domain = %desired.domain.owner, %error, "a domain is not open yet and will be tried again");
            }
            if self.gateways.tried(&desired, opened.is_ok(), Instant::now()) {
                self.reports.domain_open(&desired.domain, desired.generation);
            }
        }
    }

    fn open_gateway_domain(&mut self, desired: &DesiredDomain) -> Result<(), DomainError> {
        self.domains.set_interface(&desired.domain, desired.interface.clone());
        let plane = self.domains.open(&desired.domain)?;
        self.registry.lock().domains.insert(desired.domain.clone(), plane);
        self.domains.check_rules()?;
        // Which VPC is whose has changed for all domains.
        self.domains.check_main().map(drop)
    }

    /// Enters what was listed; answers which connections have to be looked at.
    fn take_over(&mut self, listing: Listing) -> BTreeSet<VpnConnectionId> {
        let mut candidates: BTreeSet<_> = listing.generations.iter().map(|(id, _)| id.clone()).collect();
        if listing.is_complete {
            candidates.extend(self.in_force.keys().cloned());
            candidates.extend(self.programmed.connections().map(|(id, _)| id.clone()));
            self.listed.clear();
        }
        for (id, generation) in listing.generations {
            match generation {
                Some(generation) => drop(self.listed.insert(id, generation)),
                None => drop(self.listed.remove(&id)),
            }
        }
        candidates
    }

    fn reconcile(&mut self, id: &VpnConnectionId, generation: Option<u64>) {
        let desired = generation.and_then(|_| self.desires.desired(id));
        let desired = self.withdrawn.as_withdrawn(id, desired);
        let steps = plan(&self.programmed, id, desired.as_ref());
        match self.apply(id, &steps) {
            Ok(()) => {
                self.retries.remove(id);
                self.settle(id, generation, desired);
            }
            Err(error) => self.retry_later(id, generation, &error.to_string()),
        }
    }

    /// Everything that was desired of the connection is in force.
    fn settle(&mut self, id: &VpnConnectionId, listed: Option<u64>, desired: Option<DesiredConnection>) {
        match &desired {
            // It may have changed since it was listed; what was applied is what counts.
            Some(desired) => {
                self.in_force.insert(id.clone(), desired.generation);
                self.reports.in_force(id, desired.generation);
            }
            None => {
                match listed {
                    Some(generation) => drop(self.in_force.insert(id.clone(), generation)),
                    None => drop(self.in_force.remove(id)),
                }
                self.reports.gone(id);
            }
        }
        self.close_empty_domains();
    }

    fn retry_later(&mut self, id: &VpnConnectionId, generation: Option<u64>, error: &str) {
        let before = self.retries.get(id).filter(|retry| retry.generation == generation);
        let pause = before.map_or(RETRY_AFTER, |retry| (retry.pause * 2).min(RETRY_AFTER_MAX));
        tracing::warn!(connection = %id, error, ?pause, "a change is not in force yet and will be tried again");
        self.reports.log(id, None, Level::Warning, format!("not in force yet, trying again: {error}"));
        self.retries.insert(id.clone(), Retry { generation, at: Instant::now() + pause, pause });
    }

    /// There is nothing to do about a connection. If something of it was tried in vain, it was deleted before anything came of it.
    fn give_up_trying(&mut self, id: &VpnConnectionId, generation: Option<u64>) {
        if self.retries.remove(id).is_some() && generation.is_none() {
            self.reports.gone(id);
        }
    }

    /// Steps of one kind that follow each other are applied together, because the kernel takes routes in batches.
    fn apply(&mut self, id: &VpnConnectionId, steps: &[Step]) -> Result<(), StepError> {
        let alike = |a: &Step, b: &Step| std::mem::discriminant(a) == std::mem::discriminant(b);
        let applied = steps.chunk_by(alike).try_for_each(|group| {
            self.apply_alike(id, group)?;
            group.iter().for_each(|step| self.programmed.done(id, step));
            Ok(())
        });
        // What was done before an error is there as well.
        if !steps.is_empty() {
            self.publish(id);
        }
        applied
    }

    fn apply_alike(&mut self, id: &VpnConnectionId, steps: &[Step]) -> Result<(), StepError> {
        match steps.first() {
            Some(Step::RemoveRoute(domain, _)) => Ok(self.domains.remove_prefixes(domain, &dests(steps))?),
            Some(Step::PutRoute(domain, _)) => Ok(self.domains.add_prefixes(domain, &dests(steps))?),
            _ => steps.iter().try_for_each(|step| self.apply_one(id, step)),
        }
    }

    fn apply_one(&mut self, id: &VpnConnectionId, step: &Step) -> Result<(), StepError> {
        match step {
            Step::RemoveEntry(domain, of) => self.domains.plane(domain)?.table.remove(*of, id),
            Step::PutEntry(domain, of, weight) => {
                let Some(lane) = self.lanes.get(id) else { return Ok(()) };
                let carrier = Arc::clone(&lane.carrier);
                let candidate = Candidate { weight: *weight, connection: id.clone(), carrier };
                self.domains.plane(domain)?.table.put(*of, candidate);
            }
            Step::PutTunnel(tunnel) => self.put_tunnel(id, tunnel)?,
            Step::RemoveTunnel(tunnel) => self.remove_tunnel(id, tunnel)?,
            Step::JoinDomain(domain) => self.join(id, domain)?,
            Step::LeaveDomain(_) => {
                self.lanes.remove(id);
                self.registry.lock().connections.remove(id);
            }
            // The others of the domain keep the route.
            Step::LeaveRoute(..) => {}
            // Applied in batches.
            Step::RemoveRoute(..) | Step::PutRoute(..) => {}
        }
        Ok(())
    }

    fn join(&mut self, id: &VpnConnectionId, domain: &Domain) -> Result<(), StepError> {
        let plane = match domain.owner {
            DomainOwner::TransitRouter(_) => self.domains.open(domain)?,
            // It is opened for the gateway, with its interface, and not for the connection.
            DomainOwner::VpnGateway(_) => Arc::clone(self.domains.plane(domain)?),
        };
        let linux_routes = self.domains.known_routes(domain)?;
        let mut shelves = self.registry.lock();
        shelves.domains.insert(domain.clone(), Arc::clone(&plane));
        let shelf = shelves.connections.entry(id.clone()).or_default();
        let carrier = Carrier::new(Arc::clone(&shelf.connection));
        shelf.way = Some(Way { plane, carrier: Arc::clone(&carrier), linux_routes });
        self.lanes.insert(id.clone(), Lane { carrier, tunnels: BTreeMap::new() });
        self.reports.begin(id);
        Ok(())
    }

    fn put_tunnel(&mut self, id: &VpnConnectionId, tunnel: &DesiredTunnel) -> Result<(), StepError> {
        let (Some(lane), Some(connection)) = (self.lanes.get_mut(id), self.programmed.connection(id)) else {
            return Ok(());
        };
        let domain = Arc::clone(self.domains.plane(&connection.domain)?);
        let (key, counters) = lane.tunnels.entry(tunnel.id.clone()).or_insert_with(|| {
            self.next_key += 1;
            (TunnelKey(self.next_key), Arc::default())
        });
        let place = TunnelPlace {
            connection: id.clone(),
            id: tunnel.id.clone(),
            role: tunnel.role,
            domain,
            carrier: Arc::clone(&lane.carrier),
            counters: Arc::clone(counters),
        };
        self.reports.begin_tunnel(id, &tunnel.id);
        let command = Command::Put(*key, Box::new((tunnel.clone(), place)));
        self.engine.send(command).map_err(|_| StepError::NoEngine)
    }

    fn remove_tunnel(&mut self, id: &VpnConnectionId, tunnel: &TunnelId) -> Result<(), StepError> {
        if let Some((key, _)) = self.lanes.get_mut(id).and_then(|lane| lane.tunnels.remove(tunnel)) {
            self.engine.send(Command::Remove(key)).map_err(|_| StepError::NoEngine)?;
        }
        self.reports.forget_tunnel(id, tunnel);
        Ok(())
    }

    /// Shows what is programmed of a connection to whoever asks for a snapshot.
    fn publish(&self, id: &VpnConnectionId) {
        let (Some(lane), Some(connection)) = (self.lanes.get(id), self.programmed.connection(id)) else {
            return;
        };
        let mut shelves = self.registry.lock();
        let shelf = shelves.connections.entry(id.clone()).or_default();
        shelf.tunnels =
            lane.tunnels.iter().map(|(id, (_, counters))| (id.clone(), Arc::clone(counters))).collect();
        shelf.routes_in_force = connection.entries.len() - self.withdrawn.entries_beside(id, connection);
    }

    fn close_empty_domains(&mut self) {
        let is_empty =
            |domain: &Domain| !self.programmed.is_used(domain) && !self.gateways.are_wanted(domain);
        let empty: Vec<_> = self.domains.names().into_iter().filter(is_empty).collect();
        for domain in empty {
            self.registry.lock().domains.remove(&domain);
            if let Err(error) = self.domains.close(&domain) {
                tracing::warn!(%error, "removing the device of a domain without connections");
            }
        }
        let names: BTreeSet<Domain> = self.domains.names().into_iter().collect();
        for domain in self.gateways.take_closed(&names) {
            self.reports.domain_gone(&domain);
        }
    }

    fn pause(&self) -> Duration {
        if self.domains.is_comparing() {
            return Duration::ZERO;
        }
        let retries = self.retries.values().map(|retry| retry.at).chain(self.gateways.next_retry());
        let next = retries.fold(self.check_due(), Instant::min);
        next.saturating_duration_since(Instant::now())
    }
}

mod check;
#[cfg(test)]
mod tests;
