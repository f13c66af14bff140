//! `ListPoliciesForUser`: lists the RAM policies of a RAM user.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::UserName;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_policy::{self, PolicyType, VERSION};
use crate::ram_user::Attached;
use crate::tx::Tx;

/// See the module.
pub struct ListPoliciesForUser;

/// Lists the policies that are attached to a RAM user, by name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the RAM user.
    pub user_name: UserName,
}

/// The policies.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    policies: AttachedPolicyListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct AttachedPolicyListView {
    policy: Vec<AttachedPolicyView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct AttachedPolicyView {
    attach_date: String,
    default_version: String,
    description: String,
    policy_name: String,
    policy_type: PolicyType,
}

impl Operation for ListPoliciesForUser {
    const NAME: &'static str = "ListPoliciesForUser";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::INVALID_RAM_NAME, &catalogue::RAM_USER_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("ram:ListPoliciesForUser", Target::RamUser(Some(request.user_name.clone().into())))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let user = ram::user(tx, &String::from(request.user_name))?;
        let view = |(name, attached): (&String, &Attached)| {
            let policy = ram_policy::find(tx.state(), attached.policy_type, name)?;
            Some(AttachedPolicyView {
                attach_date: format_timestamp(attached.attached_ms),
                default_version: VERSION.to_owned(),
                description: policy.description.to_owned(),
                policy_name: name.clone(),
                policy_type: attached.policy_type,
            })
        };
        let policy = user.policies.iter().filter_map(view).collect();
        Ok(Response { policies: AttachedPolicyListView { policy } })
    }
}
