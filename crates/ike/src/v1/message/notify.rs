//! Notification and Delete payloads (RFC 2408, 3.14 and 3.15; RFC 2407, 4.6.3).

use std::fmt;

use crate::message::reader::Reader;
use crate::v1::message::association::{DOI_IPSEC, PROTOCOL_ESP, PROTOCOL_ISAKMP};
use crate::v1::message::{DELETE, Malformed, NOTIFICATION, Payload};

pub(crate) const INVALID_PAYLOAD_TYPE: u16 = 1;
pub(crate) const INVALID_EXCHANGE_TYPE: u16 = 7;
pub(crate) const NO_PROPOSAL_CHOSEN: u16 = 14;
pub(crate) const PAYLOAD_MALFORMED: u16 = 16;
pub(crate) const INVALID_KEY_INFORMATION: u16 = 17;
pub(crate) const INVALID_ID_INFORMATION: u16 = 18;
pub(crate) const INVALID_HASH_INFORMATION: u16 = 23;
pub(crate) const AUTHENTICATION_FAILED: u16 = 24;
pub(crate) const RESPONDER_LIFETIME: u16 = 24_576;
pub(crate) const INITIAL_CONTACT: u16 = 24_578;
/// RFC 3706, 5.
pub(crate) const R_U_THERE: u16 = 36_136;
pub(crate) const R_U_THERE_ACK: u16 = 36_137;

/// The first kind that is no error.
const STATUS: u16 = 16_384;
/// The most SPIs in one Delete payload.
const SPIS_MAX: usize = 1_024;

/// A notification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Notify {
    pub protocol: u8,
    pub spi: Vec<u8>,
    pub kind: u16,
    pub data: Vec<u8>,
}

impl Notify {
    /// A notification about the ISAKMP SA with these cookies.
    pub(crate) fn about_isakmp(kind: u16, (initiator, responder): (u64, u64), data: &[u8]) -> Self {
        let spi = [initiator.to_be_bytes(), responder.to_be_bytes()].concat();
        Notify { protocol: PROTOCOL_ISAKMP, spi, kind, data: data.to_vec() }
    }

    /// A notification about an ESP SA.
    pub(crate) fn about_child(kind: u16, spi: u32, data: &[u8]) -> Self {
        Notify { protocol: PROTOCOL_ESP, spi: spi.to_be_bytes().to_vec(), kind, data: data.to_vec() }
    }

    pub(crate) fn parse(body: &[u8]) -> Result<Notify, Malformed> {
        let short = || Malformed("a notification is shorter than its fields");
        let mut reader = Reader::new(body);
        reader.u32().ok_or_else(short)?;
        let (protocol, spi_len) = (reader.u8().ok_or_else(short)?, reader.u8().ok_or_else(short)?);
        let kind = reader.u16().ok_or_else(short)?;
        let spi = reader.take(usize::from(spi_len)).ok_or_else(short)?.to_vec();
        Ok(Notify { protocol, spi, kind, data: reader.rest().to_vec() })
    }

    pub(crate) fn payload(&self) -> Payload {
        let mut body = DOI_IPSEC.to_be_bytes().to_vec();
        body.extend([self.protocol, self.spi.len() as u8]);
        body.extend(self.kind.to_be_bytes());
        body.extend_from_slice(&self.spi);
        body.extend_from_slice(&self.data);
        Payload::new(NOTIFICATION, body)
    }

    /// Whether it reports an error rather than a status.
    pub(crate) fn is_error(&self) -> bool {
        self.kind < STATUS
    }

    /// The ESP SPI it is about.
    pub(crate) fn child_spi(&self) -> Option<u32> {
        let spi: [u8; 4] = self.spi.as_slice().try_into().ok()?;
        (self.protocol == PROTOCOL_ESP).then_some(u32::from_be_bytes(spi))
    }

    /// The sequence number of R-U-THERE and its acknowledgement.
    pub(crate) fn sequence(&self) -> Option<u32> {
        self.data.as_slice().try_into().ok().map(u32::from_be_bytes)
    }
}

/// As the RFCs call it.
impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            INVALID_PAYLOAD_TYPE => "INVALID-PAYLOAD-TYPE",
            INVALID_EXCHANGE_TYPE => "INVALID-EXCHANGE-TYPE",
            NO_PROPOSAL_CHOSEN => "NO-PROPOSAL-CHOSEN",
            PAYLOAD_MALFORMED => "PAYLOAD-MALFORMED",
            INVALID_KEY_INFORMATION => "INVALID-KEY-INFORMATION",
            INVALID_ID_INFORMATION => "INVALID-ID-INFORMATION",
            INVALID_HASH_INFORMATION => "INVALID-HASH-INFORMATION",
            AUTHENTICATION_FAILED => "AUTHENTICATION-FAILED",
            kind => return write!(f, "notification {kind}"),
        })
    }
}

/// What a peer has closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Delete {
    /// ISAKMP SAs, by their cookies.
    Isakmp(Vec<(u64, u64)>),
    Esp(Vec<u32>),
    /// AH, or something with SPIs of another length.
    Other,
}

impl Delete {
    pub(crate) fn parse(body: &[u8]) -> Result<Delete, Malformed> {
        let short = || Malformed("a Delete payload is shorter than its fields");
        let mut reader = Reader::new(body);
        reader.u32().ok_or_else(short)?;
        let (protocol, spi_len) = (reader.u8().ok_or_else(short)?, reader.u8().ok_or_else(short)?);
        let count = usize::from(reader.u16().ok_or_else(short)?);
        let bytes = reader.take(usize::from(spi_len).saturating_mul(count)).ok_or_else(short)?;
        if count > SPIS_MAX {
            return Err(Malformed("too many SPIs"));
        }
        let mut spis = Reader::new(bytes);
        Ok(match (protocol, spi_len) {
            (PROTOCOL_ISAKMP, 16) => {
                Delete::Isakmp(std::iter::from_fn(|| Some((spis.u64()?, spis.u64()?))).collect())
            }
            (PROTOCOL_ESP, 4) => Delete::Esp(std::iter::from_fn(|| spis.u32()).collect()),
            _ => Delete::Other,
        })
    }

    pub(crate) fn payload(&self) -> Payload {
        let (protocol, spi_len, spis): (_, _, Vec<Vec<u8>>) = match self {
            Delete::Isakmp(cookies) => {
                let spi = |(one, other): &(u64, u64)| [one.to_be_bytes(), other.to_be_bytes()].concat();
                (PROTOCOL_ISAKMP, 16, cookies.iter().map(spi).collect())
            }
            Delete::Esp(spis) => {
                (PROTOCOL_ESP, 4, spis.iter().map(|spi| spi.to_be_bytes().to_vec()).collect())
            }
            Delete::Other => (0, 0, Vec::new()),
        };
        let mut body = DOI_IPSEC.to_be_bytes().to_vec();
        body.extend([protocol, spi_len]);
        body.extend((spis.len() as u16).to_be_bytes());
        body.extend(spis.concat());
        Payload::new(DELETE, body)
    }
}
