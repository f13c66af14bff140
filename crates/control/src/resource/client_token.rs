//! Client tokens: what makes a request that is sent twice have its effect once.

use serde::{Deserialize, Serialize};

use causeway_wire::Params;

use crate::error::ApiError;
use crate::ids::{Secret, source::sha256};

/// How long a token is remembered, in milliseconds.
pub const LIFE_MS: i64 = 24 * 60 * 60 * 1000;
/// How long a token may be, in characters.
pub const CHARS_MAX: usize = 64;
/// How many tokens an account can have; the oldest goes when there is one more.
pub const TOKENS_MAX: usize = 20_000;
/// How many tokens whose time is up are removed with a new one, so that no request pays for all.
pub const PRUNED_MAX: usize = 8;

/// What was answered to a request with a client token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientToken {
    /// The operation with its product, as in `Vpc:TagResources`.
    pub action: String,
    /// What the client sent.
    pub token: String,
    /// What distinguishes the request from others. Sealed, because keys could be guessed from it.
    pub digest: Secret,
    /// The answer, as JSON. Sealed, because it may show keys.
    pub answer: Secret,
    /// When, in UNIX milliseconds.
    pub created_ms: i64,
}

impl ClientToken {
    /// The name under which it is stored: tokens of different operations do not meet.
    pub fn id(action: &str, token: &str) -> String {
        format!("{action}/{token}")
    }

    /// Whether its time is up.
    pub fn is_over(&self, now_ms: i64) -> bool {
        now_ms.saturating_sub(self.created_ms) >= LIFE_MS
    }
}

/// Refuses what cannot be a token.
///
/// # Errors
///
/// `InvalidClientToken`.
pub fn check(token: &str) -> Result<(), ApiError> {
    let printable = token.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if token.len() <= CHARS_MAX && printable {
        Ok(())
    } else {
        Err(ApiError::invalid("ClientToken", format!("at most {CHARS_MAX} printable ASCII characters")))
    }
}

/// What a repeated request may differ in: how it is signed and encoded, but not what it asks for.
const NOT_BUSINESS: [&str; 13] = [
    "AccessKeyId",
    "Action",
    "BearerToken",
    "ClientToken",
    "Format",
    "SecurityToken",
    "Signature",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureType",
    "SignatureVersion",
    "Timestamp",
    "Version",
];

/// What distinguishes a request from others: the digest of what it asks for.
pub fn digest(params: &Params) -> Secret {
    let mut text = Vec::new();
    for (name, value) in params.iter().filter(|(name, _)| !NOT_BUSINESS.contains(name)) {
        // With their lengths, two texts cannot be divided in two ways.
        for part in [name, value] {
            text.extend_from_slice(&part.len().to_be_bytes());
            text.extend_from_slice(part.as_bytes());
        }
    }
    let hex: String = sha256(&[&text]).iter().map(|byte| format!("{byte:02x}")).collect();
    Secret::new(hex)
}
