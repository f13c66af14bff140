//! What a tunnel has of phase 2: the pairs of networks that it wants, its children, and when each of them is replaced.
//!
//! ```text
//!   wanted -> quick mode -> Up --another quick mode for the same networks--> Replaced --Delete, or time--> gone
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipnet::Ipv4Net;

use crate::child::ChildState;
use crate::config::{TunnelConfig, TunnelKey};
use crate::output::{ChildSa, DirectionKeys, Level, Output};
use crate::shared::{Shared, Timer};
use crate::traffic::Traffic;
use crate::tunnel::Backoff;
use crate::v1::informational;
use crate::v1::quick_mode::{self, Terms};
use crate::v1::sa::Phase1;

/// The most pairs of networks that a tunnel asks for, and the most that peers may make of them.
const SLOTS_MAX: usize = 256;
/// How long to wait for an ISAKMP SA that a child could be replaced under.
const BEARER_WAIT: Duration = Duration::from_secs(5);
/// How long to leave a peer alone that does not want what we want.
const REFUSED_WAIT_MAX: Duration = Duration::from_secs(300);
const REFUSED_WAIT_MIN: Duration = Duration::from_secs(1);
/// How long children carry on after the peer has deleted the last ISAKMP SA. If it meant all of the tunnel, nobody receives on
/// them any more, and another tunnel should take over soon.
const ORPHANED_MAX: Duration = Duration::from_secs(5);
/// A moment that does not come.
const NEVER: Duration = Duration::MAX;

/// What a tunnel has of phase 2.
pub(crate) struct Phase2 {
    /// As configured; the number of a pair is the slot of its children.
    pairs: Vec<Pair>,
    /// Narrower pairs that a peer has made, with the slots after those.
    narrower: Vec<(Ipv4Net, Ipv4Net)>,
    /// By inbound SPI.
    children: BTreeMap<u32, Child>,
    /// There is no ISAKMP SA any more, and the children end if none comes until then.
    orphaned_until: Option<Duration>,
}

struct Pair {
    local: Ipv4Net,
    remote: Ipv4Net,
    /// When to ask for it.
    retry: Backoff,
}

/// A pair of ESP SAs that both sides agree on.
#[derive(Clone, Debug)]
struct Child {
    terms: Terms,
    made_by_us: bool,
    state: ChildState,
    made: Duration,
    rekey_at: Option<Duration>,
    expire_at: Duration,
    /// When to take the peer for having it, and send on it.
    ready_at: Option<Duration>,
}

impl Child {
    fn is_up(&self) -> bool {
        self.state == ChildState::Up
    }

    /// Whether of two that were made at once this is the one that stays. What began after the other was made always does.
    fn outranks(&self, other: &Child) -> bool {
        self.terms.began >= other.made || self.terms.rank() > other.terms.rank()
    }
}

impl Phase2 {
    fn new(config: &TunnelConfig) -> Self {
        let pair = |(local, remote)| Pair { local, remote, retry: Backoff::default() };
        let pairs = config.local_ts.iter().flat_map(|local| config.remote_ts.iter().map(|it| (*local, *it)));
        Phase2 {
            pairs: pairs.map(pair).take(SLOTS_MAX).collect(),
            narrower: Vec::new(),
            children: BTreeMap::new(),
            orphaned_until: None,
        }
    }

    /// The slot of a pair of networks, if it is one that the tunnel wants or lies within one. Where narrower pairs are many, one
    /// takes the place of another that has no child, and is not `under_way` to one.
    fn slot(&mut self, local: Ipv4Net, remote: Ipv4Net, under_way: &BTreeSet<u16>) -> Option<u16> {
        let exact = self.pairs.iter().position(|pair| (pair.local, pair.remote) == (local, remote));
        let known = exact.or_else(|| {
            let at = self.narrower.iter().position(|pair| *pair == (local, remote))?;
            Some(self.pairs.len() + at)
        });
        let within = |pair: &Pair| pair.local.contains(&local) && pair.remote.contains(&remote);
        let slot = match known {
            Some(slot) => slot,
            None if self.pairs.iter().any(within) => {
                let at = self.room_for_narrower(under_way)?;
                match self.narrower.get_mut(at) {
                    Some(old) => *old = (local, remote),
                    None => self.narrower.push((local, remote)),
                }
                self.pairs.len() + at
            }
            None => return None,
        };
        u16::try_from(slot).ok()
    }

    fn room_for_narrower(&self, under_way: &BTreeSet<u16>) -> Option<usize> {
        if self.narrower.len() < SLOTS_MAX {
            return Some(self.narrower.len());
        }
        let of_children = self.children.values().map(|child| child.terms.slot);
        let taken: BTreeSet<usize> = of_children.chain(under_way.iter().copied()).map(usize::from).collect();
        (0..self.narrower.len()).find(|at| !taken.contains(&(self.pairs.len() + at)))
    }

    /// Whether there is a child for a pair, or for a part of it.
    fn serves(&self, pair: &Pair) -> bool {
        let within = |child: &Child| {
            pair.local.contains(&child.terms.local) && pair.remote.contains(&child.terms.remote)
        };
        self.children.values().any(|child| child.is_up() && within(child))
    }

    fn due(&self) -> Option<Duration> {
        let pairs = self.pairs.iter().filter_map(|pair| pair.retry.at);
        let children = self.children.values();
        let children = children.flat_map(|it| [it.rekey_at, it.ready_at, Some(it.expire_at)]).flatten();
        pairs.chain(children).chain(self.orphaned_until).min()
    }
}

/// Works on what a tunnel has of phase 2, and sees to its timer. What is worked on is not among the others meanwhile.
fn with_phase2<R>(
    shared: &mut Shared,
    key: TunnelKey,
    work: impl FnOnce(&mut Shared, &mut Phase2) -> R,
) -> Option<R> {
    let config = shared.tunnels.get(&key)?.config.clone();
    let mut phase2 = shared.v1.phases2.remove(&key).unwrap_or_else(|| Phase2::new(&config));
    let result = work(shared, &mut phase2);
    shared.set_timer(Timer::Phase2(key), phase2.due());
    shared.v1.phases2.insert(key, phase2);
    shared.look_again(key);
    Some(result)
}

/// The ISAKMP SA that phase 2 of a tunnel goes over.
pub(crate) fn bearer(shared: &Shared, key: TunnelKey) -> Option<u64> {
    let sas = shared.tunnels.get(&key)?.sas.iter().filter_map(|spi| shared.v1.sas.get(spi));
    let established = sas.filter(|sa| sa.is_established());
    established.max_by_key(|sa| sa.times.established).map(|sa| sa.spi)
}

pub(crate) fn has_children(shared: &Shared, key: TunnelKey) -> bool {
    shared.v1.phases2.get(&key).is_some_and(|phase2| !phase2.children.is_empty())
}

/// The slot of a pair of networks that a peer asks for, if we may agree.
pub(crate) fn slot(
    shared: &mut Shared,
    sa: &Phase1,
    key: TunnelKey,
    (local, remote): (Ipv4Net, Ipv4Net),
) -> Option<u16> {
    let under_way = quick_mode::under_way(shared, sa, key);
    with_phase2(shared, key, |_, phase2| phase2.slot(local, remote, &under_way))?
}

/// There is an ISAKMP SA to negotiate under. Who answered leaves the first word to the other.
pub(crate) fn on_bearer(shared: &mut Shared, sa: &Phase1, key: TunnelKey) {
    let initiates = shared.tunnels.get(&key).is_some_and(|tunnel| tunnel.initiates());
    with_phase2(shared, key, |shared, phase2| {
        let now = shared.now;
        if phase2.orphaned_until.take().is_some() {
            let up = phase2.children.values_mut().filter(|child| child.is_up());
            up.for_each(|child| child.rekey_at = Some(now));
        }
        let wait = if sa.initiator { Duration::ZERO } else { 4 * shared.limits.retry_after };
        for at in 0..phase2.pairs.len() {
            let wanted = initiates && !phase2.serves(&phase2.pairs[at]);
            phase2.pairs[at].retry.at = wanted.then_some(now + wait);
        }
    });
}

/// The last ISAKMP SA is gone. What there is of children carries on if we can make another one soon.
pub(crate) fn on_no_bearer(shared: &mut Shared, key: TunnelKey) {
    if !shared.tunnels.get(&key).is_some_and(|tunnel| tunnel.initiates()) {
        return drop_all(shared, key);
    }
    with_phase2(shared, key, |shared, phase2| {
        let until = shared.now + ORPHANED_MAX;
        phase2.orphaned_until = (!phase2.children.is_empty()).then_some(until);
    });
}

/// Receives on a new child, which the peer may or may not agree on yet.
pub(crate) fn receive(
    shared: &mut Shared,
    sa: &Phase1,
    (key, config): (TunnelKey, &TunnelConfig),
    terms: &Terms,
    (inbound_key, outbound_key): (DirectionKeys, DirectionKeys),
) {
    let child = ChildSa {
        inbound_spi: terms.inbound_spi,
        outbound_spi: terms.outbound_spi,
        encryption: config.child.encryption,
        integrity: config.child.integrity,
        extended_sequence_numbers: terms.extended,
        inbound_key,
        outbound_key,
        local_ts: vec![terms.local],
        remote_ts: vec![terms.remote],
        encapsulation: terms.in_udp.then_some((sa.path.local, sa.path.remote)),
        local: *sa.path.local.ip(),
        remote: *sa.path.remote.ip(),
    };
    shared.child_up(key, child);
}

/// Both sides agree on a child: it takes the place of what there is for the same networks. Who made the one that stays deletes
/// the others. The other side lets them run out: where the two saw things in another order, and each means to stay with what
/// the other would delete, both children carry on beside each other until the next one.
pub(crate) fn confirm(shared: &mut Shared, key: TunnelKey, terms: Terms, made_by_us: bool) {
    with_phase2(shared, key, |shared, phase2| {
        let now = shared.now;
        let mut child = Child {
            made_by_us,
            state: ChildState::Up,
            made: now,
            rekey_at: Some(shared.rekey_time(terms.lifetime)),
            expire_at: now + terms.lifetime,
            ready_at: None,
            terms,
        };
        let slot = child.terms.slot;
        let (linger, moving) = (shared.limits.linger, 2 * shared.limits.retransmit_after);
        let mut ready = true;
        for other in phase2.children.values_mut().filter(|it| it.terms.slot == slot) {
            if child.outranks(other) {
                // The peer may have to ask for the last message once more, before it has the new child.
                let after = if made_by_us { moving + linger } else { NEVER - now };
                let was_up = other.is_up();
                (other.state, other.rekey_at) = (ChildState::Replaced, None);
                other.expire_at = other.expire_at.min(now + after);
                // What ends sooner is deleted then, and by then no packet on it may be under way any more.
                let left = other.expire_at.saturating_sub(now);
                let wait = if was_up { moving.min(left / 2) } else { moving };
                let ready_at = child.ready_at.map_or(now + wait, |at| at.min(now + wait));
                child.ready_at = made_by_us.then_some(ready_at);
                ready &= !made_by_us;
            } else if other.is_up() {
                let after = if other.made_by_us { linger } else { NEVER - now };
                (child.state, child.rekey_at) = (ChildState::Replaced, None);
                (child.ready_at, ready) = (None, false);
                child.expire_at = child.expire_at.min(now + after);
            }
        }
        let inbound_spi = child.terms.inbound_spi;
        let traffic = Traffic { local: vec![child.terms.local], remote: vec![child.terms.remote] };
        phase2.children.insert(inbound_spi, child);
        if let Some(pair) = phase2.pairs.get_mut(usize::from(slot)) {
            pair.retry.at = None;
        }
        shared.child_counts(key, inbound_spi, traffic, ready);
    });
}

/// The peer asks for our last message again, so it does not have the new child yet.
pub(crate) fn not_yet_ready(shared: &mut Shared, key: TunnelKey, inbound_spi: u32) {
    with_phase2(shared, key, |shared, phase2| {
        let (now, linger) = (shared.now, shared.limits.linger);
        let moving = 2 * shared.limits.retransmit_after_max;
        let Some(child) = phase2.children.get_mut(&inbound_spi).filter(|it| it.ready_at.is_some()) else {
            return;
        };
        child.ready_at = Some(now + moving);
        let slot = child.terms.slot;
        let others = phase2.children.values_mut().filter(|it| it.terms.slot == slot && !it.is_up());
        others.for_each(|other| other.expire_at = other.expire_at.max(now + moving + linger));
    });
}

/// Replaces a child now, unless that is under way.
pub(crate) fn rekey(shared: &mut Shared, key: TunnelKey, inbound_spi: u32) {
    if has_children(shared, key) {
        with_phase2(shared, key, |shared, phase2| {
            if let Some(child) = phase2.children.get_mut(&inbound_spi) {
                let wait = if child.made_by_us { Duration::ZERO } else { shared.limits.first_word() };
                child.rekey_at = child.rekey_at.map(|before| before.min(shared.now + wait));
            }
        });
    }
}

/// A quick mode of ours came to nothing: asks again later.
pub(crate) fn failed(shared: &mut Shared, key: TunnelKey, slot: u16, replaces: Option<u32>) {
    let initiates = shared.tunnels.get(&key).is_some_and(|tunnel| tunnel.initiates());
    with_phase2(shared, key, |shared, phase2| {
        if let Some(child) = replaces.and_then(|spi| phase2.children.get_mut(&spi)).filter(|it| it.is_up()) {
            let again = shared.soon(child.expire_at, REFUSED_WAIT_MAX).max(shared.now + REFUSED_WAIT_MIN);
            child.rekey_at = Some(again);
        } else if let Some(pair) = phase2.pairs.get_mut(usize::from(slot)).filter(|_| initiates) {
            let at = pair.retry.next(shared.now, &shared.limits, &mut shared.random);
            pair.retry.at = Some(at);
        }
    });
}

/// The slots of the children that a peer deletes.
pub(crate) fn slots(shared: &Shared, key: TunnelKey, outbound_spis: &[u32]) -> Vec<u16> {
    let children = shared.v1.phases2.get(&key).into_iter().flat_map(|phase2| phase2.children.values());
    let deleted = children.filter(|child| outbound_spis.contains(&child.terms.outbound_spi));
    deleted.map(|child| child.terms.slot).collect()
}

/// The peer deletes its halves of children.
pub(crate) fn on_delete(shared: &mut Shared, key: TunnelKey, outbound_spis: &[u32]) {
    with_phase2(shared, key, |shared, phase2| {
        let of_peer = |it: &Child| outbound_spis.contains(&it.terms.outbound_spi);
        let deleted: Vec<u32> =
            phase2.children.iter().filter(|(_, it)| of_peer(it)).map(|(spi, _)| *spi).collect();
        for spi in deleted {
            let Some(child) = phase2.children.remove(&spi) else { continue };
            if child.is_up() {
                shared.log(Some(key), Level::Info, format!("peer deleted the child SA {spi:08x}"));
            }
            let slot = child.terms.slot;
            let rest = phase2.children.iter_mut().filter(|(_, it)| it.terms.slot == slot);
            let mut replaced = false;
            for (other, rest) in rest {
                // The peer deletes what was replaced, so it has what replaces it.
                if rest.is_up() && rest.ready_at.take().is_some() {
                    shared.tunnels.get_mut(&key).into_iter().for_each(|tunnel| tunnel.child_ready(*other));
                }
                replaced |= rest.is_up();
            }
            shared.child_down(key, spi, replaced);
            ask_again(shared, phase2, key, &child);
        }
    });
}

/// A child is gone: if nothing else carries its networks, another one is to be made.
fn ask_again(shared: &mut Shared, phase2: &mut Phase2, key: TunnelKey, child: &Child) {
    let initiates = shared.tunnels.get(&key).is_some_and(|tunnel| tunnel.initiates());
    for at in 0..phase2.pairs.len() {
        let pair = &phase2.pairs[at];
        let concerned = pair.local.contains(&child.terms.local) && pair.remote.contains(&child.terms.remote);
        if concerned && initiates && !phase2.serves(pair) && pair.retry.at.is_none() {
            let retry = &mut phase2.pairs[at].retry;
            retry.held(shared.now.saturating_sub(child.made), &shared.limits);
            retry.at = Some(retry.next(shared.now, &shared.limits, &mut shared.random));
        }
    }
}

/// Ends all children of a tunnel without telling anybody.
pub(crate) fn drop_all(shared: &mut Shared, key: TunnelKey) {
    forget_before(shared, key, NEVER);
}

/// Ends the children that were made before a moment; whether there were any.
pub(crate) fn forget_before(shared: &mut Shared, key: TunnelKey, moment: Duration) -> bool {
    let forgotten = with_phase2(shared, key, |shared, phase2| {
        let old: Vec<u32> =
            phase2.children.iter().filter(|(_, it)| it.made < moment).map(|(spi, _)| *spi).collect();
        for spi in &old {
            phase2.children.remove(spi);
            shared.child_down(key, *spi, false);
        }
        phase2.orphaned_until = None;
        !old.is_empty()
    });
    forgotten == Some(true)
}

/// The time of all children to be replaced has come.
pub(crate) fn renew_all(shared: &mut Shared, key: TunnelKey) {
    with_phase2(shared, key, |shared, phase2| {
        let up = phase2.children.values_mut().filter(|child| child.is_up());
        up.for_each(|child| child.rekey_at = Some(shared.now));
    });
}

/// Tells the peer that all children are deleted, and forgets them with all the rest.
pub(crate) fn close(shared: &mut Shared, key: TunnelKey) {
    let Some(phase2) = shared.v1.phases2.remove(&key) else { return };
    let spis: Vec<u32> = phase2.children.keys().copied().collect();
    informational::delete_children(shared, key, &spis);
    for spi in spis {
        shared.child_down(key, spi, false);
    }
    shared.set_timer(Timer::Phase2(key), None);
}

/// Whether this is a child whose packets go inside UDP.
pub(crate) fn is_in_udp(shared: &Shared, key: TunnelKey, inbound_spi: u32) -> bool {
    let child = shared.v1.phases2.get(&key).and_then(|phase2| phase2.children.get(&inbound_spi));
    child.is_some_and(|child| child.terms.in_udp)
}

/// The peer's address or port is another one now.
pub(crate) fn moved(shared: &mut Shared, sa: &Phase1, key: TunnelKey) {
    let Some(phase2) = shared.v1.phases2.get(&key) else { return };
    for (&inbound_spi, child) in &phase2.children {
        let encapsulation = child.terms.in_udp.then_some((sa.path.local, sa.path.remote));
        shared.out.push(Output::ChildMoved { tunnel: key, inbound_spi, encapsulation });
    }
}

/// Does what is due.
pub(crate) fn on_timeout(shared: &mut Shared, key: TunnelKey) {
    let wanted = with_phase2(shared, key, |shared, phase2| {
        if phase2.orphaned_until.is_some_and(|until| until <= shared.now) {
            phase2.orphaned_until = None;
            let orphans = std::mem::take(&mut phase2.children);
            orphans.keys().for_each(|spi| shared.child_down(key, *spi, false));
        }
        let expired = age(shared, phase2, key);
        informational::delete_children(shared, key, &expired);
        let mut wanted = renewed(shared, phase2, key);
        wanted.extend(missing(shared, phase2, key));
        wanted
    });
    for (slot, local, remote, replaces) in wanted.unwrap_or_default() {
        if let Some(spi) = bearer(shared, key) {
            let pair = quick_mode::Pair { slot, local, remote, replaces };
            shared.with_phase1(spi, |shared, sa| quick_mode::start(shared, sa, key, pair));
        }
    }
}

/// Removes the children whose time is over, and sends on those that the peer has by now.
fn age(shared: &mut Shared, phase2: &mut Phase2, key: TunnelKey) -> Vec<u32> {
    let now = shared.now;
    for (spi, child) in &mut phase2.children {
        if child.ready_at.is_some_and(|at| at <= now) {
            child.ready_at = None;
            shared.tunnels.get_mut(&key).into_iter().for_each(|tunnel| tunnel.child_ready(*spi));
            shared.change_use(key);
        }
    }
    let expired: Vec<u32> =
        phase2.children.iter().filter(|(_, it)| it.expire_at <= now).map(|(spi, _)| *spi).collect();
    for spi in &expired {
        let Some(child) = phase2.children.remove(spi) else { continue };
        if child.is_up() {
            let text = format!("the lifetime of the child SA {spi:08x} ended before it was replaced");
            shared.log(Some(key), Level::Warning, text);
        }
        shared.child_down(key, *spi, !child.is_up());
        ask_again(shared, phase2, key, &child);
    }
    expired
}

type Wanted = (u16, Ipv4Net, Ipv4Net, Option<u32>);

/// The children that are to be replaced now, if there is an ISAKMP SA to do it under.
fn renewed(shared: &mut Shared, phase2: &mut Phase2, key: TunnelKey) -> Vec<Wanted> {
    let (now, borne) = (shared.now, bearer(shared, key).is_some());
    let mut wanted = Vec::new();
    for (spi, child) in &mut phase2.children {
        if child.rekey_at.is_some_and(|at| at <= now) {
            child.rekey_at = (!borne).then_some(now + BEARER_WAIT);
            let terms = &child.terms;
            wanted.extend(borne.then_some((terms.slot, terms.local, terms.remote, Some(*spi))));
        }
    }
    wanted
}

/// The pairs that are to be asked for now.
fn missing(shared: &mut Shared, phase2: &mut Phase2, key: TunnelKey) -> Vec<Wanted> {
    let (now, asked) = (shared.now, quick_mode::asked(shared, key));
    let mut wanted = Vec::new();
    for at in 0..phase2.pairs.len() {
        let (serves, slot) = (phase2.serves(&phase2.pairs[at]), at as u16);
        let pair = &mut phase2.pairs[at];
        if pair.retry.at.is_some_and(|due| due <= now) {
            pair.retry.at = None;
            if !serves && !asked.contains(&slot) {
                wanted.push((slot, pair.local, pair.remote, None));
            }
        }
    }
    wanted
}
