//! Certificates for the two sides of a scenario.

use causeway_gateway::OwnCertificate;
use causeway_lab::{KeyKind, Scenario};
use causeway_netlab::Certificate;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, SanType,
};

/// What the two sides show, and whom they trust.
pub struct Certificates {
    /// `RemoteCaCertificate` of the connection; empty when the peer has the pre-shared key.
    pub remote_ca: String,
    pub gateway: Option<OwnCertificate>,
    pub peer: Option<Certificate>,
}

impl Certificates {
    /// Those of a scenario, whose identities are these names.
    pub fn of(scenario: &Scenario, gateway_id: &str, peer_id: &str) -> Self {
        let (of_peers, of_gateways, unknown) =
            (authority("peers"), authority("gateways"), authority("strangers"));
        let gateway = scenario.gateway.certificate.map(|kind| issue(&of_gateways, gateway_id, kind));
        let issuer = if scenario.peer.authority_is_known { &of_peers } else { &unknown };
        let peer = scenario.peer.certificate.map(|kind| {
            let (certificate, private_key) = issue(issuer, peer_id, kind);
            let gateway_authority = gateway.is_some().then(|| of_gateways.pem());
            Certificate { certificate, private_key, gateway_authority, intermediates: Vec::new() }
        });
        Self {
            remote_ca: if peer.is_some() { of_peers.pem() } else { String::new() },
            gateway: gateway.map(|(certificate, key)| OwnCertificate::from_pem(&certificate, &key).unwrap()),
            peer,
        }
    }
}

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for a name with its key, in PEM form.
fn issue(issuer: &Issuer, name: &str, kind: KeyKind) -> (String, String) {
    let algorithm = match kind {
        KeyKind::Rsa => &PKCS_RSA_SHA256,
        KeyKind::EcdsaP256 => &PKCS_ECDSA_P256_SHA256,
        KeyKind::EcdsaP384 => &PKCS_ECDSA_P384_SHA384,
    };
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
    let key = KeyPair::generate_for(algorithm).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}
