//! What attaching policies to RAM users and to roles has in common.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ram_policy::{self, Attached, AttachedPolicies, PolicyType, attachment, version_id};
use crate::state::AccountState;
use crate::tx::Tx;

/// What attaching depends on beside the policy.
pub struct Rules {
    /// How many policies can be attached.
    pub policies_max: usize,
    /// The code when one of this name is attached already.
    pub exists: &'static ErrorCode,
    /// The code when there are as many as there can be.
    pub too_many: &'static ErrorCode,
}

/// Attaches a policy.
///
/// # Errors
///
/// `EntityNotExist.Policy`, and the codes of the rules.
pub fn attach(
    tx: &Tx<'_>,
    policies: &mut AttachedPolicies,
    (policy_type, name): (PolicyType, String),
    rules: &Rules,
) -> Result<(), ApiError> {
    if ram_policy::find(tx.state(), policy_type, &name).is_none() {
        return Err(ApiError::new(&catalogue::POLICY_NOT_FOUND));
    }
    if policies.contains_key(&name) {
        return Err(ApiError::new(rules.exists));
    }
    if policies.len() >= rules.policies_max {
        return Err(ApiError::new(rules.too_many));
    }
    policies.insert(name, Attached { policy_type, attached_ms: tx.now_ms() });
    Ok(())
}

/// Detaches a policy.
///
/// # Errors
///
/// `EntityNotExist.Policy` when there is no such policy, and `not_attached` when it is not attached.
pub fn detach(
    tx: &Tx<'_>,
    policies: &mut AttachedPolicies,
    (policy_type, name): (PolicyType, String),
    not_attached: &'static ErrorCode,
) -> Result<(), ApiError> {
    if attachment(policies, policy_type, &name).is_none() {
        let known = ram_policy::find(tx.state(), policy_type, &name).is_some();
        return Err(ApiError::new(if known { not_attached } else { &catalogue::POLICY_NOT_FOUND }));
    }
    policies.remove(&name);
    Ok(())
}

/// Policies that are attached, in an answer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct AttachedPolicyListView {
    policy: Vec<AttachedPolicyView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct AttachedPolicyView {
    attach_date: String,
    default_version: String,
    description: String,
    policy_name: String,
    policy_type: PolicyType,
}

impl AttachedPolicyListView {
    /// The policies, by name.
    pub fn new(state: &AccountState, policies: &AttachedPolicies) -> Self {
        let view = |(name, attached): (&String, &Attached)| {
            let policy = ram_policy::find(state, attached.policy_type, name)?;
            Some(AttachedPolicyView {
                attach_date: format_timestamp(attached.attached_ms),
                default_version: version_id(policy.default_version),
                description: policy.description.to_owned(),
                policy_name: name.clone(),
                policy_type: attached.policy_type,
            })
        };
        Self { policy: policies.iter().filter_map(view).collect() }
    }
}
