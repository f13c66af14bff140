//! One configured tunnel: what is there for it, and what is reported of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use causeway_crypto::Random;

use crate::config::{Limits, TunnelConfig};
use crate::failure::{Failure, NatDetected};
use crate::output::TunnelStatus;
use crate::traffic::Traffic;

/// One configured tunnel.
pub(crate) struct Tunnel {
    pub config: Arc<TunnelConfig>,
    /// Its IKE SAs in all states, by our SPI.
    pub sas: BTreeSet<u64>,
    /// Its children that packets can pass, the newest last.
    children: Vec<Installed>,
    /// The children that we send on, the preferred one first.
    in_use: Vec<u32>,
    /// Initiating an IKE SA.
    pub retry: Backoff,
    /// Making a child when an IKE SA has none.
    pub child_retry: Backoff,
    /// The last negotiation of a child failed.
    pub child_refused: bool,
    /// Leave the peer's identity out of the next IKE_AUTH. It is a hint for peers with several identities, but one that some
    /// refuse when we know it by another type than they do.
    pub unnamed_peer: bool,
    /// Why the tunnel is not up.
    pub failure: Option<Failure>,
    /// Why the children that are up will not be replaced when their time comes.
    pub rekey_failure: Option<Failure>,
    /// Why there is none for the networks that the children that are up do not carry.
    pub rest_failure: Option<Failure>,
    /// What was last told of it; none of a new one, because what was told of the one before it may be shown still.
    pub reported: Option<(TunnelStatus, Option<Failure>, Option<NatDetected>)>,
    /// How long the peer took for its last answer, of those that take no computing to speak of.
    pub round_trip: Option<Duration>,
}

struct Installed {
    inbound_spi: u32,
    traffic: Traffic,
    /// The peer is known to have it too.
    ready: bool,
}

impl Tunnel {
    pub(crate) fn new(config: Arc<TunnelConfig>) -> Self {
        Tunnel {
            config,
            sas: BTreeSet::new(),
            children: Vec::new(),
            in_use: Vec::new(),
            retry: Backoff::default(),
            child_retry: Backoff::default(),
            child_refused: false,
            unnamed_peer: false,
            failure: None,
            rekey_failure: None,
            rest_failure: None,
            reported: None,
            round_trip: None,
        }
    }

    /// Whether we may initiate at all.
    pub(crate) fn initiates(&self) -> bool {
        self.config.initiate && !self.config.remote.is_unspecified()
    }

    pub(crate) fn has_child(&self) -> bool {
        !self.children.is_empty()
    }

    /// Keeps why the tunnel is not up; true if that is news.
    pub(crate) fn note(&mut self, failure: &Failure) -> bool {
        let news = self.failure.as_ref() != Some(failure);
        self.failure = Some(failure.clone());
        news
    }

    /// Keeps why the children will not be replaced; true if that is news.
    pub(crate) fn note_rekey(&mut self, failure: &Failure) -> bool {
        let news = self.rekey_failure.as_ref() != Some(failure);
        self.rekey_failure = Some(failure.clone());
        news
    }

    /// Keeps why there is no child for the rest of the networks; true if that is news.
    pub(crate) fn note_rest(&mut self, failure: &Failure) -> bool {
        let news = self.rest_failure.as_ref() != Some(failure);
        self.rest_failure = Some(failure.clone());
        news
    }

    /// A child is installed; `ready` says whether to send on it already.
    pub(crate) fn add_child(&mut self, inbound_spi: u32, traffic: Traffic, ready: bool) {
        self.children.push(Installed { inbound_spi, traffic, ready });
    }

    /// The peer is known to have the child.
    pub(crate) fn child_ready(&mut self, inbound_spi: u32) {
        if let Some(child) = self.children.iter_mut().find(|child| child.inbound_spi == inbound_spi) {
            child.ready = true;
        }
    }

    /// The child is removed, or only received on.
    pub(crate) fn remove_child(&mut self, inbound_spi: u32) {
        self.children.retain(|child| child.inbound_spi != inbound_spi);
    }

    /// The children to send on from now on, if they are others than before: the newest first of those that the peer is known to
    /// have, then the others, and none that a better one makes superfluous.
    pub(crate) fn change_use(&mut self) -> Option<Vec<u32>> {
        let newest_first = || self.children.iter().rev();
        let by_preference =
            newest_first().filter(|child| child.ready).chain(newest_first().filter(|child| !child.ready));
        let mut best: Vec<&Installed> = Vec::new();
        for child in by_preference {
            if !best.iter().any(|better| child.traffic.is_within(&better.traffic)) {
                best.push(child);
            }
        }
        let best: Vec<u32> = best.into_iter().map(|child| child.inbound_spi).collect();
        let changed = best != self.in_use;
        self.in_use.clone_from(&best);
        (changed && !best.is_empty()).then_some(best)
    }

    /// The children that we send on.
    pub(crate) fn in_use(&self) -> &[u32] {
        &self.in_use
    }
}

/// When to try again: twice as late each time, with some randomness, for ever.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Backoff {
    attempts: u32,
    /// When the next attempt is due.
    pub at: Option<Duration>,
}

impl Backoff {
    /// The next attempt's time; counts it.
    pub(crate) fn next(&mut self, now: Duration, limits: &Limits, random: &mut dyn Random) -> Duration {
        let wait = limits.retry_after.saturating_mul(1 << self.attempts.min(16)).min(limits.retry_after_max);
        self.attempts = self.attempts.saturating_add(1);
        now + wait.mul_f64(0.75 + 0.5 * fraction(random))
    }

    /// What was attempted has held for `lived`; only if that was long does the next attempt come soon.
    pub(crate) fn held(&mut self, lived: Duration, limits: &Limits) {
        if lived > limits.retry_after_max {
            self.attempts = 0;
        }
    }
}

/// A random number from 0 to 1.
pub(crate) fn fraction(random: &mut dyn Random) -> f64 {
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX)
}
