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
//! The device has one MTU for all tunnels of its domain, so [`MTU_DEFAULT`] is 1,406, the longest that fits with every choice.
//! In ESP a packet of that length is 88 whole blocks of AES. Linux answers packets that are larger and must not be fragmented
//! with "fragmentation needed", so TCP finds its segment size.
//!
//! # Its queues
//!
//! It has one queue for each worker. Linux keeps the packets of a connection in one queue, that of the worker that wrote the
//! connection's last packet, so they stay in order and in the cache of one processor.
//!
//! # It outlives us
//!
//! The device is persistent. When the process is killed, its routes still lead to it and the kernel drops what comes: a packet
//! of a routed prefix does not leave in clear because Causeway crashed. The next start finds the device by its name and the
//! text on it (`ip link` shows it as `alias`) and goes on with it; an orderly stop removes it.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use tun_rs::{DeviceBuilder, SyncDevice};

/// See the module.
pub const MTU_DEFAULT: u16 = 1_406;
/// Packets that wait in the device for us. Linux's 500 are a burst of a single TCP connection at these speeds.
const QUEUE_PACKETS: u32 = 2_000;
/// Largest packet, or group of segments of one, and its virtio header.
pub const READ_BYTES: usize = 65_535 + tun_rs::VIRTIO_NET_HDR_LEN;

/// An open TUN device.
pub struct TunDevice {
    queues: Vec<TunQueue>,
    name: String,
    index: u32,
}

/// One of its queues: what one worker reads and writes.
pub struct TunQueue(SyncDevice);

impl TunDevice {
    /// Opens the device of this name with so many queues, one at least, and makes it if it is not there. It is not up yet.
    pub fn open(name: &str, queues: usize) -> io::Result<Self> {
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
        let index = device.if_index()?;
        let mut queues = (1..queues).map(|_| device.try_clone()).collect::<io::Result<Vec<_>>>()?;
        queues.insert(0, device);
        for queue in &queues {
            queue.set_nonblocking(true)?;
        }
        quieten(name);
        Ok(Self { queues: queues.into_iter().map(TunQueue).collect(), name: name.to_owned(), index })
    }

    /// Its queues; never none.
    pub fn queues(&self) -> usize {
        self.queues.len()
    }

    /// The queue of a worker. Workers of higher numbers share the queues of lower ones.
    pub fn queue(&self, worker: usize) -> &TunQueue {
        &self.queues[worker % self.queues.len()]
    }

    /// The device's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The device's index among the links.
    pub fn index(&self) -> u32 {
        self.index
    }
}

impl TunQueue {
    /// Reads what the kernel has next, one packet or one group of segments after a virtio header, and returns its length.
    /// `offload::split` takes it apart.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is nothing.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buffer)
    }

    /// Writes a packet or a group of segments, in pieces and after a virtio header. `offload::join` makes them.
    pub fn write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.send_vectored(pieces)
    }
}

impl AsFd for TunQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
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
