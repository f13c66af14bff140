//! The connections whose Linux routes are withdrawn because no tunnel passes the health check. The negotiating thread, which
//! knows, says so here; the reconciler, which writes routes, looks here.
//!
//! # What stays
//!
//! The peer may have a health check too, and its probes are answered by a host behind us. Were there no way back for the
//! answers, two sides that have both withdrawn their routes would wait for each other for ever. So the Linux route of `Dip` alone
//! stays, to which the answers go where the peer's check has the same two addresses the other way round; and a packet that no
//! connection takes goes through a tunnel that fails its check rather than nowhere
//! ([`Snapshot::last_resort`](crate::forwarding::Snapshot::last_resort)).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_control::desired::{DesiredConnection, DesiredRoute, RouteMatch};
use causeway_control::fields::Weight;
use causeway_control::ids::VpnConnectionId;
use ipnet::Ipv4Net;

use crate::reconcile::ProgrammedConnection;

/// What the reconciler makes of it.
#[derive(Debug, Default)]
pub struct Withdrawn {
    withdrawals: Arc<Withdrawals>,
    /// The routes that connections have beside their own while they are withdrawn.
    staying: BTreeMap<VpnConnectionId, Ipv4Net>,
}

impl Withdrawn {
    /// Of what the negotiating thread says there.
    pub fn new(withdrawals: Arc<Withdrawals>) -> Self {
        Self { withdrawals, staying: BTreeMap::new() }
    }

    /// See [`Withdrawals::take_changed`].
    pub fn take_changed(&self) -> BTreeSet<VpnConnectionId> {
        self.withdrawals.take_changed()
    }

    /// What is desired of a connection, as it is to be while its routes are withdrawn, if they are.
    pub fn as_withdrawn(
        &mut self,
        id: &VpnConnectionId,
        mut desired: Option<DesiredConnection>,
    ) -> Option<DesiredConnection> {
        let stays = desired.as_mut().filter(|_| self.withdrawals.has(id)).and_then(withdraw);
        match stays {
            Some(dest) => drop(self.staying.insert(id.clone(), dest)),
            None => drop(self.staying.remove(id)),
        }
        desired
    }

    /// How many entries a connection has in the forwarding table beside those of its own routes.
    pub fn entries_beside(&self, id: &VpnConnectionId, programmed: &ProgrammedConnection) -> usize {
        let stays = self.staying.get(id).map(|dest| RouteMatch::from(*dest));
        usize::from(stays.is_some_and(|of| programmed.entries.contains_key(&of)))
    }
}

/// Makes of what is desired of a connection what is desired while its routes are withdrawn. Answers the route that stays, if it
/// is none of the connection's own.
fn withdraw(desired: &mut DesiredConnection) -> Option<Ipv4Net> {
    let check = desired.tunnels.iter().find_map(|tunnel| tunnel.health_check);
    let stays = check.map(|check| Ipv4Net::from(check.destination));
    let is_routed =
        |dest: &Ipv4Net| desired.routes.iter().any(|it| it.is_published && it.dest.contains(dest));
    let stays = stays.filter(is_routed);
    desired.routes.iter_mut().for_each(|route| route.is_published = false);
    let stays = stays?;
    let is_own = desired.routes.iter().any(|route| route.dest == stays && route.policy.is_none());
    desired.routes.push(DesiredRoute::to(stays, Weight::LOW));
    (!is_own).then_some(stays)
}

/// What both threads share.
#[derive(Debug, Default)]
pub struct Withdrawals {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    withdrawn: BTreeSet<VpnConnectionId>,
    changed: BTreeSet<VpnConnectionId>,
}

impl Withdrawals {
    /// Says whether a connection's routes are withdrawn; true if that is news, so that somebody has to look.
    pub fn set(&self, id: &VpnConnectionId, is_withdrawn: bool) -> bool {
        let mut known = self.lock();
        let is_news = match is_withdrawn {
            true => known.withdrawn.insert(id.clone()),
            false => known.withdrawn.remove(id),
        };
        if is_news {
            known.changed.insert(id.clone());
        }
        is_news
    }

    /// Whether a connection's routes are withdrawn.
    pub fn has(&self, id: &VpnConnectionId) -> bool {
        self.lock().withdrawn.contains(id)
    }

    /// The connections of which it has changed since this was last asked.
    pub fn take_changed(&self) -> BTreeSet<VpnConnectionId> {
        std::mem::take(&mut self.lock().changed)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use causeway_control::desired::{
        DesiredConnection, DesiredHealthCheck, DesiredRoute, Domain, DomainOwner,
    };
    use causeway_control::fields::Weight;
    use causeway_control::resource::health_check::HealthCheckPolicy;

    use super::{Withdrawals, withdraw};
    use crate::samples::tunnel;

    fn desired(dest: &str) -> DesiredConnection {
        let (source, destination) = ("10.1.0.1".parse().unwrap(), "10.2.0.9".parse().unwrap());
        let policy = HealthCheckPolicy::RevokeRoute;
        let check = DesiredHealthCheck { source, destination, interval_s: 3, retry: 3, policy };
        let mut tunnel = tunnel("tun-a", 1);
        tunnel.health_check = Some(check);
        DesiredConnection {
            id: "vco-a".parse().unwrap(),
            domain: Domain {
                account: "1234567890123456".parse().unwrap(),
                region: "eu-central-1".parse().unwrap(),
                owner: DomainOwner::TransitRouter("tr-a".parse().unwrap()),
            },
            generation: 1,
            tunnels: vec![tunnel],
            routes: vec![DesiredRoute::to(dest.parse().unwrap(), Weight::HIGH)],
        }
    }

    #[test]
    fn of_the_routes_only_that_to_the_probed_host_stays_and_only_within_them() {
        let published = |desired: &DesiredConnection| -> Vec<String> {
            desired.routes.iter().filter(|it| it.is_published).map(|it| it.dest.to_string()).collect()
        };
        let mut wide = desired("10.2.0.0/16");
        assert_eq!(withdraw(&mut wide), Some("10.2.0.9/32".parse().unwrap()));
        assert_eq!(published(&wide), ["10.2.0.9/32"]);
        let mut exact = desired("10.2.0.9/32");
        assert_eq!(withdraw(&mut exact), None, "it is the connection's own");
        assert_eq!(published(&exact), ["10.2.0.9/32"]);
        let mut elsewhere = desired("10.3.0.0/16");
        assert_eq!(withdraw(&mut elsewhere), None);
        assert!(published(&elsewhere).is_empty());
    }

    #[test]
    fn only_news_have_to_be_looked_at() {
        let (withdrawals, id) = (Withdrawals::default(), "vco-a".parse().unwrap());
        assert!(!withdrawals.set(&id, false), "nothing was withdrawn");
        assert!(withdrawals.set(&id, true) && !withdrawals.set(&id, true));
        assert!(withdrawals.has(&id));
        assert_eq!(withdrawals.take_changed().len(), 1);
        assert!(withdrawals.take_changed().is_empty());
    }
}
