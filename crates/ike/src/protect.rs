//! The encrypted payload (RFC 7296, 3.14; RFC 5282 for AES-GCM), and that of a fragment (RFC 7383, 2.5).

use causeway_crypto::Protection;

use crate::fragments::Fragment;
use crate::message::payload::{ENCRYPTED, ENCRYPTED_FRAGMENT, Payload};
use crate::message::{HEADER_BYTES, Header, write_payloads};

/// The message's header and the encrypted payload's own.
const PREFIX_BYTES: usize = HEADER_BYTES + 4;
/// A fragment's number, and how many there are.
const FRAGMENT_BYTES: usize = 4;
/// However small a packet is to be, a fragment makes some progress.
const FRAGMENT_PLAIN_BYTES_MIN: usize = 256;

/// The message is not from who holds the key, or not whole.
#[derive(Debug)]
pub(crate) struct NotAuthentic;

/// What an encrypted payload has of its own: its type, and for a fragment its number and how many there are.
#[derive(Clone, Copy)]
enum Outer {
    Whole,
    Fragment { number: u16, total: u16 },
}

impl Outer {
    fn kind(self) -> u8 {
        match self {
            Outer::Whole => ENCRYPTED,
            Outer::Fragment { .. } => ENCRYPTED_FRAGMENT,
        }
    }

    /// How much comes before the encrypted part.
    fn prefix_bytes(self) -> usize {
        match self {
            Outer::Whole => PREFIX_BYTES,
            Outer::Fragment { .. } => PREFIX_BYTES + FRAGMENT_BYTES,
        }
    }
}

/// Writes a protected message, in fragments if it would be longer than `message_bytes_max`, if there is such a limit. Each takes
/// the next of the numbers in `sequence`, which must be others for each message under one key.
pub(crate) fn seal(
    header: &Header,
    payloads: &[Payload],
    protection: &Protection,
    sequence: &mut u64,
    message_bytes_max: Option<usize>,
) -> Vec<Vec<u8>> {
    let (first, plain) = write_payloads(payloads);
    let mut next = || {
        *sequence += 1;
        *sequence
    };
    let limit = message_bytes_max.filter(|max| sealed_len(plain.len(), Outer::Whole, protection) > *max);
    let Some(limit) = limit else { return vec![seal_chain(header, first, &plain, protection, next())] };
    let chunks: Vec<&[u8]> = plain.chunks(fragment_capacity(limit, protection)).collect();
    let total = chunks.len() as u16;
    let fragments = (1..=total).zip(chunks).map(|(number, chunk)| {
        let first = if number == 1 { first } else { 0 };
        seal_inner(header, Outer::Fragment { number, total }, (first, chunk), protection, next())
    });
    fragments.collect()
}

/// A protected message of payloads that are written already.
pub(crate) fn seal_chain(
    header: &Header,
    first: u8,
    plain: &[u8],
    protection: &Protection,
    sequence: u64,
) -> Vec<u8> {
    seal_inner(header, Outer::Whole, (first, plain), protection, sequence)
}

/// One fragment, `number` of `total`, that is not the first.
#[cfg(test)]
pub(crate) fn seal_fragment(
    header: &Header,
    (number, total): (u16, u16),
    plain: &[u8],
    protection: &Protection,
    sequence: u64,
) -> Vec<u8> {
    seal_inner(header, Outer::Fragment { number, total }, (0, plain), protection, sequence)
}

fn padding(plain: usize, protection: &Protection) -> usize {
    let block = protection.block_len().max(1);
    (block - (plain + 1) % block) % block
}

fn sealed_len(plain: usize, outer: Outer, protection: &Protection) -> usize {
    let encrypted = plain + padding(plain, protection) + 1;
    outer.prefix_bytes() + protection.iv_len() + encrypted + protection.icv_len()
}

/// How much a fragment of at most `message_bytes_max` holds, if that is not absurdly little.
fn fragment_capacity(message_bytes_max: usize, protection: &Protection) -> usize {
    let outer = Outer::Fragment { number: 1, total: 1 };
    let around = outer.prefix_bytes() + protection.iv_len() + protection.icv_len();
    let block = protection.block_len().max(1);
    let encrypted = message_bytes_max.saturating_sub(around) / block * block;
    encrypted.saturating_sub(1).max(FRAGMENT_PLAIN_BYTES_MIN)
}

fn seal_inner(
    header: &Header,
    outer: Outer,
    (first, plain): (u8, &[u8]),
    protection: &Protection,
    sequence: u64,
) -> Vec<u8> {
    let (length, prefix) = (sealed_len(plain.len(), outer, protection), outer.prefix_bytes());
    let padding = padding(plain.len(), protection);

    let mut message = Vec::with_capacity(length);
    header.write(outer.kind(), length, &mut message);
    message.extend_from_slice(&[first, 0]);
    message.extend_from_slice(&((length - HEADER_BYTES) as u16).to_be_bytes());
    if let Outer::Fragment { number, total } = outer {
        message.extend_from_slice(&number.to_be_bytes());
        message.extend_from_slice(&total.to_be_bytes());
    }
    message.resize(prefix + protection.iv_len(), 0);
    message.extend_from_slice(plain);
    message.resize(message.len() + padding, 0);
    message.push(padding as u8);
    message.resize(length, 0);
    protection.seal(prefix, &mut message, sequence, None);
    message
}

/// Authenticates and decrypts a message whose header was read; gives the type of the first payload inside, and the payloads.
pub(crate) fn open(
    first: u8,
    message: &[u8],
    protection: &Protection,
) -> Result<(u8, Vec<u8>), NotAuthentic> {
    if first != ENCRYPTED {
        return Err(NotAuthentic);
    }
    open_inner(message, PREFIX_BYTES, protection)
}

/// The same for a fragment of a message.
pub(crate) fn open_fragment(message: &[u8], protection: &Protection) -> Result<Fragment, NotAuthentic> {
    let numbers = message.get(PREFIX_BYTES..PREFIX_BYTES + FRAGMENT_BYTES).ok_or(NotAuthentic)?;
    let number = u16::from_be_bytes([numbers[0], numbers[1]]);
    let total = u16::from_be_bytes([numbers[2], numbers[3]]);
    let (first, plain) = open_inner(message, PREFIX_BYTES + FRAGMENT_BYTES, protection)?;
    Ok(Fragment { first, number, total, plain })
}

fn open_inner(message: &[u8], prefix: usize, protection: &Protection) -> Result<(u8, Vec<u8>), NotAuthentic> {
    let header: [u8; 4] =
        message.get(HEADER_BYTES..PREFIX_BYTES).and_then(|it| it.try_into().ok()).ok_or(NotAuthentic)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let sealed_len = message.len().checked_sub(prefix).ok_or(NotAuthentic)?;
    let overhead = protection.iv_len() + protection.icv_len();
    let cipher_len = sealed_len.checked_sub(overhead).ok_or(NotAuthentic)?;
    let whole = cipher_len > 0 && cipher_len % protection.block_len().max(1) == 0;
    if length != message.len() - HEADER_BYTES || !whole {
        return Err(NotAuthentic);
    }
    let mut message = message.to_vec();
    let plain = protection.open(prefix, &mut message, None).map_err(|_| NotAuthentic)?;
    let plain = message.get(plain).ok_or(NotAuthentic)?;
    let (padding, rest) = plain.split_last().ok_or(NotAuthentic)?;
    let payloads_len = rest.len().checked_sub(usize::from(*padding)).ok_or(NotAuthentic)?;
    Ok((header[0], rest[..payloads_len].to_vec()))
}
