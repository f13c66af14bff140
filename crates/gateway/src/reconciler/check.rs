//! Looking at what the kernel has, and repairing what somebody else changed.
//!
//! Devices and rules are few and looked at every few seconds. All routes are looked at now and then, beside the changes (see
//! `domains/survey.rs`).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use causeway_control::desired::Domain;
use ipnet::Ipv4Net;

use super::Reconciler;
use crate::domains::{DomainError, Listed};
use crate::reconcile::plan;

/// How often devices and rules are looked at without a reason.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// How soon after a check another one may be, when somebody changes routes all the time.
const CHECK_PAUSE_MIN: Duration = Duration::from_millis(100);
/// How often all routes are looked at without a reason. Changes by others are heard of; this is for what was not.
pub(super) const SURVEY_INTERVAL: Duration = Duration::from_secs(30);
/// Looking at very many routes takes at most one part in so many of the time.
const SURVEY_SHARE: u32 = 50;

/// When to look again.
pub(super) struct Checks {
    /// Not before; after that, as soon as there is a reason.
    allowed: Instant,
    next: Instant,
    survey_begun: Instant,
    survey_allowed: Instant,
    next_survey: Instant,
}

impl Checks {
    /// Now, for the first time.
    pub(super) fn new(now: Instant) -> Self {
        Self { allowed: now, next: now, survey_begun: now, survey_allowed: now, next_survey: now }
    }

    /// There is a reason.
    pub(super) fn hasten(&mut self) {
        self.next = self.allowed;
    }

    fn checked(&mut self, now: Instant) {
        (self.allowed, self.next) = (now + CHECK_PAUSE_MIN, now + CHECK_INTERVAL);
    }

    fn surveyed(&mut self, now: Instant) {
        let pause = now.saturating_duration_since(self.survey_begun) * SURVEY_SHARE;
        (self.survey_allowed, self.next_survey) = (now + pause, now + pause.max(SURVEY_INTERVAL));
    }
}

impl Reconciler {
    /// When to check next. What others changed of ours is repaired as soon as it may be.
    pub(super) fn check_due(&self) -> Instant {
        let has_reason = self.changes.are_ours() && !self.domains.is_surveying();
        let survey = has_reason.then_some(self.checks.survey_allowed.max(self.checks.allowed));
        survey.into_iter().fold(self.checks.next, Instant::min)
    }

    /// Looks at devices, rules and main, and begins to look at all routes when it is time.
    pub(super) fn check(&mut self) {
        match self.check_once() {
            Ok(changes) => tell(changes),
            Err(DomainError::DeviceGone(domain)) => {
                tracing::warn!(?domain, "somebody removed the TUN device; the domain is opened anew");
                self.rebuild(&domain);
            }
            Err(error) => tracing::warn!(%error, "checking the Linux routes"),
        }
        self.checks.checked(Instant::now());
    }

    fn check_once(&mut self) -> Result<usize, DomainError> {
        let now = Instant::now();
        self.domains.check_links()?;
        self.domains.check_rules()?;
        let is_due = now >= self.checks.next_survey || self.changes.are_ours();
        let begins = is_due && now >= self.checks.survey_allowed && !self.domains.is_surveying();
        let changes = if self.changes.take_main() || begins { self.domains.check_main()? } else { 0 };
        if begins {
            self.changes.take_ours();
            self.checks.survey_begun = now;
            self.domains.begin_survey();
            self.note_end_of_survey();
        }
        Ok(changes)
    }

    /// A table is listed, and is to be compared.
    pub(super) fn listed(&mut self, listed: Listed) {
        if let Err(error) = self.domains.listed(listed) {
            tracing::warn!(%error, "listing the Linux routes");
        }
        self.note_end_of_survey();
    }

    /// Compares some more of what is listed.
    pub(super) fn compare(&mut self) {
        if !self.domains.is_comparing() {
            return;
        }
        let (retries, desires) = (&self.retries, &self.desires);
        // Of connections that are not in force yet: an earlier process may have left routes for them, which keep their packets
        // from leaving in clear.
        let tolerated = |domain: &Domain| -> BTreeSet<Ipv4Net> {
            let desired = retries.keys().filter_map(|id| desires.desired(id));
            let of_domain = desired.filter(|connection| connection.domain == *domain);
            of_domain.flat_map(|connection| connection.routes).map(|route| route.dest).collect()
        };
        match self.domains.compare(tolerated) {
            Ok(changes) => tell(changes),
            Err(error) => tracing::warn!(%error, "repairing the Linux routes"),
        }
        self.note_end_of_survey();
    }

    fn note_end_of_survey(&mut self) {
        if !self.domains.is_surveying() {
            self.checks.surveyed(Instant::now());
        }
    }

    /// Takes apart what is programmed in a domain; what is desired is programmed again when it is looked at next.
    fn rebuild(&mut self, domain: &Domain) {
        let of_domain = self.programmed.connections().filter(|(_, connection)| connection.domain == *domain);
        for id in of_domain.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.in_force.remove(&id);
            self.reports.in_force(&id, 0);
            let steps = plan(&self.programmed, &id, None);
            if let Err(error) = self.apply(&id, &steps) {
                tracing::warn!(connection = %id, %error, "taking a connection apart");
            }
        }
        // A device that is gone is opened anew by its gateway, or by its next connection.
        self.gateways.forget(domain);
        self.registry.lock().domains.remove(domain);
        if let Err(error) = self.domains.close(domain) {
            tracing::warn!(%error, "closing a domain whose device is gone");
        }
        self.close_empty_domains();
    }
}

fn tell(changes: usize) {
    if changes > 0 {
        tracing::info!(changes, "Linux routes were not as they should be, and are again");
    }
}
