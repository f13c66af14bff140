//! How a packet goes, and if it does not, why: derived from what is stored and what the gateway observes.
//!
//! [`explain`] is a pure function. It goes the way that a packet goes, step by step: the route that is stored, the route
//! that wins, what is programmed, the tunnel that is up, what its security association covers, what has passed. The
//! first step that fails is the conclusion, in words that say what to do.

pub(crate) mod finding;
mod tunnel;

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::Serialize;

use crate::desired::DomainOwner;
use crate::ids::{RegionId, VpnConnectionId};
use crate::observed::{Observations, ObservedConnection, ObservedForwarding};
use crate::resource::vpn_connection::VpnConnection;
use crate::routing::{self, Route};
use crate::state::AccountState;
use finding::Way;

pub(crate) use tunnel::tunnel_step;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// In which region.
    pub region: RegionId,
    /// About what.
    pub subject: Subject,
    /// Where the packet comes from, if that is to be looked at too.
    pub source: Option<Ipv4Addr>,
    /// The time, in UNIX milliseconds.
    pub now_ms: i64,
}

/// About what it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A connection, and one of its routes if a destination is named.
    Connection(VpnConnectionId, Option<Ipv4Net>),
    /// An address, among the connections of a transit router or of a VPN gateway.
    Address(Ipv4Addr, DomainOwner),
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// In the order in which a packet meets them.
    pub steps: Vec<Step>,
    /// What they come to.
    pub conclusion: Step,
    /// The connection that was looked at: the one that was named, or the one whose route wins.
    pub connection: Option<VpnConnectionId>,
    /// The route that was looked at.
    pub route: Option<Route>,
    /// The route that would take over if it were gone.
    pub next_route: Option<Route>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was found.
    pub code: Code,
    /// Whether that is as it should be.
    pub outcome: Outcome,
    /// The same in words.
    pub message: String,
    /// What to do about it; empty where nothing is to be done.
    pub remedy: String,
}

/// Whether a step is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Outcome {
    /// It is.
    Passed,
    /// It does not keep packets from passing, and is worth knowing.
    Hint,
    /// It cannot be told.
    Unknown,
    /// It is not: no packet passes.
    Failed,
}

/// What can be found. The names do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum Code {
    /// Packets are forwarded.
    Forwards,
    /// It cannot be told whether packets are forwarded.
    CannotTell,
    /// The connection is attached to a transit router, or belongs to a VPN gateway.
    ConnectionAttached,
    /// The connection is attached to nothing.
    ConnectionNotAttached,
    /// The connection has routes.
    ConnectionHasRoutes,
    /// The connection has no routes.
    ConnectionHasNoRoutes,
    /// Routes lead over the connection, and none of its tunnels is up.
    RouteWithoutTunnel,
    /// The route is stored.
    RouteStored,
    /// The connection has no such route.
    RouteNotStored,
    /// No route has the destination.
    NoRouteForDestination,
    /// The route is the preferred one and is taken.
    RouteWins,
    /// The route is taken, because those that are preferred are down.
    RouteTakesOver,
    /// A route with the same prefix and a higher weight is taken instead.
    HigherWeightWins,
    /// A route with the same prefix and weight is taken instead: its connection's id is smaller.
    SmallerIdWins,
    /// The connection is down, and another route is taken meanwhile.
    AnotherRouteTakesOver,
    /// No route to the destination has a tunnel that is up.
    NoRouteIsUp,
    /// What is stored is in force.
    GenerationInForce,
    /// A change is not in force yet.
    GenerationPending,
    /// The gateway has not reported on the connection.
    NothingReported,
    /// The forwarding table has the prefix.
    ForwardingEntryPresent,
    /// The forwarding table does not have the prefix.
    ForwardingEntryMissing,
    /// The engine does not tell what is programmed.
    ForwardingUnknown,
    /// Linux brings the prefix to the gateway.
    LinuxRoutePresent,
    /// Linux has no route for the prefix.
    LinuxRouteMissing,
    /// The tunnel is up and carries the connection's packets.
    TunnelCarries,
    /// The tunnel is up and stands by.
    TunnelStandsBy,
    /// The tunnel is up and fails the health check.
    TunnelUnhealthy,
    /// The tunnel is up, packets are sent through it, and nothing comes back.
    TunnelSilent,
    /// The addresses of the health check are outside of what was negotiated, so that it is not done.
    HealthCheckOutsideSelectors,
    /// The connection's routes are withdrawn, because no tunnel passes the health check.
    RouteFailsHealthCheck,
    /// The peers have not agreed on algorithms.
    TunnelProposalMismatch,
    /// The pre-shared keys differ, or a peer refused the other's proof.
    TunnelAuthenticationFailed,
    /// The peer calls itself, or us, otherwise than is configured.
    TunnelIdentityMismatch,
    /// The peer does not answer.
    TunnelPeerUnreachable,
    /// The route is not published, so that Linux brings nothing.
    RouteWithdrawn,
    /// Another route for the same packets is asked before it.
    AnotherRouteIsAskedFirst,
    /// The peers have not agreed on networks.
    TunnelSelectorsRefused,
    /// The tunnel cannot be negotiated as it is configured.
    TunnelNotNegotiable,
    /// The tunnel is being negotiated.
    TunnelNegotiating,
    /// The tunnel is down.
    TunnelDown,
    /// The tunnel is up and cannot be renewed.
    TunnelRekeyingFails,
    /// Addresses are translated between the peers, and the tunnel goes through it.
    NatInBetween,
    /// Addresses are translated between the peers, and the tunnel is not to cope with it.
    NatTraversalOff,
    /// The peer agreed to a part of the configured networks only.
    SelectorsNarrowed,
    /// The security association covers the destination.
    SelectorsCover,
    /// The destination is outside of what was negotiated.
    DestinationOutsideSelectors,
    /// The source is outside of what was negotiated.
    SourceOutsideSelectors,
    /// The engine does not tell what was negotiated.
    SelectorsUnknown,
    /// Packets were sent.
    PacketsSent,
    /// No packet was sent since the gateway started.
    NothingSent,
    /// Packets were received.
    PacketsReceived,
    /// No packet was received since the gateway started.
    NothingReceived,
    /// Packets are sent, and none has come back for a while.
    NothingComesBack,
}

impl Step {
    fn new(outcome: Outcome, code: Code, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code, outcome, message: message.into(), remedy: remedy.into() }
    }

    fn passed(code: Code, message: impl Into<String>) -> Self {
        Self::new(Outcome::Passed, code, message, "")
    }

    fn failed(code: Code, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Outcome::Failed, code, message, remedy)
    }
}

/// Everything that is known, and what was found so far.
struct Inquiry<'a> {
    state: &'a AccountState,
    observations: &'a dyn Observations,
    question: &'a Question,
    steps: Vec<Step>,
    connection: Option<&'a VpnConnection>,
    route: Option<Route>,
    next_route: Option<Route>,
}

/// Answers a question about a connection that exists, or about an address.
pub fn explain(state: &AccountState, observations: &dyn Observations, question: &Question) -> Explanation {
    let (connection, route, next_route) = (None, None, None);
    let mut inquiry =
        Inquiry { state, observations, question, steps: Vec::new(), connection, route, next_route };
    match &question.subject {
        Subject::Connection(id, dest) => inquiry.ask_connection(id, *dest),
        Subject::Address(address, owner) => inquiry.ask_address(*address, owner),
    }
    if let Some(connection) = inquiry.connection {
        inquiry.follow(connection);
    }
    Explanation {
        conclusion: conclusion(&inquiry.steps),
        connection: inquiry.connection.map(|connection| connection.id.clone()),
        route: inquiry.route,
        next_route: inquiry.next_route,
        steps: inquiry.steps,
    }
}

/// The first step that fails, or that cannot be told, or that all is well.
fn conclusion(steps: &[Step]) -> Step {
    let first = |outcome| steps.iter().find(|step| step.outcome == outcome);
    match (first(Outcome::Failed), first(Outcome::Unknown)) {
        (Some(failed), _) => failed.clone(),
        (None, Some(unknown)) => Step { code: Code::CannotTell, ..unknown.clone() },
        (None, None) => Step::passed(Code::Forwards, "Packets are forwarded."),
    }
}

impl<'a> Inquiry<'a> {
    fn ask_connection(&mut self, id: &VpnConnectionId, dest: Option<Ipv4Net>) {
        let Some(connection) = self.state.vpn_connection(id) else { return };
        self.connection = Some(connection);
        let owner = connection.domain_owner();
        self.steps.push(match &owner {
            Some(owner) => Step::passed(Code::ConnectionAttached, format!("{id} is attached to {owner}.")),
            None => Step::failed(
                Code::ConnectionNotAttached,
                format!("{id} is attached to nothing, so that none of its routes is in force."),
                "Attach it with CreateTransitRouterVpnAttachment.",
            ),
        });
        let Some(dest) = dest else {
            let observed = self.observations.get(&connection.id);
            let way = Way::of(connection, observed.as_ref());
            return self.steps.extend(finding::routes(connection, self.routes_over(connection), way));
        };
        let source = self.question.source;
        let routes = self.routes_over(connection).filter(|route| route.of.dest == dest);
        let Some(route) = routes.min_by(routing::preferred_first) else {
            return self.steps.push(Step::failed(
                Code::RouteNotStored,
                format!("{id} has no route to {dest}."),
                finding::creates(connection.domain_owner().as_ref()),
            ));
        };
        self.steps.push(Step::passed(Code::RouteStored, format!("The route {route} is stored.")));
        // A policy is asked about with a source of its own.
        let source = source.or_else(|| route.of.policy.map(|policy| policy.source.addr()));
        if let Some(owner) = &owner {
            let covering = routing::covering(self.state, &connection.region, owner, source, &dest);
            self.compare(&route, &covering);
        }
        self.route = Some(route);
    }

    fn routes_over(&self, connection: &'a VpnConnection) -> impl Iterator<Item = Route> + use<'a> {
        routing::routes_over(self.state, connection)
    }

    fn ask_address(&mut self, address: Ipv4Addr, owner: &DomainOwner) {
        let (region, source) = (&self.question.region, self.question.source);
        let covering = routing::covering(self.state, region, owner, source, &Ipv4Net::from(address));
        let Some(preferred) = covering.first() else {
            return self.steps.push(Step::failed(
                Code::NoRouteForDestination,
                format!("No route of {owner} has {address}: its packets are not taken."),
                finding::creates(Some(owner)),
            ));
        };
        let routes =
            if covering.len() == 1 { "One route has" } else { "The preferred of the routes that have" };
        let words = format!("{routes} {address}: {preferred}.");
        self.steps.push(Step::passed(Code::RouteStored, words));
        let winner = covering.iter().find(|route| self.is_carried(route)).unwrap_or(preferred);
        self.connection = self.state.vpn_connection(&winner.connection);
        self.compare(winner, &covering);
        self.route = Some(winner.clone());
    }

    fn way(&self, route: &Route) -> Way {
        let observed = self.observations.get(&route.connection);
        let connection = self.state.vpn_connection(&route.connection);
        connection.map_or(Way::Down, |connection| Way::of(connection, observed.as_ref()))
    }

    fn is_carried(&self, route: &Route) -> bool {
        self.way(route) == Way::Open
    }

    /// Why a route is not taken although it is preferred.
    fn why_not(&self, route: &Route) -> &'static str {
        match self.way(route) {
            Way::Withdrawn => "no tunnel of it passes the health check",
            Way::Down | Way::Open => "no tunnel of it is up",
        }
    }

    /// Says whether a route is taken, and why, among those that cover the destination, the preferred one first.
    fn compare(&mut self, ours: &Route, covering: &[Route]) {
        let is_other = |route: &&Route| *route != ours;
        let others = || covering.iter().filter(is_other);
        let position = covering.iter().position(|route| route == ours).unwrap_or(0);
        self.next_route = covering
            .get(position + 1..)
            .and_then(|rest| rest.iter().find(|route| self.is_carried(route)).or(rest.first()).cloned());
        let next = self.next_route.as_ref().map_or_else(
            || " No other route would take over.".to_owned(),
            |next| format!(" If it were gone, {next} would take over."),
        );
        let taken = covering.iter().find(|route| self.is_carried(route));
        let why = match others().next() {
            None => "it is the only one".to_owned(),
            Some(other) => reason(ours, other),
        };
        self.steps.push(match taken {
            Some(taken) if taken == ours && position == 0 => {
                Step::passed(Code::RouteWins, format!("{ours} wins: {why}.{next}"))
            }
            Some(taken) if taken == ours => Step::passed(
                Code::RouteTakesOver,
                format!("{ours} has taken over from {}: {}.{next}", covering[0], self.why_not(&covering[0])),
            ),
            Some(taken) => beaten(ours, taken, self.why_not(ours)),
            None => {
                let are_withdrawn = covering.iter().all(|route| self.way(route) == Way::Withdrawn);
                finding::nothing_carries(ours, are_withdrawn)
            }
        });
    }

    /// Goes on with the connection that was named, or whose route wins.
    fn follow(&mut self, connection: &'a VpnConnection) {
        if connection.domain_owner().is_none() {
            return;
        }
        let observed = self.observations.get(&connection.id);
        let of = self.route.as_ref().map(|route| route.of);
        self.generation(connection, observed.as_ref());
        // Of what was not reported nothing else can be told.
        let Some(observed) = observed else { return };
        let forwarding = self.observations.forwarding(&connection.id, of);
        if let Some(of) = of {
            self.programmed(of.dest, forwarding.as_ref(), &observed);
        }
        self.tunnels(connection, &observed, forwarding.as_ref());
    }

    fn generation(&mut self, connection: &VpnConnection, observed: Option<&ObservedConnection>) {
        let (id, stored) = (&connection.id, connection.generation);
        self.steps.push(match observed.map(|observed| observed.generation) {
            Some(in_force) if in_force >= stored => {
                Step::passed(Code::GenerationInForce, format!("What is stored of {id} is in force (generation {stored})."))
            }
            Some(in_force) => Step::new(
                Outcome::Hint,
                Code::GenerationPending,
                format!("{id} is being changed: generation {stored} is stored, {in_force} is in force."),
                "Wait until DescribeVpnConnection answers another State than updating; if it stays so, its log says why.",
            ),
            None => Step::new(
                Outcome::Unknown,
                Code::NothingReported,
                format!("The gateway has not reported on {id} yet."),
                "Wait a moment; if it stays so, look at the server's log.",
            ),
        });
    }

    fn programmed(
        &mut self,
        prefix: Ipv4Net,
        forwarding: Option<&ObservedForwarding>,
        observed: &ObservedConnection,
    ) {
        let Some(forwarding) = forwarding else {
            return self.steps.push(Step::new(
                Outcome::Unknown,
                Code::ForwardingUnknown,
                "The gateway does not tell what is programmed of the connection.",
                "Wait a moment; if it stays so, look at the server's log.",
            ));
        };
        let waits = "The gateway tries again by itself; DescribeVpnConnectionLogs says what is in the way.";
        self.steps.push(match forwarding.entry {
            Some(weight) => Step::passed(
                Code::ForwardingEntryPresent,
                format!("The forwarding table has {prefix} with weight {weight}."),
            ),
            None => Step::failed(
                Code::ForwardingEntryMissing,
                format!("The forwarding table does not have {prefix} over this connection."),
                waits,
            ),
        });
        let is_published = self.route.as_ref().is_none_or(|route| route.is_published);
        self.steps.push(match &forwarding.linux_route {
            _ if observed.is_withdrawn => tunnel::withdrawn(prefix, observed),
            None if !is_published => Step::new(
                Outcome::Hint,
                Code::RouteWithdrawn,
                format!("{prefix} is withdrawn: only what comes to the VPN gateway anyway is forwarded."),
                "Publish it with PublishVpnRouteEntry.",
            ),
            Some(device) if !is_published => Step::passed(
                Code::LinuxRoutePresent,
                format!("This route is withdrawn, but Linux brings {prefix} to the device {device} by another route."),
            ),
            Some(device) => Step::passed(
                Code::LinuxRoutePresent,
                format!("Linux brings {prefix} to the device {device}."),
            ),
            None => Step::failed(Code::LinuxRouteMissing, format!("Linux has no route for {prefix}."), waits),
        });
    }
}

/// Why one of two routes is preferred.
fn reason(ours: &Route, other: &Route) -> String {
    if ours.of.policy != other.of.policy {
        format!("it is asked before {other}")
    } else if ours.of.dest.prefix_len() != other.of.dest.prefix_len() {
        format!("its prefix is longer than that of {other}")
    } else if ours.weight != other.weight {
        format!("its weight is higher than that of {other}")
    } else {
        format!("prefix and weight are those of {other}, and its id comes first")
    }
}

/// Why another route with the same prefix, or a shorter one, is taken.
fn beaten(ours: &Route, taken: &Route, why: &str) -> Step {
    let instead = format!("{taken} is taken instead of {ours}");
    if routing::preferred_first(ours, taken).is_lt() {
        let message = format!("{instead}: {why}.");
        return Step::new(Outcome::Hint, Code::AnotherRouteTakesOver, message, "");
    }
    if taken.of != ours.of {
        let remedy = "Delete the other route, or change its priority with ModifyVpnPbrRouteEntryPriority.";
        return Step::failed(
            Code::AnotherRouteIsAskedFirst,
            format!("{instead}: it is asked first."),
            remedy,
        );
    }
    if taken.weight > ours.weight {
        let remedy = "Give this route the weight 100 and the other one 0, or delete the other one.";
        let message = format!("{instead}: its weight is higher and it is up.");
        return Step::failed(Code::HigherWeightWins, message, remedy);
    }
    let remedy = "Give the other route the weight 0, or delete it.";
    let message = format!("{instead}: prefix and weight are the same, and its id comes first.");
    Step::failed(Code::SmallerIdWins, message, remedy)
}

#[cfg(test)]
mod tests;
