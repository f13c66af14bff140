//! From packets to one piece: segments of one stream that follow each other are written to the TUN device as a group.
//!
//! The packets stay where they were opened. A group is written from there (`writev`): the first packet with its header
//! changed, and the payload of the others. What Linux's own receive offload would not put together is not put together here:
//! a group, split again, must give back the packets that it was made of (but for the IPv4 id where fragmenting is forbidden).
//!
//! A packet joins the last group of its stream, if that is one of the last [`STREAMS_MAX`] groups; so packets of a stream never
//! overtake each other, and streams may interleave.

use std::io::{self, IoSlice};
use std::ops::Range;

use tun_rs::VIRTIO_NET_HDR_LEN;

use super::{
    ACK, GSO_TCPV4, GSO_UDP_L4, IP_HEADER, NEEDS_CSUM, PSH, TCP, TCP_CHECKSUM_AT, TCP_HEADER, UDP,
    UDP_CHECKSUM_AT, UDP_HEADER, VirtioHeader, folded, pseudo_sum, u16_at, u32_at, write_ip_checksum,
};

/// The flag in the seventh byte of a packet.
const DONT_FRAGMENT: u8 = 0x40;
/// Among how many groups a packet looks for its stream's.
const STREAMS_MAX: usize = 8;
/// Packets of one group: Linux's own bound for UDP.
const PACKETS_MAX: usize = 64;
/// Bytes of one group.
const GROUP_BYTES_MAX: usize = 65_535;

/// Packets that were opened and not written yet, in the order of their coming.
#[derive(Debug, Default)]
pub struct Joiner {
    groups: Vec<Group>,
    /// Those in use; the others keep their memory.
    used: usize,
}

/// Packets of one stream that follow each other, or one that cannot be grouped.
#[derive(Debug, Default)]
struct Group {
    /// The first packet, and then the payloads of the others.
    pieces: Vec<Range<usize>>,
    /// None for a packet that no other may join.
    stream: Option<Stream>,
    /// Whether the first packet's checksum was found right. It is not looked at before a second one comes.
    is_verified: bool,
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    protocol: u8,
    header: usize,
    /// Payload of each but the last.
    size: usize,
    payload: usize,
    /// What the next packet's TCP sequence number must be.
    next: u32,
    /// Nothing may follow.
    is_closed: bool,
}

impl Joiner {
    /// Adds the packet at `at` in `storage`. It must stay there until it is written.
    pub fn push(&mut self, storage: &[u8], at: Range<usize>) {
        let packet = &storage[at.clone()];
        let stream = Stream::of(packet);
        if let Some(stream) = stream {
            let recent = self.used.saturating_sub(STREAMS_MAX);
            let of_stream =
                self.groups[recent..self.used].iter_mut().rev().find(|group| group.is_of(storage, packet));
            if let Some(group) = of_stream
                && group.join(storage, at.clone(), stream)
            {
                return;
            }
        }
        if self.used == self.groups.len() {
            self.groups.push(Group::default());
        }
        let group = &mut self.groups[self.used];
        group.pieces.clear();
        group.pieces.push(at);
        (group.stream, group.is_verified) = (stream, false);
        self.used += 1;
    }

    /// Writes everything by `write`, which gets a virtio header and a packet in pieces, and forgets it. Returns how many
    /// packets could not be written, and why the last of them could not.
    pub fn write(
        &mut self,
        storage: &mut [u8],
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> Result<(), (u64, io::Error)> {
        let mut failed: Option<(u64, io::Error)> = None;
        for group in &self.groups[..self.used] {
            let header = group.finish(storage);
            let mut slices = [IoSlice::new(&[]); PACKETS_MAX + 1];
            slices[0] = IoSlice::new(&header);
            for (slice, piece) in slices[1..].iter_mut().zip(&group.pieces) {
                *slice = IoSlice::new(&storage[piece.clone()]);
            }
            if let Err(error) = write(&slices[..=group.pieces.len()]) {
                let before = failed.map_or(0, |(count, _)| count);
                failed = Some((before + group.pieces.len() as u64, error));
            }
        }
        self.used = 0;
        failed.map_or(Ok(()), Err)
    }
}

impl Group {
    /// Whether a packet is of this group's stream: addresses, protocol, ports.
    fn is_of(&self, storage: &[u8], packet: &[u8]) -> bool {
        let first = self.pieces.first().map_or(&[][..], |piece| &storage[piece.clone()]);
        first.len() >= IP_HEADER + 4 && first[9] == packet[9] && first[12..24] == packet[12..24]
    }

    /// Takes a packet in, if it may follow.
    fn join(&mut self, storage: &[u8], at: Range<usize>, new: Stream) -> bool {
        let (Some(stream), Some(first_at)) = (self.stream, self.pieces.first().cloned()) else {
            return false;
        };
        let (first, packet) = (&storage[first_at], &storage[at.clone()]);
        let fits = !stream.is_closed
            && self.pieces.len() < PACKETS_MAX
            && new.payload <= stream.size
            && stream.header + stream.payload + new.payload <= GROUP_BYTES_MAX
            && new.header == stream.header
            && have_like_headers(first, packet, &stream, &new)
            && has_next_id(first, packet, self.pieces.len())
            && has_right_checksum(packet, &new)
            && (self.is_verified || has_right_checksum(first, &stream));
        if !fits {
            return false;
        }
        self.is_verified = true;
        self.pieces.push(at.start + new.header..at.end);
        self.stream = Some(Stream {
            payload: stream.payload + new.payload,
            next: new.next,
            is_closed: new.is_closed || new.payload < stream.size,
            ..stream
        });
        true
    }

    /// Makes the first packet's header that of all, and the virtio header that goes before it.
    fn finish(&self, storage: &mut [u8]) -> [u8; VIRTIO_NET_HDR_LEN] {
        let (Some(stream), [first, _, ..]) = (self.stream, self.pieces.as_slice()) else {
            return VirtioHeader::default().encode();
        };
        let (ip, transport) = storage[first.clone()].split_at_mut(IP_HEADER);
        let len = stream.header + stream.payload;
        ip[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        write_ip_checksum(ip);
        let transport_len = len - IP_HEADER;
        let is_tcp = stream.protocol == TCP;
        if !is_tcp {
            transport[4..6].copy_from_slice(&(transport_len as u16).to_be_bytes());
        } else if stream.is_closed {
            // Only a push or a shorter packet closes, and a stream that pauses there may as well be pushed.
            transport[13] |= PSH;
        }
        // The kernel completes it: what is there is the sum of the pseudo-header.
        let at = if is_tcp { TCP_CHECKSUM_AT } else { UDP_CHECKSUM_AT };
        let sum = folded(pseudo_sum(ip, stream.protocol, transport_len));
        transport[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        let header = VirtioHeader {
            flags: NEEDS_CSUM,
            gso_type: if is_tcp { GSO_TCPV4 } else { GSO_UDP_L4 },
            hdr_len: stream.header as u16,
            gso_size: stream.size as u16,
            csum_start: IP_HEADER as u16,
            csum_offset: at as u16,
        };
        header.encode()
    }
}

impl Stream {
    /// What others may join: an unfragmented TCP segment with nothing but data, or a UDP datagram with a checksum.
    fn of(packet: &[u8]) -> Option<Self> {
        let header = packet.first_chunk::<{ IP_HEADER + UDP_HEADER }>()?;
        let is_whole = u16_at(header, 6) & 0x3fff == 0 && usize::from(u16_at(header, 2)) == packet.len();
        if header[0] != 0x45 || !is_whole {
            return None;
        }
        let protocol = header[9];
        let (header, next, is_closed) = match protocol {
            UDP if is_plain_udp(packet) => (IP_HEADER + UDP_HEADER, 0, false),
            TCP if packet.len() >= IP_HEADER + TCP_HEADER => {
                let (flags, offset) = (packet[IP_HEADER + 13], packet[IP_HEADER + 12] >> 4);
                if flags & !PSH != ACK || usize::from(offset) * 4 < TCP_HEADER {
                    return None;
                }
                (IP_HEADER + usize::from(offset) * 4, u32_at(packet, IP_HEADER + 4), flags & PSH != 0)
            }
            _ => return None,
        };
        let payload = packet.len().checked_sub(header).filter(|payload| *payload > 0)?;
        let next = next.wrapping_add(payload as u32);
        Some(Self { protocol, header, size: payload, payload, next, is_closed })
    }
}

/// Whether a datagram has a checksum, and its length is the packet's.
fn is_plain_udp(packet: &[u8]) -> bool {
    u16_at(packet, IP_HEADER + UDP_CHECKSUM_AT) != 0
        && usize::from(u16_at(packet, IP_HEADER + 4)) == packet.len() - IP_HEADER
}

/// Whether all that a group has only once is the same in both; ports and addresses are already.
fn have_like_headers(first: &[u8], packet: &[u8], stream: &Stream, new: &Stream) -> bool {
    let is_like_ip = first[1] == packet[1] && first[6..8] == packet[6..8] && first[8] == packet[8];
    if !is_like_ip || stream.protocol == UDP {
        return is_like_ip;
    }
    let (a, b) = (&first[IP_HEADER..], &packet[IP_HEADER..]);
    let follows = u32_at(b, 4) == stream.next;
    // Acknowledgement, header length, window, and the options with their timestamps.
    let options = TCP_HEADER..new.header - IP_HEADER;
    follows
        && a[8..13] == b[8..13]
        && a[14..16] == b[14..16]
        && a[18..20] == b[18..20]
        && a[options.clone()] == b[options]
}

/// Whether the IPv4 id is the one that the packet gets when the group is split again. Where fragmenting is forbidden, it means nothing.
fn has_next_id(first: &[u8], packet: &[u8], number: usize) -> bool {
    packet[6] & DONT_FRAGMENT != 0 || u16_at(packet, 4) == u16_at(first, 4).wrapping_add(number as u16)
}

/// What is grouped leaves with a checksum that the kernel makes, so that of each packet must be right before.
fn has_right_checksum(packet: &[u8], stream: &Stream) -> bool {
    let (ip, transport) = packet.split_at(IP_HEADER);
    let sum = tun_rs::checksum_no_fold(transport, pseudo_sum(ip, stream.protocol, transport.len()));
    folded(sum) == 0xffff && tun_rs::checksum(ip, 0) == 0xffff
}
