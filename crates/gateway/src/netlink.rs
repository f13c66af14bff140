//! One rtnetlink socket, used by one thread at a time, with batches.
//!
//! Messages go out 128 a send with the acknowledgement asked of the last one only: the kernel works through a batch in
//! order, reports each message that failed by its sequence number, and acknowledges the last. That is some twenty times as
//! fast as one message at a time, and needs neither a task nor a lock. The typed messages come from `netlink-packet-route`;
//! the crates that put a request API on top of it send one message at a time.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;

pub mod message;

/// Messages in one send. More gain nothing, and the errors of all must fit into the receive buffer.
const BATCH_MESSAGES_MAX: usize = 128;
/// The kernel fills at most 32 KiB at a time.
const RECEIVE_BYTES: usize = 64 * 1024;
/// How long the kernel may take over a batch; it answers in well under a millisecond.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a listing is begun anew because it changed under the kernel's hands.
const DUMP_ATTEMPTS: usize = 5;

/// Why nothing is known about what a request did. The caller observes again and repeats what is still needed.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// The socket failed, or the kernel had more to tell than it had room for (ENOBUFS).
    #[error("talking to the kernel over netlink: {0}")]
    Socket(#[from] io::Error),
    /// The kernel's answer could not be read.
    #[error("an answer of the kernel over netlink was not understood: {0}")]
    Decode(String),
    /// A listing could not be completed.
    #[error("the kernel refused to list: {0}")]
    Dump(Errno),
    /// A listing changed each time it was read.
    #[error("the kernel's tables changed too often to be listed")]
    Interrupted,
}

/// A message and how the kernel is to take it (`NLM_F_CREATE`, `NLM_F_REPLACE`, `NLM_F_EXCL`).
#[derive(Debug, Clone)]
pub struct Request {
    /// What to do.
    pub message: RouteNetlinkMessage,
    /// In addition to `NLM_F_REQUEST` and `NLM_F_ACK`.
    pub flags: u16,
}

/// A request of a batch that the kernel refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Its place in the batch.
    pub index: usize,
    /// Why.
    pub errno: Errno,
}

/// The socket.
pub struct Netlink {
    socket: Socket,
    /// The socket's address, by which the kernel says who changed something.
    port: Arc<AtomicU32>,
    sequence: u32,
    received: Vec<u8>,
}

impl Netlink {
    /// Opens a socket into the network namespace of the calling thread.
    pub fn open() -> Result<Self, NetlinkError> {
        let (socket, port) = open_socket()?;
        let port = Arc::new(AtomicU32::new(port));
        Ok(Self { socket, port, sequence: 0, received: Vec::with_capacity(RECEIVE_BYTES) })
    }

    /// The socket's address now, also when it has to be another one later.
    pub fn port(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.port)
    }

    /// Sends all requests in order and returns those that the kernel refused.
    ///
    /// # Errors
    ///
    /// After an error it is unknown which requests took effect; the socket is new.
    pub fn batch(&mut self, requests: &[Request]) -> Result<Vec<Refused>, NetlinkError> {
        let mut refused = Vec::new();
        for (number, chunk) in requests.chunks(BATCH_MESSAGES_MAX).enumerate() {
            let outcome = self.batch_once(chunk);
            let refused_here = outcome.or_else(|error| self.reopen(error))?;
            let offset = number * BATCH_MESSAGES_MAX;
            refused.extend(refused_here.into_iter().map(|it| Refused { index: offset + it.index, ..it }));
        }
        Ok(refused)
    }

    /// Everything of the kind that `message` asks for.
    pub fn dump(&mut self, message: &RouteNetlinkMessage) -> Result<Vec<RouteNetlinkMessage>, NetlinkError> {
        for _ in 0..DUMP_ATTEMPTS {
            if let Some(all) = self.dump_once(message).or_else(|error| self.reopen(error))? {
                return Ok(all);
            }
        }
        Err(NetlinkError::Interrupted)
    }

    /// Answers to what came before must not be taken for answers to what comes after.
    fn reopen<T>(&mut self, error: NetlinkError) -> Result<T, NetlinkError> {
        let (socket, port) = open_socket()?;
        self.socket = socket;
        self.port.store(port, Ordering::Relaxed);
        Err(error)
    }

    fn batch_once(&mut self, requests: &[Request]) -> Result<Vec<Refused>, NetlinkError> {
        let first = self.sequence;
        let mut bytes = Vec::with_capacity(requests.len() * 64);
        for (index, request) in requests.iter().enumerate() {
            let is_last = index + 1 == requests.len();
            let flags = NLM_F_REQUEST | request.flags | if is_last { NLM_F_ACK } else { 0 };
            self.append(&mut bytes, request.message.clone(), flags);
        }
        self.socket.send(&bytes, 0)?;
        let last = self.sequence.wrapping_sub(1);
        let mut errors = BTreeMap::new();
        loop {
            for answer in self.receive()? {
                let (header, payload) = answer.into_parts();
                let NetlinkPayload::Error(error) = payload else { continue };
                let index = header.sequence_number.wrapping_sub(first) as usize;
                if let Some(code) = error.code
                    && index < requests.len()
                {
                    errors.insert(index, Errno::from_raw(-code.get()));
                }
                if header.sequence_number == last {
                    return Ok(errors.into_iter().map(|(index, errno)| Refused { index, errno }).collect());
                }
            }
        }
    }

    /// `None` if the kernel says that what it listed had changed meanwhile.
    fn dump_once(
        &mut self,
        message: &RouteNetlinkMessage,
    ) -> Result<Option<Vec<RouteNetlinkMessage>>, NetlinkError> {
        let sequence = self.sequence;
        let mut bytes = Vec::new();
        self.append(&mut bytes, message.clone(), NLM_F_REQUEST | NLM_F_DUMP);
        self.socket.send(&bytes, 0)?;
        let (mut all, mut whole) = (Vec::new(), true);
        loop {
            for answer in self.receive()? {
                let (header, payload) = answer.into_parts();
                if header.sequence_number != sequence {
                    continue;
                }
                whole &= header.flags & NLM_F_DUMP_INTR == 0;
                match payload {
                    NetlinkPayload::InnerMessage(message) => all.push(message),
                    NetlinkPayload::Done(_) => return Ok(whole.then_some(all)),
                    NetlinkPayload::Error(error) => {
                        return Err(NetlinkError::Dump(Errno::from_raw(-error.raw_code())));
                    }
                    _ => {}
                }
            }
        }
    }

    fn append(&mut self, bytes: &mut Vec<u8>, message: RouteNetlinkMessage, flags: u16) {
        let mut header = NetlinkHeader::default();
        header.sequence_number = self.sequence;
        header.flags = flags;
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
        message.finalize();
        let start = bytes.len();
        bytes.resize(start + aligned(message.buffer_len()), 0);
        message.serialize(&mut bytes[start..]);
    }

    /// One datagram's messages.
    fn receive(&mut self) -> Result<Vec<NetlinkMessage<RouteNetlinkMessage>>, NetlinkError> {
        self.received.clear();
        while let Err(error) = self.socket.recv(&mut self.received, 0) {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error.into());
            }
        }
        let mut messages = Vec::new();
        let mut rest = self.received.as_slice();
        while let Some(length) = rest.first_chunk::<4>().map(|bytes| u32::from_ne_bytes(*bytes) as usize) {
            let Some(bytes) = rest.get(..length).filter(|_| length >= 16) else {
                return Err(NetlinkError::Decode(format!("{length} bytes announced, {} there", rest.len())));
            };
            // A listing may hold routes of kinds that the decoder does not know; they are not ours.
            match NetlinkMessage::deserialize(bytes) {
                Ok(message) => messages.push(message),
                Err(error) => tracing::debug!(%error, "skipped a netlink message"),
            }
            rest = rest.get(aligned(length)..).unwrap_or_default();
        }
        Ok(messages)
    }
}

fn open_socket() -> io::Result<(Socket, u32)> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    let port = socket.bind_auto()?.port_number();
    socket.connect(&SocketAddr::new(0, 0))?;
    // Errors come without the request they are about: 128 of them fit into any buffer.
    socket.set_cap_ack(true)?;
    // With strict checking the kernel filters listings by table and protocol. Without it (before Linux 4.20) we do.
    if let Err(error) = socket.set_netlink_get_strict_chk(true) {
        tracing::debug!(%error, "the kernel does not filter netlink listings");
    }
    socket2::SockRef::from(&socket).set_read_timeout(Some(ANSWER_TIMEOUT))?;
    Ok((socket, port))
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}
