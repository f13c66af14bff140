//! The words for why a tunnel is not up.

use causeway_control::observed::{CertificateProblem, FailureKind, Negotiated, ProposalItem};

/// The kinds that have nothing more to say.
const PLAIN: [(&str, FailureKind); 13] = [
    ("peer unreachable", FailureKind::PeerUnreachable),
    ("version", FailureKind::Version),
    ("pre-shared key", FailureKind::PreSharedKey),
    ("authentication refused", FailureKind::AuthenticationRefused),
    ("remote identity", FailureKind::RemoteIdentity),
    ("local identity", FailureKind::LocalIdentity),
    ("unknown authority", FailureKind::Certificate(CertificateProblem::UnknownAuthority)),
    ("no certificate", FailureKind::Certificate(CertificateProblem::Missing)),
    ("traffic selectors", FailureKind::TrafficSelectors),
    ("closed by peer", FailureKind::ClosedByPeer),
    ("refused", FailureKind::Refused),
    ("lifetime ended", FailureKind::LifetimeEnded),
    ("configuration", FailureKind::Configuration),
];

const PROPOSALS: [(&str, Negotiated); 2] =
    [("ike proposal", Negotiated::Ike), ("ipsec proposal", Negotiated::Ipsec)];

const ITEMS: [(&str, ProposalItem); 7] = [
    ("encryption", ProposalItem::Encryption),
    ("integrity", ProposalItem::Integrity),
    ("prf", ProposalItem::Prf),
    ("group", ProposalItem::Group),
    ("sequence numbers", ProposalItem::SequenceNumbers),
    ("authentication method", ProposalItem::AuthenticationMethod),
    ("lifetime", ProposalItem::Lifetime),
];

/// `pre-shared key`, `ike proposal` where the peer does not say more, or `ike proposal: group, encryption`.
pub(super) fn failure(text: &str) -> Result<FailureKind, String> {
    if let Some((_, kind)) = PLAIN.iter().find(|(word, _)| *word == text) {
        return Ok(kind.clone());
    }
    let (of, items) = text.split_once(": ").unwrap_or((text, ""));
    let Some((_, of)) = PROPOSALS.iter().find(|(word, _)| *word == of) else {
        let known: Vec<&str> =
            PLAIN.iter().map(|(word, _)| *word).chain(PROPOSALS.map(|(word, _)| word)).collect();
        return Err(format!("`{text}` is no failure: one of {}", known.join(", ")));
    };
    let item = |word: &str| {
        let found = ITEMS.iter().find(|(known, _)| *known == word);
        let known = ITEMS.map(|(word, _)| word).join(", ");
        found.map(|(_, item)| *item).ok_or_else(|| format!("`{word}` is no item of a proposal: {known}"))
    };
    let words = items.split(", ").filter(|word| !word.is_empty());
    Ok(FailureKind::Proposal { of: *of, items: words.map(item).collect::<Result<_, _>>()? })
}
