//! `DeleteAccessKey`: deletes an AccessKey.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access_key::AccessKey;
use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{UserName, optional};
use crate::ids::{AccessKeyId, RegionId};
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::Permission;
use crate::tx::Tx;

/// See the module.
pub struct DeleteAccessKey;

/// Deletes an AccessKey. It signs no request any more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The AccessKey.
    pub user_access_key_id: AccessKeyId,

    /// The name of the RAM user; the one who calls, when it is absent.
    #[serde(default, deserialize_with = "optional")]
    pub user_name: Option<UserName>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeleteAccessKey {
    const NAME: &'static str = "DeleteAccessKey";
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
        Permission::on("ram:DeleteAccessKey", ram::named_or_caller(request.user_name.as_ref()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let owner = ram::owner(tx, request.user_name)?;
        let key = ram::access_key(tx, &owner, &request.user_access_key_id)?;
        ram::keep_one_of_the_account(tx, &key)?;
        tx.delete::<AccessKey>(&key.id);
        Ok(Response {})
    }
}
