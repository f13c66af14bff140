//! The integrity algorithms that can be negotiated, and their lengths.

use crate::hash::Hash;

/// An integrity algorithm of IKE or ESP (IKEv2 transform type 3): an HMAC of which the first bytes are sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Integrity {
    /// HMAC-MD5, the first 96 bits (RFC 2403).
    HmacMd5_96,
    /// HMAC-SHA-1, the first 96 bits (RFC 2404).
    HmacSha1_96,
    /// HMAC-SHA-256, the first 128 bits (RFC 4868).
    HmacSha256_128,
    /// HMAC-SHA-384, the first 192 bits (RFC 4868).
    HmacSha384_192,
    /// HMAC-SHA-512, the first 256 bits (RFC 4868).
    HmacSha512_256,
}

impl Integrity {
    /// Every algorithm, the weakest first.
    pub const ALL: [Self; 5] = [
        Self::HmacMd5_96,
        Self::HmacSha1_96,
        Self::HmacSha256_128,
        Self::HmacSha384_192,
        Self::HmacSha512_256,
    ];

    /// Bytes of key: as many as the hash puts out.
    pub const fn key_len(self) -> usize {
        self.hash().output_len()
    }

    /// Bytes of ICV that a packet carries.
    pub const fn icv_len(self) -> usize {
        match self {
            Self::HmacMd5_96 | Self::HmacSha1_96 => 12,
            Self::HmacSha256_128 => 16,
            Self::HmacSha384_192 => 24,
            Self::HmacSha512_256 => 32,
        }
    }

    /// The hash underneath.
    pub const fn hash(self) -> Hash {
        match self {
            Self::HmacMd5_96 => Hash::Md5,
            Self::HmacSha1_96 => Hash::Sha1,
            Self::HmacSha256_128 => Hash::Sha256,
            Self::HmacSha384_192 => Hash::Sha384,
            Self::HmacSha512_256 => Hash::Sha512,
        }
    }

    /// Whether RFC 8221 says MUST NOT: HMAC-MD5.
    pub const fn is_weak(self) -> bool {
        matches!(self, Self::HmacMd5_96)
    }

    /// The transform id in an IKEv2 proposal (IANA, "Transform Type 3").
    pub const fn ike_transform_id(self) -> u16 {
        match self {
            Self::HmacMd5_96 => 1,
            Self::HmacSha1_96 => 2,
            Self::HmacSha256_128 => 12,
            Self::HmacSha384_192 => 13,
            Self::HmacSha512_256 => 14,
        }
    }

    /// The algorithm of a transform id, `None` when we do not have it.
    pub fn from_ike(transform_id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.ike_transform_id() == transform_id)
    }
}

#[cfg(test)]
mod tests {
    use super::Integrity;

    #[test]
    fn every_algorithm_is_found_by_its_id_and_nothing_else_finds_one() {
        let found: Vec<_> =
            (0..=u16::MAX).filter_map(|id| Integrity::from_ike(id).map(|known| (id, known))).collect();
        assert_eq!(
            found,
            [
                (1, Integrity::HmacMd5_96),
                (2, Integrity::HmacSha1_96),
                (12, Integrity::HmacSha256_128),
                (13, Integrity::HmacSha384_192),
                (14, Integrity::HmacSha512_256),
            ]
        );
    }

    #[test]
    fn the_icv_has_as_many_bits_as_the_name_says() {
        for integrity in Integrity::ALL {
            let name = format!("{integrity:?}");
            assert!(name.ends_with(&format!("_{}", 8 * integrity.icv_len())), "{name}");
        }
    }
}
