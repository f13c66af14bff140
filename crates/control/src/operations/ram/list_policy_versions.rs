//! `ListPolicyVersions`: lists the versions of a RAM policy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::PolicyName;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_policy::{PolicyType, PolicyVersionView};
use crate::tx::Tx;

/// See the module.
pub struct ListPolicyVersions;

/// Lists the versions of a policy, the oldest first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// `Custom` for one that the account made, `System` for one that every account has.
    pub policy_type: PolicyType,
    /// The name of the policy.
    pub policy_name: PolicyName,
}

/// The versions.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    policy_versions: PolicyVersionListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct PolicyVersionListView {
    policy_version: Vec<PolicyVersionView>,
}

impl Operation for ListPolicyVersions {
    const NAME: &'static str = "ListPolicyVersions";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::INVALID_RAM_NAME, &catalogue::INVALID_POLICY_TYPE, &catalogue::POLICY_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on(
            "ram:ListPolicyVersions",
            Target::RamPolicy(request.policy_type, request.policy_name.clone().into()),
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let name = String::from(request.policy_name);
        let policy = ram::policy(tx, request.policy_type, &name)?;
        Ok(Response { policy_versions: PolicyVersionListView { policy_version: policy.version_views() } })
    }
}
