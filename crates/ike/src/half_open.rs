//! IKE SAs that a peer has begun and not authenticated, or in vain: how many there are, which is the oldest, and which message
//! made which.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

/// An index of the half-open IKE SAs; they are themselves among the others.
#[derive(Default)]
pub(crate) struct HalfOpen {
    by_age: BTreeSet<(Duration, u64)>,
    by_address: BTreeMap<Ipv4Addr, BTreeSet<(Duration, u64)>>,
    by_request: BTreeMap<(SocketAddrV4, u64), u64>,
    entries: BTreeMap<u64, Entry>,
}

struct Entry {
    created: Duration,
    remote: SocketAddrV4,
    peer_spi: u64,
}

impl HalfOpen {
    pub(crate) fn len(&self) -> usize {
        self.by_age.len()
    }

    pub(crate) fn len_of(&self, address: Ipv4Addr) -> usize {
        self.by_address.get(&address).map_or(0, BTreeSet::len)
    }

    /// How many were begun from an address since a moment.
    pub(crate) fn len_since(&self, address: Ipv4Addr, moment: Duration) -> usize {
        self.by_address.get(&address).map_or(0, |of_address| of_address.range((moment, 0)..).count())
    }

    pub(crate) fn insert(&mut self, spi: u64, created: Duration, remote: SocketAddrV4, peer_spi: u64) {
        self.by_age.insert((created, spi));
        self.by_address.entry(*remote.ip()).or_default().insert((created, spi));
        self.by_request.insert((remote, peer_spi), spi);
        self.entries.insert(spi, Entry { created, remote, peer_spi });
    }

    /// The IKE SA is authenticated, or gone.
    pub(crate) fn remove(&mut self, spi: u64) {
        let Some(entry) = self.entries.remove(&spi) else { return };
        self.by_age.remove(&(entry.created, spi));
        self.by_request.remove(&(entry.remote, entry.peer_spi));
        if let Some(of_address) = self.by_address.get_mut(entry.remote.ip()) {
            of_address.remove(&(entry.created, spi));
            if of_address.is_empty() {
                self.by_address.remove(entry.remote.ip());
            }
        }
    }

    /// The one that an IKE_SA_INIT request from this address with this SPI has made.
    pub(crate) fn made_by(&self, remote: SocketAddrV4, peer_spi: u64) -> Option<u64> {
        self.by_request.get(&(remote, peer_spi)).copied()
    }

    /// The oldest one that has to give way for one more from `address`.
    pub(crate) fn to_evict(&self, address: Ipv4Addr, max: usize, per_address_max: usize) -> Option<u64> {
        let of_address = self.by_address.get(&address);
        let crowd = of_address.filter(|crowd| crowd.len() >= per_address_max);
        let oldest = crowd.or((self.len() >= max).then_some(&self.by_age))?;
        oldest.first().map(|(_, spi)| *spi)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddrV4;
    use std::time::Duration;

    use super::HalfOpen;

    fn from(last: u8, port: u16) -> SocketAddrV4 {
        SocketAddrV4::new([10, 0, 0, last].into(), port)
    }

    #[test]
    fn the_oldest_of_an_address_gives_way_first_and_then_the_oldest_of_all() {
        let mut half_open = HalfOpen::default();
        for n in 0..6_u8 {
            half_open.insert(u64::from(n), Duration::from_secs(n.into()), from(n % 2, n.into()), n.into());
        }
        assert_eq!(half_open.len_since([10, 0, 0, 1].into(), Duration::from_secs(3)), 2);
        assert_eq!(half_open.to_evict([10, 0, 0, 1].into(), 100, 100), None);
        assert_eq!(half_open.to_evict([10, 0, 0, 1].into(), 100, 3), Some(1));
        assert_eq!(half_open.to_evict([10, 0, 0, 9].into(), 100, 3), None);
        assert_eq!(half_open.to_evict([10, 0, 0, 9].into(), 6, 3), Some(0));
    }

    #[test]
    fn what_is_removed_leaves_nothing_behind() {
        let mut half_open = HalfOpen::default();
        half_open.insert(1, Duration::ZERO, from(1, 500), 7);
        assert_eq!(half_open.made_by(from(1, 500), 7), Some(1));
        assert_eq!((half_open.len(), half_open.len_of([10, 0, 0, 1].into())), (1, 1));
        half_open.remove(1);
        half_open.remove(1);
        assert_eq!(half_open.made_by(from(1, 500), 7), None);
        assert!(half_open.by_age.is_empty() && half_open.by_address.is_empty());
        assert!(half_open.by_request.is_empty() && half_open.entries.is_empty());
    }
}
