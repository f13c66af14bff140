//! The thread that hears when somebody else changes routes, rules or links, so that repairs do not wait for the next check.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_channel::Sender;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::stop::StopSignal;

/// The multicast groups of rtnetlink: links, IPv4 routes, IPv4 rules.
const GROUPS: [u32; 3] = [1, 7, 8];
/// Several notifications come in one datagram.
const RECEIVE_BYTES: usize = 64 * 1024;

/// Hears what others change.
pub struct Watch {
    socket: Socket,
    /// The netlink port through which we change things ourselves, which is nothing to hear about.
    own_port: Arc<AtomicU32>,
}

impl Watch {
    /// Listens in the network namespace of the calling thread.
    pub fn open(own_port: Arc<AtomicU32>) -> std::io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        for group in GROUPS {
            socket.add_membership(group)?;
        }
        socket.set_non_blocking(true)?;
        Ok(Self { socket, own_port })
    }

    /// Tells of each change by others, until told to stop.
    pub fn run(&self, changed: &Sender<()>, stop: &StopSignal) {
        let mut received = Vec::with_capacity(RECEIVE_BYTES);
        loop {
            let mut waiting = [
                PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
                PollFd::new(stop.as_fd(), PollFlags::POLLIN),
            ];
            if let Err(error) = poll(&mut waiting, PollTimeout::NONE) {
                tracing::debug!(%error, "waiting for changes of routes");
            }
            if waiting[1].any().unwrap_or(true) {
                return;
            }
            received.clear();
            let by_others = match self.socket.recv(&mut received, 0) {
                Ok(_) => self.is_by_others(&received),
                // More than fitted: some of it may be by others.
                Err(error) => error.raw_os_error() == Some(libc::ENOBUFS),
            };
            if by_others {
                let _one_waits_already = changed.try_send(());
            }
        }
    }

    /// The port of whoever caused a change is in the header of its message, after length, type, flags and sequence number.
    fn is_by_others(&self, mut messages: &[u8]) -> bool {
        let own = self.own_port.load(Ordering::Relaxed);
        while let Some(header) = messages.first_chunk::<16>() {
            let field =
                |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
            if field(12) != own {
                return true;
            }
            let length = (field(0) as usize).max(header.len()).next_multiple_of(4);
            messages = messages.get(length..).unwrap_or_default();
        }
        false
    }
}
