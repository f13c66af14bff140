//! The forwarding table of one domain: which tunnel a packet takes.
//!
//! Policy-based routes are asked first, those with the smallest priority number before the others: the longest source that
//! matches wins, and of its routes the longest destination. Then come the destination-based routes: the longest prefix wins.
//! Of routes that are alike, weight 100 comes before weight 0, and then the connection with the smaller id, so that the same
//! routes always give the same choice. A route none of whose connections has a tunnel that is up gives way to the next one, and
//! when there is none the packet is dropped, unless a tunnel is up that only fails its health check: that is the last resort.
//!
//! Readers ([`ForwardingTable::read`]) hold an immutable snapshot of both and neither lock nor allocate. There is one writer.
//! Whether a connection is up is not in the snapshot but in its [`Carrier`], which all of its routes share: a failover of a
//! connection with 10,000 routes is one atomic store.

use std::net::Ipv4Addr;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use causeway_control::desired::{Policy, RouteMatch};
use ipnet::Ipv4Net;

use crate::counters::Counters;
use crate::trie::Trie;

/// What the routes of one connection share: the way that its packets take now, none while it is down.
#[derive(Debug)]
pub struct Carrier<P> {
    path: ArcSwapOption<P>,
    /// A way that is open and not good, for what would be dropped otherwise.
    last_resort: ArcSwapOption<P>,
    counters: Arc<Counters>,
}

/// One route: a connection, by its id `K`, that wants a prefix.
#[derive(Debug)]
pub struct Candidate<K, P> {
    /// 100 is preferred over 0.
    pub weight: u8,
    /// Whose route it is.
    pub connection: K,
    /// Shared with the connection's other routes.
    pub carrier: Arc<Carrier<P>>,
}

/// The routes of one prefix, the preferred one first; never empty.
#[derive(Debug)]
struct Entry<K, P> {
    candidates: Box<[Candidate<K, P>]>,
}

/// The table; see the module.
#[derive(Debug)]
pub struct ForwardingTable<K, P> {
    routes: ArcSwap<Routes<K, P>>,
}

/// Routes by destination.
type Destinations<K, P> = Trie<Entry<K, P>>;

/// All routes at one moment. Cloning it copies one reference for each priority there is.
#[derive(Debug)]
struct Routes<K, P> {
    /// The policy-based ones of each priority, the smallest first: by source, and then by destination. None is empty.
    policies: Vec<(u8, Trie<Destinations<K, P>>)>,
    destinations: Destinations<K, P>,
}

/// A snapshot that stays as it is while one reads; hold it for a batch of packets and no longer.
pub struct Snapshot<K, P>(Guard<Arc<Routes<K, P>>>);

/// A path that stays while one looks at it, or none.
type PathGuard<P> = Guard<Option<Arc<P>>>;

/// Where a packet goes.
#[derive(Debug)]
pub enum Lookup<'a, K, P> {
    /// Over this path.
    Path(PathGuard<P>),
    /// Nowhere: there are routes, but no connection of theirs is up. The one that would come first is named.
    Down(&'a Candidate<K, P>),
    /// Nowhere: no route has the destination.
    NoRoute,
}

impl<P> Carrier<P> {
    /// A connection that is down; `counters` count what is dropped while it is.
    pub fn new(counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Self { path: ArcSwapOption::empty(), last_resort: ArcSwapOption::empty(), counters })
    }

    /// Where packets are counted that the connection cannot take because it is down.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Sends everything over `path` from now on, or drops it.
    pub fn switch(&self, path: Option<Arc<P>>) {
        self.path.store(path);
    }

    /// Sends over `path` what nothing else takes, or drops it.
    pub fn switch_last_resort(&self, path: Option<Arc<P>>) {
        self.last_resort.store(path);
    }

    /// The way now.
    pub fn path(&self) -> PathGuard<P> {
        self.path.load()
    }
}

impl<K, P> Clone for Candidate<K, P>
where
    K: Clone,
{
    fn clone(&self) -> Self {
        Self { weight: self.weight, connection: self.connection.clone(), carrier: Arc::clone(&self.carrier) }
    }
}

impl<K, P> Default for ForwardingTable<K, P> {
    fn default() -> Self {
        let routes = Routes { policies: Vec::new(), destinations: Trie::default() };
        Self { routes: ArcSwap::from_pointee(routes) }
    }
}

impl<K, P> Clone for Routes<K, P> {
    fn clone(&self) -> Self {
        Self { policies: self.policies.clone(), destinations: self.destinations.clone() }
    }
}

impl<K, P> ForwardingTable<K, P>
where
    K: Ord + Clone,
{
    /// The table as it is now.
    pub fn read(&self) -> Snapshot<K, P> {
        Snapshot(self.routes.load())
    }

    /// Adds the route of a connection, or replaces the one that it has for the same packets.
    pub fn put(&self, of: impl Into<RouteMatch>, candidate: Candidate<K, P>) {
        self.change(of.into(), |entry| {
            let others = entry.map(|entry| entry.without(&candidate.connection)).unwrap_or_default();
            others.into_iter().chain([candidate]).collect()
        });
    }

    /// Takes the route of a connection out. From now on no lookup finds it.
    pub fn remove(&self, of: impl Into<RouteMatch>, connection: &K) {
        self.change(of.into(), |entry| entry.map(|entry| entry.without(connection)).unwrap_or_default());
    }

    /// The weight of the route of a connection, if it has one for these packets.
    pub fn weight(&self, of: impl Into<RouteMatch>, connection: &K) -> Option<u8> {
        let (routes, of) = (self.routes.load(), of.into());
        let mut candidates = routes.entry(of)?.candidates.iter();
        candidates.find(|candidate| candidate.connection == *connection).map(|candidate| candidate.weight)
    }

    /// How many destinations have a route, those of each source counted by themselves.
    pub fn len(&self) -> usize {
        let routes = self.routes.load();
        let of_policies =
            routes.policies.iter().map(|(_, sources)| sources.fold(0, |sum, it| sum + it.len()));
        routes.destinations.len() + of_policies.sum::<usize>()
    }

    /// Whether there is no route.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Swaps the candidates of a route for others.
    fn change(&self, of: RouteMatch, candidates: impl FnOnce(Option<&Entry<K, P>>) -> Vec<Candidate<K, P>>) {
        let routes = self.routes.load();
        let before = routes.entry(of);
        let mut candidates = candidates(before.map(|entry| &**entry));
        if before.is_none() && candidates.is_empty() {
            return;
        }
        candidates.sort_by(|a, b| b.weight.cmp(&a.weight).then_with(|| a.connection.cmp(&b.connection)));
        let entry = (!candidates.is_empty()).then(|| Arc::new(Entry { candidates: candidates.into() }));
        self.routes.store(Arc::new(routes.with(of, entry)));
    }
}

impl<K, P> Routes<K, P> {
    fn policies_of(&self, priority: u8) -> Option<&Trie<Destinations<K, P>>> {
        let at = self.policies.binary_search_by_key(&priority, |(priority, _)| *priority).ok()?;
        Some(&self.policies[at].1)
    }

    fn entry(&self, of: RouteMatch) -> Option<&Arc<Entry<K, P>>> {
        match of.policy {
            None => self.destinations.get(of.dest),
            Some(policy) => self.policies_of(policy.priority)?.get(policy.source)?.get(of.dest),
        }
    }

    /// The routes with another entry, or with none, for the same packets.
    fn with(&self, of: RouteMatch, entry: Option<Arc<Entry<K, P>>>) -> Self {
        let mut changed = self.clone();
        let Some(Policy { priority, source }) = of.policy else {
            changed.destinations = exchanged(&self.destinations, of.dest, entry);
            return changed;
        };
        let sources = self.policies_of(priority).cloned().unwrap_or_default();
        let destinations = sources.get(source).map(|it| Destinations::clone(it)).unwrap_or_default();
        let destinations = exchanged(&destinations, of.dest, entry);
        let destinations = (!destinations.is_empty()).then(|| Arc::new(destinations));
        let sources = exchanged(&sources, source, destinations);
        changed.policies.retain(|(other, _)| *other != priority);
        if !sources.is_empty() {
            let at = changed.policies.partition_point(|(other, _)| *other < priority);
            changed.policies.insert(at, (priority, sources));
        }
        changed
    }
}

fn exchanged<T>(trie: &Trie<T>, prefix: Ipv4Net, value: Option<Arc<T>>) -> Trie<T> {
    match value {
        Some(value) => trie.with(prefix, value),
        None => trie.without(prefix),
    }
}

impl<K, P> Snapshot<K, P> {
    /// The way of a packet that [`Snapshot::lookup`] found to be down, if a tunnel of one of its routes is up and only not good.
    pub fn last_resort(&self, source: Ipv4Addr, destination: Ipv4Addr) -> Option<Arc<P>> {
        let of = |routes: &Destinations<K, P>| routes.longest_match(destination, |entry| entry.last_resort());
        let policies = self.0.policies.iter();
        let of_policies = policies.filter_map(|(_, sources)| sources.longest_match(source, |it| of(it)));
        of_policies.chain(of(&self.0.destinations)).next()
    }

    /// Where a packet from `source` to `destination` goes.
    pub fn lookup(&self, source: Ipv4Addr, destination: Ipv4Addr) -> Lookup<'_, K, P> {
        self.lookup_asking(source, destination, Entry::path)
    }

    /// The lookup, which asks one entry after the other for its path until one has one.
    fn lookup_asking<'a>(
        &'a self,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        mut ask: impl FnMut(&'a Entry<K, P>) -> Option<PathGuard<P>>,
    ) -> Lookup<'a, K, P> {
        let mut first = None;
        let mut path_of = |entry: &'a Arc<Entry<K, P>>| {
            first = first.or(entry.candidates.first());
            ask(entry)
        };
        for (_, sources) in &self.0.policies {
            let of_source = |it: &'a Arc<Destinations<K, P>>| it.longest_match(destination, &mut path_of);
            if let Some(path) = sources.longest_match(source, of_source) {
                return Lookup::Path(path);
            }
        }
        match self.0.destinations.longest_match(destination, path_of) {
            Some(path) => Lookup::Path(path),
            None => first.map_or(Lookup::NoRoute, Lookup::Down),
        }
    }
}

impl<K, P> Entry<K, P> {
    fn last_resort(&self) -> Option<Arc<P>> {
        self.candidates.iter().find_map(|candidate| candidate.carrier.last_resort.load_full())
    }

    fn path(&self) -> Option<PathGuard<P>> {
        self.candidates.iter().map(|candidate| candidate.carrier.path()).find(|path| path.is_some())
    }

    fn without(&self, connection: &K) -> Vec<Candidate<K, P>>
    where
        K: Ord + Clone,
    {
        self.candidates.iter().filter(|candidate| candidate.connection != *connection).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
