use hex_literal::hex;

use super::{InvalidPublicValue, KeyExchange};
use crate::group::DhGroup;
use crate::hash::Hash;
use crate::random::{Random, SeededRandom};

/// Gives exactly these bytes, so that a private value from an RFC can be used.
struct Fixed(Vec<u8>);

impl Random for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) {
        let rest = self.0.split_off(bytes.len());
        bytes.copy_from_slice(&self.0);
        self.0 = rest;
    }
}

fn with_private(group: DhGroup, private: &[u8]) -> KeyExchange {
    KeyExchange::generate(group, &mut Fixed(private.to_vec()))
}

/// RFC 7748 section 6.1.
#[test]
fn curve25519_gives_what_rfc_7748_says() {
    let alice = with_private(
        DhGroup::Curve25519,
        &hex!("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"),
    );
    let bob = with_private(
        DhGroup::Curve25519,
        &hex!("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"),
    );
    assert_eq!(
        alice.public_value(),
        hex!("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    );
    assert_eq!(bob.public_value(), hex!("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
    let bobs = bob.public_value().to_vec();
    assert_eq!(
        alice.agree(&bobs).unwrap().as_bytes(),
        hex!("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    );
}

/// RFC 5903 section 8.1.
#[test]
fn ecp_256_gives_what_rfc_5903_says() {
    let initiator = with_private(
        DhGroup::Ecp256,
        &hex!("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433"),
    );
    let responder = with_private(
        DhGroup::Ecp256,
        &hex!("c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53"),
    );
    assert_eq!(
        initiator.public_value(),
        hex!(
            "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
            "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3"
        )
    );
    assert_eq!(
        responder.public_value(),
        hex!(
            "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
            "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab"
        )
    );
    let responders = responder.public_value().to_vec();
    assert_eq!(
        initiator.agree(&responders).unwrap().as_bytes(),
        hex!("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de")
    );
}

#[test]
fn a_private_value_above_the_order_of_the_curve_is_drawn_again() {
    let mut drawn = vec![0xff; 32];
    drawn.extend(hex!("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433"));
    let exchange = with_private(DhGroup::Ecp256, &drawn);
    assert_eq!(
        exchange.public_value()[..32],
        hex!("dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180")
    );
}

/// Computed with another implementation: the SHA-256 of 2 and of 5 to the exponent 0x80010203..27.
#[test]
fn powers_are_those_that_another_implementation_computes() {
    let powers = [
        (
            DhGroup::Modp768,
            hex!("1e6408b390f6a816182f73396d551f7114750c8599514bac3aba15411f22a05a"),
            hex!("4d13b1cc104f28f7b1da7f7a0cb07fe14c754352b4893a5af45269563ea94d30"),
        ),
        (
            DhGroup::Modp1024,
            hex!("23220f64fa66fbdc1cddbf75e7c7dffde47fa528142bf176c022aba4984370a4"),
            hex!("b1476c65f790dd592fb2ad958998a86c1e3bd4954c60fc9460d1d91b4700edd8"),
        ),
        (
            DhGroup::Modp1536,
            hex!("2127d43c2b2e512ea6d206c36b219c227a3554168b3e1e05bcc21044f1d4df4d"),
            hex!("249cb0d6aace60adbd63ffd5a420b8ef1712a51ef7c8caf4a271a3b34792286f"),
        ),
        (
            DhGroup::Modp2048,
            hex!("1a85df7a0e6bd93db4ad7efa8487e34603b2f177ac6dcbe7e1314b634eb5609a"),
            hex!("d5abb1496cf89f0d9b0ddc597c667a0f7d5b6da24dc1f64fb078c4d613b2411b"),
        ),
    ];
    let private: Vec<u8> = (0..40).collect();
    for (group, of_two, of_five) in powers {
        let exchange = with_private(group, &private);
        assert_eq!(Hash::Sha256.digest(&[exchange.public_value()]), of_two);
        let mut five = vec![0; group.public_len()];
        *five.last_mut().unwrap() = 5;
        assert_eq!(Hash::Sha256.digest(&[exchange.agree(&five).unwrap().as_bytes()]), of_five);
    }
}

#[test]
fn both_sides_agree_in_every_group() {
    let mut random = SeededRandom::new(1);
    for group in DhGroup::ALL {
        for _ in 0..3 {
            let ours = KeyExchange::generate(group, &mut random);
            let theirs = KeyExchange::generate(group, &mut random);
            let (our_public, their_public) = (ours.public_value().to_vec(), theirs.public_value().to_vec());
            assert_eq!(our_public.len(), group.public_len());
            assert_ne!(our_public, their_public);
            let secret = ours.agree(&their_public).unwrap();
            assert_eq!(secret.len(), group.secret_len());
            assert_eq!(secret, theirs.agree(&our_public).unwrap(), "{group:?}");
        }
    }
}

#[test]
fn a_public_value_of_another_length_is_refused() {
    let mut random = SeededRandom::new(2);
    for group in DhGroup::ALL {
        let valid = KeyExchange::generate(group, &mut random).public_value().to_vec();
        for len in [0, 1, group.public_len() - 1, group.public_len() + 1, 2 * group.public_len()] {
            let mut wrong = valid.clone();
            wrong.resize(len, 0);
            let refused = KeyExchange::generate(group, &mut random).agree(&wrong);
            assert_eq!(refused.err(), Some(InvalidPublicValue), "{group:?}, {len} bytes");
        }
    }
}

/// Among the points of order 2, 4 and 8: RFC 7748 section 6.1 and RFC 8031 section 3.2.
#[test]
fn a_curve25519_value_that_makes_an_all_zero_secret_is_refused() {
    let small_order = [
        [0; 32],
        hex!("0100000000000000000000000000000000000000000000000000000000000000"),
        hex!("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        hex!("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        hex!("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        hex!("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ];
    for peer in small_order {
        let exchange = KeyExchange::generate(DhGroup::Curve25519, &mut SeededRandom::new(3));
        assert_eq!(exchange.agree(&peer).err(), Some(InvalidPublicValue));
    }
}

#[test]
fn a_point_that_is_not_on_the_curve_is_refused() {
    let valid = KeyExchange::generate(DhGroup::Ecp256, &mut SeededRandom::new(4)).public_value().to_vec();
    let mut off_the_curve = valid.clone();
    off_the_curve[63] ^= 1;
    // Coordinates must be below p, even when they are right modulo p.
    let above_the_prime = vec![0xff; 64];
    for peer in [off_the_curve, above_the_prime, vec![0; 64]] {
        let exchange = KeyExchange::generate(DhGroup::Ecp256, &mut SeededRandom::new(5));
        assert_eq!(exchange.agree(&peer).err(), Some(InvalidPublicValue));
    }
    assert!(KeyExchange::generate(DhGroup::Ecp256, &mut SeededRandom::new(5)).agree(&valid).is_ok());
}

#[test]
fn every_group_is_found_by_its_number_and_no_other_number_finds_one() {
    let found: Vec<_> =
        (0..=u16::MAX).filter_map(|id| DhGroup::from_ike(id).map(|group| (id, group))).collect();
    assert_eq!(
        found,
        [
            (1, DhGroup::Modp768),
            (2, DhGroup::Modp1024),
            (5, DhGroup::Modp1536),
            (14, DhGroup::Modp2048),
            (19, DhGroup::Ecp256),
            (31, DhGroup::Curve25519),
        ]
    );
}
