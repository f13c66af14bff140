//! Encryption with integrity of one direction, as ESP packets and IKEv2's SK payload need it.

use std::fmt;
use std::ops::Range;

use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};

use crate::cbc::CbcCipher;
use crate::encryption::Encryption;
use crate::gcm::{GcmKey, GcmLibrary};
use crate::hash::Hash;
use crate::integrity::Integrity;
use crate::mac::{Mac, Tag};
use crate::secret::constant_time_eq;

/// Keys that do not fit the algorithms they came with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WrongKeyLength {
    /// The encryption key (with its salt) has the wrong length.
    #[error("{encryption:?} takes {} bytes of key material, not {len}", encryption.key_material_len())]
    Encryption {
        /// The algorithm.
        encryption: Encryption,
        /// The length that came.
        len: usize,
    },
    /// The integrity key has the wrong length.
    #[error("{integrity:?} takes a key of {} bytes, not {len}", integrity.key_len())]
    Integrity {
        /// The algorithm.
        integrity: Integrity,
        /// The length that came.
        len: usize,
    },
    /// An encryption that does not authenticate came without an integrity algorithm.
    #[error("{encryption:?} does not authenticate and needs an integrity algorithm beside it")]
    IntegrityMissing {
        /// The algorithm.
        encryption: Encryption,
    },
    /// An encryption that authenticates came with an integrity algorithm or key as well.
    #[error("{encryption:?} authenticates by itself and takes no integrity algorithm beside it")]
    IntegritySurplus {
        /// The algorithm.
        encryption: Encryption,
    },
    /// A bare CBC cipher was asked for, of an algorithm that is none.
    #[error("{encryption:?} is not a CBC mode")]
    NotCbc {
        /// The algorithm.
        encryption: Encryption,
    },
}

/// A packet whose ICV is wrong, or that is too short or too ragged to have one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the packet is not authentic")]
pub struct NotAuthentic;

/// Encryption with integrity of one direction, as both ESP and the IKEv2 SK payload need it.
///
/// A packet is `prefix | iv | plaintext or ciphertext | icv`. The prefix travels in the clear and is
/// authenticated: SPI and sequence number of ESP, or the IKE header with all up to the SK payload's IV.
///
/// Shared by reference between threads: sealing and opening change nothing in it, take no lock and
/// allocate nothing.
pub struct Protection {
    encryption: Encryption,
    iv_len: usize,
    block_len: usize,
    icv_len: usize,
    cipher: Cipher,
}

enum Cipher {
    Gcm(GcmKey),
    Cbc(Box<CbcWithMac>),
}

struct CbcWithMac {
    cipher: CbcCipher,
    iv: IvSource,
    mac: Mac,
}

impl Protection {
    /// Keys one direction. `encryption_key` is the key and then the salt, as they come out of the key
    /// material. For AES-GCM `integrity` is `None` and `integrity_key` empty.
    ///
    /// # Errors
    ///
    /// When a key has not the length of its algorithm, or integrity is missing or too much.
    pub fn new(
        encryption: Encryption,
        integrity: Option<Integrity>,
        encryption_key: &[u8],
        integrity_key: &[u8],
    ) -> Result<Self, WrongKeyLength> {
        Self::new_by(GcmLibrary::of_this_processor(), encryption, integrity, encryption_key, integrity_key)
    }

    /// The same, and what is AES-GCM is this library's: to compare them.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_by(
        library: GcmLibrary,
        encryption: Encryption,
        integrity: Option<Integrity>,
        encryption_key: &[u8],
        integrity_key: &[u8],
    ) -> Result<Self, WrongKeyLength> {
        let (cipher, icv_len) = if encryption.is_aead() {
            if integrity.is_some() || !integrity_key.is_empty() {
                return Err(WrongKeyLength::IntegritySurplus { encryption });
            }
            (gcm(library, encryption, encryption_key)?, encryption.icv_len())
        } else {
            let integrity = integrity.ok_or(WrongKeyLength::IntegrityMissing { encryption })?;
            (cbc_with_mac(encryption, integrity, encryption_key, integrity_key)?, integrity.icv_len())
        };
        Ok(Self {
            encryption,
            iv_len: encryption.iv_len(),
            block_len: encryption.block_len(),
            icv_len,
            cipher,
        })
    }

    /// The encryption algorithm.
    pub fn encryption(&self) -> Encryption {
        self.encryption
    }

    /// Bytes of IV in a packet.
    pub fn iv_len(&self) -> usize {
        self.iv_len
    }

    /// The plaintext must be a multiple of this many bytes; 1 for AES-GCM.
    pub fn block_len(&self) -> usize {
        self.block_len
    }

    /// Bytes of ICV in a packet.
    pub fn icv_len(&self) -> usize {
        self.icv_len
    }

    /// Encrypts and authenticates in place. `packet` is `prefix | room for the IV | plaintext | room for
    /// the ICV`, the plaintext padded to whole blocks.
    ///
    /// `sequence` makes the IV and **must never repeat under the same keys**: a repeated one gives away
    /// the authentication key of AES-GCM. ESP passes its sequence number. IKE must count what it seals
    /// with a key: its message ids repeat, because requests and responses of one peer share a key.
    ///
    /// `extra` is the high half of an extended sequence number that is authenticated and not sent
    /// (RFC 4303 section 2.2.1); the prefix is then the ESP header.
    ///
    /// # Panics
    ///
    /// If the packet has no such layout, which is a mistake of the caller and never of a peer.
    pub fn seal(&self, prefix_len: usize, packet: &mut [u8], sequence: u64, extra: Option<u32>) {
        let parts = self
            .split(prefix_len, packet, extra.is_some())
            .expect("the caller laid the packet out as the documentation says");
        match &self.cipher {
            Cipher::Gcm(key) => {
                parts.iv.copy_from_slice(&sequence.to_be_bytes());
                let aad = AdditionalData::new(parts.prefix, extra);
                key.seal(parts.iv, aad.as_bytes(), parts.body, parts.icv);
            }
            Cipher::Cbc(keys) => {
                keys.iv.write(sequence, parts.iv);
                keys.cipher.encrypt(parts.iv, parts.body).expect("split checked that these are whole blocks");
                let (authenticated, icv) = packet.split_at_mut(packet.len() - self.icv_len);
                icv.copy_from_slice(&sign(&keys.mac, authenticated, extra).as_bytes()[..self.icv_len]);
            }
        }
    }

    /// Checks (in constant time) and decrypts in place, and says where in `packet` the plaintext is.
    /// `extra` as in [`seal`](Self::seal).
    ///
    /// # Errors
    ///
    /// When the packet is not authentic, which includes every malformed one. What the packet then
    /// holds is undefined.
    pub fn open(
        &self,
        prefix_len: usize,
        packet: &mut [u8],
        extra: Option<u32>,
    ) -> Result<Range<usize>, NotAuthentic> {
        if let Cipher::Cbc(keys) = &self.cipher {
            let end = packet.len().checked_sub(self.icv_len).ok_or(NotAuthentic)?;
            let (authenticated, icv) = packet.split_at(end);
            if !constant_time_eq(&sign(&keys.mac, authenticated, extra).as_bytes()[..self.icv_len], icv) {
                return Err(NotAuthentic);
            }
        }
        let parts = self.split(prefix_len, packet, extra.is_some()).ok_or(NotAuthentic)?;
        let start = prefix_len + self.iv_len;
        let plaintext = start..start + parts.body.len();
        match &self.cipher {
            Cipher::Gcm(key) => {
                let aad = AdditionalData::new(parts.prefix, extra);
                key.open(parts.iv, aad.as_bytes(), parts.body, parts.icv)?;
            }
            Cipher::Cbc(keys) => {
                keys.cipher.decrypt(parts.iv, parts.body).map_err(|_| NotAuthentic)?;
            }
        }
        Ok(plaintext)
    }

    /// The parts of a packet, or `None` when it is too short, the body is not whole blocks, or an
    /// extended sequence number goes with a prefix that is no ESP header.
    fn split<'a>(&self, prefix_len: usize, packet: &'a mut [u8], extended: bool) -> Option<Parts<'a>> {
        let (prefix, rest) = packet.split_at_mut_checked(prefix_len)?;
        let (iv, rest) = rest.split_at_mut_checked(self.iv_len)?;
        let (body, icv) = rest.split_at_mut_checked(rest.len().checked_sub(self.icv_len)?)?;
        let fits = body.len().is_multiple_of(self.block_len) && (!extended || prefix.len() == ESP_HEADER_LEN);
        fits.then_some(Parts { prefix, iv, body, icv })
    }
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protection").field("encryption", &self.encryption).finish_non_exhaustive()
    }
}

/// SPI and sequence number (RFC 4303 section 2).
const ESP_HEADER_LEN: usize = 8;

struct Parts<'a> {
    prefix: &'a [u8],
    iv: &'a mut [u8],
    body: &'a mut [u8],
    icv: &'a mut [u8],
}

/// What AES-GCM authenticates beside the ciphertext: the prefix, into which an extended sequence
/// number's high half goes between SPI and low half (RFC 4106 section 5).
enum AdditionalData<'a> {
    Prefix(&'a [u8]),
    Extended([u8; ESP_HEADER_LEN + 4]),
}

impl<'a> AdditionalData<'a> {
    fn new(prefix: &'a [u8], extra: Option<u32>) -> Self {
        let Some(high) = extra else {
            return Self::Prefix(prefix);
        };
        let mut extended = [0; ESP_HEADER_LEN + 4];
        extended[..4].copy_from_slice(&prefix[..4]);
        extended[4..8].copy_from_slice(&high.to_be_bytes());
        extended[8..].copy_from_slice(&prefix[4..]);
        Self::Extended(extended)
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Prefix(prefix) => prefix,
            Self::Extended(extended) => extended,
        }
    }
}

/// Makes the IVs of CBC: the sequence number, encrypted under a key that is used for nothing else. So
/// they are unpredictable, as CBC needs them (RFC 3602 section 3), without randomness per packet.
struct IvSource(EncryptingKey);

impl IvSource {
    fn new(encryption_key: &[u8]) -> Self {
        let key = Mac::new(Hash::Sha256, encryption_key).sign(&[b"causeway: the IVs of CBC"]);
        let key = UnboundCipherKey::new(&AES_128, &key.as_bytes()[..16]).and_then(EncryptingKey::ecb);
        Self(key.expect("AES-128 takes any 16 bytes"))
    }

    /// `iv` is 8 or 16 bytes long.
    fn write(&self, sequence: u64, iv: &mut [u8]) {
        let mut block = [0; 16];
        block[8..].copy_from_slice(&sequence.to_be_bytes());
        self.0.less_safe_encrypt(&mut block, EncryptionContext::None).expect("ECB takes one whole block");
        iv.copy_from_slice(&block[..iv.len()]);
    }
}

fn gcm(library: GcmLibrary, encryption: Encryption, key_and_salt: &[u8]) -> Result<Cipher, WrongKeyLength> {
    let wrong = || WrongKeyLength::Encryption { encryption, len: key_and_salt.len() };
    let (key, salt) = key_and_salt.split_at_checked(encryption.key_len()).ok_or_else(wrong)?;
    let salt = salt.try_into().map_err(|_| wrong())?;
    GcmKey::new(library, key, salt).map(Cipher::Gcm).ok_or_else(wrong)
}

fn cbc_with_mac(
    encryption: Encryption,
    integrity: Integrity,
    encryption_key: &[u8],
    integrity_key: &[u8],
) -> Result<Cipher, WrongKeyLength> {
    if integrity_key.len() != integrity.key_len() {
        return Err(WrongKeyLength::Integrity { integrity, len: integrity_key.len() });
    }
    Ok(Cipher::Cbc(Box::new(CbcWithMac {
        cipher: CbcCipher::new(encryption, encryption_key)?,
        iv: IvSource::new(encryption_key),
        mac: Mac::new(integrity.hash(), integrity_key),
    })))
}

/// The HMAC of the packet up to its ICV and of an extended sequence number's high half (RFC 4303 section 2.2.1).
fn sign(mac: &Mac, authenticated: &[u8], extra: Option<u32>) -> Tag {
    match extra {
        None => mac.sign(&[authenticated]),
        Some(high) => mac.sign(&[authenticated, &high.to_be_bytes()]),
    }
}

#[cfg(test)]
mod tests;
