//! Packets that wait to be overtaken.

use std::time::{Duration, Instant};

/// How many wait at once.
const WAITING_MAX: usize = 64;
/// How long one waits at the longest.
const WAIT_MAX: Duration = Duration::from_millis(30);

/// Those of one direction.
#[derive(Debug, Default)]
pub(super) struct Overtaken {
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    packet: Vec<u8>,
    /// How many have still to overtake it.
    still: u64,
    since: Instant,
}

impl Overtaken {
    /// Whether a packet and its duplicate can wait.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() + 2 <= WAITING_MAX
    }

    /// Has a packet wait for so many others.
    pub(super) fn hold(&mut self, packet: Vec<u8>, still: u64, now: Instant) {
        self.waiting.push(Waiting { packet, still, since: now });
    }

    /// A packet goes by: those that were overtaken often enough follow it.
    pub(super) fn overtake(&mut self) -> Vec<Vec<u8>> {
        self.waiting.iter_mut().for_each(|it| it.still = it.still.saturating_sub(1));
        self.release(|it| it.still == 0)
    }

    /// Those that have waited too long.
    pub(super) fn late(&mut self, now: Instant) -> Vec<Vec<u8>> {
        self.release(|it| now.saturating_duration_since(it.since) > WAIT_MAX)
    }

    fn release(&mut self, is_due: impl FnMut(&mut Waiting) -> bool) -> Vec<Vec<u8>> {
        self.waiting.extract_if(.., is_due).map(|it| it.packet).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Overtaken, WAIT_MAX, WAITING_MAX};

    #[test]
    fn a_packet_follows_when_enough_have_overtaken_it() {
        let (mut queue, now) = (Overtaken::default(), Instant::now());
        queue.hold(vec![1], 2, now);
        queue.hold(vec![2], 1, now);
        assert_eq!(queue.overtake(), [vec![2]]);
        assert_eq!(queue.overtake(), [vec![1]]);
        assert!(queue.overtake().is_empty());
    }

    #[test]
    fn a_packet_that_nothing_overtakes_goes_on_after_a_while() {
        let (mut queue, now) = (Overtaken::default(), Instant::now());
        queue.hold(vec![1], 2, now);
        assert!(queue.late(now + WAIT_MAX).is_empty());
        assert_eq!(queue.late(now + WAIT_MAX * 2), [vec![1]]);
    }

    #[test]
    fn only_so_many_wait() {
        let (mut queue, now) = (Overtaken::default(), Instant::now());
        while queue.has_room() {
            queue.hold(vec![0], 9, now);
        }
        assert!(queue.waiting.len() <= WAITING_MAX);
    }
}
