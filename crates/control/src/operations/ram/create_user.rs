//! `CreateUser`: makes a RAM user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{Comments, DisplayName, Email, MobilePhone, UserName};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::ram_user::{RAM_USERS_MAX, RamUser, RamUserView};
use crate::tx::Tx;

/// See the module.
pub struct CreateUser;

/// Makes a RAM user, who has neither AccessKeys nor policies yet.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the RAM user.
    pub user_name: UserName,
    /// The name for people.
    #[serde(default)]
    pub display_name: Option<DisplayName>,
    /// The telephone number, such as 86-18600008888.
    #[serde(default)]
    pub mobile_phone: Option<MobilePhone>,
    /// The e-mail address.
    #[serde(default)]
    pub email: Option<Email>,
    /// What the user is for.
    #[serde(default)]
    pub comments: Option<Comments>,
}

/// The RAM user as it was made.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    user: RamUserView,
}

impl Operation for CreateUser {
    const NAME: &'static str = "CreateUser";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_RAM_NAME,
        &catalogue::INVALID_RAM_LENGTH,
        &catalogue::INVALID_RAM_FORMAT,
        &catalogue::RAM_USER_EXISTS,
        &catalogue::TOO_MANY_USERS,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("ram:CreateUser", Target::RamUser(Some(request.user_name.clone().into())))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let name = String::from(request.user_name);
        if tx.find::<RamUser>(&name).is_some() {
            return Err(ApiError::new(&catalogue::RAM_USER_EXISTS));
        }
        if tx.state().ram_users().len() >= RAM_USERS_MAX {
            return Err(ApiError::new(&catalogue::TOO_MANY_USERS));
        }
        let user_id = tx.ids().next_digits(18);
        let user = RamUser {
            display_name: request.display_name.map(String::from).unwrap_or_default(),
            mobile_phone: request.mobile_phone.map(String::from).unwrap_or_default(),
            email: request.email.map(String::from).unwrap_or_default(),
            comments: request.comments.map(String::from).unwrap_or_default(),
            ..RamUser::new(name, user_id, tx.now_ms())
        };
        let view = RamUserView::from(&user);
        tx.put(user);
        Ok(Response { user: view })
    }
}
