//! Encrypted messages (RFC 2409, appendix B): CBC without an integrity check of its own, each message chained to the one before.
//!
//! A vector is what the next message of an exchange is encrypted with. Decrypting does not move it on; the caller does that when
//! the message has turned out to be authentic.

use causeway_crypto::CbcCipher;

use crate::v1::message::{HASH, Header, Malformed, Payload, parse_chain, write_chain};

/// Encrypts a message and moves the vector on.
pub(crate) fn encrypt(
    cipher: &CbcCipher,
    vector: &mut Vec<u8>,
    header: &Header,
    payloads: &[Payload],
) -> Vec<u8> {
    let (first, mut body) = write_chain(payloads);
    let block_len = cipher.block_len();
    body.resize(body.len().next_multiple_of(block_len), 0);
    cipher.encrypt(vector, &mut body).expect("the vector is one block and the body whole blocks");
    *vector = body[body.len().saturating_sub(block_len)..].to_vec();
    let mut message = header.write(first, body.len());
    message.extend(body);
    message
}

/// Encrypts a message of phase 2: in front comes a hash of what follows.
pub(crate) fn seal(
    cipher: &CbcCipher,
    vector: &mut Vec<u8>,
    header: &Header,
    hash: impl FnOnce(&[u8]) -> Vec<u8>,
    mut payloads: Vec<Payload>,
) -> Vec<u8> {
    let hash = hash(&write_chain(&payloads).1);
    payloads.insert(0, Payload::new(HASH, hash));
    encrypt(cipher, vector, header, &payloads)
}

/// What a message holds that was encrypted with a key which only the peer has; or not, which its hash tells.
pub(crate) struct Decrypted {
    pub payloads: Vec<Payload>,
    /// The bytes of the chain, padding included.
    pub chain: Vec<u8>,
    /// The vector of the next message.
    pub next_vector: Vec<u8>,
}

impl Decrypted {
    /// What the hash in front covers: what follows it, without the padding.
    pub(crate) fn after_hash(&self) -> &[u8] {
        let length: usize = self.payloads.iter().map(|payload| payload.body.len() + 4).sum();
        let from = self.payloads.first().map_or(0, |first| first.body.len() + 4);
        self.chain.get(from..length).unwrap_or_default()
    }
}

/// Decrypts what comes after a header.
pub(crate) fn decrypt(
    cipher: &CbcCipher,
    vector: &[u8],
    first: u8,
    body: &[u8],
) -> Result<Decrypted, Malformed> {
    if body.is_empty() || !body.len().is_multiple_of(cipher.block_len()) {
        return Err(Malformed("not whole blocks"));
    }
    let next_vector = body[body.len() - cipher.block_len()..].to_vec();
    let mut chain = body.to_vec();
    cipher.decrypt(vector, &mut chain).map_err(|_| Malformed("not whole blocks"))?;
    Ok(Decrypted { payloads: parse_chain(first, &chain)?, chain, next_vector })
}
