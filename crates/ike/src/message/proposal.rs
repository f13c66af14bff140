//! Security association payloads (RFC 7296, 3.3): proposals and their transforms.

use super::MessageError;
use super::reader::Reader;

/// The protocol that negotiates.
pub(crate) const PROTOCOL_IKE: u8 = 1;
/// The protocol of child SAs.
pub(crate) const PROTOCOL_ESP: u8 = 3;

const PROPOSALS_MAX: usize = 128;
const ATTRIBUTE_KEY_LENGTH: u16 = 0x8000 | 14;

/// The kinds of transform that we negotiate.
pub(crate) const ENCRYPTION: u8 = 1;
pub(crate) const PRF: u8 = 2;
pub(crate) const INTEGRITY: u8 = 3;
pub(crate) const GROUP: u8 = 4;
pub(crate) const SEQUENCE_NUMBERS: u8 = 5;

/// One alternative: a protocol with one or more transforms of each kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Proposal {
    pub number: u8,
    pub protocol: u8,
    pub spi: Vec<u8>,
    pub transforms: Vec<Transform>,
}

/// One algorithm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Transform {
    pub kind: u8,
    pub id: u16,
    pub key_bits: Option<u16>,
    /// It has an attribute that we do not know, and so must not be chosen (3.3.6).
    pub unknown_attribute: bool,
}

impl Transform {
    pub(crate) fn new(kind: u8, id: u16, key_bits: Option<u16>) -> Self {
        Transform { kind, id, key_bits, unknown_attribute: false }
    }
}

impl Proposal {
    /// The ESP SPI.
    pub(crate) fn child_spi(&self) -> Option<u32> {
        let spi: [u8; 4] = self.spi.as_slice().try_into().ok()?;
        (self.protocol == PROTOCOL_ESP).then_some(u32::from_be_bytes(spi))
    }

    /// The SPI of a new IKE SA.
    pub(crate) fn ike_spi(&self) -> Option<u64> {
        let spi: [u8; 8] = self.spi.as_slice().try_into().ok()?;
        (self.protocol == PROTOCOL_IKE).then_some(u64::from_be_bytes(spi))
    }
}

pub(super) fn parse(body: &[u8]) -> Result<Vec<Proposal>, MessageError> {
    let mut proposals = Vec::new();
    let mut reader = Reader::new(body);
    while !reader.is_empty() {
        if proposals.len() == PROPOSALS_MAX {
            return Err(MessageError::Syntax("too many proposals"));
        }
        let (last, proposal) =
            parse_proposal(&mut reader).ok_or(MessageError::Syntax("a broken proposal"))?;
        proposals.push(proposal);
        if last != reader.is_empty() {
            return Err(MessageError::Syntax("the last proposal is not the last"));
        }
    }
    Ok(proposals)
}

fn parse_proposal(reader: &mut Reader<'_>) -> Option<(bool, Proposal)> {
    let (more, _, length) = (reader.u8()?, reader.u8()?, usize::from(reader.u16()?));
    let mut body = Reader::new(reader.take(length.checked_sub(4)?)?);
    let (number, protocol, spi_length, count) = (body.u8()?, body.u8()?, body.u8()?, body.u8()?);
    let spi = body.take(usize::from(spi_length))?.to_vec();
    let mut transforms = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        transforms.push(parse_transform(&mut body)?);
    }
    let last = match more {
        0 => true,
        2 => false,
        _ => return None,
    };
    body.is_empty().then_some((last, Proposal { number, protocol, spi, transforms }))
}

fn parse_transform(reader: &mut Reader<'_>) -> Option<Transform> {
    let (_more, _, length) = (reader.u8()?, reader.u8()?, usize::from(reader.u16()?));
    let mut body = Reader::new(reader.take(length.checked_sub(4)?)?);
    let (kind, _, id) = (body.u8()?, body.u8()?, body.u16()?);
    let mut transform = Transform::new(kind, id, None);
    while !body.is_empty() {
        let (attribute, value) = (body.u16()?, body.u16()?);
        if attribute == ATTRIBUTE_KEY_LENGTH {
            transform.key_bits = Some(value);
        } else {
            transform.unknown_attribute = true;
            if attribute & 0x8000 == 0 {
                body.take(usize::from(value))?;
            }
        }
    }
    Some(transform)
}

pub(super) fn write(proposals: &[Proposal], out: &mut Vec<u8>) {
    for (i, proposal) in proposals.iter().enumerate() {
        let start = out.len();
        let more = if i + 1 < proposals.len() { 2 } else { 0 };
        let (spi_length, count) = (proposal.spi.len() as u8, proposal.transforms.len() as u8);
        out.extend_from_slice(&[more, 0, 0, 0, proposal.number, proposal.protocol, spi_length, count]);
        out.extend_from_slice(&proposal.spi);
        for (j, transform) in proposal.transforms.iter().enumerate() {
            let more = if j + 1 < proposal.transforms.len() { 3 } else { 0 };
            let length = if transform.key_bits.is_some() { 12 } else { 8 };
            out.extend_from_slice(&[more, 0, 0, length, transform.kind, 0]);
            out.extend_from_slice(&transform.id.to_be_bytes());
            if let Some(bits) = transform.key_bits {
                out.extend_from_slice(&ATTRIBUTE_KEY_LENGTH.to_be_bytes());
                out.extend_from_slice(&bits.to_be_bytes());
            }
        }
        let length = (out.len() - start) as u16;
        out[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
    }
}
