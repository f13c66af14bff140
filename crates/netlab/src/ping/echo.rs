//! ICMP echo messages (RFC 792).

use std::net::Ipv4Addr;

use crate::MARKER;

const ECHO_REPLY: u8 = 0;
const DESTINATION_UNREACHABLE: u8 = 3;
const ECHO_REQUEST: u8 = 8;

/// What a received packet means to a pinger.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Heard {
    Reply { sequence: u64 },
    Unreachable,
}

/// An echo request: its whole sequence number is in the payload, because the header's has 16 bits only.
pub(super) fn request(identifier: u16, sequence: u64, size: usize) -> Vec<u8> {
    let mut message = vec![ECHO_REQUEST, 0, 0, 0];
    message.extend(identifier.to_be_bytes());
    message.extend((sequence as u16).to_be_bytes());
    message.extend(sequence.to_be_bytes());
    message.extend(MARKER.iter().cycle().take(size.saturating_sub(8)));
    let sum = checksum(&message).to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    message
}

/// Reads an IPv4 packet: a reply of `target` to one of our requests, or a router's word that it cannot be reached.
pub(super) fn hear(packet: &[u8], target: Ipv4Addr, identifier: u16) -> Option<Heard> {
    let (source, icmp) = icmp_of(packet)?;
    match *icmp.first()? {
        ECHO_REPLY if source == target && identifier_of(icmp)? == identifier => {
            Some(Heard::Reply { sequence: u64::from_be_bytes(icmp.get(8..16)?.try_into().ok()?) })
        }
        DESTINATION_UNREACHABLE => {
            // RFC 792: the message quotes the packet that could not be delivered.
            let quoted = icmp.get(8..)?;
            let header = usize::from(quoted.first()? & 0x0f) * 4;
            (identifier_of(quoted.get(header..)?)? == identifier).then_some(Heard::Unreachable)
        }
        _ => None,
    }
}

fn identifier_of(icmp: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(icmp.get(4..6)?.try_into().ok()?))
}

fn icmp_of(packet: &[u8]) -> Option<(Ipv4Addr, &[u8])> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let source: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
    Some((Ipv4Addr::from(source), packet.get(header..)?))
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])))
        .fold(0, u32::wrapping_add);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{Heard, checksum, hear, request};

    const TARGET: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn packet(source: Ipv4Addr, icmp: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0];
        packet.extend(source.octets());
        packet.extend([10, 0, 0, 1]);
        packet.extend(icmp);
        packet
    }

    #[test]
    fn a_request_carries_a_valid_checksum() {
        assert_eq!(checksum(&request(7, 70_000, 57)), 0);
    }

    #[test]
    fn only_replies_of_the_target_to_our_own_requests_count() {
        let mut reply = request(7, 70_000, 56);
        reply[0] = 0;
        assert_eq!(hear(&packet(TARGET, &reply), TARGET, 7), Some(Heard::Reply { sequence: 70_000 }));
        assert_eq!(hear(&packet(TARGET, &reply), TARGET, 8), None);
        assert_eq!(hear(&packet(Ipv4Addr::new(10, 0, 0, 3), &reply), TARGET, 7), None);
    }

    #[test]
    fn a_router_that_cannot_deliver_is_heard() {
        let mut unreachable = vec![3, 0, 0, 0, 0, 0, 0, 0];
        unreachable.extend(packet(Ipv4Addr::new(10, 0, 0, 1), &request(7, 1, 56)));
        let router = Ipv4Addr::new(10, 0, 0, 254);
        assert_eq!(hear(&packet(router, &unreachable), TARGET, 7), Some(Heard::Unreachable));
        assert_eq!(hear(&packet(router, &unreachable), TARGET, 9), None);
    }

    #[test]
    fn a_truncated_packet_means_nothing() {
        let mut reply = request(7, 1, 56);
        reply[0] = 0;
        let whole = packet(TARGET, &reply);
        for length in 0..36 {
            assert_eq!(hear(&whole[..length], TARGET, 7), None, "{length} bytes");
        }
    }
}
