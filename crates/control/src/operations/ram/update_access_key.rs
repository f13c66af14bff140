//! `UpdateAccessKey`: switches an AccessKey on or off.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access_key::{AccessKey, Status};
use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{UserName, optional};
use crate::ids::{AccessKeyId, RegionId};
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::Permission;
use crate::tx::Tx;

/// See the module.
pub struct UpdateAccessKey;

/// Switches an AccessKey on or off. One that is off signs no request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The AccessKey.
    pub user_access_key_id: AccessKeyId,

    /// `Active` or `Inactive`.
    pub status: Status,

    /// The name of the RAM user; the one who calls, when it is absent.
    #[serde(default, deserialize_with = "optional")]
    pub user_name: Option<UserName>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for UpdateAccessKey {
    const NAME: &'static str = "UpdateAccessKey";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_RAM_NAME,
        &catalogue::RAM_USER_NOT_FOUND,
        &catalogue::USER_ACCESS_KEY_NOT_FOUND,
        &catalogue::LAST_ROOT_ACCESS_KEY,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("ram:UpdateAccessKey", ram::named_or_caller(request.user_name.as_ref()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let owner = ram::owner(tx, request.user_name)?;
        let key = ram::access_key(tx, &owner, &request.user_access_key_id)?;
        if request.status == Status::Inactive {
            ram::keep_one_of_the_account(tx, &key)?;
        }
        if key.status != request.status {
            tx.put(AccessKey { status: request.status, ..key });
        }
        Ok(Response {})
    }
}
