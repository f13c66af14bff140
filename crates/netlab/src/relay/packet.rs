//! An IPv4 packet whose addresses and ports are read and rewritten, with its checksums.

use std::net::Ipv4Addr;

const HEADER_BYTES_MIN: usize = 20;
const PROTOCOL_UDP: u8 = 17;
const UDP_HEADER_BYTES: usize = 8;

/// Which address of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Source,
    Destination,
}

/// A packet with a whole IPv4 header.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    bytes: &'a mut [u8],
    header_bytes: usize,
}

impl<'a> Packet<'a> {
    /// None when it is no IPv4 packet.
    pub(super) fn of(bytes: &'a mut [u8]) -> Option<Self> {
        let first = *bytes.first()?;
        let header_bytes = usize::from(first & 0x0f) * 4;
        let is_whole = first >> 4 == 4 && header_bytes >= HEADER_BYTES_MIN && bytes.len() >= header_bytes;
        is_whole.then_some(Self { bytes, header_bytes })
    }

    pub(super) fn protocol(&self) -> u8 {
        self.bytes[9]
    }

    pub(super) fn address(&self, end: End) -> Ipv4Addr {
        let at = address_at(end);
        Ipv4Addr::new(self.bytes[at], self.bytes[at + 1], self.bytes[at + 2], self.bytes[at + 3])
    }

    pub(super) fn set_address(&mut self, end: End, address: Ipv4Addr) {
        let at = address_at(end);
        self.bytes[at..at + 4].copy_from_slice(&address.octets());
    }

    /// Whether it is a part of a packet.
    pub(super) fn is_fragment(&self) -> bool {
        let word = u16::from_be_bytes([self.bytes[6], self.bytes[7]]);
        // More fragments, or an offset.
        word & 0x3fff != 0
    }

    /// The port of UDP; none for other protocols and for fragments.
    pub(super) fn port(&self, end: End) -> Option<u16> {
        let at = self.port_at(end)?;
        Some(u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]))
    }

    /// Sets the port of a packet that has one.
    pub(super) fn set_port(&mut self, end: End, port: u16) {
        if let Some(at) = self.port_at(end) {
            self.bytes[at..at + 2].copy_from_slice(&port.to_be_bytes());
        }
    }

    fn port_at(&self, end: End) -> Option<usize> {
        let at = self.header_bytes + if end == End::Source { 0 } else { 2 };
        self.is_whole_udp().then_some(at)
    }

    fn is_whole_udp(&self) -> bool {
        let enough = self.bytes.len() >= self.header_bytes + UDP_HEADER_BYTES;
        self.protocol() == PROTOCOL_UDP && !self.is_fragment() && enough
    }

    /// What is behind the headers that are read here.
    pub(super) fn payload(&mut self) -> &mut [u8] {
        let header = self.header_bytes + if self.is_whole_udp() { UDP_HEADER_BYTES } else { 0 };
        &mut self.bytes[header..]
    }

    /// Makes the checksums fit what was rewritten.
    pub(super) fn seal(&mut self) {
        self.bytes[10..12].fill(0);
        let sum = checksum(&[&self.bytes[..self.header_bytes]], 0);
        self.bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        if !self.is_whole_udp() {
            return;
        }
        let at = self.header_bytes + 6;
        if self.bytes[at..at + 2] == [0, 0] {
            return; // the sender did without one
        }
        self.bytes[at..at + 2].fill(0);
        let (addresses, segment) = (&self.bytes[12..20], &self.bytes[self.header_bytes..]);
        // The rest of the pseudo header.
        let beside = u32::from(PROTOCOL_UDP) + segment.len() as u32;
        let sum = match checksum(&[addresses, segment], beside) {
            0 => 0xffff,
            sum => sum,
        };
        self.bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

fn address_at(end: End) -> usize {
    if end == End::Source { 12 } else { 16 }
}

/// RFC 1071, beginning with a sum. Only the last part may have an odd length.
fn checksum(parts: &[&[u8]], beside: u32) -> u16 {
    let mut sum = beside;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4};

    use super::{End, Packet, checksum};

    /// A UDP packet, its checksums right.
    pub(in crate::relay) fn udp(source: &str, destination: &str, payload: &[u8]) -> Vec<u8> {
        let [source, destination] = [source, destination].map(|it| it.parse::<SocketAddrV4>().unwrap());
        let mut bytes = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0];
        bytes.extend(source.ip().octets());
        bytes.extend(destination.ip().octets());
        bytes.extend(source.port().to_be_bytes());
        bytes.extend(destination.port().to_be_bytes());
        bytes.extend((8 + payload.len() as u16).to_be_bytes());
        bytes.extend([0xff, 0xff]);
        bytes.extend(payload);
        let length = bytes.len() as u16;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        Packet::of(&mut bytes).unwrap().seal();
        bytes
    }

    #[test]
    fn checksums_fit_after_addresses_and_ports_were_rewritten() {
        let mut bytes = udp("192.0.2.1:500", "198.51.100.9:4500", b"odd");
        let mut packet = Packet::of(&mut bytes).unwrap();
        packet.set_address(End::Source, Ipv4Addr::new(203, 0, 113, 7));
        packet.set_port(End::Destination, 10_001);
        packet.seal();
        assert_eq!(packet.address(End::Source), Ipv4Addr::new(203, 0, 113, 7));
        assert_eq!((packet.port(End::Source), packet.port(End::Destination)), (Some(500), Some(10_001)));
        // A sum over what contains its own checksum is zero.
        assert_eq!(checksum(&[&bytes[..20]], 0), 0);
        assert_eq!(checksum(&[&bytes[12..]], 17 + 11), 0);
    }

    #[test]
    fn what_is_no_packet_is_none() {
        for mut bytes in [vec![], vec![0x45; 19], vec![0x60; 40], vec![0x44; 40], vec![0x4f; 40]] {
            assert!(Packet::of(&mut bytes).is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn a_fragment_and_a_packet_cut_short_have_no_ports() {
        let mut bytes = udp("192.0.2.1:500", "198.51.100.9:500", b"x");
        bytes[6] = 0x20; // more fragments
        assert_eq!(Packet::of(&mut bytes).unwrap().port(End::Source), None);
        bytes[6] = 0;
        bytes.truncate(24);
        let mut packet = Packet::of(&mut bytes).unwrap();
        assert_eq!(packet.port(End::Source), None);
        packet.seal();
    }
}
