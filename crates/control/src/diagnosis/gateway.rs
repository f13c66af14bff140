//! What is found of a VPN gateway and one of its connections, item by item, in the words of `GetVpnGatewayDiagnoseResult`.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use super::{FailedReasonCode, Finding, Known, Severity, networks};
use crate::context::CallContext;
use crate::desired::DomainOwner;
use crate::explain::{Code, Outcome, Question, Subject, explain};
use crate::observed::{FailureKind, ObservedTunnel, TunnelStatus};
use crate::resource::diagnosis::{DiagnoseName, DiagnoseResult, DiagnoseResultLevel};
use crate::resource::ike_config::word;
use crate::resource::tunnel::Tunnel;
use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_gateway::VpnGateway;
use crate::resource::vpn_route_entry::{RouteKind, VpnRouteEntry};
use crate::routing::Route;
use crate::state::AccountState;

/// How many conflicts are told one by one.
const CONFLICTS_TOLD_MAX: usize = 20;

/// What is looked at, with all that is known of it.
pub struct Examined<'a> {
    /// The account.
    pub state: &'a AccountState,
    /// The moment, the settings, and what the gateway reported.
    pub context: &'a CallContext<'a>,
    /// The VPN gateway.
    pub gateway: &'a VpnGateway,
    /// The networks of its VPC, as far as they are known.
    pub vpc_blocks: Vec<Ipv4Net>,
    /// The connection.
    pub connection: &'a VpnConnection,
    /// The addresses on both sides between which packets are to pass, if that is asked: the VPC's first.
    pub between: Option<(Ipv4Addr, Ipv4Addr)>,
}

impl Examined<'_> {
    /// All items, each with what is found.
    pub fn results(&self) -> Vec<DiagnoseResult> {
        let Self { state, context, gateway, connection, .. } = self;
        let settings = context.settings;
        let routes = |kind| state.vpn_route_count(&gateway.id, kind);
        let known = Known::of(state, context, connection);
        vec![
            self.route_conflicts(),
            quota(
                DiagnoseName::VpnRouteQuota,
                "vpn_routes_per_gateway",
                routes(RouteKind::Destination),
                settings.vpn_routes_per_gateway_max,
            ),
            quota(
                DiagnoseName::VpnIPsecQuota,
                "vpn_connections_per_region",
                state.vpn_connection_count(&gateway.region),
                settings.vpn_connections_per_region_max,
            ),
            quota(
                DiagnoseName::VpnPbrRouteQuota,
                "vpn_pbr_routes_per_gateway",
                routes(RouteKind::Policy),
                settings.vpn_pbr_routes_per_gateway_max,
            ),
            self.consistency(&known),
            self.reachability(&known),
            self.passage(),
        ]
    }

    /// Routes over the connection that are never taken, because another connection has the same and comes first; or that
    /// take what is for the VPC itself.
    fn route_conflicts(&self) -> DiagnoseResult {
        let id = &self.connection.id;
        let key = |route: &VpnRouteEntry| (Route::from(route).of, route.weight);
        let ours: BTreeSet<_> = self.state.vpn_routes_over(&self.gateway.id, id).map(key).collect();
        let kinds = [RouteKind::Destination, RouteKind::Policy];
        let others = kinds.iter().flat_map(|kind| self.state.vpn_routes(&self.gateway.id, kind));
        let same = others.filter(|route| route.next_hop != *id && ours.contains(&key(route))).map(|route| {
            let reason =
                "Of two routes for the same packets with the same weight, that of the smaller id is taken.";
            (route, route.next_hop.as_str(), reason)
        });
        let is_in_vpc =
            |route: &&VpnRouteEntry| self.vpc_blocks.iter().any(|block| block.contains(&route.route_dest));
        let inside = self.state.vpn_routes_over(&self.gateway.id, id).filter(is_in_vpc).map(|route| {
            let reason = "The destination is a part of the VPC's own network.";
            (route, self.gateway.vpc_id.as_str(), reason)
        });
        let conflict = |(route, with, reason): (&VpnRouteEntry, &str, &str)| {
            json!({
                "routeDest": route.route_dest.to_string(),
                "routeSource": route.policy.map(|policy| policy.source.to_string()),
                "weight": route.weight.get(),
                "conflictsWith": with,
                "reason": reason,
            })
        };
        let mut told = Vec::new();
        let mut count = 0_usize;
        for found in same.chain(inside) {
            count += 1;
            if told.len() < CONFLICTS_TOLD_MAX {
                told.push(conflict(found));
            }
        }
        let level = if count == 0 { DiagnoseResultLevel::Normal } else { DiagnoseResultLevel::Warning };
        result(DiagnoseName::RouteEntryConflict, level, &json!({ "count": count, "conflicts": told }))
    }

    /// What is configured, and what is known of the peer's configuration from how the negotiation went.
    fn consistency(&self, known: &Known<'_>) -> DiagnoseResult {
        let connection = self.connection;
        let configured: Vec<Value> =
            connection.tunnels.iter().map(|tunnel| self.configured(tunnel)).collect();
        let (mut differing, mut running, mut lacking) = (Vec::new(), Vec::new(), Vec::new());
        let mut level = DiagnoseResultLevel::Normal;
        for tunnel in &connection.tunnels {
            let findings = known.findings(tunnel);
            let differences = findings.iter().filter(|finding| is_about_configuration(finding.code));
            differing.extend(differences.clone().map(|finding| difference(tunnel, finding)));
            let worst = differences.clone().map(|finding| level_of(finding.severity)).max();
            let agreed = known.seen(tunnel).and_then(|seen| seen.selectors.as_ref());
            running.extend(agreed.map(|agreed| {
                json!({ "tunnelId": tunnel.id, "networks": networks(&agreed.local, &agreed.remote) })
            }));
            let is_up = known.seen(tunnel).is_some_and(|it| it.status == TunnelStatus::IpsecSaEstablished);
            if worst.is_none() && !is_up {
                lacking.push(tunnel.id.as_str());
            }
            let cannot_tell = (!is_up).then_some(DiagnoseResultLevel::Warning);
            level = level.max(worst.or(cannot_tell).unwrap_or(DiagnoseResultLevel::Normal));
        }
        let description = json!({
            "vcoConf": configured,
            "vcoDiffConf": differing,
            "vcoLackConf": lacking,
            "vcoRunningConf": running,
        });
        result(DiagnoseName::VcoConfigConsistency, level, &description)
    }

    fn configured(&self, tunnel: &Tunnel) -> Value {
        let Tunnel { ipsec, .. } = tunnel;
        let ike = tunnel.ike_between(self.context.settings.tunnel_address(tunnel.index), self.peer(tunnel));
        json!({
            "tunnelId": tunnel.id,
            "ikeVersion": word(ike.ike_version),
            "ikeMode": word(ike.ike_mode),
            "ikeEncAlg": word(ike.ike_enc_alg),
            "ikeAuthAlg": word(ike.ike_auth_alg),
            "ikePfs": word(ike.ike_pfs),
            "localId": ike.local_id,
            "remoteId": ike.remote_id,
            "ipsecEncAlg": word(ipsec.ipsec_enc_alg),
            "ipsecAuthAlg": word(ipsec.ipsec_auth_alg),
            "ipsecPfs": word(ipsec.ipsec_pfs),
            "enableNatTraversal": tunnel.enable_nat_traversal,
            "networks": networks(&self.connection.local_subnet, &self.connection.remote_subnet),
        })
    }

    fn peer(&self, tunnel: &Tunnel) -> Option<Ipv4Addr> {
        self.state.customer_gateway(&tunnel.customer_gateway_id).map(|gateway| gateway.ip_address)
    }

    /// Whether the peers answer. Nothing is sent for it: an answer is one to the negotiation.
    fn reachability(&self, known: &Known<'_>) -> DiagnoseResult {
        let answers: Vec<_> =
            self.connection.tunnels.iter().map(|it| known.seen(it).and_then(answers)).collect();
        let level = match answers.as_slice() {
            all if all.iter().all(|it| *it == Some(true)) => DiagnoseResultLevel::Normal,
            all if all.iter().all(|it| *it == Some(false)) => DiagnoseResultLevel::Error,
            _ => DiagnoseResultLevel::Warning,
        };
        let tunnels = self.connection.tunnels.iter().zip(&answers);
        let told: Vec<Value> = tunnels
            .clone()
            .map(|(tunnel, answers)| {
                let seen = known.seen(tunnel);
                json!({
                    "tunnelId": tunnel.id,
                    "targetIp": self.peer(tunnel),
                    "answers": answers,
                    "status": seen.map(|seen| seen.status.as_str()),
                    "lastError": seen.and_then(|seen| seen.last_error.as_deref()),
                })
            })
            .collect();
        let silent = tunnels.clone().find(|(_, answers)| **answers != Some(true));
        let target = silent.or(tunnels.clone().next()).and_then(|(tunnel, _)| self.peer(tunnel));
        let description = json!({ "targetIp": target, "tunnels": told });
        result(DiagnoseName::VcoUserInternetIpConnectivity, level, &description)
    }

    /// How a packet would go, between the two addresses or over the connection at all.
    fn passage(&self) -> DiagnoseResult {
        let owner = DomainOwner::VpnGateway(self.gateway.id.clone());
        let question = Question {
            region: self.gateway.region.clone(),
            subject: match self.between {
                Some((_, to)) => Subject::Address(to, owner),
                None => Subject::Connection(self.connection.id.clone(), None),
            },
            source: self.between.map(|(from, _)| from),
            now_ms: self.context.now_ms,
        };
        let told = explain(self.state, self.context.observations, &question);
        let takes_another = told.connection.as_ref().is_some_and(|it| *it != self.connection.id);
        let hints = told.steps.iter().filter(|step| step.outcome == Outcome::Hint);
        let is_silent = hints.clone().any(|step| step.code == Code::NothingComesBack);
        let level = match told.conclusion.outcome {
            Outcome::Failed => DiagnoseResultLevel::Error,
            Outcome::Unknown => DiagnoseResultLevel::Warning,
            Outcome::Passed | Outcome::Hint if takes_another || is_silent => DiagnoseResultLevel::Warning,
            Outcome::Passed | Outcome::Hint => DiagnoseResultLevel::Normal,
        };
        let hints: Vec<Value> = hints
            .map(|step| json!({ "code": step.code, "message": step.message, "remedy": step.remedy }))
            .collect();
        let description = json!({
            "srcIp": self.between.map(|(from, _)| from),
            "targetIp": self.between.map(|(_, to)| to),
            "code": told.conclusion.code,
            "message": told.conclusion.message,
            "remedy": told.conclusion.remedy,
            "nextHop": told.connection,
            "route": told.route.map(|route| route.to_string()),
            "hints": hints,
        });
        result(DiagnoseName::VcoPrivateConnectivity, level, &description)
    }
}

fn result(name: DiagnoseName, level: DiagnoseResultLevel, description: &Value) -> DiagnoseResult {
    DiagnoseResult { name, level, description: description.to_string() }
}

/// How much of a quota is used: a warning from nine tenths on, an error where nothing is left. Its id is its name in the
/// server's configuration.
fn quota(name: DiagnoseName, quota_name: &str, used: usize, quantity: usize) -> DiagnoseResult {
    let level = match used {
        used if used >= quantity => DiagnoseResultLevel::Error,
        used if used >= quantity - quantity / 10 => DiagnoseResultLevel::Warning,
        _ => DiagnoseResultLevel::Normal,
    };
    result(name, level, &json!({ "quotaName": quota_name, "quantity": quantity, "used": used }))
}

fn difference(tunnel: &Tunnel, finding: &Finding) -> Value {
    json!({
        "tunnelId": tunnel.id,
        "code": finding.code,
        "reason": finding.reason,
        "local": finding.local,
        "remote": finding.remote,
    })
}

fn level_of(severity: Severity) -> DiagnoseResultLevel {
    match severity {
        Severity::Critical => DiagnoseResultLevel::Error,
        Severity::Warn => DiagnoseResultLevel::Warning,
        Severity::Normal => DiagnoseResultLevel::Normal,
    }
}

/// Whether the peer answers, as far as the negotiation tells.
fn answers(seen: &ObservedTunnel) -> Option<bool> {
    match (seen.status, &seen.failure) {
        (TunnelStatus::IkeSaNotEstablished, None) => None,
        (TunnelStatus::IkeSaNotEstablished, Some(failure)) => match failure {
            FailureKind::PeerUnreachable => Some(false),
            FailureKind::Configuration | FailureKind::LifetimeEnded => None,
            _ => Some(true),
        },
        _ => Some(true),
    }
}

/// Whether it is that the two sides are configured otherwise.
fn is_about_configuration(code: FailedReasonCode) -> bool {
    match code {
        FailedReasonCode::EncryptionAlgorithmMismatch
        | FailedReasonCode::AuthenticationAlgorithmMismatch
        | FailedReasonCode::DhGroupMismatch
        | FailedReasonCode::PfsMismatch
        | FailedReasonCode::AlgorithmMismatch
        | FailedReasonCode::LifetimeMismatch
        | FailedReasonCode::ProposalMismatch
        | FailedReasonCode::IkeVersionMismatch
        | FailedReasonCode::PskMismatch
        | FailedReasonCode::AuthenticationFailed
        | FailedReasonCode::PeerIdMismatch
        | FailedReasonCode::TrafficSelectorMismatch
        | FailedReasonCode::NotNegotiable
        | FailedReasonCode::NatTMismatch
        | FailedReasonCode::SelectorsNarrowed => true,
        FailedReasonCode::Normal
        | FailedReasonCode::NotAttached
        | FailedReasonCode::NotReported
        | FailedReasonCode::Negotiating
        | FailedReasonCode::NoExceptionFound
        | FailedReasonCode::NoResponse
        | FailedReasonCode::ReceiveDeleteNotify
        | FailedReasonCode::NegotiationFailed
        | FailedReasonCode::NatInBetween
        | FailedReasonCode::RouteOutsideSelectors
        | FailedReasonCode::RouteWithoutTunnel
        | FailedReasonCode::TunnelWithoutRoute
        | FailedReasonCode::HealthCheckFailed
        | FailedReasonCode::NothingComesBack => false,
    }
}

#[cfg(test)]
mod tests;
