//! RAM policies: those that the account made, and those that every account has.
//!
//! A policy is attached by its name, so that what its users may do is what it says now. [`crate::access`]
//! knows what a document means.

mod system;

use std::collections::BTreeMap;
use std::fmt;

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::tag::Tags;
use crate::state::AccountState;

pub use system::SYSTEM;

/// How many policies an account can make.
pub const POLICIES_MAX: usize = 1500;
/// How long the document of a policy may be, in characters.
pub const DOCUMENT_CHARS_MAX: usize = 6144;
/// How long the description of a policy may be, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 1024;

/// How many versions a policy can have.
pub const VERSIONS_MAX: usize = 5;

/// Whose policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum PolicyType {
    /// The account made it.
    Custom,
    /// Every account has it.
    System,
}

impl fmt::Display for PolicyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Custom => "Custom",
            Self::System => "System",
        })
    }
}

/// A policy that the account made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RamPolicy {
    /// The name, unique in the account.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its versions, the oldest first. One of them is the default.
    pub versions: Vec<PolicyVersion>,
    /// The number of the version that decides.
    pub default_version: u32,
    /// The number of the version that was made last.
    pub last_version: u32,
    /// Its tags.
    pub tags: Tags,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
    /// When it was changed last, in UNIX milliseconds.
    pub updated_ms: i64,
}

/// A version of a policy. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// Its number, counted from 1 and never given twice.
    pub number: u32,
    /// The JSON of it; it was parsed when it was made.
    pub document: String,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

impl RamPolicy {
    /// A policy with its first version.
    pub fn new(name: String, document: String, now_ms: i64) -> Self {
        Self {
            name,
            description: String::new(),
            versions: vec![PolicyVersion { number: 1, document, created_ms: now_ms }],
            default_version: 1,
            last_version: 1,
            tags: Tags::new(),
            created_ms: now_ms,
            updated_ms: now_ms,
        }
    }

    /// The JSON of the version that decides. One that is not there is an empty text, which allows nothing.
    pub fn document(&self) -> &str {
        let default = self.versions.iter().find(|version| version.number == self.default_version);
        default.map_or("", |version| &version.document)
    }
}

/// What a version is called.
pub fn version_id(number: u32) -> String {
    format!("v{number}")
}

/// A policy of either type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedPolicy<'a> {
    /// Whose it is.
    pub policy_type: PolicyType,
    /// Its name.
    pub name: &'a str,
    /// What it is for.
    pub description: &'a str,
    /// The JSON of the version that decides.
    pub document: &'a str,
    /// The number of that version.
    pub default_version: u32,
    /// All versions; those of the system have one, which is not listed here.
    pub versions: &'a [PolicyVersion],
    /// Its tags; those of the system have none.
    pub tags: Option<&'a Tags>,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
    /// When it was changed last, in UNIX milliseconds.
    pub updated_ms: i64,
}

impl NamedPolicy<'_> {
    /// Its versions, the oldest first.
    pub fn version_views(&self) -> Vec<PolicyVersionView> {
        let view = |number, document: &str, created_ms| PolicyVersionView {
            create_date: format_timestamp(created_ms),
            is_default_version: number == self.default_version,
            policy_document: document.to_owned(),
            version_id: version_id(number),
        };
        if self.versions.is_empty() {
            return vec![view(self.default_version, self.document, self.created_ms)];
        }
        let views = self.versions.iter();
        views.map(|version| view(version.number, &version.document, version.created_ms)).collect()
    }
}

impl<'a> From<&'a RamPolicy> for NamedPolicy<'a> {
    fn from(policy: &'a RamPolicy) -> Self {
        Self {
            policy_type: PolicyType::Custom,
            name: &policy.name,
            description: &policy.description,
            document: policy.document(),
            default_version: policy.default_version,
            versions: &policy.versions,
            tags: Some(&policy.tags),
            created_ms: policy.created_ms,
            updated_ms: policy.updated_ms,
        }
    }
}

/// The policy of this type and name.
pub fn find<'a>(state: &'a AccountState, policy_type: PolicyType, name: &str) -> Option<NamedPolicy<'a>> {
    match policy_type {
        PolicyType::Custom => state.ram_policy(name).map(NamedPolicy::from),
        PolicyType::System => SYSTEM.iter().find(|policy| policy.name == name).copied(),
    }
}

/// The policies of both types, by name and type.
pub fn all(state: &AccountState) -> Vec<NamedPolicy<'_>> {
    let mut all: Vec<NamedPolicy<'_>> =
        state.ram_policies().map(NamedPolicy::from).chain(SYSTEM.iter().copied()).collect();
    all.sort_by_key(|policy| (policy.name, policy.policy_type));
    all
}

/// The policies that are attached to a RAM user or a role, by name.
pub type AttachedPolicies = BTreeMap<String, Attached>;

/// That a policy is attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// Whose policy it is.
    pub policy_type: PolicyType,
    /// Since when, in UNIX milliseconds.
    pub attached_ms: i64,
}

/// Since when a policy is attached, if it is.
pub fn attachment<'a>(
    policies: &'a AttachedPolicies,
    policy_type: PolicyType,
    name: &str,
) -> Option<&'a Attached> {
    policies.get(name).filter(|attached| attached.policy_type == policy_type)
}

/// To how many RAM users and roles each policy is attached.
pub fn attachment_counts(state: &AccountState) -> BTreeMap<(PolicyType, &str), usize> {
    let mut counts = BTreeMap::new();
    let of_users = state.ram_users().map(|user| &user.policies);
    for policies in of_users.chain(state.ram_roles().map(|role| &role.policies)) {
        for (name, attached) in policies {
            *counts.entry((attached.policy_type, name.as_str())).or_default() += 1;
        }
    }
    counts
}

/// A policy in the answer that made it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct PolicyView {
    create_date: String,
    default_version: String,
    description: String,
    policy_name: String,
    policy_type: PolicyType,
}

impl From<&NamedPolicy<'_>> for PolicyView {
    fn from(policy: &NamedPolicy<'_>) -> Self {
        Self {
            create_date: format_timestamp(policy.created_ms),
            default_version: version_id(policy.default_version),
            description: policy.description.to_owned(),
            policy_name: policy.name.to_owned(),
            policy_type: policy.policy_type,
        }
    }
}

/// A version of a policy in an answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct PolicyVersionView {
    create_date: String,
    is_default_version: bool,
    policy_document: String,
    version_id: String,
}

impl PolicyVersionView {
    /// What the version is called.
    pub fn version_id(&self) -> &str {
        &self.version_id
    }

    /// Whether it is the one that decides.
    pub fn is_default(&self) -> bool {
        self.is_default_version
    }
}
