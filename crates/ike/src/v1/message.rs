//! ISAKMP messages on the wire (RFC 2408, section 3): header and chain of payloads, bounded, and never a panic.

pub(crate) mod association;
pub(crate) mod attribute;
pub(crate) mod contents;
pub(crate) mod notify;

use crate::message::MESSAGE_BYTES_MAX;
use crate::message::reader::Reader;

/// The fixed header.
pub(crate) const HEADER_BYTES: usize = 28;
/// The most payloads in one message.
const PAYLOADS_MAX: usize = 64;

const VERSION: u8 = 0x10;
const FLAG_ENCRYPTED: u8 = 0x01;

pub(crate) const SA: u8 = 1;
pub(crate) const KEY_EXCHANGE: u8 = 4;
pub(crate) const IDENTIFICATION: u8 = 5;
pub(crate) const HASH: u8 = 8;
pub(crate) const NONCE: u8 = 10;
pub(crate) const NOTIFICATION: u8 = 11;
pub(crate) const DELETE: u8 = 12;
pub(crate) const VENDOR_ID: u8 = 13;
/// NAT-D (RFC 3947, 3.2).
pub(crate) const NAT_D: u8 = 20;
/// NAT-D of the drafts before.
pub(crate) const NAT_D_DRAFT: u8 = 130;

/// A message, or what one should hold, contradicts itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("malformed: {0}")]
pub(crate) struct Malformed(pub &'static str);

/// The exchanges of IKEv1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum ExchangeType {
    /// "Identity protection": main mode.
    Main,
    Aggressive,
    Informational,
    Quick,
    Other(u8),
}

impl ExchangeType {
    fn from_wire(number: u8) -> Self {
        match number {
            2 => ExchangeType::Main,
            4 => ExchangeType::Aggressive,
            5 => ExchangeType::Informational,
            32 => ExchangeType::Quick,
            other => ExchangeType::Other(other),
        }
    }

    fn to_wire(self) -> u8 {
        match self {
            ExchangeType::Main => 2,
            ExchangeType::Aggressive => 4,
            ExchangeType::Informational => 5,
            ExchangeType::Quick => 32,
            ExchangeType::Other(other) => other,
        }
    }
}

/// What the header of a message says (3.1). The commit bit is not among it: whoever sets it gets no other treatment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub cookie_initiator: u64,
    pub cookie_responder: u64,
    pub exchange: ExchangeType,
    pub encrypted: bool,
    /// The message id; zero in phase 1.
    pub id: u32,
}

impl Header {
    /// Reads the header; also gives the type of the first payload, and what comes after the header. What comes after the stated
    /// length is not part of the message.
    pub(crate) fn parse(message: &[u8]) -> Result<(Header, u8, &[u8]), Malformed> {
        let short = || Malformed("shorter than a header");
        let mut reader = Reader::new(message);
        let cookie_initiator = reader.u64().ok_or_else(short)?;
        let cookie_responder = reader.u64().ok_or_else(short)?;
        let fixed = reader.take(4).ok_or_else(short)?;
        let (first, version, exchange, flags) = (fixed[0], fixed[1], fixed[2], fixed[3]);
        let (id, length) = (reader.u32().ok_or_else(short)?, reader.u32().ok_or_else(short)? as usize);
        if version >> 4 != VERSION >> 4 {
            return Err(Malformed("another version"));
        }
        if length < HEADER_BYTES || length > message.len().min(MESSAGE_BYTES_MAX) {
            return Err(Malformed("its length is not the length it states"));
        }
        if cookie_initiator == 0 {
            return Err(Malformed("the initiator's cookie is zero"));
        }
        let header = Header {
            cookie_initiator,
            cookie_responder,
            exchange: ExchangeType::from_wire(exchange),
            encrypted: flags & FLAG_ENCRYPTED != 0,
            id,
        };
        Ok((header, first, &message[HEADER_BYTES..length]))
    }

    /// Writes the header of a message with `body_len` bytes after it.
    pub(crate) fn write(&self, first: u8, body_len: usize) -> Vec<u8> {
        let length = HEADER_BYTES + body_len;
        let flags = if self.encrypted { FLAG_ENCRYPTED } else { 0 };
        let mut message = Vec::with_capacity(length);
        message.extend(self.cookie_initiator.to_be_bytes());
        message.extend(self.cookie_responder.to_be_bytes());
        message.extend([first, VERSION, self.exchange.to_wire(), flags]);
        message.extend(self.id.to_be_bytes());
        message.extend((length as u32).to_be_bytes());
        message
    }
}

/// A payload: its type and what is in it, without the generic header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Payload {
    pub kind: u8,
    pub body: Vec<u8>,
}

impl Payload {
    pub(crate) fn new(kind: u8, body: Vec<u8>) -> Self {
        Payload { kind, body }
    }
}

/// Reads a chain of payloads. What comes after the last is padding.
pub(crate) fn parse_chain(first: u8, bytes: &[u8]) -> Result<Vec<Payload>, Malformed> {
    let mut reader = Reader::new(bytes);
    let (mut kind, mut payloads) = (first, Vec::new());
    while kind != 0 {
        if payloads.len() == PAYLOADS_MAX {
            return Err(Malformed("too many payloads"));
        }
        let (next, body) = parse_payload(&mut reader)?;
        payloads.push(Payload::new(kind, body.to_vec()));
        kind = next;
    }
    Ok(payloads)
}

/// Reads one payload: the type of the next one, and the body.
fn parse_payload<'a>(reader: &mut Reader<'a>) -> Result<(u8, &'a [u8]), Malformed> {
    let short = || Malformed("a payload goes beyond the end");
    let next = reader.u8().ok_or_else(short)?;
    reader.u8().ok_or_else(short)?;
    let length = usize::from(reader.u16().ok_or_else(short)?);
    let body_len = length.checked_sub(4).ok_or(Malformed("a payload is shorter than its header"))?;
    Ok((next, reader.take(body_len).ok_or_else(short)?))
}

/// Writes a chain; gives the type of the first payload as well.
pub(crate) fn write_chain(payloads: &[Payload]) -> (u8, Vec<u8>) {
    let mut bytes = Vec::new();
    for (at, payload) in payloads.iter().enumerate() {
        let next = payloads.get(at + 1).map_or(0, |next| next.kind);
        bytes.extend([next, 0]);
        bytes.extend(((payload.body.len() + 4) as u16).to_be_bytes());
        bytes.extend_from_slice(&payload.body);
    }
    (payloads.first().map_or(0, |first| first.kind), bytes)
}

/// Writes a message that is not encrypted.
pub(crate) fn write_plain(header: &Header, payloads: &[Payload]) -> Vec<u8> {
    let (first, chain) = write_chain(payloads);
    let mut message = header.write(first, chain.len());
    message.extend(chain);
    message
}

#[cfg(test)]
mod tests;
