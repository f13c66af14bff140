use hex_literal::hex;

use super::Prf;

/// RFC 2202 section 2, test cases 1, 2 and 6 (its key is shorter than RFC 4231's).
#[test]
fn hmac_md5_gives_what_rfc_2202_says() {
    let prf = Prf::HmacMd5;
    assert_eq!(prf.mac(&[0x0b; 16], &[b"Hi There"]), hex!("9294727a3638bb1c13f48ef8158bfc9d"));
    assert_eq!(
        prf.mac(b"Jefe", &[b"what do ya want ", b"for nothing?"]),
        hex!("750c783e6ab0b503eaa86e310a5db738")
    );
    assert_eq!(
        prf.mac(&[0xaa; 80], &[b"Test Using Larger Than Block-Size Key - Hash Key First"]),
        hex!("6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd")
    );
}

/// RFC 2202 section 3, test cases 1, 2 and 6.
#[test]
fn hmac_sha1_gives_what_rfc_2202_says() {
    let prf = Prf::HmacSha1;
    assert_eq!(prf.mac(&[0x0b; 20], &[b"Hi There"]), hex!("b617318655057264e28bc0b6fb378c8ef146be00"));
    assert_eq!(
        prf.mac(b"Jefe", &[b"what do ya want ", b"for nothing?"]),
        hex!("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
    );
    assert_eq!(
        prf.mac(&[0xaa; 80], &[b"Test Using Larger Than Block-Size Key - Hash Key First"]),
        hex!("aa4ae5e15272d00e95705637ce8a3b55ed402112")
    );
}

/// RFC 4231 sections 4.2 and 4.3.
#[test]
fn hmac_sha2_gives_what_rfc_4231_says_for_short_keys() {
    let first = |prf: Prf| prf.mac(&[0x0b; 20], &[b"Hi ", b"There"]);
    let second = |prf: Prf| prf.mac(b"Jefe", &[b"what do ya want for nothing?"]);
    assert_eq!(
        first(Prf::HmacSha256),
        hex!("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    );
    assert_eq!(
        second(Prf::HmacSha256),
        hex!("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    );
    assert_eq!(
        first(Prf::HmacSha384),
        hex!(
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
            "faea9ea9076ede7f4af152e8b2fa9cb6"
        )
    );
    assert_eq!(
        second(Prf::HmacSha384),
        hex!(
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
            "8e2240ca5e69e2c78b3239ecfab21649"
        )
    );
    assert_eq!(
        first(Prf::HmacSha512),
        hex!(
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
            "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"
        )
    );
    assert_eq!(
        second(Prf::HmacSha512),
        hex!(
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
        )
    );
}

/// RFC 4231 section 4.7.
#[test]
fn hmac_sha2_gives_what_rfc_4231_says_for_a_key_longer_than_a_block() {
    let mac = |prf: Prf| prf.mac(&[0xaa; 131], &[b"Test Using Larger Than Block-Size Key - Hash Key First"]);
    assert_eq!(
        mac(Prf::HmacSha256),
        hex!("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    );
    assert_eq!(
        mac(Prf::HmacSha384),
        hex!(
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
            "0c2ef6ab4030fe8296248df163f44952"
        )
    );
    assert_eq!(
        mac(Prf::HmacSha512),
        hex!(
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
            "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"
        )
    );
}

/// RFC 7296 section 2.13: T1 = prf(K, S | 1), T2 = prf(K, T1 | S | 2), T3 = prf(K, T2 | S | 3).
#[test]
fn prf_plus_chains_its_blocks_as_the_rfc_says() {
    for prf in Prf::ALL {
        let t1 = prf.mac(b"key", &[b"seed", &[1]]);
        let t2 = prf.mac(b"key", &[&t1, b"seed", &[2]]);
        let t3 = prf.mac(b"key", &[&t2, b"seed", &[3]]);
        let stream = prf.plus(b"key", &[b"se", b"ed"], 3 * prf.output_len());
        assert_eq!(stream.as_bytes(), [t1, t2, t3].concat(), "{prf:?}");
    }
}

#[test]
fn prf_plus_makes_exactly_as_many_bytes_as_asked_and_a_shorter_stream_begins_a_longer_one() {
    for prf in Prf::ALL {
        let longest = prf.plus(b"key", &[b"seed"], 255 * prf.output_len());
        for len in [0, 1, prf.output_len() - 1, prf.output_len(), prf.output_len() + 1, 200, 1_000] {
            let stream = prf.plus(b"key", &[b"seed"], len);
            assert_eq!(stream.as_bytes(), &longest.as_bytes()[..len], "{prf:?}");
        }
    }
}

#[test]
fn every_prf_is_found_by_its_id_and_no_other_id_finds_one() {
    for id in 0..=1_000 {
        if let Some(prf) = Prf::from_ike(id) {
            assert_eq!(prf.ike_transform_id(), id);
        }
    }
    let found = (0..=1_000).filter_map(Prf::from_ike).count();
    assert_eq!(found, Prf::ALL.len());
    for prf in Prf::ALL {
        assert_eq!(prf.mac(&[], &[]).len(), prf.output_len());
        assert_eq!(prf.key_len(), prf.output_len());
    }
}
