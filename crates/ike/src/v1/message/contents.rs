//! The payloads of a message by what they are for. Those that nobody knows are passed over (RFC 2408, 5.3 lets us).

use crate::v1::message::notify::{Delete, Notify};
use crate::v1::message::{
    DELETE, HASH, IDENTIFICATION, KEY_EXCHANGE, Malformed, NAT_D, NAT_D_DRAFT, NONCE, NOTIFICATION, Payload,
    SA, VENDOR_ID,
};

/// Nonces have 8 to 256 bytes (RFC 2409, 5).
const NONCE_BYTES: std::ops::RangeInclusive<usize> = 8..=256;

/// What a message holds. Of what there may be only one, the first counts.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Contents {
    /// Bodies, because hashes cover them.
    pub sa: Option<Vec<u8>>,
    pub key_exchange: Option<Vec<u8>>,
    pub nonce: Option<Vec<u8>>,
    pub hash: Option<Vec<u8>>,
    pub ids: Vec<Vec<u8>>,
    pub vendor_ids: Vec<Vec<u8>>,
    pub nat_d: Vec<Vec<u8>>,
    pub notifies: Vec<Notify>,
    pub deletes: Vec<Delete>,
    /// Whether HASH came first, as it has to in phase 2.
    pub hash_is_first: bool,
}

impl Contents {
    pub(crate) fn of(payloads: Vec<Payload>) -> Result<Contents, Malformed> {
        let mut contents = Contents {
            hash_is_first: payloads.first().is_some_and(|first| first.kind == HASH),
            ..Contents::default()
        };
        for Payload { kind, body } in payloads {
            match kind {
                SA => {
                    contents.sa.get_or_insert(body);
                }
                KEY_EXCHANGE => {
                    contents.key_exchange.get_or_insert(body);
                }
                NONCE if !NONCE_BYTES.contains(&body.len()) => {
                    return Err(Malformed("a nonce of a length that is not allowed"));
                }
                NONCE => {
                    contents.nonce.get_or_insert(body);
                }
                HASH => {
                    contents.hash.get_or_insert(body);
                }
                IDENTIFICATION => contents.ids.push(body),
                VENDOR_ID => contents.vendor_ids.push(body),
                NAT_D | NAT_D_DRAFT => contents.nat_d.push(body),
                NOTIFICATION => contents.notifies.push(Notify::parse(&body)?),
                DELETE => contents.deletes.push(Delete::parse(&body)?),
                _ => {}
            }
        }
        Ok(contents)
    }

    pub(crate) fn notify(&self, kind: u16) -> Option<&Notify> {
        self.notifies.iter().find(|notify| notify.kind == kind)
    }

    /// The first notification of an error.
    pub(crate) fn error(&self) -> Option<&Notify> {
        self.notifies.iter().find(|notify| notify.is_error())
    }
}
