//! What we offer, what we choose from a peer's offer, and why we choose nothing (RFC 7296, 2.7 and 3.3).
//!
//! A tunnel has exactly one suite for the IKE SA and one for its child SAs, so choosing is finding it. Only of the sequence
//! numbers' size both are wanted, the extended ones rather.

use std::collections::BTreeSet;

use crate::config::{ChildProposal, IkeProposal};
use crate::failure::{Failure, FailureKind, Negotiated, ProposalItem};
use crate::message::proposal::{
    ENCRYPTION, GROUP, INTEGRITY, PRF, PROTOCOL_ESP, PROTOCOL_IKE, Proposal, SEQUENCE_NUMBERS, Transform,
};
use crate::name::{proposals_name, transforms_name};

/// 32-bit sequence numbers.
const NO_EXTENDED_SEQUENCE_NUMBERS: u16 = 0;
/// 64-bit sequence numbers (RFC 4303, 2.2.1).
pub(crate) const EXTENDED_SEQUENCE_NUMBERS: u16 = 1;
/// "None" of the kinds that may be left out.
const NONE: u16 = 0;

impl IkeProposal {
    /// As transforms, in the order in which they are sent.
    pub(crate) fn transforms(&self) -> Vec<Transform> {
        let (id, bits) = (self.encryption.ike_transform_id(), self.encryption.key_bits());
        let mut transforms = vec![Transform::new(ENCRYPTION, id, bits)];
        if let Some(integrity) = self.integrity {
            transforms.push(Transform::new(INTEGRITY, integrity.ike_transform_id(), None));
        }
        transforms.push(Transform::new(PRF, self.prf.ike_transform_id(), None));
        transforms.push(Transform::new(GROUP, self.group.ike_transform_id(), None));
        transforms
    }

    /// The proposal to send; the SPI is empty in IKE_SA_INIT.
    pub(crate) fn offer(&self, spi: &[u8]) -> Proposal {
        Proposal { number: 1, protocol: PROTOCOL_IKE, spi: spi.to_vec(), transforms: self.transforms() }
    }
}

impl ChildProposal {
    /// As transforms, of each kind the preferred one first. IKE_AUTH has no group, because its child uses the IKE SA's (1.2).
    /// Extended sequence numbers cost nothing and last for ever, so a peer that has them too gets them.
    pub(crate) fn transforms(&self, with_group: bool) -> Vec<Transform> {
        let (id, bits) = (self.encryption.ike_transform_id(), self.encryption.key_bits());
        let mut transforms = vec![Transform::new(ENCRYPTION, id, bits)];
        if let Some(integrity) = self.integrity {
            transforms.push(Transform::new(INTEGRITY, integrity.ike_transform_id(), None));
        }
        if let Some(group) = self.pfs.filter(|_| with_group) {
            transforms.push(Transform::new(GROUP, group.ike_transform_id(), None));
        }
        transforms.push(Transform::new(SEQUENCE_NUMBERS, EXTENDED_SEQUENCE_NUMBERS, None));
        transforms.push(Transform::new(SEQUENCE_NUMBERS, NO_EXTENDED_SEQUENCE_NUMBERS, None));
        transforms
    }

    /// The proposal to send.
    pub(crate) fn offer(&self, spi: u32, with_group: bool) -> Proposal {
        let (spi, transforms) = (spi.to_be_bytes().to_vec(), self.transforms(with_group));
        Proposal { number: 1, protocol: PROTOCOL_ESP, spi, transforms }
    }
}

/// The answer to an offer, or `None` if no proposal has all that is wanted and nothing that must be answered otherwise.
/// The answer's SPI is the offer's; the caller puts its own.
pub(crate) fn choose(offered: &[Proposal], protocol: u8, wanted: &[Transform]) -> Option<Proposal> {
    offered.iter().filter(|proposal| proposal.protocol == protocol).find_map(|proposal| {
        differences(proposal, wanted)
            .is_empty()
            .then(|| Proposal { transforms: answered(proposal, wanted), ..proposal.clone() })
    })
}

/// One transform for each kind in the offer: the first wanted one that it has, or "none".
fn answered(offered: &Proposal, wanted: &[Transform]) -> Vec<Transform> {
    let mut kinds: Vec<u8> = offered.transforms.iter().map(|transform| transform.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let of_kind =
        |kind: u8| wanted.iter().find(|it| it.kind == kind && offered.transforms.contains(it)).copied();
    kinds.into_iter().map(|kind| of_kind(kind).unwrap_or(Transform::new(kind, NONE, None))).collect()
}

/// The kinds in which an offer lacks what is wanted.
fn differences(offered: &Proposal, wanted: &[Transform]) -> Vec<u8> {
    let has = |transform: &Transform| offered.transforms.contains(transform);
    let has_kind = |kind: u8| offered.transforms.iter().any(|transform| transform.kind == kind);
    let has_one = |kind: u8| wanted.iter().any(|transform| transform.kind == kind && has(transform));
    let mut differences = Vec::new();
    for kind in wanted.iter().map(|transform| transform.kind) {
        // Peers may leave out the sequence numbers' size; what they mean is the 32 bits that there were before.
        let implied = kind == SEQUENCE_NUMBERS && !has_kind(SEQUENCE_NUMBERS);
        if !has_one(kind) && !implied && !differences.contains(&kind) {
            differences.push(kind);
        }
    }
    for transform in &offered.transforms {
        let unwanted = wanted.iter().all(|wanted| wanted.kind != transform.kind);
        if unwanted
            && !has(&Transform::new(transform.kind, NONE, None))
            && !differences.contains(&transform.kind)
        {
            differences.push(transform.kind);
        }
    }
    differences
}

/// The proposal with which a responder answered ours, if it chose from what we offered (2.7).
pub(crate) fn accepted<'a>(
    answer: &'a [Proposal],
    protocol: u8,
    wanted: &[Transform],
) -> Option<&'a Proposal> {
    let [proposal] = answer else { return None };
    let kinds: BTreeSet<u8> = proposal.transforms.iter().map(|transform| transform.kind).collect();
    let is_one_of_each = kinds.len() == proposal.transforms.len();
    (proposal.protocol == protocol && is_one_of_each && differences(proposal, wanted).is_empty())
        .then_some(proposal)
}

/// Whether a chosen proposal is for extended sequence numbers.
pub(crate) fn is_extended(chosen: &Proposal) -> bool {
    chosen.transforms.contains(&Transform::new(SEQUENCE_NUMBERS, EXTENDED_SEQUENCE_NUMBERS, None))
}

/// Why nothing was chosen: what the peer proposed, what we want, and which items differ in the proposal that comes closest.
pub(crate) fn explain(of: Negotiated, offered: &[Proposal], wanted: &[Transform]) -> Failure {
    let (what, protocol) = match of {
        Negotiated::Ike => ("IKE", PROTOCOL_IKE),
        Negotiated::Child => ("ESP", PROTOCOL_ESP),
    };
    let offered: Vec<Proposal> = offered.iter().filter(|it| it.protocol == protocol).cloned().collect();
    let closest = offered.iter().map(|proposal| differences(proposal, wanted)).min_by_key(Vec::len);
    let kinds = closest.unwrap_or_default();
    let named = items_named(protocol, &kinds);
    let (theirs, ours) = (proposals_name(&offered), transforms_name(wanted));
    let text = format!("peer proposed {what} {theirs}, we want {ours}: {named}");
    let items = kinds.into_iter().filter_map(item).collect();
    Failure::new(FailureKind::Proposal { of, items }, text)
}

fn item(kind: u8) -> Option<ProposalItem> {
    Some(match kind {
        ENCRYPTION => ProposalItem::Encryption,
        INTEGRITY => ProposalItem::Integrity,
        PRF => ProposalItem::Prf,
        GROUP => ProposalItem::Group,
        SEQUENCE_NUMBERS => ProposalItem::SequenceNumbers,
        _ => return None,
    })
}

fn items_named(protocol: u8, kinds: &[u8]) -> String {
    let mut items: Vec<&str> = Vec::new();
    for kind in [ENCRYPTION, INTEGRITY, PRF, GROUP, SEQUENCE_NUMBERS] {
        // The PRF is told by the integrity algorithm's name, unless it alone differs.
        let told = kind == PRF && kinds.contains(&INTEGRITY);
        if kinds.contains(&kind) && !told {
            items.push(match kind {
                ENCRYPTION => "encryption",
                INTEGRITY => "integrity",
                PRF => "PRF",
                GROUP if protocol == PROTOCOL_ESP => "PFS group",
                GROUP => "DH group",
                _ => "size of sequence numbers",
            });
        }
    }
    match items.as_slice() {
        [] => "nothing in it can be used".to_owned(),
        [one] => format!("{one} differs"),
        [first @ .., last] => format!("{} and {last} differ", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
