//! What the exchanges of all IKE SAs share: the tunnels, the IKE SAs themselves, randomness, time and the outbox.

mod schedule;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use causeway_crypto::Random;

use crate::config::{IkeVersion, Limits, TunnelConfig, TunnelKey};
use crate::failure::{Failure, FailureKind, Negotiated};
use crate::half_open::HalfOpen;
use crate::message::notify::NotifyKind;
use crate::nat::{IKE_PORT, Nat, Path};
use crate::outbox::Outbox;
use crate::output::Level;
use crate::sa::{IkeSa, Sending, State, Task};
use crate::tunnel::{Tunnel, fraction};
use crate::v1;

mod children;

/// What the exchanges of all IKE SAs share. The IKE SA that is being worked on is not in `sas` meanwhile.
pub(crate) struct Shared {
    pub random: Box<dyn Random + Send>,
    pub limits: Limits,
    pub now: Duration,
    /// The time since 1970 at zero of `now`.
    pub unix_at_zero: Duration,
    pub tunnels: BTreeMap<TunnelKey, Tunnel>,
    pub sas: BTreeMap<u64, IkeSa>,
    pub half_open: HalfOpen,
    pub v1: v1::Store,
    pub out: Outbox,
    /// Tunnels by their addresses.
    by_addresses: BTreeMap<(Ipv4Addr, Ipv4Addr), BTreeSet<TunnelKey>>,
    /// Inbound SPIs of all children, those that linger included.
    child_spis: BTreeSet<u32>,
    /// Replaced children that are received on for a little longer.
    lingering: BTreeSet<(Duration, u32, TunnelKey)>,
    /// Bytes of messages that are not whole, of all IKE SAs but the one that is being worked on.
    parts_bytes: usize,
    timers: BTreeSet<(Duration, Timer)>,
    deadlines: BTreeMap<Timer, Duration>,
    /// Tunnels whose status has to be looked at again.
    dirty: BTreeSet<TunnelKey>,
}

/// Whose time has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Timer {
    Sa(u64),
    Phase1(u64),
    Phase2(TunnelKey),
    Tunnel(TunnelKey),
}

impl Shared {
    pub(crate) fn new(random: Box<dyn Random + Send>, limits: Limits) -> Self {
        let out = Outbox::new(limits.outputs_max);
        Shared {
            random,
            limits,
            now: Duration::ZERO,
            unix_at_zero: Duration::ZERO,
            tunnels: BTreeMap::new(),
            sas: BTreeMap::new(),
            half_open: HalfOpen::default(),
            v1: v1::Store::default(),
            out,
            by_addresses: BTreeMap::new(),
            child_spis: BTreeSet::new(),
            lingering: BTreeSet::new(),
            parts_bytes: 0,
            timers: BTreeSet::new(),
            deadlines: BTreeMap::new(),
            dirty: BTreeSet::new(),
        }
    }

    /// The time since 1970.
    pub(crate) fn unix_now(&self) -> Duration {
        self.unix_at_zero + self.now
    }

    // --- tunnels ---

    pub(crate) fn insert_tunnel(&mut self, key: TunnelKey, config: Arc<TunnelConfig>) {
        self.by_addresses.entry((config.local, config.remote)).or_default().insert(key);
        let mut tunnel = Tunnel::new(config);
        if tunnel.initiates() {
            tunnel.retry.at = Some(self.now);
        }
        self.tunnels.insert(key, tunnel);
        self.dirty.insert(key);
    }

    /// Something about the tunnel may have changed.
    pub(crate) fn look_again(&mut self, key: TunnelKey) {
        self.dirty.insert(key);
    }

    /// Takes a tunnel out with all that is kept by its key. What comes to nothing while a tunnel is being closed is still noted
    /// for another attempt, and must not meet the tunnel that comes next.
    pub(crate) fn take_tunnel(&mut self, key: TunnelKey) -> Option<Tunnel> {
        let tunnel = self.tunnels.remove(&key)?;
        let addresses = (tunnel.config.local, tunnel.config.remote);
        if let Some(keys) = self.by_addresses.get_mut(&addresses) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_addresses.remove(&addresses);
            }
        }
        self.set_timer(Timer::Tunnel(key), None);
        self.set_timer(Timer::Phase2(key), None);
        self.v1.phases2.remove(&key);
        let lingering: Vec<_> = self.lingering.iter().filter(|it| it.2 == key).copied().collect();
        for entry in lingering {
            self.end_lingering(entry);
        }
        Some(tunnel)
    }

    /// The tunnels by IKEv2 that may be between two addresses: those that name the peer before those that take any.
    pub(crate) fn tunnels_between(
        &self,
        local: Ipv4Addr,
        remote: Ipv4Addr,
    ) -> Vec<(TunnelKey, Arc<TunnelConfig>)> {
        self.all_between(local, remote).filter(|(_, config)| config.version == IkeVersion::V2).collect()
    }

    /// The same for those by IKEv1.
    pub(crate) fn v1_tunnels_between(
        &self,
        local: Ipv4Addr,
        remote: Ipv4Addr,
    ) -> Vec<(TunnelKey, Arc<TunnelConfig>)> {
        self.all_between(local, remote).filter(|(_, config)| config.version != IkeVersion::V2).collect()
    }

    fn all_between(
        &self,
        local: Ipv4Addr,
        remote: Ipv4Addr,
    ) -> impl Iterator<Item = (TunnelKey, Arc<TunnelConfig>)> {
        let named = self.by_addresses.get(&(local, remote));
        let any = self.by_addresses.get(&(local, Ipv4Addr::UNSPECIFIED)).filter(|_| !remote.is_unspecified());
        let keys = named.into_iter().chain(any).flatten();
        keys.filter_map(|key| Some((*key, Arc::clone(&self.tunnels.get(key)?.config))))
    }

    pub(crate) fn tunnel_of(&mut self, sa: &IkeSa) -> Option<&mut Tunnel> {
        self.tunnels.get_mut(&sa.tunnel?)
    }

    pub(crate) fn config_of(&self, sa: &IkeSa) -> Option<Arc<TunnelConfig>> {
        Some(Arc::clone(&self.tunnels.get(&sa.tunnel?)?.config))
    }

    /// Makes an IKE SA belong to a tunnel.
    pub(crate) fn bind(&mut self, sa: &mut IkeSa, key: TunnelKey) {
        sa.tunnel = Some(key);
        if let Some(tunnel) = self.tunnels.get_mut(&key) {
            tunnel.sas.insert(sa.spi);
        }
        self.dirty.insert(key);
    }

    // --- IKE SAs ---

    /// Takes an IKE SA out, works on it, does what it can now do next, and puts it back unless it is gone.
    pub(crate) fn with_sa<R>(
        &mut self,
        spi: u64,
        work: impl FnOnce(&mut Shared, &mut IkeSa) -> R,
    ) -> Option<R> {
        let mut sa = self.sas.remove(&spi)?;
        self.parts_bytes -= sa.parts_bytes();
        let result = work(self, &mut sa);
        self.settle(sa);
        Some(result)
    }

    /// Puts an IKE SA among the others, or forgets it if it is gone.
    pub(crate) fn settle(&mut self, mut sa: IkeSa) {
        crate::exchange::start_tasks(self, &mut sa);
        self.dirty.extend(sa.tunnel);
        if !sa.is_unauthenticated() {
            self.half_open.remove(sa.spi);
        }
        if matches!(sa.state, State::Gone) {
            self.set_timer(Timer::Sa(sa.spi), None);
            if let Some(tunnel) = self.tunnel_of(&sa) {
                tunnel.sas.remove(&sa.spi);
            }
            return;
        }
        let config = self.config_of(&sa);
        let deadline = sa.deadline(config.as_deref(), &self.limits);
        self.set_timer(Timer::Sa(sa.spi), deadline);
        self.parts_bytes += sa.parts_bytes();
        self.sas.insert(sa.spi, sa);
    }

    /// How many bytes more of messages that are not whole may be kept for this IKE SA.
    pub(crate) fn room_for_parts(&self, sa: &IkeSa) -> usize {
        self.limits.fragments_bytes_max.saturating_sub(self.parts_bytes + sa.parts_bytes())
    }

    #[cfg(test)]
    pub(crate) fn parts_bytes(&self) -> usize {
        self.parts_bytes
    }

    /// What an IKE SA needs to send.
    pub(crate) fn sending(&mut self) -> Sending<'_> {
        Sending { out: &mut self.out, limits: &self.limits, now: self.now }
    }

    /// An SPI that no IKE SA has.
    pub(crate) fn new_ike_spi(&mut self) -> u64 {
        loop {
            let mut bytes = [0; 8];
            self.random.fill(&mut bytes);
            let spi = u64::from_be_bytes(bytes);
            if spi != 0 && !self.sas.contains_key(&spi) && !self.v1.sas.contains_key(&spi) {
                return spi;
            }
        }
    }

    /// An SPI that no child has. Those below 256 are reserved (RFC 4303, 2.1).
    pub(crate) fn new_child_spi(&mut self) -> u32 {
        loop {
            let mut bytes = [0; 4];
            self.random.fill(&mut bytes);
            let spi = u32::from_be_bytes(bytes);
            if spi >= 256 && !self.child_spis.contains(&spi) {
                return spi;
            }
        }
    }

    /// Twice the key length of the strongest PRF is not needed; RFC 7296, 2.10 wants at least half of it.
    pub(crate) fn new_nonce(&mut self) -> Vec<u8> {
        let mut nonce = vec![0; 32];
        self.random.fill(&mut nonce);
        nonce
    }

    /// When to rekey something that lives this long: at about 90%, not both sides at once.
    pub(crate) fn rekey_time(&mut self, lifetime: Duration) -> Duration {
        self.now + lifetime.mul_f64(0.85 + 0.08 * fraction(&mut self.random))
    }

    /// When to try again what the peer did not do, within `wait_max` and well before what it is about expires.
    pub(crate) fn soon(&mut self, expire: Duration, wait_max: Duration) -> Duration {
        let left = expire.saturating_sub(self.now);
        let wait = wait_max.min(left / 5);
        self.now + wait.mul_f64(0.5 + 0.5 * fraction(&mut self.random))
    }

    // --- endings ---

    /// An IKE SA is no more, with its children. It stays for a while if the peer may ask again.
    pub(crate) fn lost(&mut self, sa: &mut IkeSa, to_answer: bool) {
        let was_established = sa.is_established();
        sa.state = if to_answer { State::Closed } else { State::Gone };
        sa.pending = None;
        sa.tasks.clear();
        for inbound_spi in sa.children.keys().copied().collect::<Vec<_>>() {
            self.remove_child(sa, inbound_spi, false);
        }
        let times = &mut sa.times;
        (times.rekey, times.child_retry) = (None, None);
        (times.reauthenticate, times.redundant) = (None, None);
        sa.times.expire = Some(self.now + self.limits.linger.max(Duration::from_secs(30)));
        let lived = self.now.saturating_sub(sa.times.established);
        let limits = self.limits.clone();
        if let Some(tunnel) = self.tunnel_of(sa).filter(|_| was_established) {
            tunnel.retry.held(lived, &limits);
        }
    }

    /// Closes an IKE SA: its children go at once, and the peer is told.
    pub(crate) fn close(&mut self, sa: &mut IkeSa, task: Task) {
        let pending = sa.pending.take();
        self.lost(sa, false);
        sa.pending = pending;
        sa.state = State::Closing;
        sa.times.expire = None;
        sa.enqueue(task);
    }

    /// Closes an IKE SA in whose place there is another one.
    pub(crate) fn close_replaced(&mut self, sa: &mut IkeSa) {
        self.leave_children(sa);
        self.close(sa, Task::Close);
    }

    /// Stops using the children of an IKE SA that ends, if another one carries on: what is under way over them is still
    /// received.
    pub(crate) fn leave_children(&mut self, sa: &mut IkeSa) {
        let siblings = sa.tunnel.and_then(|key| self.tunnels.get(&key)).map(|tunnel| &tunnel.sas);
        let mut others = siblings.into_iter().flatten().filter_map(|spi| self.sas.get(spi));
        if others.any(|other| other.spi != sa.spi && other.is_established() && other.has_child()) {
            for inbound_spi in sa.children.keys().copied().collect::<Vec<_>>() {
                self.remove_child(sa, inbound_spi, true);
            }
        }
    }

    /// An attempt, or an established IKE SA, has failed: says why, unless it is why the attempt before failed.
    pub(crate) fn failed(&mut self, sa: &IkeSa, level: Level, failure: Failure) {
        if self.tunnel_of(sa).is_none_or(|tunnel| tunnel.note(&failure)) {
            self.log(sa.tunnel, level, failure.text);
        }
    }

    pub(crate) fn log(&mut self, tunnel: Option<TunnelKey>, level: Level, text: String) {
        self.out.log(tunnel, level, text);
    }

    /// Something that anybody may cause by sending us a datagram is logged, and told as a tunnel's error, a bounded number of times.
    pub(crate) fn stranger(&mut self, tunnel: Option<TunnelKey>, failure: &Failure) {
        if !self.out.may_log_stranger(self.now) {
            return;
        }
        let down = tunnel.and_then(|key| self.tunnels.get_mut(&key)).filter(|tunnel| !tunnel.has_child());
        if down.is_none_or(|tunnel| tunnel.note(failure)) {
            self.log(tunnel, Level::Warning, failure.text.clone());
            self.dirty.extend(tunnel);
        }
    }
}

/// Where the packets of an IKE SA's children go, if inside UDP.
pub(crate) fn encapsulation(path: Path, nat: Nat) -> Option<(SocketAddrV4, SocketAddrV4)> {
    // A peer that stays on port 500 although it could see why not to cannot receive ESP there.
    let possible = path.local.port() != IKE_PORT;
    (possible && nat.encapsulates()).then_some((path.local, path.remote))
}

/// Why a responder refused to establish an IKE SA, as far as it tells.
pub(crate) fn refusal(config: &TunnelConfig, kind: NotifyKind) -> Failure {
    let text = match kind {
        NotifyKind::NoProposalChosen => format!(
            "peer refused our IKE proposal {} ({kind}): its encryption, integrity or DH group differs, or it knows no tunnel \
             with {}; its log says which",
            config.ike, config.local
        ),
        NotifyKind::AuthenticationFailed => format!(
            "peer refused our authentication ({kind}): the pre-shared key does not match, or it does not expect us to be {} \
             or itself to be {}",
            config.local_id, config.remote_id
        ),
        _ => format!("peer refused the IKE SA: {kind}"),
    };
    let kind = match kind {
        NotifyKind::NoProposalChosen => FailureKind::Proposal { of: Negotiated::Ike, items: Vec::new() },
        NotifyKind::AuthenticationFailed => FailureKind::AuthenticationRefused,
        _ => FailureKind::Refused,
    };
    Failure::new(kind, text)
}
