//! The algorithms that IKE and ESP negotiate, over aws-lc-rs and, where that has no safe interface
//! to an old one (DES, 3DES, MD5, the MODP groups), over RustCrypto.
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

mod cbc;
mod certificate;
mod encryption;
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
pub use group::DhGroup;
pub use hash::{Hash, sha1};
pub use integrity::Integrity;
pub use key_exchange::{InvalidPublicValue, KeyExchange};
pub use prf::Prf;
pub use protection::{NotAuthentic, Protection, WrongKeyLength};
pub use random::{Random, SeededRandom, SystemRandom};
pub use secret::{Secret, constant_time_eq};
