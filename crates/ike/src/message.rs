//! IKE messages on the wire (RFC 7296, section 3): header and payloads, bounded, and never a panic.

pub(crate) mod contents;
pub(crate) mod notify;
pub(crate) mod payload;
pub(crate) mod proposal;
pub(crate) mod reader;
pub(crate) mod selector;

use self::payload::Payload;
use self::reader::Reader;

/// The longest message we read.
pub(crate) const MESSAGE_BYTES_MAX: usize = 65_535;
/// The fixed header.
pub(crate) const HEADER_BYTES: usize = 28;
/// The most payloads in one message.
const PAYLOADS_MAX: usize = 128;

const VERSION: u8 = 0x20;
const FLAG_INITIATOR: u8 = 0x08;
const FLAG_RESPONSE: u8 = 0x20;

/// Why a message could not be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum MessageError {
    /// Its lengths or fields contradict each other.
    #[error("malformed: {0}")]
    Syntax(&'static str),
    /// It has a payload that it must not be processed without, and that we do not know.
    #[error("unknown critical payload {0}")]
    UnsupportedCritical(u8),
    /// Another major version of the protocol.
    #[error("IKE version {0}")]
    Version(u8),
}

/// The exchanges of IKEv2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum ExchangeType {
    SaInit,
    Auth,
    CreateChild,
    Informational,
    Other(u8),
}

impl ExchangeType {
    fn from_wire(number: u8) -> Self {
        match number {
            34 => ExchangeType::SaInit,
            35 => ExchangeType::Auth,
            36 => ExchangeType::CreateChild,
            37 => ExchangeType::Informational,
            other => ExchangeType::Other(other),
        }
    }

    fn to_wire(self) -> u8 {
        match self {
            ExchangeType::SaInit => 34,
            ExchangeType::Auth => 35,
            ExchangeType::CreateChild => 36,
            ExchangeType::Informational => 37,
            ExchangeType::Other(other) => other,
        }
    }
}

/// What the header of a message says (3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub spi_initiator: u64,
    pub spi_responder: u64,
    pub exchange: ExchangeType,
    /// The sender is the original initiator of the IKE SA.
    pub from_initiator: bool,
    pub response: bool,
    pub id: u32,
}

impl Header {
    /// Reads the header; also gives the type of the first payload.
    pub(crate) fn parse(message: &[u8]) -> Result<(Header, u8), MessageError> {
        let short = || MessageError::Syntax("shorter than a header");
        let mut reader = Reader::new(message);
        let (spi_initiator, spi_responder) =
            (reader.u64().ok_or_else(short)?, reader.u64().ok_or_else(short)?);
        let fixed = reader.take(4).ok_or_else(short)?;
        let (first, version, exchange, flags) = (fixed[0], fixed[1], fixed[2], fixed[3]);
        let (id, length) = (reader.u32().ok_or_else(short)?, reader.u32().ok_or_else(short)?);
        if version >> 4 != VERSION >> 4 {
            return Err(MessageError::Version(version >> 4));
        }
        if length as usize != message.len() || message.len() > MESSAGE_BYTES_MAX {
            return Err(MessageError::Syntax("its length is not the length it states"));
        }
        if spi_initiator == 0 {
            return Err(MessageError::Syntax("the initiator's SPI is zero"));
        }
        let header = Header {
            spi_initiator,
            spi_responder,
            exchange: ExchangeType::from_wire(exchange),
            from_initiator: flags & FLAG_INITIATOR != 0,
            response: flags & FLAG_RESPONSE != 0,
            id,
        };
        Ok((header, first))
    }

    /// Writes the header of a message of `length` bytes whose first payload is `first`.
    pub(crate) fn write(&self, first: u8, length: usize, out: &mut Vec<u8>) {
        let mut flags = 0;
        if self.from_initiator {
            flags |= FLAG_INITIATOR;
        }
        if self.response {
            flags |= FLAG_RESPONSE;
        }
        out.extend_from_slice(&self.spi_initiator.to_be_bytes());
        out.extend_from_slice(&self.spi_responder.to_be_bytes());
        out.extend_from_slice(&[first, VERSION, self.exchange.to_wire(), flags]);
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&(length as u32).to_be_bytes());
    }
}

/// Reads the payloads of an unprotected message.
pub(crate) fn parse_plain(message: &[u8]) -> Result<(Header, Vec<Payload>), MessageError> {
    let (header, first) = Header::parse(message)?;
    let payloads = parse_payloads(first, &message[HEADER_BYTES..])?;
    Ok((header, payloads))
}

/// Reads a chain of payloads that fills `bytes`.
pub(crate) fn parse_payloads(first: u8, bytes: &[u8]) -> Result<Vec<Payload>, MessageError> {
    let mut payloads = Vec::new();
    let mut reader = Reader::new(bytes);
    let mut kind = first;
    while kind != 0 {
        if payloads.len() == PAYLOADS_MAX {
            return Err(MessageError::Syntax("too many payloads"));
        }
        let (next, critical, body) = split_payload(&mut reader)?;
        payloads.push(Payload::parse(kind, critical, body)?);
        kind = next;
    }
    if reader.is_empty() { Ok(payloads) } else { Err(MessageError::Syntax("bytes after the last payload")) }
}

/// Takes one generic payload header and the body it announces.
pub(crate) fn split_payload<'a>(reader: &mut Reader<'a>) -> Result<(u8, bool, &'a [u8]), MessageError> {
    let short = MessageError::Syntax("a payload is longer than the message");
    let mut next =
        || -> Option<(u8, u8, usize)> { Some((reader.u8()?, reader.u8()?, reader.u16()? as usize)) };
    let (next, flags, length) = next().ok_or(short.clone())?;
    let body_length =
        length.checked_sub(4).ok_or(MessageError::Syntax("a payload is shorter than its header"))?;
    let body = reader.take(body_length).ok_or(short)?;
    Ok((next, flags & 0x80 != 0, body))
}

/// Writes payloads as a chain; gives the first one's type.
pub(crate) fn write_payloads(payloads: &[Payload]) -> (u8, Vec<u8>) {
    let mut out = Vec::new();
    for (i, payload) in payloads.iter().enumerate() {
        let start = out.len();
        out.extend_from_slice(&[payloads.get(i + 1).map_or(0, Payload::kind), 0, 0, 0]);
        payload.write(&mut out);
        let length = (out.len() - start) as u16;
        out[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
    }
    (payloads.first().map_or(0, Payload::kind), out)
}

/// Writes an unprotected message.
pub(crate) fn write_plain(header: &Header, payloads: &[Payload]) -> Vec<u8> {
    let (first, body) = write_payloads(payloads);
    let mut out = Vec::with_capacity(HEADER_BYTES + body.len());
    header.write(first, HEADER_BYTES + body.len(), &mut out);
    out.extend_from_slice(&body);
    out
}

#[cfg(test)]
mod tests;
