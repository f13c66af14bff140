//! The chunked transfer encoding (RFC 9112 section 7.1), for bodies that nobody has decoded yet.
//!
//! An HTTP server in front decodes it by itself; this is for requests that were recorded as they came.

use thiserror::Error;

/// How many digits the size of a chunk may have.
const SIZE_DIGITS_MAX: usize = 8;

/// Why a chunked body could not be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChunkedError {
    /// It ends before its last chunk.
    #[error("the chunked body ends early")]
    Truncated,
    /// The size of a chunk is not one to eight hexadecimal digits and a line break. Chunk extensions, which
    /// no client of this API sends, are not accepted either.
    #[error("the size of a chunk is malformed")]
    Size,
    /// A chunk is not followed by a line break.
    #[error("a chunk does not end where its size says")]
    End,
    /// There are trailer fields or other bytes after the last chunk.
    #[error("there are bytes after the last chunk")]
    Trailing,
    /// The chunks have more bytes than allowed.
    #[error("the chunked body has more than {bytes_max} bytes")]
    TooLarge {
        /// How many are allowed.
        bytes_max: usize,
    },
}

/// Decodes a whole chunked body that may have up to `bytes_max` bytes when decoded. Line breaks must be
/// CR LF, and nothing may follow the last chunk.
///
/// # Errors
///
/// When the encoding is broken in any way, or the body too large.
pub fn decode(mut encoded: &[u8], bytes_max: usize) -> Result<Vec<u8>, ChunkedError> {
    let mut body = Vec::new();
    loop {
        let size = take_size(&mut encoded)?;
        if size > bytes_max - body.len() {
            return Err(ChunkedError::TooLarge { bytes_max });
        }
        let (chunk, rest) = encoded.split_at_checked(size).ok_or(ChunkedError::Truncated)?;
        body.extend_from_slice(chunk);
        encoded = match rest {
            [b'\r', b'\n', rest @ ..] => rest,
            [] | [b'\r'] => return Err(ChunkedError::Truncated),
            _ if size == 0 => return Err(ChunkedError::Trailing),
            _ => return Err(ChunkedError::End),
        };
        if size == 0 {
            return if encoded.is_empty() { Ok(body) } else { Err(ChunkedError::Trailing) };
        }
    }
}

/// Takes the line with the size of the next chunk.
fn take_size(encoded: &mut &[u8]) -> Result<usize, ChunkedError> {
    let digits = encoded.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits > SIZE_DIGITS_MAX {
        return Err(ChunkedError::Size);
    }
    let (size, rest) = encoded.split_at(digits);
    *encoded = match rest {
        [b'\r', b'\n', rest @ ..] if digits > 0 => rest,
        [] | [b'\r'] => return Err(ChunkedError::Truncated),
        _ => return Err(ChunkedError::Size),
    };
    let size = std::str::from_utf8(size).map_err(|_| ChunkedError::Size)?;
    usize::from_str_radix(size, 16).map_err(|_| ChunkedError::Size)
}

#[cfg(test)]
mod tests {
    use super::{ChunkedError, decode};

    #[test]
    fn chunks_are_joined() {
        assert_eq!(
            decode(b"3\r\nabc\r\n0a\r\n0123456789\r\n0\r\n\r\n", 13).as_deref(),
            Ok(b"abc0123456789".as_slice())
        );
        assert_eq!(decode(b"0\r\n\r\n", 0).as_deref(), Ok(b"".as_slice()));
    }

    #[test]
    fn the_bound_is_the_decoded_size() {
        assert_eq!(
            decode(b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", 3),
            Err(ChunkedError::TooLarge { bytes_max: 3 })
        );
        assert_eq!(decode(b"ffffffff\r\n", 1000), Err(ChunkedError::TooLarge { bytes_max: 1000 }));
    }

    #[test]
    fn every_prefix_of_a_body_is_truncated() {
        let whole = b"3\r\nabc\r\n0\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(decode(&whole[..end], 10), Err(ChunkedError::Truncated), "{end}");
        }
    }

    #[test]
    fn what_is_not_exactly_chunked_is_refused() {
        let table: [(&[u8], ChunkedError); 9] = [
            (b"3\nabc\r\n0\r\n\r\n", ChunkedError::Size),
            (b"\r\nabc\r\n0\r\n\r\n", ChunkedError::Size),
            (b"x\r\n", ChunkedError::Size),
            (b"3;name=value\r\nabc\r\n0\r\n\r\n", ChunkedError::Size),
            (b"000000003\r\nabc\r\n0\r\n\r\n", ChunkedError::Size),
            (b"-3\r\nabc\r\n0\r\n\r\n", ChunkedError::Size),
            (b"2\r\nabc\r\n0\r\n\r\n", ChunkedError::End),
            (b"0\r\nName: value\r\n\r\n", ChunkedError::Trailing),
            (b"0\r\n\r\nGET / HTTP/1.1\r\n", ChunkedError::Trailing),
        ];
        for (encoded, error) in table {
            assert_eq!(decode(encoded, 100), Err(error), "{}", encoded.escape_ascii());
        }
    }
}
