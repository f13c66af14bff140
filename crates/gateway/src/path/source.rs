//! Where a child SA's packets come from, by which a peer behind a translator is followed (RFC 7296, 2.23).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the last authentic packet inside UDP came from, until somebody asks.
#[derive(Debug, Default)]
pub struct LastSource(AtomicU64);

impl LastSource {
    /// A packet came from there. As long as all come from one place, nothing is written that other threads read.
    pub fn note(&self, source: SocketAddrV4) {
        let packed = u64::from(u32::from(*source.ip())) << 16 | u64::from(source.port());
        if self.0.load(Ordering::Relaxed) != packed {
            self.0.store(packed, Ordering::Relaxed);
        }
    }

    /// Where the last packet came from, if one came since this was last asked.
    pub fn take(&self) -> Option<SocketAddrV4> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            _ => {
                let packed = self.0.swap(0, Ordering::Relaxed);
                Some(SocketAddrV4::new(Ipv4Addr::from((packed >> 16) as u32), packed as u16))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LastSource;

    #[test]
    fn the_last_source_is_told_once_and_is_what_it_was() {
        let last = LastSource::default();
        assert_eq!(last.take(), None);
        let sources = ["203.0.113.9:50000", "255.255.255.255:65535"].map(|it| it.parse().unwrap());
        sources.into_iter().for_each(|source| last.note(source));
        assert_eq!(last.take(), Some(sources[1]));
        assert_eq!(last.take(), None);
        last.note(sources[1]);
        assert_eq!(last.take(), Some(sources[1]), "it is told again when a packet came again");
    }
}
