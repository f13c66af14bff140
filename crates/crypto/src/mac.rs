//! HMAC over every hash, keyed once and used many times.

use aws_lc_rs::hmac as lc;
use hmac::{Hmac, KeyInit, Mac as _};
use md5::Md5;

use crate::hash::Hash;

/// An HMAC key with its first blocks already hashed.
pub(crate) enum Mac {
    Md5(Hmac<Md5>),
    Sha(Box<lc::Key>),
}

/// An HMAC, not yet truncated.
pub(crate) struct Tag {
    bytes: [u8; 64],
    len: usize,
}

impl Mac {
    pub(crate) fn new(hash: Hash, key: &[u8]) -> Self {
        let algorithm = match hash {
            Hash::Md5 => {
                return Self::Md5(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"));
            }
            Hash::Sha1 => lc::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => lc::HMAC_SHA256,
            Hash::Sha384 => lc::HMAC_SHA384,
            Hash::Sha512 => lc::HMAC_SHA512,
        };
        Self::Sha(Box::new(lc::Key::new(algorithm, key)))
    }

    /// The HMAC of the parts, taken as one message. Allocates nothing.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> Tag {
        match self {
            Self::Md5(key) => {
                let mut context = key.clone();
                for part in parts {
                    context.update(part);
                }
                Tag::new(&context.finalize().into_bytes())
            }
            Self::Sha(key) => {
                let mut context = lc::Context::with_key(key);
                for part in parts {
                    context.update(part);
                }
                Tag::new(context.sign().as_ref())
            }
        }
    }
}

impl Tag {
    fn new(mac: &[u8]) -> Self {
        let mut bytes = [0; 64];
        bytes[..mac.len()].copy_from_slice(mac);
        Self { bytes, len: mac.len() }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
