//! Watches over tunnels: which probes are due, and what is known of each tunnel. Pure: it sends nothing and knows no clock.
//!
//! One thread owns this, the one that negotiates. What it is told, it turns into [`Standing`]s; what is to be done about them is
//! done in `engine`.
//!
//! # Whose fault it is that nothing is answered
//!
//! The answer to a probe comes back through whichever tunnel the peer prefers. So when the master dies both ways, the probes through
//! the slave are unanswered as well until the peer has left the master too, and a peer that checks likewise waits for us. What tells
//! the two tunnels apart is whether anything comes out of them since, for instance the peer's probes. A tunnel out of which something
//! comes is not condemned together with another that is unanswered and out of which nothing comes: it is given the time that the peer
//! needs to come over. Should both be condemned nevertheless, the one that is heard is preferred.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use causeway_control::desired::DesiredHealthCheck;
use causeway_control::ids::VpnConnectionId;
use causeway_control::observed::TunnelHealth;
use causeway_control::resource::health_check::HealthCheckPolicy;
use causeway_ike::TunnelKey;

use crate::health::check::Settings;
use crate::health::silence::{Beside, Finding, Sample};
use crate::health::{Check, Silence, SilenceTimes, Standing, Verdict};
use crate::path::echo::Probe;
use crate::tunnels::Passed;

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
    /// How many packets had come out of it when that was last told.
    packets: u64,
    /// When they were more than before.
    heard: Option<Duration>,
    /// How many they were when its check began to be unanswered, while it is.
    packets_before_doubt: Option<u64>,
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
    connections: BTreeMap<VpnConnectionId, BTreeSet<TunnelKey>>,
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

impl Ward {
    /// What its check says, if it has one that can be done.
    fn verdict(&self) -> Option<Verdict> {
        self.checked.as_ref().filter(|it| !it.is_outside).map(|it| it.check.verdict())
    }

    /// Whether packets come out of it although its check is unanswered; none while it is answered.
    fn is_heard_in_doubt(&self) -> Option<bool> {
        self.packets_before_doubt.filter(|_| self.is_up).map(|before| self.packets != before)
    }
}

impl Vigil {
    /// Over no tunnel.
    pub fn new(times: SilenceTimes) -> Self {
        Self { wards: BTreeMap::new(), connections: BTreeMap::new(), due: BTreeSet::new(), times }
    }

    /// Watches over a tunnel, as it is configured now. `secret` is random.
    pub fn put(
        &mut self,
        key: TunnelKey,
        connection: &VpnConnectionId,
        desired: Option<DesiredHealthCheck>,
        (secret, now): (u64, Duration),
    ) {
        self.connections.entry(connection.clone()).or_default().insert(key);
        let silence = || Silence::new(self.times);
        let ward = self.wards.entry(key).or_insert_with(|| Ward {
            connection: connection.clone(),
            checked: None,
            silence: silence(),
            is_up: false,
            due: None,
            replacement: Replacement::default(),
            packets: 0,
            heard: None,
            packets_before_doubt: None,
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
        let Some(ward) = self.wards.remove(&key) else { return };
        if let Some(due) = ward.due {
            self.due.remove(&(due, key));
        }
        if let Some(keys) = self.connections.get_mut(&ward.connection) {
            keys.remove(&key);
            if keys.is_empty() {
                self.connections.remove(&ward.connection);
            }
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

    /// Takes how many packets came out of a tunnel until now.
    pub fn note_heard(&mut self, key: TunnelKey, packets: u64, now: Duration) {
        if let Some(ward) = self.wards.get_mut(&key)
            && ward.packets != packets
        {
            (ward.packets, ward.heard) = (packets, Some(now));
        }
    }

    /// Whether packets still come out of another tunnel of the connection, and out of this one no longer.
    pub fn is_mute(&self, key: TunnelKey) -> bool {
        let Some(ward) = self.wards.get(&key) else { return false };
        let patience = ward.checked.as_ref().map_or(self.times.sent_for, |it| it.check.settings().patience);
        let long_after = ward.heard.unwrap_or_default() + patience / 2;
        self.beside(key).any(|other| other.heard.is_some_and(|at| at >= long_after))
    }

    /// Whether another tunnel may be at fault that a tunnel's probes are not answered: see the module.
    fn is_excused(&self, key: TunnelKey) -> bool {
        let is_heard = self.wards.get(&key).and_then(Ward::is_heard_in_doubt) == Some(true);
        is_heard && self.beside(key).any(|other| other.is_heard_in_doubt() == Some(false))
    }

    /// The other tunnels of a tunnel's connection.
    fn beside(&self, key: TunnelKey) -> impl Iterator<Item = &Ward> {
        self.keys_beside(key).filter_map(|it| self.wards.get(&it))
    }

    fn keys_beside(&self, key: TunnelKey) -> impl Iterator<Item = TunnelKey> {
        let keys = self.connection(key).and_then(|connection| self.connections.get(connection));
        keys.into_iter().flatten().copied().filter(move |it| *it != key)
    }

    /// What it means for the others that a tunnel is heard.
    fn as_beside(&self, key: TunnelKey) -> Beside {
        if self.standing(key).0 == Standing::Good { Beside::Good } else { Beside::Bad }
    }

    /// Does what is due of a tunnel's check: a probe to be sent, and what is new. `is_outside` says that the tunnel may not carry it.
    pub fn handle_timeout(
        &mut self,
        key: TunnelKey,
        is_outside: bool,
        now: Duration,
    ) -> (Option<Probe>, Option<Event>) {
        let is_excused = self.is_excused(key);
        let checked = self.wards.get_mut(&key).and_then(|ward| ward.checked.as_mut());
        let Some(checked) = checked else { return (None, None) };
        checked.check.excuse(is_excused);
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

    /// Takes what passed through the tunnels that are up since this was last told, every second or so. `carries` says which of them
    /// carry. Returns what is new of whom.
    pub fn listen(
        &mut self,
        passed: &BTreeMap<TunnelKey, Passed>,
        carries: impl Fn(TunnelKey) -> bool,
        now: Duration,
    ) -> Vec<(TunnelKey, Finding)> {
        let heard = |key: &TunnelKey| passed.get(key).is_some_and(|passed| passed.heard);
        let sample = |(key, Passed { sent, heard: is_heard }): (&TunnelKey, &Passed)| {
            let beside =
                self.keys_beside(*key).filter(|other| heard(other)).map(|other| self.as_beside(other));
            let beside = beside.max().unwrap_or_default();
            (*key, Sample { carries: carries(*key), sent: *sent, heard: *is_heard, beside })
        };
        let samples: Vec<_> = passed.iter().map(sample).collect();
        let mut findings = Vec::new();
        for (key, sample) in samples {
            let Some(ward) = self.wards.get_mut(&key).filter(|ward| ward.is_up) else { continue };
            // A check that is answered tells a black hole from traffic that goes one way.
            if ward.verdict() == Some(Verdict::Healthy) {
                ward.silence.reset();
                continue;
            }
            findings.extend(ward.silence.observe(sample, now).map(|finding| (key, finding)));
        }
        findings
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
        let (checked, verdict) = (ward.checked.as_ref(), ward.verdict());
        let standing = Standing::of(verdict, ward.silence.suspicion());
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
        let is_in_doubt = ward.checked.as_ref().is_some_and(|it| !it.is_outside && it.check.is_in_doubt());
        ward.packets_before_doubt = is_in_doubt.then(|| ward.packets_before_doubt.unwrap_or(ward.packets));
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
