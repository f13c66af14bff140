//! What the fuzz targets need to see of the inside; there only when they are built.

use crate::message::payload::{Delete, Payload};
use crate::message::{parse_payloads, parse_plain, write_payloads, write_plain};

/// Reads an unprotected message, writes what we can write of it, and reads that: both readings, as text. `None` when it
/// cannot be read.
///
/// # Panics
///
/// When what was written cannot be read.
pub fn message_again(message: &[u8]) -> Option<(String, String)> {
    let (header, payloads) = parse_plain(message).ok()?;
    let payloads = writable(payloads);
    let again = parse_plain(&write_plain(&header, &payloads)).expect("what was written can be read");
    Some((format!("{:?}", (header, payloads)), format!("{again:?}")))
}

/// The same for a chain of payloads, as an encrypted payload holds it; `first` is the type of the first.
///
/// # Panics
///
/// When what was written cannot be read.
pub fn payloads_again(first: u8, chain: &[u8]) -> Option<(String, String)> {
    let payloads = writable(parse_payloads(first, chain).ok()?);
    let (first, written) = write_payloads(&payloads);
    let again = parse_payloads(first, &written).expect("what was written can be read");
    Some((format!("{payloads:?}"), format!("{again:?}")))
}

/// Without what we read and never send: payloads that we do not use, and attributes that we do not know.
fn writable(mut payloads: Vec<Payload>) -> Vec<Payload> {
    payloads.retain(|payload| !matches!(payload, Payload::Unused(_) | Payload::Delete(Delete::Other)));
    for payload in &mut payloads {
        if let Payload::SecurityAssociation(proposals) = payload {
            let transforms = proposals.iter_mut().flat_map(|proposal| &mut proposal.transforms);
            transforms.for_each(|transform| transform.unknown_attribute = false);
        }
    }
    payloads
}
