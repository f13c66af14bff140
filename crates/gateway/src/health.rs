//! Which tunnels packets get through: what is known of a tunnel beyond its being up. Pure: time is an argument.
//!
//! A tunnel is up when both ends have agreed on its keys. Whether packets get through is another question, and there are two
//! ways to an answer:
//!
//! - [`check`]: the connection's health check. Probes go through each tunnel that is up, also through the one that does not
//!   carry, and a tunnel whose probes nobody answers fails. The answers come back through whichever tunnel the peer prefers, so
//!   that one that is dead may keep the answers of both: see [`crate::vigil`].
//! - [`silence`]: without anything being configured, a tunnel that carries and sends, while nothing comes back, is taken for a
//!   black hole. It is a suspicion, because traffic may well go one way only.
//!
//! Both come down to a [`Standing`]. A connection takes the tunnel with the best one, and of equals the master; [`decide`] says
//! which, and whether its routes are to be withdrawn. Where all are bad, the one is taken through which the peer is heard: the peer
//! prefers it, and two gateways that each wait for the other's answers have to meet somewhere.

pub mod check;
mod round_trip;
pub mod silence;

use std::time::Duration;

use causeway_control::observed::TunnelHealth;
use causeway_control::resource::health_check::HealthCheckPolicy;

pub use check::{Check, Verdict};
pub use silence::{Silence, SilenceTimes, Suspicion};

/// How good a tunnel that is up is, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Standing {
    /// Nothing is known against it.
    #[default]
    Good,
    /// It was down, and its health check has not been answered for long enough since.
    Returning,
    /// The peer sends through another tunnel, and there is no health check that is answered.
    Left,
    /// It sends, and nothing comes back; and there is no health check that is answered.
    Silent,
    /// Its health check fails.
    Unhealthy,
}

impl Standing {
    /// Of what the check says, if there is one that can be done, and the suspicion.
    pub fn of(verdict: Option<Verdict>, suspicion: Suspicion) -> Self {
        match (verdict, suspicion) {
            (Some(Verdict::Unhealthy), _) => Self::Unhealthy,
            (Some(Verdict::Healthy), _) => Self::Good,
            (_, Suspicion::Silent) => Self::Silent,
            (_, Suspicion::Left) => Self::Left,
            (Some(Verdict::Returning), Suspicion::None) => Self::Returning,
            (_, Suspicion::None) => Self::Good,
        }
    }

    /// As it is reported, of a tunnel whose check says `verdict`.
    pub fn reported(self, verdict: Option<Verdict>) -> TunnelHealth {
        match (self, verdict) {
            (Self::Unhealthy, _) => TunnelHealth::Unhealthy,
            (Self::Silent, _) => TunnelHealth::Silent,
            (Self::Left, _) => TunnelHealth::Left,
            (Self::Returning, _) => TunnelHealth::Returning,
            (Self::Good, Some(Verdict::Healthy)) => TunnelHealth::Healthy,
            (Self::Good, _) => TunnelHealth::Unknown,
        }
    }
}

/// A tunnel of a connection, as far as the decision goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Whether packets can be sent through it.
    pub is_up: bool,
    /// How good it is.
    pub standing: Standing,
    /// Whether packets still come out of another tunnel of the connection, and out of this one no longer.
    pub is_mute: bool,
    /// Whether it carries now.
    pub carries: bool,
}

/// What a connection's tunnels come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Decision {
    /// The place of the tunnel that carries, none if no tunnel may.
    pub carrier: Option<usize>,
    /// The place of the best tunnel, where tunnels are up and none of them may carry because their health checks fail.
    pub last_resort: Option<usize>,
}

impl Candidate {
    /// What makes one of two bad tunnels preferable, the smaller first: that the peer is heard through it; and of those that may be
    /// good nevertheless, that it carries already, so that marks alone move nothing to and fro.
    fn drawbacks(&self) -> (bool, bool) {
        match self.standing {
            Standing::Good | Standing::Returning | Standing::Left => (false, false),
            Standing::Silent => (self.is_mute, !self.carries),
            Standing::Unhealthy => (self.is_mute, false),
        }
    }
}

/// Decides which tunnel carries: the best, and of those that are alike the first; of two bad ones rather the one through which the
/// peer is heard. `tunnels` has the master before the slave. With `RevokeRoute` a tunnel whose check fails carries nothing, with
/// `ReserveRoute` it does as long as there is no better one; without a policy there is no check that could fail.
pub fn decide(tunnels: &[Candidate], policy: Option<HealthCheckPolicy>) -> Decision {
    let up = tunnels.iter().enumerate().filter(|(_, it)| it.is_up);
    let best = up.min_by_key(|(place, it)| (it.standing, it.drawbacks(), *place));
    let Some((place, best)) = best else { return Decision::default() };
    let is_refused = best.standing == Standing::Unhealthy && policy == Some(HealthCheckPolicy::RevokeRoute);
    let (carrier, last_resort) = if is_refused { (None, Some(place)) } else { (Some(place), None) };
    Decision { carrier, last_resort }
}

/// When a connection with `RevokeRoute` gives up its routes: at once when its checks fail, and when its tunnels are down as
/// soon as a check would have failed. Once they are given up they stay so until a tunnel may carry again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Withdrawal {
    /// Since when no tunnel may carry.
    without: Option<Duration>,
    is_withdrawn: bool,
}

impl Withdrawal {
    /// Takes the latest decision: whether a tunnel carries, and whether those that are up may not. `patience` is how long a check
    /// takes to fail, none where routes are never withdrawn. True if they are withdrawn.
    pub fn judge(
        &mut self,
        carries: bool,
        is_refused: bool,
        patience: Option<Duration>,
        now: Duration,
    ) -> bool {
        let Some(patience) = patience.filter(|_| !carries) else {
            *self = Self::default();
            return false;
        };
        let since = *self.without.get_or_insert(now);
        self.is_withdrawn |= is_refused || now.saturating_sub(since) >= patience;
        self.is_withdrawn
    }
}

#[cfg(test)]
mod tests;
