//! TCP's maximum segment size, lowered to what the tunnel takes (RFC 4459, 3.2). Hosts whose firewalls lose ICMP would
//! otherwise wait for ever for segments that are too long, so both SYNs of a connection are seen to, in both directions.

use crate::offload::u16_at;

const TCP: u8 = 6;
const TCP_HEADER: usize = 20;
const CHECKSUM_AT: usize = 16;
const SYN: u8 = 0x02;
/// The kinds of TCP options (RFC 9293, 3.2).
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;

/// Lowers the maximum segment size in an IPv4 packet to `most`, if it is a TCP SYN with a larger one.
pub fn clamp(packet: &mut [u8], most: u16) {
    let Some(header) = packet.first_chunk::<20>() else { return };
    let is_first = u16_at(header, 6) & 0x1fff == 0;
    if header[9] != TCP || !is_first {
        return;
    }
    let start = usize::from(header[0] & 0xf) * 4;
    let Some(tcp) = packet.get_mut(start..).filter(|tcp| tcp.len() >= TCP_HEADER) else { return };
    if tcp[13] & SYN == 0 {
        return;
    }
    let Some(at) = segment_size_at(tcp) else { return };
    let offered = u16_at(tcp, at);
    if offered > most {
        tcp[at..at + 2].copy_from_slice(&most.to_be_bytes());
        let sum = updated(u16_at(tcp, CHECKSUM_AT), at, offered, most);
        tcp[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Where the option's value is.
fn segment_size_at(tcp: &[u8]) -> Option<usize> {
    let end = (usize::from(tcp[12] >> 4) * 4).min(tcp.len());
    let mut at = TCP_HEADER;
    while at < end {
        let len = match tcp[at] {
            END => return None,
            NO_OPERATION => 1,
            _ => usize::from(*tcp.get(at + 1)?),
        };
        if tcp[at] == MAXIMUM_SEGMENT_SIZE {
            return (len == 4 && at + 4 <= end).then_some(at + 2);
        }
        // An option that claims to be shorter than its own header would be read for ever.
        if len == 0 || (len == 1 && tcp[at] != NO_OPERATION) {
            return None;
        }
        at += len;
    }
    None
}

/// The checksum after one of the words that it covers has changed (RFC 1624, 3). A word that begins at an odd place lies
/// across two words of the sum.
fn updated(sum: u16, at: usize, before: u16, after: u16) -> u16 {
    let in_place = |word: u16| if at.is_multiple_of(2) { word } else { word.swap_bytes() };
    let mut total = u32::from(!sum) + u32::from(!in_place(before)) + u32::from(in_place(after));
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

#[cfg(test)]
mod tests {
    use super::clamp;
    use crate::offload::u16_at;

    /// A packet with these options, its checksum right.
    fn syn(flags: u8, options: &[u8]) -> Vec<u8> {
        let len = 40 + options.len();
        let mut packet = vec![0x45, 0, (len >> 8) as u8, len as u8, 0, 1, 0x40, 0, 64, 6, 0, 0];
        packet.extend([10, 1, 0, 2, 10, 2, 0, 2]);
        packet.extend([0x30, 0x39, 0, 80, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0]);
        packet.extend([((20 + options.len()) / 4 * 16) as u8, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(options);
        let sum = !checksum(&packet);
        packet[36..38].copy_from_slice(&sum.to_be_bytes());
        packet
    }

    /// The sum over pseudo-header and segment; all ones if the checksum in it is right.
    fn checksum(packet: &[u8]) -> u16 {
        let tcp = &packet[20..];
        let padded = tcp.len().next_multiple_of(2);
        let words = packet[12..20].iter().chain(tcp).copied().collect::<Vec<u8>>();
        let mut words = words;
        words.resize(8 + padded, 0);
        let mut sum: u32 = 6 + tcp.len() as u32;
        sum += words.chunks(2).map(|word| u32::from(u16_at(word, 0))).sum::<u32>();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    const SYN: u8 = 0x02;
    const SYN_ACK: u8 = 0x12;

    #[test]
    fn a_syn_and_its_answer_offer_no_more_than_the_tunnel_takes_and_their_checksums_stay_right() {
        for flags in [SYN, SYN_ACK] {
            for options in [
                &[2_u8, 4, 5, 0xb4][..],
                &[1, 1, 2, 4, 5, 0xb4, 4, 2],
                // At an odd place.
                &[1, 2, 4, 5, 0xb4, 1, 1, 1],
                &[8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 0xff, 0xff, 1, 0],
            ] {
                for most in [1_360, 1_298, 536, 0] {
                    let mut packet = syn(flags, options);
                    clamp(&mut packet, most);
                    let at = packet.windows(2).skip(40).position(|it| it == [2, 4]).unwrap() + 40;
                    assert_eq!(u16_at(&packet, at + 2), most, "{options:?}");
                    assert_eq!(checksum(&packet), 0xffff, "{options:?} {most}");
                }
            }
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        let smaller = syn(SYN, &[2, 4, 2, 0x18]);
        let no_syn = syn(0x10, &[2, 4, 5, 0xb4]);
        let none = syn(SYN, &[1, 1, 1, 0]);
        let after_the_end = syn(SYN, &[0, 2, 4, 5, 0xb4, 0, 0, 0]);
        let endless = syn(SYN, &[3, 0, 2, 4, 5, 0xb4, 0, 0]);
        let cut_off = syn(SYN, &[1, 1, 2, 4]);
        let wrong_length = syn(SYN, &[2, 3, 5, 0xb4]);
        let mut later_fragment = syn(SYN, &[2, 4, 5, 0xb4]);
        later_fragment[7] = 1;
        let mut udp = syn(SYN, &[2, 4, 5, 0xb4]);
        udp[9] = 17;
        let all = [smaller, no_syn, none, after_the_end, endless, cut_off, wrong_length, later_fragment, udp];
        for packet in all {
            let mut clamped = packet.clone();
            clamp(&mut clamped, 1_000);
            assert_eq!(clamped, packet);
        }
    }

    #[test]
    fn no_truncation_of_a_packet_is_a_panic() {
        let whole = syn(SYN, &[1, 1, 2, 4, 5, 0xb4, 4, 2]);
        for len in 0..whole.len() {
            clamp(&mut whole[..len].to_vec(), 1_000);
            let mut longer_header = whole[..len].to_vec();
            longer_header.iter_mut().take(1).for_each(|first| *first = 0x4f);
            clamp(&mut longer_header, 1_000);
        }
    }
}
