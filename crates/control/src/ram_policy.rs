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

/// A policy has one version, and this is its name.
pub const VERSION: &str = "v1";

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
    /// The JSON of it; it was parsed when it was made.
    pub document: String,
    /// Its tags.
    pub tags: Tags,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
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
    /// The JSON of it.
    pub document: &'a str,
    /// Its tags; those of the system have none.
    pub tags: Option<&'a Tags>,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

impl<'a> From<&'a RamPolicy> for NamedPolicy<'a> {
    fn from(policy: &'a RamPolicy) -> Self {
        Self {
            policy_type: PolicyType::Custom,
            name: &policy.name,
            description: &policy.description,
            document: &policy.document,
            tags: Some(&policy.tags),
            created_ms: policy.created_ms,
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

/// To how many RAM users each policy is attached.
pub fn attachment_counts(state: &AccountState) -> BTreeMap<(PolicyType, &str), usize> {
    let mut counts = BTreeMap::new();
    for user in state.ram_users() {
        for (name, attached) in &user.policies {
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
            default_version: VERSION.to_owned(),
            description: policy.description.to_owned(),
            policy_name: policy.name.to_owned(),
            policy_type: policy.policy_type,
        }
    }
}
