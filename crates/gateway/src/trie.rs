//! A persistent map from IPv4 prefixes (or 32-bit keys) to values: what the forwarding tables and the SPI map are made of.
//!
//! Readers hold a snapshot and never wait; a change copies only the path from the root to the changed prefix, at most
//! six nodes, and shares all others with the snapshot before it. So a change of one route costs the same at 10 routes
//! and at 100,000, and the old snapshot stays whole for whoever still reads it.
//!
//! The structure is a tree bitmap (Eatherton, Varghese, Dittia, 2004) with six bits a level: each node says in one
//! 64-bit word which of the 63 prefixes of zero to five further bits it holds, and in another which of its 64 children
//! exist. Both are looked up by counting bits, so a node is as large as what is in it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

/// Bits that one level of the tree consumes.
const STRIDE: u8 = 6;

/// A snapshot of the map. Cloning it is one reference count.
#[derive(Debug)]
pub struct Trie<T> {
    root: Arc<Node<T>>,
    len: usize,
}

/// `values` are in the order of the set bits of `held`, `children` in that of `below`.
#[derive(Debug)]
struct Node<T> {
    held: u64,
    below: u64,
    values: Box<[Arc<T>]>,
    children: Box<[Arc<Node<T>>]>,
}

/// Where a prefix is: the node under which its remaining bits are fewer than a level, and its place in that node.
struct Place {
    /// Levels above the node.
    depth: u8,
    /// The bit in `held`.
    position: u32,
}

impl<T> Clone for Trie<T> {
    fn clone(&self) -> Self {
        Self { root: Arc::clone(&self.root), len: self.len }
    }
}

impl<T> Default for Trie<T> {
    fn default() -> Self {
        Self { root: Arc::new(Node::empty()), len: 0 }
    }
}

impl<T> Trie<T> {
    /// How many prefixes have a value.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no prefix has a value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of exactly this prefix.
    pub fn get(&self, prefix: Ipv4Net) -> Option<&Arc<T>> {
        let key = u32::from(prefix.network());
        let place = Place::of(prefix);
        let mut node = &self.root;
        for depth in 0..place.depth {
            node = node.child(chunk(key, depth))?;
        }
        node.value(place.position)
    }

    /// The value of a 32-bit key, that is, of its prefix of full length.
    pub fn get_key(&self, key: u32) -> Option<&Arc<T>> {
        self.get(key_prefix(key))
    }

    /// What `choose` answers to the longest of the prefixes that contain `address` and for which it gives an answer. It is asked
    /// from the longest to the shortest, and no further.
    pub fn longest_match<'a, R>(
        &'a self,
        address: Ipv4Addr,
        mut choose: impl FnMut(&'a Arc<T>) -> Option<R>,
    ) -> Option<R> {
        self.root.longest_match(u32::from(address), 0, &mut choose)
    }

    /// Goes through all values, in no order that means anything.
    pub fn fold<R>(&self, start: R, mut each: impl FnMut(R, &Arc<T>) -> R) -> R {
        let mut nodes = vec![&self.root];
        let mut result = start;
        while let Some(node) = nodes.pop() {
            result = node.values.iter().fold(result, &mut each);
            nodes.extend(&node.children);
        }
        result
    }

    /// A snapshot in which `prefix` has `value`.
    #[must_use]
    pub fn with(&self, prefix: Ipv4Net, value: Arc<T>) -> Self {
        let place = Place::of(prefix);
        let is_new = self.get(prefix).is_none();
        let root = self.root.with(u32::from(prefix.network()), 0, &place, value);
        Self { root: Arc::new(root), len: self.len + usize::from(is_new) }
    }

    /// A snapshot in which the 32-bit `key` has `value`.
    #[must_use]
    pub fn with_key(&self, key: u32, value: Arc<T>) -> Self {
        self.with(key_prefix(key), value)
    }

    /// A snapshot in which `prefix` has no value.
    #[must_use]
    pub fn without(&self, prefix: Ipv4Net) -> Self {
        if self.get(prefix).is_none() {
            return self.clone();
        }
        let place = Place::of(prefix);
        let root = self.root.without(u32::from(prefix.network()), 0, &place).unwrap_or_else(Node::empty);
        Self { root: Arc::new(root), len: self.len - 1 }
    }

    /// A snapshot in which the 32-bit `key` has no value.
    #[must_use]
    pub fn without_key(&self, key: u32) -> Self {
        self.without(key_prefix(key))
    }
}

impl<T> Node<T> {
    fn empty() -> Self {
        Self { held: 0, below: 0, values: Box::new([]), children: Box::new([]) }
    }

    fn child(&self, bits: u32) -> Option<&Arc<Self>> {
        (self.below >> bits & 1 == 1).then(|| &self.children[rank(self.below, bits)])
    }

    fn value(&self, position: u32) -> Option<&Arc<T>> {
        (self.held >> position & 1 == 1).then(|| &self.values[rank(self.held, position)])
    }

    fn longest_match<'a, R>(
        &'a self,
        key: u32,
        depth: u8,
        choose: &mut impl FnMut(&'a Arc<T>) -> Option<R>,
    ) -> Option<R> {
        let bits = chunk(key, depth);
        let longer = self.child(bits).and_then(|child| child.longest_match(key, depth + 1, choose));
        longer.or_else(|| {
            let mut matching = positions_descending(self.held & containing(bits));
            matching.find_map(|position| choose(&self.values[rank(self.held, position)]))
        })
    }

    fn with(&self, key: u32, depth: u8, place: &Place, value: Arc<T>) -> Self {
        if depth == place.depth {
            return Self {
                held: self.held | 1 << place.position,
                below: self.below,
                values: put(&self.values, self.held, place.position, value),
                children: self.children.clone(),
            };
        }
        let bits = chunk(key, depth);
        let child = match self.child(bits) {
            Some(child) => child.with(key, depth + 1, place, value),
            None => Self::empty().with(key, depth + 1, place, value),
        };
        self.with_child(bits, child)
    }

    /// The node without the prefix, or `None` when nothing is left in it.
    fn without(&self, key: u32, depth: u8, place: &Place) -> Option<Self> {
        let copy = if depth == place.depth {
            Self {
                held: self.held & !(1 << place.position),
                below: self.below,
                values: take(&self.values, self.held, place.position),
                children: self.children.clone(),
            }
        } else {
            let bits = chunk(key, depth);
            match self.child(bits)?.without(key, depth + 1, place) {
                Some(child) => self.with_child(bits, child),
                None => Self {
                    held: self.held,
                    below: self.below & !(1 << bits),
                    values: self.values.clone(),
                    children: take(&self.children, self.below, bits),
                },
            }
        };
        (copy.held != 0 || copy.below != 0).then_some(copy)
    }

    fn with_child(&self, bits: u32, child: Self) -> Self {
        Self {
            held: self.held,
            below: self.below | 1 << bits,
            values: self.values.clone(),
            children: put(&self.children, self.below, bits, Arc::new(child)),
        }
    }
}

impl Place {
    fn of(prefix: Ipv4Net) -> Self {
        let depth = prefix.prefix_len() / STRIDE;
        let len = prefix.prefix_len() % STRIDE;
        let bits = chunk(u32::from(prefix.network()), depth) >> (STRIDE - len);
        Self { depth, position: (1 << len) - 1 + bits }
    }
}

fn key_prefix(key: u32) -> Ipv4Net {
    Ipv4Net::from(Ipv4Addr::from(key))
}

/// The six bits of `key` that the level `depth` looks at; past the end of the key they are zero.
fn chunk(key: u32, depth: u8) -> u32 {
    let padded = u64::from(key) << 32;
    (padded << (depth * STRIDE) >> 58) as u32
}

/// The bits of `held` whose prefixes contain the six bits: the higher the bit, the longer the prefix.
fn containing(bits: u32) -> u64 {
    1 | 1 << (1 + (bits >> 5))
        | 1 << (3 + (bits >> 4))
        | 1 << (7 + (bits >> 3))
        | 1 << (15 + (bits >> 2))
        | 1 << (31 + (bits >> 1))
}

/// The places of the bits that are set, from the highest to the lowest.
fn positions_descending(mut bits: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let position = bits.checked_ilog2()?;
        bits &= !(1 << position);
        Some(position)
    })
}

/// How many bits of `map` are set below `position`: the index of its element.
fn rank(map: u64, position: u32) -> usize {
    (map & ((1 << position) - 1)).count_ones() as usize
}

fn put<E>(elements: &[Arc<E>], map: u64, position: u32, element: Arc<E>) -> Box<[Arc<E>]> {
    let index = rank(map, position);
    let replaced = usize::from(map >> position & 1 == 1);
    let before = elements[..index].iter().cloned();
    let after = elements[index + replaced..].iter().cloned();
    before.chain([element]).chain(after).collect()
}

fn take<E>(elements: &[Arc<E>], map: u64, position: u32) -> Box<[Arc<E>]> {
    let index = rank(map, position);
    elements[..index].iter().chain(&elements[index + 1..]).cloned().collect()
}

#[cfg(test)]
mod tests;
