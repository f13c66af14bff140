//! The replay window (RFC 4303 section 3.4.3), as a ring of words (RFC 6479) that threads share without a lock.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::drop_reason::DropReason;
use crate::sequence::SequenceNumbers;

/// How many numbers one word of the ring tells apart: the other half of its bits say in which round of the ring it is.
const WORD_NUMBERS: u64 = 32;

/// Remembers which of the last sequence numbers were received.
///
/// Number `n` belongs to word `n / 32` of an endless row, which is kept in place `n / 32 % len` of the ring. A place says for which
/// round its bits are, so that advancing the window clears nothing (RFC 6479 clears whole words): a place of an earlier round is
/// an empty one. One word is never wholly in the window.
///
/// Several threads use it at once: [`check`](Self::check) only reads and is a mere filter before the work of authenticating;
/// [`accept`](Self::accept) decides. Whoever brings a higher number publishes it first and then takes the place in the ring, so
/// that whoever finds a place taken by a later round also finds that its own number is too old.
pub struct ReplayWindow {
    numbers: SequenceNumbers,
    /// A power of two of them: the low 32 bits of the round, and a bit for each number. A place would have to be passed over for
    /// 2^32 rounds to be taken for one of this round, which is more packets than an association may carry.
    words: Box<[AtomicU64]>,
    /// The highest number received, 0 before the first.
    highest: AtomicU64,
}

impl ReplayWindow {
    /// The size of [`default`](Self::default): enough for links, and for senders and receivers of several
    /// queues, that reorder by milliseconds at gigabits per second (RFC 4303 section 3.4.3 asks for 64).
    /// It is all that a ring of 256 words, 2 KiB, tells apart.
    pub const DEFAULT_SIZE: u32 = 8_160;

    /// A window over at least `size` numbers (64 at least and 2^20 at most), rounded up to what a ring of 2^n words covers.
    pub fn new(size: u32, numbers: SequenceNumbers) -> Self {
        let words = (u64::from(size.clamp(64, 1 << 20)).div_ceil(WORD_NUMBERS) + 1).next_power_of_two();
        let words = (0..words).map(|_| AtomicU64::new(0)).collect();
        Self { numbers, words, highest: AtomicU64::new(0) }
    }

    /// How many numbers up to the highest one received are told apart; older ones are refused.
    pub fn size(&self) -> u32 {
        u32::try_from((self.words.len() as u64 - 1) * WORD_NUMBERS).expect("at most 2^20, rounded up")
    }

    /// How many bits the sequence numbers have.
    pub fn numbers(&self) -> SequenceNumbers {
        self.numbers
    }

    /// The highest number accepted, 0 before the first.
    pub fn highest(&self) -> u64 {
        self.highest.load(Ordering::Acquire)
    }

    /// The whole number of which a packet carries `low`; `None` when there is no such number.
    pub(crate) fn whole(&self, low: u32) -> Option<u64> {
        self.numbers.whole(low, self.highest(), self.size())
    }

    /// Whether a packet with this number is worth authenticating.
    ///
    /// # Errors
    ///
    /// [`DropReason::TooOld`] or [`DropReason::Replayed`].
    pub fn check(&self, sequence: u64) -> Result<(), DropReason> {
        self.check_age(sequence, self.highest())?;
        let (place, round) = self.place(sequence);
        let word = place.load(Ordering::Acquire);
        if round_of(word) == round && word & bit(sequence) != 0 { Err(DropReason::Replayed) } else { Ok(()) }
    }

    /// Takes note of an authentic packet. Of several with the same number exactly one is accepted.
    ///
    /// # Errors
    ///
    /// [`DropReason::TooOld`] or [`DropReason::Replayed`].
    pub fn accept(&self, sequence: u64) -> Result<(), DropReason> {
        self.check_age(sequence, self.highest.fetch_max(sequence, Ordering::AcqRel))?;
        let (place, round) = self.place(sequence);
        let mut word = place.load(Ordering::Acquire);
        loop {
            let noted = if round_of(word) == round {
                if word & bit(sequence) != 0 {
                    return Err(DropReason::Replayed);
                }
                word | bit(sequence)
            } else {
                // An earlier round, of which nothing is needed any more; or a later one, and the number has become too old.
                self.check_age(sequence, self.highest())?;
                (round << WORD_NUMBERS) | bit(sequence)
            };
            match place.compare_exchange_weak(word, noted, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(found) => word = found,
            }
        }
    }

    fn check_age(&self, sequence: u64, highest: u64) -> Result<(), DropReason> {
        let is_too_old = sequence == 0 || highest.saturating_sub(sequence) >= u64::from(self.size());
        if is_too_old { Err(DropReason::TooOld) } else { Ok(()) }
    }

    /// Where a number is noted, and in which round, of which the low 32 bits count.
    fn place(&self, sequence: u64) -> (&AtomicU64, u64) {
        let (word, words) = (sequence / WORD_NUMBERS, self.words.len() as u64);
        (&self.words[(word % words) as usize], (word / words) & u64::from(u32::MAX))
    }
}

impl Default for ReplayWindow {
    fn default() -> Self {
        Self::new(Self::DEFAULT_SIZE, SequenceNumbers::Standard)
    }
}

impl fmt::Debug for ReplayWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayWindow")
            .field("size", &self.size())
            .field("numbers", &self.numbers)
            .field("highest", &self.highest())
            .finish_non_exhaustive()
    }
}

/// The bit of a number in its word.
fn bit(sequence: u64) -> u64 {
    1 << (sequence % WORD_NUMBERS)
}

/// The round that a word is of.
fn round_of(word: u64) -> u64 {
    word >> WORD_NUMBERS
}

#[cfg(test)]
mod tests;
