//! How a side proves who it is: by the pre-shared key (RFC 7296, 2.15), or by a signature and a certificate (3.6 to 3.8,
//! RFC 7427). The two sides need not do the same: a peer that has to show a certificate may get ours, if there is one, or the
//! pre-shared key.

use std::time::Duration;

use causeway_crypto::{CertificateError, CertificateName, PeerCertificate, PeerProof, constant_time_eq};

use crate::config::{CertificateAuth, TunnelConfig};
use crate::failure::{CertificateProblem, Failure, FailureKind};
use crate::identity::{ID_DER_ASN1_DN, Identity};
use crate::keys::{SaKeys, Signed};
use crate::message::contents::Contents;
use crate::message::notify::{Notify, NotifyKind};
use crate::message::payload::Payload;

/// AUTH methods (3.8; RFC 4754; RFC 7427).
const RSA_SIGNATURE: u8 = 1;
const SHARED_KEY: u8 = 2;
const ECDSA_256: u8 = 9;
const ECDSA_384: u8 = 10;
const NAMED_SIGNATURE: u8 = 14;
/// "X.509 Certificate - Signature" (3.6).
pub(crate) const X509_SIGNATURE: u8 = 4;
/// SHA-256, SHA-384 and SHA-512 (RFC 7427, 7).
const HASHES: [u16; 3] = [2, 3, 4];

/// Tells the hashes that we verify signatures over.
pub(crate) fn hashes() -> Payload {
    let data: Vec<u8> = HASHES.iter().flat_map(|hash| hash.to_be_bytes()).collect();
    Payload::Notify(Notify::new(NotifyKind::SignatureHashAlgorithms, &data))
}

/// Whether the peer verifies signatures that name their algorithm, over the hashes that we sign.
pub(crate) fn takes_named(contents: &Contents) -> bool {
    let told = contents.notify(NotifyKind::SignatureHashAlgorithms);
    let has = |hash: u16| told.is_some_and(|it| it.data.chunks_exact(2).any(|it| it == hash.to_be_bytes()));
    has(HASHES[0]) && has(HASHES[1])
}

/// Asks for a certificate of these authorities.
pub(crate) fn request(auth: &CertificateAuth) -> Payload {
    Payload::CertificateRequest { encoding: X509_SIGNATURE, authorities: auth.remote_ca.key_hashes() }
}

/// Who we say we are: the certificate's subject, where the configuration spells that.
pub(crate) fn own_identity(config: &TunnelConfig) -> Identity {
    let own = config.certificates.as_deref().and_then(|auth| auth.own.as_ref());
    let subject = match &config.local_id {
        Identity::Fqdn(text) => own.and_then(|own| own.subject_if(text)),
        _ => None,
    };
    subject.map_or_else(
        || config.local_id.clone(),
        |subject| Identity::Other { kind: ID_DER_ASN1_DN, content: subject.to_vec() },
    )
}

/// What proves that it is us: our certificates, if we have any, and AUTH.
pub(crate) fn prove(
    keys: &SaKeys,
    config: &TunnelConfig,
    of_initiator: bool,
    signed: Signed<'_>,
    named: bool,
) -> Vec<Payload> {
    let own = config.certificates.as_deref().and_then(|auth| auth.own.as_ref());
    let signature = own.and_then(|own| {
        let proof = own.sign(&keys.signed_octets(of_initiator, signed), named)?;
        let certificates =
            own.chain().map(|der| Payload::Certificate { encoding: X509_SIGNATURE, data: der.to_vec() });
        let auth = Payload::Auth { method: proof.method, value: proof.value };
        Some(certificates.chain([auth]).collect())
    });
    signature.unwrap_or_else(|| {
        let value = keys.auth(of_initiator, &config.psk, signed);
        vec![Payload::Auth { method: SHARED_KEY, value }]
    })
}

/// Whether a peer that says it is this may be the one that is configured, until it has proven it.
pub(crate) fn may_be(config: &TunnelConfig, identity: &Identity) -> bool {
    let is_subject = matches!(identity, Identity::Other { kind: ID_DER_ASN1_DN, .. });
    identity.is(&config.remote_id) || (is_subject && config.certificates.is_some())
}

/// Checks that the peer is who it says, and who is configured. `at` is the time since 1970.
pub(crate) fn verify(
    keys: &SaKeys,
    config: &TunnelConfig,
    of_initiator: bool,
    signed: Signed<'_>,
    (contents, identity): (&Contents, &Identity),
    at: Duration,
) -> Result<(), Failure> {
    let proof = contents.auth.as_ref().map(|(method, value)| (*method, value.as_slice()));
    match (&config.certificates, proof) {
        (None, Some((SHARED_KEY, value))) => {
            let expected = keys.auth(of_initiator, &config.psk, signed);
            if constant_time_eq(&expected, value) { Ok(()) } else { Err(wrong_key(config, identity)) }
        }
        (None, _) => Err(Failure::new(
            FailureKind::Proposal {
                of: crate::failure::Negotiated::Ike,
                items: vec![crate::failure::ProposalItem::AuthenticationMethod],
            },
            "peer wants to authenticate by something else than a pre-shared key, and no RemoteCaCert is configured",
        )),
        (Some(_), None | Some((SHARED_KEY, _))) => Err(problem(
            CertificateProblem::Missing,
            "peer authenticates without a certificate, and RemoteCaCert wants one",
        )),
        (Some(auth), Some((method, value))) => {
            let certificate = chain(auth, contents, at)?;
            check_names(config, &certificate, identity)?;
            let message = keys.signed_octets(of_initiator, signed);
            let proven = peer_proof(method, value).is_some_and(|proof| certificate.verify(proof, &message));
            let text = || {
                format!(
                    "the signature of the peer is not by the key of its certificate ({})",
                    certificate.subject()
                )
            };
            if proven { Ok(()) } else { Err(problem(CertificateProblem::Signature, text())) }
        }
    }
}

fn wrong_key(config: &TunnelConfig, identity: &Identity) -> Failure {
    let text = format!(
        "the pre-shared key does not match: peer {identity} could not prove that it has ours (we are {})",
        config.local_id
    );
    Failure::new(FailureKind::PreSharedKey, text)
}

fn problem(problem: CertificateProblem, text: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Certificate(problem), text)
}

/// The peer's certificate, if it chains to the configured authority. Those that are only referred to are not fetched: a gateway
/// that fetches what a stranger names is his tool.
fn chain(auth: &CertificateAuth, contents: &Contents, at: Duration) -> Result<PeerCertificate, Failure> {
    let sent = contents.certificates.iter().filter(|(encoding, _)| *encoding == X509_SIGNATURE);
    let chain: Vec<&[u8]> = sent.map(|(_, data)| data.as_slice()).collect();
    if chain.is_empty() {
        let text = match contents.certificates.is_empty() {
            true => "peer sent no certificate, and RemoteCaCert wants one",
            false => {
                "peer sent its certificate in a form other than X.509 itself, such as hash and URL, which is not taken"
            }
        };
        return Err(problem(CertificateProblem::Missing, text));
    }
    auth.remote_ca.verify(&chain, at).map_err(|error| {
        let kind = match &error {
            CertificateError::Expired(_) => CertificateProblem::Expired,
            CertificateError::NotYetValid(_) => CertificateProblem::NotYetValid,
            CertificateError::UnknownAuthority { .. } => CertificateProblem::UnknownAuthority,
            CertificateError::Unusable(_) | CertificateError::Unreadable => CertificateProblem::Unusable,
        };
        problem(kind, error.to_string())
    })
}

/// The certificate has to be for who the peer says it is, and that has to be who is configured.
fn check_names(
    config: &TunnelConfig,
    certificate: &PeerCertificate,
    identity: &Identity,
) -> Result<(), Failure> {
    if !is_for(certificate, identity) {
        let text = format!(
            "the certificate of the peer ({}) is not for {identity}, which it says it is",
            certificate.subject()
        );
        return Err(problem(CertificateProblem::Identity, text));
    }
    let wanted = &config.remote_id;
    let is_wanted = identity.is(wanted)
        || is_for(certificate, wanted)
        || matches!(wanted, Identity::Fqdn(text) if certificate.is_subject(text));
    if is_wanted {
        return Ok(());
    }
    let text = format!(
        "RemoteId does not match: the certificate of the peer is for {}, and not for {wanted}",
        certificate.subject()
    );
    Err(Failure::new(FailureKind::RemoteIdentity, text))
}

fn is_for(certificate: &PeerCertificate, identity: &Identity) -> bool {
    match identity {
        Identity::Ipv4(address) => certificate.names(CertificateName::Address(&address.octets())),
        Identity::Fqdn(name) => certificate.names(CertificateName::Dns(name)),
        Identity::Email(address) => certificate.names(CertificateName::Email(address)),
        Identity::Other { kind: ID_DER_ASN1_DN, content } => {
            certificate.names(CertificateName::Subject(content))
        }
        Identity::KeyId(_) | Identity::Other { .. } => false,
    }
}

fn peer_proof(method: u8, value: &[u8]) -> Option<PeerProof<'_>> {
    match method {
        RSA_SIGNATURE => Some(PeerProof::Rsa(value)),
        ECDSA_256 => Some(PeerProof::Ecdsa256(value)),
        ECDSA_384 => Some(PeerProof::Ecdsa384(value)),
        NAMED_SIGNATURE => {
            let (length, rest) = value.split_first()?;
            let (algorithm, signature) = rest.split_at_checked(usize::from(*length))?;
            Some(PeerProof::Named { algorithm, signature })
        }
        _ => None,
    }
}
