//! Diffie-Hellman in every group that can be negotiated.

use std::fmt;

use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey, X25519};
use zeroize::Zeroizing;

use crate::group::DhGroup;
use crate::random::Random;
use crate::secret::Secret;

mod modp;

/// The peer's public value is not one of the group, or one that would give away the secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the peer's Diffie-Hellman public value is not valid in the group")]
pub struct InvalidPublicValue;

/// Our half of a key exchange. It is good for one agreement only.
pub struct KeyExchange {
    group: DhGroup,
    private: Private,
    public: Vec<u8>,
}

enum Private {
    Modp(modp::Exponent),
    Curve(PrivateKey),
}

impl KeyExchange {
    /// Draws a private value and computes the public one.
    pub fn generate(group: DhGroup, random: &mut dyn Random) -> Self {
        let (private, public) = match group {
            DhGroup::Curve25519 => {
                let key = curve25519_key(random);
                let public = public_bytes(&key);
                (Private::Curve(key), public)
            }
            DhGroup::Ecp256 => {
                let key = ecp256_key(random);
                // Without the leading 4 of an uncompressed point (RFC 5903 section 7).
                let public = public_bytes(&key).split_off(1);
                (Private::Curve(key), public)
            }
            DhGroup::Modp768 | DhGroup::Modp1024 | DhGroup::Modp1536 | DhGroup::Modp2048 => {
                let exponent = modp::Exponent::draw(random);
                let public = modp::public_value(group, &exponent);
                (Private::Modp(exponent), public)
            }
        };
        Self { group, private, public }
    }

    /// The group.
    pub fn group(&self) -> DhGroup {
        self.group
    }

    /// Our public value, as a Key Exchange payload carries it.
    pub fn public_value(&self) -> &[u8] {
        &self.public
    }

    /// The shared secret, as the key schedule takes it: as long as [`DhGroup::secret_len`], leading zeros kept.
    ///
    /// # Errors
    ///
    /// When the peer's value has the wrong length, is 0, 1, p-1 or larger (RFC 6989 section 2.1), is not
    /// on the curve (section 2.3), or makes an all-zero X25519 secret (RFC 8031 section 3.2).
    pub fn agree(self, peer: &[u8]) -> Result<Secret, InvalidPublicValue> {
        if peer.len() != self.group.public_len() {
            return Err(InvalidPublicValue);
        }
        match &self.private {
            Private::Modp(exponent) => modp::agree(self.group, exponent, peer).ok_or(InvalidPublicValue),
            Private::Curve(key) if self.group == DhGroup::Ecp256 => {
                let mut point = [4; 65];
                point[1..].copy_from_slice(peer);
                agree_on_curve(key, UnparsedPublicKey::new(&ECDH_P256, &point))
            }
            Private::Curve(key) => agree_on_curve(key, UnparsedPublicKey::new(&X25519, peer)),
        }
    }
}

impl fmt::Debug for KeyExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyExchange").field("group", &self.group).finish_non_exhaustive()
    }
}

fn curve25519_key(random: &mut dyn Random) -> PrivateKey {
    let mut bytes = Zeroizing::new([0; 32]);
    random.fill(bytes.as_mut());
    PrivateKey::from_private_key(&X25519, bytes.as_ref()).expect("any 32 bytes are a private key of X25519")
}

/// Draws until the number is below the order of the curve, which all but one in 2^32 are.
fn ecp256_key(random: &mut dyn Random) -> PrivateKey {
    let mut bytes = Zeroizing::new([0; 32]);
    loop {
        random.fill(bytes.as_mut());
        if let Ok(key) = PrivateKey::from_private_key(&ECDH_P256, bytes.as_ref()) {
            return key;
        }
    }
}

fn public_bytes(key: &PrivateKey) -> Vec<u8> {
    key.compute_public_key().expect("a valid private key has a public key").as_ref().to_vec()
}

fn agree_on_curve<B: AsRef<[u8]>>(
    key: &PrivateKey,
    peer: UnparsedPublicKey<B>,
) -> Result<Secret, InvalidPublicValue> {
    agreement::agree(key, peer, InvalidPublicValue, |secret| Ok(Secret::from(secret)))
}

#[cfg(test)]
mod tests;
