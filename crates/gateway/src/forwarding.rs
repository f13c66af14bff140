//! The forwarding table of one domain: which tunnel a packet takes.
//!
//! The longest prefix that has a tunnel which is up wins; among the routes of one prefix, weight 100 before weight 0, and then
//! the connection with the smaller id, so that the same routes always give the same choice. A prefix all of whose
//! connections are down gives way to a shorter one, and when there is none the packet is dropped.
//!
//! Readers ([`ForwardingTable::read`]) hold an immutable snapshot and neither lock nor allocate. There is one writer.
//! Whether a connection is up is not in the snapshot but in its [`Carrier`], which all of its routes share: a failover of a
//! connection with 10,000 routes is one atomic store.

use std::net::Ipv4Addr;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use ipnet::Ipv4Net;

use crate::counters::Counters;
use crate::trie::Trie;

/// What the routes of one connection share: the way that its packets take now, none while it is down.
#[derive(Debug)]
pub struct Carrier<P> {
    path: ArcSwapOption<P>,
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
    entries: ArcSwap<Trie<Entry<K, P>>>,
}

/// A snapshot that stays as it is while one reads; hold it for a batch of packets and no longer.
pub struct Snapshot<K, P>(Guard<Arc<Trie<Entry<K, P>>>>);

/// Where a packet goes.
#[derive(Debug)]
pub enum Lookup<'a, K, P> {
    /// Over this path.
    Path(Guard<Option<Arc<P>>>),
    /// Nowhere: there are routes, but no connection of theirs is up. The preferred one of the longest prefix is named.
    Down(&'a Candidate<K, P>),
    /// Nowhere: no route has the destination.
    NoRoute,
}

impl<P> Carrier<P> {
    /// A connection that is down; `counters` count what is dropped while it is.
    pub fn new(counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Self { path: ArcSwapOption::empty(), counters })
    }

    /// Where packets are counted that the connection cannot take because it is down.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Sends everything over `path` from now on, or drops it.
    pub fn switch(&self, path: Option<Arc<P>>) {
        self.path.store(path);
    }

    /// The way now.
    pub fn path(&self) -> Guard<Option<Arc<P>>> {
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
        Self { entries: ArcSwap::from_pointee(Trie::default()) }
    }
}

impl<K, P> ForwardingTable<K, P>
where
    K: Ord + Clone,
{
    /// The table as it is now.
    pub fn read(&self) -> Snapshot<K, P> {
        Snapshot(self.entries.load())
    }

    /// Adds the route of a connection to `dest`, or replaces the one it has there.
    pub fn put(&self, dest: Ipv4Net, candidate: Candidate<K, P>) {
        let entries = self.entries.load();
        let others = entries.get(dest).map(|entry| entry.without(&candidate.connection)).unwrap_or_default();
        let mut candidates: Vec<_> = others.into_iter().chain([candidate]).collect();
        candidates.sort_by(|a, b| b.weight.cmp(&a.weight).then_with(|| a.connection.cmp(&b.connection)));
        let entry = Entry { candidates: candidates.into() };
        self.entries.store(Arc::new(entries.with(dest, Arc::new(entry))));
    }

    /// Takes the route of a connection to `dest` out. From now on no lookup finds it.
    pub fn remove(&self, dest: Ipv4Net, connection: &K) {
        let entries = self.entries.load();
        let Some(entry) = entries.get(dest) else { return };
        let candidates = entry.without(connection);
        let changed = if candidates.is_empty() {
            entries.without(dest)
        } else {
            entries.with(dest, Arc::new(Entry { candidates: candidates.into() }))
        };
        self.entries.store(Arc::new(changed));
    }

    /// The weight of the route of a connection to `dest`, if it has one.
    pub fn weight(&self, dest: Ipv4Net, connection: &K) -> Option<u8> {
        let entries = self.entries.load();
        let mut candidates = entries.get(dest)?.candidates.iter();
        candidates.find(|candidate| candidate.connection == *connection).map(|candidate| candidate.weight)
    }

    /// How many prefixes have a route.
    pub fn len(&self) -> usize {
        self.entries.load().len()
    }

    /// Whether no prefix has a route.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K, P> Snapshot<K, P> {
    /// Where a packet for `destination` goes.
    pub fn lookup(&self, destination: Ipv4Addr) -> Lookup<'_, K, P> {
        let mut down = None;
        let path = self.0.longest_match(destination, |entry| {
            let path = entry.path();
            if path.is_none() {
                down = entry.candidates.first();
            }
            path
        });
        match (path, down) {
            (Some(path), _) => Lookup::Path(path),
            (None, Some(candidate)) => Lookup::Down(candidate),
            (None, None) => Lookup::NoRoute,
        }
    }
}

impl<K, P> Entry<K, P> {
    fn path(&self) -> Option<Guard<Option<Arc<P>>>> {
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
