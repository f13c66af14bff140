//! `GetPolicy`: shows a RAM policy.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::PolicyName;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_policy::{self, PolicyType, PolicyVersionView, PolicyView, version_id};
use crate::tx::Tx;

/// See the module.
pub struct GetPolicy;

/// Shows a RAM policy with its document.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the policy.
    pub policy_name: PolicyName,

    /// `Custom` for one that the account made, `System` for one that every account has.
    pub policy_type: PolicyType,
}

/// The policy, and the version that decides.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    default_policy_version: PolicyVersionView,
    policy: KnownPolicyView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct KnownPolicyView {
    #[serde(flatten)]
    policy: PolicyView,
    attachment_count: i32,
    policy_document: String,
    update_date: String,
}

impl Operation for GetPolicy {
    const NAME: &'static str = "GetPolicy";
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
            "ram:GetPolicy",
            Target::RamPolicy(request.policy_type, request.policy_name.clone().into()),
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let name = String::from(request.policy_name);
        let policy = ram::policy(tx, request.policy_type, &name)?;
        let counts = ram_policy::attachment_counts(tx.state());
        let attached = counts.get(&(policy.policy_type, policy.name)).copied().unwrap_or_default();
        Ok(Response {
            default_policy_version: ram::version_view(&policy, &version_id(policy.default_version))?,
            policy: KnownPolicyView {
                policy: PolicyView::from(&policy),
                attachment_count: i32::try_from(attached).unwrap_or(i32::MAX),
                policy_document: policy.document.to_owned(),
                update_date: format_timestamp(policy.updated_ms),
            },
        })
    }
}
