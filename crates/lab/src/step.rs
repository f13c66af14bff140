//! What happens in a scenario, and what is expected of it.

use std::net::Ipv4Addr;
use std::time::Duration;

use causeway_control::observed::{FailureKind, NatDetected, TunnelStatus};

use crate::{Side, Weather};

/// A line of the steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Something happens.
    Do(Action),
    /// Something must be so, at once or in time.
    Expect(Expectation),
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The peer starts. Where nothing else has happened to it before, it was not there from the beginning.
    PeerStarts,
    /// The peer ends in good order: it deletes its SAs first.
    PeerStops,
    /// The peer ends as in a power cut.
    PeerVanishes,
    /// The peer ends as in a power cut, and starts again.
    PeerRestarts,
    /// The peer replaces an SA.
    PeerRekeys(Sa),
    /// The peer deletes the IKE SA with all that belongs to it.
    PeerDeletes,
    /// The peer goes on from another address: its own, or its translator's where it is behind one.
    PeerMoves(Ipv4Addr),
    /// The translators forget what they have remembered: what goes out gets another port.
    TranslatorsForget,
    /// The gateway's machine is restarted, so that it has forgotten everything.
    GatewayRestarts,
    /// A member of the connection is changed, as by `ModifyTunnelAttribute`.
    ConnectionChanges {
        /// The member.
        name: String,
        /// What it is then.
        value: String,
    },
    /// The connection leads to another customer gateway.
    CustomerGatewayIs(Ipv4Addr),
    /// Packets begin to flow, one each two milliseconds and back.
    TrafficStarts,
    /// From now on this befalls packets.
    WeatherIs(Weather),
    /// Nothing passes, or everything again.
    PathBreaks(bool),
    /// Time passes.
    Wait(Duration),
}

/// A kind of SA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sa {
    /// Of IKE: phase 1 in IKEv1.
    Ike,
    /// Of IPsec: phase 2 in IKEv1.
    Child,
}

/// How many packets may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// So many at most, in percent.
    AtMostPercent(u8),
    /// All of them: nothing passes.
    All,
}

/// Something that must be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// Both ends have an IKE SA and a child SA in time.
    Up {
        /// In which time.
        within: Duration,
        /// Which side began, where it matters.
        begun_by: Option<Side>,
    },
    /// The gateway reports this status of the tunnel in time.
    Status {
        /// The status, as in the API.
        status: TunnelStatus,
        /// In which time.
        within: Duration,
    },
    /// The gateway reports this as the reason why the tunnel is not up.
    Failure {
        /// The reason.
        kind: FailureKind,
        /// In which time.
        within: Duration,
    },
    /// Of twenty packets from a host behind the gateway to one behind the peer, and back, no more than this are lost.
    Ping(Lost),
    /// Of the packets that flow, no more than this are lost since they began; they flow no longer then.
    Traffic(Lost),
    /// The SA was replaced so often since the scenario began, in time.
    Rekeyed {
        /// Which SA.
        sa: Sa,
        /// How often, at least.
        times: usize,
        /// In which time.
        within: Duration,
    },
    /// Where the gateway has found addresses to be translated.
    Translated(NatDetected),
    /// ESP was seen between the two inside UDP, and not as a protocol of its own.
    EspInUdp,
    /// The peer has logged a text.
    PeerLogs(String),
}
