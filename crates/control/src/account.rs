//! Accounts, and who calls.

use serde::{Deserialize, Serialize};

use crate::access_key::{AccessKey, Owner};
use crate::ids::{AccountId, IdSource};
use crate::record::Record;

/// An account: it owns everything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name, for people.
    pub name: String,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

/// Who calls, inside the account whose AccessKey signed the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The account itself: may do everything.
    Root,
    /// A RAM user: may do what its policies allow.
    RamUser {
        /// The name of the user.
        name: String,
    },
    /// Somebody with a role for a while: may do what the policies of the role allow, and the session's own
    /// one too, if there is one.
    RoleSession {
        /// The name of the role.
        role: String,
        /// The id of the role: another role that is given the name later is not this one.
        role_id: String,
        /// The name of the session.
        session: String,
        /// The JSON of the session's own policy.
        policy: Option<String>,
    },
}

impl Caller {
    /// The names by which a trust policy can mean a caller of an account.
    pub fn names(&self, account: &AccountId) -> Vec<String> {
        let own = match self {
            Self::Root => None,
            Self::RamUser { name } => Some(format!("acs:ram::{account}:user/{name}")),
            Self::RoleSession { role, .. } => Some(format!("acs:ram::{account}:role/{role}")),
        };
        [format!("acs:ram::{account}:root")].into_iter().chain(own).collect()
    }
}

/// A new account with its first AccessKey.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its id.
    pub account: AccountId,
    /// The AccessKey of the account itself.
    pub access_key: AccessKey,
    /// Everything that is to be stored.
    pub records: Vec<Record>,
}

/// Makes an account. The seed must be random and used once.
pub fn new_account(seed: &[u8; 32], now_ms: i64) -> NewAccount {
    let mut ids = IdSource::new(*seed);
    let account = AccountId::generate(&mut ids);
    let access_key = AccessKey::generate(&mut ids, Owner::Root, now_ms);
    let record = Account { id: account.clone(), name: format!("account-{account}"), created_ms: now_ms };
    let records = vec![Record::Account(record), Record::AccessKey(access_key.clone())];
    NewAccount { account, access_key, records }
}
