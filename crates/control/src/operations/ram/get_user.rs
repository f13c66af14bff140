//! `GetUser`: shows a RAM user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::UserName;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_user::KnownRamUserView;
use crate::tx::Tx;

/// See the module.
pub struct GetUser;

/// Shows a RAM user.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the RAM user.
    pub user_name: UserName,
}

/// The RAM user.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    user: UserView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct UserView {
    #[serde(flatten)]
    user: KnownRamUserView,
    /// RAM users cannot log on to anything: always empty.
    last_login_date: String,
}

impl Operation for GetUser {
    const NAME: &'static str = "GetUser";
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
        Permission::on("ram:GetUser", Target::RamUser(Some(request.user_name.clone().into())))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let user = KnownRamUserView::from(ram::user(tx, &String::from(request.user_name))?);
        Ok(Response { user: UserView { user, last_login_date: String::new() } })
    }
}
