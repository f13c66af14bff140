//! The payloads of one message by what they are, not by where they stand.

use super::MessageError;
use super::notify::{Notify, NotifyKind};
use super::payload::{Delete, Payload};
use super::proposal::Proposal;
use super::selector::Selector;

/// The payloads of one message. RFC 7296 gives their order no meaning, and allows only one of most of them.
#[derive(Default, Debug)]
pub(crate) struct Contents {
    pub sa: Option<Vec<Proposal>>,
    pub key_exchange: Option<(u16, Vec<u8>)>,
    pub id_initiator: Option<Vec<u8>>,
    pub id_responder: Option<Vec<u8>>,
    /// Certificates by their encoding, the sender's own first.
    pub certificates: Vec<(u8, Vec<u8>)>,
    pub auth: Option<(u8, Vec<u8>)>,
    pub nonce: Option<Vec<u8>>,
    pub ts_initiator: Option<Vec<Selector>>,
    pub ts_responder: Option<Vec<Selector>>,
    pub notifies: Vec<Notify>,
    pub deletes: Vec<Delete>,
}

impl Contents {
    /// Sorts payloads; a second one of a kind of which there is only one is an error.
    pub(crate) fn of(payloads: Vec<Payload>) -> Result<Self, MessageError> {
        let mut contents = Contents::default();
        for payload in payloads {
            let twice = match payload {
                Payload::SecurityAssociation(it) => contents.sa.replace(it).is_some(),
                Payload::KeyExchange { group, value } => {
                    contents.key_exchange.replace((group, value)).is_some()
                }
                Payload::IdInitiator(it) => contents.id_initiator.replace(it).is_some(),
                Payload::IdResponder(it) => contents.id_responder.replace(it).is_some(),
                Payload::Certificate { encoding, data } => {
                    contents.certificates.push((encoding, data));
                    false
                }
                Payload::CertificateRequest { .. } => false,
                Payload::Auth { method, value } => contents.auth.replace((method, value)).is_some(),
                Payload::Nonce(it) => contents.nonce.replace(it).is_some(),
                Payload::TsInitiator(it) => contents.ts_initiator.replace(it).is_some(),
                Payload::TsResponder(it) => contents.ts_responder.replace(it).is_some(),
                Payload::Notify(it) => {
                    contents.notifies.push(it);
                    false
                }
                Payload::Delete(it) => {
                    contents.deletes.push(it);
                    false
                }
                Payload::Unused(_) => false,
            };
            if twice {
                return Err(MessageError::Syntax("two payloads of a kind of which there is only one"));
            }
        }
        Ok(contents)
    }

    /// The first notification of a kind.
    pub(crate) fn notify(&self, kind: NotifyKind) -> Option<&Notify> {
        self.notifies.iter().find(|notify| notify.kind == kind)
    }

    /// The first notification that reports an error.
    pub(crate) fn error(&self) -> Option<&Notify> {
        self.notifies.iter().find(|notify| notify.kind.is_error())
    }
}
