//! `UpdateUser`: changes a RAM user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access_key::{AccessKey, Owner};
use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{Comments, DisplayName, Email, MobilePhone, UserName, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_user::{KnownRamUserView, RamUser};
use crate::tx::Tx;

/// See the module.
pub struct UpdateUser;

/// Changes a RAM user. With another name it keeps its id, its AccessKeys and its policies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the RAM user.
    pub user_name: UserName,
    /// Another name.
    #[serde(default, deserialize_with = "optional")]
    pub new_user_name: Option<UserName>,
    /// Another name for people.
    #[serde(default)]
    pub new_display_name: Option<DisplayName>,
    /// Another telephone number.
    #[serde(default)]
    pub new_mobile_phone: Option<MobilePhone>,
    /// Another e-mail address.
    #[serde(default)]
    pub new_email: Option<Email>,
    /// What the user is for.
    #[serde(default)]
    pub new_comments: Option<Comments>,
}

/// The RAM user as it is now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    user: KnownRamUserView,
}

impl Operation for UpdateUser {
    const NAME: &'static str = "UpdateUser";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_RAM_NAME,
        &catalogue::INVALID_RAM_LENGTH,
        &catalogue::INVALID_RAM_FORMAT,
        &catalogue::RAM_USER_NOT_FOUND,
        &catalogue::RAM_USER_EXISTS,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        let names = [Some(&request.user_name), request.new_user_name.as_ref()];
        let targets = names.into_iter().flatten().map(|name| Target::RamUser(Some(name.clone().into())));
        Permission::on_all("ram:UpdateUser", targets.collect())
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let old_name = String::from(request.user_name);
        let mut user = ram::user(tx, &old_name)?.clone();
        let set =
            |text: &mut String, new: Option<String>| *text = new.unwrap_or_else(|| std::mem::take(text));
        set(&mut user.display_name, request.new_display_name.map(Into::into));
        set(&mut user.mobile_phone, request.new_mobile_phone.map(Into::into));
        set(&mut user.email, request.new_email.map(Into::into));
        set(&mut user.comments, request.new_comments.map(Into::into));
        set(&mut user.name, request.new_user_name.map(Into::into));
        user.updated_ms = tx.now_ms();
        if user.name != old_name {
            rename(tx, old_name, &user.name)?;
        }
        let view = KnownRamUserView::from(&user);
        tx.put(user);
        Ok(Response { user: view })
    }
}

/// Makes room under the new name, and hands the AccessKeys over to it.
fn rename(tx: &mut Tx<'_>, old_name: String, new_name: &str) -> Result<(), ApiError> {
    if tx.find::<RamUser>(&new_name.to_owned()).is_some() {
        return Err(ApiError::new(&catalogue::RAM_USER_EXISTS));
    }
    tx.delete::<RamUser>(&old_name);
    let owner = Owner::RamUser(old_name);
    let keys: Vec<AccessKey> = ram::access_keys_of(tx, &owner).cloned().collect();
    for key in keys {
        tx.put(AccessKey { owner: Owner::RamUser(new_name.to_owned()), ..key });
    }
    Ok(())
}
