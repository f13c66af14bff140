//! Detection of address translation between the peers (RFC 7296, 2.23).

use std::net::SocketAddrV4;

use causeway_crypto::sha1;

use crate::failure::NatDetected;
use crate::message::contents::Contents;
use crate::message::notify::{Notify, NotifyKind};
use crate::message::payload::Payload;

/// Where IKE begins.
pub(crate) const IKE_PORT: u16 = 500;
/// Where IKE goes on, and ESP inside UDP is, when there is address translation.
pub(crate) const NAT_PORT: u16 = 4500;

/// Our and the peer's address and port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Path {
    pub local: SocketAddrV4,
    pub remote: SocketAddrV4,
}

impl Path {
    /// The same addresses on the ports for address translation.
    pub(crate) fn on_nat_port(self) -> Path {
        let to = |address: SocketAddrV4| SocketAddrV4::new(*address.ip(), NAT_PORT);
        Path { local: to(self.local), remote: to(self.remote) }
    }
}

/// What is known about address translation on the way to the peer.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Nat {
    /// Both sides know how to go through it.
    pub supported: bool,
    /// Our address is translated.
    pub local: bool,
    /// The peer's address is translated, or it claims so.
    pub remote: bool,
    /// We encapsulate whatever was detected.
    pub forced: bool,
    /// What was detected where nothing is to be done about it.
    pub ignored: Option<NatDetected>,
}

impl Nat {
    /// Compares what the peer hashed with what we see.
    pub(crate) fn detect(
        contents: &Contents,
        spi_initiator: u64,
        spi_responder: u64,
        path: Path,
        forced: bool,
    ) -> Nat {
        let hash = |address| hash(spi_initiator, spi_responder, address);
        let sent = |kind: NotifyKind| contents.notifies.iter().filter(move |notify| notify.kind == kind);
        let supported = sent(NotifyKind::NatDetectionSourceIp).next().is_some()
            && sent(NotifyKind::NatDetectionDestinationIp).next().is_some();
        let source = sent(NotifyKind::NatDetectionSourceIp).any(|notify| notify.data == hash(path.remote));
        let destination =
            sent(NotifyKind::NatDetectionDestinationIp).any(|notify| notify.data == hash(path.local));
        Nat {
            supported,
            local: supported && !destination,
            remote: supported && !source,
            forced: supported && forced,
            ignored: None,
        }
    }

    /// The same for a tunnel that does not traverse it: it is only told.
    pub(crate) fn ignore(self) -> Nat {
        Nat { ignored: self.told(), ..Nat::default() }
    }

    /// What of it is told, once the peers have looked.
    pub(crate) fn told(self) -> Option<NatDetected> {
        self.ignored.or_else(|| self.supported.then(|| self.detected()))
    }

    /// Whose address is translated.
    pub(crate) fn detected(self) -> NatDetected {
        NatDetected { ours: self.local, theirs: self.remote }
    }

    /// Whether packets go inside UDP.
    pub(crate) fn encapsulates(self) -> bool {
        self.local || self.remote || self.forced
    }
}

/// The notifications for the peer to detect translation by; with `claim`, it detects some whether or not there is any.
pub(crate) fn notifications(spi_initiator: u64, spi_responder: u64, path: Path, claim: bool) -> [Payload; 2] {
    let nobody = SocketAddrV4::new([0, 0, 0, 0].into(), 0);
    let source = hash(spi_initiator, spi_responder, if claim { nobody } else { path.local });
    let destination = hash(spi_initiator, spi_responder, path.remote);
    [
        Payload::Notify(Notify::new(NotifyKind::NatDetectionSourceIp, &source)),
        Payload::Notify(Notify::new(NotifyKind::NatDetectionDestinationIp, &destination)),
    ]
}

fn hash(spi_initiator: u64, spi_responder: u64, address: SocketAddrV4) -> [u8; 20] {
    let (initiator, responder) = (spi_initiator.to_be_bytes(), spi_responder.to_be_bytes());
    sha1(&[&initiator, &responder, &address.ip().octets(), &address.port().to_be_bytes()])
}
