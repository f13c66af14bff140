//! Which domains of VPN gateways are wanted, and what of them is in force. A domain of a transit router is there while it has a
//! connection; one of a VPN gateway is there from the beginning.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use causeway_control::desired::{DesiredDomain, Domain};

/// How long to wait after an error.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What is known of the domains.
#[derive(Debug, Default)]
pub struct GatewayDomains {
    wanted: BTreeSet<Domain>,
    in_force: BTreeMap<Domain, DesiredDomain>,
    /// What could not be opened, and when to try again.
    failed: BTreeMap<Domain, Instant>,
    /// What was open, or was tried to be.
    begun: BTreeSet<Domain>,
}

impl GatewayDomains {
    /// What is to be opened or changed now. What is not among `desired` is no longer wanted.
    pub fn due(&mut self, desired: Vec<DesiredDomain>, now: Instant) -> Vec<DesiredDomain> {
        self.wanted = desired.iter().map(|it| it.domain.clone()).collect();
        self.failed.retain(|domain, _| self.wanted.contains(domain));
        let waits = |domain: &Domain| self.failed.get(domain).is_some_and(|at| *at > now);
        desired
            .into_iter()
            .filter(|it| self.in_force.get(&it.domain) != Some(it) && !waits(&it.domain))
            .collect()
    }

    /// Notes how it went; true if there is something to report.
    pub fn tried(&mut self, desired: &DesiredDomain, is_open: bool, now: Instant) -> bool {
        self.begun.insert(desired.domain.clone());
        if is_open {
            self.failed.remove(&desired.domain);
            self.in_force.insert(desired.domain.clone(), desired.clone());
        } else {
            self.failed.insert(desired.domain.clone(), now + RETRY_AFTER);
        }
        is_open
    }

    /// Whether a VPN gateway has this domain.
    pub fn are_wanted(&self, domain: &Domain) -> bool {
        self.wanted.contains(domain)
    }

    /// The domain has to be opened anew.
    pub fn forget(&mut self, domain: &Domain) {
        self.in_force.remove(domain);
    }

    /// What is neither wanted nor open any more, each once.
    pub fn take_closed(&mut self, open: &BTreeSet<Domain>) -> Vec<Domain> {
        let is_closed = |domain: &&Domain| !self.wanted.contains(domain) && !open.contains(domain);
        let closed: Vec<Domain> = self.begun.iter().filter(is_closed).cloned().collect();
        for domain in &closed {
            self.begun.remove(domain);
            self.in_force.remove(domain);
        }
        closed
    }

    /// When something is to be tried again.
    pub fn next_retry(&self) -> Option<Instant> {
        self.failed.values().min().copied()
    }
}
