//! Certificates, between a gateway and strongSwan's charon.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::Ipv4Addr;
use std::time::Duration;

use causeway_control::observed::{CertificateProblem, FailureKind};
use causeway_control::resource::tunnel::TunnelRole;
use causeway_gateway::{GatewayConfig, IkeLimits, OwnCertificate};
use causeway_netlab::{Certificate, Connection, Host, Lab, PeerConfig, StrongSwan, Wire};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, SanType, SignatureAlgorithm,
};

#[path = "support/site.rs"]
mod site;
#[path = "support/wanted.rs"]
mod wanted;
use site::Site;
use wanted::{connection, route, tunnel};

const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);
const INSIDE_PEER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// An authority that another vouches for.
fn intermediate(root: &Issuer) -> Issuer {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "between");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), root).unwrap()
}

/// A certificate for a DNS name with its key, in PEM form.
fn issue(issuer: &Issuer, name: &str, algorithm: &'static SignatureAlgorithm) -> (String, String) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
    let key = KeyPair::generate_for(algorithm).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}

struct Net {
    left: Site,
    peer: Host,
    _wire: Wire,
    _lab: Lab,
}

impl Net {
    /// A gateway that shows this certificate, in small packets, and a host for charon.
    fn new(own: Option<(String, String)>) -> Self {
        let lab = Lab::new("gwcrt").expect("this test makes network namespaces: run it as root");
        let wire = lab.wire("wire").unwrap();
        let certificate = own.map(|(certificate, key)| OwnCertificate::from_pem(&certificate, &key).unwrap());
        let left = Site::new(&lab, &wire, 1);
        let limits = IkeLimits { fragment_packet_bytes: 576, ..IkeLimits::default() };
        let config = GatewayConfig { certificate, limits, ..left.config() };
        let left = left.start_with(config);
        let peer = lab.host("peer").unwrap();
        wire.plug(&peer, "wan", &["192.0.2.9/24"]).unwrap();
        peer.address("lo", "10.9.0.2/32").unwrap();
        Self { left, peer, _wire: wire, _lab: lab }
    }

    fn charon(&self, certificate: Certificate) -> StrongSwan {
        let mut connection = Connection::new("site", PEER, self.left.outside, b"a secret of the test");
        connection.ike_proposals = "aes128gcm16-prfsha256-x25519".to_owned();
        connection.esp_proposals = "aes128gcm16-x25519".to_owned();
        connection.local_id = "peer.example".to_owned();
        connection.remote_id = "gw.example".to_owned();
        connection.certificate = Some(certificate);
        let routes = vec!["10.1.0.0/24".parse().unwrap()];
        let config = PeerConfig { connections: vec![connection], routes, ..PeerConfig::default() };
        StrongSwan::start(&self.peer, &config).unwrap()
    }

    /// A peer that has to show a certificate of this authority.
    fn want(&self, authority: &Issuer) {
        let mut tunnel = tunnel("tun-peer", TunnelRole::Master, self.left.outside, PEER);
        tunnel.ike.local_id = "gw.example".to_owned();
        tunnel.ike.remote_id = "peer.example".to_owned();
        tunnel.remote_ca_certificate = authority.pem();
        self.left.want(connection("vco-peer", vec![tunnel], &[]));
        self.left.change("vco-peer", |it| it.routes.push(route("10.9.0.0/16")));
    }
}

#[test]
fn both_sides_show_certificates_of_every_kind_of_key_with_an_intermediate_one() {
    let (root, of_gateway) = (authority("root"), authority("gateways"));
    let between = intermediate(&root);
    for (ours, theirs) in [
        (&PKCS_RSA_SHA256, &PKCS_ECDSA_P256_SHA256),
        (&PKCS_ECDSA_P384_SHA384, &PKCS_RSA_SHA256),
        (&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384),
    ] {
        let net = Net::new(Some(issue(&of_gateway, "gw.example", ours)));
        let (certificate, private_key) = issue(&between, "peer.example", theirs);
        let charon = net.charon(Certificate {
            certificate,
            private_key,
            gateway_authority: Some(of_gateway.pem()),
            intermediates: vec![between.pem()],
        });
        net.want(&root);
        net.left.world.wait_up("vco-peer");
        assert!(net.left.pings(INSIDE_PEER), "{}", charon.log());
    }
}

#[test]
fn the_peer_shows_a_certificate_and_the_gateway_has_the_pre_shared_key() {
    let root = authority("root");
    let net = Net::new(None);
    let (certificate, private_key) = issue(&root, "peer.example", &PKCS_ECDSA_P256_SHA256);
    let charon = net.charon(Certificate {
        certificate,
        private_key,
        gateway_authority: None,
        intermediates: Vec::new(),
    });
    net.want(&root);
    net.left.world.wait_up("vco-peer");
    assert!(net.left.pings(INSIDE_PEER), "{}", charon.log());
}

#[test]
fn strongswan_may_begin_with_a_certificate_and_in_fragments() {
    let (root, of_gateway) = (authority("root"), authority("gateways"));
    let net = Net::new(Some(issue(&of_gateway, "gw.example", &PKCS_RSA_SHA256)));
    net.want(&root);
    // Until now nobody answered, and we shall not ask again at once.
    let between = intermediate(&root);
    let (certificate, private_key) = issue(&between, "peer.example", &PKCS_RSA_SHA256);
    let charon = net.charon(Certificate {
        certificate,
        private_key,
        gateway_authority: Some(of_gateway.pem()),
        intermediates: vec![between.pem()],
    });
    charon.initiate("site", Duration::from_secs(10)).unwrap();
    net.left.world.wait_up("vco-peer");
    assert!(net.left.pings(INSIDE_PEER), "{}", charon.log());
    let log = charon.log();
    assert!(log.contains("splitting IKE message") && log.contains("received fragment #2"), "{log}");
}

#[test]
fn a_certificate_of_another_authority_is_refused_and_the_reason_told() {
    let (root, other) = (authority("root"), authority("other"));
    let net = Net::new(None);
    let (certificate, private_key) = issue(&other, "peer.example", &PKCS_ECDSA_P256_SHA256);
    let _charon = net.charon(Certificate {
        certificate,
        private_key,
        gateway_authority: None,
        intermediates: Vec::new(),
    });
    net.want(&root);
    net.left.world.wait("vco-peer", "refused", |it| {
        let tunnel = it.and_then(|it| it.tunnels.values().next());
        let unknown = FailureKind::Certificate(CertificateProblem::UnknownAuthority);
        tunnel.is_some_and(|it| {
            it.failure == Some(unknown)
                && it.last_error.as_ref().unwrap().contains("does not chain to RemoteCaCert")
        })
    });
}
