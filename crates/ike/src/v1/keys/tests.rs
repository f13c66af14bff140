//! The key schedule against numbers of others.

use causeway_crypto::{CbcCipher, DhGroup, Encryption, Integrity, Prf, Secret};

use super::{Exchanged, SaKeys, lengthened};
use crate::config::{ChildProposal, IkeProposal};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte =
        |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
    digits.chunks(2).map(byte).collect()
}

fn suite(encryption: Encryption) -> IkeProposal {
    let integrity = Some(Integrity::HmacSha1_96);
    IkeProposal { encryption, integrity, prf: Prf::HmacSha1, group: DhGroup::Modp1024 }
}

/// The component test of NIST's CAVP for IKEv1 (SP 800-135), SHA-1. It is one with signatures, where SKEYID = prf(Ni | Nr, g^xy);
/// with Ni | Nr as pre-shared key and g^xy as nonce ours is the same, and so must be everything after it.
#[test]
fn the_keys_are_those_of_the_published_vector() {
    let shared = hex("2a2e0bbe8da3657a83f3d35826e49e2d38e557e912a1b9e6c30c63577b3eab71
        5466202862027f2c26f3090743555579611771db0b92bef93834432a3a7762fc8a0f4889fd281d6082770d10a40d7bad
        61e832f041e620d6787e7f62ab2861ddfbe272e0d9d3cdec5f1bbf750e24b8b32d6d714968ad69ce5086c32ad2742ebc");
    let exchanged = Exchanged {
        cookies: (0x382e_5c8b_0a3f_a307, 0xba4b_7616_700a_2413),
        nonces: (shared.clone(), Vec::new()),
        ..Exchanged::default()
    };
    let psk = Secret::new(hex("ced5635da67960756244b427712fb776"));
    let suite = suite(Encryption::Aes128Cbc);
    let keys = SaKeys::new(&suite, &psk, &Secret::new(shared), &exchanged).expect("a suite of IKEv1");
    assert_eq!(keys.prove.as_bytes(), hex("dc37ac99de6dcfbd1ee74af7fb36f9b4b0a7829d"));
    assert_eq!(keys.derive.as_bytes(), hex("486293ed547adb562cefdaf43d3d8457b196f2b6"));
    assert_eq!(keys.authenticate.as_bytes(), hex("f4053b5ca07e59bb41b8f401037ca90b72b3917e"));
    let encrypt = hex("49a1d53a80fb77e663552964fbbcb45092021473");
    let expected = CbcCipher::new(Encryption::Aes128Cbc, &encrypt[..16]).expect("16 bytes");
    let encrypted = |cipher: &CbcCipher| {
        let mut block = [7; 16];
        cipher.encrypt(&[1; 16], &mut block).expect("one block");
        block
    };
    assert_eq!(encrypted(keys.cipher()), encrypted(&expected));
}

#[test]
fn a_key_that_is_long_enough_is_taken_as_it_is_and_a_short_one_is_stretched() {
    let secret = Secret::new(hex("49a1d53a80fb77e663552964fbbcb45092021473"));
    let prf = Prf::HmacSha1;
    assert_eq!(lengthened(prf, &secret, 16).as_bytes(), &secret.as_bytes()[..16]);
    let first = prf.mac(secret.as_bytes(), &[&[0]]);
    let second = prf.mac(secret.as_bytes(), &[&first]);
    let stretched = lengthened(prf, &secret, 32);
    assert_eq!(stretched.as_bytes(), &[first, second].concat()[..32]);
}

#[test]
fn the_keys_of_a_child_differ_by_spi_and_have_the_lengths_of_their_algorithms() {
    let exchanged = Exchanged { nonces: (vec![1; 32], vec![2; 32]), ..Exchanged::default() };
    let suite = suite(Encryption::TripleDesCbc);
    let psk = Secret::new(b"secret".to_vec());
    let keys = SaKeys::new(&suite, &psk, &Secret::new(vec![3; 128]), &exchanged).expect("a suite of IKEv1");
    for encryption in Encryption::ALL {
        for integrity in Integrity::ALL {
            let integrity = (!encryption.is_aead()).then_some(integrity);
            let child = ChildProposal { encryption, integrity, pfs: None };
            let of = |spi| keys.child(&child, None, spi, (&[1; 32], &[2; 32]));
            assert_eq!(of(1).encryption.len(), encryption.key_material_len());
            assert_eq!(of(1).integrity.len(), integrity.map_or(0, Integrity::key_len));
            assert_ne!(of(1).encryption, of(2).encryption);
            assert_eq!(of(1), of(1));
            let fresh = keys.child(&child, Some(&Secret::new(vec![9; 32])), 1, (&[1; 32], &[2; 32]));
            assert_ne!(fresh.encryption, of(1).encryption);
        }
    }
}
