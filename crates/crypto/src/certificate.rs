//! Certificates (RFC 5280) and the signatures that peers prove themselves with (RFC 7296, 3.8; RFC 7427).
//!
//! Paths are validated by rustls-webpki with aws-lc: it is kept by those who keep rustls, takes DER from strangers for its
//! daily work, bounds what a peer can make it do, and brings only `untrusted` and `rustls-pki-types` with it. It does not
//! tell what IKE needs besides, the subject and the e-mail addresses, so those are read by x509-cert (RustCrypto's `der`).
//! The usage that a certificate is issued for is not looked at, as RFC 4945, 5.1.3.12 allows: gateways get certificates of
//! TLS servers. A certificate of an authority does not authenticate a peer; nor does one that is its own authority.

use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::hash::sha1;

mod own;
mod scheme;

pub use own::{OwnCertificate, OwnCertificateError, OwnProof};

/// The most certificates in one text.
const CERTIFICATES_MAX: usize = 32;
/// The most certificates of a peer that are looked at.
const CHAIN_MAX: usize = 8;

/// Why a certificate does not do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CertificateError {
    /// No certificate is in the text, or one that is none.
    #[error("no certificate in PEM form can be read from it")]
    Unreadable,
    /// The peer sent something that is no certificate, or one of a kind that is not supported.
    #[error("the certificate of the peer cannot be used: {0}")]
    Unusable(String),
    /// It is no longer valid.
    #[error("the certificate of the peer expired on {0}")]
    Expired(String),
    /// It is not valid yet.
    #[error("the certificate of the peer is not valid before {0}")]
    NotYetValid(String),
    /// It does not chain to the authority.
    #[error(
        "the certificate of the peer ({subject}) does not chain to RemoteCaCert: it was issued by {issuer}"
    )]
    UnknownAuthority {
        /// Whose certificate it is.
        subject: String,
        /// Who issued it.
        issuer: String,
    },
}

/// Who is trusted to say who somebody is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authorities(Vec<CertificateDer<'static>>);

impl Authorities {
    /// Reads certificates in PEM form; at least one.
    ///
    /// # Errors
    ///
    /// [`CertificateError::Unreadable`] if there is none, or something in between is none.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let certificates = certificates(text)?;
        for certificate in &certificates {
            anchor_from_trusted_cert(certificate).map_err(|_| CertificateError::Unreadable)?;
            Certificate::from_der(certificate).map_err(|_| CertificateError::Unreadable)?;
        }
        Ok(Self(certificates))
    }

    /// What a request for certificates of these authorities says: the SHA-1 hash of each one's public key (RFC 7296, 3.7).
    pub fn key_hashes(&self) -> Vec<u8> {
        let parsed = self.0.iter().filter_map(|it| Certificate::from_der(it).ok());
        let keys = parsed.filter_map(|it| it.tbs_certificate.subject_public_key_info.to_der().ok());
        keys.flat_map(|key| sha1(&[&key])).collect()
    }

    /// Checks that the first of these certificates (DER) chains to an authority by way of the others, at this time since 1970.
    ///
    /// # Errors
    ///
    /// Each names the check that failed.
    pub fn verify(&self, chain: &[&[u8]], at: Duration) -> Result<PeerCertificate, CertificateError> {
        let unusable = |error: String| CertificateError::Unusable(error);
        let (first, rest) = chain.split_first().ok_or_else(|| unusable("there is none".to_owned()))?;
        let parsed = Certificate::from_der(first).map_err(|error| unusable(error.to_string()))?;
        let der = CertificateDer::from(first.to_vec());
        let end = EndEntityCert::try_from(&der).map_err(|error| unusable(format!("{error:?}")))?;
        let intermediates: Vec<_> = rest.iter().take(CHAIN_MAX).map(|it| CertificateDer::from(*it)).collect();
        let anchors: Vec<_> = self.0.iter().filter_map(|it| anchor_from_trusted_cert(it).ok()).collect();
        let at = UnixTime::since_unix_epoch(at);
        end.verify_for_usage(scheme::of_chains(), &anchors, &intermediates, at, AnyUsage, None, None)
            .map_err(|error| explain(&error, &parsed))?;
        Ok(PeerCertificate { der: first.to_vec(), parsed })
    }
}

fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let read: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(text.as_bytes()).take(CERTIFICATES_MAX).collect();
    read.ok().filter(|it| !it.is_empty()).ok_or(CertificateError::Unreadable)
}

fn explain(error: &Error, parsed: &Certificate) -> CertificateError {
    match error {
        Error::CertExpired { not_after, .. } => CertificateError::Expired(date(not_after.as_secs())),
        Error::CertNotValidYet { not_before, .. } => {
            CertificateError::NotYetValid(date(not_before.as_secs()))
        }
        Error::UnknownIssuer | Error::InvalidSignatureForPublicKey => CertificateError::UnknownAuthority {
            subject: printable(&parsed.tbs_certificate.subject.to_string()),
            issuer: printable(&parsed.tbs_certificate.issuer.to_string()),
        },
        other => CertificateError::Unusable(format!("{other:?}")),
    }
}

/// A peer must not write into our log what it likes.
fn printable(name: &str) -> String {
    name.chars().take(200).flat_map(char::escape_debug).collect()
}

/// A day, as people write it, from seconds since 1970 (the civil calendar, by eras of 400 years that begin in March).
fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// See the module.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _usages: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        Ok(())
    }
}

/// A name that a certificate may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CertificateName<'a> {
    /// An IPv4 or IPv6 address.
    Address(&'a [u8]),
    /// A DNS name, exactly, without regard to case.
    Dns(&'a str),
    /// An e-mail address.
    Email(&'a str),
    /// The whole subject, in DER.
    Subject(&'a [u8]),
}

/// A peer's certificate that chains to a configured authority.
#[derive(Clone, Debug)]
pub struct PeerCertificate {
    der: Vec<u8>,
    parsed: Certificate,
}

/// A signature as a peer sent it.
#[derive(Clone, Copy, Debug)]
pub enum PeerProof<'a> {
    /// RSASSA-PKCS1-v1_5 with whatever hash: AUTH method 1.
    Rsa(&'a [u8]),
    /// ECDSA with P-256 and SHA-256: AUTH method 9.
    Ecdsa256(&'a [u8]),
    /// ECDSA with P-384 and SHA-384: AUTH method 10.
    Ecdsa384(&'a [u8]),
    /// By an algorithm that is named in DER: AUTH method 14 (RFC 7427).
    Named {
        /// The AlgorithmIdentifier.
        algorithm: &'a [u8],
        /// The signature.
        signature: &'a [u8],
    },
}

impl PeerCertificate {
    /// Whether it is for this name.
    pub fn names(&self, name: CertificateName<'_>) -> bool {
        let tbs = &self.parsed.tbs_certificate;
        if let CertificateName::Subject(der) = name {
            return tbs.subject.to_der().is_ok_and(|subject| subject == der);
        }
        let alternatives = tbs.get::<SubjectAltName>().ok().flatten().map(|(_, names)| names.0);
        alternatives.iter().flatten().any(|it| match (it, name) {
            (GeneralName::IpAddress(it), CertificateName::Address(wanted)) => it.as_bytes() == wanted,
            (GeneralName::DnsName(it), CertificateName::Dns(wanted)) => {
                it.as_str().eq_ignore_ascii_case(wanted)
            }
            (GeneralName::Rfc822Name(it), CertificateName::Email(wanted)) => {
                it.as_str().eq_ignore_ascii_case(wanted)
            }
            _ => false,
        })
    }

    /// Whether its subject is what a person wrote like `C=CH, O=Example, CN=gw`, in this order or the other way round.
    pub fn is_subject(&self, text: &str) -> bool {
        same_name(&relative_names(&self.parsed.tbs_certificate.subject), text)
    }

    /// The subject, for a log line.
    pub fn subject(&self) -> String {
        printable(&self.parsed.tbs_certificate.subject.to_string())
    }

    /// Whether the message was signed with the certificate's key.
    pub fn verify(&self, proof: PeerProof<'_>, message: &[u8]) -> bool {
        let key = self.parsed.tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes();
        let by = |algorithm: &'static dyn VerificationAlgorithm, signature: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
        };
        match proof {
            PeerProof::Rsa(signature) => RSA_HASHES.iter().any(|algorithm| by(*algorithm, signature)),
            PeerProof::Ecdsa256(signature) => by(&ECDSA_P256_SHA256_FIXED, signature),
            PeerProof::Ecdsa384(signature) => by(&ECDSA_P384_SHA384_FIXED, signature),
            PeerProof::Named { algorithm, signature } => {
                let der = CertificateDer::from(self.der.as_slice());
                let Ok(end) = EndEntityCert::try_from(&der) else { return false };
                let may_be = scheme::named(algorithm);
                may_be.iter().any(|algorithm| end.verify_signature(*algorithm, message, signature).is_ok())
            }
        }
    }
}

/// Those that peers use with AUTH method 1, which does not say which: SHA-1 is what it meant when it was made.
const RSA_HASHES: [&dyn VerificationAlgorithm; 4] = [
    &RSA_PKCS1_2048_8192_SHA256,
    &RSA_PKCS1_2048_8192_SHA384,
    &RSA_PKCS1_2048_8192_SHA512,
    &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
];

/// The parts of a subject, each as text in small letters. What a part has inside, whatever it is, is no other part.
fn relative_names(subject: &Name) -> Vec<String> {
    subject.0.iter().map(|part| part.to_string().to_ascii_lowercase()).collect()
}

/// Whether a text has just these parts, with commas or slashes between, in this order or the other one.
fn same_name(subject: &[String], text: &str) -> bool {
    let trimmed = text.split([',', '/']).map(|part| part.trim().to_ascii_lowercase());
    let wanted: Vec<String> = trimmed.filter(|part| !part.is_empty()).collect();
    !wanted.is_empty() && (subject == wanted || subject.iter().eq(wanted.iter().rev()))
}

/// What verifies with the keys of certificates.
type Algorithm = &'static dyn SignatureVerificationAlgorithm;

#[cfg(test)]
mod tests;
