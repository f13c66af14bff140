//! Our own certificate, and signing with its key.
//!
//! RSA signs with RSASSA-PKCS1-v1_5, which every peer takes and which needs no randomness. ECDSA takes its own from aws-lc, the
//! one thing in this crate that does not come as an argument: its interface has no other way.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use super::{certificates, relative_names, same_name, scheme};

/// Why our own certificate cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OwnCertificateError {
    /// The first text has no certificate.
    #[error("`certificate` is no file of certificates in PEM form")]
    Certificate,
    /// The second has no key.
    #[error(
        "`private_key` is no key in PEM form: RSA of at least 2,048 bits, or ECDSA with P-256 or P-384, in PKCS #8"
    )]
    PrivateKey,
    /// They do not belong together.
    #[error("`private_key` is not the key of the first certificate in `certificate`")]
    Mismatch,
}

enum Key {
    Rsa(RsaKeyPair),
    /// The same key for both forms of signature.
    Ecdsa {
        named: EcdsaKeyPair,
        fixed: EcdsaKeyPair,
        is_384: bool,
    },
}

/// Our certificate, those between it and its authority, and its private key.
#[derive(Clone)]
pub struct OwnCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<Key>,
    subject: Vec<u8>,
    subject_names: Vec<String>,
}

/// A signature of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnProof {
    /// The AUTH method (RFC 7296, 3.8; RFC 4754; RFC 7427).
    pub method: u8,
    /// What AUTH carries.
    pub value: Vec<u8>,
}

impl OwnCertificate {
    /// Reads a certificate, perhaps followed by those between it and its authority, and its key.
    ///
    /// # Errors
    ///
    /// Each names the file that is wrong.
    pub fn from_pem(certificate: &str, private_key: &str) -> Result<Self, OwnCertificateError> {
        let chain = certificates(certificate).map_err(|_| OwnCertificateError::Certificate)?;
        let first = chain.first().and_then(|it| Certificate::from_der(it).ok());
        let first = first.ok_or(OwnCertificateError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(private_key.as_bytes());
        let key =
            key.ok().and_then(|key| Key::read(key.secret_der())).ok_or(OwnCertificateError::PrivateKey)?;
        let public = first.tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes();
        if key.public() != public {
            return Err(OwnCertificateError::Mismatch);
        }
        let subject = &first.tbs_certificate.subject;
        let (subject_names, subject) = (relative_names(subject), subject.to_der());
        let subject = subject.map_err(|_| OwnCertificateError::Certificate)?;
        Ok(Self { chain, key: Arc::new(key), subject, subject_names })
    }

    /// The certificates in DER, ours first.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.chain.iter().map(AsRef::as_ref)
    }

    /// The subject in DER, if it is what a person wrote like `C=CH, O=Example, CN=gw`.
    pub fn subject_if(&self, text: &str) -> Option<&[u8]> {
        same_name(&self.subject_names, text).then_some(&self.subject)
    }

    /// Signs a message: by a named algorithm if the peer takes that (RFC 7427), else by the older methods.
    pub fn sign(&self, message: &[u8], named: bool) -> Option<OwnProof> {
        let random = SystemRandom::new();
        match self.key.as_ref() {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(proof(named.then_some(scheme::RSA_SHA256_DER), 1, &signature))
            }
            Key::Ecdsa { named: by_name, fixed, is_384 } => {
                let (name, method) =
                    if *is_384 { (scheme::ECDSA_SHA384_DER, 10) } else { (scheme::ECDSA_SHA256_DER, 9) };
                let key = if named { by_name } else { fixed };
                let signature = key.sign(&random, message).ok()?;
                Some(proof(named.then_some(name), method, signature.as_ref()))
            }
        }
    }
}

fn proof(name: Option<&[u8]>, method: u8, signature: &[u8]) -> OwnProof {
    match name {
        None => OwnProof { method, value: signature.to_vec() },
        Some(name) => OwnProof { method: 14, value: [&[name.len() as u8], name, signature].concat() },
    }
}

impl Key {
    fn read(der: &[u8]) -> Option<Key> {
        if let Ok(key) = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)) {
            return Some(Key::Rsa(key));
        }
        let ecdsa = |algorithm: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::from_pkcs8(algorithm, der).ok();
        let pair =
            |named, fixed, is_384| Some(Key::Ecdsa { named: ecdsa(named)?, fixed: ecdsa(fixed)?, is_384 });
        pair(&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P256_SHA256_FIXED_SIGNING, false)
            .or_else(|| pair(&ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P384_SHA384_FIXED_SIGNING, true))
    }

    fn public(&self) -> &[u8] {
        match self {
            Key::Rsa(key) => key.public_key().as_ref(),
            Key::Ecdsa { named, .. } => named.public_key().as_ref(),
        }
    }
}

impl PartialEq for OwnCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}

impl Eq for OwnCertificate {}

impl std::fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnCertificate({})", self.subject_names.join(","))
    }
}
