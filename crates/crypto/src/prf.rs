//! The pseudo-random functions that can be negotiated, and prf+ (RFC 7296 section 2.13).

use crate::hash::Hash;
use crate::mac::Mac;
use crate::secret::Secret;

/// A pseudo-random function of IKE (IKEv2 transform type 2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Prf {
    /// HMAC-MD5 (RFC 2104).
    HmacMd5,
    /// HMAC-SHA-1 (RFC 2104).
    HmacSha1,
    /// HMAC-SHA-256 (RFC 4868).
    HmacSha256,
    /// HMAC-SHA-384 (RFC 4868).
    HmacSha384,
    /// HMAC-SHA-512 (RFC 4868).
    HmacSha512,
}

impl Prf {
    /// Every function, the weakest first.
    pub const ALL: [Self; 5] =
        [Self::HmacMd5, Self::HmacSha1, Self::HmacSha256, Self::HmacSha384, Self::HmacSha512];

    /// Bytes of the preferred key (RFC 7296 section 2.13), the same as [`output_len`](Self::output_len).
    pub const fn key_len(self) -> usize {
        self.output_len()
    }

    /// Bytes that one call puts out.
    pub const fn output_len(self) -> usize {
        self.hash().output_len()
    }

    /// The hash underneath, which IKEv1 uses by itself as well.
    pub const fn hash(self) -> Hash {
        match self {
            Self::HmacMd5 => Hash::Md5,
            Self::HmacSha1 => Hash::Sha1,
            Self::HmacSha256 => Hash::Sha256,
            Self::HmacSha384 => Hash::Sha384,
            Self::HmacSha512 => Hash::Sha512,
        }
    }

    /// Whether RFC 8247 says MUST NOT: HMAC-MD5.
    pub const fn is_weak(self) -> bool {
        matches!(self, Self::HmacMd5)
    }

    /// The transform id in an IKEv2 proposal (IANA, "Transform Type 2").
    pub const fn ike_transform_id(self) -> u16 {
        match self {
            Self::HmacMd5 => 1,
            Self::HmacSha1 => 2,
            Self::HmacSha256 => 5,
            Self::HmacSha384 => 6,
            Self::HmacSha512 => 7,
        }
    }

    /// The function of a transform id, `None` when we do not have it.
    pub fn from_ike(transform_id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.ike_transform_id() == transform_id)
    }

    /// prf(key, parts): the parts are taken as one message. The key may have any length.
    pub fn mac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        Mac::new(self.hash(), key).sign(parts).as_bytes().to_vec()
    }

    /// prf+(key, seed): `len` bytes of key material (RFC 7296 section 2.13). The seed's parts are taken as one.
    ///
    /// # Panics
    ///
    /// If `len` is more than 255 outputs, which the RFC rules out; no set of keys is nearly as long.
    pub fn plus(self, key: &[u8], seed: &[&[u8]], len: usize) -> Secret {
        assert!(len <= 255 * self.output_len(), "prf+ makes at most 255 blocks");
        let mac = Mac::new(self.hash(), key);
        let mut stream = Secret::with_capacity(len.next_multiple_of(self.output_len()));
        for counter in 1..=u8::MAX {
            if stream.len() >= len {
                break;
            }
            let previous = stream.len().saturating_sub(self.output_len());
            let mut parts = vec![&stream.as_bytes()[previous..]];
            parts.extend_from_slice(seed);
            let counter = [counter];
            parts.push(&counter);
            let block = mac.sign(&parts);
            stream.extend(block.as_bytes());
        }
        stream.truncate(len);
        stream
    }
}

#[cfg(test)]
mod tests;
