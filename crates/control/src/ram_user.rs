//! RAM users: callers inside an account, who may do what their policies allow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::IdSource;

/// How long the name of a RAM user may be, in characters.
const NAME_CHARS_MAX: usize = 64;

/// A RAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RamUser {
    /// The name, unique in the account.
    pub name: String,
    /// The id: 18 digits.
    pub user_id: String,
    /// The attached policies: the text of each document, by its name.
    pub policies: BTreeMap<String, String>,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

/// A name that a RAM user cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name of a RAM user has 1 to {NAME_CHARS_MAX} letters, digits and characters of . _ -")]
pub struct InvalidName;

/// Makes a RAM user without policies. The seed must be random and used once.
///
/// # Errors
///
/// When the name cannot be one.
pub fn new_ram_user(seed: &[u8; 32], name: &str, now_ms: i64) -> Result<RamUser, InvalidName> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !(1..=NAME_CHARS_MAX).contains(&name.len()) || !name.bytes().all(allowed) {
        return Err(InvalidName);
    }
    let user_id = IdSource::new(*seed).next_digits(18);
    Ok(RamUser { name: name.to_owned(), user_id, policies: BTreeMap::new(), created_ms: now_ms })
}
