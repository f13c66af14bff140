//! `DeletePolicy`: deletes a RAM policy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{PolicyName, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::ram_policy::{PolicyType, RamPolicy};
use crate::tx::Tx;

/// See the module.
pub struct DeletePolicy;

/// Deletes a RAM policy of the account that is attached to nobody.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the policy.
    pub policy_name: PolicyName,

    /// It has no effect: a policy has one version, which goes with it.
    #[serde(default, deserialize_with = "optional")]
    pub cascading_delete: Option<bool>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeletePolicy {
    const NAME: &'static str = "DeletePolicy";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::INVALID_RAM_NAME, &catalogue::POLICY_NOT_FOUND, &catalogue::POLICY_HAS_USER];
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
        if tx.find::<RamPolicy>(&name).is_none() {
            return Err(ApiError::new(&catalogue::POLICY_NOT_FOUND));
        }
        if let Some(user) = tx.state().ram_users().find(|user| user.has_policy(PolicyType::Custom, &name)) {
            let detail = format!("It is attached to the RAM user {}.", user.name);
            return Err(ApiError::new(&catalogue::POLICY_HAS_USER).detail(detail));
        }
        tx.delete::<RamPolicy>(&name);
        Ok(Response {})
    }
}
