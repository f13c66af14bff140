//! `DeletePolicy`: deletes a RAM policy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::PolicyName;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_policy::{PolicyType, RamPolicy, attachment};
use crate::tx::Tx;

/// See the module.
pub struct DeletePolicy;

/// Deletes a RAM policy of the account that is attached to nobody and has one version only.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the policy.
    pub policy_name: PolicyName,

    /// Whether its other versions go with it, or must be gone already.
    #[serde(default)]
    pub cascading_delete: Option<bool>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeletePolicy {
    const NAME: &'static str = "DeletePolicy";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_RAM_NAME,
        &catalogue::POLICY_NOT_FOUND,
        &catalogue::POLICY_HAS_USER,
        &catalogue::POLICY_HAS_ROLE,
        &catalogue::POLICY_HAS_VERSION,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on(
            "ram:DeletePolicy",
            Target::RamPolicy(PolicyType::Custom, request.policy_name.clone().into()),
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let name = String::from(request.policy_name);
        let versions = ram::custom_policy(tx, &name)?.versions.len();
        let is_attached = |policies| attachment(policies, PolicyType::Custom, &name).is_some();
        if let Some(user) = tx.state().ram_users().find(|user| is_attached(&user.policies)) {
            let detail = format!("It is attached to the RAM user {}.", user.name);
            return Err(ApiError::new(&catalogue::POLICY_HAS_USER).detail(detail));
        }
        if let Some(role) = tx.state().ram_roles().find(|role| is_attached(&role.policies)) {
            let detail = format!("It is attached to the role {}.", role.name);
            return Err(ApiError::new(&catalogue::POLICY_HAS_ROLE).detail(detail));
        }
        if versions > 1 && request.cascading_delete != Some(true) {
            return Err(ApiError::new(&catalogue::POLICY_HAS_VERSION));
        }
        tx.delete::<RamPolicy>(&name);
        Ok(Response {})
    }
}
