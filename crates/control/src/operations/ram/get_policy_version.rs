//! `GetPolicyVersion`: shows a version of a RAM policy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{PolicyName, VersionId};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_policy::{PolicyType, PolicyVersionView};
use crate::tx::Tx;

/// See the module.
pub struct GetPolicyVersion;

/// Shows a version of a policy with its document.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// `Custom` for one that the account made, `System` for one that every account has.
    pub policy_type: PolicyType,
    /// The name of the policy.
    pub policy_name: PolicyName,
    /// The id of the version: `v1`.
    pub version_id: VersionId,
}

/// The version.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    policy_version: PolicyVersionView,
}

impl Operation for GetPolicyVersion {
    const NAME: &'static str = "GetPolicyVersion";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_RAM_NAME,
        &catalogue::INVALID_POLICY_TYPE,
        &catalogue::POLICY_NOT_FOUND,
        &catalogue::POLICY_VERSION_NOT_FOUND,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on(
            "ram:GetPolicyVersion",
            Target::RamPolicy(request.policy_type, request.policy_name.clone().into()),
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let name = String::from(request.policy_name);
        let policy = ram::policy(tx, request.policy_type, &name)?;
        let policy_version = ram::version_view(&policy, &String::from(request.version_id))?;
        Ok(Response { policy_version })
    }
}
