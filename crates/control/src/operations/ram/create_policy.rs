//! `CreatePolicy`: makes a RAM policy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::PolicyName;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_policy::{
    self, DESCRIPTION_CHARS_MAX, NamedPolicy, POLICIES_MAX, PolicyType, PolicyView, RamPolicy,
};
use crate::resource::tag::{self, TagOption};
use crate::tx::Tx;

/// See the module.
pub struct CreatePolicy;

/// Makes a RAM policy, which gives and takes rights once it is attached.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the policy.
    pub policy_name: PolicyName,

    /// The JSON of the policy.
    pub policy_document: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tag: Vec<TagOption>,
}

/// The policy as it was made.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    policy: PolicyView,
}

impl Operation for CreatePolicy {
    const NAME: &'static str = "CreatePolicy";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_RAM_NAME,
        &catalogue::INVALID_RAM_LENGTH,
        &catalogue::MALFORMED_POLICY_DOCUMENT,
        &catalogue::POLICY_EXISTS,
        &catalogue::TOO_MANY_POLICIES,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on(
            "ram:CreatePolicy",
            Target::RamPolicy(PolicyType::Custom, request.policy_name.clone().into()),
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let description = request.description.unwrap_or_default();
        ram::check_length("Description", &description, DESCRIPTION_CHARS_MAX)?;
        ram::check_policy(&request.policy_document)?;
        let name = String::from(request.policy_name);
        let taken = |policy_type| ram_policy::find(tx.state(), policy_type, &name).is_some();
        if taken(PolicyType::Custom) || taken(PolicyType::System) {
            return Err(ApiError::new(&catalogue::POLICY_EXISTS));
        }
        if tx.state().ram_policies().len() >= POLICIES_MAX {
            return Err(ApiError::new(&catalogue::TOO_MANY_POLICIES));
        }
        let policy = RamPolicy {
            description,
            tags: tag::collect("Tag", request.tag)?,
            ..RamPolicy::new(name, request.policy_document, tx.now_ms())
        };
        let view = PolicyView::from(&NamedPolicy::from(&policy));
        tx.put(policy);
        Ok(Response { policy: view })
    }
}
