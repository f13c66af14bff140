//! One configured tunnel: what is there for it, and what is reported of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use causeway_crypto::Random;

use crate::config::{Limits, TunnelConfig};
use crate::output::TunnelStatus;

/// One configured tunnel.
pub(crate) struct Tunnel {
    pub config: Arc<TunnelConfig>,
    /// Its IKE SAs in all states, by our SPI.
    pub sas: BTreeSet<u64>,
    /// Its children that packets can pass, the newest last.
    children: Vec<Installed>,
    /// The child that we send on, for each slot.
    in_use: BTreeMap<u16, u32>,
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
    pub error: Option<String>,
    pub reported: (TunnelStatus, Option<String>),
}

struct Installed {
    inbound_spi: u32,
    slot: u16,
    /// The peer is known to have it too.
    ready: bool,
}

impl Tunnel {
    pub(crate) fn new(config: Arc<TunnelConfig>) -> Self {
        Tunnel {
            config,
            sas: BTreeSet::new(),
            children: Vec::new(),
            in_use: BTreeMap::new(),
            retry: Backoff::default(),
            child_retry: Backoff::default(),
            child_refused: false,
            unnamed_peer: false,
            error: None,
            reported: (TunnelStatus::IkeSaNotEstablished, None),
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
    pub(crate) fn note(&mut self, error: &str) -> bool {
        let news = self.error.as_deref() != Some(error);
        self.error = Some(error.to_owned());
        news
    }

    /// A child is installed; `ready` says whether to send on it already.
    pub(crate) fn add_child(&mut self, inbound_spi: u32, slot: u16, ready: bool) {
        self.children.push(Installed { inbound_spi, slot, ready });
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

    /// The children to send on from now on, as far as they are others than before: in each slot the newest of those that the
    /// peer is known to have, or else the newest.
    pub(crate) fn change_use(&mut self) -> Vec<u32> {
        let mut best = BTreeMap::new();
        for child in self.children.iter().filter(|child| !child.ready) {
            best.insert(child.slot, child.inbound_spi);
        }
        for child in self.children.iter().filter(|child| child.ready) {
            best.insert(child.slot, child.inbound_spi);
        }
        let before = std::mem::replace(&mut self.in_use, best);
        let changed = self.in_use.iter().filter(|(slot, spi)| before.get(slot) != Some(spi));
        changed.map(|(_, spi)| *spi).collect()
    }

    /// Whether we send on this child.
    pub(crate) fn is_in_use(&self, inbound_spi: u32) -> bool {
        self.in_use.values().any(|spi| *spi == inbound_spi)
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
