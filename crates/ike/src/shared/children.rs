//! The child SAs of all tunnels: installed, put to use, replaced and removed.

use std::time::Duration;

use super::{Shared, encapsulation};
use crate::child::{Agreement, Child, ChildState};
use crate::config::TunnelKey;
use crate::failure::Failure;
use crate::gaps::Refused;
use crate::message::notify::NotifyKind;
use crate::output::{ChildSa, DirectionKeys, Level, Output};
use crate::sa::{IkeSa, Task};
use crate::traffic::{Traffic, nets_name};
use crate::tunnel::{Tunnel, fraction};

impl Shared {
    /// Installs a child. `ready` says whether the peer is known to have it, so that we may send on it.
    pub(crate) fn install_child(
        &mut self,
        sa: &mut IkeSa,
        inbound_spi: u32,
        agreement: Agreement,
        keys: (DirectionKeys, DirectionKeys),
        ready: bool,
    ) {
        let (Some(key), Some(config)) = (sa.tunnel, self.config_of(sa)) else { return };
        let lifetime = config.child_lifetime();
        let child = Child {
            outbound_spi: agreement.outbound_spi,
            traffic: agreement.traffic.clone(),
            state: ChildState::Up,
            rekey_at: Some(self.rekey_time(lifetime)),
            reauthenticate_at: None,
            expire_at: self.now + lifetime,
        };
        if !sa.has_child() {
            // From now on it may take the place of another IKE SA.
            sa.times.redundant.get_or_insert(self.now + self.limits.linger);
        }
        sa.children.insert(inbound_spi, child);
        sa.times.child_retry = None;
        let (extended_sequence_numbers, traffic) = (agreement.extended, agreement.traffic);
        let child = ChildSa {
            inbound_spi,
            outbound_spi: agreement.outbound_spi,
            encryption: config.child.encryption,
            integrity: config.child.integrity,
            extended_sequence_numbers,
            inbound_key: keys.0,
            outbound_key: keys.1,
            local_ts: traffic.local.clone(),
            remote_ts: traffic.remote.clone(),
            encapsulation: encapsulation(sa.path, sa.nat),
            local: *sa.path.local.ip(),
            remote: *sa.path.remote.ip(),
        };
        self.child_up(key, child);
        self.child_counts(key, inbound_spi, traffic, ready);
        self.fill_gaps(sa);
    }

    /// Receives on a new child.
    pub(crate) fn child_up(&mut self, key: TunnelKey, child: ChildSa) {
        self.child_spis.insert(child.inbound_spi);
        self.out.push(Output::ChildUp { tunnel: key, child });
    }

    /// Both sides agree on a child, so that its tunnel is up.
    pub(crate) fn child_counts(&mut self, key: TunnelKey, inbound_spi: u32, traffic: Traffic, ready: bool) {
        let (ours, theirs) = (nets_name(&traffic.local), nets_name(&traffic.remote));
        if let Some(tunnel) = self.tunnels.get_mut(&key) {
            tunnel.add_child(inbound_spi, traffic, ready);
            tunnel.child_refused = false;
            tunnel.failure = None;
        }
        self.change_use(key);
        let text = format!("child SA {inbound_spi:08x} established, {ours} to {theirs}");
        self.log(Some(key), Level::Info, text);
    }

    /// Removes a child; with `linger` it is still received on for a while, because packets are under way.
    pub(crate) fn remove_child(&mut self, sa: &mut IkeSa, inbound_spi: u32, linger: bool) {
        if sa.children.remove(&inbound_spi).is_none() {
            return;
        }
        let Some(key) = sa.tunnel else {
            self.child_spis.remove(&inbound_spi);
            return;
        };
        self.child_down(key, inbound_spi, linger);
        let lived = sa.times.established;
        let (now, limits) = (self.now, self.limits.clone());
        if let Some(tunnel) = self.tunnels.get_mut(&key).filter(|tunnel| !tunnel.has_child()) {
            tunnel.child_retry.held(now.saturating_sub(lived), &limits);
        }
        self.retry_child(sa);
    }

    /// Stops using a child; with `linger` it is still received on for a while.
    pub(crate) fn child_down(&mut self, key: TunnelKey, inbound_spi: u32, linger: bool) {
        self.stop_using(key, inbound_spi);
        let until = if linger { self.now + self.limits.linger } else { self.now };
        self.lingering.insert((until, inbound_spi, key));
        if !linger {
            self.end_lingering((until, inbound_spi, key));
        }
    }

    /// The peer is known to have these children of the IKE SA, as far as they are up.
    pub(crate) fn children_ready(&mut self, sa: &IkeSa, which: impl Fn(u32) -> bool) {
        let Some(key) = sa.tunnel else { return };
        let up = sa.children.iter().filter(|(spi, child)| child.state == ChildState::Up && which(**spi));
        for (spi, _) in up {
            if let Some(tunnel) = self.tunnels.get_mut(&key) {
                tunnel.child_ready(*spi);
            }
        }
        self.change_use(key);
    }

    /// Sends on another child than this one, if there is one.
    pub(crate) fn stop_using(&mut self, key: TunnelKey, inbound_spi: u32) {
        if let Some(tunnel) = self.tunnels.get_mut(&key) {
            tunnel.remove_child(inbound_spi);
        }
        self.change_use(key);
    }

    pub(super) fn end_lingering(&mut self, entry: (Duration, u32, TunnelKey)) {
        self.lingering.remove(&entry);
        self.child_spis.remove(&entry.1);
        self.out.push(Output::ChildDown { tunnel: entry.2, inbound_spi: entry.1 });
        self.dirty.insert(entry.2);
    }

    /// Says which children to send on, if that has changed.
    pub(crate) fn change_use(&mut self, key: TunnelKey) {
        if let Some(inbound_spis) = self.tunnels.get_mut(&key).and_then(Tunnel::change_use) {
            self.out.push(Output::ChildUse { tunnel: key, inbound_spis });
        }
        self.dirty.insert(key);
    }

    /// An established IKE SA without a child, or with less than the tunnel is configured for, tries to get one, if that is for
    /// us to do.
    pub(crate) fn retry_child(&mut self, sa: &mut IkeSa) {
        let Some(config) = self.config_of(sa) else { return };
        if !sa.is_established() || sa.times.child_retry.is_some() {
            return;
        }
        if sa.gap(&config, &self.limits).is_none() {
            if sa.has_child() {
                return;
            }
            sa.gaps.forget();
        }
        let (now, limits) = (self.now, self.limits.clone());
        let Some(tunnel) = sa.tunnel.and_then(|key| self.tunnels.get_mut(&key)) else { return };
        if tunnel.initiates() {
            let at = tunnel.child_retry.next(now, &limits, &mut self.random);
            // The side that answered leaves the first word to the other.
            let wait = (at - now).saturating_mul(if sa.initiator { 1 } else { 4 });
            sa.times.child_retry = Some(now + wait);
        }
    }

    /// Asks for a child for traffic that none carries yet and the peer has not refused. True if there is such.
    pub(crate) fn fill_gaps(&mut self, sa: &mut IkeSa) -> bool {
        let gap = self.config_of(sa).and_then(|config| sa.gap(&config, &self.limits));
        let initiates = self.tunnel_of(sa).is_some_and(|tunnel| tunnel.initiates());
        if gap.is_none() || !initiates || !sa.is_established() {
            return false;
        }
        if sa.initiator {
            sa.enqueue(Task::NewChild);
        } else if sa.times.child_retry.is_none() {
            sa.times.child_retry = Some(self.now + self.limits.retry_after.saturating_mul(4));
        }
        true
    }

    /// The peer does not take this traffic.
    pub(crate) fn traffic_refused(&mut self, sa: &mut IkeSa, offered: &Traffic, kind: NotifyKind) {
        let Some(config) = self.config_of(sa) else { return };
        let why = match kind {
            NotifyKind::SinglePairRequired => Refused::SinglePairRequired,
            _ if sa.has_child() => Refused::BesideAnother,
            _ => Refused::AtFirst,
        };
        sa.gaps.refuse(&config, offered, why);
        self.fill_gaps(sa);
    }

    /// A child that is up cannot be replaced: says why, once. It stays until another IKE SA brings one, or its lifetime ends.
    pub(crate) fn rekey_refused(&mut self, sa: &IkeSa, failure: Failure) {
        if self.tunnel_of(sa).is_none_or(|tunnel| tunnel.note_rekey(&failure)) {
            self.log(sa.tunnel, Level::Error, failure.text);
        }
    }

    /// There is no child for what those that are up do not carry: says why, once.
    pub(crate) fn rest_refused(&mut self, sa: &IkeSa, level: Level, failure: Failure) {
        if self.tunnel_of(sa).is_none_or(|tunnel| tunnel.note_rest(&failure)) {
            self.log(sa.tunnel, level.min(Level::Warning), failure.text);
        }
    }

    /// A child was agreed on with all that rekeying takes, in the place of another or for something else.
    pub(crate) fn agreed(&mut self, sa: &IkeSa, replaces: Option<u32>) {
        if let Some(tunnel) = self.tunnel_of(sa) {
            tunnel.rekey_failure = None;
            tunnel.rest_failure = tunnel.rest_failure.take().filter(|_| replaces.is_some());
        }
    }

    /// IKE_AUTH says nothing of the group of perfect forward secrecy. So that a difference is found before the child's lifetime
    /// is over, when it interrupts the tunnel, the first child is rekeyed early.
    pub(crate) fn rekey_early(&mut self, sa: &mut IkeSa, inbound_spi: u32) {
        let wait_max = self.limits.first_rekey_after;
        let Some(child) = sa.children.get_mut(&inbound_spi).filter(|_| !wait_max.is_zero()) else { return };
        let at = self.now + wait_max.mul_f64(0.5 + 0.5 * fraction(&mut self.random));
        child.rekey_at = child.rekey_at.map(|before| before.min(at));
    }

    /// The negotiation of a child failed: says why, and tries again later.
    pub(crate) fn child_refused(&mut self, sa: &mut IkeSa, level: Level, failure: Failure) {
        if sa.has_child() {
            self.rest_refused(sa, level, failure);
        } else {
            if let Some(tunnel) = self.tunnel_of(sa) {
                tunnel.child_refused = true;
            }
            self.failed(sa, level, failure);
        }
        if !sa.tasks.contains(&Task::NewChild) {
            self.retry_child(sa);
        }
    }

    /// The peer's address or port is another one now.
    pub(crate) fn moved(&mut self, sa: &IkeSa) {
        let Some(tunnel) = sa.tunnel else { return };
        let encapsulation = encapsulation(sa.path, sa.nat);
        for inbound_spi in sa.children.keys().copied() {
            self.out.push(Output::ChildMoved { tunnel, inbound_spi, encapsulation });
        }
    }
}
