use causeway_crypto::{DhGroup, Encryption, Integrity, Prf};

use super::{accepted, choose, explain, is_extended};
use crate::config::{ChildProposal, IkeProposal};
use crate::failure::Negotiated;
use crate::message::proposal::{
    ENCRYPTION, GROUP, INTEGRITY, PRF, PROTOCOL_ESP, PROTOCOL_IKE, Proposal, SEQUENCE_NUMBERS, Transform,
};

fn ike(encryption: Encryption, group: DhGroup) -> IkeProposal {
    IkeProposal { encryption, integrity: Some(Integrity::HmacSha1_96), prf: Prf::HmacSha1, group }
}

fn offer(transforms: &[(u8, u16, Option<u16>)]) -> Proposal {
    let transforms = transforms.iter().map(|(kind, id, bits)| Transform::new(*kind, *id, *bits)).collect();
    Proposal { number: 3, protocol: PROTOCOL_IKE, spi: vec![1, 2, 3, 4], transforms }
}

#[test]
fn the_wanted_suite_is_found_among_many() {
    let wanted = ike(Encryption::Aes128Cbc, DhGroup::Modp1024).transforms();
    let many = offer(&[
        (ENCRYPTION, 12, Some(256)),
        (ENCRYPTION, 12, Some(128)),
        (INTEGRITY, 12, None),
        (INTEGRITY, 2, None),
        (PRF, 5, None),
        (PRF, 2, None),
        (GROUP, 14, None),
        (GROUP, 2, None),
    ]);
    let other = offer(&[(ENCRYPTION, 3, None), (INTEGRITY, 2, None), (PRF, 2, None), (GROUP, 2, None)]);
    let chosen = choose(&[other, many], PROTOCOL_IKE, &wanted).expect("it is there");
    assert_eq!((chosen.number, chosen.spi), (3, vec![1, 2, 3, 4]));
    let mut answered = chosen.transforms;
    answered.sort();
    let mut sorted = wanted.clone();
    sorted.sort();
    assert_eq!(answered, sorted);
}

#[test]
fn items_of_different_proposals_do_not_add_up() {
    let wanted = ike(Encryption::Aes128Cbc, DhGroup::Modp1024).transforms();
    let one = offer(&[(ENCRYPTION, 12, Some(128)), (INTEGRITY, 2, None), (PRF, 2, None), (GROUP, 14, None)]);
    let two = offer(&[(ENCRYPTION, 12, Some(256)), (INTEGRITY, 2, None), (PRF, 2, None), (GROUP, 2, None)]);
    assert_eq!(choose(&[one.clone(), two.clone()], PROTOCOL_IKE, &wanted), None);
    assert_eq!(
        explain(Negotiated::Ike, &[one, two], &wanted).text,
        "peer proposed IKE aes128/sha1/modp2048 or aes256/sha1/modp1024, we want aes128/sha1/modp1024: DH group differs"
    );
}

#[test]
fn a_refusal_says_which_items_differ() {
    let wanted = ike(Encryption::Aes128Cbc, DhGroup::Modp1024);
    let offered = ike(Encryption::Aes256Cbc, DhGroup::Modp2048).offer(&[]);
    assert_eq!(
        explain(Negotiated::Ike, &[offered], &wanted.transforms()).text,
        "peer proposed IKE aes256/sha1/modp2048, we want aes128/sha1/modp1024: encryption and DH group differ"
    );
    let sha256 = IkeProposal { integrity: Some(Integrity::HmacSha256_128), prf: Prf::HmacSha256, ..wanted };
    assert_eq!(
        explain(Negotiated::Ike, &[sha256.offer(&[])], &wanted.transforms()).text,
        "peer proposed IKE aes128/sha256/modp1024, we want aes128/sha1/modp1024: integrity differs"
    );
    let prf = IkeProposal { prf: Prf::HmacSha256, ..wanted };
    assert_eq!(
        explain(Negotiated::Ike, &[prf.offer(&[])], &wanted.transforms()).text,
        "peer proposed IKE aes128/sha1/prfsha256/modp1024, we want aes128/sha1/modp1024: PRF differs"
    );
    assert_eq!(
        explain(Negotiated::Ike, &[], &wanted.transforms()).text,
        "peer proposed IKE nothing, we want aes128/sha1/modp1024: nothing in it can be used"
    );
}

#[test]
fn aes_gcm_goes_with_no_integrity_algorithm_or_with_none() {
    let wanted =
        ChildProposal { encryption: Encryption::Aes128Gcm16, integrity: None, pfs: None }.transforms(true);
    let esp = |transforms| Proposal { protocol: PROTOCOL_ESP, ..offer(transforms) };
    let bare = esp(&[(ENCRYPTION, 20, Some(128)), (SEQUENCE_NUMBERS, 0, None)]);
    let none = esp(&[(ENCRYPTION, 20, Some(128)), (INTEGRITY, 0, None), (SEQUENCE_NUMBERS, 0, None)]);
    let both = esp(&[(ENCRYPTION, 20, Some(128)), (INTEGRITY, 2, None), (SEQUENCE_NUMBERS, 0, None)]);
    assert!(choose(&[bare], PROTOCOL_ESP, &wanted).is_some());
    let chosen = choose(&[none], PROTOCOL_ESP, &wanted).expect("none is none");
    assert!(
        chosen.transforms.contains(&Transform::new(INTEGRITY, 0, None)),
        "every kind offered is answered"
    );
    assert!(choose(&[both], PROTOCOL_ESP, &wanted).is_none());
}

#[test]
fn extended_sequence_numbers_are_preferred_and_silence_means_short_ones() {
    let suite = ChildProposal { encryption: Encryption::Aes128Gcm16, integrity: None, pfs: None };
    let wanted = suite.transforms(true);
    let chosen = |sizes: &[u16]| {
        let mut transforms = vec![(ENCRYPTION, 20, Some(128))];
        transforms.extend(sizes.iter().map(|size| (SEQUENCE_NUMBERS, *size, None)));
        let offered = Proposal { protocol: PROTOCOL_ESP, ..offer(&transforms) };
        let chosen = choose(&[offered], PROTOCOL_ESP, &wanted)?;
        let answered: Vec<u16> =
            chosen.transforms.iter().filter(|it| it.kind == SEQUENCE_NUMBERS).map(|it| it.id).collect();
        Some((answered, is_extended(&chosen)))
    };
    assert_eq!(chosen(&[1]), Some((vec![1], true)));
    assert_eq!(chosen(&[0]), Some((vec![0], false)));
    assert_eq!(chosen(&[0, 1]), Some((vec![1], true)));
    assert_eq!(chosen(&[1, 0]), Some((vec![1], true)));
    assert_eq!(chosen(&[]), Some((vec![], false)));
    assert_eq!(chosen(&[2]), None);
    let transforms = vec![wanted[0], Transform::new(SEQUENCE_NUMBERS, 2, None)];
    let unknown = Proposal { transforms, ..suite.offer(1, true) };
    assert!(
        explain(Negotiated::Child, &[unknown], &wanted).text.ends_with("size of sequence numbers differs")
    );
}

#[test]
fn an_answer_chooses_one_size_of_sequence_numbers() {
    let suite = ChildProposal { encryption: Encryption::Aes128Gcm16, integrity: None, pfs: None };
    let wanted = suite.transforms(true);
    let answer = |sizes: &[u16]| {
        let sizes = sizes.iter().map(|size| Transform::new(SEQUENCE_NUMBERS, *size, None));
        Proposal { transforms: [wanted[0]].into_iter().chain(sizes).collect(), ..suite.offer(1, true) }
    };
    let taken = |sizes: &[u16]| accepted(&[answer(sizes)], PROTOCOL_ESP, &wanted).map(is_extended);
    assert_eq!(taken(&[1]), Some(true));
    assert_eq!(taken(&[0]), Some(false));
    assert_eq!(taken(&[]), Some(false));
    assert_eq!(taken(&[1, 0]), None, "that is the offer again");
}

#[test]
fn a_group_is_only_for_those_who_want_one() {
    let child = |pfs| ChildProposal {
        encryption: Encryption::Aes128Cbc,
        integrity: Some(Integrity::HmacSha1_96),
        pfs,
    };
    let (with, without) = (child(Some(DhGroup::Modp1024)), child(None));
    assert!(choose(&[with.offer(1, true)], PROTOCOL_ESP, &without.transforms(true)).is_none());
    assert!(choose(&[without.offer(1, true)], PROTOCOL_ESP, &with.transforms(true)).is_none());
    assert_eq!(
        explain(Negotiated::Child, &[without.offer(1, true)], &with.transforms(true)).text,
        "peer proposed ESP aes128/sha1, we want aes128/sha1/modp1024: PFS group differs"
    );
    let mut either = with.offer(1, true);
    either.transforms.push(Transform::new(GROUP, 0, None));
    assert!(choose(&[either], PROTOCOL_ESP, &without.transforms(true)).is_some());
}

#[test]
fn an_algorithm_with_an_unknown_attribute_or_an_unknown_kind_is_not_chosen() {
    let wanted = ike(Encryption::Aes128Cbc, DhGroup::Modp1024);
    let mut marked = wanted.offer(&[]);
    marked.transforms[0].unknown_attribute = true;
    assert!(choose(&[marked], PROTOCOL_IKE, &wanted.transforms()).is_none());
    let mut further = wanted.offer(&[]);
    further.transforms.push(Transform::new(6, 36, None));
    assert!(choose(&[further.clone()], PROTOCOL_IKE, &wanted.transforms()).is_none());
    further.transforms.push(Transform::new(6, 0, None));
    assert!(choose(&[further], PROTOCOL_IKE, &wanted.transforms()).is_some());
}

#[test]
fn an_answer_must_be_the_one_suite_that_was_offered() {
    let wanted = ike(Encryption::Aes128Cbc, DhGroup::Modp1024);
    let good = wanted.offer(&[]);
    let other = ike(Encryption::Aes256Cbc, DhGroup::Modp1024).offer(&[]);
    assert!(accepted(std::slice::from_ref(&good), PROTOCOL_IKE, &wanted.transforms()).is_some());
    assert!(accepted(&[other], PROTOCOL_IKE, &wanted.transforms()).is_none());
    assert!(accepted(&[good.clone(), good], PROTOCOL_IKE, &wanted.transforms()).is_none());
    assert!(accepted(&[], PROTOCOL_IKE, &wanted.transforms()).is_none());
}
