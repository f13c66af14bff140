//! The algorithms of signatures.

use ::hmac::{Hmac, KeyInit as _, Mac as _};
use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sm3::{Digest as _, Sm3};

/// How a signature is made from the string to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// V1, `SignatureMethod=HMAC-SHA1`.
    HmacSha1,
    /// V1, `SignatureMethod=HMAC-SHA256`.
    HmacSha256,
    /// V3, `ACS3-HMAC-SHA256`.
    Acs3HmacSha256,
    /// V3, `ACS3-HMAC-SM3`: hash and HMAC are SM3.
    Acs3HmacSm3,
}

impl Algorithm {
    /// The name in the string to sign of V3, and for V1 that of the signature method.
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha1 => "HMAC-SHA1",
            Self::HmacSha256 => "HMAC-SHA256",
            Self::Acs3HmacSha256 => "ACS3-HMAC-SHA256",
            Self::Acs3HmacSm3 => "ACS3-HMAC-SM3",
        }
    }

    /// The hash of V3, in hexadecimal digits.
    pub(super) fn hash(self, bytes: &[u8]) -> String {
        match self {
            Self::Acs3HmacSm3 => hex(&Sm3::digest(bytes)),
            Self::HmacSha1 | Self::HmacSha256 | Self::Acs3HmacSha256 => {
                hex(digest::digest(&digest::SHA256, bytes).as_ref())
            }
        }
    }

    /// The signature as it is sent: Base64 in V1, hexadecimal digits in V3.
    pub(super) fn sign(self, secret: &str, string_to_sign: &str) -> String {
        // V1's key is the secret and an ampersand.
        let v1 = |algorithm| STANDARD.encode(mac(algorithm, &format!("{secret}&"), string_to_sign));
        match self {
            Self::HmacSha1 => v1(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            Self::HmacSha256 => v1(hmac::HMAC_SHA256),
            Self::Acs3HmacSha256 => hex(mac(hmac::HMAC_SHA256, secret, string_to_sign).as_ref()),
            Self::Acs3HmacSm3 => hex(&mac_sm3(secret, string_to_sign)),
        }
    }
}

fn mac(algorithm: hmac::Algorithm, key: &str, text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(algorithm, key.as_bytes()), text.as_bytes())
}

fn mac_sm3(key: &str, text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sm3>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Bytes as hexadecimal digits, the small ones.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]].map(char::from);
    bytes.iter().flat_map(digits).collect()
}

/// Whether two texts are equal, in a time that tells nothing but their lengths.
pub(super) fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}
