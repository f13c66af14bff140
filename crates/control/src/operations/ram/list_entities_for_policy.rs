//! `ListEntitiesForPolicy`: lists to whom a RAM policy is attached.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::PolicyName;
use crate::ids::AccountId;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_policy::{Attached, PolicyType, attachment};
use crate::ram_role::RamRole;
use crate::ram_user::RamUser;
use crate::tx::Tx;

/// See the module.
pub struct ListEntitiesForPolicy;

/// Lists the RAM users and roles to which a policy is attached, by name. There are no groups.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// `Custom` for one that the account made, `System` for one that every account has.
    pub policy_type: PolicyType,
    /// The name of the policy.
    pub policy_name: PolicyName,
}

/// Whom it decides about.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    groups: GroupListView,
    roles: RoleListView,
    users: UserListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct GroupListView {
    group: Vec<GroupOfPolicyView>,
}

/// Never there; it says what clients read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct GroupOfPolicyView {
    attach_date: String,
    comments: String,
    group_name: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RoleListView {
    role: Vec<RoleOfPolicyView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RoleOfPolicyView {
    arn: String,
    attach_date: String,
    description: String,
    role_id: String,
    role_name: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct UserListView {
    user: Vec<UserOfPolicyView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct UserOfPolicyView {
    attach_date: String,
    display_name: String,
    user_id: String,
    user_name: String,
}

impl RoleOfPolicyView {
    fn new(role: &RamRole, account: &AccountId, attached: &Attached) -> Self {
        Self {
            arn: role.arn(account).to_string(),
            attach_date: format_timestamp(attached.attached_ms),
            description: role.description.clone(),
            role_id: role.role_id.clone(),
            role_name: role.name.clone(),
        }
    }
}

impl UserOfPolicyView {
    fn new(user: &RamUser, attached: &Attached) -> Self {
        Self {
            attach_date: format_timestamp(attached.attached_ms),
            display_name: user.display_name.clone(),
            user_id: user.user_id.clone(),
            user_name: user.name.clone(),
        }
    }
}

impl Operation for ListEntitiesForPolicy {
    const NAME: &'static str = "ListEntitiesForPolicy";
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
            "ram:ListEntitiesForPolicy",
            Target::RamPolicy(request.policy_type, request.policy_name.clone().into()),
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let (policy_type, name) = (request.policy_type, String::from(request.policy_name));
        ram::policy(tx, policy_type, &name)?;
        let roles = tx.state().ram_roles().filter_map(|role| {
            let attached = attachment(&role.policies, policy_type, &name)?;
            Some(RoleOfPolicyView::new(role, tx.account_id(), attached))
        });
        let users = tx.state().ram_users().filter_map(|user| {
            let attached = attachment(&user.policies, policy_type, &name)?;
            Some(UserOfPolicyView::new(user, attached))
        });
        Ok(Response {
            groups: GroupListView { group: Vec::new() },
            roles: RoleListView { role: roles.collect() },
            users: UserListView { user: users.collect() },
        })
    }
}
