//! The payloads that we understand.

use super::MessageError;
use super::notify::{Notify, NotifyKind};
use super::proposal::{self, Proposal};
use super::reader::Reader;
use super::selector::{self, Selector};

const SA: u8 = 33;
const KE: u8 = 34;
const ID_INITIATOR: u8 = 35;
const ID_RESPONDER: u8 = 36;
const CERTIFICATE: u8 = 37;
const CERTIFICATE_REQUEST: u8 = 38;
const AUTH: u8 = 39;
const NONCE: u8 = 40;
const NOTIFY: u8 = 41;
const DELETE: u8 = 42;
const TS_INITIATOR: u8 = 44;
const TS_RESPONDER: u8 = 45;
/// The payload that holds the encrypted others.
pub(crate) const ENCRYPTED: u8 = 46;
/// The payload that holds a part of the encrypted others.
pub(crate) const ENCRYPTED_FRAGMENT: u8 = 53;

/// A payload that needs no key to be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Payload {
    SecurityAssociation(Vec<Proposal>),
    KeyExchange {
        group: u16,
        value: Vec<u8>,
    },
    /// The body, type and reserved bytes included, because AUTH covers all of it.
    IdInitiator(Vec<u8>),
    IdResponder(Vec<u8>),
    Certificate {
        encoding: u8,
        data: Vec<u8>,
    },
    CertificateRequest {
        encoding: u8,
        authorities: Vec<u8>,
    },
    Auth {
        method: u8,
        value: Vec<u8>,
    },
    Nonce(Vec<u8>),
    Notify(Notify),
    Delete(Delete),
    TsInitiator(Vec<Selector>),
    TsResponder(Vec<Selector>),
    /// Of a type that RFC 7296 defines and we have no use for, or unknown and not critical.
    Unused(u8),
}

/// What a peer has closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Delete {
    Ike,
    Esp(Vec<u32>),
    /// AH, which we never have.
    Other,
}

impl Payload {
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Payload::SecurityAssociation(_) => SA,
            Payload::KeyExchange { .. } => KE,
            Payload::IdInitiator(_) => ID_INITIATOR,
            Payload::IdResponder(_) => ID_RESPONDER,
            Payload::Certificate { .. } => CERTIFICATE,
            Payload::CertificateRequest { .. } => CERTIFICATE_REQUEST,
            Payload::Auth { .. } => AUTH,
            Payload::Nonce(_) => NONCE,
            Payload::Notify(_) => NOTIFY,
            Payload::Delete(_) => DELETE,
            Payload::TsInitiator(_) => TS_INITIATOR,
            Payload::TsResponder(_) => TS_RESPONDER,
            Payload::Unused(kind) => *kind,
        }
    }

    pub(super) fn parse(kind: u8, critical: bool, body: &[u8]) -> Result<Payload, MessageError> {
        let short = MessageError::Syntax("a payload is too short for its type");
        let mut reader = Reader::new(body);
        let payload = match kind {
            SA => Some(Payload::SecurityAssociation(proposal::parse(body)?)),
            KE => key_exchange(&mut reader),
            ID_INITIATOR => (body.len() >= 4).then(|| Payload::IdInitiator(body.to_vec())),
            ID_RESPONDER => (body.len() >= 4).then(|| Payload::IdResponder(body.to_vec())),
            CERTIFICATE => {
                reader.u8().map(|encoding| Payload::Certificate { encoding, data: reader.rest().to_vec() })
            }
            CERTIFICATE_REQUEST => reader.u8().map(|encoding| Payload::CertificateRequest {
                encoding,
                authorities: reader.rest().to_vec(),
            }),
            AUTH => auth(&mut reader),
            // 3.9: between 16 and 256 bytes.
            NONCE => (16..=256).contains(&body.len()).then(|| Payload::Nonce(body.to_vec())),
            NOTIFY => notify(&mut reader),
            DELETE => delete(&mut reader),
            TS_INITIATOR => Some(Payload::TsInitiator(selector::parse(body)?)),
            TS_RESPONDER => Some(Payload::TsResponder(selector::parse(body)?)),
            ENCRYPTED | ENCRYPTED_FRAGMENT => {
                return Err(MessageError::Syntax("an encrypted payload where none belongs"));
            }
            // VENDOR ID, CP, EAP: defined, so the critical flag does not count (2.5).
            43 | 47 | 48 => Some(Payload::Unused(kind)),
            unknown if critical => return Err(MessageError::UnsupportedCritical(unknown)),
            unknown => Some(Payload::Unused(unknown)),
        };
        payload.ok_or(short)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Payload::SecurityAssociation(proposals) => proposal::write(proposals, out),
            Payload::KeyExchange { group, value } => {
                out.extend_from_slice(&group.to_be_bytes());
                out.extend_from_slice(&[0, 0]);
                out.extend_from_slice(value);
            }
            Payload::IdInitiator(body) | Payload::IdResponder(body) | Payload::Nonce(body) => {
                out.extend_from_slice(body);
            }
            Payload::Certificate { encoding, data }
            | Payload::CertificateRequest { encoding, authorities: data } => {
                out.push(*encoding);
                out.extend_from_slice(data);
            }
            Payload::Auth { method, value } => {
                out.extend_from_slice(&[*method, 0, 0, 0]);
                out.extend_from_slice(value);
            }
            Payload::Notify(notify) => {
                out.extend_from_slice(&[notify.protocol, notify.spi.len() as u8]);
                out.extend_from_slice(&notify.kind.to_wire().to_be_bytes());
                out.extend_from_slice(&notify.spi);
                out.extend_from_slice(&notify.data);
            }
            Payload::Delete(Delete::Esp(spis)) => {
                out.extend_from_slice(&[proposal::PROTOCOL_ESP, 4]);
                out.extend_from_slice(&(spis.len() as u16).to_be_bytes());
                spis.iter().for_each(|spi| out.extend_from_slice(&spi.to_be_bytes()));
            }
            Payload::Delete(_) => out.extend_from_slice(&[proposal::PROTOCOL_IKE, 0, 0, 0]),
            Payload::TsInitiator(selectors) | Payload::TsResponder(selectors) => {
                selector::write(selectors, out)
            }
            Payload::Unused(_) => {}
        }
    }
}

fn key_exchange(reader: &mut Reader<'_>) -> Option<Payload> {
    let (group, _) = (reader.u16()?, reader.u16()?);
    Some(Payload::KeyExchange { group, value: reader.rest().to_vec() })
}

fn auth(reader: &mut Reader<'_>) -> Option<Payload> {
    let method = reader.u8()?;
    reader.take(3)?;
    Some(Payload::Auth { method, value: reader.rest().to_vec() })
}

fn notify(reader: &mut Reader<'_>) -> Option<Payload> {
    let (protocol, spi_length, kind) = (reader.u8()?, reader.u8()?, reader.u16()?);
    let spi = reader.take(usize::from(spi_length))?.to_vec();
    let kind = NotifyKind::from_wire(kind);
    Some(Payload::Notify(Notify { protocol, spi, kind, data: reader.rest().to_vec() }))
}

fn delete(reader: &mut Reader<'_>) -> Option<Payload> {
    let (protocol, spi_length, count) = (reader.u8()?, usize::from(reader.u8()?), usize::from(reader.u16()?));
    let mut spis = Reader::new(reader.take(spi_length * count)?);
    let delete = match (protocol, spi_length) {
        (proposal::PROTOCOL_IKE, 0) => Delete::Ike,
        (proposal::PROTOCOL_ESP, 4) => Delete::Esp(std::iter::from_fn(|| spis.u32()).collect()),
        (proposal::PROTOCOL_IKE | proposal::PROTOCOL_ESP, _) => return None,
        _ => Delete::Other,
    };
    reader.is_empty().then_some(Payload::Delete(delete))
}
