//! How much a security association may carry before it must be replaced (RFC 4301 section 4.4.2.1).

use causeway_crypto::Encryption;

use crate::counters::Traffic;
use crate::sequence::SequenceNumbers;

/// What an association may carry at most. At half of it the association should be replaced; at the end it carries nothing more.
///
/// A cipher gives something away when two of the blocks that it made are alike, of which there is a chance of `q^2 / 2^(n+1)`
/// after `q` blocks of `n` bits. So the bytes are bounded by the length of the block:
///
/// | cipher | at most | chance then |
/// |---|---|---|
/// | AES (128-bit blocks), CBC and GCM | 2^35 blocks, 512 GiB | 2^-59; TLS 1.3 stays below 2^-57 (RFC 8446 section 5.5) |
/// | DES, 3DES (64-bit blocks) | 2^29 blocks, 4 GiB | 2^-7; known attacks take 2^36 blocks |
///
/// The packets are bounded by the sequence numbers, which must not repeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetime {
    most: Traffic,
}

/// Bytes of AES under one key.
const BYTES_OF_WIDE_BLOCKS: u64 = 1 << 39;
/// Bytes of DES and 3DES under one key.
const BYTES_OF_NARROW_BLOCKS: u64 = 1 << 32;

impl Lifetime {
    /// What is safe for a cipher and for sequence numbers of this size.
    pub fn of(encryption: Encryption, numbers: SequenceNumbers) -> Self {
        let is_wide = !encryption.is_weak();
        let bytes = if is_wide { BYTES_OF_WIDE_BLOCKS } else { BYTES_OF_NARROW_BLOCKS };
        Self { most: Traffic { packets: numbers.last(), bytes } }
    }

    /// The shorter one of this and of so much.
    #[must_use]
    pub fn within(self, most: Traffic) -> Self {
        let (packets, bytes) = (self.most.packets.min(most.packets), self.most.bytes.min(most.bytes));
        Self { most: Traffic { packets, bytes } }
    }

    /// What the association may carry.
    pub fn most(&self) -> Traffic {
        self.most
    }

    /// Whether an association that has carried so much should be replaced.
    pub fn is_worn(&self, carried: Traffic) -> bool {
        carried.packets >= self.most.packets / 2 || carried.bytes >= self.most.bytes / 2
    }

    /// Whether an association that has carried so much carries nothing more.
    pub fn is_over(&self, carried: Traffic) -> bool {
        carried.packets >= self.most.packets || carried.bytes >= self.most.bytes
    }
}

#[cfg(test)]
mod tests {
    use causeway_crypto::Encryption;

    use super::Lifetime;
    use crate::counters::Traffic;
    use crate::sequence::SequenceNumbers::{Extended, Standard};

    #[test]
    fn narrow_blocks_last_shorter_and_short_numbers_fewer_packets() {
        let most = |encryption, numbers| Lifetime::of(encryption, numbers).most();
        let (aes, des) = (1 << 39, 1 << 32);
        assert_eq!(most(Encryption::Aes128Gcm16, Extended), Traffic { packets: u64::MAX, bytes: aes });
        assert_eq!(most(Encryption::Aes256Cbc, Standard), Traffic { packets: (1 << 32) - 1, bytes: aes });
        assert_eq!(most(Encryption::TripleDesCbc, Standard).bytes, des);
        assert_eq!(most(Encryption::DesCbc, Extended).bytes, des);
    }

    #[test]
    fn a_configured_lifetime_only_shortens() {
        let lifetime = Lifetime::of(Encryption::TripleDesCbc, Standard);
        let shorter = lifetime.within(Traffic { packets: 1_000, bytes: u64::MAX });
        assert_eq!(shorter.most(), Traffic { packets: 1_000, ..lifetime.most() });
        assert_eq!(shorter.within(Traffic { packets: u64::MAX, bytes: 9 }).most().bytes, 9);
    }

    #[test]
    fn it_is_worn_at_half_and_over_at_the_end_whichever_comes_first() {
        let lifetime =
            Lifetime::of(Encryption::Aes128Gcm16, Extended).within(Traffic { packets: 100, bytes: 1_000 });
        let told = |packets, bytes| {
            let carried = Traffic { packets, bytes };
            (lifetime.is_worn(carried), lifetime.is_over(carried))
        };
        assert_eq!(told(49, 499), (false, false));
        assert_eq!((told(50, 0), told(0, 500)), ((true, false), (true, false)));
        assert_eq!(
            (told(99, 999), told(100, 0), told(0, 1_000)),
            ((true, false), (true, true), (true, true))
        );
    }
}
