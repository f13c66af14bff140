//! RAM users: callers inside an account, who may do what their policies allow.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ram_policy::AttachedPolicies;
use crate::resource::tag::Tags;

/// How many RAM users an account can have.
pub const RAM_USERS_MAX: usize = 1000;
/// How many policies can be attached to a RAM user.
pub const POLICIES_MAX: usize = 20;

/// A RAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RamUser {
    /// The name, unique in the account.
    pub name: String,
    /// The id: 18 digits.
    pub user_id: String,
    /// The name for people.
    pub display_name: String,
    /// The telephone number.
    pub mobile_phone: String,
    /// The e-mail address.
    pub email: String,
    /// What the user is for.
    pub comments: String,
    /// The attached policies, by name.
    pub policies: AttachedPolicies,
    /// Its tags.
    pub tags: Tags,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
    /// When it was changed last, in UNIX milliseconds.
    pub updated_ms: i64,
}

impl RamUser {
    /// A RAM user with a name and nothing else.
    pub fn new(name: String, user_id: String, now_ms: i64) -> Self {
        Self {
            name,
            user_id,
            display_name: String::new(),
            mobile_phone: String::new(),
            email: String::new(),
            comments: String::new(),
            policies: AttachedPolicies::new(),
            tags: Tags::new(),
            created_ms: now_ms,
            updated_ms: now_ms,
        }
    }
}

/// A RAM user in the answer that made it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct RamUserView {
    comments: String,
    create_date: String,
    display_name: String,
    email: String,
    mobile_phone: String,
    user_id: String,
    user_name: String,
}

impl From<&RamUser> for RamUserView {
    fn from(user: &RamUser) -> Self {
        Self {
            comments: user.comments.clone(),
            create_date: format_timestamp(user.created_ms),
            display_name: user.display_name.clone(),
            email: user.email.clone(),
            mobile_phone: user.mobile_phone.clone(),
            user_id: user.user_id.clone(),
            user_name: user.name.clone(),
        }
    }
}

/// A RAM user in the answers that show it later.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct KnownRamUserView {
    #[serde(flatten)]
    user: RamUserView,
    update_date: String,
}

impl From<&RamUser> for KnownRamUserView {
    fn from(user: &RamUser) -> Self {
        Self { user: RamUserView::from(user), update_date: format_timestamp(user.updated_ms) }
    }
}
