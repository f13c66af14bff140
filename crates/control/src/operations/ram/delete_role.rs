//! `DeleteRole`: deletes a RAM role.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::RoleName;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_role::RamRole;
use crate::tx::Tx;

/// See the module.
pub struct DeleteRole;

/// Deletes a role that has no policies. Its living sessions end at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the role.
    pub role_name: RoleName,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeleteRole {
    const NAME: &'static str = "DeleteRole";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::INVALID_RAM_NAME, &catalogue::ROLE_NOT_FOUND, &catalogue::ROLE_HAS_POLICY];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("ram:DeleteRole", Target::RamRole(request.role_name.clone().into()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let name = String::from(request.role_name);
        if !ram::role(tx, &name)?.policies.is_empty() {
            return Err(ApiError::new(&catalogue::ROLE_HAS_POLICY));
        }
        tx.delete::<RamRole>(&name);
        Ok(Response {})
    }
}
