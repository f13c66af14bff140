//! `application/x-www-form-urlencoded` on the way in, RFC 3986 for canonical forms.

/// Why a query or a form could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// A `%` that two hexadecimal digits do not follow.
    PercentEncoding,
    /// The decoded bytes are not UTF-8.
    NotUtf8,
}

/// The pairs of a query or form, still encoded: `a=1&b&&c=` has `("a", "1")`, `("b", "")`, `("c", "")`.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Decodes one name or value: `+` is a space, `%XX` a byte.
pub(crate) fn decode(text: &str) -> Result<String, DecodeError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = bytes.next().and_then(hex_digit).ok_or(DecodeError::PercentEncoding)?;
                let low = bytes.next().and_then(hex_digit).ok_or(DecodeError::PercentEncoding)?;
                high << 4 | low
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| DecodeError::NotUtf8)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Encodes as canonical strings want it: all but RFC 3986's unreserved characters become `%XX` in upper case.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + text.len() / 4);
    push_percent_encoded(&mut encoded, text);
    encoded
}

/// Appends what [`percent_encode`] returns.
pub(crate) fn push_percent_encoded(encoded: &mut String, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DecodeError, decode, pairs, percent_encode};

    #[test]
    fn plus_is_a_space_and_percent_a_byte() {
        assert_eq!(decode("a+b%20c%2B%c3%A4").as_deref(), Ok("a b c+ä"));
    }

    #[test]
    fn broken_encodings_are_refused() {
        for text in ["%", "%4", "%4g", "%g4", "%-1", "a%", "%+1"] {
            assert_eq!(decode(text), Err(DecodeError::PercentEncoding), "{text}");
        }
        assert_eq!(decode("%ff%fe"), Err(DecodeError::NotUtf8));
    }

    #[test]
    fn blank_values_are_kept_and_empty_pairs_dropped() {
        let all: Vec<_> = pairs("a=1&b&&c=&d=x=y&").collect();
        assert_eq!(all, [("a", "1"), ("b", ""), ("c", ""), ("d", "x=y")]);
    }

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(percent_encode("Az09-_.~ *+/'()!ä"), "Az09-_.~%20%2A%2B%2F%27%28%29%21%C3%A4");
    }
}
