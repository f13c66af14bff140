//! The parts of an ESP packet that are the same for every algorithm.

use std::ops::Range;

use crate::drop_reason::DropReason;

/// The next header of an IPv4 packet in tunnel mode.
pub const NEXT_HEADER_IPV4: u8 = 4;
/// The next header of an IPv6 packet in tunnel mode.
pub const NEXT_HEADER_IPV6: u8 = 41;
/// The next header of a dummy packet (RFC 4303 section 2.6).
pub const NEXT_HEADER_NONE: u8 = 59;

/// SPI and sequence number.
pub(crate) const HEADER_LEN: usize = 8;
/// Pad length and next header.
pub(crate) const TRAILER_LEN: usize = 2;
/// What padding holds (RFC 4303 section 2.4); ours is at most a block of AES-CBC less one.
pub(crate) const PADDING: [u8; 15] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// The SPI that a packet begins with, `None` when it is too short to be ESP. On UDP port 4500 an SPI
/// of 0 is the marker of an IKE message (RFC 3948 section 2.2), and a NAT keepalive is too short.
pub fn spi_of(packet: &[u8]) -> Option<u32> {
    let (spi, rest) = packet.split_first_chunk()?;
    (rest.len() >= HEADER_LEN - 4).then(|| u32::from_be_bytes(*spi))
}

/// The low half of the sequence number; `packet` has at least a header.
pub(crate) fn sequence_of(packet: &[u8]) -> u32 {
    u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]])
}

pub(crate) fn header(spi: u32, sequence: u32) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..4].copy_from_slice(&spi.to_be_bytes());
    header[4..].copy_from_slice(&sequence.to_be_bytes());
    header
}

/// Bytes of padding after `inner_len` bytes, so that with the trailer they fill whole blocks and end
/// on 4 bytes (RFC 4303 section 2.4).
pub(crate) fn padding_len(inner_len: usize, block_len: usize) -> usize {
    let unit = block_len.max(4);
    (unit - (inner_len + TRAILER_LEN) % unit) % unit
}

/// Takes padding and trailer off a decrypted payload: how long the rest is, and its next header.
pub(crate) fn without_padding(payload: &[u8]) -> Result<(usize, u8), DropReason> {
    let [rest @ .., pad_len, next_header] = payload else {
        return Err(DropReason::MalformedPadding);
    };
    let len = rest.len().checked_sub(usize::from(*pad_len)).ok_or(DropReason::MalformedPadding)?;
    let as_it_should_be = rest[len..].iter().zip(1..=u8::MAX).all(|(byte, expected)| *byte == expected);
    if as_it_should_be { Ok((len, *next_header)) } else { Err(DropReason::MalformedPadding) }
}

/// Where the inner packet is in what padding left over: all of it, or what goes before traffic flow
/// confidentiality padding (RFC 4303 section 2.7), which the inner packet's own length tells apart.
pub(crate) fn inner_packet(payload: &[u8], next_header: u8) -> Result<Range<usize>, DropReason> {
    let (version, header_len, len) = match next_header {
        NEXT_HEADER_IPV4 => (4, 20, length_at(payload, 2)),
        NEXT_HEADER_IPV6 => (6, 40, length_at(payload, 4).map(|len| len + 40)),
        NEXT_HEADER_NONE => return Err(DropReason::Dummy),
        _ => return Err(DropReason::NotTunnel),
    };
    let fits = |len: &usize| (header_len..=payload.len()).contains(len);
    match len.filter(fits) {
        Some(len) if payload[0] >> 4 == version => Ok(0..len),
        _ => Err(DropReason::MalformedInner),
    }
}

fn length_at(payload: &[u8], offset: usize) -> Option<usize> {
    let bytes = payload.get(offset..offset + 2)?;
    Some(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))
}

#[cfg(test)]
mod tests {
    use super::{PADDING, padding_len, spi_of, without_padding};
    use crate::drop_reason::DropReason;

    #[test]
    fn padding_fills_blocks_and_ends_on_four_bytes() {
        for block_len in [1, 8, 16] {
            for inner_len in 0..100 {
                let pad_len = padding_len(inner_len, block_len);
                let filled = inner_len + pad_len + 2;
                assert!(filled.is_multiple_of(block_len) && filled.is_multiple_of(4));
                assert!(pad_len < block_len.max(4), "no more than needed");
                assert!(pad_len <= PADDING.len());
            }
        }
    }

    #[test]
    fn a_packet_shorter_than_its_header_has_no_spi() {
        assert_eq!(spi_of(&[1, 2, 3, 4, 0, 0, 0, 1]), Some(0x0102_0304));
        assert_eq!(spi_of(&[1, 2, 3, 4, 0, 0, 0]), None);
        assert_eq!(spi_of(&[0xff]), None);
        assert_eq!(spi_of(&[]), None);
    }

    #[test]
    fn padding_counts_up_from_one() {
        assert_eq!(without_padding(&[9, 9, 1, 2, 3, 3, 4]), Ok((2, 4)));
        assert_eq!(without_padding(&[9, 9, 0, 4]), Ok((2, 4)));
        assert_eq!(without_padding(&[0, 4]), Ok((0, 4)));
        for malformed in [&[9, 9, 1, 2, 2, 3, 4][..], &[9, 0, 1, 4], &[1, 2, 3, 4], &[4], &[]] {
            assert_eq!(without_padding(malformed), Err(DropReason::MalformedPadding), "{malformed:?}");
        }
        let longest: Vec<u8> = (1..=255).chain([255, 4]).collect();
        assert_eq!(without_padding(&longest), Ok((0, 4)));
    }
}
