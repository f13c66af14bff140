//! What keeps a tunnel from working, in the words of `DiagnoseVpnConnections`: a finding comes from what the gateway
//! observed, read as [`crate::explain`] reads it, and what is not known stays empty.

use schemars::JsonSchema;
use serde::Serialize;

use crate::explain::{Code, Outcome, tunnel_step};
use crate::observed::{FailureKind, Negotiated, ObservedConnection, ProposalItem, TunnelStatus};
use crate::resource::ike_config::{IkeConfig, word};
use crate::resource::ipsec_config::IpsecConfig;
use crate::resource::tunnel::Tunnel;
use crate::resource::vpn_connection::{VpnConnection, subnets};

/// What is wrong with a tunnel. The names do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum FailedReasonCode {
    /// Nothing: packets can pass.
    Normal,
    /// The connection is attached to nothing, so that its tunnels are not negotiated.
    NotAttached,
    /// The gateway has not reported on the tunnel.
    NotReported,
    /// The peers have not agreed on algorithms.
    ProposalMismatch,
    /// The pre-shared keys differ, or a peer refused the other's proof.
    AuthenticationFailed,
    /// The peer calls itself, or us, otherwise than is configured.
    IdentityMismatch,
    /// The peer does not answer.
    PeerUnreachable,
    /// The peers have not agreed on networks.
    TrafficSelectorMismatch,
    /// The tunnel cannot be negotiated as it is configured.
    NotNegotiable,
    /// The tunnel is being negotiated.
    Negotiating,
    /// The tunnel is down for another reason, which the words have as far as it is known.
    TunnelDown,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum Severity {
    /// No tunnel of the connection carries packets.
    Critical,
    /// Another tunnel carries them, or it cannot be told yet.
    Warn,
    /// All is well.
    Normal,
}

/// What was found of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub code: FailedReasonCode,
    /// How bad it is.
    pub severity: Severity,
    /// The same in words, with the remedy; empty for a tunnel that works.
    pub reason: String,
    /// What this side has, where it is about a parameter.
    pub local: String,
}

/// Finds what keeps a tunnel from working. `ike` is its IKE configuration with the identities that are meant.
pub fn of_tunnel(
    connection: &VpnConnection,
    tunnel: &Tunnel,
    ike: &IkeConfig,
    observed: Option<&ObservedConnection>,
) -> Finding {
    let finding = |code, severity, reason: &str| Finding {
        code,
        severity,
        reason: reason.to_owned(),
        local: String::new(),
    };
    if connection.domain_owner().is_none() {
        let words = "The connection is attached to nothing, so that its tunnels are not negotiated. Attach it with \
                     CreateTransitRouterVpnAttachment.";
        return finding(FailedReasonCode::NotAttached, Severity::Critical, words);
    }
    let Some((observed, seen)) = observed.and_then(|it| Some((it, it.tunnels.get(&tunnel.id)?))) else {
        let words = "The gateway has not reported on the tunnel: nothing can be said of it. Wait a moment; if it stays so, \
                     look at the server's log.";
        return finding(FailedReasonCode::NotReported, Severity::Warn, words);
    };
    let step = tunnel_step(tunnel, seen, true, Outcome::Failed);
    let code = reason_code(step.code);
    let another_is_up = observed.tunnels.values().any(|it| it.status == TunnelStatus::IpsecSaEstablished);
    let local = match (code, &seen.failure) {
        (FailedReasonCode::Normal, _) => return finding(code, Severity::Normal, ""),
        (_, Some(failure)) => mismatch(failure, connection, (ike, &tunnel.ipsec)),
        (_, None) => String::new(),
    };
    let severity = match code {
        FailedReasonCode::Negotiating => Severity::Warn,
        _ if another_is_up => Severity::Warn,
        _ => Severity::Critical,
    };
    let reason = format!("{} {}", step.message, step.remedy);
    Finding { code, severity, reason, local }
}

fn reason_code(code: Code) -> FailedReasonCode {
    match code {
        Code::TunnelCarries | Code::TunnelStandsBy => FailedReasonCode::Normal,
        Code::TunnelProposalMismatch => FailedReasonCode::ProposalMismatch,
        Code::TunnelAuthenticationFailed => FailedReasonCode::AuthenticationFailed,
        Code::TunnelIdentityMismatch => FailedReasonCode::IdentityMismatch,
        Code::TunnelPeerUnreachable => FailedReasonCode::PeerUnreachable,
        Code::TunnelSelectorsRefused => FailedReasonCode::TrafficSelectorMismatch,
        Code::TunnelNotNegotiable => FailedReasonCode::NotNegotiable,
        Code::TunnelNegotiating => FailedReasonCode::Negotiating,
        _ => FailedReasonCode::TunnelDown,
    }
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
            [word(ike.ike_enc_alg), word(ike.ike_auth_alg), word(ike.ike_pfs)],
            ["IkeEncAlg", "IkeAuthAlg", "IkePfs"],
        ),
        FailureKind::Proposal { of: Negotiated::Ipsec, items } => named(
            items,
            [word(ipsec.ipsec_enc_alg), word(ipsec.ipsec_auth_alg), word(ipsec.ipsec_pfs)],
            ["IpsecEncAlg", "IpsecAuthAlg", "IpsecPfs"],
        ),
        FailureKind::Version => {
            format!("IkeVersion={} IkeMode={}", word(ike.ike_version), word(ike.ike_mode))
        }
        FailureKind::RemoteIdentity => format!("RemoteId={}", ike.remote_id),
        FailureKind::LocalIdentity => format!("LocalId={}", ike.local_id),
        FailureKind::TrafficSelectors => format!(
            "LocalSubnet={} RemoteSubnet={}",
            subnets(&connection.local_subnet),
            subnets(&connection.remote_subnet)
        ),
        _ => String::new(),
    }
}

/// The algorithms that differ; all of them where the peer only said that some do.
fn named(items: &[ProposalItem], values: [String; 3], names: [&str; 3]) -> String {
    let differs = |index: usize| {
        items.is_empty()
            || items.iter().any(|item| match item {
                ProposalItem::Encryption => index == 0,
                ProposalItem::Integrity | ProposalItem::Prf => index == 1,
                ProposalItem::Group => index == 2,
                _ => false,
            })
    };
    let differing = names.iter().zip(&values).enumerate().filter(|(index, _)| differs(*index));
    differing.map(|(_, (name, value))| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
