//! `ListPoliciesForUser`: lists the RAM policies of a RAM user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::UserName;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::operations::ram::attached_policies::AttachedPolicyListView;
use crate::permission::{Permission, Target};
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
        Ok(Response { policies: AttachedPolicyListView::new(tx.state(), &user.policies) })
    }
}
