use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaKeyPair};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, SanType, SignatureAlgorithm, date_time_ymd,
};

use super::{
    Authorities, CertificateError, CertificateName, Name, OwnCertificate, OwnCertificateError,
    PeerCertificate, PeerProof, date, relative_names, same_name,
};

const DAY: Duration = Duration::from_secs(86_400);

/// 2024-06-01.
fn now() -> Duration {
    DAY * 19_875
}

fn params(name: &str, is_ca: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2025, 1, 1);
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    } else {
        params.subject_alt_names = vec![
            SanType::DnsName("gw.example.com".try_into().expect("a name")),
            SanType::IpAddress("192.0.2.9".parse().expect("an address")),
            SanType::Rfc822Name("ops@example.com".try_into().expect("an address")),
        ];
    }
    params
}

fn key(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).expect("a key")
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    CertifiedIssuer::self_signed(params(name, true), key(&PKCS_ECDSA_P256_SHA256)).expect("an authority")
}

fn authorities(issuer: &CertifiedIssuer<'_, KeyPair>) -> Authorities {
    Authorities::from_pem(&issuer.pem()).expect("an authority")
}

/// A certificate of `issuer`, as DER and with its key in PEM form.
fn issue(
    issuer: &CertifiedIssuer<'_, KeyPair>,
    algorithm: &'static SignatureAlgorithm,
) -> (Vec<u8>, String, String) {
    let key = key(algorithm);
    let certificate = params("gw", false).signed_by(&key, issuer).expect("a certificate");
    (certificate.der().to_vec(), certificate.pem(), key.serialize_pem())
}

#[test]
fn a_certificate_of_the_authority_is_taken_and_one_of_another_is_not() {
    let (ours, other) = (authority("ours"), authority("other"));
    let (der, ..) = issue(&ours, &PKCS_ECDSA_P256_SHA256);
    assert!(authorities(&ours).verify(&[&der], now()).is_ok());
    let error = authorities(&other).verify(&[&der], now()).expect_err("another authority");
    assert!(matches!(error, CertificateError::UnknownAuthority { .. }), "{error}");
    assert!(error.to_string().contains("CN=ours"), "{error}");
    assert_eq!(authorities(&ours).key_hashes().len(), 20);
}

#[test]
fn an_authority_of_the_same_name_with_another_key_is_not_taken() {
    let (ours, forged) = (authority("ours"), authority("ours"));
    let (der, ..) = issue(&forged, &PKCS_ECDSA_P256_SHA256);
    let error = authorities(&ours).verify(&[&der], now()).expect_err("a forged authority");
    assert!(matches!(error, CertificateError::UnknownAuthority { .. }), "{error}");
}

#[test]
fn intermediate_certificates_are_needed_and_used() {
    let root = authority("root");
    let between = CertifiedIssuer::signed_by(params("between", true), key(&PKCS_ECDSA_P384_SHA384), &root)
        .expect("it is signed");
    let (der, ..) = issue(&between, &PKCS_ECDSA_P256_SHA256);
    assert!(authorities(&root).verify(&[&der], now()).is_err());
    assert!(authorities(&root).verify(&[&der, between.der()], now()).is_ok());
    // A certificate that is no authority's does not make one.
    let (end, end_pem, end_key) = issue(&root, &PKCS_ECDSA_P256_SHA256);
    let _ = end_pem;
    let key_of_end = KeyPair::from_pem(&end_key).expect("a key");
    let issuer = rcgen::Issuer::new(params("gw", false), key_of_end);
    let forged =
        params("victim", false).signed_by(&key(&PKCS_ECDSA_P256_SHA256), &issuer).expect("it is signed");
    assert!(authorities(&root).verify(&[forged.der(), &end], now()).is_err());
}

#[test]
fn validity_is_a_matter_of_the_time_and_errors_say_the_day() {
    let ours = authority("ours");
    let (der, ..) = issue(&ours, &PKCS_ECDSA_P256_SHA256);
    let at = |days: u32| {
        authorities(&ours).verify(&[&der], DAY * days).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(at(19_723), Ok(()), "on the first day");
    assert_eq!(at(19_722), Err("the certificate of the peer is not valid before 2024-01-01".to_owned()));
    assert_eq!(at(20_100), Err("the certificate of the peer expired on 2025-01-01".to_owned()));
    assert_eq!((date(0), date(951_782_400)), ("1970-01-01".to_owned(), "2000-02-29".to_owned()));
}

#[test]
fn names_are_those_of_the_certificate_and_no_others() {
    let ours = authority("ours");
    let (der, ..) = issue(&ours, &PKCS_ECDSA_P256_SHA256);
    let peer = authorities(&ours).verify(&[&der], now()).expect("it is valid");
    assert!(
        peer.names(CertificateName::Dns("GW.example.com"))
            && peer.names(CertificateName::Address(&[192, 0, 2, 9]))
    );
    assert!(peer.names(CertificateName::Email("ops@example.com")));
    assert!(!peer.names(CertificateName::Dns("example.com")) && !peer.names(CertificateName::Dns("gw")));
    assert!(!peer.names(CertificateName::Address(&[192, 0, 2, 8])));
    assert!(!peer.names(CertificateName::Subject(b"gw")));
    assert!(peer.is_subject("O=Example, CN=gw") && peer.is_subject("cn=gw,o=example"));
    assert!(!peer.is_subject("CN=gw") && !peer.is_subject(""));
}

#[test]
fn what_a_part_of_a_subject_has_inside_is_no_other_part() {
    let is = |subject: &str, text: &str| {
        same_name(&relative_names(&subject.parse::<Name>().expect("a name")), text)
    };
    assert!(is("CN=gw,O=Example", "o=example/cn=gw") && is("CN=gw,O=Example", "CN=gw, O=Example"));
    assert!(is("CN=gw", "CN=gw"));
    for forged in ["CN=gw/O=Example", r"CN=gw\,O=Example", r"CN=O\=Example/CN\=gw"] {
        assert!(!is(forged, "CN=gw,O=Example") && !is(forged, "O=Example,CN=gw"), "{forged}");
    }
    for forged in ["CN=gw/", "CN=/gw", r"CN=gw\,"] {
        assert!(!is(forged, "CN=gw"), "{forged}");
    }
    assert!(!same_name(&[], ""));
}

fn pair(algorithm: &'static SignatureAlgorithm) -> (OwnCertificate, PeerCertificate, String) {
    let ours = authority("ours");
    let (der, pem, key) = issue(&ours, algorithm);
    let peer = authorities(&ours).verify(&[&der], now()).expect("it is valid");
    (OwnCertificate::from_pem(&pem, &key).expect("they belong together"), peer, key)
}

fn proof_of(method: u8, value: &[u8]) -> PeerProof<'_> {
    match method {
        1 => PeerProof::Rsa(value),
        9 => PeerProof::Ecdsa256(value),
        10 => PeerProof::Ecdsa384(value),
        _ => {
            let (algorithm, signature) = value[1..].split_at(usize::from(value[0]));
            PeerProof::Named { algorithm, signature }
        }
    }
}

#[test]
fn what_we_sign_the_peer_verifies_by_old_methods_and_by_named_algorithms() {
    for (algorithm, old) in
        [(&PKCS_RSA_SHA256, 1), (&PKCS_ECDSA_P256_SHA256, 9), (&PKCS_ECDSA_P384_SHA384, 10)]
    {
        let (own, peer, _) = pair(algorithm);
        for named in [false, true] {
            let proof = own.sign(b"message", named).expect("it signs");
            assert_eq!(proof.method, if named { 14 } else { old });
            assert!(peer.verify(proof_of(proof.method, &proof.value), b"message"));
            assert!(!peer.verify(proof_of(proof.method, &proof.value), b"another"));
            let mut broken = proof.value.clone();
            *broken.last_mut().expect("a byte") ^= 1;
            assert!(!peer.verify(proof_of(proof.method, &broken), b"message"));
        }
    }
}

#[test]
fn rsassa_pss_is_verified() {
    let (_, peer, key) = pair(&PKCS_RSA_SHA256);
    let der = KeyPair::from_pem(&key).expect("a key").serialize_der();
    let key = RsaKeyPair::from_pkcs8(&der).expect("an RSA key");
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), b"message", &mut signature).expect("it signs");
    // RFC 7427, A.4.3: RSASSA-PSS with SHA-256 for the message and the mask, and a salt of 32 bytes.
    let algorithm = hex_literal::hex!(
        "3041 06092a864886f70d01010a 3034 a00f300d06096086480165030402010500"
        "a11c301a06092a864886f70d010108300d06096086480165030402010500 a203020120"
    );
    let proof = PeerProof::Named { algorithm: &algorithm, signature: &signature };
    assert!(peer.verify(proof, b"message") && !peer.verify(proof, b"another"));
    for length in 0..algorithm.len() {
        let proof = PeerProof::Named { algorithm: &algorithm[..length], signature: &signature };
        assert!(!peer.verify(proof, b"message"));
    }
}

#[test]
fn what_is_no_certificate_is_refused_without_a_panic() {
    let ours = authority("ours");
    let (der, ..) = issue(&ours, &PKCS_ECDSA_P256_SHA256);
    for length in 0..der.len() {
        assert!(authorities(&ours).verify(&[&der[..length]], now()).is_err());
    }
    for at in 0..der.len() {
        let mut broken = der.clone();
        broken[at] ^= 0x55;
        assert!(authorities(&ours).verify(&[&broken], now()).is_err(), "byte {at}");
    }
    assert!(authorities(&ours).verify(&[], now()).is_err());
    for text in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert_eq!(Authorities::from_pem(text), Err(CertificateError::Unreadable));
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let ours = authority("ours");
    let ((_, pem, key), (_, _, other)) =
        (issue(&ours, &PKCS_ECDSA_P256_SHA256), issue(&ours, &PKCS_ECDSA_P256_SHA256));
    let error = |pem: &str, key: &str| OwnCertificate::from_pem(pem, key).expect_err("it is refused");
    assert_eq!(error(&pem, &other), OwnCertificateError::Mismatch);
    assert_eq!(error(&key, &key), OwnCertificateError::Certificate);
    assert_eq!(error(&pem, &pem), OwnCertificateError::PrivateKey);
}
