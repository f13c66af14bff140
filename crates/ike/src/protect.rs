//! The encrypted payload (RFC 7296, 3.14; RFC 5282 for AES-GCM).

use causeway_crypto::Protection;

use crate::message::payload::{ENCRYPTED, Payload};
use crate::message::{HEADER_BYTES, Header, write_payloads};

/// The message's header and the encrypted payload's own.
const PREFIX_BYTES: usize = HEADER_BYTES + 4;

/// The message is not from who holds the key, or not whole.
#[derive(Debug)]
pub(crate) struct NotAuthentic;

/// Writes a protected message. `sequence` must be another one for each message under one key.
pub(crate) fn seal(header: &Header, payloads: &[Payload], protection: &Protection, sequence: u64) -> Vec<u8> {
    let (first, plain) = write_payloads(payloads);
    seal_chain(header, first, &plain, protection, sequence)
}

/// The same for payloads that are written already.
pub(crate) fn seal_chain(
    header: &Header,
    first: u8,
    plain: &[u8],
    protection: &Protection,
    sequence: u64,
) -> Vec<u8> {
    let block = protection.block_len().max(1);
    let padding = (block - (plain.len() + 1) % block) % block;
    let sealed_len = protection.iv_len() + plain.len() + padding + 1 + protection.icv_len();
    let length = PREFIX_BYTES + sealed_len;

    let mut message = Vec::with_capacity(length);
    header.write(ENCRYPTED, length, &mut message);
    message.extend_from_slice(&[first, 0]);
    message.extend_from_slice(&((sealed_len + 4) as u16).to_be_bytes());
    message.resize(PREFIX_BYTES + protection.iv_len(), 0);
    message.extend_from_slice(plain);
    message.resize(message.len() + padding, 0);
    message.push(padding as u8);
    message.resize(length, 0);
    protection.seal(PREFIX_BYTES, &mut message, sequence, None);
    message
}

/// Authenticates and decrypts a message whose header was read; gives the type of the first payload inside, and the payloads.
pub(crate) fn open(
    first: u8,
    message: &[u8],
    protection: &Protection,
) -> Result<(u8, Vec<u8>), NotAuthentic> {
    let header: [u8; 4] =
        message.get(HEADER_BYTES..PREFIX_BYTES).and_then(|it| it.try_into().ok()).ok_or(NotAuthentic)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let sealed_len = message.len() - PREFIX_BYTES;
    let overhead = protection.iv_len() + protection.icv_len();
    let cipher_len = sealed_len.checked_sub(overhead).ok_or(NotAuthentic)?;
    let whole = cipher_len > 0 && cipher_len % protection.block_len().max(1) == 0;
    if first != ENCRYPTED || length != sealed_len + 4 || !whole {
        return Err(NotAuthentic);
    }
    let mut message = message.to_vec();
    let plain = protection.open(PREFIX_BYTES, &mut message, None).map_err(|_| NotAuthentic)?;
    let plain = message.get(plain).ok_or(NotAuthentic)?;
    let (padding, rest) = plain.split_last().ok_or(NotAuthentic)?;
    let payloads_len = rest.len().checked_sub(usize::from(*padding)).ok_or(NotAuthentic)?;
    Ok((header[0], rest[..payloads_len].to_vec()))
}
