//! What the negotiating thread does for [`crate::health`]: sends probes, takes answers, and draws the consequences.

use std::collections::BTreeSet;
use std::time::Duration;

use causeway_control::ids::VpnConnectionId;
use causeway_control::observed::Level;
use causeway_ike::TunnelKey;

use super::Engine;
use crate::health::Standing;
use crate::health::silence::Finding;
use crate::path::echo::Answer;
use crate::tunnels::Judged;
use crate::vigil::Event;

/// Routes of a connection that no tunnel has carried yet are not withdrawn sooner.
const START_PATIENCE: Duration = Duration::from_secs(30);

impl Engine {
    /// An answer to a probe came in.
    pub(super) fn take_answer(&mut self, answer: &Answer) {
        let at = answer.at.saturating_duration_since(self.start);
        let Some((key, round_trip, event)) = self.vigil.on_answer(&answer.probe, at) else { return };
        if let Some(place) = self.tunnels.place(key) {
            place.counters.probe_answered(round_trip);
        }
        if event.is_some() {
            self.judge(key, event);
        }
    }

    /// Sends the probes that are due, and sees which were not answered.
    pub(super) fn check_health(&mut self, now: Duration) {
        while let Some(key) = self.vigil.take_due(now) {
            let Some(desired) = self.vigil.probe_addresses(key) else { continue };
            let (source, destination) = (desired.source, desired.destination);
            // A tunnel that is down is not due.
            let Some(paths) = self.tunnels.paths(key) else { continue };
            let path = paths.select(source, destination).cloned();
            if let Some(place) = self.tunnels.place(key) {
                self.vigil.note_heard(key, place.counters.heard_packets(), now);
            }
            let (probe, event) = self.vigil.handle_timeout(key, path.is_none(), now);
            if let Some((probe, path)) = probe.zip(path) {
                path.send_own(&self.tunnels.echoes().packet(&probe));
                path.counters.probe_sent();
            }
            if event.is_some() {
                self.judge(key, event);
            }
        }
    }

    /// Looks which tunnels packets came out of, and which send and hear nothing.
    pub(super) fn listen(&mut self, now: Duration) {
        let passed = self.tunnels.take_passed();
        for (key, inbound_spi, remote) in self.tunnels.take_moved() {
            self.endpoint.on_peer_moved(key, inbound_spi, remote, now);
        }
        for (key, passed) in &passed {
            if passed.heard {
                self.endpoint.on_inbound_traffic(*key, now);
            }
            let Some(place) = self.tunnels.place(*key) else { continue };
            self.vigil.note_heard(*key, place.counters.heard_packets(), now);
            if let Some(took) = self.endpoint.round_trip(*key) {
                place.counters.ike_answered(took);
            }
        }
        let tunnels = &self.tunnels;
        for (key, finding) in self.vigil.listen(&passed, |key| tunnels.carries(key), now) {
            if finding == Finding::Ask {
                self.endpoint.ask_peer(key, now);
            }
            self.judge(key, Some(Event::Silence(finding)));
        }
        // Which of the bad ones is preferred depends on what comes out of them.
        for key in passed.into_keys() {
            if self.vigil.standing(key).0 >= Standing::Silent {
                self.judge(key, None);
            }
        }
        self.replace_children(now);
        for connection in self.withdrawing.keys().cloned().collect::<Vec<_>>() {
            self.withdraw_or_not(&connection, now);
        }
    }

    /// Replaces the child SAs of tunnels that let no packets through, and whose peers live.
    fn replace_children(&mut self, now: Duration) {
        let endpoint = &self.endpoint;
        for key in self.vigil.take_replacements(now, |key| endpoint.last_heard(key)) {
            let text =
                "the peer answers by IKE, and nothing comes through the tunnel: its IPsec SA is replaced";
            self.log(Some(key), Level::Warning, text.to_owned());
            self.endpoint.replace_children(key, now);
        }
    }

    /// Draws the consequences of what is new of a tunnel.
    pub(super) fn judge(&mut self, key: TunnelKey, event: Option<Event>) {
        if let Some(event) = event {
            if let Some((level, text)) = self.text(key, event) {
                self.log(Some(key), level, text);
            }
            let is_bad = matches!(event, Event::Failed(_) | Event::Silence(Finding::Silent));
            let now = self.now();
            if is_bad && self.vigil.want_replacement(key, now) {
                self.endpoint.ask_peer(key, now);
            }
        }
        let (standing, health, policy) = self.vigil.standing(key);
        self.tunnels.judge(key, Judged { standing, is_mute: self.vigil.is_mute(key), policy });
        if let Some(place) = self.tunnels.place(key) {
            self.reports.health(&place.connection, &place.id, health);
        }
    }

    fn text(&self, key: TunnelKey, event: Event) -> Option<(Level, String)> {
        if let Event::Silence(finding) = event {
            return silence_text(finding);
        }
        let check = self.vigil.probe_addresses(key)?;
        let (from, to) = (check.source, check.destination);
        Some(match event {
            Event::Answered => (Level::Info, format!("the health check is answered by {to}")),
            Event::Failed(patience) => (
                Level::Error,
                format!("the health check fails: no answer from {to} to {from} for {} s", patience.as_secs()),
            ),
            Event::Returning => (
                Level::Info,
                "the tunnel is up again; it is preferred again when the health check was answered for a while".to_owned(),
            ),
            Event::Outside(true) => (
                Level::Error,
                format!("the health check's addresses are not in the tunnel's selectors: no probe is sent from {from} to {to}"),
            ),
            Event::Outside(false) => (Level::Info, "the health check's addresses are in the tunnel's selectors".to_owned()),
            Event::Silence(_) => return None,
        })
    }

    /// Sees which tunnels are up, and tells what carries each connection of which that may have changed.
    pub(super) fn settle(&mut self) {
        let now = self.now();
        let mut looked = BTreeSet::new();
        loop {
            let changed = self.tunnels.take_changed();
            if changed.is_empty() {
                break;
            }
            for connection in &changed {
                for key in self.tunnels.of_connection(connection).collect::<Vec<_>>() {
                    let is_up = self.tunnels.paths(key).is_some();
                    let event = self.vigil.set_up(key, is_up, now);
                    self.judge(key, event);
                }
            }
            looked.extend(changed);
        }
        for connection in looked {
            self.tell_choice(&connection);
            self.withdraw_or_not(&connection, now);
        }
    }

    fn tell_choice(&mut self, connection: &VpnConnectionId) {
        let chosen = self.tunnels.chosen(connection).tunnel;
        let before = match chosen {
            Some(key) => self.carried.insert(connection.clone(), key),
            // Which one carried last is worth knowing when one does again.
            None => return,
        };
        let (Some(before), Some(after)) = (before, chosen) else { return };
        let (Some(old), Some(new)) = (self.tunnels.place(before), self.tunnels.place(after)) else { return };
        if before == after {
            return;
        }
        let (old, new) = (old.id.clone(), new.id.clone());
        let (standing, ..) = self.vigil.standing(before);
        let (level, why) = match (self.tunnels.paths(before), standing) {
            (None, _) => (Level::Warning, format!("{old} is down")),
            (Some(_), Standing::Unhealthy) => (Level::Warning, format!("{old} fails the health check")),
            (Some(_), Standing::Silent) => (Level::Warning, format!("nothing comes back through {old}")),
            (Some(_), Standing::Left) => (Level::Info, format!("the peer sends through {new}")),
            (Some(_), _) => (Level::Info, format!("{new} is preferred, and good")),
        };
        self.reports.log(connection, None, level, format!("packets take {new} instead of {old}: {why}"));
    }

    /// Withdraws the routes of a connection, or has them again, as its health check says.
    fn withdraw_or_not(&mut self, connection: &VpnConnectionId, now: Duration) {
        let patience = self.tunnels.of_connection(connection).find_map(|key| self.vigil.patience(key));
        // At the beginning the peers need time to agree.
        let is_new = !self.carried.contains_key(connection);
        let patience = patience.map(|it| if is_new { it.max(START_PATIENCE) } else { it });
        let chosen = self.tunnels.chosen(connection);
        let withdrawal = self.withdrawing.entry(connection.clone()).or_default();
        let is_withdrawn = withdrawal.judge(chosen.tunnel.is_some(), chosen.is_refused, patience, now);
        if patience.is_none() || chosen.tunnel.is_some() {
            self.withdrawing.remove(connection);
        }
        self.reports.withdrawn(connection, is_withdrawn);
        if self.withdrawals.set(connection, is_withdrawn) {
            let (level, text) = match is_withdrawn {
                true => (Level::Error, "no tunnel passes the health check: the routes are withdrawn"),
                false => (Level::Info, "a tunnel may carry again: the routes are there again"),
            };
            self.reports.log(connection, None, level, text);
            (self.wake_reconciler)();
        }
    }

    /// Nothing of a connection is left.
    pub(super) fn forget_health(&mut self, connection: &VpnConnectionId) {
        self.carried.remove(connection);
        self.withdrawing.remove(connection);
        if self.withdrawals.set(connection, false) {
            (self.wake_reconciler)();
        }
    }
}

fn silence_text(finding: Finding) -> Option<(Level, String)> {
    let (level, text) = match finding {
        Finding::Ask => {
            (Level::Info, "packets are sent and nothing comes back: the peer is asked whether it is alive")
        }
        Finding::Silent => (
            Level::Warning,
            "packets are sent and still nothing comes back: the tunnel is taken for a black hole, unless the traffic goes one way",
        ),
        Finding::Followed => (
            Level::Info,
            "packets come back through another tunnel of the connection and none through this one: they are sent through the other as well",
        ),
        Finding::Tried => (Level::Info, "the tunnel is tried again"),
        Finding::Heard => (Level::Info, "packets come back through the tunnel again"),
    };
    Some((level, text.to_owned()))
}
