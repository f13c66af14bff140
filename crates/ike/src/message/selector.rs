//! Traffic selectors (RFC 7296, 3.13).

use std::net::Ipv4Addr;

use super::MessageError;
use super::reader::Reader;

const TS_IPV4_ADDR_RANGE: u8 = 7;

/// A traffic selector as sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Selector {
    Ipv4 {
        protocol: u8,
        ports: (u16, u16),
        start: Ipv4Addr,
        end: Ipv4Addr,
    },
    /// IPv6 or a type that we do not know; it never matches.
    Other(u8),
}

impl Selector {
    /// All protocols and ports of a range of addresses.
    pub(crate) fn range(start: Ipv4Addr, end: Ipv4Addr) -> Self {
        Selector::Ipv4 { protocol: 0, ports: (0, u16::MAX), start, end }
    }
}

pub(super) fn parse(body: &[u8]) -> Result<Vec<Selector>, MessageError> {
    let short = || MessageError::Syntax("a traffic selector payload is too short");
    let mut reader = Reader::new(body);
    let count = reader.u8().ok_or_else(short)?;
    reader.take(3).ok_or_else(short)?;
    let mut selectors = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        selectors.push(parse_one(&mut reader).ok_or_else(short)?);
    }
    if reader.is_empty() {
        Ok(selectors)
    } else {
        Err(MessageError::Syntax("bytes after the last traffic selector"))
    }
}

fn parse_one(reader: &mut Reader<'_>) -> Option<Selector> {
    let (kind, protocol, length) = (reader.u8()?, reader.u8()?, usize::from(reader.u16()?));
    let mut body = Reader::new(reader.take(length.checked_sub(4)?)?);
    if kind != TS_IPV4_ADDR_RANGE {
        return Some(Selector::Other(kind));
    }
    let ports = (body.u16()?, body.u16()?);
    let (start, end) = (body.u32()?.into(), body.u32()?.into());
    body.is_empty().then_some(Selector::Ipv4 { protocol, ports, start, end })
}

pub(super) fn write(selectors: &[Selector], out: &mut Vec<u8>) {
    out.extend_from_slice(&[selectors.len() as u8, 0, 0, 0]);
    for selector in selectors {
        match selector {
            Selector::Ipv4 { protocol, ports, start, end } => {
                out.extend_from_slice(&[TS_IPV4_ADDR_RANGE, *protocol, 0, 16]);
                out.extend_from_slice(&ports.0.to_be_bytes());
                out.extend_from_slice(&ports.1.to_be_bytes());
                out.extend_from_slice(&start.octets());
                out.extend_from_slice(&end.octets());
            }
            Selector::Other(kind) => out.extend_from_slice(&[*kind, 0, 0, 4]),
        }
    }
}
