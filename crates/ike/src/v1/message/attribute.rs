//! Data attributes (RFC 2408, 3.3): a type and a number, short or long.

use crate::message::reader::Reader;
use crate::v1::message::Malformed;

const SHORT: u16 = 0x8000;
/// The most attributes of one transform.
const ATTRIBUTES_MAX: usize = 32;

/// One attribute. A value of more than eight bytes is nothing that we could use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Attribute {
    pub kind: u16,
    pub value: Option<u64>,
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Attribute>, Malformed> {
    let short = || Malformed("an attribute goes beyond the end");
    let (mut reader, mut attributes) = (Reader::new(bytes), Vec::new());
    while !reader.is_empty() {
        if attributes.len() == ATTRIBUTES_MAX {
            return Err(Malformed("too many attributes"));
        }
        let kind = reader.u16().ok_or_else(short)?;
        let number = reader.u16().ok_or_else(short)?;
        let value = match kind & SHORT {
            0 => number_in(reader.take(usize::from(number)).ok_or_else(short)?),
            _ => Some(u64::from(number)),
        };
        attributes.push(Attribute { kind: kind & !SHORT, value });
    }
    Ok(attributes)
}

fn number_in(bytes: &[u8]) -> Option<u64> {
    let significant = bytes.iter().skip_while(|byte| **byte == 0);
    (significant.clone().count() <= 8)
        .then(|| significant.fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Writes an attribute, in the short form if the number fits into it.
pub(crate) fn write(kind: u16, value: u32, bytes: &mut Vec<u8>) {
    match u16::try_from(value) {
        Ok(value) => {
            bytes.extend((kind | SHORT).to_be_bytes());
            bytes.extend(value.to_be_bytes());
        }
        Err(_) => {
            bytes.extend(kind.to_be_bytes());
            bytes.extend(4_u16.to_be_bytes());
            bytes.extend(value.to_be_bytes());
        }
    }
}

/// The value of the first attribute of a kind.
pub(crate) fn value_of(attributes: &[Attribute], kind: u16) -> Option<u64> {
    attributes.iter().find(|attribute| attribute.kind == kind)?.value
}

/// The least of the lifetimes in seconds: a type attribute says what the durations after it count.
pub(crate) fn seconds(attributes: &[Attribute], life_type: u16, life_duration: u16) -> Option<u64> {
    const SECONDS: u64 = 1;
    let (mut counts, mut least) = (None, None);
    for attribute in attributes {
        if attribute.kind == life_type {
            counts = attribute.value;
        } else if attribute.kind == life_duration && counts == Some(SECONDS) {
            least = [least, attribute.value].into_iter().flatten().min();
        }
    }
    least
}
