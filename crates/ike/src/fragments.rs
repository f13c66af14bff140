//! Messages in fragments (RFC 7383): a message that is too long for one packet travels as several that are each encrypted and
//! authenticated, so that none is kept that is not from the peer.
//!
//! One message is put together at a time for each direction of an IKE SA: the next request, and the answer to our own. What was
//! collected is forgotten with the message, after a while, and when the peer begins with smaller fragments.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::message::MESSAGE_BYTES_MAX;

/// One fragment, decrypted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fragment {
    /// The type of the first payload of the message, in the first fragment; zero in the others.
    pub first: u8,
    /// From 1 on.
    pub number: u16,
    pub total: u16,
    pub plain: Vec<u8>,
}

/// The most fragments of one message.
const FRAGMENTS_MAX: u16 = 256;

/// What there is of one message.
#[derive(Default, Debug)]
pub(crate) struct Reassembly {
    id: u32,
    total: u16,
    fragments: BTreeMap<u16, Fragment>,
    bytes: usize,
    /// When the first fragment came.
    since: Duration,
}

/// What has become of a fragment.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Added {
    /// The message is whole: the type of its first payload, and all of them.
    Whole(u8, Vec<u8>),
    /// Others are missing.
    Kept,
    /// It says nothing new, or nothing that fits.
    Dropped,
}

impl Reassembly {
    /// How many bytes it keeps.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the first fragment of what is kept came.
    pub(crate) fn since(&self) -> Option<Duration> {
        (!self.fragments.is_empty()).then_some(self.since)
    }

    /// Takes a fragment of the message with this id. `room` is how many bytes more may be kept.
    pub(crate) fn add(&mut self, id: u32, fragment: Fragment, now: Duration, room: usize) -> Added {
        let fits = (1..=fragment.total).contains(&fragment.number) && fragment.total <= FRAGMENTS_MAX;
        // A message of fewer, larger fragments is an earlier attempt of the peer (2.6).
        if !fits || (self.id == id && fragment.total < self.total) {
            return Added::Dropped;
        }
        if self.id != id || fragment.total > self.total {
            self.clear();
            (self.id, self.total, self.since) = (id, fragment.total, now);
        }
        let known = self.fragments.contains_key(&fragment.number);
        let bytes = fragment.plain.len();
        if known || bytes > room || self.bytes + bytes > MESSAGE_BYTES_MAX {
            return Added::Dropped;
        }
        self.bytes += bytes;
        self.fragments.insert(fragment.number, fragment);
        if self.fragments.len() < usize::from(self.total) {
            return Added::Kept;
        }
        let first = self.fragments.get(&1).map_or(0, |fragment| fragment.first);
        let plain = self.fragments.values().flat_map(|fragment| &fragment.plain).copied().collect();
        self.clear();
        Added::Whole(first, plain)
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Reassembly::default();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Added, FRAGMENTS_MAX, Fragment, Reassembly};

    const ROOM: usize = 100_000;

    fn fragment(number: u16, total: u16) -> Fragment {
        Fragment { first: if number == 1 { 33 } else { 0 }, number, total, plain: vec![number as u8; 3] }
    }

    fn add(reassembly: &mut Reassembly, id: u32, number: u16, total: u16) -> Added {
        reassembly.add(id, fragment(number, total), Duration::ZERO, ROOM)
    }

    #[test]
    fn fragments_in_any_order_make_the_message_once() {
        let mut reassembly = Reassembly::default();
        for number in [3, 1, 3, 1] {
            let first_time = reassembly.bytes() < 6;
            let expected = if first_time { Added::Kept } else { Added::Dropped };
            assert_eq!(add(&mut reassembly, 7, number, 3), expected);
        }
        assert_eq!(add(&mut reassembly, 7, 2, 3), Added::Whole(33, vec![1, 1, 1, 2, 2, 2, 3, 3, 3]));
        assert_eq!((reassembly.bytes(), reassembly.since()), (0, None));
    }

    #[test]
    fn smaller_fragments_begin_anew_and_larger_ones_come_too_late() {
        let mut reassembly = Reassembly::default();
        assert_eq!(add(&mut reassembly, 7, 1, 3), Added::Kept);
        assert_eq!(add(&mut reassembly, 7, 2, 2), Added::Dropped);
        assert_eq!(add(&mut reassembly, 7, 4, 4), Added::Kept);
        assert_eq!(reassembly.bytes(), 3);
        assert_eq!(add(&mut reassembly, 8, 1, 2), Added::Kept, "the next message");
        assert_eq!(reassembly.bytes(), 3);
    }

    #[test]
    fn numbers_that_make_no_sense_are_dropped() {
        let mut reassembly = Reassembly::default();
        for (number, total) in [(0, 1), (0, 0), (1, 0), (3, 2), (1, FRAGMENTS_MAX + 1), (u16::MAX, u16::MAX)]
        {
            assert_eq!(add(&mut reassembly, 1, number, total), Added::Dropped, "{number} of {total}");
        }
        assert_eq!(reassembly.bytes(), 0);
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let mut reassembly = Reassembly::default();
        let long = |number| Fragment { plain: vec![0; 40_000], ..fragment(number, 3) };
        assert_eq!(reassembly.add(1, long(1), Duration::ZERO, 39_999), Added::Dropped);
        assert_eq!(reassembly.add(1, long(1), Duration::ZERO, ROOM), Added::Kept);
        assert_eq!(
            reassembly.add(1, long(2), Duration::ZERO, ROOM),
            Added::Dropped,
            "longer than any message"
        );
    }
}
