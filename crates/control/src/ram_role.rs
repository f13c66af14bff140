//! RAM roles: what a RAM user may be for a while, and who trusts whom with it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use causeway_wire::format_timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::ids::AccountId;
use crate::ram_policy::AttachedPolicies;
use crate::resource::tag::Tags;

/// How many roles an account can have.
pub const RAM_ROLES_MAX: usize = 1000;
/// How many policies can be attached to a role.
pub const POLICIES_MAX: usize = 20;
/// How long a trust policy may be, in characters.
pub const TRUST_CHARS_MAX: usize = 4096;

/// A RAM role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RamRole {
    /// The name, unique in the account.
    pub name: String,
    /// The id: 18 digits, never given twice.
    pub role_id: String,
    /// What it is for.
    pub description: String,
    /// The JSON of the trust policy; it was parsed when it was made.
    pub trust: String,
    /// How long a session may live, in seconds.
    pub max_session_duration_s: u32,
    /// Whether somebody may log on to the console with it. There is no console; the value is kept and shown.
    pub allow_console_login: bool,
    /// The attached policies, by name.
    pub policies: AttachedPolicies,
    /// Its tags.
    pub tags: Tags,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
    /// When it was changed last, in UNIX milliseconds.
    pub updated_ms: i64,
}

/// The name of a role among those of all accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleArn {
    /// Whose role it is.
    pub account: AccountId,
    /// The name of the role.
    pub role: String,
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "acs:ram::{}:role/{}", self.account, self.role)
    }
}

impl FromStr for RoleArn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let expected = "the name of a role, such as acs:ram::1234567890123456:role/admin";
        let (account, role) =
            text.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(":role/")).ok_or(expected)?;
        let account = account.parse().map_err(|_not_digits| expected)?;
        if is_role_name(role) { Ok(Self { account, role: role.to_owned() }) } else { Err(expected) }
    }
}

/// Whether a role can have this name.
pub fn is_role_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

impl RamRole {
    /// Its name among those of all accounts.
    pub fn arn(&self, account: &AccountId) -> RoleArn {
        RoleArn { account: account.clone(), role: self.name.clone() }
    }
}

/// A role in the answer that made it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct CreatedRoleView {
    #[serde(flatten)]
    role: CommonView,
    assume_role_policy_document: String,
}

/// A role in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct ListedRoleView {
    #[serde(flatten)]
    role: CommonView,
    tags: RoleTagListView,
    update_date: String,
}

/// A role in the answer that changed it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct RoleView {
    #[serde(flatten)]
    role: CreatedRoleView,
    update_date: String,
}

/// A role in the answer that shows it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct ShownRoleView {
    #[serde(flatten)]
    role: RoleView,
    /// Those that a service makes for itself; there are none.
    is_service_linked_role: bool,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct CommonView {
    allow_console_login: bool,
    arn: String,
    create_date: String,
    description: String,
    max_session_duration: i64,
    role_id: String,
    role_name: String,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RoleTagListView {
    tag: Vec<RamTagView>,
}

/// Ram calls the members of a tag otherwise than Vpc.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RamTagView {
    tag_key: String,
    tag_value: String,
}

impl CommonView {
    fn new(role: &RamRole, account: &AccountId) -> Self {
        Self {
            allow_console_login: role.allow_console_login,
            arn: role.arn(account).to_string(),
            create_date: format_timestamp(role.created_ms),
            description: role.description.clone(),
            max_session_duration: role.max_session_duration_s.into(),
            role_id: role.role_id.clone(),
            role_name: role.name.clone(),
        }
    }
}

impl CreatedRoleView {
    /// A role of an account.
    pub fn new(role: &RamRole, account: &AccountId) -> Self {
        Self { role: CommonView::new(role, account), assume_role_policy_document: role.trust.clone() }
    }
}

impl ListedRoleView {
    /// A role of an account.
    pub fn new(role: &RamRole, account: &AccountId) -> Self {
        let tag =
            |(key, value): (&String, &String)| RamTagView { tag_key: key.clone(), tag_value: value.clone() };
        Self {
            role: CommonView::new(role, account),
            tags: RoleTagListView { tag: role.tags.iter().map(tag).collect() },
            update_date: format_timestamp(role.updated_ms),
        }
    }
}

impl RoleView {
    /// A role of an account.
    pub fn new(role: &RamRole, account: &AccountId) -> Self {
        Self { role: CreatedRoleView::new(role, account), update_date: format_timestamp(role.updated_ms) }
    }
}

impl ShownRoleView {
    /// A role of an account.
    pub fn new(role: &RamRole, account: &AccountId) -> Self {
        Self { role: RoleView::new(role, account), is_service_linked_role: false }
    }
}

impl<'de> Deserialize<'de> for RoleArn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for RoleArn {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "RoleArn".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^acs:ram::[0-9]{16}:role/[0-9A-Za-z._-]{1,64}$" })
    }
}
