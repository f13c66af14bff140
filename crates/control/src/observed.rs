//! What the gateway reports: what is, beside what is wanted.
//!
//! Nothing of it is stored. What has not been reported is unknown, and is shown as not there yet.

use std::collections::BTreeMap;
use std::fmt;

use causeway_wire::format_timestamp;
use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::Serialize;

use crate::desired::Domain;
use crate::desired::RouteMatch;
use crate::ids::{TunnelId, VpnConnectionId, VpnGatewayId};

/// What a tunnel does, from the worst to the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum TunnelStatus {
    /// The peers have not agreed on an IKE SA.
    #[default]
    IkeSaNotEstablished,
    /// There is an IKE SA, and the peers did not agree on IPsec SAs.
    IpsecSaNotEstablished,
    /// There is an IKE SA; the IPsec SAs are being negotiated.
    IkeSaEstablished,
    /// Packets can pass.
    IpsecSaEstablished,
}

impl TunnelStatus {
    /// The word that the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IkeSaNotEstablished => "ike_sa_not_established",
            Self::IpsecSaNotEstablished => "ipsec_sa_not_established",
            Self::IkeSaEstablished => "ike_sa_established",
            Self::IpsecSaEstablished => "ipsec_sa_established",
        }
    }
}

impl fmt::Display for TunnelStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the gateway sees of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedConnection {
    /// The last generation that is wholly in force.
    pub generation: u64,
    /// Its tunnels.
    pub tunnels: BTreeMap<TunnelId, ObservedTunnel>,
    /// Whether its routes are withdrawn because no tunnel passes the health check.
    pub is_withdrawn: bool,
}

impl ObservedConnection {
    /// Whether a route over it forwards: a tunnel is up, and its routes are not withdrawn.
    pub fn carries(&self) -> bool {
        let mut tunnels = self.tunnels.values();
        !self.is_withdrawn && tunnels.any(|it| it.status == TunnelStatus::IpsecSaEstablished)
    }
}

/// What the gateway sees of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedTunnel {
    /// How far it is.
    pub status: TunnelStatus,
    /// Why it is not further, or why it will not stay so, in words for its owner.
    pub last_error: Option<String>,
    /// The same for programs, as far as it is known; none where there is no error.
    pub failure: Option<FailureKind>,
    /// Where addresses are translated, once the peers have found out.
    pub nat: Option<NatDetected>,
    /// What the peers agreed to send through the security association that is in use; none while there is none.
    pub selectors: Option<NegotiatedSelectors>,
    /// Whether packets get through, as far as that is known beyond its being up.
    pub health: TunnelHealth,
}

impl ObservedTunnel {
    /// Whether packets can pass, and nothing is known to keep them from getting through.
    pub fn is_healthy(&self) -> bool {
        self.status == TunnelStatus::IpsecSaEstablished && !self.health.is_bad()
    }
}

/// What is known of a tunnel beyond its being up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum TunnelHealth {
    /// Nothing: there is no health check, or no answer so far.
    #[default]
    Unknown,
    /// Its health check is answered.
    Healthy,
    /// It was down, and its health check has not been answered for long enough since; another tunnel is preferred.
    Returning,
    /// The addresses of the health check are outside of what was negotiated, so that it cannot be done.
    OutsideSelectors,
    /// The peer sends through another tunnel that is good, and that one is preferred; nothing else is known against it.
    Left,
    /// It sends, and nothing comes back: a black hole, as it looks.
    Silent,
    /// Its health check fails.
    Unhealthy,
}

impl TunnelHealth {
    /// Whether another tunnel is to be preferred because packets seem to get lost in this one.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Silent | Self::Unhealthy)
    }
}

/// The traffic selectors of a security association (RFC 7296, 2.9).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NegotiatedSelectors {
    /// The networks on the gateway's side.
    pub local: Vec<Ipv4Net>,
    /// The networks on the peer's side.
    pub remote: Vec<Ipv4Net>,
}

/// What is programmed of a connection, and when packets passed: asked for, rather than reported, because packets pass all
/// the time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedForwarding {
    /// The weight of its entry for the prefix in the forwarding table, if it has one.
    pub entry: Option<u8>,
    /// The device that Linux brings the prefix to, if it does. The routes of all connections of the domain are one table in
    /// Linux: what this connection has withdrawn may be brought for another, or by a shorter prefix.
    pub linux_route: Option<String>,
    /// The tunnel that its packets take now, if one is up.
    pub carrier: Option<TunnelId>,
    /// When packets passed through its tunnels.
    pub tunnels: BTreeMap<TunnelId, ObservedTraffic>,
}

/// When packets passed through a tunnel, in UNIX milliseconds; none if none has passed since the gateway started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ObservedTraffic {
    /// To the peer, the last time.
    pub sent_ms: Option<i64>,
    /// From the peer, the last time.
    pub received_ms: Option<i64>,
}

/// What kind of thing is wrong with a tunnel, in words of no single version of IKE.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// Nobody answers at the peer's address, or the peer does not answer any more.
    PeerUnreachable,
    /// The peer speaks another version of IKE: `IkeVersion`.
    Version,
    /// The algorithms differ.
    Proposal {
        /// Whose algorithms.
        of: Negotiated,
        /// Which of them, as far as can be known; empty if the peer only said that they do.
        items: Vec<ProposalItem>,
    },
    /// The peer could not prove that it has our pre-shared key: `Psk`.
    PreSharedKey,
    /// The peer refused our proof: `Psk`, `LocalId` or `RemoteId` differs, and it does not say which.
    AuthenticationRefused,
    /// The peer is somebody else than configured: `RemoteId`.
    RemoteIdentity,
    /// The peer wants us to be somebody else than configured: `LocalId`.
    LocalIdentity,
    /// The peer's certificate does not prove who it is: `RemoteCaCertificate`.
    Certificate(CertificateProblem),
    /// The networks differ: `LocalSubnet` and `RemoteSubnet`.
    TrafficSelectors,
    /// The peer ended it, without saying why.
    ClosedByPeer,
    /// The peer refused for another reason; the sentence has its word.
    Refused,
    /// The peer said something that makes no sense.
    Malformed,
    /// The lifetime ended before the peers had agreed on a successor.
    LifetimeEnded,
    /// The tunnel cannot be negotiated as it is configured; the sentence says why.
    Configuration,
}

/// What is being agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Negotiated {
    /// The IKE SA (phase 1): `TunnelIkeConfig`.
    Ike,
    /// The IPsec SA (phase 2): `TunnelIpsecConfig`.
    Ipsec,
}

/// One item of what is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProposalItem {
    /// `IkeEncAlg` or `IpsecEncAlg`.
    Encryption,
    /// `IkeAuthAlg` or `IpsecAuthAlg`.
    Integrity,
    /// The pseudo-random function, which follows `IkeAuthAlg`.
    Prf,
    /// `IkePfs` or `IpsecPfs`.
    Group,
    /// Whether sequence numbers have 32 or 64 bits.
    SequenceNumbers,
    /// How the peers authenticate.
    AuthenticationMethod,
    /// `IkeLifetime` or `IpsecLifetime`.
    Lifetime,
}

/// What is wrong with a peer's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificateProblem {
    /// It sent none.
    Missing,
    /// It cannot be read, or is of a kind that is not supported.
    Unusable,
    /// It is not valid any more.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It does not chain to the configured authority.
    UnknownAuthority,
    /// It names somebody else.
    Identity,
    /// The signature is not by its key.
    Signature,
}

/// Where addresses are translated between the peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NatDetected {
    /// The gateway's address is translated on the way to the peer.
    pub ours: bool,
    /// The peer's address is translated on the way to the gateway, or it claims so.
    pub theirs: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What happened.
    Info,
    /// What may surprise.
    Warning,
    /// What does not work.
    Error,
}

impl Level {
    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

/// A line for the log of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Whose log it is.
    pub connection: VpnConnectionId,
    /// The tunnel that it is about, if it is about one.
    pub tunnel: Option<TunnelId>,
    /// How bad it is.
    pub level: Level,
    /// What there is to say. Never a secret.
    pub text: String,
}

/// A line of a log, with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When, in UNIX milliseconds.
    pub at_ms: i64,
    /// What.
    pub line: LogLine,
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = &self.line;
        let tunnel = line.tunnel.as_ref().map(|tunnel| format!(" {tunnel}")).unwrap_or_default();
        write!(f, "{} {}{tunnel} {}", format_timestamp(self.at_ms), line.level.as_str(), line.text)
    }
}

/// Where the gateway reports what is.
pub trait Observer: Send + Sync {
    /// The state of a connection, in place of what was reported before.
    fn observed(&self, id: &VpnConnectionId, observed: ObservedConnection);
    /// The connection is no longer there: nothing of it is in force.
    fn gone(&self, id: &VpnConnectionId);
    /// The domain of a VPN gateway is open; this generation of it is in force.
    fn domain_observed(&self, domain: &Domain, generation: u64);
    /// The domain of a VPN gateway is no longer there: its device, table and rule are gone.
    fn domain_gone(&self, domain: &Domain);
    /// A line for a connection's log.
    fn log(&self, line: LogLine);
}

/// Where operations read what the gateway reported.
pub trait Observations {
    /// The latest report on a connection, if there is one.
    fn get(&self, id: &VpnConnectionId) -> Option<ObservedConnection>;

    /// The last generation of a connection that is wholly in force, if there is a report.
    fn generation(&self, id: &VpnConnectionId) -> Option<u64> {
        self.get(id).map(|observed| observed.generation)
    }

    /// The last generation of a VPN gateway that is in force, while its domain is open.
    fn vpn_gateway(&self, id: &VpnGatewayId) -> Option<u64>;
    /// What is programmed of a connection, for a route if one is named; none if the engine cannot tell.
    fn forwarding(&self, _id: &VpnConnectionId, _of: Option<RouteMatch>) -> Option<ObservedForwarding> {
        None
    }
}

/// Where operations read the logs of connections.
pub trait Logs {
    /// The lines from `from_ms` to `to_ms`, both included, the oldest first.
    fn lines(&self, id: &VpnConnectionId, from_ms: i64, to_ms: i64) -> Vec<LogEntry>;
}
