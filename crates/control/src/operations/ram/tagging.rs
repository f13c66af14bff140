//! What the operations of Ram on tags have in common.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_policy::PolicyType;
use crate::resource::tag::Tags;
use crate::state::AccountState;
use crate::tx::Tx;

/// How many resources a request may name.
const RESOURCE_NAMES_MAX: usize = 50;

/// A kind of resource of Ram that can have tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum ResourceType {
    /// A role.
    Role,
    /// A policy that the account made.
    Policy,
    /// A RAM user.
    User,
}

impl ResourceType {
    fn target(self, name: &str) -> Target {
        match self {
            Self::Role => Target::RamRole(name.to_owned()),
            Self::Policy => Target::RamPolicy(PolicyType::Custom, name.to_owned()),
            Self::User => Target::RamUser(Some(name.to_owned())),
        }
    }

    /// All resources of the kind.
    fn all(self) -> Target {
        match self {
            Self::Role => Target::RamRoles,
            Self::Policy => Target::RamPolicies,
            Self::User => Target::RamUsers,
        }
    }
}

/// The permission to do something to the tags of some resources, or of all of the kind when none is named.
pub(super) fn permission(action: &'static str, kind: ResourceType, names: &[String]) -> Permission {
    match names {
        [] => Permission::on(action, kind.all()),
        names => Permission::on_all(action, names.iter().map(|name| kind.target(name)).collect()),
    }
}

/// The resources of one kind and their tags: those that are named or all.
///
/// # Errors
///
/// `InvalidResourceNames` for too many names.
pub(super) fn tagged<'a>(
    state: &'a AccountState,
    kind: ResourceType,
    names: &'a [String],
) -> Result<Vec<(&'a str, &'a Tags)>, ApiError> {
    check_count(names)?;
    let found: Vec<(&str, &Tags)> = match kind {
        ResourceType::Role => state.ram_roles().map(|role| (role.name.as_str(), &role.tags)).collect(),
        ResourceType::Policy => {
            state.ram_policies().map(|policy| (policy.name.as_str(), &policy.tags)).collect()
        }
        ResourceType::User => state.ram_users().map(|user| (user.name.as_str(), &user.tags)).collect(),
    };
    let named = |name: &str| names.is_empty() || names.iter().any(|named| named == name);
    Ok(found.into_iter().filter(|(name, _)| named(name)).collect())
}

/// Changes the tags of each resource; of none of them, when one does not exist or is refused.
///
/// # Errors
///
/// `EntityNotExist.Role`, `EntityNotExist.Policy`, `EntityNotExist.User`, and what `change` says.
pub(super) fn change_tags(
    tx: &mut Tx<'_>,
    kind: ResourceType,
    names: &[String],
    change: impl Fn(&mut Tags) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    if names.is_empty() {
        return Err(ApiError::missing("ResourceNames"));
    }
    check_count(names)?;
    for name in names {
        match kind {
            ResourceType::Role => {
                let mut role = ram::role(tx, name)?.clone();
                change(&mut role.tags)?;
                tx.put(role);
            }
            ResourceType::Policy => {
                let mut policy = ram::custom_policy(tx, name)?.clone();
                change(&mut policy.tags)?;
                tx.put(policy);
            }
            ResourceType::User => {
                let mut user = ram::user(tx, name)?.clone();
                change(&mut user.tags)?;
                tx.put(user);
            }
        }
    }
    Ok(())
}

fn check_count(names: &[String]) -> Result<(), ApiError> {
    if names.len() > RESOURCE_NAMES_MAX {
        return Err(ApiError::invalid("ResourceNames", format!("at most {RESOURCE_NAMES_MAX} names")));
    }
    Ok(())
}
