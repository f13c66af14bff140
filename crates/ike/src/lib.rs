//! IKEv2 (RFC 7296) with pre-shared keys and certificates, and IKEv1 (RFC 2409) with pre-shared keys, as initiator and as
//! responder, without I/O.
//!
//! # The types
//!
//! - [`Endpoint`] is one gateway: all of its tunnels, their IKE SAs, cookies and limits.
//! - [`TunnelConfig`] is what one tunnel is configured to be: two addresses, two [`Identity`]s, a pre-shared key, exactly one
//!   [`IkeProposal`], exactly one [`ChildProposal`] and the traffic it carries.
//! - [`Output`] is everything an `Endpoint` asks for: datagrams to send, child SAs to install, to use and to remove, the status
//!   of each tunnel, and lines for its log.
//! - [`Limits`] bounds everything that a peer, or somebody who claims to be one, could make grow.
//!
//! # The flow
//!
//! Whoever owns the sockets and the clock calls, in any order: [`Endpoint::put_tunnel`] and [`Endpoint::remove_tunnel`] when
//! the configuration changes, [`Endpoint::on_datagram`] for each IKE message received, [`Endpoint::on_inbound_traffic`] now and
//! then for tunnels out of which packets came, [`Endpoint::on_peer_moved`] where they came from elsewhere than before, and
//! [`Endpoint::handle_timeout`] when [`Endpoint::next_timeout`] has come. After each call it takes [`Endpoint::poll_output`]
//! until there is nothing left. Time is the [`std::time::Duration`] since a start of the caller's choosing and must not go
//! backwards; randomness is an argument of [`Endpoint::new`]. The same calls with the same randomness give the same outputs,
//! byte for byte.
//!
//! ```text
//!   datagram -> endpoint: which IKE SA (by SPI) -> protect: authentic? -> sa: which message id, seen before?
//!            -> exchange: init | auth | create_child | informational -> Output
//!   datagram of IKEv1 -> v1, which has a page of its own
//!   timeout  -> sa: retransmit, rekey, liveness, expiry   and   tunnel: initiate, with back-off, for ever
//! ```
//!
//! # Child SAs
//!
//! `ChildUp` installs both directions of a child SA, `ChildUse` says which of a tunnel's to send on from then on, `ChildDown`
//! removes it. Rekeying makes before it breaks: the new child is up, and its peer known to have it, before the old one is no
//! longer used, and packets still under way on the old one are received for [`Limits::linger`] longer. Where a peer makes no
//! other child in an IKE SA, another IKE SA is begun in time for the child that comes with it.
//!
//! A tunnel has one child SA for all of its traffic where the peer takes that, and several where it takes less at a time.
//!
//! # Who is at the other end
//!
//! Each side proves itself by the pre-shared key, or by a certificate where [`CertificateAuth`] says so; the two need not do the
//! same. Every reason why a tunnel is not up comes as a [`Failure`]: a sentence, and a kind that a program can tell apart.
//!
//! # What is absent
//!
//! No EAP, no revocation of certificates, no configuration payloads, no MOBIKE, no transport mode: none of them is advertised, and
//! each is declined as RFC 7296 says when a peer asks.

mod child;
mod config;
mod cookie;
mod endpoint;
mod exchange;
mod failure;
mod fragments;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gaps;
mod half_open;
mod identity;
mod keys;
mod message;
mod name;
mod nat;
mod outbox;
mod output;
mod proof;
mod proposal;
mod protect;
mod sa;
mod shared;
mod traffic;
mod tunnel;
mod v1;

pub use config::{
    CertificateAuth, ChildProposal, IkeProposal, IkeVersion, Limits, Mode, TunnelConfig, TunnelKey,
};
pub use endpoint::Endpoint;
pub use failure::{CertificateProblem, Failure, FailureKind, NatDetected, Negotiated, ProposalItem};
pub use identity::Identity;
pub use output::{ChildSa, DirectionKeys, Level, Output, TunnelStatus};
