//! `ListPoliciesForRole`: lists the RAM policies of a RAM role.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::RoleName;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::operations::ram::attached_policies::AttachedPolicyListView;
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// See the module.
pub struct ListPoliciesForRole;

/// Lists the policies that are attached to a role, by name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the role.
    pub role_name: RoleName,
}

/// The policies.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    policies: AttachedPolicyListView,
}

impl Operation for ListPoliciesForRole {
    const NAME: &'static str = "ListPoliciesForRole";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::INVALID_RAM_NAME, &catalogue::ROLE_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("ram:ListPoliciesForRole", Target::RamRole(request.role_name.clone().into()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let role = ram::role(tx, &String::from(request.role_name))?;
        Ok(Response { policies: AttachedPolicyListView::new(tx.state(), &role.policies) })
    }
}
