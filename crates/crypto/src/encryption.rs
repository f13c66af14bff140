//! The encryption algorithms that can be negotiated, and their lengths.

/// An encryption algorithm of IKE or ESP (IKEv2 transform type 1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Encryption {
    /// DES in CBC mode (RFC 2405). Broken; for peers that have nothing else.
    DesCbc,
    /// 3DES in CBC mode with three keys (RFC 2451).
    TripleDesCbc,
    /// AES in CBC mode with a key of 128 bits (RFC 3602).
    Aes128Cbc,
    /// AES in CBC mode with a key of 192 bits (RFC 3602).
    Aes192Cbc,
    /// AES in CBC mode with a key of 256 bits (RFC 3602).
    Aes256Cbc,
    /// AES-GCM with a key of 128 bits and a 16-byte ICV (RFC 4106, RFC 5282).
    Aes128Gcm16,
    /// AES-GCM with a key of 192 bits and a 16-byte ICV (RFC 4106, RFC 5282).
    Aes192Gcm16,
    /// AES-GCM with a key of 256 bits and a 16-byte ICV (RFC 4106, RFC 5282).
    Aes256Gcm16,
}

impl Encryption {
    /// Every algorithm, the weakest first.
    pub const ALL: [Self; 8] = [
        Self::DesCbc,
        Self::TripleDesCbc,
        Self::Aes128Cbc,
        Self::Aes192Cbc,
        Self::Aes256Cbc,
        Self::Aes128Gcm16,
        Self::Aes192Gcm16,
        Self::Aes256Gcm16,
    ];

    /// Bytes of key, the salt of AES-GCM not counted.
    pub const fn key_len(self) -> usize {
        match self {
            Self::DesCbc => 8,
            Self::Aes128Cbc | Self::Aes128Gcm16 => 16,
            Self::TripleDesCbc | Self::Aes192Cbc | Self::Aes192Gcm16 => 24,
            Self::Aes256Cbc | Self::Aes256Gcm16 => 32,
        }
    }

    /// Bytes of salt that follow the key in the key material (RFC 4106 section 8.1): 4 for AES-GCM, else 0.
    pub const fn salt_len(self) -> usize {
        if self.is_aead() { 4 } else { 0 }
    }

    /// Bytes of key material that one direction takes: key and salt.
    pub const fn key_material_len(self) -> usize {
        self.key_len() + self.salt_len()
    }

    /// Bytes of IV that a packet carries.
    pub const fn iv_len(self) -> usize {
        match self {
            Self::Aes128Cbc | Self::Aes192Cbc | Self::Aes256Cbc => 16,
            _ => 8,
        }
    }

    /// The plaintext must be a multiple of this many bytes. For AES-GCM that is 1; ESP and IKE still
    /// align to what they need themselves (ESP to 4).
    pub const fn block_len(self) -> usize {
        match self {
            Self::DesCbc | Self::TripleDesCbc => 8,
            Self::Aes128Cbc | Self::Aes192Cbc | Self::Aes256Cbc => 16,
            Self::Aes128Gcm16 | Self::Aes192Gcm16 | Self::Aes256Gcm16 => 1,
        }
    }

    /// Bytes of ICV that the algorithm makes itself: 16 for AES-GCM, else 0.
    pub const fn icv_len(self) -> usize {
        if self.is_aead() { 16 } else { 0 }
    }

    /// Whether it authenticates as well, so that no [`Integrity`](crate::Integrity) goes with it.
    pub const fn is_aead(self) -> bool {
        matches!(self, Self::Aes128Gcm16 | Self::Aes192Gcm16 | Self::Aes256Gcm16)
    }

    /// Whether RFC 8221 says MUST NOT or SHOULD NOT: DES and 3DES.
    pub const fn is_weak(self) -> bool {
        matches!(self, Self::DesCbc | Self::TripleDesCbc)
    }

    /// The transform id in an IKEv2 proposal (IANA, "Transform Type 1"). ESP of IKEv1 uses the same
    /// numbers for its transforms.
    pub const fn ike_transform_id(self) -> u16 {
        match self {
            Self::DesCbc => 2,
            Self::TripleDesCbc => 3,
            Self::Aes128Cbc | Self::Aes192Cbc | Self::Aes256Cbc => 12,
            Self::Aes128Gcm16 | Self::Aes192Gcm16 | Self::Aes256Gcm16 => 20,
        }
    }

    /// The Key Length attribute in bits, for the algorithms that must carry one (RFC 7296 section 3.3.5).
    pub const fn key_bits(self) -> Option<u16> {
        match self {
            Self::DesCbc | Self::TripleDesCbc => None,
            Self::Aes128Cbc | Self::Aes128Gcm16 => Some(128),
            Self::Aes192Cbc | Self::Aes192Gcm16 => Some(192),
            Self::Aes256Cbc | Self::Aes256Gcm16 => Some(256),
        }
    }

    /// The algorithm of a transform id and a Key Length attribute; `None` when we do not have it or
    /// when the attribute is missing where it must be, or there where it must not be.
    pub fn from_ike(transform_id: u16, key_bits: Option<u16>) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|known| known.ike_transform_id() == transform_id && known.key_bits() == key_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::Encryption;

    #[test]
    fn every_algorithm_is_found_by_its_id_and_key_length_and_nothing_else_finds_one() {
        let lengths = (0..=512).map(Some).chain([None]);
        let mut found = Vec::new();
        for bits in lengths {
            found.extend((0..=64).filter_map(|id| Encryption::from_ike(id, bits).map(|it| (id, bits, it))));
        }
        found.sort();
        assert_eq!(
            found,
            [
                (2, None, Encryption::DesCbc),
                (3, None, Encryption::TripleDesCbc),
                (12, Some(128), Encryption::Aes128Cbc),
                (12, Some(192), Encryption::Aes192Cbc),
                (12, Some(256), Encryption::Aes256Cbc),
                (20, Some(128), Encryption::Aes128Gcm16),
                (20, Some(192), Encryption::Aes192Gcm16),
                (20, Some(256), Encryption::Aes256Gcm16),
            ]
        );
    }

    #[test]
    fn the_key_is_as_long_as_its_attribute_says() {
        for encryption in Encryption::ALL {
            if let Some(bits) = encryption.key_bits() {
                assert_eq!(usize::from(bits), 8 * encryption.key_len());
            }
        }
    }
}
