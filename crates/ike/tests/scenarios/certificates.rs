//! Peers that prove who they are by certificates.

use std::sync::Arc;
use std::time::Duration;

use causeway_crypto::{Authorities, OwnCertificate};
use causeway_ike::{
    CertificateAuth, CertificateProblem, FailureKind, Identity, Limits, TunnelConfig, TunnelStatus,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, SanType, SignatureAlgorithm, date_time_ymd,
};

use crate::sim::{A, ADDRESS_A, B, Sim, T, config, mirrored, secs};

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// 2024-06-01.
const NOW: Duration = Duration::from_secs(19_875 * 86_400);

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2025, 1, 1);
    params
}

fn authority(name: &str) -> Issuer {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("an authority")
}

/// A certificate for this DNS name.
fn issue(issuer: &Issuer, name: &str, algorithm: &'static SignatureAlgorithm) -> OwnCertificate {
    let names = vec![SanType::DnsName(name.try_into().expect("a name"))];
    let mut params = params(name);
    params.subject_alt_names = names;
    let key = KeyPair::generate_for(algorithm).expect("a key");
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    OwnCertificate::from_pem(&certificate.pem(), &key.serialize_pem()).expect("they belong together")
}

fn auth(issuer: &Issuer, own: Option<OwnCertificate>) -> Option<Arc<CertificateAuth>> {
    let remote_ca = Authorities::from_pem(&issuer.pem()).expect("an authority");
    Some(Arc::new(CertificateAuth { remote_ca, own }))
}

fn named() -> TunnelConfig {
    TunnelConfig {
        local_id: Identity::parse("a.example"),
        remote_id: Identity::parse("b.example"),
        ..config()
    }
}

/// A initiates; each side with its own idea of certificates.
fn run(
    ours: &TunnelConfig,
    of_a: Option<Arc<CertificateAuth>>,
    of_b: Option<Arc<CertificateAuth>>,
    at: Duration,
) -> Sim {
    let mut sim = Sim::new(1);
    for side in [A, B] {
        sim.sides[side].1.endpoint.set_unix_time(at, Duration::ZERO);
    }
    sim.put(B, T, TunnelConfig { certificates: of_b, ..mirrored(ours) });
    sim.put(A, T, TunnelConfig { initiate: true, certificates: of_a, ..ours.clone() });
    sim.run(secs(1));
    sim
}

fn kind(sim: &Sim, side: usize) -> Option<FailureKind> {
    sim.side(side).failures.get(&T).cloned().flatten()
}

#[test]
fn both_sides_may_show_certificates_of_any_kind_of_key() {
    let ca = authority("ca");
    for (of_a, of_b) in [
        (&PKCS_RSA_SHA256, &PKCS_ECDSA_P256_SHA256),
        (&PKCS_ECDSA_P384_SHA384, &PKCS_RSA_SHA256),
        (&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384),
    ] {
        let (own_a, own_b) = (issue(&ca, "a.example", of_a), issue(&ca, "b.example", of_b));
        let mut sim = run(&named(), auth(&ca, Some(own_a)), auth(&ca, Some(own_b)), NOW);
        sim.assert_up();
        sim.run(secs(200));
        sim.assert_up();
    }
}

#[test]
fn where_a_certificate_is_wanted_the_pre_shared_key_does_not_do() {
    let ca = authority("ca");
    let own = issue(&ca, "b.example", &PKCS_ECDSA_P256_SHA256);
    let sim = run(&named(), auth(&ca, None), auth(&ca, Some(own)), NOW);
    assert_eq!(kind(&sim, B), Some(FailureKind::Certificate(CertificateProblem::Missing)));
    assert!(sim.logged(B, "peer authenticates without a certificate, and RemoteCaCert wants one"));
}

#[test]
fn a_certificate_that_does_not_do_is_refused_by_the_check_that_failed() {
    let (ca, other) = (authority("ca"), authority("other"));
    let own_a = || Some(issue(&ca, "a.example", &PKCS_ECDSA_P256_SHA256));
    let cases = [
        (
            issue(&other, "b.example", &PKCS_ECDSA_P256_SHA256),
            NOW,
            CertificateProblem::UnknownAuthority,
            "does not chain",
        ),
        (
            issue(&ca, "c.example", &PKCS_ECDSA_P256_SHA256),
            NOW,
            CertificateProblem::Identity,
            "is not for b.example",
        ),
        (
            issue(&ca, "b.example", &PKCS_ECDSA_P256_SHA256),
            NOW * 2,
            CertificateProblem::Expired,
            "expired on 2025-01-01",
        ),
        (
            issue(&ca, "b.example", &PKCS_ECDSA_P256_SHA256),
            NOW / 2,
            CertificateProblem::NotYetValid,
            "before 2024-01-01",
        ),
    ];
    for (own_b, at, problem, text) in cases {
        // B has the right time.
        let mut sim = Sim::new(2);
        sim.sides[A].1.endpoint.set_unix_time(at, Duration::ZERO);
        sim.sides[B].1.endpoint.set_unix_time(NOW, Duration::ZERO);
        sim.put(B, T, TunnelConfig { certificates: auth(&ca, Some(own_b)), ..mirrored(&named()) });
        sim.put(A, T, TunnelConfig { initiate: true, certificates: auth(&ca, own_a()), ..named() });
        sim.run(secs(1));
        assert_eq!(kind(&sim, A), Some(FailureKind::Certificate(problem)), "{:?}", sim.side(A).logs);
        assert!(sim.logged(A, text), "{:?}", sim.side(A).logs);
        assert_eq!(sim.status(A), TunnelStatus::IkeSaNotEstablished);
    }
}

#[test]
fn a_peer_with_the_pre_shared_key_but_no_certificate_is_refused() {
    let ca = authority("ca");
    let sim = run(&named(), auth(&ca, None), None, NOW);
    assert_eq!(
        kind(&sim, A),
        Some(FailureKind::Certificate(CertificateProblem::Missing)),
        "{:?}",
        sim.side(A).logs
    );
    assert_eq!(sim.status(A), TunnelStatus::IkeSaNotEstablished);
}

#[test]
fn somebody_elses_certificate_without_its_key_is_of_no_use() {
    let ca = authority("ca");
    let own_a = || auth(&ca, Some(issue(&ca, "a.example", &PKCS_RSA_SHA256)));
    // B has a certificate of its own from the same authority, and says it is A's peer.
    let sim = run(&named(), own_a(), auth(&ca, Some(issue(&ca, "mallory.example", &PKCS_RSA_SHA256))), NOW);
    assert_eq!(kind(&sim, A), Some(FailureKind::Certificate(CertificateProblem::Identity)));
}

#[test]
fn a_subject_as_identity_is_sent_and_known_as_such() {
    let ca = authority("ca");
    let names = TunnelConfig {
        local_id: Identity::parse("CN=a.example"),
        remote_id: Identity::parse("CN=b.example"),
        ..config()
    };
    let own = |name: &str| auth(&ca, Some(issue(&ca, name, &PKCS_ECDSA_P256_SHA256)));
    run(&names, own("a.example"), own("b.example"), NOW).assert_up();
    let wrong = TunnelConfig { remote_id: Identity::parse("CN=somebody"), ..names };
    let sim = run(&wrong, own("a.example"), own("b.example"), NOW);
    assert_eq!(sim.status(A), TunnelStatus::IkeSaNotEstablished);
}

#[test]
fn certificates_travel_in_fragments() {
    let ca = authority("ca");
    let own = |name: &str| auth(&ca, Some(issue(&ca, name, &PKCS_RSA_SHA256)));
    let mut sim = Sim::with_limits(3, Limits { fragment_packet_bytes: 576, ..Limits::default() });
    for side in [A, B] {
        sim.sides[side].1.endpoint.set_unix_time(NOW, Duration::ZERO);
    }
    sim.put(B, T, TunnelConfig { certificates: own("b.example"), ..mirrored(&named()) });
    sim.put(A, T, TunnelConfig { initiate: true, certificates: own("a.example"), ..named() });
    sim.run(secs(1));
    sim.assert_up();
    let fragments = sim.wire.iter().filter(|it| it.message[16] == 53 && *it.from.ip() == ADDRESS_A);
    assert!(fragments.count() >= 2);
    assert!(sim.wire.iter().all(|it| it.message.len() + 28 <= 576));
}
