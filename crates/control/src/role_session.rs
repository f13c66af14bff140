//! Sessions of roles: an AccessKey for a while, and the token that goes with it.
//!
//! A session is not stored. Its token *is* the session, sealed with the server's key: whose it is, which
//! role, until when, the secret of its AccessKey and its own policy. Compared with sessions in the store,
//!
//! - assuming a role writes nothing, so that a program that does it for each of its calls costs the disk nothing and
//!   nobody can fill the store with sessions: there is nothing to bound and nothing to prune;
//! - a session survives a restart, because the key that opens it does, and one in another data folder opens nothing;
//! - nothing can be read or changed in it by whoever has it.
//!
//! What it does not hold is what the session may do. The role is looked up at each request, by name and id: when
//! its policies change or it is deleted, so do the rights of every living session, at once. The price is
//! that a single session cannot be ended before its time; the API has no operation that could.

use serde::{Deserialize, Serialize};

use crate::account::Caller;
use crate::catalogue;
use crate::error::ApiError;
use crate::ids::{AccessKeyId, AccountId, Secret};
use crate::state::AccountState;

/// The shortest time a session can be asked to live, in seconds.
pub const DURATION_S_MIN: u32 = 900;
/// How long a session's own policy may be, in bytes, so that its token fits into a header.
pub const POLICY_BYTES_MAX: usize = 2048;
/// How long a token may be, in bytes. Longer ones are not even opened.
pub const TOKEN_BYTES_MAX: usize = 8192;

/// Seals what a client keeps for the server, so that only this server can read it and nobody can change it.
pub trait Sealer {
    /// Seals a text.
    fn seal(&self, plain: &Secret) -> String;
    /// Opens what [`Self::seal`] sealed; `None` for anything else.
    fn open(&self, sealed: &str) -> Option<Secret>;
}

/// A session of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSession {
    /// Whose the role is.
    pub account: AccountId,
    /// The name of the role.
    pub role: String,
    /// The id of the role.
    pub role_id: String,
    /// The name of the session.
    pub name: String,
    /// The id of its AccessKey.
    pub access_key_id: AccessKeyId,
    /// The secret of its AccessKey.
    pub secret: Secret,
    /// The JSON of its own policy, which was parsed when the session was made.
    pub policy: Option<String>,
    /// Until when it lives, in UNIX milliseconds.
    pub expires_ms: i64,
}

impl RoleSession {
    /// The token of the session.
    pub fn token(&self, sealer: &dyn Sealer) -> String {
        let text = serde_json::to_string(self).expect("a structure of texts can always be written as JSON");
        sealer.seal(&Secret::new(text))
    }

    /// The session of a token that comes with an AccessKey. Whether the caller knows the secret is still to be
    /// verified, and then [`Self::caller`] says whether the session is alive.
    ///
    /// # Errors
    ///
    /// `InvalidSecurityToken.Malformed` for what this server did not make,
    /// `InvalidSecurityToken.MismatchWithAccessKey` for the token of another AccessKey.
    pub fn open(token: &str, access_key: &AccessKeyId, sealer: &dyn Sealer) -> Result<Self, ApiError> {
        let malformed = || ApiError::new(&catalogue::SECURITY_TOKEN_MALFORMED);
        if token.len() > TOKEN_BYTES_MAX {
            return Err(malformed());
        }
        let plain = sealer.open(token).ok_or_else(malformed)?;
        let session: Self = serde_json::from_str(plain.expose()).map_err(|_not_ours| malformed())?;
        if session.access_key_id != *access_key {
            return Err(ApiError::new(&catalogue::SECURITY_TOKEN_MISMATCH));
        }
        Ok(session)
    }

    /// Who calls with it, in the state of its account.
    ///
    /// # Errors
    ///
    /// `InvalidSecurityToken.Expired` when its time is up, or its role is no more.
    pub fn caller(&self, state: &AccountState, now_ms: i64) -> Result<Caller, ApiError> {
        let expired = ApiError::new(&catalogue::SECURITY_TOKEN_EXPIRED);
        if now_ms >= self.expires_ms {
            return Err(expired);
        }
        if state.ram_role(&self.role).is_none_or(|role| role.role_id != self.role_id) {
            return Err(expired.detail("The role of the session was deleted."));
        }
        Ok(Caller::RoleSession {
            role: self.role.clone(),
            role_id: self.role_id.clone(),
            session: self.name.clone(),
            policy: self.policy.clone(),
        })
    }
}
