//! The longest packet that a tunnel takes.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Headers of IPv4 and TCP without options, which the maximum segment size does not count (RFC 6691).
const HEADERS: usize = 40;

/// The longest inner packet of a child SA, in bytes: whose ESP packet passes the whole way to the peer. Both directions
/// share it. It changes when more becomes known about the way.
#[derive(Debug)]
pub struct PathMtu(AtomicUsize);

impl PathMtu {
    /// A way that takes inner packets of up to so many bytes.
    pub fn new(inner: usize) -> Self {
        Self(AtomicUsize::new(inner))
    }

    /// The longest inner packet, in bytes.
    pub fn inner(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// The longest inner packet is another one now.
    pub fn set(&self, inner: usize) {
        self.0.store(inner, Ordering::Relaxed);
    }

    /// The longest TCP segment.
    pub fn segment(&self) -> u16 {
        u16::try_from(self.inner().saturating_sub(HEADERS)).unwrap_or(u16::MAX)
    }
}
