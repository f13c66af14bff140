//! Detection of address translation between the peers (RFC 3947, 3.2).

use std::net::SocketAddrV4;

use causeway_crypto::{Hash, Random};

use crate::nat::{Nat, Path};
use crate::v1::message::Payload;
use crate::v1::vendor::NatTraversal;

/// Our two NAT-D payloads, the peer's address first. With `claim` the peer detects translation whether or not there is any.
pub(crate) fn payloads(
    traversal: NatTraversal,
    hash: Hash,
    cookies: (u64, u64),
    path: Path,
    claim: Option<&mut dyn Random>,
) -> [Payload; 2] {
    let remote = digest(hash, cookies, path.remote);
    let mut local = digest(hash, cookies, path.local);
    if let Some(random) = claim {
        random.fill(&mut local);
    }
    [Payload::new(traversal.nat_d(), remote), Payload::new(traversal.nat_d(), local)]
}

/// Compares what the peer hashed with what we see. The first payload is about us, the others are about the peer.
pub(crate) fn detect(sent: &[Vec<u8>], hash: Hash, cookies: (u64, u64), path: Path, forced: bool) -> Nat {
    let Some((about_us, about_peer)) = sent.split_first().filter(|(_, about_peer)| !about_peer.is_empty())
    else {
        return Nat::default();
    };
    let remote = digest(hash, cookies, path.remote);
    Nat {
        supported: true,
        local: *about_us != digest(hash, cookies, path.local),
        remote: !about_peer.contains(&remote),
        forced,
        ..Nat::default()
    }
}

fn digest(hash: Hash, (initiator, responder): (u64, u64), address: SocketAddrV4) -> Vec<u8> {
    let (initiator, responder) = (initiator.to_be_bytes(), responder.to_be_bytes());
    hash.digest(&[&initiator, &responder, &address.ip().octets(), &address.port().to_be_bytes()])
}
