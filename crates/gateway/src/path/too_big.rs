//! What a host is told whose packet is too long for the tunnel and must not be fragmented: ICMP "fragmentation needed" with
//! the length that would pass (RFC 792, RFC 1191, 4; RFC 4301, 8.2). It goes back through the TUN device, and Linux routes it.

use crate::offload::{ICMP_HEADER, IP_HEADER, PROTOCOL_ICMP, u16_at};

const DESTINATION_UNREACHABLE: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;
/// Echo, timestamp and the like; all other ICMP messages are errors, and no error is told about an error (RFC 1122, 3.2.2).
const INQUIRIES: [u8; 8] = [0, 8, 9, 10, 13, 14, 15, 16];
/// A router tells as much of the packet as goes into this (RFC 1812, 4.3.2.3).
const ANSWER_MAX: usize = 576;
const HEADERS: usize = IP_HEADER + ICMP_HEADER;
/// Internetwork control (RFC 1812, 4.3.2.5).
const PRECEDENCE: u8 = 0xc0;
const TIME_TO_LIVE: u8 = 64;

/// How many answers may go out at once, and how many a second in the long run, from each worker of a TUN device.
const BURST: u64 = 64;
const PER_SECOND: u64 = 500;

/// An answer, written where it is.
pub struct Answer {
    bytes: [u8; ANSWER_MAX],
    len: usize,
}

/// Bounds how many answers are given.
#[derive(Default)]
pub struct Limiter {
    given: u64,
    since_ms: u64,
}

impl Limiter {
    /// Whether one more may be given now.
    pub fn permits(&mut self, now_ms: u64) -> bool {
        // The clock may be set back.
        self.since_ms = self.since_ms.min(now_ms);
        let recovered = now_ms.saturating_sub(self.since_ms) * PER_SECOND / 1_000;
        if recovered > 0 {
            self.given = self.given.saturating_sub(recovered);
            self.since_ms = now_ms;
        }
        let permits = self.given < BURST;
        self.given += u64::from(permits);
        permits
    }
}

impl Answer {
    /// The answer to whom `packet` is from: packets of `mtu` bytes pass. None if nobody may be told (RFC 1812, 4.3.2.7).
    ///
    /// It comes from where the packet was to go. An address of this machine would be a martian when it comes out of the TUN
    /// device, and hosts do not look at it.
    pub fn to(packet: &[u8], mtu: usize) -> Option<Self> {
        let header = packet.first_chunk::<IP_HEADER>()?;
        if !may_be_told(header, packet) {
            return None;
        }
        let quoted = &packet[..packet.len().min(ANSWER_MAX - HEADERS)];
        let (mut bytes, len) = ([0; ANSWER_MAX], HEADERS + quoted.len());
        bytes[HEADERS..len].copy_from_slice(quoted);
        let (ip, icmp) = bytes[..len].split_at_mut(IP_HEADER);
        (ip[0], ip[1], ip[8], ip[9]) = (0x45, PRECEDENCE, TIME_TO_LIVE, PROTOCOL_ICMP);
        ip[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        ip[12..16].copy_from_slice(&header[16..20]);
        ip[16..20].copy_from_slice(&header[12..16]);
        let sum = !tun_rs::checksum(ip, 0);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        (icmp[0], icmp[1]) = (DESTINATION_UNREACHABLE, FRAGMENTATION_NEEDED);
        icmp[6..8].copy_from_slice(&u16::try_from(mtu).unwrap_or(u16::MAX).to_be_bytes());
        let sum = !tun_rs::checksum(icmp, 0);
        icmp[2..4].copy_from_slice(&sum.to_be_bytes());
        Some(Self { bytes, len })
    }

    /// The IPv4 packet.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Not about a fragment but the first, nor about an error, nor from or to something that is no single host.
fn may_be_told(header: &[u8; IP_HEADER], packet: &[u8]) -> bool {
    let is_first = u16_at(header, 6) & 0x1fff == 0;
    let kind = packet.get(usize::from(header[0] & 0xf) * 4);
    let is_error = header[9] == PROTOCOL_ICMP && kind.is_none_or(|kind| !INQUIRIES.contains(kind));
    let is_host = |first: u8| !matches!(first, 0 | 127 | 224..);
    is_first && !is_error && is_host(header[12]) && is_host(header[16])
}

#[cfg(test)]
mod tests {
    use super::{Answer, BURST, Limiter, PER_SECOND};
    use crate::offload::u16_at;

    fn packet(protocol: u8, len: usize) -> Vec<u8> {
        let mut packet = vec![0x45, 0, (len >> 8) as u8, len as u8, 0, 1, 0x40, 0, 64, protocol, 0, 0];
        packet.extend([10, 1, 0, 2, 10, 2, 0, 3]);
        packet.resize(len, 8);
        packet
    }

    #[test]
    fn the_source_is_told_what_would_pass_and_of_which_packet() {
        let sent = packet(17, 1_400);
        let answer = Answer::to(&sent, 1_338).unwrap();
        let bytes = answer.as_bytes();
        assert_eq!((bytes.len(), usize::from(u16_at(bytes, 2))), (576, 576));
        assert_eq!((&bytes[12..16], &bytes[16..20]), (&[10, 2, 0, 3][..], &[10, 1, 0, 2][..]));
        assert_eq!((bytes[9], bytes[20], bytes[21], u16_at(bytes, 26)), (1, 3, 4, 1_338));
        assert_eq!(bytes[28..], sent[..548]);
        assert_eq!((tun_rs::checksum(&bytes[..20], 0), tun_rs::checksum(&bytes[20..], 0)), (0xffff, 0xffff));
    }

    #[test]
    fn an_inquiry_is_answered_and_an_error_is_not() {
        for kind in 0..=u8::MAX {
            let mut icmp = packet(1, 1_400);
            icmp[20] = kind;
            let is_inquiry = [0, 8, 9, 10, 13, 14, 15, 16].contains(&kind);
            assert_eq!(Answer::to(&icmp, 1_000).is_some(), is_inquiry, "{kind}");
        }
    }

    #[test]
    fn nobody_is_told_of_later_fragments_or_where_an_address_is_no_host() {
        let mut later = packet(17, 1_400);
        later[7] = 9;
        assert!(Answer::to(&later, 1_000).is_none());
        for (at, first) in [(12, 0), (12, 127), (12, 224), (12, 255), (16, 239), (16, 255)] {
            let mut odd = packet(17, 1_400);
            odd[at] = first;
            assert!(Answer::to(&odd, 1_000).is_none(), "{at} {first}");
        }
        for len in 0..20 {
            assert!(Answer::to(&packet(17, 1_400)[..len], 1_000).is_none());
        }
        assert!(Answer::to(&packet(1, 20), 1_000).is_none());
    }

    #[test]
    fn answers_are_bounded_and_recover() {
        let mut limiter = Limiter::default();
        let given =
            |limiter: &mut Limiter, now_ms| (0..1_000).filter(|_| limiter.permits(now_ms)).count() as u64;
        assert_eq!(given(&mut limiter, 1_000_000), BURST);
        assert_eq!(given(&mut limiter, 1_000_000), 0);
        assert_eq!(given(&mut limiter, 1_000_010), PER_SECOND / 100);
        // In steps so small that each alone recovers nothing.
        let slowly: u64 = (0..1_000).map(|ms| u64::from(limiter.permits(1_000_010 + ms))).sum();
        assert!((PER_SECOND - 2..=PER_SECOND).contains(&slowly), "{slowly}");
        assert_eq!(given(&mut limiter, 9_000_000), BURST);
    }
    #[test]
    fn a_clock_that_is_set_back_keeps_no_answers_back() {
        let mut limiter = Limiter::default();
        let given =
            |limiter: &mut Limiter, now_ms| (0..1_000).filter(|_| limiter.permits(now_ms)).count() as u64;
        assert_eq!(given(&mut limiter, 9_000_000), BURST);
        assert_eq!(given(&mut limiter, 1_000_000), 0, "no more are given for that");
        assert_eq!(given(&mut limiter, 1_001_000), BURST);
    }
}
