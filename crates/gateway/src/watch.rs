//! The thread that hears when somebody else changes routes, rules or links, so that repairs do not wait for the next check.

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Sender;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::routes::TABLE_MAIN;
use crate::stop::StopSignal;

/// The multicast groups of rtnetlink: links, IPv4 routes, IPv4 rules.
const GROUPS: [u32; 3] = [1, 7, 8];
/// Several notifications come in one datagram.
const RECEIVE_BYTES: usize = 64 * 1024;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
/// The flag of a link that is up.
const IFF_UP: u32 = 1;

/// What others have changed since somebody asked.
#[derive(Default)]
pub struct Changes {
    /// Routes of the main table.
    main: AtomicBool,
    /// Routes or devices of ours.
    ours: AtomicBool,
    /// The indices of our devices. Linux does not tell which routes go when a device goes down.
    devices: Mutex<BTreeSet<u32>>,
}

/// Hears what others change.
pub struct Watch {
    socket: Socket,
    /// The netlink port through which we change things ourselves, which is nothing to hear about.
    own_port: Arc<AtomicU32>,
    /// The number of our routes.
    protocol: u8,
    changes: Arc<Changes>,
}

impl Changes {
    /// Whether others have changed main since this was last asked.
    pub fn take_main(&self) -> bool {
        self.main.swap(false, Ordering::Relaxed)
    }

    /// Whether others have changed what is ours since this was last asked.
    pub fn take_ours(&self) -> bool {
        self.ours.swap(false, Ordering::Relaxed)
    }

    /// Whether others have changed what is ours, and nobody asked yet.
    pub fn are_ours(&self) -> bool {
        self.ours.load(Ordering::Relaxed)
    }

    /// What is ours may be otherwise than is known.
    pub fn note_ours(&self) {
        self.ours.store(true, Ordering::Relaxed);
    }

    /// Which devices are ours.
    pub fn set_devices(&self, indices: impl IntoIterator<Item = u32>) {
        *self.devices.lock().unwrap_or_else(PoisonError::into_inner) = indices.into_iter().collect();
    }

    fn is_our_device(&self, index: u32) -> bool {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner).contains(&index)
    }
}

impl Watch {
    /// Listens in the network namespace of the calling thread.
    pub fn open(own_port: Arc<AtomicU32>, protocol: u8, changes: Arc<Changes>) -> std::io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        for group in GROUPS {
            socket.add_membership(group)?;
        }
        socket.set_non_blocking(true)?;
        Ok(Self { socket, own_port, protocol, changes })
    }

    /// Wakes somebody after each change by others that matters, until told to stop.
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
            let matters = match self.socket.recv(&mut received, 0) {
                Ok(_) => self.note_all(&received),
                // More came than there was room for.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    self.changes.main.store(true, Ordering::Relaxed);
                    self.changes.ours.store(true, Ordering::Relaxed);
                    true
                }
                Err(_) => false,
            };
            if matters {
                let _one_waits_already = changed.try_send(());
            }
        }
    }

    fn note_all(&self, mut messages: &[u8]) -> bool {
        let mut matters = false;
        while let Some(length) = messages.first_chunk::<4>().map(|bytes| u32::from_ne_bytes(*bytes) as usize)
        {
            let message = messages.get(..length).unwrap_or(messages);
            matters |= self.note(message).unwrap_or(false);
            messages = messages.get(length.max(4).next_multiple_of(4)..).unwrap_or_default();
        }
        matters
    }

    /// Notes what a message tells, and whether it matters. The header is length (4 bytes), type (2), flags (2), sequence
    /// number (4) and port (4) of whoever made the change; `rtmsg` and `ifinfomsg` follow at byte 16.
    fn note(&self, message: &[u8]) -> Option<bool> {
        let word = |at: usize| message.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
        let kind = u16::from_ne_bytes(message.get(4..6)?.try_into().ok()?);
        if word(12)? == self.own_port.load(Ordering::Relaxed) {
            return Some(false);
        }
        let (main, ours) = match kind {
            RTM_NEWROUTE | RTM_DELROUTE => {
                (u32::from(*message.get(20)?) == TABLE_MAIN, *message.get(21)? == self.protocol)
            }
            // The routes of main that go with a device go without a message of their own.
            RTM_NEWLINK | RTM_DELLINK => match self.changes.is_our_device(word(20)?) {
                true => (false, true),
                false => (kind == RTM_DELLINK || word(24)? & IFF_UP == 0, false),
            },
            // Rules are few; they are looked at whenever anything is.
            _ => return Some(true),
        };
        self.changes.main.fetch_or(main, Ordering::Relaxed);
        self.changes.ours.fetch_or(ours, Ordering::Relaxed);
        Some(main || ours)
    }
}
