//! `GetRole`: shows a RAM role.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::RoleName;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_role::ShownRoleView;
use crate::tx::Tx;

/// See the module.
pub struct GetRole;

/// Shows a role with its trust policy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the role.
    pub role_name: RoleName,
}

/// The role.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    role: ShownRoleView,
}

impl Operation for GetRole {
    const NAME: &'static str = "GetRole";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::INVALID_RAM_NAME, &catalogue::ROLE_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("ram:GetRole", Target::RamRole(request.role_name.clone().into()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let role = ram::role(tx, &String::from(request.role_name))?;
        Ok(Response { role: ShownRoleView::new(role, tx.account_id()) })
    }
}
