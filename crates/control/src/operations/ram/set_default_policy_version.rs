//! `SetDefaultPolicyVersion`: says which version of a RAM policy decides.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{PolicyName, VersionId};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_policy::PolicyType;
use crate::tx::Tx;

/// See the module.
pub struct SetDefaultPolicyVersion;

/// Makes a version of a policy of the account the one that decides, at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the policy.
    pub policy_name: PolicyName,
    /// The id of the version: `v1`.
    pub version_id: VersionId,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for SetDefaultPolicyVersion {
    const NAME: &'static str = "SetDefaultPolicyVersion";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::INVALID_RAM_NAME, &catalogue::POLICY_NOT_FOUND, &catalogue::POLICY_VERSION_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on(
            "ram:SetDefaultPolicyVersion",
            Target::RamPolicy(PolicyType::Custom, request.policy_name.clone().into()),
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let mut policy = ram::custom_policy(tx, &String::from(request.policy_name))?.clone();
        policy.default_version = ram::version(&policy, request.version_id)?;
        policy.updated_ms = tx.now_ms();
        tx.put(policy);
        Ok(Response {})
    }
}
