//! The operations of Ram: RAM users and their AccessKeys, roles, policies. They have no region.

pub mod attach_policy_to_role;
pub mod attach_policy_to_user;
pub mod create_access_key;
pub mod create_policy;
pub mod create_policy_version;
pub mod create_role;
pub mod create_user;
pub mod delete_access_key;
pub mod delete_policy;
pub mod delete_policy_version;
pub mod delete_role;
pub mod delete_user;
pub mod detach_policy_from_role;
pub mod detach_policy_from_user;
pub mod get_policy;
pub mod get_policy_version;
pub mod get_role;
pub mod get_user;
pub mod list_access_keys;
pub mod list_entities_for_policy;
pub mod list_policies;
pub mod list_policies_for_role;
pub mod list_policies_for_user;
pub mod list_policy_versions;
pub mod list_roles;
pub mod list_tag_resources;
pub mod list_users;
pub mod set_default_policy_version;
pub mod tag_resources;
pub mod untag_resources;
pub mod update_access_key;
pub mod update_role;
pub mod update_user;

pub mod attached_policies;
mod tagging;

use crate::access;
use crate::access_key::{AccessKey, Owner, Status};
use crate::account::Caller;
use crate::catalogue;
use crate::error::ApiError;
use crate::fields::{MaxItems, UserName, VersionId};
use crate::ids::{AccessKeyId, AccountId};
use crate::permission::Target;
use crate::ram_policy::{
    self, DOCUMENT_CHARS_MAX, NamedPolicy, PolicyType, PolicyVersionView, RamPolicy, version_id,
};
use crate::ram_role::{RamRole, TRUST_CHARS_MAX};
use crate::ram_user::RamUser;
use crate::tx::Tx;

/// A RAM user.
fn user<'t>(tx: &'t Tx<'_>, name: &str) -> Result<&'t RamUser, ApiError> {
    tx.find::<RamUser>(&name.to_owned()).ok_or(ApiError::new(&catalogue::RAM_USER_NOT_FOUND))
}

/// A RAM role.
fn role<'t>(tx: &'t Tx<'_>, name: &str) -> Result<&'t RamRole, ApiError> {
    tx.find::<RamRole>(&name.to_owned()).ok_or(ApiError::new(&catalogue::ROLE_NOT_FOUND))
}

/// A RAM policy of either type.
fn policy<'t>(tx: &Tx<'t>, policy_type: PolicyType, name: &str) -> Result<NamedPolicy<'t>, ApiError> {
    ram_policy::find(tx.state(), policy_type, name).ok_or(ApiError::new(&catalogue::POLICY_NOT_FOUND))
}

/// A RAM policy that the account made.
fn custom_policy<'t>(tx: &'t Tx<'_>, name: &str) -> Result<&'t RamPolicy, ApiError> {
    tx.find::<RamPolicy>(&name.to_owned()).ok_or(ApiError::new(&catalogue::POLICY_NOT_FOUND))
}

/// The number of a version of a policy.
fn version(policy: &RamPolicy, id: VersionId) -> Result<u32, ApiError> {
    let id = String::from(id);
    let version = policy.versions.iter().find(|version| version_id(version.number) == id);
    version.map(|version| version.number).ok_or(ApiError::new(&catalogue::POLICY_VERSION_NOT_FOUND))
}

/// A version of a policy, in an answer.
fn version_view(policy: &NamedPolicy<'_>, id: &str) -> Result<PolicyVersionView, ApiError> {
    let view = policy.version_views().into_iter().find(|view| view.version_id() == id);
    view.ok_or(ApiError::new(&catalogue::POLICY_VERSION_NOT_FOUND))
}

/// Refuses a policy that is too long or cannot be understood.
fn check_policy(document: &str) -> Result<(), ApiError> {
    check_length("PolicyDocument", document, DOCUMENT_CHARS_MAX)?;
    let malformed = |error| ApiError::new(&catalogue::MALFORMED_POLICY_DOCUMENT).value(format!("{error}."));
    access::Policy::parse(document).map(|_| ()).map_err(malformed)
}

/// Refuses a trust policy that is too long or cannot be understood.
fn check_trust(field: &str, document: &str) -> Result<(), ApiError> {
    check_length(field, document, TRUST_CHARS_MAX)?;
    let malformed = |error| ApiError::new(&catalogue::INVALID_TRUST_POLICY).value(format!("{error}."));
    access::TrustPolicy::parse(document).map(|_| ()).map_err(malformed)
}

fn check_length(field: &str, text: &str, chars_max: usize) -> Result<(), ApiError> {
    if text.chars().count() <= chars_max {
        return Ok(());
    }
    let refusal = ApiError { field: Some(field.into()), ..ApiError::new(&catalogue::INVALID_RAM_LENGTH) };
    Err(refusal.detail(format!("{field}: expected at most {chars_max} characters.")))
}

/// The RAM user that is named, or the one who calls.
fn named_or_caller(name: Option<&UserName>) -> Target {
    Target::RamUser(name.cloned().map(String::from))
}

/// Whose AccessKeys are meant: those of the RAM user that is named, or those of the one who calls.
fn owner(tx: &Tx<'_>, name: Option<UserName>) -> Result<Owner, ApiError> {
    let name = match (name, tx.caller()) {
        (Some(name), _) => name.into(),
        (None, Caller::RamUser { name }) => name.clone(),
        (None, Caller::Root) => return Ok(Owner::Root),
        (None, Caller::RoleSession { .. }) => return Err(ApiError::new(&catalogue::RAM_USER_NOT_FOUND)),
    };
    user(tx, &name)?;
    Ok(Owner::RamUser(name))
}

/// The AccessKeys of one owner.
fn access_keys_of<'a>(tx: &Tx<'a>, owner: &Owner) -> impl Iterator<Item = &'a AccessKey> {
    tx.state().access_keys().filter(move |key| key.owner == *owner)
}

/// An AccessKey of one owner.
fn access_key(tx: &Tx<'_>, owner: &Owner, id: &AccessKeyId) -> Result<AccessKey, ApiError> {
    let key = tx.find::<AccessKey>(id).filter(|key| key.owner == *owner);
    key.cloned().ok_or(ApiError::new(&catalogue::USER_ACCESS_KEY_NOT_FOUND))
}

/// Refuses to take away the account's last active AccessKey, which is then the one that signed: only the
/// account itself can name its own AccessKeys.
fn keep_one_of_the_account(tx: &Tx<'_>, key: &AccessKey) -> Result<(), ApiError> {
    let active = |key: &AccessKey| key.owner == Owner::Root && key.status == Status::Active;
    let another = tx.state().access_keys().any(|other| active(other) && other.id != key.id);
    if active(key) && !another { Err(ApiError::new(&catalogue::LAST_ROOT_ACCESS_KEY)) } else { Ok(()) }
}

/// Refuses what would be narrower than it is carried out: a policy always applies to the whole account, which
/// is what its id says in place of a resource group.
fn check_scope(account: &AccountId, resource_group: Option<&str>) -> Result<(), ApiError> {
    match resource_group {
        Some(group) if group != account.as_str() => Err(ApiError::invalid(
            "ResourceGroupId",
            "the id of the account, or nothing: policies apply to the whole account",
        )),
        Some(_) | None => Ok(()),
    }
}

/// The part of a list after its marker, and the marker of the next part if there is one. The list is ordered
/// by name, and a marker is the name that the part before it ended with.
fn part<T>(
    entries: impl Iterator<Item = T>,
    name: fn(&T) -> &str,
    marker: Option<&str>,
    max_items: Option<MaxItems>,
) -> (Vec<T>, Option<String>) {
    let max = usize::try_from(max_items.unwrap_or_default().get()).unwrap_or(usize::MAX);
    let mut rest = entries.skip_while(|entry| marker.is_some_and(|marker| name(entry) <= marker));
    let part: Vec<T> = rest.by_ref().take(max).collect();
    let next = rest.next().and_then(|_more| part.last()).map(|last| name(last).to_owned());
    (part, next)
}

#[cfg(test)]
mod tests;
