//! What an owner does who doubts that packets get through a tunnel: ask its peer, and replace its child SAs.

use std::time::Duration;

use super::Endpoint;
use crate::child::ChildState;
use crate::config::TunnelKey;
use crate::sa::{IkeSa, Task};
use crate::v1;

impl Endpoint {
    /// Asks a tunnel's peer at once whether it is alive, as if it had been silent for so long; one that does not answer is given
    /// up as usual. False, and nothing is done, if there is nobody to ask or the tunnel is not to ask ([`TunnelConfig::dpd`]).
    ///
    /// [`TunnelConfig::dpd`]: crate::TunnelConfig::dpd
    pub fn ask_peer(&mut self, id: TunnelKey, now: Duration) -> bool {
        self.advance(now);
        if !self.shared.tunnels.get(&id).is_some_and(|tunnel| tunnel.config.dpd) {
            return false;
        }
        let bearers = self.bearers(id);
        let mut is_asked = !bearers.is_empty();
        for spi in bearers {
            self.shared.with_sa(spi, |_, sa| {
                if sa.pending.is_none() {
                    sa.enqueue(Task::Liveness);
                }
            });
        }
        is_asked |= v1::ask_peer(&mut self.shared, id);
        self.shared.finish();
        is_asked
    }

    /// When a tunnel's peer was last heard, by an authentic message or, as [`Endpoint::on_inbound_traffic`] tells, in a child SA.
    pub fn last_heard(&self, id: TunnelKey) -> Option<Duration> {
        let tunnel = self.shared.tunnels.get(&id)?;
        let sas = tunnel.sas.iter().filter_map(|spi| self.shared.sas.get(spi));
        let heard = sas.filter(|sa| sa.is_established()).map(|sa| sa.times.heard);
        heard.chain(v1::last_heard(&self.shared, id)).max()
    }

    /// How long a tunnel's peer took for its last answer that tells how long the way is: to IKE_AUTH, to a Delete, or to whether it
    /// is alive. None before the first one.
    pub fn round_trip(&self, id: TunnelKey) -> Option<Duration> {
        self.shared.tunnels.get(&id)?.round_trip
    }

    /// Rekeys a tunnel's child SAs now, make before break.
    pub fn replace_children(&mut self, id: TunnelKey, now: Duration) {
        self.advance(now);
        for spi in self.bearers(id) {
            self.shared.with_sa(spi, |_, sa| {
                let up = sa.children.iter_mut().filter(|(_, child)| child.state == ChildState::Up);
                let up: Vec<u32> = up
                    .map(|(spi, child)| {
                        child.rekey_at = None;
                        *spi
                    })
                    .collect();
                up.into_iter().for_each(|spi| sa.enqueue(Task::RekeyChild(spi)));
            });
        }
        v1::replace_children(&mut self.shared, id);
        self.shared.finish();
    }

    /// The IKE SAs of the children that are sent on.
    pub(super) fn bearers(&self, id: TunnelKey) -> Vec<u64> {
        let Some(tunnel) = self.shared.tunnels.get(&id) else { return Vec::new() };
        let in_use = tunnel.in_use();
        let sas = tunnel.sas.iter().filter_map(|spi| self.shared.sas.get(spi));
        let bears = |sa: &&IkeSa| in_use.iter().any(|child| sa.children.contains_key(child));
        sas.filter(|sa| sa.is_established()).filter(bears).map(|sa| sa.spi).collect()
    }
}
