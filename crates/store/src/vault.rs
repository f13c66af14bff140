//! Encryption of secrets at rest: AES-256-GCM with a key from a file that only the server's user may read.
//!
//! A secret is sealed for its place, and cannot be opened anywhere else: whoever can write the database
//! cannot move a sealed pre-shared key to a connection of their own.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use crate::private_file::{PrivateFileError, check_private, create_private_file};
use crate::{SqliteStore, StoreError};

const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
/// Where the store keeps a sealed text that only the right key opens.
const CHECK: &str = "vault_check";

/// Why a secret cannot be opened, or none can.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key is lost, and there are secrets that need it.
    #[error(
        "the key file {} is missing, and the secrets in the database cannot be read without it; \
         restore it from the backup",
        path.display()
    )]
    KeyFileMissing {
        /// Where it should be.
        path: PathBuf,
    },

    /// The key is another one.
    #[error(
        "the key file {} is not the one that the secrets in the database were encrypted with; \
         restore the right one from the backup",
        path.display()
    )]
    WrongKey {
        /// The file.
        path: PathBuf,
    },

    /// The key file cannot be understood.
    #[error("the key file {} is damaged: {reason}; restore it from the backup", path.display())]
    KeyFileMalformed {
        /// The file.
        path: PathBuf,
        /// What is wrong. Never its contents.
        reason: &'static str,
    },

    /// The key file is not private, or cannot be read or written.
    #[error(transparent)]
    KeyFile(#[from] PrivateFileError),

    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),

    /// The text does not look like a sealed secret.
    #[error("the secret of {place} is not in the form v1:<base64>")]
    NotSealed {
        /// Where it was found.
        place: String,
    },

    /// It was sealed with a key that is not in the key file.
    #[error("the secret of {place} was encrypted with key v{key}, which is not in the key file")]
    UnknownKey {
        /// Where it was found.
        place: String,
        /// The number of the key.
        key: u32,
    },

    /// It does not open.
    #[error("the secret of {place} cannot be opened: it was changed, or moved there from another place")]
    NotAuthentic {
        /// Where it was found.
        place: String,
    },

    /// The system has no randomness.
    #[error("the system's random number generator failed")]
    NoRandomness,
}

/// Seals and opens secrets.
///
/// The sealed form is `v1:<base64 of nonce, ciphertext and tag>`, where `v1` names the key. A key file may hold
/// several keys; the one with the highest number seals, and all of them open, so that keys can be changed one secret
/// at a time. Nonces are random, which is safe for far more secrets (2^32 per key) than a gateway ever has.
pub struct Vault {
    keys: BTreeMap<u32, RandomizedNonceKey>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vault").field("keys", &self.keys.keys()).finish()
    }
}

impl SqliteStore {
    /// Reads the data folder's key file. It is made when nothing was sealed yet.
    pub fn unlock_vault(&self) -> Result<Vault, VaultError> {
        let path = self.folder().key_file();
        let check = self.meta(CHECK)?;
        if check.is_none() {
            let text = new_key_file()?;
            create_private_file(&path, text.as_bytes())?;
        }
        let vault = Vault::from_key_file(&path)?;
        match check {
            Some(check) => match vault.open(&check, CHECK) {
                Ok(_text) => {}
                Err(_unopened) => return Err(VaultError::WrongKey { path }),
            },
            None => self.put_meta(CHECK, &vault.seal(b"the right key opens this", CHECK))?,
        }
        Ok(vault)
    }
}

impl Vault {
    /// A vault whose key is nowhere else, for a [`crate::MemoryStore`] and for tests.
    pub fn ephemeral() -> Result<Self, VaultError> {
        Ok(Self { keys: BTreeMap::from([(1, cipher(&*random_key()?))]) })
    }

    /// Encrypts a secret for the place that `aad` names.
    pub fn seal(&self, plain: &[u8], aad: &str) -> String {
        let (number, key) = self.keys.last_key_value().expect("a vault is only ever made with a key");
        // Room for the tag, so that the plaintext is not moved and left behind.
        let mut text = Vec::with_capacity(plain.len() + TAG_BYTES);
        text.extend_from_slice(plain);
        let nonce = key
            .seal_in_place_append_tag(Aad::from(aad), &mut text)
            .expect("AES-GCM seals anything that fits in memory, and the random generator is seeded at boot");
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        format!("v{number}:{}", BASE64.encode(sealed))
    }

    /// Decrypts a secret that was sealed for this place.
    pub fn open(&self, sealed: &str, aad: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let not_sealed = || VaultError::NotSealed { place: aad.to_owned() };
        let (number, encoded) =
            sealed.strip_prefix('v').and_then(|rest| rest.split_once(':')).ok_or_else(not_sealed)?;
        let number = parse_number(number).ok_or_else(not_sealed)?;
        let mut bytes = BASE64.decode(encoded).map_err(|_malformed| not_sealed())?;
        if bytes.len() < NONCE_LEN + TAG_BYTES {
            return Err(not_sealed());
        }
        let key =
            self.keys.get(&number).ok_or(VaultError::UnknownKey { place: aad.to_owned(), key: number })?;
        let (nonce, text) = bytes.split_at_mut(NONCE_LEN);
        let plain = Nonce::try_assume_unique_for_key(nonce)
            .and_then(|nonce| key.open_in_place(nonce, Aad::from(aad), text))
            .map(|plain| Zeroizing::new(plain.to_vec()))
            .map_err(|_unspecified| VaultError::NotAuthentic { place: aad.to_owned() });
        zeroize::Zeroize::zeroize(&mut bytes);
        plain
    }

    fn from_key_file(path: &Path) -> Result<Self, VaultError> {
        check_private(path)?;
        let text = match std::fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(VaultError::KeyFileMissing { path: path.to_owned() });
            }
            Err(source) => {
                return Err(PrivateFileError::Io { doing: "read", path: path.to_owned(), source }.into());
            }
        };
        let malformed = |reason| VaultError::KeyFileMalformed { path: path.to_owned(), reason };
        let mut keys = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (number, key) = parse_key(line).map_err(malformed)?;
            if keys.insert(number, cipher(&key)).is_some() {
                return Err(malformed("it has two keys of the same number"));
            }
        }
        if keys.is_empty() {
            return Err(malformed("it has no key"));
        }
        Ok(Self { keys })
    }
}

/// A line `v1 <base64 of 32 bytes>`.
fn parse_key(line: &str) -> Result<(u32, Zeroizing<[u8; KEY_BYTES]>), &'static str> {
    const FORM: &str = "a line is not of the form `v1 <base64 of 32 bytes>`";
    let (number, encoded) = line.strip_prefix('v').and_then(|rest| rest.split_once(' ')).ok_or(FORM)?;
    let number = parse_number(number).ok_or(FORM)?;
    let bytes = BASE64.decode(encoded).map(Zeroizing::new).map_err(|_malformed| FORM)?;
    let key = bytes.as_slice().try_into().map_err(|_length| FORM)?;
    Ok((number, Zeroizing::new(key)))
}

/// A key's number: decimal, from 1, without sign and leading zeros, so that each key has one name.
fn parse_number(text: &str) -> Option<u32> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if canonical { text.parse().ok() } else { None }
}

fn new_key_file() -> Result<Zeroizing<String>, VaultError> {
    let encoded = Zeroizing::new(BASE64.encode(*random_key()?));
    Ok(Zeroizing::new(format!(
        "# Encrypts the secrets in causeway.db. Keep a copy of this file, apart from the copies of the database:\n\
         # without it those secrets are lost, with it they can be read.\n\
         v1 {}\n",
        *encoded
    )))
}

fn random_key() -> Result<Zeroizing<[u8; KEY_BYTES]>, VaultError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    aws_lc_rs::rand::fill(key.as_mut()).map_err(|_unspecified| VaultError::NoRandomness)?;
    Ok(key)
}

fn cipher(key: &[u8; KEY_BYTES]) -> RandomizedNonceKey {
    RandomizedNonceKey::new(&AES_256_GCM, key).expect("an AES-256 key has 32 bytes")
}

#[cfg(test)]
mod tests;
