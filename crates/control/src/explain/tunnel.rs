//! The part of the way that is inside a tunnel.

use causeway_wire::format_timestamp;
use ipnet::Ipv4Net;

use super::{Code, Inquiry, Outcome, Step, Subject};
use crate::observed::{
    FailureKind, NegotiatedSelectors, ObservedConnection, ObservedForwarding, ObservedTunnel, TunnelStatus,
};
use crate::resource::tunnel::Tunnel;
use crate::resource::vpn_connection::VpnConnection;

/// For how long packets may be sent without an answer before that is worth a word, in milliseconds.
const SILENCE_MS: i64 = 30_000;

/// The code of what is wrong with a tunnel, and what helps.
fn meaning(failure: &FailureKind) -> (Code, &'static str) {
    match failure {
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
            "Set the same pre-shared key on both sides (Psk, with ModifyTunnelAttribute), and look whether LocalId and RemoteId \
             are what the peer expects.",
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

impl Inquiry<'_> {
    pub(super) fn tunnels(
        &mut self,
        connection: &VpnConnection,
        observed: &ObservedConnection,
        forwarding: Option<&ObservedForwarding>,
    ) {
        let mut tunnels: Vec<&Tunnel> = connection.tunnels.iter().collect();
        tunnels.sort_by_key(|tunnel| (tunnel.role, tunnel.id.clone()));
        let seen = |tunnel: &Tunnel| observed.tunnels.get(&tunnel.id).cloned().unwrap_or_default();
        let is_up = |tunnel: &&&Tunnel| seen(tunnel).status == TunnelStatus::IpsecSaEstablished;
        let told = forwarding.and_then(|forwarding| forwarding.carrier.as_ref());
        let named = tunnels.iter().filter(is_up).find(|tunnel| Some(&tunnel.id) == told);
        let carrier = named.or_else(|| tunnels.iter().find(is_up)).copied();
        for tunnel in &tunnels {
            let step = match carrier {
                Some(carrier) => tunnel_step(tunnel, &seen(tunnel), carrier.id == tunnel.id, Outcome::Hint),
                None => tunnel_step(tunnel, &seen(tunnel), false, Outcome::Failed),
            };
            self.steps.push(step);
        }
        let Some(carrier) = carrier else { return };
        self.selectors(seen(carrier).selectors.as_ref());
        if let Some(forwarding) = forwarding {
            self.traffic(forwarding);
        }
    }

    fn selectors(&mut self, selectors: Option<&NegotiatedSelectors>) {
        let Some(selectors) = selectors else {
            return self.steps.push(Step::new(
                Outcome::Unknown,
                Code::SelectorsUnknown,
                "The gateway does not tell what was negotiated for the tunnel.",
                "Wait a moment; if it stays so, look at the server's log.",
            ));
        };
        let negotiated = format!("{} === {}", nets(&selectors.local), nets(&selectors.remote));
        let covers = |nets: &Vec<Ipv4Net>, prefix: Ipv4Net| {
            Ipv4Net::aggregate(nets).iter().any(|net| net.contains(&prefix))
        };
        let (what, dest) = match &self.question.subject {
            Subject::Connection(_, dest) => ("RouteDest", *dest),
            Subject::Address(address, _) => ("The destination", Some(Ipv4Net::from(*address))),
        };
        let source = self.question.source.map(Ipv4Net::from);
        let remedy = "Widen LocalSubnet and RemoteSubnet with ModifyVpnAttachmentAttribute, and the networks at the peer likewise.";
        let step = match (dest, source) {
            (Some(dest), _) if !covers(&selectors.remote, dest) => {
                let message = format!(
                    "{what} is outside the negotiated traffic selectors {negotiated}: {dest} is dropped."
                );
                Step::failed(Code::DestinationOutsideSelectors, message, remedy)
            }
            (_, Some(source)) if !covers(&selectors.local, source) => {
                let message = format!(
                    "The source is outside the negotiated traffic selectors {negotiated}: what {} sends is dropped.",
                    source.addr()
                );
                Step::failed(Code::SourceOutsideSelectors, message, remedy)
            }
            _ => Step::passed(
                Code::SelectorsCover,
                format!("The negotiated traffic selectors are {negotiated}."),
            ),
        };
        self.steps.push(step);
    }

    fn traffic(&mut self, forwarding: &ObservedForwarding) {
        let now_ms = self.question.now_ms;
        let sent = forwarding.tunnels.values().filter_map(|traffic| traffic.sent_ms).max();
        let received = forwarding.tunnels.values().filter_map(|traffic| traffic.received_ms).max();
        let at = |at_ms: i64| {
            format!("{} ({} s ago)", format_timestamp(at_ms), now_ms.saturating_sub(at_ms).max(0) / 1_000)
        };
        let hint = |code, words: String, remedy: &str| Step::new(Outcome::Hint, code, words, remedy);
        self.steps.push(match sent {
            Some(ms) => Step::passed(Code::PacketsSent, format!("The last packet was sent at {}.", at(ms))),
            None => hint(
                Code::NothingSent,
                "No packet was sent through its tunnels since the gateway started.".to_owned(),
                "Where packets should be sent, look whether they reach this gateway: the hosts behind it need a route to it.",
            ),
        });
        let look = "Look whether the peer routes the way back into the tunnel, and whether the hosts behind it answer.";
        self.steps.push(match (sent, received) {
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
        });
    }
}

/// What a tunnel does; one that is down is as bad as `down` says.
pub(crate) fn tunnel_step(tunnel: &Tunnel, seen: &ObservedTunnel, carries: bool, down: Outcome) -> Step {
    let id = &tunnel.id;
    if seen.status == TunnelStatus::IpsecSaEstablished {
        return if carries {
            Step::passed(Code::TunnelCarries, format!("The tunnel {id} is up and carries the packets."))
        } else {
            Step::passed(Code::TunnelStandsBy, format!("The tunnel {id} is up and stands by."))
        };
    }
    let status = seen.status;
    if let Some(error) = &seen.last_error {
        let (code, remedy) = meaning(seen.failure.as_ref().unwrap_or(&FailureKind::Refused));
        return Step::new(down, code, format!("The tunnel {id} is {status}: {error}."), remedy);
    }
    let remedy = "Wait a moment; DescribeVpnConnectionLogs has the log of the negotiation.";
    let (code, words) = match status {
        TunnelStatus::IkeSaEstablished => (Code::TunnelNegotiating, "is being negotiated"),
        _ => (Code::TunnelDown, "is down, without an error so far"),
    };
    Step::new(down, code, format!("The tunnel {id} {words} ({status})."), remedy)
}

fn nets(nets: &[Ipv4Net]) -> String {
    nets.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
