//! `CreateAccessKey`: makes an AccessKey.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access_key::{self, AccessKey, AccessKeyView, Owner};
use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{UserName, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::Permission;
use crate::tx::Tx;

/// See the module.
pub struct CreateAccessKey;

/// Makes an AccessKey of a RAM user, or of the account itself. The answer is the only one that shows the secret.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the RAM user; the one who calls, when it is absent.
    #[serde(default, deserialize_with = "optional")]
    pub user_name: Option<UserName>,
}

/// The AccessKey with its secret.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    access_key: NewAccessKeyView,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct NewAccessKeyView {
    #[serde(flatten)]
    access_key: AccessKeyView,
    access_key_secret: String,
}

impl Operation for CreateAccessKey {
    const NAME: &'static str = "CreateAccessKey";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::INVALID_RAM_NAME, &catalogue::RAM_USER_NOT_FOUND, &catalogue::TOO_MANY_ACCESS_KEYS];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("ram:CreateAccessKey", ram::named_or_caller(request.user_name.as_ref()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let owner = ram::owner(tx, request.user_name)?;
        let max = match owner {
            Owner::Root => access_key::PER_ACCOUNT_MAX,
            Owner::RamUser(_) => access_key::PER_RAM_USER_MAX,
        };
        if ram::access_keys_of(tx, &owner).count() >= max {
            let detail = format!("There can be {max} AccessKeys.");
            return Err(ApiError::new(&catalogue::TOO_MANY_ACCESS_KEYS).detail(detail));
        }
        let now_ms = tx.now_ms();
        let key = AccessKey::generate(tx.ids(), owner, now_ms);
        let access_key = NewAccessKeyView {
            access_key: AccessKeyView::from(&key),
            access_key_secret: key.secret.expose().to_owned(),
        };
        tx.put(key);
        Ok(Response { access_key })
    }
}
