//! `AttachPolicyToRole`: attaches a RAM policy to a RAM role.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{PolicyName, RoleName, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram::{self, attached_policies};
use crate::permission::{Permission, Target};
use crate::ram_policy::PolicyType;
use crate::ram_role::POLICIES_MAX;
use crate::tx::Tx;

/// See the module.
pub struct AttachPolicyToRole;

/// Attaches a policy to a role: from then on it decides what the sessions of the role may do, living ones too.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// `Custom` for one that the account made, `System` for one that every account has.
    pub policy_type: PolicyType,
    /// The name of the policy.
    pub policy_name: PolicyName,
    /// The name of the role.
    pub role_name: RoleName,
    /// The id of the account, or nothing: a policy applies to the whole account.
    #[serde(default, deserialize_with = "optional")]
    pub resource_group_id: Option<String>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

const RULES: attached_policies::Rules = attached_policies::Rules {
    policies_max: POLICIES_MAX,
    exists: &catalogue::ROLE_POLICY_EXISTS,
    too_many: &catalogue::TOO_MANY_ROLE_POLICIES,
};

impl Operation for AttachPolicyToRole {
    const NAME: &'static str = "AttachPolicyToRole";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_RAM_NAME,
        &catalogue::INVALID_POLICY_TYPE,
        &catalogue::ROLE_NOT_FOUND,
        &catalogue::POLICY_NOT_FOUND,
        &catalogue::ROLE_POLICY_EXISTS,
        &catalogue::TOO_MANY_ROLE_POLICIES,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on_all(
            "ram:AttachPolicyToRole",
            vec![
                Target::RamRole(request.role_name.clone().into()),
                Target::RamPolicy(request.policy_type, request.policy_name.clone().into()),
            ],
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        ram::check_scope(tx.account_id(), request.resource_group_id.as_deref())?;
        let mut role = ram::role(tx, &String::from(request.role_name))?.clone();
        let policy = (request.policy_type, request.policy_name.into());
        attached_policies::attach(tx, &mut role.policies, policy, &RULES)?;
        tx.put(role);
        Ok(Response {})
    }
}
