//! What has to be done so that what is programmed becomes what is desired. Pure.
//!
//! The plan of a connection is a difference: it is made from what is programmed now and what is desired now, whatever came
//! between, so the same code runs after a change, after an error and after a crash, and a plan for what is already in force
//! is empty. A plan only ever names the tunnels, routes and prefixes of its own connection.
//!
//! The order of a plan is what keeps packets from going astray:
//!
//! ```text
//!   less:  forwarding entry out  ->  Linux route out, unless another connection has the prefix too  ->  tunnel out
//!   more:  tunnel in  ->  forwarding entry in  ->  Linux route in
//! ```
//!
//! Only a destination that is published has a Linux route: withdrawing one takes the Linux route out and leaves the forwarding
//! entry. With the forwarding entry gone a packet is dropped and counted until its Linux route is gone as well; nothing of the
//! kind leaves in clear.

use std::collections::{BTreeMap, BTreeSet};

use causeway_control::desired::{DesiredConnection, DesiredRoute, DesiredTunnel, Domain, RouteMatch};
use causeway_control::ids::{TunnelId, VpnConnectionId};
use ipnet::Ipv4Net;

/// What is programmed of one connection. Each part is entered when it is known to be in force and taken out when it is known
/// to be gone, so that after an error the next plan repeats what is uncertain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgrammedConnection {
    /// Where it is.
    pub domain: Domain,
    /// Its tunnels as they were configured.
    pub tunnels: BTreeMap<TunnelId, DesiredTunnel>,
    /// Its entries in the forwarding table, with their weights.
    pub entries: BTreeMap<RouteMatch, u8>,
    /// The prefixes for which it wants a Linux route to be there.
    pub prefixes: BTreeSet<Ipv4Net>,
}

/// What is programmed of all connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Programmed {
    connections: BTreeMap<VpnConnectionId, ProgrammedConnection>,
    /// How many connections are in a domain; none of those that have none.
    members: BTreeMap<Domain, usize>,
    /// How many connections want a prefix.
    wanted: BTreeMap<Domain, BTreeMap<Ipv4Net, usize>>,
}

/// One thing to do for a connection. Doing it twice does no harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Take an entry out of the domain's forwarding table.
    RemoveEntry(Domain, RouteMatch),
    /// Remove the Linux route of a prefix: no other connection of the domain has it.
    RemoveRoute(Domain, Ipv4Net),
    /// Leave the Linux route to the other connections of the domain that have the prefix.
    LeaveRoute(Domain, Ipv4Net),
    /// Close a tunnel and forget it.
    RemoveTunnel(TunnelId),
    /// Forget the connection, of which nothing is left in this domain.
    LeaveDomain(Domain),
    /// Be in this domain, with nothing yet.
    JoinDomain(Domain),
    /// Configure a tunnel, or configure it anew.
    PutTunnel(DesiredTunnel),
    /// Put an entry of this weight into the domain's forwarding table, or give it this weight.
    PutEntry(Domain, RouteMatch, u8),
    /// Have a Linux route for a prefix.
    PutRoute(Domain, Ipv4Net),
}

impl ProgrammedConnection {
    /// A connection of which there is nothing yet.
    fn in_domain(domain: Domain) -> Self {
        Self { domain, tunnels: BTreeMap::new(), entries: BTreeMap::new(), prefixes: BTreeSet::new() }
    }
}

impl Programmed {
    /// What is programmed of one connection.
    pub fn connection(&self, id: &VpnConnectionId) -> Option<&ProgrammedConnection> {
        self.connections.get(id)
    }

    /// The connections of which something is programmed.
    pub fn connections(&self) -> impl Iterator<Item = (&VpnConnectionId, &ProgrammedConnection)> {
        self.connections.iter()
    }

    /// The prefixes that connections of a domain have.
    #[cfg(test)]
    pub fn prefixes(&self, domain: &Domain) -> BTreeSet<Ipv4Net> {
        self.wanted.get(domain).map(|counts| counts.keys().copied().collect()).unwrap_or_default()
    }

    /// Whether any connection is in a domain.
    pub fn is_used(&self, domain: &Domain) -> bool {
        self.members.contains_key(domain)
    }

    /// Enters that a step was done.
    pub fn done(&mut self, id: &VpnConnectionId, step: &Step) {
        if let Step::JoinDomain(domain) = step {
            if !self.connections.contains_key(id) {
                self.connections.insert(id.clone(), ProgrammedConnection::in_domain(domain.clone()));
                *self.members.entry(domain.clone()).or_default() += 1;
            }
            return;
        }
        if let Step::LeaveDomain(_) = step {
            if let Some(connection) = self.connections.remove(id) {
                count_down(&mut self.members, &connection.domain);
            }
            return;
        }
        let Some(connection) = self.connections.get_mut(id) else { return };
        match step {
            Step::RemoveEntry(_, of) => drop(connection.entries.remove(of)),
            Step::RemoveTunnel(tunnel) => drop(connection.tunnels.remove(tunnel)),
            Step::PutTunnel(tunnel) => drop(connection.tunnels.insert(tunnel.id.clone(), tunnel.clone())),
            Step::PutEntry(_, of, weight) => drop(connection.entries.insert(*of, *weight)),
            Step::RemoveRoute(domain, dest) | Step::LeaveRoute(domain, dest) => {
                if connection.prefixes.remove(dest) {
                    self.count_out(domain, *dest);
                }
            }
            Step::PutRoute(domain, dest) => {
                if connection.prefixes.insert(*dest) {
                    *self.wanted.entry(domain.clone()).or_default().entry(*dest).or_default() += 1;
                }
            }
            Step::JoinDomain(_) | Step::LeaveDomain(_) => {}
        }
    }

    fn count_out(&mut self, domain: &Domain, dest: Ipv4Net) {
        let Some(counts) = self.wanted.get_mut(domain) else { return };
        count_down(counts, &dest);
        if counts.is_empty() {
            self.wanted.remove(domain);
        }
    }

    fn is_wanted_by_others(&self, domain: &Domain, dest: Ipv4Net) -> bool {
        self.wanted.get(domain).and_then(|counts| counts.get(&dest)).is_some_and(|count| *count > 1)
    }
}

/// One less of `key`; what there is none of is not in the map.
fn count_down<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// The steps that make what is programmed of a connection be what is desired of it; `None` is desired of one that is to be
/// gone.
pub fn plan(programmed: &Programmed, id: &VpnConnectionId, desired: Option<&DesiredConnection>) -> Vec<Step> {
    let present = programmed.connection(id);
    let moves = |present: &ProgrammedConnection| desired.is_none_or(|it| it.domain != present.domain);
    let mut steps = Vec::new();
    match (present, desired) {
        (Some(present), desired) if moves(present) => {
            steps.extend(less(programmed, present, &Wanted::default()));
            steps.push(Step::LeaveDomain(present.domain.clone()));
            steps.extend(desired.into_iter().flat_map(anew));
        }
        (Some(present), Some(desired)) => {
            let wanted = Wanted::of(desired);
            steps.extend(less(programmed, present, &wanted));
            steps.extend(more(present, &wanted));
        }
        (None, Some(desired)) => steps.extend(anew(desired)),
        (_, None) => {}
    }
    steps
}

/// What is desired of a connection, in order.
#[derive(Default)]
struct Wanted<'a> {
    tunnels: &'a [DesiredTunnel],
    entries: BTreeMap<RouteMatch, u8>,
    prefixes: BTreeSet<Ipv4Net>,
}

impl<'a> Wanted<'a> {
    fn of(desired: &'a DesiredConnection) -> Self {
        Self { tunnels: &desired.tunnels, entries: entries(desired), prefixes: prefixes(desired) }
    }
}

/// Everything that is desired of a connection of which there is nothing.
fn anew(desired: &DesiredConnection) -> Vec<Step> {
    let mut steps = vec![Step::JoinDomain(desired.domain.clone())];
    steps.extend(more(&ProgrammedConnection::in_domain(desired.domain.clone()), &Wanted::of(desired)));
    steps
}

/// What is programmed and not desired, in the order in which it has to go.
fn less(programmed: &Programmed, present: &ProgrammedConnection, wanted: &Wanted<'_>) -> Vec<Step> {
    let domain = &present.domain;
    let tunnels: BTreeSet<_> = wanted.tunnels.iter().map(|tunnel| &tunnel.id).collect();
    let stale_tunnels = present.tunnels.keys().filter(|tunnel| !tunnels.contains(tunnel));
    let leave = |dest: &Ipv4Net| match programmed.is_wanted_by_others(domain, *dest) {
        true => Step::LeaveRoute(domain.clone(), *dest),
        false => Step::RemoveRoute(domain.clone(), *dest),
    };
    let stale_entries = missing(present.entries.keys(), wanted.entries.keys());
    let mut steps: Vec<_> = stale_entries.map(|of| Step::RemoveEntry(domain.clone(), *of)).collect();
    steps.extend(missing(&present.prefixes, &wanted.prefixes).map(leave));
    steps.extend(stale_tunnels.map(|tunnel| Step::RemoveTunnel(tunnel.clone())));
    steps
}

/// What is desired and not programmed, in the order in which it has to come.
fn more(present: &ProgrammedConnection, wanted: &Wanted<'_>) -> Vec<Step> {
    let domain = &present.domain;
    let new_tunnels = wanted.tunnels.iter().filter(|tunnel| present.tunnels.get(&tunnel.id) != Some(tunnel));
    let mut steps: Vec<_> = new_tunnels.map(|tunnel| Step::PutTunnel(tunnel.clone())).collect();
    let new_entries = missing(&wanted.entries, &present.entries);
    steps.extend(new_entries.map(|(of, weight)| Step::PutEntry(domain.clone(), *of, *weight)));
    let new_prefixes = missing(&wanted.prefixes, &present.prefixes);
    steps.extend(new_prefixes.map(|dest| Step::PutRoute(domain.clone(), *dest)));
    steps
}

/// What is in one and not in the other, both of which are in order. Each is gone through once: a connection may have 100,000
/// routes, and one of them is deleted.
fn missing<T: Ord>(
    from: impl IntoIterator<Item = T>,
    other: impl IntoIterator<Item = T>,
) -> impl Iterator<Item = T> {
    let mut other = other.into_iter().peekable();
    from.into_iter().filter(move |it| {
        while other.next_if(|smaller| smaller < it).is_some() {}
        other.peek() != Some(it)
    })
}

/// The forwarding entries of a connection: of two routes for the same packets, the preferred one.
fn entries(desired: &DesiredConnection) -> BTreeMap<RouteMatch, u8> {
    let entry =
        |route: &DesiredRoute| (RouteMatch { policy: route.policy, dest: route.dest }, route.weight.get());
    let mut entries: Vec<_> = desired.routes.iter().map(entry).collect();
    // Of equal keys a map keeps the last. In order, all of it is made at once.
    entries.sort_unstable();
    entries.into_iter().collect()
}

/// The destinations of a connection that are published: Linux brings what is for them to the device.
fn prefixes(desired: &DesiredConnection) -> BTreeSet<Ipv4Net> {
    desired.routes.iter().filter(|route| route.is_published).map(|route| route.dest).collect()
}

/// The destinations of steps about Linux routes.
pub fn dests(steps: &[Step]) -> Vec<Ipv4Net> {
    let dest = |step: &Step| match step {
        Step::RemoveRoute(_, dest) | Step::PutRoute(_, dest) => Some(*dest),
        _ => None,
    };
    steps.iter().filter_map(dest).collect()
}

#[cfg(test)]
mod tests;
