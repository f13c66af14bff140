//! What we offer, what we choose from a peer's offer, and why we choose nothing (RFC 2409, appendix A; RFC 2407, 4.4 and 4.5).
//!
//! A transform of IKEv1 is one choice of everything. It is compared as the IKEv2 proposal that means the same, so the rules and
//! the words are those of `crate::proposal`.

use crate::config::{ChildProposal, IkeProposal};
use crate::failure::{Failure, FailureKind, Negotiated, ProposalItem};
use crate::message::proposal::{
    ENCRYPTION, GROUP, INTEGRITY, PRF, PROTOCOL_ESP as V2_ESP, PROTOCOL_IKE as V2_IKE,
    Proposal as V2Proposal, SEQUENCE_NUMBERS, Transform as V2Transform,
};
use crate::proposal::{EXTENDED_SEQUENCE_NUMBERS, choose, explain};
use crate::v1::message::association::{PROTOCOL_ESP, PROTOCOL_ISAKMP, Proposal, Transform};
use crate::v1::message::attribute::{Attribute, seconds, value_of, write};

/// Attributes of phase 1.
mod phase1 {
    pub(super) const ENCRYPTION: u16 = 1;
    pub(super) const HASH: u16 = 2;
    pub(super) const AUTHENTICATION: u16 = 3;
    pub(super) const GROUP: u16 = 4;
    pub(super) const LIFE_TYPE: u16 = 11;
    pub(super) const LIFE_DURATION: u16 = 12;
    pub(super) const KEY_LENGTH: u16 = 14;
    pub(super) const KEY_IKE: u8 = 1;
    pub(super) const PRE_SHARED_KEY: u64 = 1;
    /// XAUTHInitPreShared: what else peers offer beside a pre-shared key.
    pub(super) const XAUTH: u64 = 65_001;
}

/// Attributes of phase 2.
mod phase2 {
    pub(super) const LIFE_TYPE: u16 = 1;
    pub(super) const LIFE_DURATION: u16 = 2;
    pub(super) const GROUP: u16 = 3;
    pub(super) const ENCAPSULATION: u16 = 4;
    pub(super) const AUTHENTICATION: u16 = 5;
    pub(super) const KEY_LENGTH: u16 = 6;
    /// Extended (64-bit) Sequence Number (RFC 4304, 2). Without it they have 32 bits.
    pub(super) const SEQUENCE_NUMBERS: u16 = 11;
    pub(super) const TUNNEL: u64 = 1;
    /// UDP-Encapsulated-Tunnel (RFC 3947, 5.1), and what the drafts had for it.
    pub(super) const UDP_TUNNEL: u64 = 3;
    pub(super) const UDP_TUNNEL_DRAFT: u64 = 61_443;
}

/// The type of a life duration: seconds.
const SECONDS: u32 = 1;
/// An algorithm that nobody here has heard of is compared as one that nobody has.
const UNKNOWN: u16 = 0x4000;

/// Pairs of what IKEv1 and what IKEv2 call the same algorithm.
const CIPHERS: [(u64, u16); 4] = [(1, 2), (5, 3), (7, 12), (8, 23)];
/// Hashes of phase 1: their integrity algorithms and PRFs.
const HASHES: [(u64, u16, u16); 5] = [(1, 1, 1), (2, 2, 2), (4, 12, 5), (5, 13, 6), (6, 14, 7)];
/// Authentication algorithms of phase 2.
const AUTHENTICATIONS: [(u64, u16); 5] = [(1, 1), (2, 2), (5, 12), (6, 13), (7, 14)];

/// What was chosen: what to answer with, and the lifetime in seconds that the peer named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Chosen {
    pub proposal: Proposal,
    pub lifetime_s: Option<u64>,
    /// Sequence numbers have 64 bits (phase 2).
    pub extended: bool,
}

/// How packets are carried, by the attribute of phase 2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encapsulation {
    Esp,
    /// In UDP, as RFC 3947 says or as its drafts did.
    Udp {
        draft: bool,
    },
}

impl Encapsulation {
    pub(crate) fn is_udp(self) -> bool {
        matches!(self, Encapsulation::Udp { .. })
    }

    fn number(self) -> u64 {
        match self {
            Encapsulation::Esp => phase2::TUNNEL,
            Encapsulation::Udp { draft: false } => phase2::UDP_TUNNEL,
            Encapsulation::Udp { draft: true } => phase2::UDP_TUNNEL_DRAFT,
        }
    }
}

/// Our offer for phase 1, or `None` if the suite has no place in IKEv1 (AES-GCM).
pub(crate) fn offer_ike(suite: &IkeProposal, lifetime_s: u32) -> Option<Proposal> {
    let cipher = CIPHERS.iter().find(|it| it.1 == suite.encryption.ike_transform_id())?.0;
    let hash = HASHES.iter().find(|it| it.2 == suite.prf.ike_transform_id())?.0;
    let mut raw = Vec::new();
    write(phase1::ENCRYPTION, cipher as u32, &mut raw);
    if let Some(bits) = suite.encryption.key_bits() {
        write(phase1::KEY_LENGTH, bits.into(), &mut raw);
    }
    write(phase1::HASH, hash as u32, &mut raw);
    write(phase1::AUTHENTICATION, phase1::PRE_SHARED_KEY as u32, &mut raw);
    write(phase1::GROUP, suite.group.ike_transform_id().into(), &mut raw);
    write(phase1::LIFE_TYPE, SECONDS, &mut raw);
    write(phase1::LIFE_DURATION, lifetime_s, &mut raw);
    let transform = Transform { number: 1, id: phase1::KEY_IKE, attributes: Vec::new(), raw };
    Some(Proposal { number: 1, protocol: PROTOCOL_ISAKMP, spi: Vec::new(), transforms: vec![transform] })
}

/// Our offer for phase 2. It names no extended sequence numbers: that would be a second transform, of which many a peer takes
/// only the first. Who asks us for them gets them.
pub(crate) fn offer_child(
    suite: &ChildProposal,
    spi: u32,
    lifetime_s: u32,
    encapsulation: Encapsulation,
) -> Proposal {
    let mut raw = Vec::new();
    if let Some(group) = suite.pfs {
        write(phase2::GROUP, group.ike_transform_id().into(), &mut raw);
    }
    write(phase2::ENCAPSULATION, encapsulation.number() as u32, &mut raw);
    write(phase2::LIFE_TYPE, SECONDS, &mut raw);
    write(phase2::LIFE_DURATION, lifetime_s, &mut raw);
    let integrity = suite.integrity.map(|integrity| integrity.ike_transform_id());
    if let Some((number, _)) = AUTHENTICATIONS.iter().find(|it| Some(it.1) == integrity) {
        write(phase2::AUTHENTICATION, *number as u32, &mut raw);
    }
    if let Some(bits) = suite.encryption.key_bits() {
        write(phase2::KEY_LENGTH, bits.into(), &mut raw);
    }
    let id = suite.encryption.ike_transform_id() as u8;
    let transform = Transform { number: 1, id, attributes: Vec::new(), raw };
    Proposal {
        number: 1,
        protocol: PROTOCOL_ESP,
        spi: spi.to_be_bytes().to_vec(),
        transforms: vec![transform],
    }
}

/// A life duration as data of RESPONDER-LIFETIME (RFC 2407, 4.6.3.1).
pub(crate) fn lifetime_data(lifetime_s: u32) -> Vec<u8> {
    let mut data = Vec::new();
    write(phase2::LIFE_TYPE, SECONDS, &mut data);
    write(phase2::LIFE_DURATION, lifetime_s, &mut data);
    data
}

/// The life duration in the data of RESPONDER-LIFETIME.
pub(crate) fn lifetime_of(attributes: &[Attribute]) -> Option<u64> {
    seconds(attributes, phase2::LIFE_TYPE, phase2::LIFE_DURATION)
}

/// Chooses for phase 1, or says why not.
pub(crate) fn choose_ike(offered: &[Proposal], suite: &IkeProposal) -> Result<Chosen, Failure> {
    let (by_key, other): (Vec<_>, Vec<_>) = flat(offered, PROTOCOL_ISAKMP).partition(|(_, it)| {
        value_of(&it.attributes, phase1::AUTHENTICATION) == Some(phase1::PRE_SHARED_KEY)
    });
    if by_key.is_empty() && !other.is_empty() {
        let xauth = |(_, it): &(&Proposal, &Transform)| {
            value_of(&it.attributes, phase1::AUTHENTICATION) == Some(phase1::XAUTH)
        };
        let theirs = if other.iter().all(xauth) { "XAUTH" } else { "certificates or the like" };
        let text = format!(
            "peer proposed authentication by {theirs}, we want a pre-shared key: authentication method differs"
        );
        let items = vec![ProposalItem::AuthenticationMethod];
        return Err(Failure::new(FailureKind::Proposal { of: Negotiated::Ike, items }, text));
    }
    let wanted = suite.transforms();
    let wanted: Vec<_> = wanted.into_iter().filter(|it| it.kind != INTEGRITY).chain(hash_of(suite)).collect();
    let translated = |transform: &Transform| ike_transforms(&transform.attributes);
    let (proposal, transform) = pick(&by_key, V2_IKE, Negotiated::Ike, &wanted, translated)?;
    let lifetime_s = seconds(&transform.attributes, phase1::LIFE_TYPE, phase1::LIFE_DURATION);
    Ok(Chosen { proposal: answer(proposal, transform), lifetime_s, extended: false })
}

/// The integrity algorithm stands for the hash in what is compared and named.
fn hash_of(suite: &IkeProposal) -> Option<V2Transform> {
    let hash = HASHES.iter().find(|it| it.2 == suite.prf.ike_transform_id())?;
    Some(V2Transform::new(INTEGRITY, hash.1, None))
}

/// Chooses for phase 2 among what is carried in one of these ways, or says why not.
pub(crate) fn choose_child(
    offered: &[Proposal],
    suite: &ChildProposal,
    acceptable: &[Encapsulation],
) -> Result<Chosen, Failure> {
    let all: Vec<_> =
        flat(offered, PROTOCOL_ESP).filter(|(proposal, _)| proposal.child_spi().is_some()).collect();
    // A peer may name the drafts' number where the final one is agreed on, and the other way round.
    let fits = |transform: &Transform| match value_of(&transform.attributes, phase2::ENCAPSULATION) {
        None => true,
        Some(phase2::TUNNEL) => acceptable.iter().any(|it| !it.is_udp()),
        Some(phase2::UDP_TUNNEL | phase2::UDP_TUNNEL_DRAFT) => acceptable.iter().any(|it| it.is_udp()),
        Some(_) => false,
    };
    let fitting: Vec<_> = all.iter().filter(|(_, it)| fits(it)).copied().collect();
    if fitting.is_empty() && !all.is_empty() {
        let name = |it: &Encapsulation| if it.is_udp() { "tunnel mode in UDP" } else { "tunnel mode in ESP" };
        let ours = acceptable.iter().map(name).collect::<Vec<_>>().join(" or ");
        let text = format!("peer proposed no {ours}, which is what we want: encapsulation mode differs");
        let kind = FailureKind::Proposal { of: Negotiated::Child, items: Vec::new() };
        return Err(Failure::new(kind, text));
    }
    let wanted = suite.transforms(true);
    let (proposal, transform) = pick(&fitting, V2_ESP, Negotiated::Child, &wanted, child_transforms)?;
    let lifetime_s = seconds(&transform.attributes, phase2::LIFE_TYPE, phase2::LIFE_DURATION);
    let extended = value_of(&transform.attributes, phase2::SEQUENCE_NUMBERS).is_some();
    Ok(Chosen { proposal: answer(proposal, transform), lifetime_s, extended })
}

/// Whether packets go in UDP by what was chosen for phase 2; none if it does not say.
pub(crate) fn is_in_udp(chosen: &Proposal) -> Option<bool> {
    let number = value_of(&chosen.transforms.first()?.attributes, phase2::ENCAPSULATION)?;
    Some(number != phase2::TUNNEL)
}

/// Every transform of a protocol with its proposal, where the proposal stands for itself alone.
fn flat(offered: &[Proposal], protocol: u8) -> impl Iterator<Item = (&Proposal, &Transform)> {
    let alone = |number: u8| offered.iter().filter(|other| other.number == number).count() == 1;
    let usable = offered.iter().filter(move |it| it.protocol == protocol && alone(it.number));
    usable.flat_map(|proposal| proposal.transforms.iter().map(move |transform| (proposal, transform)))
}

/// The first transform that is what we want, by the rules of IKEv2.
fn pick<'a>(
    choices: &[(&'a Proposal, &'a Transform)],
    protocol: u8,
    of: Negotiated,
    wanted: &[V2Transform],
    translated: impl Fn(&Transform) -> Vec<V2Transform>,
) -> Result<(&'a Proposal, &'a Transform), Failure> {
    let alike = choices.iter().zip(0..=u8::MAX).map(|((_, transform), number)| V2Proposal {
        number,
        protocol,
        spi: Vec::new(),
        transforms: translated(transform),
    });
    let alike: Vec<_> = alike.collect();
    let chosen = choose(&alike, protocol, wanted).and_then(|it| choices.get(usize::from(it.number)));
    chosen.copied().ok_or_else(|| explain(of, &alike, wanted))
}

fn answer(proposal: &Proposal, transform: &Transform) -> Proposal {
    Proposal { transforms: vec![transform.clone()], ..proposal.clone() }
}

fn key_bits(attributes: &[Attribute], kind: u16) -> Option<u16> {
    value_of(attributes, kind).map(|bits| u16::try_from(bits).unwrap_or(u16::MAX))
}

fn group(attributes: &[Attribute], kind: u16) -> Option<V2Transform> {
    let number = value_of(attributes, kind)?;
    Some(V2Transform::new(GROUP, u16::try_from(number).unwrap_or(u16::MAX), None))
}

/// A transform of phase 1 in the terms of IKEv2.
fn ike_transforms(attributes: &[Attribute]) -> Vec<V2Transform> {
    let cipher = value_of(attributes, phase1::ENCRYPTION);
    let id = CIPHERS.iter().find(|it| Some(it.0) == cipher).map_or(UNKNOWN, |it| it.1);
    // The key length of an algorithm that has only one is superfluous, and some send it.
    let bits = key_bits(attributes, phase1::KEY_LENGTH).filter(|_| !matches!(id, 2 | 3));
    let mut transforms = vec![V2Transform::new(ENCRYPTION, id, bits)];
    let hash = value_of(attributes, phase1::HASH);
    let (integrity, prf) =
        HASHES.iter().find(|it| Some(it.0) == hash).map_or((UNKNOWN, UNKNOWN), |it| (it.1, it.2));
    transforms.push(V2Transform::new(INTEGRITY, integrity, None));
    transforms.push(V2Transform::new(PRF, prf, None));
    transforms.extend(group(attributes, phase1::GROUP));
    transforms
}

/// A transform of phase 2 in the terms of IKEv2.
fn child_transforms(transform: &Transform) -> Vec<V2Transform> {
    let attributes = &transform.attributes;
    let bits = key_bits(attributes, phase2::KEY_LENGTH).filter(|_| !matches!(transform.id, 2 | 3));
    let mut transforms = vec![V2Transform::new(ENCRYPTION, transform.id.into(), bits)];
    if let Some(number) = value_of(attributes, phase2::AUTHENTICATION) {
        let id = AUTHENTICATIONS.iter().find(|it| it.0 == number).map_or(UNKNOWN, |it| it.1);
        transforms.push(V2Transform::new(INTEGRITY, id, None));
    }
    transforms.extend(group(attributes, phase2::GROUP));
    if let Some(size) = value_of(attributes, phase2::SEQUENCE_NUMBERS) {
        let id = if size == 1 { EXTENDED_SEQUENCE_NUMBERS } else { UNKNOWN };
        transforms.push(V2Transform::new(SEQUENCE_NUMBERS, id, None));
    }
    transforms
}

#[cfg(test)]
mod tests;
