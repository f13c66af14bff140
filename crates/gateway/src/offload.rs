//! Segmentation between us and the kernel: what the TUN device gives and takes as one piece.
//!
//! Linux hands over a whole group of TCP segments (or UDP datagrams) with one header and takes one in the same form
//! (virtio-net's TSO and USO). [`split`] makes packets of a group, right where they are sealed; [`join`] makes groups of the
//! packets that come out of tunnels, without moving them. Both copy as little as there is to copy: at 64 KiB a group, copying
//! is what a gigabit costs.

use tun_rs::VIRTIO_NET_HDR_LEN;

pub mod join;
pub mod split;

/// The protocols that Linux groups.
const TCP: u8 = 6;
/// See [`TCP`].
const UDP: u8 = 17;
/// An IPv4 header without options: others are not grouped.
pub const IP_HEADER: usize = 20;
/// Of the messages that we make and read.
pub const ICMP_HEADER: usize = 8;
/// ICMP as IPv4 numbers it.
pub const PROTOCOL_ICMP: u8 = 1;
/// A UDP header, and a TCP header without options.
pub const UDP_HEADER: usize = 8;
/// See [`UDP_HEADER`].
const TCP_HEADER: usize = 20;
/// Where TCP's and UDP's checksums are, after the IP header.
const TCP_CHECKSUM_AT: usize = 16;
/// See [`TCP_CHECKSUM_AT`].
const UDP_CHECKSUM_AT: usize = 6;
/// TCP's flags, in byte 13 of its header.
const FIN: u8 = 0x01;
/// See [`FIN`].
const PSH: u8 = 0x08;
/// See [`FIN`].
const ACK: u8 = 0x10;
/// See [`FIN`].
const CWR: u8 = 0x80;

/// virtio's header as a TUN device has it, in the machine's byte order (`struct virtio_net_hdr`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct VirtioHeader {
    flags: u8,
    gso_type: u8,
    hdr_len: u16,
    gso_size: u16,
    csum_start: u16,
    csum_offset: u16,
}

/// `flags`: the checksum at `csum_offset` after `csum_start` is only that of the pseudo-header.
const NEEDS_CSUM: u8 = 1;
/// `gso_type`: one packet.
const GSO_NONE: u8 = 0;
/// `gso_type`: a group of TCP segments in IPv4.
const GSO_TCPV4: u8 = 1;
/// `gso_type`: a group of UDP datagrams.
const GSO_UDP_L4: u8 = 5;
/// Added to `gso_type` for a group whose first segment carries CWR; it is split like others.
const GSO_ECN: u8 = 0x80;

impl VirtioHeader {
    fn decode(bytes: &[u8; VIRTIO_NET_HDR_LEN]) -> Self {
        let [flags, gso_type, a, b, c, d, e, f, g, h] = *bytes;
        let two = |first, second| u16::from_ne_bytes([first, second]);
        Self {
            flags,
            gso_type,
            hdr_len: two(a, b),
            gso_size: two(c, d),
            csum_start: two(e, f),
            csum_offset: two(g, h),
        }
    }

    fn encode(self) -> [u8; VIRTIO_NET_HDR_LEN] {
        let [a, b] = self.hdr_len.to_ne_bytes();
        let [c, d] = self.gso_size.to_ne_bytes();
        let [e, f] = self.csum_start.to_ne_bytes();
        let [g, h] = self.csum_offset.to_ne_bytes();
        [self.flags, self.gso_type, a, b, c, d, e, f, g, h]
    }
}

/// The sum of a pseudo-header (RFC 793, 3.1; RFC 768), not complemented.
fn pseudo_sum(ip: &[u8], protocol: u8, len: usize) -> u64 {
    tun_rs::checksum_no_fold(&ip[12..20], u64::from(protocol) + len as u64)
}

/// A sum, folded to 16 bits.
fn folded(sum: u64) -> u16 {
    tun_rs::checksum(&[], sum)
}

/// Computes the checksum of an IPv4 header without options.
pub(crate) fn write_ip_checksum(ip: &mut [u8]) {
    ip[10..12].fill(0);
    let sum = !tun_rs::checksum(&ip[..IP_HEADER], 0);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// The number at this place, in network byte order.
pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// See [`u16_at`].
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests;
