//! Block ciphers in CBC mode, in place.

use std::fmt;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use cbc::cipher::{
    Array, Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit,
    InvalidLength, KeyInit,
};
use des::{Des, TdesEde3};

use crate::encryption::Encryption;
use crate::protection::WrongKeyLength;

/// The data is not a whole number of blocks, or the IV is not one block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("CBC takes an IV of one block and data of whole blocks")]
pub struct NotWholeBlocks;

/// A block cipher in CBC mode that authenticates nothing: what IKEv1 encrypts its messages with
/// (RFC 2409 appendix B). ESP and IKEv2 use [`Protection`](crate::Protection).
pub struct CbcCipher {
    encryption: Encryption,
    cipher: Cipher,
}

enum Cipher {
    Des(Box<Des>),
    TripleDes(Box<TdesEde3>),
    Aes(Box<AesKeys>),
}

struct AesKeys {
    encrypting: EncryptingKey,
    decrypting: DecryptingKey,
}

impl CbcCipher {
    /// A cipher with its key.
    ///
    /// # Errors
    ///
    /// When the key has another length than [`Encryption::key_len`], or `encryption` is not a CBC mode.
    pub fn new(encryption: Encryption, key: &[u8]) -> Result<Self, WrongKeyLength> {
        let wrong = |_| WrongKeyLength::Encryption { encryption, len: key.len() };
        let cipher = match encryption {
            Encryption::DesCbc => Cipher::Des(Box::new(Des::new_from_slice(key).map_err(wrong)?)),
            Encryption::TripleDesCbc => {
                Cipher::TripleDes(Box::new(TdesEde3::new_from_slice(key).map_err(wrong)?))
            }
            Encryption::Aes128Cbc | Encryption::Aes192Cbc | Encryption::Aes256Cbc => {
                aes(encryption, key).ok_or_else(|| wrong(InvalidLength))?
            }
            Encryption::Aes128Gcm16 | Encryption::Aes192Gcm16 | Encryption::Aes256Gcm16 => {
                return Err(WrongKeyLength::NotCbc { encryption });
            }
        };
        Ok(Self { encryption, cipher })
    }

    /// Bytes of a block, and of the IV.
    pub fn block_len(&self) -> usize {
        self.encryption.block_len()
    }

    /// Encrypts whole blocks in place. Allocates nothing.
    ///
    /// # Errors
    ///
    /// When the lengths are not whole blocks; the data is then as it was.
    pub fn encrypt(&self, iv: &[u8], blocks: &mut [u8]) -> Result<(), NotWholeBlocks> {
        match &self.cipher {
            Cipher::Des(des) => encrypt_with(&**des, iv, blocks),
            Cipher::TripleDes(des) => encrypt_with(&**des, iv, blocks),
            Cipher::Aes(keys) => {
                let iv: [u8; 16] = iv.try_into().map_err(|_| NotWholeBlocks)?;
                let context = EncryptionContext::Iv128(FixedLength::from(iv));
                keys.encrypting.less_safe_encrypt(blocks, context).map(drop).map_err(|_| NotWholeBlocks)
            }
        }
    }

    /// Decrypts whole blocks in place. Allocates nothing.
    ///
    /// # Errors
    ///
    /// When the lengths are not whole blocks; the data is then as it was.
    pub fn decrypt(&self, iv: &[u8], blocks: &mut [u8]) -> Result<(), NotWholeBlocks> {
        match &self.cipher {
            Cipher::Des(des) => decrypt_with(&**des, iv, blocks),
            Cipher::TripleDes(des) => decrypt_with(&**des, iv, blocks),
            Cipher::Aes(keys) => {
                let iv: [u8; 16] = iv.try_into().map_err(|_| NotWholeBlocks)?;
                let context = DecryptionContext::Iv128(FixedLength::from(iv));
                keys.decrypting.decrypt(blocks, context).map(drop).map_err(|_| NotWholeBlocks)
            }
        }
    }
}

impl fmt::Debug for CbcCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CbcCipher").field("encryption", &self.encryption).finish_non_exhaustive()
    }
}

fn aes(encryption: Encryption, key: &[u8]) -> Option<Cipher> {
    let algorithm = match encryption.key_len() {
        16 => &AES_128,
        24 => &AES_192,
        _ => &AES_256,
    };
    let key = || UnboundCipherKey::new(algorithm, key);
    Some(Cipher::Aes(Box::new(AesKeys {
        encrypting: EncryptingKey::cbc(key().ok()?).ok()?,
        decrypting: DecryptingKey::cbc(key().ok()?).ok()?,
    })))
}

fn encrypt_with<C: BlockCipherEncrypt>(cipher: &C, iv: &[u8], data: &mut [u8]) -> Result<(), NotWholeBlocks> {
    let (iv, blocks) = whole_blocks::<C>(iv, data)?;
    cbc::Encryptor::inner_iv_init(cipher, iv).encrypt_blocks(blocks);
    Ok(())
}

fn decrypt_with<C: BlockCipherDecrypt>(cipher: &C, iv: &[u8], data: &mut [u8]) -> Result<(), NotWholeBlocks> {
    let (iv, blocks) = whole_blocks::<C>(iv, data)?;
    cbc::Decryptor::inner_iv_init(cipher, iv).decrypt_blocks(blocks);
    Ok(())
}

type Blocks<'a, C> = (&'a Block<C>, &'a mut [Block<C>]);

fn whole_blocks<'a, C: cbc::cipher::BlockSizeUser>(
    iv: &'a [u8],
    data: &'a mut [u8],
) -> Result<Blocks<'a, C>, NotWholeBlocks> {
    let iv = iv.try_into().map_err(|_| NotWholeBlocks)?;
    match Array::slice_as_chunks_mut(data) {
        (blocks, []) => Ok((iv, blocks)),
        _ => Err(NotWholeBlocks),
    }
}

#[cfg(test)]
mod tests;
