//! What is found of a connection and of its tunnels, whoever asks: the way of a packet, which is about one destination, or a
//! diagnosis, which is about all of them.

use ipnet::Ipv4Net;

use causeway_wire::format_timestamp;

use super::{Code, Outcome, Step};
use crate::desired::DomainOwner;
use crate::observed::{
    NatDetected, NegotiatedSelectors, ObservedConnection, ObservedTraffic, ObservedTunnel, TunnelStatus,
};
use crate::resource::tunnel::Tunnel;
use crate::resource::vpn_connection::{VpnConnection, subnets};
use crate::routing::Route;

/// For how long packets may be sent without an answer before that is worth a word, in milliseconds.
const SILENCE_MS: i64 = 30_000;
/// How many destinations a sentence names.
const NAMED_MAX: usize = 5;

/// Where a security association lets packets go.
pub(super) struct Reach {
    local: Vec<Ipv4Net>,
    remote: Vec<Ipv4Net>,
    words: String,
}

impl From<&NegotiatedSelectors> for Reach {
    fn from(selectors: &NegotiatedSelectors) -> Self {
        let NegotiatedSelectors { local, remote } = selectors;
        Self {
            local: Ipv4Net::aggregate(local),
            remote: Ipv4Net::aggregate(remote),
            words: between(local, remote),
        }
    }
}

impl Reach {
    /// The networks on both sides, as they were negotiated.
    pub(super) fn words(&self) -> &str {
        &self.words
    }

    /// Whether all of a destination can be reached.
    pub(super) fn leads_to(&self, dest: &Ipv4Net) -> bool {
        self.remote.iter().any(|net| net.contains(dest))
    }

    /// Whether all of a source can send.
    pub(super) fn takes_from(&self, source: &Ipv4Net) -> bool {
        self.local.iter().any(|net| net.contains(source))
    }

    fn covers(&self, route: &Route) -> bool {
        self.leads_to(&route.of.dest) && route.of.policy.is_none_or(|policy| self.takes_from(&policy.source))
    }
}

/// The networks on both sides of a tunnel.
pub(crate) fn between(local: &[Ipv4Net], remote: &[Ipv4Net]) -> String {
    format!("{} === {}", subnets(local), subnets(remote))
}

/// What to do where networks are missing in what was negotiated.
pub(super) fn widen(connection: &VpnConnection) -> String {
    let operation = match connection.vpn_gateway {
        Some(_) => "ModifyVpnConnectionAttribute",
        None => "ModifyVpnAttachmentAttribute",
    };
    format!("Widen LocalSubnet and RemoteSubnet with {operation}, and the networks at the peer likewise.")
}

/// How a route is made in a domain.
pub(super) fn creates(owner: Option<&DomainOwner>) -> &'static str {
    match owner {
        Some(DomainOwner::VpnGateway(_)) => {
            "Make one with CreateVpnRouteEntry or CreateVpnPbrRouteEntry over the connection that leads there."
        }
        _ => "Make one with CreateVcoRouteEntry on the connection that leads there.",
    }
}

/// Whether addresses are translated between the peers, and whether the tunnel can cope. A peer that wants packets inside UDP
/// says that its own is, whether or not that is so.
pub(crate) fn nat(tunnel: &Tunnel, seen: &ObservedTunnel) -> Option<Step> {
    let id = &tunnel.id;
    let translated = match seen.nat? {
        NatDetected { ours: false, theirs: false } => return None,
        NatDetected { ours: true, theirs: true } => {
            format!("The addresses of both peers are translated on the way of the tunnel {id}")
        }
        NatDetected { ours: true, theirs: false } => {
            format!("This gateway's address is translated on the way of the tunnel {id}")
        }
        NatDetected { ours: false, theirs: true } => {
            format!("The peer's address is translated on the way of the tunnel {id}, or the peer says so")
        }
    };
    Some(if tunnel.enable_nat_traversal {
        Step::passed(Code::NatInBetween, format!("{translated}; its packets go inside UDP."))
    } else {
        Step::new(
            Outcome::Hint,
            Code::NatTraversalOff,
            format!(
                "{translated}, and EnableNatTraversal is off: its packets do not go inside UDP, and most translators drop them."
            ),
            "Set EnableNatTraversal with ModifyTunnelAttribute, and NAT traversal at the peer.",
        )
    })
}

/// That a tunnel is up, and that what would keep it up does not succeed.
pub(crate) fn rekeying(tunnel: &Tunnel, seen: &ObservedTunnel) -> Option<Step> {
    let error = seen.last_error.as_ref().filter(|_| seen.status == TunnelStatus::IpsecSaEstablished)?;
    let (_, remedy) = super::tunnel::meaning(seen.failure.as_ref());
    let message = format!(
        "The tunnel {} is up and will not stay so, because it cannot be renewed: {error}.",
        tunnel.id
    );
    Some(Step::new(Outcome::Hint, Code::TunnelRekeyingFails, message, remedy))
}

/// What is missing in what the peer agreed to of the networks that are configured. Whoever configures 0.0.0.0/0 leaves them
/// to the peer.
pub(crate) fn narrowed(connection: &VpnConnection, tunnel: &Tunnel, seen: &ObservedTunnel) -> Option<Step> {
    let VpnConnection { local_subnet, remote_subnet, .. } = connection;
    let reach = Reach::from(seen.selectors.as_ref()?);
    let lacks_local = local_subnet.iter().any(|net| !reach.takes_from(net));
    let lacks_remote = remote_subnet.iter().any(|net| !reach.leads_to(net));
    if !lacks_local && !lacks_remote {
        return None;
    }
    let is_left_open = |nets: &[Ipv4Net]| nets.iter().any(|net| net.prefix_len() == 0);
    let is_meant =
        (!lacks_local || is_left_open(local_subnet)) && (!lacks_remote || is_left_open(remote_subnet));
    let message = format!(
        "The peer of the tunnel {} agreed to {} of {}: what is between other networks is dropped.",
        tunnel.id,
        reach.words(),
        between(local_subnet, remote_subnet)
    );
    let remedy = "Give the peer the same networks, the other way round, or set LocalSubnet and RemoteSubnet to what is meant.";
    Some(match is_meant {
        true => Step::passed(Code::SelectorsNarrowed, message),
        false => Step::new(Outcome::Hint, Code::SelectorsNarrowed, message, remedy),
    })
}

/// The routes over a connection that a tunnel does not let through.
pub(crate) fn outside(
    connection: &VpnConnection,
    routes: impl Iterator<Item = Route>,
    selectors: &NegotiatedSelectors,
) -> Option<Step> {
    let reach = Reach::from(selectors);
    let (mut count, mut dropped) = (0_usize, Destinations::default());
    for route in routes {
        count += 1;
        if !reach.covers(&route) {
            dropped.add(&route);
        }
    }
    let outcome = match dropped.count {
        0 => return None,
        all if all == count => Outcome::Failed,
        _ => Outcome::Hint,
    };
    let message = format!(
        "{} of {count} routes over {} lie outside the negotiated traffic selectors {}: what goes to {dropped} is dropped.",
        dropped.count,
        connection.id,
        reach.words()
    );
    Some(Step::new(outcome, Code::DestinationOutsideSelectors, message, widen(connection)))
}

/// Whether routes over a connection lead anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A tunnel takes what they have.
    Open,
    /// No tunnel is up, and what they have is dropped.
    Down,
    /// They are withdrawn, because no tunnel passes the health check.
    Withdrawn,
}

impl Way {
    pub(crate) fn of(connection: &VpnConnection, observed: Option<&ObservedConnection>) -> Self {
        match observed {
            Some(observed) if observed.is_withdrawn => Self::Withdrawn,
            observed if connection.status(observed) == TunnelStatus::IpsecSaEstablished => Self::Open,
            _ => Self::Down,
        }
    }
}

/// What becomes of packets meanwhile.
const DOWN_REMEDY: &str =
    "Packets are dropped, and do not leave in clear, until a tunnel is up or another route takes them.";
const WITHDRAWN_REMEDY: &str = "Until a tunnel passes it, packets take another route, which may be one of this machine that lets them out in clear: \
     where it must not be, give main a route of type blackhole there, or the health check the Policy reserve_route.";

/// That no route to the destination of one can carry. Which tunnel it is that should be up, and why it is not, is said of each.
pub(super) fn nothing_carries(route: &Route, are_withdrawn: bool) -> Step {
    let (lack, remedy) = match are_withdrawn {
        true => ("passes the health check", WITHDRAWN_REMEDY),
        false => ("is up", DOWN_REMEDY),
    };
    let message = format!("{route} is preferred, and no route to the destination has a tunnel that {lack}.");
    Step::new(Outcome::Hint, Code::NoRouteIsUp, message, remedy)
}

/// Whether anything takes a connection, and whether it can. Which tunnel should be up, and why it is not, is said of each.
pub(crate) fn routes(connection: &VpnConnection, routes: impl Iterator<Item = Route>, way: Way) -> Vec<Step> {
    let id = &connection.id;
    let mut taken = Destinations::default();
    routes.for_each(|route| taken.add(&route));
    if taken.count == 0 {
        let remedy = creates(connection.domain_owner().as_ref());
        let message = format!("{id} has no routes: nothing takes it.");
        return vec![Step::failed(Code::ConnectionHasNoRoutes, message, remedy)];
    }
    let has = Step::passed(Code::ConnectionHasRoutes, format!("It has {} routes.", taken.count));
    let without = |why: &str, remedy| {
        let message = format!("The routes over {id} lead nowhere, because {why}: {taken}.");
        Step::new(Outcome::Hint, Code::RouteWithoutTunnel, message, remedy)
    };
    let without = match way {
        Way::Open => None,
        Way::Down => Some(without("none of its tunnels is up", DOWN_REMEDY)),
        Way::Withdrawn => Some(without("no tunnel of it passes the health check", WITHDRAWN_REMEDY)),
    };
    std::iter::once(has).chain(without).collect()
}

/// When the last packets passed, and whether they only go one way.
pub(crate) fn traffic(passed: ObservedTraffic, now_ms: i64) -> [Step; 2] {
    let ObservedTraffic { sent_ms: sent, received_ms: received } = passed;
    let at = |at_ms: i64| {
        format!("{} ({} s ago)", format_timestamp(at_ms), now_ms.saturating_sub(at_ms).max(0) / 1_000)
    };
    let hint = |code, words: String, remedy: &str| Step::new(Outcome::Hint, code, words, remedy);
    let look =
        "Look whether the peer routes the way back into the tunnel, and whether the hosts behind it answer.";
    [
        match sent {
            Some(ms) => Step::passed(Code::PacketsSent, format!("The last packet was sent at {}.", at(ms))),
            None => hint(
                Code::NothingSent,
                "No packet was sent through its tunnels since the gateway started.".to_owned(),
                "Where packets should be sent, look whether they reach this gateway: the hosts behind it need a route to it.",
            ),
        },
        match (sent, received) {
            (Some(sent), Some(received)) if sent.saturating_sub(received) > SILENCE_MS => hint(
                Code::NothingComesBack,
                format!("Packets are sent, and the last one came back at {}.", at(received)),
                look,
            ),
            (_, Some(ms)) => {
                Step::passed(Code::PacketsReceived, format!("The last packet was received at {}.", at(ms)))
            }
            (_, None) => hint(
                Code::NothingReceived,
                "No packet was received through its tunnels since the gateway started.".to_owned(),
                look,
            ),
        },
    ]
}

/// Destinations, the first of them by name.
#[derive(Default)]
struct Destinations {
    count: usize,
    named: Vec<String>,
}

impl Destinations {
    fn add(&mut self, route: &Route) {
        self.count += 1;
        if self.named.len() < NAMED_MAX {
            let source = route.of.policy.map(|policy| format!("{} from {}", route.of.dest, policy.source));
            self.named.push(source.unwrap_or_else(|| route.of.dest.to_string()));
        }
    }
}

impl std::fmt::Display for Destinations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.named.join(", "))?;
        match self.count.saturating_sub(self.named.len()) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
