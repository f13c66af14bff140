//! Groups and packets are two forms of the same thing: each is made of the other, and nothing is joined that differs.

use std::io::IoSlice;

use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
use proptest::sample::Index;

use super::join::Joiner;
use super::split::{Group, SplitError};
use super::{
    GSO_NONE, GSO_TCPV4, GSO_UDP_L4, NEEDS_CSUM, VirtioHeader, folded, pseudo_sum, write_ip_checksum,
};

/// What a test says of a packet; the rest is filled in right.
#[derive(Clone, Debug)]
struct Segment {
    protocol: u8,
    port: u16,
    sequence: u32,
    flags: u8,
    payload: Vec<u8>,
}

impl Segment {
    fn tcp(port: u16, sequence: u32, payload: &[u8]) -> Self {
        Self { protocol: 6, port, sequence, flags: super::ACK, payload: payload.to_vec() }
    }

    fn udp(port: u16, payload: &[u8]) -> Self {
        Self { protocol: 17, port, sequence: 0, flags: 0, payload: payload.to_vec() }
    }

    /// With a TCP header of 32 bytes, as Linux sends them with timestamps.
    fn packet(&self) -> Vec<u8> {
        let header = if self.protocol == 6 { 52 } else { 28 };
        let mut packet = vec![0; header];
        packet.extend_from_slice(&self.payload);
        let len = packet.len();
        packet[0] = 0x45;
        packet[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        packet[6] = 0x40;
        packet[8] = 64;
        packet[9] = self.protocol;
        packet[12..20].copy_from_slice(&[10, 1, 0, 1, 10, 2, 0, 1]);
        packet[20..22].copy_from_slice(&self.port.to_be_bytes());
        packet[22..24].copy_from_slice(&443_u16.to_be_bytes());
        let at = if self.protocol == 6 {
            packet[24..28].copy_from_slice(&self.sequence.to_be_bytes());
            packet[32] = 8 << 4;
            packet[33] = self.flags;
            packet[34..36].copy_from_slice(&512_u16.to_be_bytes());
            packet[40..52].copy_from_slice(&[1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9]);
            36
        } else {
            packet[24..26].copy_from_slice(&((len - 20) as u16).to_be_bytes());
            26
        };
        write_ip_checksum(&mut packet);
        let sum =
            !folded(tun_rs::checksum_no_fold(&packet[20..], pseudo_sum(&packet, self.protocol, len - 20)));
        let sum = if sum == 0 && self.protocol == 17 { 0xffff } else { sum };
        packet[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        packet
    }
}

/// What the device is given for these packets.
fn joined(packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut storage = packets.concat();
    let mut joiner = Joiner::default();
    let mut start = 0;
    for packet in packets {
        joiner.push(&storage, start..start + packet.len());
        start += packet.len();
    }
    let mut written = Vec::new();
    let write = |pieces: &[IoSlice<'_>]| {
        written.push(pieces.iter().flat_map(|piece| piece.iter().copied()).collect::<Vec<u8>>());
        Ok(0)
    };
    joiner.write(&mut storage, write).unwrap();
    joiner.write(&mut storage, |_| panic!("everything was written")).unwrap();
    written
}

/// The packets of what a device gives.
fn split(given: &[u8]) -> Vec<Vec<u8>> {
    let mut given = given.to_vec();
    let group = Group::read(&mut given).unwrap();
    let packet = |number| {
        let mut out = Vec::new();
        group.append_segment(number, &mut out);
        assert_eq!(out.len(), group.segment_len(number));
        out
    };
    (0..group.segments()).map(packet).collect()
}

fn header_of(written: &[u8]) -> VirtioHeader {
    VirtioHeader::decode(written.first_chunk().unwrap())
}

/// The packets without their IPv4 id and header checksum: those of a group are numbered anew.
fn without_ids(packets: impl IntoIterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let clear = |mut packet: Vec<u8>| {
        packet[4..6].fill(0);
        packet[10..12].fill(0);
        packet
    };
    packets.into_iter().map(clear).collect()
}

/// A stream of TCP, cut into segments of `size`.
fn tcp_stream(port: u16, bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    let sequence = u32::MAX - 100;
    let segment = |(number, part): (usize, &[u8])| {
        Segment::tcp(port, sequence.wrapping_add((number * size) as u32), part).packet()
    };
    bytes.chunks(size).enumerate().map(segment).collect()
}

#[test]
fn segments_that_follow_each_other_become_one_group_and_again_the_same_segments() {
    let packets = tcp_stream(1, &[7; 5_000], 1_300);
    let written = joined(&packets);
    assert_eq!(written.len(), 1);
    let header = header_of(&written[0]);
    assert_eq!((header.gso_type, header.gso_size, header.flags), (GSO_TCPV4, 1_300, NEEDS_CSUM));
    assert_eq!((header.hdr_len, header.csum_start, header.csum_offset), (52, 20, 16));
    let mut again = split(&written[0]);
    // The shorter last one closed the group, which pushes it.
    let last = again.last_mut().unwrap();
    assert_eq!(last[33] & super::PSH, super::PSH);
    *last =
        Segment { flags: super::ACK, ..Segment::tcp(1, (u32::MAX - 100).wrapping_add(3_900), &[7; 1_100]) }
            .packet();
    assert_eq!(without_ids(again), without_ids(packets));
}

#[test]
fn datagrams_of_one_length_become_one_group_and_a_shorter_one_ends_it() {
    let datagram = |len: usize| Segment::udp(5, &vec![3; len]).packet();
    let written = joined(&[datagram(100), datagram(100), datagram(40), datagram(100)]);
    assert_eq!(written.len(), 2);
    assert_eq!(header_of(&written[0]).gso_type, GSO_UDP_L4);
    assert_eq!(without_ids(split(&written[0])), without_ids([datagram(100), datagram(100), datagram(40)]));
    assert_eq!(header_of(&written[1]).gso_type, GSO_NONE);
}

#[test]
fn streams_may_interleave_and_keep_their_order() {
    let (a, b) = (tcp_stream(1, &[1; 2_600], 1_300), tcp_stream(2, &[2; 2_600], 1_300));
    let written = joined(&[a[0].clone(), b[0].clone(), a[1].clone(), b[1].clone()]);
    assert_eq!(written.len(), 2);
    assert_eq!(without_ids(split(&written[0])), without_ids(a));
    assert_eq!(without_ids(split(&written[1])), without_ids(b));
}

#[test]
fn a_packet_that_differs_is_not_joined() {
    let first = Segment::tcp(1, 1_000, &[1; 500]);
    let next = Segment::tcp(1, 1_500, &[1; 500]);
    assert_eq!(joined(&[first.packet(), next.packet()]).len(), 1, "these two are joined");
    let gap = Segment { sequence: 1_501, ..next.clone() };
    let longer = Segment { payload: vec![1; 501], ..next.clone() };
    let finished = Segment { flags: super::ACK | super::FIN, ..next.clone() };
    let empty = Segment { payload: Vec::new(), ..next.clone() };
    for other in [gap, longer, finished, empty] {
        assert_eq!(joined(&[first.packet(), other.packet()]).len(), 2, "{other:?}");
    }
    // Everything of the header that a group has only once: where, and another value.
    for at in [1, 6, 8, 31, 35, 39, 47] {
        let mut other = next.packet();
        other[at] ^= 0x20;
        write_ip_checksum(&mut other);
        other[36..38].fill(0);
        let sum = !folded(tun_rs::checksum_no_fold(&other[20..], pseudo_sum(&other, 6, other.len() - 20)));
        other[36..38].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(joined(&[first.packet(), other]).len(), 2, "byte {at}");
    }
}

#[test]
fn where_fragmenting_is_allowed_the_ids_must_follow_each_other_and_stay_what_they_are() {
    let numbered = |mut packet: Vec<u8>, id: u16| {
        packet[4..6].copy_from_slice(&id.to_be_bytes());
        packet[6] = 0;
        write_ip_checksum(&mut packet);
        packet
    };
    let datagrams: Vec<_> = (0..3).map(|number| Segment::udp(1, &[number; 500]).packet()).collect();
    for packets in [datagrams, tcp_stream(1, &[1; 1_500], 500)] {
        let with = |ids: [u16; 3]| -> Vec<_> {
            packets.iter().zip(ids).map(|(packet, id)| numbered(packet.clone(), id)).collect()
        };
        for (ids, groups) in [([65_534, 65_535, 0], 1), ([7, 7, 7], 3), ([7, 8, 8], 2), ([7, 9, 10], 2)] {
            let written = joined(&with(ids));
            assert_eq!(written.len(), groups, "{ids:?}");
            let again: Vec<_> = written.iter().flat_map(|group| split(group)).collect();
            assert_eq!(again, with(ids), "{ids:?}");
        }
    }
}

#[test]
fn a_packet_that_was_damaged_before_the_tunnel_stays_as_it_is() {
    let packets = tcp_stream(1, &[7; 3_900], 1_300);
    for damaged in 0..3 {
        let mut packets = packets.clone();
        packets[damaged][700] ^= 1;
        let written = joined(&packets);
        assert!(written.len() > 1);
        let bodies: Vec<Vec<u8>> = written.iter().flat_map(|group| split(group)).collect();
        assert!(without_ids(bodies).contains(&without_ids([packets[damaged].clone()])[0]), "{damaged}");
    }
}

#[test]
fn after_a_pushed_segment_a_new_group_begins() {
    let mut packets = tcp_stream(1, &[7; 3_900], 1_300);
    let pushed = Segment {
        flags: super::ACK | super::PSH,
        ..Segment::tcp(1, (u32::MAX - 100).wrapping_add(1_300), &[7; 1_300])
    };
    packets[1] = pushed.packet();
    let written = joined(&packets);
    assert_eq!(written.len(), 2);
    assert_eq!(without_ids(split(&written[0])), without_ids(packets[..2].to_vec()));
}

#[test]
fn the_checksum_of_a_single_packet_is_completed() {
    for segment in [Segment::tcp(1, 5, b"hello"), Segment::udp(1, b"hello")] {
        let whole = segment.packet();
        let (len, at) = (whole.len() - 20, if segment.protocol == 6 { 16 } else { 6 });
        let mut partial = whole.clone();
        let sum = folded(pseudo_sum(&whole, segment.protocol, len));
        partial[20 + at..22 + at].copy_from_slice(&sum.to_be_bytes());
        let header = VirtioHeader {
            flags: NEEDS_CSUM,
            csum_start: 20,
            csum_offset: at as u16,
            ..VirtioHeader::default()
        };
        assert_eq!(split(&[&header.encode()[..], &partial].concat()), [whole]);
    }
}

#[test]
fn only_the_last_of_a_group_pushes_and_only_the_first_reports_a_smaller_window() {
    let packets = tcp_stream(1, &[7; 3_900], 1_300);
    let mut group = joined(&packets).remove(0);
    group[10 + 33] |= super::PSH | super::CWR | super::FIN;
    let flags: Vec<u8> = split(&group).iter().map(|packet| packet[33] & !super::ACK).collect();
    assert_eq!(flags, [super::CWR, 0, super::PSH | super::FIN]);
}

#[test]
fn what_no_kernel_gives_is_refused() {
    let header = VirtioHeader { gso_type: GSO_TCPV4, gso_size: 100, ..VirtioHeader::default() };
    let read = |header: VirtioHeader, packet: &[u8]| {
        Group::read(&mut [&header.encode()[..], packet].concat()).map(|group| group.segments())
    };
    let packet = Segment::tcp(1, 5, &[1; 250]).packet();
    assert_eq!(read(header, &packet), Ok(3));
    assert_eq!(read(header, &packet[..30]), Err(SplitError::Short));
    assert_eq!(read(header, &packet[..52]), Err(SplitError::Short));
    assert_eq!(read(VirtioHeader { gso_size: 0, ..header }, &packet), Err(SplitError::Short));
    assert_eq!(read(VirtioHeader { gso_type: GSO_UDP_L4, ..header }, &packet), Err(SplitError::Unknown));
    assert_eq!(read(VirtioHeader { gso_type: 4, ..header }, &packet), Err(SplitError::Unknown));
    let outside =
        VirtioHeader { flags: NEEDS_CSUM, csum_start: 301, csum_offset: 0, ..VirtioHeader::default() };
    assert_eq!(read(outside, &packet), Err(SplitError::Short));
    assert_eq!(Group::read(&mut [0; 9]).map(|group| group.segments()), Err(SplitError::Short));
}

fn segment() -> impl Strategy<Value = Segment> {
    let payload = prop::collection::vec(any::<u8>(), 0..40);
    (prop::bool::ANY, 0_u16..3, 0_u32..80, prop::bool::ANY, payload).prop_map(
        |(tcp, port, sequence, push, payload)| {
            if tcp {
                let flags = if push { super::ACK | super::PSH } else { super::ACK };
                Segment { flags, ..Segment::tcp(port, sequence, &payload) }
            } else {
                Segment::udp(port, &payload)
            }
        },
    )
}

proptest! {
    #[test]
    fn whatever_comes_each_stream_leaves_with_the_same_bytes_in_the_same_order(
        segments in prop::collection::vec(segment(), 0..60),
    ) {
        let packets: Vec<Vec<u8>> = segments.iter().map(Segment::packet).collect();
        let left: Vec<Vec<u8>> = joined(&packets).iter().flat_map(|group| split(group)).collect();
        prop_assert_eq!(left.len(), packets.len());
        for protocol in [6, 17] {
            for port in 0_u16..3 {
                let of = |all: &[Vec<u8>]| -> Vec<Vec<u8>> {
                    let wanted = |packet: &&Vec<u8>| packet[9] == protocol && packet[20..22] == port.to_be_bytes();
                    let body = |packet: &Vec<u8>| packet[if protocol == 6 { 24..28 } else { 24..26 }].iter()
                        .chain(&packet[if protocol == 6 { 52.. } else { 28.. }]).copied().collect();
                    all.iter().filter(wanted).map(body).collect()
                };
                prop_assert_eq!(of(&left), of(&packets));
            }
        }
        // Every checksum is right.
        for packet in &left {
            let sum = tun_rs::checksum_no_fold(&packet[20..], pseudo_sum(packet, packet[9], packet.len() - 20));
            prop_assert!(folded(sum) == 0xffff && tun_rs::checksum(&packet[..20], 0) == 0xffff);
        }
    }

    /// The peer is authentic, which does not make it benevolent.
    #[test]
    fn hostile_packets_are_written_and_nothing_panics(
        segments in prop::collection::vec((segment(), 0_usize..60), 1..12),
        changes in prop::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 0..12),
    ) {
        // No shorter than what is let through: an IPv4 header.
        let cut = |(segment, by): &(Segment, usize)| {
            let mut packet = segment.packet();
            packet.truncate(packet.len().saturating_sub(*by).max(20));
            packet
        };
        let mut packets: Vec<Vec<u8>> = segments.iter().map(cut).collect();
        for (packet, at, byte) in changes {
            let packet = packet.get_mut(&mut packets);
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        let payload: usize = packets.iter().map(Vec::len).sum();
        let written: usize = joined(&packets).iter().map(|group| group.len() - 10).sum();
        prop_assert!(written <= payload && written > 0);
    }

    #[test]
    fn no_bytes_from_a_device_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut given = bytes;
        if let Ok(group) = Group::read(&mut given) {
            for number in 0..group.segments().min(200) {
                group.append_segment(number, &mut Vec::new());
            }
        }
    }
}
