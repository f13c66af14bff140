//! Sequence numbers of 32 and of 64 bits (RFC 4303 section 2.2).

/// How many bits of sequence number both sides count.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum SequenceNumbers {
    /// 32 bits, all of them sent.
    #[default]
    Standard,
    /// 64 bits, of which the low 32 are sent and the high 32 are authenticated only ("ESN").
    Extended,
}

impl SequenceNumbers {
    /// The last number, after which the association must be replaced.
    pub const fn last(self) -> u64 {
        match self {
            Self::Standard => u32::MAX as u64,
            Self::Extended => u64::MAX,
        }
    }

    /// What is sent of a number.
    pub(crate) const fn low(sequence: u64) -> u32 {
        (sequence & u32::MAX as u64) as u32
    }

    /// What is authenticated of a number beside what is sent.
    pub(crate) const fn extra(self, sequence: u64) -> Option<u32> {
        match self {
            Self::Standard => None,
            Self::Extended => Some((sequence >> 32) as u32),
        }
    }

    /// The whole number of which `low` was sent, when `highest` is the highest received so far and the
    /// replay window is `window` wide. `None` when it would lie before the first or after the last.
    ///
    /// RFC 4303 appendix A2.2. A sender who gets 2^32 packets ahead unheard is lost (appendix A3); the
    /// liveness check then makes new associations.
    pub(crate) fn whole(self, low: u32, highest: u64, window: u32) -> Option<u64> {
        if self == Self::Standard {
            return Some(u64::from(low));
        }
        let (highest_high, highest_low) = ((highest >> 32) as u32, Self::low(highest));
        let bottom = highest_low.wrapping_sub(window - 1);
        let window_in_one_subspace = highest_low >= window - 1;
        let high = match (window_in_one_subspace, low >= bottom) {
            (true, true) | (false, false) => highest_high,
            (true, false) => highest_high.checked_add(1)?,
            (false, true) => highest_high.checked_sub(1)?,
        };
        Some(u64::from(high) << 32 | u64::from(low))
    }
}

#[cfg(test)]
mod tests {
    use super::SequenceNumbers::{Extended, Standard};

    const WINDOW: u32 = 64;

    #[test]
    fn a_standard_number_is_what_was_sent() {
        assert_eq!(Standard.whole(7, 1 << 31, WINDOW), Some(7));
        assert_eq!(Standard.whole(u32::MAX, 0, WINDOW), Some(u64::from(u32::MAX)));
        assert_eq!(Standard.extra(7), None);
        assert_eq!(Extended.extra(7 << 32), Some(7));
    }

    /// Case A of appendix A2.1: the window lies within one subspace.
    #[test]
    fn a_number_left_of_a_whole_window_is_one_subspace_on() {
        let highest = 5 << 32 | 1_000;
        assert_eq!(Extended.whole(1_000, highest, WINDOW), Some(highest));
        assert_eq!(Extended.whole(1_001, highest, WINDOW), Some(highest + 1));
        assert_eq!(Extended.whole(u32::MAX, highest, WINDOW), Some(5 << 32 | u64::from(u32::MAX)));
        assert_eq!(Extended.whole(1_000 - 63, highest, WINDOW), Some(highest - 63));
        assert_eq!(Extended.whole(1_000 - 64, highest, WINDOW), Some(6 << 32 | 936));
        assert_eq!(Extended.whole(0, highest, WINDOW), Some(6 << 32));
    }

    /// Case B of appendix A2.1: the window spans two subspaces.
    #[test]
    fn a_number_right_of_a_split_window_is_one_subspace_back() {
        let highest = 5 << 32 | 10;
        assert_eq!(Extended.whole(10, highest, WINDOW), Some(highest));
        assert_eq!(Extended.whole(0, highest, WINDOW), Some(5 << 32));
        assert_eq!(Extended.whole(u32::MAX, highest, WINDOW), Some(4 << 32 | u64::from(u32::MAX)));
        assert_eq!(Extended.whole(11, highest, WINDOW), Some(highest + 1));
        assert_eq!(Extended.whole(u32::MAX - 52, highest, WINDOW), Some(highest - 63));
        assert_eq!(Extended.whole(u32::MAX - 53, highest, WINDOW), Some(5 << 32 | u64::from(u32::MAX - 53)));
    }

    #[test]
    fn there_is_no_number_before_the_first_nor_after_the_last() {
        assert_eq!(Extended.whole(u32::MAX, 0, WINDOW), None);
        assert_eq!(Extended.whole(1, 0, WINDOW), Some(1));
        let last = u64::MAX;
        assert_eq!(Extended.whole(u32::MAX, last, WINDOW), Some(last));
        assert_eq!(Extended.whole(0, last, WINDOW), None);
    }

    #[test]
    fn every_number_within_the_window_or_within_two_billion_after_it_is_found() {
        for highest in
            [63_u64, 64, 1 << 32, (1 << 32) - 1, (1 << 32) + 62, (1 << 32) + 63, 7 << 32 | 5, 1 << 63]
        {
            let offsets = [-63_i64, -62, -1, 0, 1, 2, 1_000, 1 << 31];
            for sequence in offsets.map(|offset| highest.checked_add_signed(offset).unwrap()) {
                let low = super::SequenceNumbers::low(sequence);
                assert_eq!(Extended.whole(low, highest, WINDOW), Some(sequence), "{highest} {sequence}");
            }
        }
    }
}
