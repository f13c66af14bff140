//! Bytes that nobody may see: they are not printed, and they are overwritten when dropped.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Secret bytes: keys, shared secrets, pre-shared keys. Overwritten when dropped, never printed, and
/// compared in a time that does not depend on where two of them differ.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes bytes over; no copy of them is left behind.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes. Look at them as briefly as possible.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn with_capacity(len: usize) -> Self {
        Self(Vec::with_capacity(len))
    }

    /// Appends; the caller reserved the room, because growing would leave a copy behind in freed memory.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        debug_assert!(
            self.0.capacity() - self.0.len() >= bytes.len(),
            "a secret must not be moved by growing"
        );
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        if let Some(surplus) = self.0.get_mut(len..) {
            surplus.zeroize();
        }
        self.0.truncate(len);
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(&self.0, &other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// Whether `a` and `b` are the same, in a time that depends on their lengths only.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{Secret, constant_time_eq};

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::from(b"open sesame".as_slice());
        assert_eq!(format!("{secret:?}"), "Secret(11 bytes)");
    }

    #[test]
    fn only_equal_bytes_of_equal_length_are_equal() {
        assert!(constant_time_eq(b"", b""));
        assert!(constant_time_eq(b"abc", b"abc"));
        assert!(!constant_time_eq(b"abc", b"abd"));
        assert!(!constant_time_eq(b"abc", b"ab"));
        assert_eq!(Secret::from(b"abc".as_slice()), Secret::new(b"abc".to_vec()));
        assert_ne!(Secret::from(b"abc".as_slice()), Secret::new(b"abd".to_vec()));
    }

    #[test]
    fn a_truncated_secret_keeps_its_first_bytes() {
        let mut secret = Secret::new(b"abcdef".to_vec());
        secret.truncate(3);
        assert_eq!(secret.as_bytes(), b"abc");
        secret.truncate(9);
        assert_eq!(secret.as_bytes(), b"abc");
    }
}
