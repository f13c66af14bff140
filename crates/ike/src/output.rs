//! What an endpoint asks its owner to do.

use std::net::{Ipv4Addr, SocketAddrV4};

use causeway_crypto::{Encryption, Integrity, Secret};
use ipnet::Ipv4Net;

use crate::config::TunnelKey;
use crate::failure::{Failure, NatDetected};

/// One thing to do, in the order given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Send this IKE message. Port 4500 on `local` means: put the non-ESP marker (four zero bytes) before it.
    Transmit {
        /// Where from.
        local: SocketAddrV4,
        /// Where to.
        remote: SocketAddrV4,
        /// The message without a marker.
        message: Vec<u8>,
    },
    /// Send a NAT keepalive: one byte, 0xff (RFC 3948, 2.3).
    Keepalive {
        /// Where from.
        local: SocketAddrV4,
        /// Where to.
        remote: SocketAddrV4,
    },
    /// Install both directions of a child SA: receive on it at once, send on it when `ChildUse` says so.
    ChildUp {
        /// Whose.
        tunnel: TunnelKey,
        /// The child SA with its keys.
        child: ChildSa,
    },
    /// From now on send on these child SAs of the tunnel, and on no other: a packet takes the first whose selectors it is within.
    ChildUse {
        /// Whose.
        tunnel: TunnelKey,
        /// Names the child SAs, the preferred one first; never empty.
        inbound_spis: Vec<u32>,
    },
    /// The peer's address or port has changed (its translator has a new mapping): send to the new one.
    ChildMoved {
        /// Whose.
        tunnel: TunnelKey,
        /// Names the child SA.
        inbound_spi: u32,
        /// As in [`ChildSa::encapsulation`].
        encapsulation: Option<(SocketAddrV4, SocketAddrV4)>,
    },
    /// Remove both directions of a child SA. If it was in use and others are left, a `ChildUse` came before.
    ChildDown {
        /// Whose.
        tunnel: TunnelKey,
        /// Names the child SA.
        inbound_spi: u32,
    },
    /// The tunnel's status, or the reason for it, has changed, or the tunnel is new.
    Status {
        /// Whose.
        tunnel: TunnelKey,
        /// What it is now.
        status: TunnelStatus,
        /// Why it is not better, or why it will not stay so; none while all is well.
        failure: Option<Failure>,
        /// Where addresses are translated, as long as the peers have an IKE SA that tells.
        nat: Option<NatDetected>,
    },
    /// A line for the log, told once and not at each attempt. Never contains secrets.
    Log {
        /// Whose; none if it concerns no tunnel.
        tunnel: Option<TunnelKey>,
        /// How bad it is.
        level: Level,
        /// What happened, as a sentence for a person.
        text: String,
    },
}

/// How far the negotiation of a tunnel has come; the API's `Status`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TunnelStatus {
    /// `ike_sa_not_established`: no peer has authenticated.
    IkeSaNotEstablished,
    /// `ike_sa_established`: the peer has authenticated, the child SA is being negotiated.
    IkeSaEstablished,
    /// `ipsec_sa_not_established`: the peer has authenticated, the negotiation of the child SA failed.
    IpsecSaNotEstablished,
    /// `ipsec_sa_established`: packets can pass.
    IpsecSaEstablished,
}

/// How bad what a log line tells is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// As it should be.
    Info,
    /// Works, or will be tried again.
    Warning,
    /// Will not work before somebody changes something.
    Error,
}

/// A pair of ESP SAs (RFC 4303, tunnel mode) as negotiated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChildSa {
    /// The SPI in packets to us, chosen by us; no two live children of one endpoint have the same.
    pub inbound_spi: u32,
    /// The SPI in packets to the peer, chosen by it.
    pub outbound_spi: u32,
    /// Encrypts packets.
    pub encryption: Encryption,
    /// Protects packets; none when the encryption authenticates by itself.
    pub integrity: Option<Integrity>,
    /// Whether sequence numbers have 64 bits, of which 32 are sent (RFC 4303, 2.2.1).
    pub extended_sequence_numbers: bool,
    /// For packets to us.
    pub inbound_key: DirectionKeys,
    /// For packets to the peer.
    pub outbound_key: DirectionKeys,
    /// What the peer may send to and we may send from.
    pub local_ts: Vec<Ipv4Net>,
    /// What we may send to and the peer may send from.
    pub remote_ts: Vec<Ipv4Net>,
    /// Our and the peer's address and port if packets go inside UDP (RFC 3948); none for ESP as an IP protocol.
    pub encapsulation: Option<(SocketAddrV4, SocketAddrV4)>,
    /// Our address.
    pub local: Ipv4Addr,
    /// The peer's address.
    pub remote: Ipv4Addr,
}

/// The keys of one direction of a child SA.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DirectionKeys {
    /// The encryption key, followed by the salt for AES-GCM.
    pub encryption: Secret,
    /// The integrity key; empty for AES-GCM.
    pub integrity: Secret,
}
