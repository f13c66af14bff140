//! Where new ids and keys come from: a seed that the caller of a pure function hands in.

use std::fmt;

use aws_lc_rs::digest;

use super::Secret;

const LOWER_CASE_AND_DIGITS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const LETTERS_AND_DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DIGITS: &[u8] = b"0123456789";

/// How long the random part of an id is, in characters: 113 bits.
const SUFFIX_CHARS: usize = 22;
/// How long a pre-shared key is that nobody chose, in characters, as the API documents it.
const PSK_CHARS: usize = 16;
/// How long the secret half of an AccessKey is, in characters.
const ACCESS_KEY_SECRET_CHARS: usize = 30;

/// A source of ids, the same for the same seed. What it gives out tells nothing of what else it gives out,
/// so that ids, which everybody sees, and keys can come from one seed.
#[derive(Clone)]
pub struct IdSource {
    seed: [u8; 32],
    taken: u64,
}

/// The seed is as secret as the keys that are made of it.
impl fmt::Debug for IdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdSource").field("taken", &self.taken).finish_non_exhaustive()
    }
}

impl IdSource {
    /// Begins with a seed, which must be random and used once.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, taken: 0 }
    }

    /// The part of an id that comes after its prefix.
    pub fn next_suffix(&mut self) -> String {
        self.next_text(LOWER_CASE_AND_DIGITS, SUFFIX_CHARS)
    }

    /// Upper-case and lower-case letters and digits.
    pub fn next_letters_and_digits(&mut self, chars: usize) -> String {
        self.next_text(LETTERS_AND_DIGITS, chars)
    }

    /// A number of so many digits, the first of which is not zero.
    pub fn next_digits(&mut self, digits: usize) -> String {
        let first = self.next_text(&DIGITS[1..], 1);
        first + &self.next_text(DIGITS, digits.saturating_sub(1))
    }

    /// A pre-shared key for a tunnel whose owner chose none.
    pub fn next_psk(&mut self) -> Secret {
        Secret::new(self.next_text(LETTERS_AND_DIGITS, PSK_CHARS))
    }

    /// The secret half of an AccessKey.
    pub fn next_access_key_secret(&mut self) -> Secret {
        Secret::new(self.next_text(LETTERS_AND_DIGITS, ACCESS_KEY_SECRET_CHARS))
    }

    fn next_text(&mut self, alphabet: &[u8], chars: usize) -> String {
        // Bytes from here on would make the first letters of the alphabet likelier than the others.
        let fair = 256 - 256 % alphabet.len();
        let mut text = String::with_capacity(chars);
        while text.len() < chars {
            let block = sha256(&[&self.seed, &self.taken.to_be_bytes()]);
            self.taken += 1;
            let letters = block.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
            text.extend(
                letters.map(|byte| char::from(alphabet[byte % alphabet.len()])).take(chars - text.len()),
            );
        }
        text
    }
}

/// SHA-256 over the parts, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
