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
    use hex_literal::hex;

    use super::Integrity;
    use crate::mac::Mac;

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

    /// RFC 2202 sections 2 and 3, test case 5 with "digest-96"; RFC 4868 section 2.7.2, "AUTH" cases 1 to 3 of each.
    #[test]
    fn icvs_are_truncated_as_rfc_2202_and_rfc_4868_say() {
        const TRUNCATED: &[u8] = b"Test With Truncation";
        let known: [(Integrity, &[Case<'_>]); 5] = [
            (Integrity::HmacMd5_96, &[(&[0x0c; 16], TRUNCATED, &hex!("56461ef2342edc00f9bab995"))]),
            (Integrity::HmacSha1_96, &[(&[0x0c; 20], TRUNCATED, &hex!("4c1a03424b55e07fe7f27be1"))]),
            (
                Integrity::HmacSha256_128,
                &[
                    (&[0x0b; 32], b"Hi There", &hex!("198a607eb44bfbc69903a0f1cf2bbdc5")),
                    (&*b"Jefe".repeat(8), JEFE, &hex!("167f928588c5cc2eef8e3093caa0e87c")),
                    (&[0xaa; 32], &[0xdd; 50], &hex!("cdcb1220d1ecccea91e53aba3092f962")),
                ],
            ),
            (
                Integrity::HmacSha384_192,
                &[
                    (&[0x0b; 48], b"Hi There", &hex!("b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee973")),
                    (&*b"Jefe".repeat(12), JEFE, &hex!("2c7353974f1842fd66d53c452ca42122b28c0b594cfb184d")),
                    (&[0xaa; 48], &[0xdd; 50], &hex!("809f439be00274321d4a538652164b53554a508184a0c316")),
                ],
            ),
            (
                Integrity::HmacSha512_256,
                &[
                    (
                        &[0x0b; 64],
                        b"Hi There",
                        &hex!("637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e910fb8"),
                    ),
                    (
                        &*b"Jefe".repeat(16),
                        JEFE,
                        &hex!("cb370917ae8a7ce28cfd1d8f4705d6141c173b2a9362c15df235dfb251b15454"),
                    ),
                    (
                        &[0xaa; 64],
                        &[0xdd; 50],
                        &hex!("2ee7acd783624ca9398710f3ee05ae41b9f9b0510c87e49e586cc9bf961733d8"),
                    ),
                ],
            ),
        ];
        for (integrity, cases) in known {
            for (key, data, icv) in cases {
                assert_eq!(key.len(), integrity.key_len());
                let whole = Mac::new(integrity.hash(), key).sign(&[data]);
                assert_eq!(whole.as_bytes()[..integrity.icv_len()], **icv, "{integrity:?}");
            }
        }
    }

    /// Key, data and ICV.
    type Case<'a> = (&'a [u8], &'a [u8], &'a [u8]);
    const JEFE: &[u8] = b"what do ya want for nothing?";

    #[test]
    fn the_icv_has_as_many_bits_as_the_name_says() {
        for integrity in Integrity::ALL {
            let name = format!("{integrity:?}");
            assert!(name.ends_with(&format!("_{}", 8 * integrity.icv_len())), "{name}");
        }
    }
}
