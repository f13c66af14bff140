//! The part of the way that is inside a tunnel.

use causeway_wire::format_timestamp;
use ipnet::Ipv4Net;

use super::{Code, Inquiry, Outcome, Step, Subject};
use crate::observed::{
    NegotiatedSelectors, ObservedConnection, ObservedForwarding, ObservedTunnel, TunnelStatus,
};
use crate::resource::tunnel::Tunnel;
use crate::resource::vpn_connection::VpnConnection;

/// For how long packets may be sent without an answer before that is worth a word, in milliseconds.
const SILENCE_MS: i64 = 30_000;

/// What the words of a negotiation mean, the more particular ones first, and what helps.
const MEANINGS: &[(&[&str], Code, &str)] = &[
    (
        &["ikev1", "none of this gateway's", "has no address"],
        Code::TunnelNotNegotiable,
        "Change the tunnel as the message says, with ModifyTunnelAttribute.",
    ),
    (
        &["NO_PROPOSAL_CHOSEN", "DH group", "PFS group", "algorithms"],
        Code::TunnelProposalMismatch,
        "Set the encryption, authentication and group (IkeEncAlg, IkeAuthAlg, IkePfs; IpsecEncAlg, IpsecAuthAlg, IpsecPfs) \
         that the peer has, with ModifyTunnelAttribute; DownloadVpnConnectionConfig shows what we propose.",
    ),
    (
        &["says it is", "INVALID_ID"],
        Code::TunnelIdentityMismatch,
        "Set LocalId and RemoteId to the names that the peer uses, with ModifyTunnelAttribute, or change them at the peer.",
    ),
    (
        &["AUTHENTICATION_FAILED", "pre-shared key"],
        Code::TunnelAuthenticationFailed,
        "Set the same pre-shared key on both sides (Psk, with ModifyTunnelAttribute), and look whether LocalId and RemoteId \
         are what the peer expects.",
    ),
    (
        &["TS_UNACCEPTABLE", "refused traffic", "answered with traffic"],
        Code::TunnelSelectorsRefused,
        "Set LocalSubnet and RemoteSubnet to the networks that the peer has, the other way round, with \
         ModifyVpnAttachmentAttribute.",
    ),
    (
        &["no answer", "does not answer"],
        Code::TunnelPeerUnreachable,
        "Check the address of the customer gateway, and that UDP ports 500 and 4500 are open between it and this gateway.",
    ),
];

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
        let meaning = MEANINGS.iter().find(|(words, ..)| words.iter().any(|word| error.contains(word)));
        let other = "DescribeVpnConnectionLogs has the log of the negotiation.";
        let (code, remedy) = meaning.map_or((Code::TunnelDown, other), |(_, code, remedy)| (*code, remedy));
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
