//! What a security association has carried.

use std::sync::atomic::{AtomicU64, Ordering};

/// What one direction has carried so far.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Traffic {
    /// Inner packets.
    pub packets: u64,
    /// Bytes of inner packets.
    pub bytes: u64,
}

#[derive(Default, Debug)]
pub(crate) struct Counters {
    packets: AtomicU64,
    bytes: AtomicU64,
}

impl Counters {
    pub(crate) fn count(&self, inner_len: usize) {
        self.packets.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(inner_len as u64, Ordering::Relaxed);
    }

    pub(crate) fn traffic(&self) -> Traffic {
        Traffic { packets: self.packets.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }
}
