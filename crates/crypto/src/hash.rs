//! Hashes: underneath the HMACs, in NAT detection, and by themselves in IKEv1.

use aws_lc_rs::digest;
use md5::{Digest, Md5};

/// A hash function. IKEv1 uses the one of its PRF by itself, to make IVs and NAT-D payloads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hash {
    /// MD5 (RFC 1321). Broken as a hash; here for HMAC and IKEv1.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// Bytes of output.
    pub const fn output_len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The hash of the parts, taken as one message.
    pub fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        let algorithm = match self {
            Self::Md5 => return md5(parts),
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest_with(algorithm, parts).as_ref().to_vec()
    }
}

/// SHA-1 of the parts, taken as one message: the hash of NAT_DETECTION_*_IP (RFC 7296 section 2.23).
pub fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut output = [0; 20];
    output.copy_from_slice(digest_with(&digest::SHA1_FOR_LEGACY_USE_ONLY, parts).as_ref());
    output
}

fn digest_with(algorithm: &'static digest::Algorithm, parts: &[&[u8]]) -> digest::Digest {
    let mut context = digest::Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    context.finish()
}

fn md5(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = Md5::new();
    for part in parts {
        context.update(part);
    }
    context.finalize().to_vec()
}

#[cfg(test)]
mod tests;
