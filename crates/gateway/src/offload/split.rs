//! From one piece to packets: what a read of the TUN device gave, segment by segment.

use super::{
    CWR, FIN, GSO_ECN, GSO_NONE, GSO_TCPV4, GSO_UDP_L4, IP_HEADER, NEEDS_CSUM, PSH, TCP, TCP_CHECKSUM_AT,
    TCP_HEADER, UDP, UDP_CHECKSUM_AT, UDP_HEADER, VirtioHeader, folded, pseudo_sum, u16_at, u32_at,
    write_ip_checksum,
};

/// Why a read cannot be split: the kernel does not give such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// Shorter than its headers say, or than any header.
    #[error("what the TUN device gave is shorter than its headers say")]
    Short,
    /// A group of something else than TCP or UDP in IPv4.
    #[error("the TUN device gave a group that is neither TCP nor UDP in IPv4")]
    Unknown,
}

/// One packet, or a group of them, as the kernel gave it.
#[derive(Debug)]
pub struct Group<'a> {
    /// With the header of the first packet and the payload of all.
    packet: &'a [u8],
    /// None for a single packet.
    segmented: Option<Segmented>,
}

#[derive(Debug, Clone, Copy)]
struct Segmented {
    protocol: u8,
    header: usize,
    /// Payload of each but the last.
    size: usize,
}

impl<'a> Group<'a> {
    /// Takes what a read gave: the virtio header and the packet. Completes the checksum of a single packet.
    pub fn read(given: &'a mut [u8]) -> Result<Self, SplitError> {
        let (header, packet) = given.split_first_chunk_mut().ok_or(SplitError::Short)?;
        let header = VirtioHeader::decode(header);
        if header.gso_type == GSO_NONE {
            if header.flags & NEEDS_CSUM != 0 {
                let start = usize::from(header.csum_start);
                complete_checksum(
                    packet.get_mut(start..).unwrap_or_default(),
                    usize::from(header.csum_offset),
                )?;
            }
            return Ok(Self { packet, segmented: None });
        }
        let protocol = match header.gso_type & !GSO_ECN {
            GSO_TCPV4 => TCP,
            GSO_UDP_L4 => UDP,
            _ => return Err(SplitError::Unknown),
        };
        let (packet, size) = (&*packet, usize::from(header.gso_size));
        let header = header_len(packet, protocol)?;
        if size == 0 || packet.len() <= header {
            return Err(SplitError::Short);
        }
        Ok(Self { packet, segmented: Some(Segmented { protocol, header, size }) })
    }

    /// The first packet's header and what follows; its addresses are those of all.
    pub fn packet(&self) -> &[u8] {
        self.packet
    }

    /// How many packets it is.
    pub fn segments(&self) -> usize {
        self.segmented.map_or(1, |it| (self.packet.len() - it.header).div_ceil(it.size))
    }

    /// The length of the packet of this number.
    pub fn segment_len(&self, number: usize) -> usize {
        match self.segmented {
            None => self.packet.len(),
            Some(it) => it.header + it.payload(self.packet.len(), number).len(),
        }
    }

    /// Appends the packet of this number.
    pub fn append_segment(&self, number: usize, out: &mut Vec<u8>) {
        let Some(it) = self.segmented else { return out.extend_from_slice(self.packet) };
        let payload = it.payload(self.packet.len(), number);
        let is_last = payload.end == self.packet.len();
        let start = out.len();
        out.extend_from_slice(&self.packet[..it.header]);
        out.extend_from_slice(&self.packet[payload]);
        it.finish(&mut out[start..], number, is_last);
    }
}

impl Segmented {
    fn payload(&self, total: usize, number: usize) -> std::ops::Range<usize> {
        let start = (self.header + number * self.size).min(total);
        start..(start + self.size).min(total)
    }

    /// Makes the group's header that of one of its packets.
    fn finish(&self, packet: &mut [u8], number: usize, is_last: bool) {
        // A group is at most 64 KiB, and so are its parts.
        let len = packet.len() as u16;
        let (ip, transport) = packet.split_at_mut(IP_HEADER);
        ip[2..4].copy_from_slice(&len.to_be_bytes());
        let id = u16_at(ip, 4).wrapping_add(number as u16);
        ip[4..6].copy_from_slice(&id.to_be_bytes());
        write_ip_checksum(ip);
        let at = if self.protocol == TCP { TCP_CHECKSUM_AT } else { UDP_CHECKSUM_AT };
        if self.protocol == TCP {
            let sequence = u32_at(transport, 4).wrapping_add((number * self.size) as u32);
            transport[4..8].copy_from_slice(&sequence.to_be_bytes());
            if !is_last {
                transport[13] &= !(FIN | PSH);
            }
            if number > 0 {
                transport[13] &= !CWR;
            }
        } else {
            let len = transport.len() as u16;
            transport[4..6].copy_from_slice(&len.to_be_bytes());
        }
        transport[at..at + 2].fill(0);
        let sum = tun_rs::checksum_no_fold(transport, pseudo_sum(ip, self.protocol, transport.len()));
        // A UDP checksum of zero means that there is none (RFC 768); its other form is the same number.
        let sum = match !folded(sum) {
            0 if self.protocol == UDP => 0xffff,
            sum => sum,
        };
        transport[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Completes a checksum that is so far only the pseudo-header's sum.
fn complete_checksum(covered: &mut [u8], at: usize) -> Result<(), SplitError> {
    if covered.len() < at + 2 {
        return Err(SplitError::Short);
    }
    // What is there is summed with the rest. All-ones is as good as zero to TCP, and to UDP better.
    let sum = match !tun_rs::checksum(covered, 0) {
        0 => 0xffff,
        sum => sum,
    };
    covered[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    Ok(())
}

/// The length of both headers. The virtio header states it as well, but the kernel's own segmentation does not trust it.
fn header_len(packet: &[u8], protocol: u8) -> Result<usize, SplitError> {
    if packet.len() < IP_HEADER + UDP_HEADER {
        return Err(SplitError::Short);
    }
    if packet[0] != 0x45 || packet[9] != protocol {
        return Err(SplitError::Unknown);
    }
    if protocol == UDP {
        return Ok(IP_HEADER + UDP_HEADER);
    }
    let len = packet.get(IP_HEADER + 12).map_or(0, |offset| usize::from(offset >> 4) * 4);
    if len < TCP_HEADER { Err(SplitError::Short) } else { Ok(IP_HEADER + len) }
}
