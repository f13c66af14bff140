//! The TUN device of a domain: where Linux hands us the packets of its prefixes, and takes those that came out of tunnels.
//!
//! # Its MTU
//!
//! An inner packet must fit, encapsulated, into an outer one of 1,500 bytes. What ESP in UDP adds depends on the algorithms:
//!
//! ```text
//!   20 IPv4 + 8 UDP + 8 ESP header + IV (8 GCM, 16 AES-CBC) + padding to the block + 2 trailer + ICV (12 to 32)
//!
//!   AES-GCM:                    1500 - 20 - 8 - 8 -  8 - 16 = 1440, blocks of 4:  1440 - 2 = 1438
//!   AES-CBC with HMAC-SHA1:     1500 - 20 - 8 - 8 - 16 - 12 = 1436, blocks of 16: 1424 - 2 = 1422
//!   AES-CBC with HMAC-SHA256:   1500 - 20 - 8 - 8 - 16 - 16 = 1432, blocks of 16: 1424 - 2 = 1422
//!   AES-CBC with HMAC-SHA512:   1500 - 20 - 8 - 8 - 16 - 32 = 1416, blocks of 16: 1408 - 2 = 1406
//! ```
//!
//! The device has one MTU for all tunnels of its domain, so [`MTU_DEFAULT`] is 1,400: it fits with every choice. Linux answers
//! packets that are larger and must not be fragmented with "fragmentation needed", so TCP finds its segment size.
//!
//! # It outlives us
//!
//! The device is persistent. When the process is killed, its routes still lead to it and the kernel drops what comes: a packet
//! of a routed prefix does not leave in clear because Causeway crashed. The next start finds the device by its name and the
//! text on it (`ip link` shows it as `alias`) and goes on with it; an orderly stop removes it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use tun_rs::{DeviceBuilder, ExpandBuffer, GROTable, SyncDevice};

/// See the module.
pub const MTU_DEFAULT: u16 = 1_400;
/// Packets that wait in the device for us. Linux's 500 are a burst of a single TCP connection at these speeds.
const QUEUE_PACKETS: u32 = 2_000;
/// Largest packet, or group of segments of one, and its virtio header.
const READ_BYTES: usize = 65_535 + tun_rs::VIRTIO_NET_HDR_LEN;
/// The most packets into which one read is split: 64 KiB of segments of 64 bytes. Linux makes none smaller (tcp_min_snd_mss).
pub const SEGMENTS_MAX: usize = 1_024;
/// What is before the packet in each buffer for [`TunDevice::write`].
pub const HEADROOM: usize = tun_rs::VIRTIO_NET_HDR_LEN;

/// An open queue of a TUN device.
pub struct TunDevice {
    device: SyncDevice,
    name: String,
    index: u32,
}

/// What reading needs; one for each reading thread.
pub struct ReadBuffers {
    whole: Vec<u8>,
    segments: Vec<Vec<u8>>,
    sizes: Vec<usize>,
}

impl TunDevice {
    /// Opens the device of this name, and makes it if it is not there. It is not up yet.
    pub fn open(name: &str) -> io::Result<Self> {
        let device = DeviceBuilder::new()
            .name(name)
            .offload(true)
            .multi_queue(true)
            .inherit_enable_state()
            .build_sync()?;
        // Only who may administer the whole machine may; in a user namespace Linux's own length has to do.
        if let Err(error) = device.set_tx_queue_len(QUEUE_PACKETS) {
            tracing::debug!(name, %error, "the device keeps the queue length that it came with");
        }
        device.persist()?;
        device.set_nonblocking(true)?;
        let index = device.if_index()?;
        quieten(name);
        Ok(Self { device, name: name.to_owned(), index })
    }

    /// The device's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The device's index among the links.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Reads what the kernel has next, one packet or one group of segments, and returns how many packets it is.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is nothing.
    pub fn read(&self, buffers: &mut ReadBuffers) -> io::Result<usize> {
        self.device.recv_multiple(&mut buffers.whole, &mut buffers.segments, &mut buffers.sizes, 0)
    }

    /// Writes packets, each after [`HEADROOM`] bytes of its buffer. Segments of one stream that follow each other are
    /// handed to the kernel as one, which changes the buffers.
    pub fn write<B: ExpandBuffer>(&self, table: &mut GROTable, packets: &mut [B]) -> io::Result<()> {
        self.device.send_multiple(table, packets, HEADROOM).map(drop)
    }
}

impl AsFd for TunDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl ReadBuffers {
    /// Buffers for packets of a device with this MTU.
    pub fn new(mtu: u16) -> Self {
        // A packet that Linux hands over whole may be larger than the MTU when no offload could split it.
        let bytes = usize::from(mtu).max(2_048);
        Self {
            whole: vec![0; READ_BYTES],
            segments: vec![vec![0; bytes]; SEGMENTS_MAX],
            sizes: vec![0; SEGMENTS_MAX],
        }
    }

    /// The packet of this number of the last read.
    pub fn packet(&self, index: usize) -> &[u8] {
        &self.segments[index][..self.sizes[index]]
    }
}

/// Settings without which the device also works: Linux sends no IPv6 into it by itself, forwards what comes out of it, and
/// leaves the check of the source to us. In a container they may be read-only.
fn quieten(name: &str) {
    let settings = [("ipv6", "disable_ipv6", "1"), ("ipv4", "forwarding", "1"), ("ipv4", "rp_filter", "0")];
    for (family, setting, value) in settings {
        let path = format!("/proc/sys/net/{family}/conf/{name}/{setting}");
        if Path::new(&path).exists()
            && let Err(error) = std::fs::write(&path, value)
        {
            tracing::debug!(path, %error, "left a setting of the TUN device as it is");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};
    use proptest::sample::Index;
    use tun_rs::GROTable;

    use super::HEADROOM;

    /// Segments of one TCP or UDP stream, as an authenticated peer may send them.
    fn segment(protocol: u8, number: u8, length: usize) -> Vec<u8> {
        let mut packet = vec![0_u8; HEADROOM + 20 + 20 + length];
        let inner = &mut packet[HEADROOM..];
        let total = (inner.len() as u16).to_be_bytes();
        inner[..10].copy_from_slice(&[0x45, 0, total[0], total[1], 0, number, 0x40, 0, 64, protocol]);
        inner[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        inner[20..24].copy_from_slice(&[0, 80, 0, 81]);
        inner[24..28].copy_from_slice(&(u32::from(number) * length as u32).to_be_bytes());
        inner[32..34].copy_from_slice(&[0x50, 0x10]);
        if protocol == 17 {
            inner[24..26].copy_from_slice(&(20 + length as u16).to_be_bytes());
            inner[26..28].fill(0);
        }
        let at = if protocol == 6 { 36 } else { 26 };
        let mut pseudo = inner[12..20].to_vec();
        pseudo.extend([&[0, protocol], &(20 + length as u16).to_be_bytes()[..]].concat());
        let sum = !tun_rs::checksum(&inner[20..], tun_rs::checksum_no_fold(&pseudo, 0));
        inner[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        packet
    }

    #[test]
    fn segments_of_a_stream_are_put_together() {
        let mut packets: Vec<_> = (0..4).map(|number| segment(6, number, 40)).collect();
        packets.iter_mut().for_each(|packet| packet.reserve(4_096));
        let whole = packets[0].len() + 3 * 40;
        GROTable::new().apply_gro(&mut packets, HEADROOM, true).unwrap();
        assert_eq!(packets[0].len(), whole);
    }

    proptest! {
        /// The peer is authentic, which does not make it benevolent.
        #[test]
        fn putting_hostile_packets_together_does_not_panic(
            is_tcp in any::<bool>(),
            packets in prop::collection::vec((0_u8..4, 0_usize..40, 0_usize..60), 1..12),
            changes in prop::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 0..12),
        ) {
            let build = |(number, length, cut): (u8, usize, usize)| {
                let mut packet = segment(if is_tcp { 6 } else { 17 }, number, length);
                // No shorter than what is let through: an IPv4 header.
                packet.truncate((packet.len() - cut.min(packet.len())).max(HEADROOM + 20));
                packet.reserve(4_096);
                packet
            };
            let mut packets: Vec<_> = packets.into_iter().map(build).collect();
            for (packet, at, byte) in changes {
                let packet = packet.get_mut(&mut packets);
                let at = HEADROOM + at.index(packet.len() - HEADROOM);
                packet[at] = byte;
            }
            let mut table = GROTable::new();
            drop(table.apply_gro(&mut packets, HEADROOM, true));
        }
    }
}
