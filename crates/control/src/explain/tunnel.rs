//! The part of the way that is inside a tunnel.

use ipnet::Ipv4Net;

use super::finding::{self, Reach};
use super::{Code, Inquiry, Outcome, Step, Subject};
use crate::observed::{
    FailureKind, NegotiatedSelectors, ObservedConnection, ObservedForwarding, ObservedTraffic,
    ObservedTunnel, TunnelHealth, TunnelStatus,
};
use crate::resource::tunnel::Tunnel;
use crate::resource::vpn_connection::VpnConnection;

/// What helps where the health check fails.
pub(super) const HEALTH_REMEDY: &str = "Look whether the host Dip answers pings, and whether the peer's side routes Sip back into the \
     tunnel; DescribeVpnConnectionLogs says since when it fails.";

/// The code of what is wrong with a tunnel, and what helps.
pub(super) fn meaning(failure: Option<&FailureKind>) -> (Code, &'static str) {
    match failure.unwrap_or(&FailureKind::Refused) {
        FailureKind::Configuration => {
            (Code::TunnelNotNegotiable, "Change the tunnel as the message says, with ModifyTunnelAttribute.")
        }
        FailureKind::Proposal { .. } => (
            Code::TunnelProposalMismatch,
            "Set the encryption, authentication and group (IkeEncAlg, IkeAuthAlg, IkePfs; IpsecEncAlg, IpsecAuthAlg, IpsecPfs) \
             that the peer has, with ModifyTunnelAttribute; DownloadVpnConnectionConfig shows what we propose.",
        ),
        FailureKind::Version => (
            Code::TunnelProposalMismatch,
            "Set IkeVersion, and IkeMode for ikev1, to what the peer has, with ModifyTunnelAttribute.",
        ),
        FailureKind::RemoteIdentity | FailureKind::LocalIdentity => (
            Code::TunnelIdentityMismatch,
            "Set LocalId and RemoteId to the names that the peer uses, with ModifyTunnelAttribute, or change them at the peer.",
        ),
        FailureKind::PreSharedKey | FailureKind::AuthenticationRefused => (
            Code::TunnelAuthenticationFailed,
            "Set the same pre-shared key on both sides (Psk, with ModifyTunnelAttribute), and look whether LocalId and RemoteId, \
             and IkeMode for ikev1, are what the peer expects.",
        ),
        FailureKind::Certificate(_) => (
            Code::TunnelAuthenticationFailed,
            "Give RemoteCaCertificate the authority that signed the peer's certificate, or the peer a certificate that is valid \
             and names its RemoteId.",
        ),
        FailureKind::TrafficSelectors => (
            Code::TunnelSelectorsRefused,
            "Set LocalSubnet and RemoteSubnet of the connection to the networks that the peer has, the other way round.",
        ),
        FailureKind::PeerUnreachable => (
            Code::TunnelPeerUnreachable,
            "Check the address of the customer gateway, and that UDP ports 500 and 4500 are open between it and this gateway.",
        ),
        FailureKind::ClosedByPeer
        | FailureKind::Refused
        | FailureKind::Malformed
        | FailureKind::LifetimeEnded => {
            (Code::TunnelDown, "DescribeVpnConnectionLogs has the log of the negotiation.")
        }
    }
}

impl<'a> Inquiry<'a> {
    pub(super) fn tunnels(
        &mut self,
        connection: &'a VpnConnection,
        observed: &ObservedConnection,
        forwarding: Option<&ObservedForwarding>,
    ) {
        let mut tunnels: Vec<&Tunnel> = connection.tunnels.iter().collect();
        tunnels.sort_by_key(|tunnel| (tunnel.role, tunnel.id.clone()));
        let seen = |tunnel: &Tunnel| observed.tunnels.get(&tunnel.id).cloned().unwrap_or_default();
        let is_up = |tunnel: &&&Tunnel| seen(tunnel).status == TunnelStatus::IpsecSaEstablished;
        let told = forwarding.and_then(|forwarding| forwarding.carrier.as_ref());
        let named = tunnels.iter().filter(is_up).find(|tunnel| Some(&tunnel.id) == told);
        let healthy = || tunnels.iter().find(|tunnel| seen(tunnel).is_healthy());
        let carrier = named.or_else(healthy).or_else(|| tunnels.iter().find(is_up)).copied();
        let carrier = carrier.filter(|_| !observed.is_withdrawn);
        for tunnel in &tunnels {
            let (seen, down) =
                (seen(tunnel), if carrier.is_some() { Outcome::Hint } else { Outcome::Failed });
            let carries = carrier.is_some_and(|carrier| carrier.id == tunnel.id);
            let mut step = tunnel_step(tunnel, &seen, carries, down);
            let first = tunnels.first().filter(|first| first.id != tunnel.id);
            let why = first.and_then(|first| why_not(first, observed.tunnels.get(&first.id)));
            if let (Code::TunnelCarries, Some(why)) = (step.code, why) {
                step.message =
                    format!("The tunnel {} is up and carries the packets, because {why}.", tunnel.id);
            }
            self.steps.push(step);
            self.steps.extend(finding::rekeying(tunnel, &seen));
            self.steps.extend(finding::nat(tunnel, &seen));
            if seen.health == TunnelHealth::OutsideSelectors {
                self.steps.push(not_checked(tunnel));
            }
        }
        let Some(carrier) = carrier else { return };
        let seen = seen(carrier);
        // While a change is not in force, what was negotiated is that of before.
        if observed.generation >= connection.generation {
            self.steps.extend(finding::narrowed(connection, carrier, &seen));
        }
        self.selectors(connection, seen.selectors.as_ref());
        if let Some(forwarding) = forwarding {
            self.traffic(forwarding);
        }
    }

    fn selectors(&mut self, connection: &'a VpnConnection, selectors: Option<&NegotiatedSelectors>) {
        let Some(selectors) = selectors else {
            return self.steps.push(Step::new(
                Outcome::Unknown,
                Code::SelectorsUnknown,
                "The gateway does not tell what was negotiated for the tunnel.",
                "Wait a moment; if it stays so, look at the server's log.",
            ));
        };
        let reach = Reach::from(selectors);
        let (what, dest) = match &self.question.subject {
            Subject::Connection(_, dest) => ("RouteDest", *dest),
            Subject::Address(address, _) => ("The destination", Some(Ipv4Net::from(*address))),
        };
        let source = self.question.source.map(Ipv4Net::from);
        let outside = match dest {
            None => finding::outside(connection, self.routes_over(connection), selectors),
            Some(dest) => (!reach.leads_to(&dest)).then(|| {
                let words = reach.words();
                let message =
                    format!("{what} is outside the negotiated traffic selectors {words}: {dest} is dropped.");
                Step::failed(Code::DestinationOutsideSelectors, message, finding::widen(connection))
            }),
        };
        let step = match (outside, source) {
            (Some(outside), _) => outside,
            (None, Some(source)) if !reach.takes_from(&source) => {
                let message = format!(
                    "The source is outside the negotiated traffic selectors {}: what {} sends is dropped.",
                    reach.words(),
                    source.addr()
                );
                Step::failed(Code::SourceOutsideSelectors, message, finding::widen(connection))
            }
            (None, _) => Step::passed(
                Code::SelectorsCover,
                format!("The negotiated traffic selectors are {}.", reach.words()),
            ),
        };
        self.steps.push(step);
    }

    fn traffic(&mut self, forwarding: &ObservedForwarding) {
        let passed = ObservedTraffic {
            sent_ms: forwarding.tunnels.values().filter_map(|traffic| traffic.sent_ms).max(),
            received_ms: forwarding.tunnels.values().filter_map(|traffic| traffic.received_ms).max(),
        };
        self.steps.extend(finding::traffic(passed, self.question.now_ms));
    }
}

/// What a tunnel does; one that is down is as bad as `down` says.
pub(crate) fn tunnel_step(tunnel: &Tunnel, seen: &ObservedTunnel, carries: bool, down: Outcome) -> Step {
    let id = &tunnel.id;
    if seen.status == TunnelStatus::IpsecSaEstablished {
        if seen.health.is_bad() {
            return bad_step(tunnel, seen.health, carries, down);
        }
        return if carries {
            Step::passed(Code::TunnelCarries, format!("The tunnel {id} is up and carries the packets."))
        } else {
            Step::passed(Code::TunnelStandsBy, format!("The tunnel {id} is up and stands by."))
        };
    }
    let status = seen.status;
    if let Some(error) = &seen.last_error {
        let (code, remedy) = meaning(seen.failure.as_ref());
        return Step::new(down, code, format!("The tunnel {id} is {status}: {error}."), remedy);
    }
    let remedy = "Wait a moment; DescribeVpnConnectionLogs has the log of the negotiation.";
    let (code, words) = match status {
        TunnelStatus::IkeSaEstablished => (Code::TunnelNegotiating, "is being negotiated"),
        _ => (Code::TunnelDown, "is down, without an error so far"),
    };
    Step::new(down, code, format!("The tunnel {id} {words} ({status})."), remedy)
}

/// That a route is withdrawn. Where no tunnel is up, the conclusion is why that is so.
pub(super) fn withdrawn(prefix: Ipv4Net, observed: &ObservedConnection) -> Step {
    let mut tunnels = observed.tunnels.values();
    let is_up = tunnels.any(|tunnel| tunnel.status == TunnelStatus::IpsecSaEstablished);
    let outcome = if is_up { Outcome::Failed } else { Outcome::Hint };
    let message = format!(
        "{prefix} is withdrawn from this connection: no tunnel passes the health check (Policy revoke_route)."
    );
    Step::new(outcome, Code::RouteFailsHealthCheck, message, HEALTH_REMEDY)
}

/// What is wrong with a tunnel that is up.
fn bad_step(tunnel: &Tunnel, health: TunnelHealth, carries: bool, down: Outcome) -> Step {
    let id = &tunnel.id;
    let does = if carries { " It carries nevertheless, since no other is better." } else { "" };
    if health == TunnelHealth::Unhealthy {
        let message =
            format!("The tunnel {id} is up and fails the health check: its probes are not answered.{does}");
        let outcome = if carries { Outcome::Hint } else { down };
        return Step::new(outcome, Code::TunnelUnhealthy, message, HEALTH_REMEDY);
    }
    let message = format!("The tunnel {id} is up, and nothing comes back of what is sent through it.{does}");
    let remedy = "If hosts should answer, look whether ESP, or UDP port 4500, passes every firewall on the way, in both directions. \
                  Traffic in one direction looks the same and needs nothing.";
    Step::new(Outcome::Hint, Code::TunnelSilent, message, remedy)
}

/// Why a tunnel does not carry that is preferred otherwise.
fn why_not(tunnel: &Tunnel, seen: Option<&ObservedTunnel>) -> Option<String> {
    let why = match seen.map(|seen| (seen.status, seen.health)).unwrap_or_default() {
        (TunnelStatus::IpsecSaEstablished, TunnelHealth::Unhealthy) => "fails the health check",
        (TunnelStatus::IpsecSaEstablished, TunnelHealth::Silent) => "lets nothing back",
        (TunnelStatus::IpsecSaEstablished, TunnelHealth::Left) => {
            "is not the one that the peer sends through"
        }
        (TunnelStatus::IpsecSaEstablished, TunnelHealth::Returning) => {
            "is up again and has to pass the health check for a while first"
        }
        (TunnelStatus::IpsecSaEstablished, _) => return None,
        _ => "is down",
    };
    Some(format!("{} {why}", tunnel.id))
}

fn not_checked(tunnel: &Tunnel) -> Step {
    Step::new(
        Outcome::Hint,
        Code::HealthCheckOutsideSelectors,
        format!("The health check's addresses are not in the selectors of {}: it is not checked.", tunnel.id),
        "Give HealthCheckConfig a Sip within the negotiated local networks and a Dip within the remote ones.",
    )
}
