//! `CreatePolicyVersion`: makes a version of a RAM policy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{PolicyName, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_policy::{
    NamedPolicy, PolicyType, PolicyVersion, PolicyVersionView, VERSIONS_MAX, version_id,
};
use crate::tx::Tx;

/// See the module.
pub struct CreatePolicyVersion;

/// Makes a version of a policy of the account. As the default, it decides from then on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the policy.
    pub policy_name: PolicyName,
    /// The JSON of the version.
    pub policy_document: String,
    /// Whether it decides from now on.
    #[serde(default)]
    pub set_as_default: Option<bool>,
    /// What to do when there are as many versions as there can be: nothing, unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub rotate_strategy: Option<RotateStrategy>,
}

/// The version.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    policy_version: PolicyVersionView,
}

/// What happens to the other versions.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum RotateStrategy {
    /// They stay, and a sixth is refused.
    None,
    /// The oldest one that is not the default makes room.
    DeleteOldestNonDefaultVersionWhenLimitExceeded,
}

impl Operation for CreatePolicyVersion {
    const NAME: &'static str = "CreatePolicyVersion";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_RAM_NAME,
        &catalogue::INVALID_RAM_LENGTH,
        &catalogue::MALFORMED_POLICY_DOCUMENT,
        &catalogue::POLICY_NOT_FOUND,
        &catalogue::TOO_MANY_VERSIONS,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on(
            "ram:CreatePolicyVersion",
            Target::RamPolicy(PolicyType::Custom, request.policy_name.clone().into()),
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        ram::check_policy(&request.policy_document)?;
        let mut policy = ram::custom_policy(tx, &String::from(request.policy_name))?.clone();
        if policy.versions.len() >= VERSIONS_MAX {
            // The versions are ordered by age.
            let oldest = policy.versions.iter().position(|version| version.number != policy.default_version);
            match (request.rotate_strategy, oldest) {
                (Some(RotateStrategy::DeleteOldestNonDefaultVersionWhenLimitExceeded), Some(oldest)) => {
                    policy.versions.remove(oldest);
                }
                _ => return Err(ApiError::new(&catalogue::TOO_MANY_VERSIONS)),
            }
        }
        let number = policy.last_version.saturating_add(1);
        let (document, created_ms) = (request.policy_document, tx.now_ms());
        policy.versions.push(PolicyVersion { number, document, created_ms });
        policy.last_version = number;
        if request.set_as_default == Some(true) {
            policy.default_version = number;
        }
        policy.updated_ms = created_ms;
        let view = ram::version_view(&NamedPolicy::from(&policy), &version_id(number))?;
        tx.put(policy);
        Ok(Response { policy_version: view })
    }
}
