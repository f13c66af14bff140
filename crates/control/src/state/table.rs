//! Things by id, and in the order of their creation within a group, such as a region.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

/// A map that also knows which things belong together, and in which order they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table<G, K, V> {
    rows: BTreeMap<K, Row<G, V>>,
    order: BTreeMap<G, BTreeSet<(i64, K)>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row<G, V> {
    group: G,
    created_ms: i64,
    value: V,
}

impl<G, K, V> Default for Table<G, K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), order: BTreeMap::new() }
    }
}

impl<G: Ord + Clone, K: Ord + Clone, V> Table<G, K, V> {
    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.rows.get(key).map(|row| &row.value)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn len_of(&self, group: &G) -> usize {
        self.order.get(group).map_or(0, BTreeSet::len)
    }

    /// All of them by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = &V> {
        self.rows.values().map(|row| &row.value)
    }

    /// Those of a group, the oldest first, and those of the same millisecond by id.
    pub(super) fn iter_of(&self, group: &G) -> impl DoubleEndedIterator<Item = &V> {
        self.order.get(group).into_iter().flatten().filter_map(|(_, key)| self.get(key))
    }

    /// Those with the first key that is meant and all greater ones, by key.
    pub(super) fn iter_from(&self, first: &K) -> impl Iterator<Item = (&K, &V)> + use<'_, G, K, V> {
        self.rows.range(first..).map(|(key, row)| (key, &row.value))
    }

    pub(super) fn put(&mut self, group: G, key: K, created_ms: i64, value: V) {
        self.delete(&key);
        self.order.entry(group.clone()).or_default().insert((created_ms, key.clone()));
        self.rows.insert(key, Row { group, created_ms, value });
    }

    pub(super) fn delete<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (key, row) = self.rows.remove_entry(key)?;
        if let Some(order) = self.order.get_mut(&row.group) {
            order.remove(&(row.created_ms, key));
            if order.is_empty() {
                self.order.remove(&row.group);
            }
        }
        Some(row.value)
    }
}
