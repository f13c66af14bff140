//! AccessKeys: an id that everybody may see, and the secret with which requests are signed.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::account::Caller;
use crate::ids::{AccessKeyId, IdSource, Secret};

/// How many AccessKeys a RAM user can have.
pub const PER_RAM_USER_MAX: usize = 2;
/// How many AccessKeys the account itself can have.
pub const PER_ACCOUNT_MAX: usize = 5;

/// Whose AccessKey it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The account's.
    Root,
    /// A RAM user's, by name.
    RamUser(String),
}

/// Whether it can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Status {
    /// It can.
    Active,
    /// It cannot.
    Inactive,
}

/// An AccessKey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its id.
    pub id: AccessKeyId,
    /// Its secret.
    pub secret: Secret,
    /// Whose it is.
    pub owner: Owner,
    /// Whether it can be used.
    pub status: Status,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

impl AccessKey {
    /// A new AccessKey.
    pub fn generate(ids: &mut IdSource, owner: Owner, now_ms: i64) -> Self {
        Self {
            id: AccessKeyId::generate(ids),
            secret: ids.next_access_key_secret(),
            owner,
            status: Status::Active,
            created_ms: now_ms,
        }
    }

    /// Who calls with it.
    pub fn caller(&self) -> Caller {
        match &self.owner {
            Owner::Root => Caller::Root,
            Owner::RamUser(name) => Caller::RamUser { name: name.clone() },
        }
    }
}

/// Makes an AccessKey. The seed must be random and used once.
pub fn new_access_key(seed: &[u8; 32], owner: Owner, now_ms: i64) -> AccessKey {
    AccessKey::generate(&mut IdSource::new(*seed), owner, now_ms)
}

/// An AccessKey in an answer. Its secret is shown once, by the operation that makes it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct AccessKeyView {
    access_key_id: AccessKeyId,
    create_date: String,
    status: Status,
}

impl From<&AccessKey> for AccessKeyView {
    fn from(key: &AccessKey) -> Self {
        Self {
            access_key_id: key.id.clone(),
            create_date: format_timestamp(key.created_ms),
            status: key.status,
        }
    }
}
