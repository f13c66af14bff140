use std::collections::BTreeSet;

use hex_literal::hex;

use super::{NotAuthentic, Protection, WrongKeyLength};
use crate::encryption::Encryption;
use crate::hash::Hash;
use crate::integrity::Integrity;
use crate::prf::Prf;

const ESP_HEADER: [u8; 8] = hex!("11223344 00000007");

/// Every pair that can be negotiated.
fn pairs() -> Vec<(Encryption, Option<Integrity>)> {
    let mut pairs = Vec::new();
    for encryption in Encryption::ALL {
        if encryption.is_aead() {
            pairs.push((encryption, None));
        } else {
            pairs.extend(Integrity::ALL.map(|integrity| (encryption, Some(integrity))));
        }
    }
    pairs
}

/// Keys whose bytes all differ, so that a cut in the wrong place shows.
fn keyed(encryption: Encryption, integrity: Option<Integrity>) -> Protection {
    let encryption_key: Vec<u8> = (1..).take(encryption.key_material_len()).collect();
    let integrity_key: Vec<u8> = (101..).take(integrity.map_or(0, Integrity::key_len)).collect();
    Protection::new(encryption, integrity, &encryption_key, &integrity_key).unwrap()
}

fn sealed(
    protection: &Protection,
    prefix: &[u8],
    plaintext: &[u8],
    sequence: u64,
    extra: Option<u32>,
) -> Vec<u8> {
    let iv = vec![0; protection.iv_len()];
    let icv = vec![0; protection.icv_len()];
    let mut packet = [prefix, &iv, plaintext, &icv].concat();
    protection.seal(prefix.len(), &mut packet, sequence, extra);
    packet
}

/// The third cases of "The Galois/Counter Mode of Operation" with additional data, 4, 10 and 16: their
/// IV is cafebabe (our salt) and facedbaddecaf888 (our sequence).
#[test]
fn aes_gcm_gives_the_designers_test_cases() {
    let key = hex!("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    let aad = hex!("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let plaintext = hex!(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    );
    let cases = [
        (
            Encryption::Aes128Gcm16,
            hex!(
                "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
                "5bc94fbc3221a5db94fae95ae7121a47"
            ),
        ),
        (
            Encryption::Aes192Gcm16,
            hex!(
                "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
                "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710"
                "2519498e80f1478f37ba55bd6d27618c"
            ),
        ),
        (
            Encryption::Aes256Gcm16,
            hex!(
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                "76fc6ece0f4e1768cddf8853bb2d551b"
            ),
        ),
    ];
    for (encryption, ciphertext_and_tag) in cases {
        let key_and_salt = [&key[..encryption.key_len()], &hex!("cafebabe")].concat();
        let protection = Protection::new(encryption, None, &key_and_salt, &[]).unwrap();
        let packet = sealed(&protection, &aad, &plaintext, 0xface_dbad_deca_f888, None);
        let expected = [&aad[..], &hex!("facedbaddecaf888"), &ciphertext_and_tag].concat();
        assert_eq!(packet, expected);
    }
}

#[test]
fn what_was_sealed_opens_with_every_pair_of_algorithms() {
    for (encryption, integrity) in pairs() {
        let protection = keyed(encryption, integrity);
        for prefix_len in [8, 32] {
            for blocks in [0, 1, 2, 88] {
                let prefix = vec![9; prefix_len];
                let plaintext: Vec<u8> = (0..=255).cycle().take(blocks * protection.block_len()).collect();
                let mut packet = sealed(&protection, &prefix, &plaintext, 77, None);
                assert_eq!(packet[..prefix_len], prefix);
                let start = prefix_len + protection.iv_len();
                if blocks > 1 {
                    assert_ne!(packet[start..start + plaintext.len()], plaintext, "it must be encrypted");
                }
                let range = protection.open(prefix_len, &mut packet, None).unwrap();
                assert_eq!(packet[range], plaintext, "{encryption:?} {integrity:?}");
            }
        }
    }
}

#[test]
fn any_flipped_bit_is_refused() {
    for (encryption, integrity) in pairs() {
        let protection = keyed(encryption, integrity);
        let plaintext = vec![5; 2 * protection.block_len().max(4)];
        let packet = sealed(&protection, &ESP_HEADER, &plaintext, 7, None);
        for bit in 0..8 * packet.len() {
            let mut flipped = packet.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let refused = protection.open(8, &mut flipped, None);
            assert_eq!(refused, Err(NotAuthentic), "{encryption:?} {integrity:?}, bit {bit}");
        }
    }
}

#[test]
fn any_missing_or_added_byte_is_refused() {
    for (encryption, integrity) in pairs() {
        let protection = keyed(encryption, integrity);
        let plaintext = vec![5; 2 * protection.block_len().max(4)];
        let packet = sealed(&protection, &ESP_HEADER, &plaintext, 7, None);
        for len in 0..packet.len() {
            let refused = protection.open(8, &mut packet[..len].to_vec(), None);
            assert_eq!(refused, Err(NotAuthentic), "{encryption:?} {integrity:?}, {len} bytes");
        }
        let mut longer = [packet, vec![0]].concat();
        assert_eq!(protection.open(8, &mut longer, None), Err(NotAuthentic));
    }
}

#[test]
fn the_high_half_of_an_extended_sequence_number_is_authenticated() {
    for (encryption, integrity) in pairs() {
        let protection = keyed(encryption, integrity);
        let plaintext = vec![5; 16];
        let packet = sealed(&protection, &ESP_HEADER, &plaintext, 7, Some(3));
        for other in [None, Some(0), Some(2), Some(0x0300_0000)] {
            assert_eq!(protection.open(8, &mut packet.clone(), other), Err(NotAuthentic));
        }
        let mut packet = packet;
        let range = protection.open(8, &mut packet, Some(3)).unwrap();
        assert_eq!(packet[range], plaintext);
    }
}

#[test]
fn an_extended_sequence_number_goes_with_an_esp_header_only() {
    let protection = keyed(Encryption::Aes128Gcm16, None);
    let mut packet = sealed(&protection, &[9; 12], &[5; 16], 7, None);
    assert_eq!(protection.open(12, &mut packet, Some(0)), Err(NotAuthentic));
}

/// RFC 4303 section 2.2.1: the high half is appended to what the ICV covers, and not sent.
#[test]
fn the_icv_of_cbc_is_the_hmac_of_all_that_goes_before_it() {
    let integrity_key = [8; 32];
    let (encryption, integrity) = (Encryption::Aes128Cbc, Integrity::HmacSha256_128);
    let protection = Protection::new(encryption, Some(integrity), &[7; 16], &integrity_key).unwrap();
    for (extra, appended) in [(None, vec![]), (Some(3), vec![0, 0, 0, 3])] {
        let packet = sealed(&protection, &ESP_HEADER, &[5; 32], 7, extra);
        let (covered, icv) = packet.split_at(packet.len() - 16);
        assert_eq!(icv, &Prf::HmacSha256.mac(&integrity_key, &[covered, &appended])[..16]);
    }
}

#[test]
fn the_iv_of_gcm_is_the_sequence_number() {
    let protection = keyed(Encryption::Aes256Gcm16, None);
    let packet = sealed(&protection, &ESP_HEADER, &[5; 16], 0x0102_0304_0506_0708, None);
    assert_eq!(packet[8..16], [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn the_ivs_of_cbc_never_repeat_and_follow_from_the_key() {
    for (encryption, integrity) in pairs().into_iter().filter(|(encryption, _)| !encryption.is_aead()) {
        let ivs = |protection: &Protection| -> Vec<Vec<u8>> {
            let iv_len = protection.iv_len();
            (0..100)
                .map(|n| sealed(protection, &ESP_HEADER, &[5; 16], n, None)[8..8 + iv_len].to_vec())
                .collect()
        };
        let ours = ivs(&keyed(encryption, integrity));
        assert_eq!(ours.iter().collect::<BTreeSet<_>>().len(), ours.len());
        assert_eq!(ours, ivs(&keyed(encryption, integrity)));
        let integrity_key = vec![8; integrity.map_or(0, Integrity::key_len)];
        let other = Protection::new(encryption, integrity, &vec![7; encryption.key_len()], &integrity_key);
        assert!(ivs(&other.unwrap()).iter().all(|iv| !ours.contains(iv)));
    }
}

#[test]
fn another_key_does_not_open() {
    for (encryption, integrity) in pairs() {
        let packet = sealed(&keyed(encryption, integrity), &ESP_HEADER, &[5; 16], 7, None);
        let encryption_key = vec![1; encryption.key_material_len()];
        let integrity_key = vec![2; integrity.map_or(0, Integrity::key_len)];
        let other = Protection::new(encryption, integrity, &encryption_key, &integrity_key).unwrap();
        assert_eq!(other.open(8, &mut packet.clone(), None), Err(NotAuthentic));
    }
}

#[test]
fn keys_of_another_length_are_refused() {
    for (encryption, integrity) in pairs() {
        let right = vec![2; integrity.map_or(0, Integrity::key_len)];
        for len in (0..80).filter(|len| *len != encryption.key_material_len()) {
            let refused = Protection::new(encryption, integrity, &vec![1; len], &right).err();
            assert_eq!(refused, Some(WrongKeyLength::Encryption { encryption, len }));
        }
        let Some(integrity) = integrity else { continue };
        let right = vec![1; encryption.key_material_len()];
        for len in (0..80).filter(|len| *len != integrity.key_len()) {
            let refused = Protection::new(encryption, Some(integrity), &right, &vec![2; len]).err();
            assert_eq!(refused, Some(WrongKeyLength::Integrity { integrity, len }));
        }
    }
}

#[test]
fn integrity_goes_with_cbc_and_not_with_gcm() {
    let (gcm, cbc) = (Encryption::Aes128Gcm16, Encryption::Aes128Cbc);
    let refused = |encryption: Encryption, integrity, integrity_key: &[u8]| {
        Protection::new(encryption, integrity, &vec![1; encryption.key_material_len()], integrity_key).err()
    };
    let surplus = Some(WrongKeyLength::IntegritySurplus { encryption: gcm });
    assert_eq!(refused(gcm, Some(Integrity::HmacSha256_128), &[2; 32]), surplus);
    assert_eq!(refused(gcm, None, &[2; 32]), surplus);
    assert_eq!(refused(cbc, None, &[]), Some(WrongKeyLength::IntegrityMissing { encryption: cbc }));
}

#[test]
#[should_panic(expected = "laid the packet out")]
fn sealing_a_part_of_a_block_is_the_callers_mistake() {
    sealed(&keyed(Encryption::Aes128Cbc, Some(Integrity::HmacSha256_128)), &ESP_HEADER, &[5; 15], 7, None);
}

#[test]
fn protections_are_shared_between_threads() {
    let protection = keyed(Encryption::Aes256Cbc, Some(Integrity::HmacSha512_256));
    let alone = sealed(&protection, &ESP_HEADER, &[5; 1_408], 7, None);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let mut packet = sealed(&protection, &ESP_HEADER, &[5; 1_408], 7, None);
                    assert_eq!(Hash::Sha256.digest(&[&packet]), Hash::Sha256.digest(&[&alone]));
                    let range = protection.open(8, &mut packet, None).unwrap();
                    assert_eq!(packet[range], [5; 1_408]);
                }
            });
        }
    });
}
