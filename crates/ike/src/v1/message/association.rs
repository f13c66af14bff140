//! Security association payloads (RFC 2408, 3.4 to 3.6; RFC 2407, 4.6.1): proposals and their transforms.

use crate::message::reader::Reader;
use crate::v1::message::attribute::{self, Attribute};
use crate::v1::message::{Malformed, parse_payload};

/// The IPsec domain of interpretation.
pub(crate) const DOI_IPSEC: u32 = 1;
const SITUATION_IDENTITY_ONLY: u32 = 1;
const TRANSFORM: u8 = 3;
const PROPOSAL: u8 = 2;

/// ISAKMP itself.
pub(crate) const PROTOCOL_ISAKMP: u8 = 1;
/// ESP.
pub(crate) const PROTOCOL_ESP: u8 = 3;

/// The most transforms in one payload, so that each has a number of one byte.
const TRANSFORMS_MAX: usize = 255;

/// One proposal; those with the same number are meant together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Proposal {
    pub number: u8,
    pub protocol: u8,
    pub spi: Vec<u8>,
    pub transforms: Vec<Transform>,
}

/// One choice within a proposal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Transform {
    pub number: u8,
    pub id: u8,
    pub attributes: Vec<Attribute>,
    /// The attributes as they were sent, because an answer has to repeat them.
    pub raw: Vec<u8>,
}

impl Proposal {
    /// The ESP SPI.
    pub(crate) fn child_spi(&self) -> Option<u32> {
        let spi: [u8; 4] = self.spi.as_slice().try_into().ok()?;
        Some(u32::from_be_bytes(spi)).filter(|spi| self.protocol == PROTOCOL_ESP && *spi != 0)
    }
}

/// Reads the body of a security association payload.
pub(crate) fn parse(body: &[u8]) -> Result<Vec<Proposal>, Malformed> {
    let short = || Malformed("a security association is shorter than its fields");
    let mut reader = Reader::new(body);
    if reader.u32().ok_or_else(short)? != DOI_IPSEC {
        return Err(Malformed("a security association of another domain of interpretation"));
    }
    if reader.u32().ok_or_else(short)? != SITUATION_IDENTITY_ONLY {
        return Err(Malformed("a security association with labels"));
    }
    let (mut proposals, mut transforms, mut more) = (Vec::new(), 0, true);
    while more {
        let (next, body) = parse_payload(&mut reader)?;
        let proposal = parse_proposal(body)?;
        transforms += proposal.transforms.len();
        if transforms > TRANSFORMS_MAX {
            return Err(Malformed("too many transforms"));
        }
        proposals.push(proposal);
        more = next == PROPOSAL;
    }
    Ok(proposals)
}

fn parse_proposal(body: &[u8]) -> Result<Proposal, Malformed> {
    let short = || Malformed("a proposal is shorter than its fields");
    let mut reader = Reader::new(body);
    let fixed = reader.take(4).ok_or_else(short)?;
    let (number, protocol, spi_len, count) = (fixed[0], fixed[1], fixed[2], fixed[3]);
    let spi = reader.take(usize::from(spi_len)).ok_or_else(short)?.to_vec();
    let mut transforms = Vec::new();
    for _ in 0..count {
        let (next, body) = parse_payload(&mut reader)?;
        transforms.push(parse_transform(body)?);
        if next != TRANSFORM {
            break;
        }
    }
    if transforms.is_empty() {
        return Err(Malformed("a proposal without a transform"));
    }
    Ok(Proposal { number, protocol, spi, transforms })
}

fn parse_transform(body: &[u8]) -> Result<Transform, Malformed> {
    let (fixed, raw) = body.split_first_chunk::<4>().ok_or(Malformed("a transform without fields"))?;
    Ok(Transform { number: fixed[0], id: fixed[1], attributes: attribute::parse(raw)?, raw: raw.to_vec() })
}

/// Writes the body of a security association payload.
pub(crate) fn write(proposals: &[Proposal]) -> Vec<u8> {
    let mut body = [DOI_IPSEC.to_be_bytes(), SITUATION_IDENTITY_ONLY.to_be_bytes()].concat();
    for (at, proposal) in proposals.iter().enumerate() {
        let mut inner = vec![
            proposal.number,
            proposal.protocol,
            proposal.spi.len() as u8,
            proposal.transforms.len() as u8,
        ];
        inner.extend_from_slice(&proposal.spi);
        for (at, transform) in proposal.transforms.iter().enumerate() {
            let more = at + 1 < proposal.transforms.len();
            inner.extend([if more { TRANSFORM } else { 0 }, 0]);
            inner.extend(((transform.raw.len() + 8) as u16).to_be_bytes());
            inner.extend([transform.number, transform.id, 0, 0]);
            inner.extend_from_slice(&transform.raw);
        }
        let more = at + 1 < proposals.len();
        body.extend([if more { PROPOSAL } else { 0 }, 0]);
        body.extend(((inner.len() + 4) as u16).to_be_bytes());
        body.extend(inner);
    }
    body
}
