//! The Diffie-Hellman groups that can be negotiated.

/// A Diffie-Hellman group of IKE (IKEv2 transform type 4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DhGroup {
    /// Group 1, the 768-bit MODP group (RFC 2409 section 6.1). Broken; for peers that have nothing else.
    Modp768,
    /// Group 2, the 1024-bit MODP group (RFC 2409 section 6.2).
    Modp1024,
    /// Group 5, the 1536-bit MODP group (RFC 3526 section 2).
    Modp1536,
    /// Group 14, the 2048-bit MODP group (RFC 3526 section 3).
    Modp2048,
    /// Group 31, Curve25519 (RFC 8031).
    Curve25519,
    /// Group 19, the 256-bit random ECP group, P-256 (RFC 5903).
    Ecp256,
}

impl DhGroup {
    /// Every group, the MODP groups by size and then the curves.
    pub const ALL: [Self; 6] =
        [Self::Modp768, Self::Modp1024, Self::Modp1536, Self::Modp2048, Self::Curve25519, Self::Ecp256];

    /// Bytes of a public value in a Key Exchange payload.
    pub const fn public_len(self) -> usize {
        match self {
            Self::Modp768 => 96,
            Self::Modp1024 => 128,
            Self::Modp1536 => 192,
            Self::Modp2048 => 256,
            Self::Curve25519 => 32,
            Self::Ecp256 => 64,
        }
    }

    /// Bytes of the shared secret: that of an ECP group is the x coordinate alone (RFC 5903 section 7).
    pub const fn secret_len(self) -> usize {
        match self {
            Self::Ecp256 => 32,
            _ => self.public_len(),
        }
    }

    /// Whether RFC 8247 says MUST NOT or SHOULD NOT: groups 1, 2 and 5.
    pub const fn is_weak(self) -> bool {
        matches!(self, Self::Modp768 | Self::Modp1024 | Self::Modp1536)
    }

    /// The transform id in an IKEv2 proposal (IANA, "Transform Type 4"), and the group's number in IKEv1.
    pub const fn ike_transform_id(self) -> u16 {
        match self {
            Self::Modp768 => 1,
            Self::Modp1024 => 2,
            Self::Modp1536 => 5,
            Self::Modp2048 => 14,
            Self::Ecp256 => 19,
            Self::Curve25519 => 31,
        }
    }

    /// The group of a transform id, `None` when we do not have it.
    pub fn from_ike(transform_id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.ike_transform_id() == transform_id)
    }
}
