//! Watches over tunnels: which probes are due, and what is known of each tunnel. Pure: it sends nothing and knows no clock.
//!
//! One thread owns this, the one that negotiates. What it is told, it turns into [`Standing`]s; what is to be done about them is
//! done in `engine`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use causeway_control::desired::DesiredHealthCheck;
use causeway_control::ids::VpnConnectionId;
use causeway_control::observed::TunnelHealth;
use causeway_control::resource::health_check::HealthCheckPolicy;
use causeway_ike::TunnelKey;

use crate::health::check::Settings;
use crate::health::silence::{Finding, Sample};
use crate::health::{Check, Silence, SilenceTimes, Standing, Verdict};
use crate::path::echo::Probe;

/// An SA is not replaced again within this time of the last time.
const REPLACE_PAUSE: Duration = Duration::from_secs(60);
/// For how long an answer of the peer is waited for, before it is left to dead peer detection.
const PEER_PATIENCE: Duration = Duration::from_secs(10);

/// A tunnel that is watched over.
struct Ward {
    connection: VpnConnectionId,
    checked: Option<Checked>,
    silence: Silence,
    is_up: bool,
    /// When its check has something to do.
    due: Option<Duration>,
    replacement: Replacement,
}

/// The check of a tunnel.
struct Checked {
    desired: DesiredHealthCheck,
    check: Check,
    /// Only the tunnel's peer sees it.
    secret: u64,
    /// The addresses are outside of what was negotiated.
    is_outside: bool,
}

/// Whether the child SAs are to be replaced.
#[derive(Default)]
struct Replacement {
    /// Since when they are, as soon as the peer is known to live.
    wanted: Option<Duration>,
    /// When they were last.
    done: Option<Duration>,
}

/// All tunnels.
pub struct Vigil {
    wards: BTreeMap<TunnelKey, Ward>,
    due: BTreeSet<(Duration, TunnelKey)>,
    times: SilenceTimes,
}

/// What happened to a tunnel, for its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The check is answered for the first time, or again.
    Answered,
    /// Nothing was answered for so long.
    Failed(Duration),
    /// It is up again, and has to be answered for a while.
    Returning,
    /// The addresses of the check are outside of what was negotiated, or no longer.
    Outside(bool),
    /// It sends and hears nothing.
    Silence(Finding),
}

impl Vigil {
    /// Over no tunnel.
    pub fn new(times: SilenceTimes) -> Self {
        Self { wards: BTreeMap::new(), due: BTreeSet::new(), times }
    }

    /// Watches over a tunnel, as it is configured now. `secret` is random.
    pub fn put(
        &mut self,
        key: TunnelKey,
        connection: &VpnConnectionId,
        desired: Option<DesiredHealthCheck>,
        (secret, now): (u64, Duration),
    ) {
        let silence = || Silence::new(self.times);
        let ward = self.wards.entry(key).or_insert_with(|| Ward {
            connection: connection.clone(),
            checked: None,
            silence: silence(),
            is_up: false,
            due: None,
            replacement: Replacement::default(),
        });
        let Some(desired) = desired else {
            ward.checked = None;
            return self.schedule(key);
        };
        let settings = Settings::new(desired.interval_s, desired.retry);
        match &mut ward.checked {
            Some(checked) if same_addresses(&checked.desired, &desired) => {
                if checked.check.settings() != settings {
                    checked.check.change(settings, now);
                }
                checked.desired = desired;
            }
            // Another host answers, or does not: what was said before is of no use.
            checked => {
                let mut check = Check::new(settings);
                if ward.is_up {
                    check.resume(now);
                }
                *checked = Some(Checked { desired, check, secret, is_outside: false });
            }
        }
        self.schedule(key);
    }

    /// Watches over a tunnel no longer.
    pub fn remove(&mut self, key: TunnelKey) {
        if let Some(ward) = self.wards.remove(&key)
            && let Some(due) = ward.due
        {
            self.due.remove(&(due, key));
        }
    }

    /// A tunnel is up, or not.
    pub fn set_up(&mut self, key: TunnelKey, is_up: bool, now: Duration) -> Option<Event> {
        let ward = self.wards.get_mut(&key).filter(|ward| ward.is_up != is_up)?;
        ward.is_up = is_up;
        if !is_up {
            ward.silence.reset();
            ward.replacement.wanted = None;
        }
        let mut event = None;
        if let Some(checked) = &mut ward.checked {
            match is_up {
                true => checked.check.resume(now),
                false => checked.check.suspend(),
            }
            event = (is_up && checked.check.verdict() == Verdict::Returning).then_some(Event::Returning);
        }
        self.schedule(key);
        event
    }

    /// When a check has something to do.
    pub fn next_timeout(&self) -> Option<Duration> {
        self.due.first().map(|(at, _)| *at)
    }

    /// A tunnel whose check has something to do now, each once.
    pub fn take_due(&mut self, now: Duration) -> Option<TunnelKey> {
        let (at, key) = self.due.first().copied().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(at, key));
        if let Some(ward) = self.wards.get_mut(&key) {
            ward.due = None;
        }
        Some(key)
    }

    /// Where a tunnel's probes come from and go to, if it has a check.
    pub fn probe_addresses(&self, key: TunnelKey) -> Option<&DesiredHealthCheck> {
        Some(&self.wards.get(&key)?.checked.as_ref()?.desired)
    }

    /// Does what is due of a tunnel's check: a probe to be sent, and what is new. `is_outside` says that the tunnel may not carry it.
    pub fn handle_timeout(
        &mut self,
        key: TunnelKey,
        is_outside: bool,
        now: Duration,
    ) -> (Option<Probe>, Option<Event>) {
        let checked = self.wards.get_mut(&key).and_then(|ward| ward.checked.as_mut());
        let Some(checked) = checked else { return (None, None) };
        let was_outside = std::mem::replace(&mut checked.is_outside, is_outside);
        let mut event = (was_outside != is_outside).then_some(Event::Outside(is_outside));
        if is_outside {
            checked.check.defer(now);
            self.schedule(key);
            return (None, event);
        }
        let before = checked.check.verdict();
        let sequence = checked.check.handle_timeout(now);
        if checked.check.verdict() != before {
            event = Some(Event::Failed(checked.check.settings().patience));
        }
        let DesiredHealthCheck { source, destination, .. } = checked.desired;
        let probe = |sequence| Probe { source, destination, tunnel: key.0, secret: checked.secret, sequence };
        let probe = sequence.map(probe);
        self.schedule(key);
        (probe, event)
    }

    /// An answer to a probe came. Answers with the tunnel's smoothed round-trip time if it is one, and what is new.
    pub fn on_answer(
        &mut self,
        probe: &Probe,
        now: Duration,
    ) -> Option<(TunnelKey, Option<Duration>, Option<Event>)> {
        let key = TunnelKey(probe.tunnel);
        let checked = self.wards.get_mut(&key)?.checked.as_mut()?;
        let DesiredHealthCheck { source, destination, .. } = checked.desired;
        let is_ours =
            (source, destination, checked.secret) == (probe.source, probe.destination, probe.secret);
        let before = checked.check.verdict();
        if !is_ours || !checked.check.on_answer(probe.sequence, now) {
            return None;
        }
        let event = (checked.check.verdict() != before).then_some(Event::Answered);
        let round_trip = checked.check.round_trip().smoothed();
        self.schedule(key);
        Some((key, round_trip, event))
    }

    /// Takes a sample of a tunnel that is up.
    pub fn observe(&mut self, key: TunnelKey, sample: Sample, now: Duration) -> Option<Finding> {
        self.wards.get_mut(&key).filter(|ward| ward.is_up)?.silence.observe(sample, now)
    }

    /// Wants the child SAs of a tunnel replaced as soon as its peer is known to live, unless they were a moment ago. True if its peer
    /// is to be asked.
    pub fn want_replacement(&mut self, key: TunnelKey, now: Duration) -> bool {
        let Some(ward) = self.wards.get_mut(&key).filter(|ward| ward.is_up) else { return false };
        let is_soon = ward.replacement.done.is_some_and(|at| now < at + REPLACE_PAUSE);
        if !is_soon {
            ward.replacement.wanted = Some(now);
        }
        !is_soon
    }

    /// The tunnels whose child SAs are to be replaced now, each once. `heard` says when a tunnel's peer was last heard.
    pub fn take_replacements(
        &mut self,
        now: Duration,
        heard: impl Fn(TunnelKey) -> Option<Duration>,
    ) -> Vec<TunnelKey> {
        let mut due = Vec::new();
        for (key, ward) in &mut self.wards {
            let Some(wanted) = ward.replacement.wanted else { continue };
            if heard(*key).is_some_and(|at| at >= wanted) {
                ward.replacement = Replacement { wanted: None, done: Some(now) };
                due.push(*key);
            } else if now >= wanted + PEER_PATIENCE {
                ward.replacement.wanted = None;
            }
        }
        due
    }

    /// How good a tunnel is, as it is reported too, and what its connection's policy is.
    pub fn standing(&self, key: TunnelKey) -> (Standing, TunnelHealth, Option<HealthCheckPolicy>) {
        let Some(ward) = self.wards.get(&key) else { return Default::default() };
        let checked = ward.checked.as_ref();
        let verdict = checked.filter(|it| !it.is_outside).map(|it| it.check.verdict());
        let standing = Standing::of(verdict, ward.silence.is_marked());
        let is_outside = standing == Standing::Good && checked.is_some_and(|it| it.is_outside);
        let health = if is_outside { TunnelHealth::OutsideSelectors } else { standing.reported(verdict) };
        (standing, health, checked.map(|it| it.desired.policy))
    }

    /// How long a check of a connection's tunnels takes to fail, if its routes are withdrawn then.
    pub fn patience(&self, key: TunnelKey) -> Option<Duration> {
        let checked = self.wards.get(&key)?.checked.as_ref()?;
        let revokes = checked.desired.policy == HealthCheckPolicy::RevokeRoute;
        revokes.then(|| checked.check.settings().patience)
    }

    /// Whose a tunnel is.
    pub fn connection(&self, key: TunnelKey) -> Option<&VpnConnectionId> {
        self.wards.get(&key).map(|ward| &ward.connection)
    }

    fn schedule(&mut self, key: TunnelKey) {
        let Some(ward) = self.wards.get_mut(&key) else { return };
        if let Some(due) = ward.due.take() {
            self.due.remove(&(due, key));
        }
        ward.due = ward.checked.as_ref().and_then(|it| it.check.next_timeout());
        if let Some(due) = ward.due {
            self.due.insert((due, key));
        }
    }
}

fn same_addresses(one: &DesiredHealthCheck, other: &DesiredHealthCheck) -> bool {
    (one.source, one.destination) == (other.source, other.destination)
}

#[cfg(test)]
mod tests;
