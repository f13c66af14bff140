use causeway_crypto::{DhGroup, Encryption, Integrity, Prf};

use super::{Encapsulation, choose_child, choose_ike, is_in_udp, offer_child, offer_ike};
use crate::config::{ChildProposal, IkeProposal};
use crate::v1::message::association::{self, PROTOCOL_ISAKMP, Proposal, Transform};
use crate::v1::message::attribute;

const UDP: Encapsulation = Encapsulation::Udp { draft: false };

fn ike() -> IkeProposal {
    IkeProposal {
        encryption: Encryption::Aes256Cbc,
        integrity: Some(Integrity::HmacSha256_128),
        prf: Prf::HmacSha256,
        group: DhGroup::Modp2048,
    }
}

fn child() -> ChildProposal {
    let integrity = Some(Integrity::HmacSha1_96);
    ChildProposal { encryption: Encryption::Aes128Cbc, integrity, pfs: Some(DhGroup::Modp1024) }
}

/// As a peer gets it.
fn sent(proposals: &[Proposal]) -> Vec<Proposal> {
    association::parse(&association::write(proposals)).expect("it is well-formed")
}

fn transform(number: u8, attributes: &[(u16, u32)]) -> Transform {
    let mut raw = Vec::new();
    attributes.iter().for_each(|(kind, value)| attribute::write(*kind, *value, &mut raw));
    Transform { number, id: 1, attributes: Vec::new(), raw }
}

fn of_ike(transforms: Vec<Transform>) -> Vec<Proposal> {
    sent(&[Proposal { number: 1, protocol: PROTOCOL_ISAKMP, spi: Vec::new(), transforms }])
}

#[test]
fn every_offer_of_ours_is_one_that_we_would_choose_with_its_lifetime() {
    for encryption in Encryption::ALL.into_iter().filter(|it| !it.is_aead()) {
        for (integrity, prf) in Integrity::ALL.into_iter().zip(Prf::ALL) {
            for group in DhGroup::ALL {
                let suite = IkeProposal { encryption, integrity: Some(integrity), prf, group };
                let offer = offer_ike(&suite, 86_400).expect("it is a suite of IKEv1");
                let chosen = choose_ike(&sent(std::slice::from_ref(&offer)), &suite).expect("it is the same");
                assert_eq!(chosen.lifetime_s, Some(86_400));
                assert_eq!(association::write(&[chosen.proposal]), association::write(&[offer]));
            }
        }
    }
    for encryption in Encryption::ALL {
        for integrity in Integrity::ALL {
            for pfs in DhGroup::ALL.into_iter().map(Some).chain([None]) {
                let integrity = (!encryption.is_aead()).then_some(integrity);
                let suite = ChildProposal { encryption, integrity, pfs };
                let offer = offer_child(&suite, 0x1234_5678, 3_600, UDP);
                let chosen = choose_child(&sent(&[offer]), &suite, &[UDP]).expect("it is the same");
                assert_eq!(
                    (chosen.lifetime_s, chosen.proposal.child_spi()),
                    (Some(3_600), Some(0x1234_5678))
                );
            }
        }
    }
}

#[test]
fn the_right_one_of_many_transforms_is_chosen_and_repeated_as_it_was_sent() {
    let common = [(3, 1), (4, 14)];
    let with = |number, own: &[(u16, u32)]| transform(number, &[own, &common].concat());
    let right = with(3, &[(1, 7), (14, 256), (2, 4), (11, 2), (12, 100), (11, 1), (12, 70_000)]);
    let offered =
        of_ike(vec![with(1, &[(1, 5), (2, 2)]), with(2, &[(1, 7), (14, 128), (2, 4)]), right.clone()]);
    let chosen = choose_ike(&offered, &ike()).expect("the third");
    assert_eq!(chosen.lifetime_s, Some(70_000), "kilobytes are passed over");
    let [answered] = chosen.proposal.transforms.as_slice() else { panic!("one transform is answered") };
    assert_eq!((answered.number, &answered.raw), (3, &right.raw));
}

#[test]
fn what_differs_is_named() {
    let base = [(1, 7), (14, 256), (2, 4), (3, 1), (4, 14)];
    let changed = |kind: u16, value: u32| {
        let attributes: Vec<_> =
            base.iter().map(|it| if it.0 == kind { (kind, value) } else { *it }).collect();
        choose_ike(&of_ike(vec![transform(1, &attributes)]), &ike()).map(|_| ())
    };
    assert_eq!(changed(99, 0), Ok(()));
    let cases = [
        (changed(1, 5), "encryption differs"),
        (changed(1, 77), "encryption differs"),
        (
            changed(14, 128),
            "peer proposed IKE aes128/sha256/modp2048, we want aes256/sha256/modp2048: encryption differs",
        ),
        (changed(2, 1), "integrity differs"),
        (changed(4, 2), "DH group differs"),
        (changed(3, 3), "authentication method differs"),
        (changed(3, 65_001), "authentication by XAUTH"),
    ];
    for (result, text) in cases {
        let error = result.expect_err(text);
        assert!(error.text.contains(text), "{error:?}");
    }
}

#[test]
fn what_differs_in_phase_2_is_named() {
    let theirs = |suite: ChildProposal, carried| {
        let error = choose_child(&sent(&[offer_child(&suite, 300, 60, carried)]), &child(), &[UDP]);
        error.expect_err("something differs")
    };
    let cases = [
        (theirs(ChildProposal { encryption: Encryption::DesCbc, ..child() }, UDP), "encryption differs"),
        (
            theirs(ChildProposal { integrity: Some(Integrity::HmacMd5_96), ..child() }, UDP),
            "integrity differs",
        ),
        (theirs(ChildProposal { pfs: None, ..child() }, UDP), "PFS group differs"),
        (theirs(ChildProposal { pfs: Some(DhGroup::Modp768), ..child() }, UDP), "PFS group differs"),
        (theirs(child(), Encapsulation::Esp), "encapsulation mode differs"),
    ];
    for (error, text) in cases {
        assert!(error.text.contains(text), "{error:?}");
    }
    let without = ChildProposal { pfs: None, ..child() };
    let offered = sent(&[offer_child(&child(), 300, 60, UDP)]);
    assert!(
        choose_child(&offered, &without, &[UDP])
            .expect_err("more than we want")
            .text
            .contains("PFS group differs")
    );
}

#[test]
fn the_drafts_number_for_udp_means_the_same_and_a_key_length_of_des_is_passed_over() {
    let draft = Encapsulation::Udp { draft: true };
    assert!(choose_child(&sent(&[offer_child(&child(), 300, 60, draft)]), &child(), &[UDP]).is_ok());
    let suite = IkeProposal { encryption: Encryption::TripleDesCbc, ..ike() };
    let offered = of_ike(vec![transform(1, &[(1, 5), (14, 192), (2, 4), (3, 1), (4, 14)])]);
    assert!(choose_ike(&offered, &suite).is_ok());
}

#[test]
fn packets_are_carried_in_the_way_that_the_peer_asks_for_if_it_is_acceptable() {
    for asked_for in [Encapsulation::Esp, UDP] {
        let offered = sent(&[offer_child(&child(), 300, 60, asked_for)]);
        let chosen = choose_child(&offered, &child(), &[UDP, Encapsulation::Esp]).expect("both will do");
        assert_eq!(is_in_udp(&chosen.proposal), Some(asked_for.is_udp()));
    }
}

#[test]
fn proposals_that_are_meant_together_and_spis_of_zero_are_not_chosen() {
    let esp = offer_child(&child(), 300, 60, UDP);
    let compression = Proposal { protocol: 4, ..esp.clone() };
    assert!(choose_child(&sent(&[esp.clone(), compression.clone()]), &child(), &[UDP]).is_err());
    let apart = Proposal { number: 2, ..compression };
    assert!(choose_child(&sent(&[esp, apart]), &child(), &[UDP]).is_ok());
    assert!(choose_child(&sent(&[offer_child(&child(), 0, 60, UDP)]), &child(), &[UDP]).is_err());
}

#[test]
fn aes_gcm_has_no_place_in_phase_1() {
    let suite = IkeProposal { encryption: Encryption::Aes128Gcm16, integrity: None, ..ike() };
    assert!(offer_ike(&suite, 60).is_none());
}

/// Attribute 11 of phase 2 (RFC 4304, 2).
#[test]
fn extended_sequence_numbers_are_agreed_on_where_a_peer_proposes_them() {
    let proposed = |size: Option<u32>| {
        let mut offer = offer_child(&child(), 7, 3_600, UDP);
        size.into_iter().for_each(|size| attribute::write(11, size, &mut offer.transforms[0].raw));
        choose_child(&sent(&[offer]), &child(), &[UDP])
    };
    assert!(!proposed(None).expect("short ones are meant").extended);
    let chosen = proposed(Some(1)).expect("we have them");
    assert!(chosen.extended);
    let answer = sent(&[chosen.proposal]);
    assert!(choose_child(&answer, &child(), &[UDP]).expect("it is the same").extended);
    let refused = proposed(Some(2)).expect_err("nobody has those");
    assert!(refused.text.ends_with("size of sequence numbers differs"), "{}", refused.text);
}
