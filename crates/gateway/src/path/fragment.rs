//! Fragments of inner packets that are too long for the tunnel and may be fragmented (RFC 791, 3.2).
//!
//! They are made before they are sealed, not after: the host behind the peer puts them together, so that neither gateway
//! keeps parts of packets that it cannot authenticate yet, and no translator or firewall on the way meets fragments of UDP
//! (RFC 4301, 8.2.1 leaves the choice).

use crate::offload::{IP_HEADER, u16_at};

/// An IPv4 header at its longest.
const HEADER_MAX: usize = 60;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;
/// Options with this bit are in every fragment.
const COPIED: u8 = 0x80;

/// Whether a packet must not be fragmented.
pub fn is_forbidden(packet: &[u8]) -> bool {
    packet.get(6).is_some_and(|flags| flags & 0x40 != 0)
}

/// Calls `take` with the header and the payload of each fragment, none longer than `mtu`. False if the packet is not one, or
/// if `mtu` has no room for its header.
pub fn fragment(packet: &[u8], mtu: usize, mut take: impl FnMut(&[u8], &[u8])) -> bool {
    let header_len = packet.first().map_or(0, |first| usize::from(first & 0xf) * 4);
    if header_len < IP_HEADER || packet.len() <= header_len || mtu < header_len + 8 {
        return false;
    }
    let (first, payload) = packet.split_at(header_len);
    let (mut header, mut header_len) = ([0; HEADER_MAX], header_len);
    header[..header_len].copy_from_slice(first);
    let before = u16_at(first, 6);
    let mut rest = payload;
    let mut offset = before & OFFSET;
    while !rest.is_empty() {
        let room = mtu - header_len;
        let is_last = rest.len() <= room;
        let (piece, after) = rest.split_at(if is_last { rest.len() } else { room / 8 * 8 });
        let more = if is_last { before & MORE_FRAGMENTS } else { MORE_FRAGMENTS };
        let Some(end) = offset.checked_add((piece.len() / 8) as u16).filter(|end| *end <= OFFSET + 1) else {
            return false;
        };
        finish(&mut header[..header_len], piece.len(), more | offset);
        take(&header[..header_len], piece);
        if offset == before & OFFSET {
            header_len = keep_copied(&mut header, header_len);
        }
        (rest, offset) = (after, end);
    }
    true
}

fn finish(header: &mut [u8], payload: usize, fragmentation: u16) {
    let total = (header.len() + payload) as u16;
    header[0] = 0x40 | (header.len() / 4) as u8;
    header[2..4].copy_from_slice(&total.to_be_bytes());
    header[6..8].copy_from_slice(&fragmentation.to_be_bytes());
    header[10..12].fill(0);
    let sum = !tun_rs::checksum(header, 0);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// Leaves out the options that only the first fragment has, and says how long the header is then.
fn keep_copied(header: &mut [u8; HEADER_MAX], len: usize) -> usize {
    let options = *header;
    let (mut at, mut kept) = (IP_HEADER, IP_HEADER);
    while at < len {
        let kind = options[at];
        let option_len = match kind {
            0 => break,
            1 => 1,
            _ => options.get(at + 1).map_or(0, |len| usize::from(*len)),
        };
        if option_len == 0 || at + option_len > len {
            break;
        }
        if kind & COPIED != 0 {
            header[kept..kept + option_len].copy_from_slice(&options[at..at + option_len]);
            kept += option_len;
        }
        at += option_len;
    }
    let padded = kept.next_multiple_of(4);
    header[kept..padded].fill(0);
    padded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    use super::{fragment, is_forbidden};
    use crate::offload::u16_at;

    fn packet(flags_and_offset: u16, options: &[u8], payload: usize) -> Vec<u8> {
        let header = 20 + options.len();
        let mut packet = vec![0x40 | (header / 4) as u8, 7];
        packet.extend(((header + payload) as u16).to_be_bytes());
        packet.extend([0x12, 0x34]);
        packet.extend(flags_and_offset.to_be_bytes());
        packet.extend([63, 17, 0, 0, 10, 1, 0, 2, 10, 2, 0, 2]);
        packet.extend(options);
        packet.extend((0..payload).map(|at| (at * 7 % 251) as u8));
        packet
    }

    fn fragments(packet: &[u8], mtu: usize) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        assert!(fragment(packet, mtu, |header, payload| all.push([header, payload].concat())));
        all
    }

    #[test]
    fn a_packet_comes_apart_into_fragments_that_fit() {
        let all = fragments(&packet(0, &[], 1_400), 576);
        let seen: Vec<_> = all.iter().map(|it| (it.len(), u16_at(it, 6))).collect();
        assert_eq!(seen, [(572, 0x2000), (572, 0x2000 + 69), (316, 138)]);
        for it in &all {
            assert_eq!((usize::from(u16_at(it, 2)), u16_at(it, 4), it[8], it[9]), (it.len(), 0x1234, 63, 17));
            assert_eq!(tun_rs::checksum(&it[..20], 0), 0xffff, "the header's checksum is right");
        }
    }

    #[test]
    fn a_fragment_comes_apart_where_it_was() {
        let all = fragments(&packet(0x2000 + 100, &[], 1_000), 576);
        let seen: Vec<_> = all.iter().map(|it| u16_at(it, 6)).collect();
        assert_eq!(seen, [0x2000 + 100, 0x2000 + 169], "and is not the last one of its packet");
    }

    #[test]
    fn options_for_every_fragment_are_in_every_fragment_and_others_in_the_first() {
        // Record route, which is not copied, and router alert, which is.
        let options = [7, 3, 4, 1, 148, 4, 0, 0];
        let all = fragments(&packet(0, &options, 900), 400);
        assert_eq!(all[0][20..28], options);
        for it in &all[1..] {
            assert_eq!((it[0], &it[20..24]), (0x46, &[148, 4, 0, 0][..]));
        }
    }

    #[test]
    fn what_cannot_be_taken_apart_is_left_alone() {
        let none = |packet: &[u8], mtu| !fragment(packet, mtu, |_, _| {});
        assert!(none(&[], 576));
        assert!(none(&[0x45; 20], 576));
        assert!(none(&[0x41; 40], 576));
        assert!(none(&packet(0, &[], 100), 24));
        assert!(none(&packet(0x1fff, &[], 1_400), 576), "it would reach beyond 65,535 bytes");
        assert!(is_forbidden(&packet(0x4000, &[], 1)) && !is_forbidden(&packet(0x2000, &[], 1)));
    }

    proptest! {
        #[test]
        fn put_together_the_fragments_are_the_packet(
            payload in 1_usize..9_000,
            mtu in 88_usize..3_000,
            offset in 0_u16..1_000,
            more in any::<bool>(),
            options in prop::sample::select(vec![vec![], vec![148, 4, 0, 0], vec![1, 1, 1, 0], vec![7, 39, 4]]),
        ) {
            let mut options = options;
            options.resize(options.len().next_multiple_of(4), 0);
            let whole = packet(offset + if more { 0x2000 } else { 0 }, &options, payload);
            let mut together = Vec::new();
            let all = fragments(&whole, mtu);
            for (at, it) in all.iter().enumerate() {
                let header = usize::from(it[0] & 0xf) * 4;
                prop_assert!(it.len() <= mtu && usize::from(u16_at(it, 2)) == it.len());
                let here = u16_at(it, 6);
                prop_assert_eq!(usize::from((here & 0x1fff) - offset) * 8, together.len());
                prop_assert_eq!(here & 0x2000 != 0, more || at + 1 < all.len());
                together.extend_from_slice(&it[header..]);
            }
            prop_assert_eq!(&together[..], &whole[20 + options.len()..]);
        }

        #[test]
        fn no_packet_is_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), mtu in 0_usize..200) {
            fragment(&bytes, mtu, |_, _| {});
        }
    }
}
