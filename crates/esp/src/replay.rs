//! The replay window (RFC 4303 section 3.4.3), as a ring of words (RFC 6479).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::drop_reason::DropReason;
use crate::sequence::SequenceNumbers;

const WORD_BITS: u64 = u64::BITS as u64;

/// Remembers which of the last sequence numbers were received.
///
/// Advancing the window clears whole words of the ring instead of shifting all of it (RFC 6479), so
/// one word is never wholly in the window.
///
/// Several threads use it at once: [`check`](Self::check) only reads and is a mere filter before the
/// work of authenticating; [`accept`](Self::accept) decides, one thread at a time.
pub struct ReplayWindow {
    numbers: SequenceNumbers,
    /// A power of two of them. Bit `n % 64` of word `n / 64 % len` says whether `n` was received.
    words: Box<[AtomicU64]>,
    /// The highest number received, 0 before the first. It is published after the words that it makes
    /// part of the window were cleared, so that nobody takes an old bit there for a new one.
    highest: AtomicU64,
    /// Held by whoever changes the words.
    changing: Mutex<()>,
}

impl ReplayWindow {
    /// The size of [`default`](Self::default): enough for links and for receivers of several queues
    /// that reorder by milliseconds at gigabits per second.
    pub const DEFAULT_SIZE: u32 = 4_032;

    /// A window over at least `size` numbers (at most 2^20), rounded up to what a ring of 2^n words covers.
    pub fn new(size: u32, numbers: SequenceNumbers) -> Self {
        let words = (u64::from(size.clamp(1, 1 << 20)).div_ceil(WORD_BITS) + 1).next_power_of_two();
        Self {
            numbers,
            words: (0..words).map(|_| AtomicU64::new(0)).collect(),
            highest: AtomicU64::new(0),
            changing: Mutex::new(()),
        }
    }

    /// How many numbers up to the highest one received are told apart; older ones are refused.
    pub fn size(&self) -> u32 {
        u32::try_from((self.words.len() as u64 - 1) * WORD_BITS).expect("at most 2^20, rounded up")
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
        let highest = self.highest();
        if sequence == 0 {
            return Err(DropReason::TooOld);
        }
        if sequence > highest {
            return Ok(());
        }
        if highest - sequence >= u64::from(self.size()) {
            return Err(DropReason::TooOld);
        }
        let received = self.word(sequence).load(Ordering::Relaxed) & bit(sequence) != 0;
        if received { Err(DropReason::Replayed) } else { Ok(()) }
    }

    /// Takes note of an authentic packet. Of several with the same number exactly one is accepted.
    ///
    /// # Errors
    ///
    /// [`DropReason::TooOld`] or [`DropReason::Replayed`].
    pub fn accept(&self, sequence: u64) -> Result<(), DropReason> {
        // Whoever panicked while holding it left the window as it should be, or a word cleared too
        // early, of which the numbers are too old.
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.check(sequence)?;
        let highest = self.highest();
        if sequence > highest {
            let first = highest / WORD_BITS + 1;
            let fresh = (sequence / WORD_BITS + 1).saturating_sub(first).min(self.words.len() as u64);
            for index in first..first + fresh {
                self.word(index * WORD_BITS).store(0, Ordering::Relaxed);
            }
        }
        let word = self.word(sequence);
        word.store(word.load(Ordering::Relaxed) | bit(sequence), Ordering::Relaxed);
        if sequence > highest {
            self.highest.store(sequence, Ordering::Release);
        }
        Ok(())
    }

    fn word(&self, sequence: u64) -> &AtomicU64 {
        let index = (sequence / WORD_BITS) & (self.words.len() as u64 - 1);
        &self.words[index as usize]
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

fn bit(sequence: u64) -> u64 {
    1 << (sequence % WORD_BITS)
}

#[cfg(test)]
mod tests;
