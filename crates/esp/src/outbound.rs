//! The outbound half: inner packets become ESP packets.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use causeway_crypto::Protection;

use crate::counters::{Counters, Traffic};
use crate::lifetime::Lifetime;
use crate::packet::{HEADER_LEN, PADDING, TRAILER_LEN, header, padding_len};
use crate::sequence::SequenceNumbers;

/// Why a packet could not be sealed. Nothing was written then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealError {
    /// Every sequence number was used. The association must be replaced; numbers never repeat.
    #[error("the association has used its last sequence number")]
    SequenceExhausted,
    /// It has carried as much as it may. It must be replaced.
    #[error("the association has carried as much as it may")]
    LifetimeOver,
    /// The buffer has less room before or after the inner packet than sealing needs.
    #[error("the buffer has not enough room around the inner packet")]
    NoRoom,
}

/// A security association that seals. Used by reference from several threads, without a lock.
#[derive(Debug)]
pub struct OutboundSa {
    spi: u32,
    protection: Protection,
    numbers: SequenceNumbers,
    lifetime: Lifetime,
    /// The last number used, 0 before the first.
    sequence: AtomicU64,
    counters: Counters,
}

impl OutboundSa {
    /// An association that has sealed nothing yet. `spi` is the one that the peer chose.
    pub fn new(spi: u32, protection: Protection, numbers: SequenceNumbers) -> Self {
        Self::starting_after(spi, protection, numbers, 0)
    }

    /// An association whose numbers up to `sequence` were used, be it by another process or by a test.
    pub fn starting_after(spi: u32, protection: Protection, numbers: SequenceNumbers, sequence: u64) -> Self {
        let lifetime = Lifetime::of(protection.encryption(), numbers);
        let (sequence, counters) = (AtomicU64::new(sequence), Counters::default());
        Self { spi, protection, numbers, lifetime, sequence, counters }
    }

    /// The same, carrying no more than this.
    #[must_use]
    pub fn within(self, most: Traffic) -> Self {
        Self { lifetime: self.lifetime.within(most), ..self }
    }

    /// The SPI that packets begin with.
    pub fn spi(&self) -> u32 {
        self.spi
    }

    /// How many bits the sequence numbers have.
    pub fn numbers(&self) -> SequenceNumbers {
        self.numbers
    }

    /// Whether the association should be replaced, because it has carried half of what it may.
    pub fn is_worn(&self) -> bool {
        self.lifetime.is_worn(self.carried())
    }

    /// Whether it carries nothing more.
    pub fn is_over(&self) -> bool {
        self.lifetime.is_over(self.carried())
    }

    /// Sequence numbers that somebody else has used count as well.
    fn carried(&self) -> Traffic {
        Traffic { packets: self.sequence(), ..self.traffic() }
    }

    /// The last sequence number used, 0 before the first.
    pub fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Relaxed)
    }

    /// How many inner packets and bytes were sealed.
    pub fn traffic(&self) -> Traffic {
        self.counters.traffic()
    }

    /// Bytes that go before an inner packet: header and IV.
    pub fn headroom(&self) -> usize {
        HEADER_LEN + self.protection.iv_len()
    }

    /// Bytes that go after an inner packet of `inner_len` bytes: padding, trailer and ICV.
    pub fn tailroom(&self, inner_len: usize) -> usize {
        padding_len(inner_len, self.protection.block_len()) + TRAILER_LEN + self.protection.icv_len()
    }

    /// The length of the ESP packet of an inner packet of `inner_len` bytes.
    pub fn sealed_len(&self, inner_len: usize) -> usize {
        self.headroom() + inner_len + self.tailroom(inner_len)
    }

    /// The longest inner packet whose ESP packet has at most `sealed_len` bytes, 0 when there is none.
    pub fn inner_len(&self, sealed_len: usize) -> usize {
        let around = self.headroom() + self.protection.icv_len();
        let unit = self.protection.block_len().max(4);
        let whole = sealed_len.saturating_sub(around) / unit * unit;
        whole.saturating_sub(TRAILER_LEN)
    }

    /// Appends the ESP packet of `inner` to `out`. Allocates nothing when `out` has room for
    /// [`sealed_len`](Self::sealed_len) more bytes.
    ///
    /// # Errors
    ///
    /// [`SealError::SequenceExhausted`] or [`SealError::LifetimeOver`]; `out` is then as it was.
    pub fn seal(&self, inner: &[u8], next_header: u8, out: &mut Vec<u8>) -> Result<(), SealError> {
        let sequence = self.next_sequence()?;
        let start = out.len();
        let end = start + self.sealed_len(inner.len());
        let payload = start + self.headroom();
        out.reserve(end - start);
        out.resize(payload, 0);
        out.extend_from_slice(inner);
        out.resize(end, 0);
        self.finish(sequence, inner.len(), next_header, &mut out[start..]);
        Ok(())
    }

    /// Seals the packet at `inner` where it is in `buffer`, and says where the ESP packet then is:
    /// [`headroom`](Self::headroom) bytes before it to [`tailroom`](Self::tailroom) bytes after it.
    ///
    /// ```text
    /// buffer: | ... | headroom | inner | tailroom | ... |
    ///               |<------- ESP packet -------->|
    /// ```
    ///
    /// # Errors
    ///
    /// [`SealError::NoRoom`] when the buffer ends before one of the two does,
    /// [`SealError::SequenceExhausted`] and [`SealError::LifetimeOver`]; the buffer is then as it was.
    pub fn seal_in_place(
        &self,
        buffer: &mut [u8],
        inner: Range<usize>,
        next_header: u8,
    ) -> Result<Range<usize>, SealError> {
        let start = inner.start.checked_sub(self.headroom()).ok_or(SealError::NoRoom)?;
        let inner_len = inner.end.checked_sub(inner.start).ok_or(SealError::NoRoom)?;
        let end = inner.end.checked_add(self.tailroom(inner_len)).ok_or(SealError::NoRoom)?;
        let packet = buffer.get_mut(start..end).ok_or(SealError::NoRoom)?;
        let sequence = self.next_sequence()?;
        self.finish(sequence, inner_len, next_header, packet);
        Ok(start..end)
    }

    /// Writes all but the inner packet, which is already in its place in `packet`, and encrypts.
    fn finish(&self, sequence: u64, inner_len: usize, next_header: u8, packet: &mut [u8]) {
        packet[..HEADER_LEN].copy_from_slice(&header(self.spi, SequenceNumbers::low(sequence)));
        let pad_len = padding_len(inner_len, self.protection.block_len());
        let after = &mut packet[self.headroom() + inner_len..];
        after[..pad_len].copy_from_slice(&PADDING[..pad_len]);
        after[pad_len] = pad_len as u8;
        after[pad_len + 1] = next_header;
        self.protection.seal(HEADER_LEN, packet, sequence, self.numbers.extra(sequence));
        self.counters.count(inner_len);
    }

    /// Takes the next number, if the association may carry one packet more. It is compared and then swapped rather than added to, so that it cannot
    /// run over its end whoever else takes one.
    fn next_sequence(&self) -> Result<u64, SealError> {
        let last = self.numbers.last();
        if self.is_over() {
            let is_last = self.sequence() == last;
            return Err(if is_last { SealError::SequenceExhausted } else { SealError::LifetimeOver });
        }
        self.sequence
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| (used < last).then(|| used + 1))
            .map(|used| used + 1)
            .map_err(|_| SealError::SequenceExhausted)
    }
}
