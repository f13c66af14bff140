//! `DeleteUser`: deletes a RAM user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access_key::Owner;
use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::UserName;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_user::RamUser;
use crate::tx::Tx;

/// See the module.
pub struct DeleteUser;

/// Deletes a RAM user who has neither AccessKeys nor policies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the RAM user.
    pub user_name: UserName,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeleteUser {
    const NAME: &'static str = "DeleteUser";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_RAM_NAME,
        &catalogue::RAM_USER_NOT_FOUND,
        &catalogue::USER_HAS_ACCESS_KEY,
        &catalogue::USER_HAS_POLICY,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("ram:DeleteUser", Target::RamUser(Some(request.user_name.clone().into())))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let name = String::from(request.user_name);
        let has_policy = !ram::user(tx, &name)?.policies.is_empty();
        if ram::access_keys_of(tx, &Owner::RamUser(name.clone())).next().is_some() {
            return Err(ApiError::new(&catalogue::USER_HAS_ACCESS_KEY));
        }
        if has_policy {
            return Err(ApiError::new(&catalogue::USER_HAS_POLICY));
        }
        tx.delete::<RamUser>(&name);
        Ok(Response {})
    }
}
