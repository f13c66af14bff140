//! What keeps a tunnel from working, in the words of the operations that diagnose: a finding comes from what the gateway
//! observed, read as [`crate::explain`] reads it, and what is not known stays empty.

pub mod gateway;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::context::CallContext;
use crate::explain::finding::{self, Way};
use crate::explain::{Code, Outcome, Step, tunnel_step};
use crate::observed::{
    FailureKind, Negotiated, ObservedConnection, ObservedForwarding, ObservedTunnel, ProposalItem,
    TunnelStatus,
};
use crate::resource::ike_config::{IkeConfig, word};
use crate::resource::ipsec_config::IpsecConfig;
use crate::resource::tunnel::Tunnel;
use crate::resource::vpn_connection::{VpnConnection, subnets};
use crate::routing;
use crate::state::AccountState;

/// What is found of a tunnel. The names do not change; those of failed negotiations are the provider's as far as it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum FailedReasonCode {
    /// Nothing: packets can pass.
    Normal,
    /// The connection is attached to nothing, so that its tunnels are not negotiated.
    NotAttached,
    /// The gateway has not reported on the tunnel.
    NotReported,
    /// The tunnel is being negotiated.
    Negotiating,
    /// The tunnel is down, and nothing is known to be wrong.
    NoExceptionFound,
    /// Encryption algorithms differ.
    EncryptionAlgorithmMismatch,
    /// Authentication algorithms differ.
    AuthenticationAlgorithmMismatch,
    /// The groups of the first phase differ.
    DhGroupMismatch,
    /// The groups of the second phase differ.
    PfsMismatch,
    /// Several algorithms differ.
    AlgorithmMismatch,
    /// The lifetimes differ.
    LifetimeMismatch,
    /// The peers have not agreed on algorithms, and which of them differ is not known.
    ProposalMismatch,
    /// The peer speaks another version or mode of IKE.
    IkeVersionMismatch,
    /// The pre-shared keys differ.
    PskMismatch,
    /// A peer refused the other's proof, or its certificate.
    AuthenticationFailed,
    /// The peer calls itself, or us, otherwise than is configured.
    PeerIdMismatch,
    /// The peer does not answer.
    NoResponse,
    /// The peers have not agreed on networks.
    TrafficSelectorMismatch,
    /// The peer ended it.
    ReceiveDeleteNotify,
    /// The negotiation failed for another reason.
    NegotiationFailed,
    /// The tunnel cannot be negotiated as it is configured.
    NotNegotiable,
    /// Addresses are translated on the way, and the tunnel is not to cope with it.
    NatTMismatch,
    /// Addresses are translated on the way, and the tunnel goes through it.
    NatInBetween,
    /// The peer agreed to a part of the configured networks only.
    SelectorsNarrowed,
    /// Routes lead into the tunnel that it does not let through.
    RouteOutsideSelectors,
    /// Routes lead over the connection, and none of its tunnels is up.
    RouteWithoutTunnel,
    /// The tunnel is up, and no route leads into it.
    TunnelWithoutRoute,
    /// The tunnel is up and fails the health check.
    HealthCheckFailed,
    /// Packets are sent, and none comes back.
    NothingComesBack,
}

/// How bad it is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Severity {
    /// No tunnel of the connection carries packets.
    Critical,
    /// Another tunnel carries them, or only a part of them is lost, or it cannot be told yet.
    Warn,
    /// All is well.
    Normal,
}

/// One thing that was found of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub code: FailedReasonCode,
    /// How bad it is.
    pub severity: Severity,
    /// The same in words, with the remedy; empty for a tunnel of which there is nothing to say.
    pub reason: String,
    /// What this side has, where it is about parameters.
    pub local: String,
    /// What the peer has, where it is about parameters and known.
    pub remote: String,
}

impl Finding {
    fn new(code: FailedReasonCode, severity: Severity, reason: impl Into<String>) -> Self {
        Self { code, severity, reason: reason.into(), local: String::new(), remote: String::new() }
    }

    fn of(code: FailedReasonCode, severity: Severity, step: &Step) -> Self {
        Self::new(code, severity, format!("{} {}", step.message, step.remedy).trim_end())
    }
}

/// A connection with all that is known of it.
pub struct Known<'a> {
    state: &'a AccountState,
    context: &'a CallContext<'a>,
    connection: &'a VpnConnection,
    observed: Option<ObservedConnection>,
    forwarding: Option<ObservedForwarding>,
}

impl<'a> Known<'a> {
    /// What is known at this moment.
    pub fn of(state: &'a AccountState, context: &'a CallContext<'a>, connection: &'a VpnConnection) -> Self {
        let observed = context.observations.get(&connection.id);
        let forwarding = context.observations.forwarding(&connection.id, None);
        Self { state, context, connection, observed, forwarding }
    }

    /// What the gateway reported of a tunnel.
    pub fn seen(&self, tunnel: &Tunnel) -> Option<&ObservedTunnel> {
        self.observed.as_ref()?.tunnels.get(&tunnel.id)
    }

    /// What is found of a tunnel: at least one thing, the worst first.
    pub fn findings(&self, tunnel: &Tunnel) -> Vec<Finding> {
        if self.connection.domain_owner().is_none() {
            let words = "The connection is attached to nothing, so that its tunnels are not negotiated. Attach it with \
                         CreateTransitRouterVpnAttachment.";
            return vec![Finding::new(FailedReasonCode::NotAttached, Severity::Critical, words)];
        }
        let Some(seen) = self.seen(tunnel) else {
            let words = "The gateway has not reported on the tunnel: nothing can be said of it. Wait a moment; if it stays \
                         so, look at the server's log.";
            return vec![Finding::new(FailedReasonCode::NotReported, Severity::Warn, words)];
        };
        let mut findings = match seen.status {
            TunnelStatus::IpsecSaEstablished => self.of_one_that_is_up(tunnel, seen),
            _ => self.of_one_that_is_down(tunnel, seen),
        };
        findings.extend(finding::nat(tunnel, seen).map(|step| match step.code {
            Code::NatInBetween => Finding::of(FailedReasonCode::NatInBetween, Severity::Normal, &step),
            _ => Finding {
                local: "EnableNatTraversal=false".to_owned(),
                ..Finding::of(FailedReasonCode::NatTMismatch, Severity::Warn, &step)
            },
        }));
        if findings.is_empty() {
            findings.push(Finding::new(FailedReasonCode::Normal, Severity::Normal, ""));
        }
        findings.sort_by_key(|finding| finding.severity);
        findings
    }

    fn of_one_that_is_down(&self, tunnel: &Tunnel, seen: &ObservedTunnel) -> Vec<Finding> {
        let step = tunnel_step(tunnel, seen, true, Outcome::Failed);
        let code = match (&seen.last_error, &seen.failure, step.code) {
            (Some(_), failure, _) => code_of(failure.as_ref()),
            (None, _, Code::TunnelNegotiating) => FailedReasonCode::Negotiating,
            (None, ..) => FailedReasonCode::NoExceptionFound,
        };
        let way = self.way();
        let severity = match code {
            FailedReasonCode::Negotiating => Severity::Warn,
            _ if way == Way::Open => Severity::Warn,
            _ => Severity::Critical,
        };
        let cause = Finding { local: self.mismatch(tunnel, seen), ..Finding::of(code, severity, &step) };
        let routes = match way {
            Way::Open => Vec::new(),
            way => finding::routes(self.connection, self.routes(), way),
        };
        let lost = routes.iter().filter(|step| step.code == Code::RouteWithoutTunnel);
        // As bad as its cause, after which it is told.
        let lost = lost.map(|step| Finding::of(FailedReasonCode::RouteWithoutTunnel, severity, step));
        std::iter::once(cause).chain(lost).collect()
    }

    fn of_one_that_is_up(&self, tunnel: &Tunnel, seen: &ObservedTunnel) -> Vec<Finding> {
        let connection = self.connection;
        let rekeying = finding::rekeying(tunnel, seen).map(|step| Finding {
            local: self.mismatch(tunnel, seen),
            ..Finding::of(code_of(seen.failure.as_ref()), Severity::Warn, &step)
        });
        let in_force = self.observed.as_ref().is_some_and(|it| it.generation >= connection.generation);
        let narrowed = finding::narrowed(connection, tunnel, seen).filter(|_| in_force).map(|step| Finding {
            local: networks(&connection.local_subnet, &connection.remote_subnet),
            remote: seen.selectors.as_ref().map(|it| networks(&it.local, &it.remote)).unwrap_or_default(),
            ..Finding::of(FailedReasonCode::SelectorsNarrowed, severity_of(&step), &step)
        });
        let outside = seen.selectors.as_ref();
        let outside = outside.and_then(|it| finding::outside(connection, self.routes(), it));
        let outside = outside.map(|step| {
            Finding::of(FailedReasonCode::RouteOutsideSelectors, self.unless_another(tunnel, &step), &step)
        });
        let routes = match self.routes().next() {
            Some(_) => Vec::new(),
            None => finding::routes(connection, self.routes(), Way::Open),
        };
        let routes = routes
            .iter()
            .map(|step| Finding::of(FailedReasonCode::TunnelWithoutRoute, severity_of(step), step));
        let passed = self.forwarding.as_ref().and_then(|it| it.tunnels.get(&tunnel.id));
        let traffic = passed.map(|passed| finding::traffic(*passed, self.context.now_ms));
        let step = tunnel_step(tunnel, seen, false, Outcome::Failed);
        // Another tunnel carries, or this one in spite of it.
        let carries = self.observed.as_ref().is_some_and(ObservedConnection::carries);
        let severity = if carries { Severity::Warn } else { Severity::Critical };
        let unhealthy = (step.code == Code::TunnelUnhealthy)
            .then(|| Finding::of(FailedReasonCode::HealthCheckFailed, severity, &step));
        let marked = (step.code == Code::TunnelSilent).then_some(step);
        let silent = traffic.into_iter().flatten().filter(|step| step.code == Code::NothingComesBack);
        let silent = silent.chain(marked).take(1);
        let silent =
            silent.map(|step| Finding::of(FailedReasonCode::NothingComesBack, severity_of(&step), &step));
        routes.chain(unhealthy).chain(rekeying).chain(outside).chain(narrowed).chain(silent).collect()
    }

    fn routes(&self) -> impl Iterator<Item = routing::Route> + use<'a> {
        routing::routes_over(self.state, self.connection)
    }

    fn way(&self) -> Way {
        Way::of(self.connection, self.observed.as_ref())
    }

    /// How bad it is that a tunnel lets nothing through.
    fn unless_another(&self, tunnel: &Tunnel, step: &Step) -> Severity {
        let others = self.connection.tunnels.iter().filter(|other| other.id != tunnel.id);
        let is_up = |it: &ObservedTunnel| it.status == TunnelStatus::IpsecSaEstablished;
        let another = others.filter_map(|other| self.seen(other)).any(is_up);
        if another { Severity::Warn } else { severity_of(step) }
    }

    /// What this side has of what differs, with the names of its parameters.
    fn mismatch(&self, tunnel: &Tunnel, seen: &ObservedTunnel) -> String {
        let peer = self.state.customer_gateway(&tunnel.customer_gateway_id).map(|it| it.ip_address);
        let ike = tunnel.ike_between(self.context.settings.tunnel_address(tunnel.index), peer);
        let failure = seen.failure.as_ref();
        failure.map(|it| mismatch(it, self.connection, (&ike, &tunnel.ipsec))).unwrap_or_default()
    }
}

fn severity_of(step: &Step) -> Severity {
    match step.outcome {
        Outcome::Passed => Severity::Normal,
        Outcome::Hint | Outcome::Unknown => Severity::Warn,
        Outcome::Failed => Severity::Critical,
    }
}

/// The code of a failure, of which at least the words are known.
fn code_of(failure: Option<&FailureKind>) -> FailedReasonCode {
    match failure.unwrap_or(&FailureKind::Refused) {
        FailureKind::PeerUnreachable => FailedReasonCode::NoResponse,
        FailureKind::Version => FailedReasonCode::IkeVersionMismatch,
        FailureKind::Proposal { of, items } => code_of_proposal(*of, items),
        FailureKind::PreSharedKey => FailedReasonCode::PskMismatch,
        FailureKind::AuthenticationRefused | FailureKind::Certificate(_) => {
            FailedReasonCode::AuthenticationFailed
        }
        FailureKind::RemoteIdentity | FailureKind::LocalIdentity => FailedReasonCode::PeerIdMismatch,
        FailureKind::TrafficSelectors => FailedReasonCode::TrafficSelectorMismatch,
        FailureKind::ClosedByPeer => FailedReasonCode::ReceiveDeleteNotify,
        FailureKind::Refused | FailureKind::Malformed | FailureKind::LifetimeEnded => {
            FailedReasonCode::NegotiationFailed
        }
        FailureKind::Configuration => FailedReasonCode::NotNegotiable,
    }
}

fn code_of_proposal(of: Negotiated, items: &[ProposalItem]) -> FailedReasonCode {
    let code = |item: &ProposalItem| match (item, of) {
        (ProposalItem::Encryption, _) => FailedReasonCode::EncryptionAlgorithmMismatch,
        (ProposalItem::Integrity | ProposalItem::Prf, _) => FailedReasonCode::AuthenticationAlgorithmMismatch,
        (ProposalItem::Group, Negotiated::Ike) => FailedReasonCode::DhGroupMismatch,
        (ProposalItem::Group, Negotiated::Ipsec) => FailedReasonCode::PfsMismatch,
        (ProposalItem::Lifetime, _) => FailedReasonCode::LifetimeMismatch,
        (ProposalItem::SequenceNumbers | ProposalItem::AuthenticationMethod, _) => {
            FailedReasonCode::ProposalMismatch
        }
    };
    let mut codes = items.iter().map(code);
    let Some(first) = codes.next() else { return FailedReasonCode::ProposalMismatch };
    if codes.all(|code| code == first) { first } else { FailedReasonCode::AlgorithmMismatch }
}

/// What this side has of what differs, with the names of its parameters.
fn mismatch(
    failure: &FailureKind,
    connection: &VpnConnection,
    (ike, ipsec): (&IkeConfig, &IpsecConfig),
) -> String {
    match failure {
        FailureKind::Proposal { of: Negotiated::Ike, items } => named(
            items,
            [
                ("IkeEncAlg", word(ike.ike_enc_alg)),
                ("IkeAuthAlg", word(ike.ike_auth_alg)),
                ("IkePfs", word(ike.ike_pfs)),
                ("IkeLifetime", ike.ike_lifetime_s.to_string()),
            ],
        ),
        FailureKind::Proposal { of: Negotiated::Ipsec, items } => named(
            items,
            [
                ("IpsecEncAlg", word(ipsec.ipsec_enc_alg)),
                ("IpsecAuthAlg", word(ipsec.ipsec_auth_alg)),
                ("IpsecPfs", word(ipsec.ipsec_pfs)),
                ("IpsecLifetime", ipsec.ipsec_lifetime_s.to_string()),
            ],
        ),
        FailureKind::Version => {
            format!("IkeVersion={} IkeMode={}", word(ike.ike_version), word(ike.ike_mode))
        }
        FailureKind::RemoteIdentity => format!("RemoteId={}", ike.remote_id),
        FailureKind::LocalIdentity => format!("LocalId={}", ike.local_id),
        FailureKind::TrafficSelectors => networks(&connection.local_subnet, &connection.remote_subnet),
        _ => String::new(),
    }
}

fn networks(local: &[Ipv4Net], remote: &[Ipv4Net]) -> String {
    format!("LocalSubnet={} RemoteSubnet={}", subnets(local), subnets(remote))
}

/// What differs of encryption, authentication, group and lifetime; all algorithms where the peer only said that some do.
fn named(items: &[ProposalItem], parameters: [(&str, String); 4]) -> String {
    let index = |item: &ProposalItem| match item {
        ProposalItem::Encryption => Some(0),
        ProposalItem::Integrity | ProposalItem::Prf => Some(1),
        ProposalItem::Group => Some(2),
        ProposalItem::Lifetime => Some(3),
        ProposalItem::SequenceNumbers | ProposalItem::AuthenticationMethod => None,
    };
    let differs: Vec<usize> = match items {
        [] => vec![0, 1, 2],
        items => items.iter().filter_map(index).collect(),
    };
    let differing = parameters.iter().enumerate().filter(|(index, _)| differs.contains(index));
    differing.map(|(_, (name, value))| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
