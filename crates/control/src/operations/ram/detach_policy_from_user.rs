//! `DetachPolicyFromUser`: detaches a RAM policy from a RAM user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{PolicyName, UserName, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram::{self, attached_policies};
use crate::permission::{Permission, Target};
use crate::ram_policy::PolicyType;
use crate::tx::Tx;

/// See the module.
pub struct DetachPolicyFromUser;

/// Detaches a policy from a RAM user: from then on it decides nothing for the user.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// `Custom` for one that the account made, `System` for one that every account has.
    pub policy_type: PolicyType,

    /// The name of the policy.
    pub policy_name: PolicyName,

    /// The name of the RAM user.
    pub user_name: UserName,

    /// The id of the account, or nothing: a policy applies to the whole account.
    #[serde(default, deserialize_with = "optional")]
    pub resource_group_id: Option<String>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DetachPolicyFromUser {
    const NAME: &'static str = "DetachPolicyFromUser";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_RAM_NAME,
        &catalogue::INVALID_POLICY_TYPE,
        &catalogue::RAM_USER_NOT_FOUND,
        &catalogue::POLICY_NOT_FOUND,
        &catalogue::USER_POLICY_NOT_FOUND,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on_all(
            "ram:DetachPolicyFromUser",
            vec![
                Target::RamUser(Some(request.user_name.clone().into())),
                Target::RamPolicy(request.policy_type, request.policy_name.clone().into()),
            ],
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        ram::check_scope(tx.account_id(), request.resource_group_id.as_deref())?;
        let mut user = ram::user(tx, &String::from(request.user_name))?.clone();
        let policy = (request.policy_type, request.policy_name.into());
        attached_policies::detach(tx, &mut user.policies, policy, &catalogue::USER_POLICY_NOT_FOUND)?;
        tx.put(user);
        Ok(Response {})
    }
}
