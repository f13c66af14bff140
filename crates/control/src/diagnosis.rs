//! What keeps a tunnel from working, in the words of `DiagnoseVpnConnections`: a finding comes from what the gateway
//! observed, read as [`crate::explain`] reads it, and what is not known stays empty.

use schemars::JsonSchema;
use serde::Serialize;

use crate::explain::{Code, Outcome, tunnel_step};
use crate::observed::{ObservedConnection, TunnelStatus};
use crate::resource::ike_config::word;
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
    /// What the peer has or said, as far as it is known.
    pub remote: String,
}

/// Finds what keeps a tunnel from working.
pub fn of_tunnel(
    connection: &VpnConnection,
    tunnel: &Tunnel,
    observed: Option<&ObservedConnection>,
) -> Finding {
    let finding = |code, severity, reason: &str| Finding {
        code,
        severity,
        reason: reason.to_owned(),
        local: String::new(),
        remote: String::new(),
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
    let (local, remote) = match code {
        FailedReasonCode::Normal => return finding(code, Severity::Normal, ""),
        FailedReasonCode::ProposalMismatch => (proposals(tunnel), seen.last_error.clone()),
        FailedReasonCode::IdentityMismatch => (identities(tunnel), seen.last_error.clone()),
        FailedReasonCode::TrafficSelectorMismatch => (networks(connection), seen.last_error.clone()),
        _ => (String::new(), None),
    };
    let severity = match code {
        FailedReasonCode::Negotiating => Severity::Warn,
        _ if another_is_up => Severity::Warn,
        _ => Severity::Critical,
    };
    let reason = format!("{} {}", step.message, step.remedy);
    Finding { code, severity, reason, local, remote: remote.unwrap_or_default() }
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

fn proposals(tunnel: &Tunnel) -> String {
    let (ike, ipsec) = (&tunnel.ike, &tunnel.ipsec);
    format!(
        "IkeEncAlg={} IkeAuthAlg={} IkePfs={} IpsecEncAlg={} IpsecAuthAlg={} IpsecPfs={}",
        word(ike.ike_enc_alg),
        word(ike.ike_auth_alg),
        word(ike.ike_pfs),
        word(ipsec.ipsec_enc_alg),
        word(ipsec.ipsec_auth_alg),
        word(ipsec.ipsec_pfs)
    )
}

fn identities(tunnel: &Tunnel) -> String {
    format!("LocalId={} RemoteId={}", tunnel.ike.local_id, tunnel.ike.remote_id)
}

fn networks(connection: &VpnConnection) -> String {
    format!(
        "LocalSubnet={} RemoteSubnet={}",
        subnets(&connection.local_subnet),
        subnets(&connection.remote_subnet)
    )
}

#[cfg(test)]
mod tests;
