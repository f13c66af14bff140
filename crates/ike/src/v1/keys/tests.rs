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

fn encrypted(cipher: &CbcCipher) -> [u8; 16] {
    let mut block = [7; 16];
    cipher.encrypt(&[1; 16], &mut block).expect("one block");
    block
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

/// A conversation with strongSwan 5.9.8, which told its secrets: main mode with aes256-sha1-modp1024 and the pre-shared key `secret`,
/// then a child with aes256-sha256.
mod conversation {
    pub(super) const SHARED: &str = "5d72cd8e76f53e623794f61981ea9c849c595fc3a0a7f7e49a8b6bf2f3b132c4
        d5e6d0cd2a46dca1358adf06429a78156ad39903fd84b5a5058415ee495d09bd8e1fc0c1f837be765284a990de712171
        aeae9e825abb8cc04731eeb73ce535b37827a4a933b76ed089d36bac551e8803015c06fd268361b24f941039293e2b9e";
    pub(super) const VALUE_INITIATOR: &str =
        "11225f56db267f8a80fc4c70272f6f52d589a2be2273d9f93e20d33e8e8b648d
        9afbb86771097d0397111e9b2279fbb5a123e371542000fbb12447df3ccce9cf84a8fc0491b227f4701767019afc4bfe
        5ba2a0594fd9e955d4e525babaf99141d428942e2fed1dab55da5802314215b8a82e470265da4a2fac5169d5ff582414";
    pub(super) const VALUE_RESPONDER: &str =
        "40527c8e9d7be8d1e0a4ef6fb9baa41c0089814af92dc26f0eb1f340dff7fc3c
        60bc92248836c839056e8c6a568ccd4fe13a6ed6df6d13b485b34cbac80b14203d3d7f52acae578252a25a6570963de4
        1362f3486949ec273f3e22eac3abf18c1ff0cb8df07ac3d11d1522f212b5a6426cd475047ab0d1b0446b9f13d1c6c878";
    pub(super) const SA_BODY: &str = "00000001000000010000002c01010001000000240101000080010007800e0100
        800200028003000180040002800b0001800c0028";
    pub(super) const NONCE_INITIATOR: &str =
        "bcc0482693e1b1de52eff3ef34d7d0d16726f617bd6b5574496c876fae431984";
    pub(super) const NONCE_RESPONDER: &str =
        "5dc8e426944c0fd12f8e89733bed0b55ffc25e6d7d568ec14b81ef21c3b47cba";
    pub(super) const COOKIES: (u64, u64) = (0xf923_c408_ecad_c930, 0xb85a_e472_ad6f_de5e);
    /// The last block of message 6.
    pub(super) const LAST_BLOCK: &str = "493ddf137af912ff6f0a5f6b97924bc6";
    pub(super) const QUICK_MODE_ID: u32 = 0x7e72_6b58;
    pub(super) const QUICK_NONCE_INITIATOR: &str =
        "02df22d49f5fc510504387e90cca1ff4611405fc3fd15482747b4f69d82a2066";
    pub(super) const QUICK_NONCE_RESPONDER: &str =
        "b7bb5f2dfbc54d16b5ff5130f9146d8ebce2ab8390f054d6057ca973a7dbfec3";
    pub(super) const SPI_INITIATOR: u32 = 0x4ec8_07c7;
    pub(super) const SPI_RESPONDER: u32 = 0x7903_ce27;
}

fn spoken() -> (Exchanged, SaKeys) {
    let exchanged = Exchanged {
        cookies: conversation::COOKIES,
        public_values: (hex(conversation::VALUE_INITIATOR), hex(conversation::VALUE_RESPONDER)),
        nonces: (hex(conversation::NONCE_INITIATOR), hex(conversation::NONCE_RESPONDER)),
        sa_body: hex(conversation::SA_BODY),
    };
    let (suite, psk) = (suite(Encryption::Aes256Cbc), Secret::new(b"secret".to_vec()));
    let keys = SaKeys::new(&suite, &psk, &Secret::new(hex(conversation::SHARED)), &exchanged);
    (exchanged, keys.expect("a suite of IKEv1"))
}

#[test]
fn the_keys_of_an_isakmp_sa_are_those_of_strongswan() {
    let (_, keys) = spoken();
    assert_eq!(keys.prove.as_bytes(), hex("689442ea00002084d986b8502514b397b34d7983"));
    assert_eq!(keys.derive.as_bytes(), hex("ddd7e66008791efa998561d0be36601bd1bf8d7d"));
    assert_eq!(keys.authenticate.as_bytes(), hex("aa3366726f4cb0df8c30fcd9d85f251b448811c5"));
    let stretched = hex("ac2f59a670a5bd523d46cfd64000fc94103101f30ae04063dd3c4be129d87a9b");
    let expected = CbcCipher::new(Encryption::Aes256Cbc, &stretched).expect("32 bytes");
    assert_eq!(encrypted(keys.cipher()), encrypted(&expected));
    assert_eq!(keys.first_vector(), hex("2bdc566284fc3ca13a46bdae2d9e8fe5"));
    let vector = keys.phase2_vector(&hex(conversation::LAST_BLOCK), conversation::QUICK_MODE_ID);
    assert_eq!(vector, hex("bd13999a0cb0599b5429435676d3312c"));
}

#[test]
fn the_proofs_of_both_sides_are_those_of_strongswan() {
    let (exchanged, keys) = spoken();
    let of_initiator = keys.proof(true, &exchanged, &hex("010000000a320002"));
    assert_eq!(of_initiator, hex("d1cf9e0493522182dc1a085fd907945a18c03a67"));
    let of_responder = keys.proof(false, &exchanged, &hex("01000000c0000202"));
    assert_eq!(of_responder, hex("8aa1e4f9958027ca161499890cab74513a6e491b"));
}

#[test]
fn the_keys_of_a_child_are_those_of_strongswan() {
    let (_, keys) = spoken();
    let integrity = Some(Integrity::HmacSha256_128);
    let child = ChildProposal { encryption: Encryption::Aes256Cbc, integrity, pfs: None };
    let nonces = (hex(conversation::QUICK_NONCE_INITIATOR), hex(conversation::QUICK_NONCE_RESPONDER));
    let nonces = (nonces.0.as_slice(), nonces.1.as_slice());
    assert_eq!(
        keys.hash_3(conversation::QUICK_MODE_ID, nonces),
        hex("1fac4ead029ad49c8a499154fec4dde0ce5e1e04")
    );
    let from_initiator = keys.child(&child, None, conversation::SPI_RESPONDER, nonces);
    assert_eq!(
        from_initiator.encryption.as_bytes(),
        hex("21d0b76a925d86bdf61d87fe0846e8574d408470dad94dcb5f24ab616338f768")
    );
    assert_eq!(
        from_initiator.integrity.as_bytes(),
        hex("0ade60c6941dd8c31a5370063e55ac1ab8e34a9bd2ee79bf870ec63f1b45c9f8")
    );
    let from_responder = keys.child(&child, None, conversation::SPI_INITIATOR, nonces);
    assert_eq!(
        from_responder.encryption.as_bytes(),
        hex("ad8f09ed7a3aa9946db02b7a0f1b68a3d0b3d54d18ece845019d99aa1d43a11e")
    );
    assert_eq!(
        from_responder.integrity.as_bytes(),
        hex("2ab347e6328efae385f7127c5963ae02b73b818b267af37773b426f1c6f88c9e")
    );
}
