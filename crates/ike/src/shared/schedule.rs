//! Whose time comes when, and what is done for a tunnel whose time has come.

use std::time::Duration;

use crate::config::{IkeVersion, TunnelKey};
use crate::exchange::init;
use crate::output::{Output, TunnelStatus};
use crate::sa::IkeSa;
use crate::shared::{Shared, Timer};
use crate::v1;

impl Shared {
    pub(crate) fn set_timer(&mut self, timer: Timer, at: Option<Duration>) {
        if let Some(old) = self.deadlines.remove(&timer) {
            self.timers.remove(&(old, timer));
        }
        if let Some(at) = at {
            self.deadlines.insert(timer, at);
            self.timers.insert((at, timer));
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Duration> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let lingering = self.lingering.first().map(|(at, _, _)| *at);
        timer.into_iter().chain(lingering).min()
    }

    /// Everything that is due now, each thing once.
    pub(crate) fn due(&mut self) -> Vec<Timer> {
        let now = self.now;
        let ended: Vec<_> = self.lingering.iter().take_while(|(at, _, _)| *at <= now).copied().collect();
        for entry in ended {
            self.end_lingering(entry);
        }
        self.timers.iter().take_while(|(at, _)| *at <= now).map(|(_, timer)| *timer).collect()
    }

    /// Looks at every tunnel that something has happened to: does it have to initiate, and what is its status?
    pub(crate) fn finish(&mut self) {
        while let Some(key) = self.dirty.pop_first() {
            self.reconsider(key);
        }
    }

    fn reconsider(&mut self, key: TunnelKey) {
        let Some(tunnel) = self.tunnels.get_mut(&key) else { return };
        let sas = || tunnel.sas.iter().filter_map(|spi| self.sas.get(spi));
        let phases1 = || tunnel.sas.iter().filter_map(|spi| self.v1.sas.get(spi));
        let established = sas().any(IkeSa::is_established) || phases1().any(v1::sa::Phase1::is_established);
        let live = sas().any(IkeSa::is_live) || phases1().any(v1::sa::Phase1::is_live);
        if live || !tunnel.initiates() {
            tunnel.retry.at = None;
        } else if tunnel.retry.at.is_none() {
            tunnel.retry.at = Some(tunnel.retry.next(self.now, &self.limits, &mut self.random));
        }
        let status = match (tunnel.has_child(), established, tunnel.child_refused) {
            (true, _, _) => TunnelStatus::IpsecSaEstablished,
            (false, true, true) => TunnelStatus::IpsecSaNotEstablished,
            (false, true, false) => TunnelStatus::IkeSaEstablished,
            (false, false, _) => TunnelStatus::IkeSaNotEstablished,
        };
        let is_up = status == TunnelStatus::IpsecSaEstablished;
        let failure = if is_up { &tunnel.rekey_failure } else { &tunnel.failure }.clone();
        let newest = sas().filter(|sa| sa.is_established()).max_by_key(|sa| sa.times.established);
        let nat = newest.and_then(|sa| sa.nat.told());
        let nat = nat.or_else(|| phases1().rfind(|sa| sa.is_established()).map(|sa| sa.nat.detected()));
        let at = tunnel.retry.at;
        let report = Some((status, failure.clone(), nat));
        if tunnel.reported != report {
            tunnel.reported = report;
            self.out.push(Output::Status { tunnel: key, status, failure, nat });
        }
        self.set_timer(Timer::Tunnel(key), at);
    }

    /// A tunnel's time to initiate has come.
    pub(crate) fn on_tunnel_timeout(&mut self, key: TunnelKey) {
        let now = self.now;
        let Some(tunnel) = self.tunnels.get_mut(&key) else { return };
        if tunnel.retry.at.is_some_and(|at| at <= now) {
            tunnel.retry.at = None;
            match tunnel.config.version {
                IkeVersion::V2 => init::initiate(self, key),
                IkeVersion::V1(mode) => v1::initiate(self, key, mode, None),
            }
        }
    }
}
