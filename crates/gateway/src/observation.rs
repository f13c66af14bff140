//! What the negotiation tells of a tunnel, in the words of the API's side.

use causeway_control::observed::{
    CertificateProblem, FailureKind, Level, NatDetected, Negotiated, ObservedTunnel, ProposalItem,
    TunnelStatus,
};
use causeway_ike::Failure;

/// A tunnel as it is now, but for its selectors, which come with its child SAs, and its health.
pub fn tunnel(
    status: causeway_ike::TunnelStatus,
    failure: Option<Failure>,
    nat: Option<causeway_ike::NatDetected>,
) -> ObservedTunnel {
    let (last_error, failure) = failure.map(|it| (it.text, kind(it.kind))).unzip();
    let nat = nat.map(|it| NatDetected { ours: it.ours, theirs: it.theirs });
    ObservedTunnel { status: status_of(status), last_error, failure, nat, ..ObservedTunnel::default() }
}

/// How bad a line of the log is.
pub fn level(level: causeway_ike::Level) -> Level {
    match level {
        causeway_ike::Level::Info => Level::Info,
        causeway_ike::Level::Warning => Level::Warning,
        causeway_ike::Level::Error => Level::Error,
    }
}

fn status_of(status: causeway_ike::TunnelStatus) -> TunnelStatus {
    match status {
        causeway_ike::TunnelStatus::IkeSaNotEstablished => TunnelStatus::IkeSaNotEstablished,
        causeway_ike::TunnelStatus::IkeSaEstablished => TunnelStatus::IkeSaEstablished,
        causeway_ike::TunnelStatus::IpsecSaNotEstablished => TunnelStatus::IpsecSaNotEstablished,
        causeway_ike::TunnelStatus::IpsecSaEstablished => TunnelStatus::IpsecSaEstablished,
    }
}

fn kind(kind: causeway_ike::FailureKind) -> FailureKind {
    match kind {
        causeway_ike::FailureKind::PeerUnreachable => FailureKind::PeerUnreachable,
        causeway_ike::FailureKind::Version => FailureKind::Version,
        causeway_ike::FailureKind::Proposal { of, items } => {
            let of = match of {
                causeway_ike::Negotiated::Ike => Negotiated::Ike,
                causeway_ike::Negotiated::Child => Negotiated::Ipsec,
            };
            FailureKind::Proposal { of, items: items.into_iter().map(item).collect() }
        }
        causeway_ike::FailureKind::PreSharedKey => FailureKind::PreSharedKey,
        causeway_ike::FailureKind::AuthenticationRefused => FailureKind::AuthenticationRefused,
        causeway_ike::FailureKind::RemoteIdentity => FailureKind::RemoteIdentity,
        causeway_ike::FailureKind::LocalIdentity => FailureKind::LocalIdentity,
        causeway_ike::FailureKind::Certificate(problem) => FailureKind::Certificate(certificate(problem)),
        causeway_ike::FailureKind::TrafficSelectors => FailureKind::TrafficSelectors,
        causeway_ike::FailureKind::ClosedByPeer => FailureKind::ClosedByPeer,
        causeway_ike::FailureKind::Refused => FailureKind::Refused,
        causeway_ike::FailureKind::Malformed => FailureKind::Malformed,
        causeway_ike::FailureKind::LifetimeEnded => FailureKind::LifetimeEnded,
    }
}

fn item(item: causeway_ike::ProposalItem) -> ProposalItem {
    match item {
        causeway_ike::ProposalItem::Encryption => ProposalItem::Encryption,
        causeway_ike::ProposalItem::Integrity => ProposalItem::Integrity,
        causeway_ike::ProposalItem::Prf => ProposalItem::Prf,
        causeway_ike::ProposalItem::Group => ProposalItem::Group,
        causeway_ike::ProposalItem::SequenceNumbers => ProposalItem::SequenceNumbers,
        causeway_ike::ProposalItem::AuthenticationMethod => ProposalItem::AuthenticationMethod,
        causeway_ike::ProposalItem::Lifetime => ProposalItem::Lifetime,
    }
}

fn certificate(problem: causeway_ike::CertificateProblem) -> CertificateProblem {
    match problem {
        causeway_ike::CertificateProblem::Missing => CertificateProblem::Missing,
        causeway_ike::CertificateProblem::Unusable => CertificateProblem::Unusable,
        causeway_ike::CertificateProblem::Expired => CertificateProblem::Expired,
        causeway_ike::CertificateProblem::NotYetValid => CertificateProblem::NotYetValid,
        causeway_ike::CertificateProblem::UnknownAuthority => CertificateProblem::UnknownAuthority,
        causeway_ike::CertificateProblem::Identity => CertificateProblem::Identity,
        causeway_ike::CertificateProblem::Signature => CertificateProblem::Signature,
    }
}
