//! A conversation with strongSwan 5.9.8, which told its secrets: aes128-sha1-curve25519, the pre-shared key `secret`.

use causeway_crypto::{DhGroup, Encryption, Integrity, Prf, Protection, Secret};

use super::{Fresh, SaKeys, Signed};
use crate::config::{ChildProposal, IkeProposal};

const REQUEST: &str = "e06bc481bec89a8d00000000000000002120220800000000000000d0220000300000002c010100040300000c0100000c\
    800e008003000008030000020300000802000002000000080400001f28000028001f00008b65b0081cd69ddaf86f04cc\
    f0da785c0c03fe771370e112f40cec1bbdac5b0029000024e00d11d00daf6dee2e50cd5fa903727635b39afff397ed4d\
    72ba75075ee59f532900001c00004004f5de42bf5e7b0cc2a3c6781395703813b4a5c1ef0000001c00004005d65305ee\
    00757c72527b4e90f01006f6ed8a1289";
const RESPONSE: &str = "e06bc481bec89a8daeebc00c626796fa2120222000000000000000e0220000300000002c010100040300000c0100000c\
    800e008003000008030000020300000802000002000000080400001f28000028001f00002b8bbe62a2136943624b67be\
    5789fd60784f95e77f5c38b4a4b0bf1c80a5106429000024d8d43da1396dea2c134336aaecd07ccf98cd2a9fd8533464\
    e3ec047cc6ba515c2900001c00004004a47172f6b12eacfe3aa0b53aa1b9981af47e6fd32900001c00004005d9d9ebb8\
    34f2cdbb8734ebd4c114bc8b496dc78429000008000040220000000800004014";
const NONCE_INITIATOR: &str = "e00d11d00daf6dee2e50cd5fa903727635b39afff397ed4d72ba75075ee59f53";
const NONCE_RESPONDER: &str = "d8d43da1396dea2c134336aaecd07ccf98cd2a9fd8533464e3ec047cc6ba515c";
const SHARED: &str = "4c60925e14457d39e239d5fb04b221ffe0ae45f0ad531d9abeb4e015b3e59458";

const SUITE: IkeProposal = IkeProposal {
    encryption: Encryption::Aes128Cbc,
    integrity: Some(Integrity::HmacSha1_96),
    prf: Prf::HmacSha1,
    group: DhGroup::Curve25519,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte =
        |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
    digits.chunks(2).map(byte).collect()
}

fn initial() -> SaKeys {
    let fresh = Fresh {
        nonce_initiator: hex(NONCE_INITIATOR),
        nonce_responder: hex(NONCE_RESPONDER),
        spi_initiator: 0xe06b_c481_bec8_9a8d,
        spi_responder: 0xaeeb_c00c_6267_96fa,
    };
    SaKeys::initial(&SUITE, &Secret::new(hex(SHARED)), &fresh).expect("the suite is sound")
}

/// Whether something protects exactly as these keys do.
fn protects_with(protection: &Protection, encryption_key: &str, integrity_key: &str) -> bool {
    let (encryption, integrity) = (SUITE.encryption, SUITE.integrity);
    let expected = Protection::new(encryption, integrity, &hex(encryption_key), &hex(integrity_key));
    let sealed = |protection: &Protection| {
        let mut packet = vec![7; 32 + 16 + 32 + 12];
        protection.seal(32, &mut packet, 1, None);
        packet
    };
    sealed(protection) == sealed(&expected.expect("the keys have the right lengths"))
}

#[test]
fn the_first_keys_are_those_of_strongswan() {
    let keys = initial();
    assert_eq!(keys.derive.as_bytes(), hex("ab22211c09631df36fe6c0bbbd55b4462f608308"));
    assert_eq!(keys.prove_initiator.as_bytes(), hex("86390a46488538224524d8927df6d4974cdb9cb2"));
    assert_eq!(keys.prove_responder.as_bytes(), hex("5b9122249ca595024cfafcae3dafa252c31dd60e"));
    let (ei, ai) = ("e253a61eb72330f9e4e9d305a98da72c", "02a5a7b55066327ed82efe0250d08d02bacbd61c");
    let (er, ar) = ("3a3b699d10104d6dae5644156a8b1e78", "715828a6422644fe282a0ef22205c6192a36d5b1");
    assert!(protects_with(&keys.from_initiator, ei, ai));
    assert!(protects_with(&keys.from_responder, er, ar));
    assert!(!protects_with(&keys.from_initiator, ei, ar) && !protects_with(&keys.from_initiator, er, ai));
}

#[test]
fn both_proofs_are_those_of_strongswan() {
    let keys = initial();
    let psk = Secret::new(b"secret".to_vec());
    let (request, response) = (hex(REQUEST), hex(RESPONSE));
    let (ni, nr) = (hex(NONCE_INITIATOR), hex(NONCE_RESPONDER));
    let initiator = Signed { message: &request, nonce: &nr, identity: &[1, 0, 0, 0, 10, 77, 0, 1] };
    let responder = Signed { message: &response, nonce: &ni, identity: &[1, 0, 0, 0, 10, 77, 0, 2] };
    assert_eq!(keys.auth(true, &psk, initiator), hex("07ec2970a7ef7b3ff67eb6498965120520bcb66e"));
    assert_eq!(keys.auth(false, &psk, responder), hex("ba15422f0cd1dc12d94a11f41875d1e67b55a996"));
}

#[test]
fn the_keys_of_the_first_child_are_those_of_strongswan() {
    let suite = ChildProposal { encryption: SUITE.encryption, integrity: SUITE.integrity, pfs: None };
    let (ni, nr) = (hex(NONCE_INITIATOR), hex(NONCE_RESPONDER));
    let (from_initiator, from_responder) = initial().child(&suite, None, &ni, &nr);
    assert_eq!(from_initiator.encryption.as_bytes(), hex("974bb0c27bb74ed9e90aeb213199eae8"));
    assert_eq!(from_initiator.integrity.as_bytes(), hex("854bd84bfbd0dc3101b0bf22def696bb200d1eb2"));
    assert_eq!(from_responder.encryption.as_bytes(), hex("24102e85d92275122a151c30e835c88a"));
    assert_eq!(from_responder.integrity.as_bytes(), hex("24839b7550c50da86589b4d42317914fcdea21e7"));
}

#[test]
fn the_keys_of_the_rekeyed_ike_sa_are_those_of_strongswan() {
    let fresh = Fresh {
        nonce_initiator: hex("9c7fbcc573e97f90728c2f24cb34a460fe4143a8dbb0103189ee3a18dc124bdc"),
        nonce_responder: hex("5b352a0534f172cd664f387c0ca97097728fa8bee58f7bebce37550b8f4673b0"),
        spi_initiator: 0xf478_c1f4_a59a_9d6c,
        spi_responder: 0xed51_da14_24ef_4fac,
    };
    let shared = Secret::new(hex("68e120249367018b5bc44da805a05acf709b519c210a9c89edf9a8cffeb02f14"));
    let keys = initial().rekeyed(&SUITE, &shared, &fresh).expect("the suite is sound");
    assert_eq!(keys.derive.as_bytes(), hex("8eff4d9ed71138f451fc212002f4a2f182f2175f"));
    assert_eq!(keys.prove_initiator.as_bytes(), hex("09e7cd81ac251025ecd02a818d8249a296f79821"));
    assert_eq!(keys.prove_responder.as_bytes(), hex("86be858c684ce6d2a3d909e95e8da9299223a036"));
    let (ei, ai) = ("bb3d3e60ac1f3ecf30ee6ff77775326b", "04ea08d03fcb1f60723cb7877179b7508475da9a");
    let (er, ar) = ("646549ff60ae233ee06eb218d7f7edfb", "196b220b69e1a6a62cdeee8083d54f23d4eab5a8");
    assert!(protects_with(&keys.from_initiator, ei, ai));
    assert!(protects_with(&keys.from_responder, er, ar));
}

#[test]
fn the_lower_nonce_of_an_exchange_may_be_either_sides() {
    let fresh = |initiator: &[u8], responder: &[u8]| Fresh {
        nonce_initiator: initiator.to_vec(),
        nonce_responder: responder.to_vec(),
        spi_initiator: 1,
        spi_responder: 2,
    };
    assert_eq!(fresh(&[1, 2], &[1, 3]).lowest_nonce(), [1, 2]);
    assert_eq!(fresh(&[2], &[1, 3]).lowest_nonce(), [1, 3]);
}
