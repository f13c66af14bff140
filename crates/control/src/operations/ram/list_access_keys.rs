//! `ListAccessKeys`: lists AccessKeys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access_key::AccessKeyView;
use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{UserName, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::Permission;
use crate::tx::Tx;

/// See the module.
pub struct ListAccessKeys;

/// Lists the AccessKeys of a RAM user, or of the account itself, by id. Their secrets are not shown.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the RAM user; the one who calls, when it is absent.
    #[serde(default, deserialize_with = "optional")]
    pub user_name: Option<UserName>,
}

/// The AccessKeys.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    access_keys: AccessKeyListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct AccessKeyListView {
    access_key: Vec<AccessKeyView>,
}

impl Operation for ListAccessKeys {
    const NAME: &'static str = "ListAccessKeys";
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
        Permission::on("ram:ListAccessKeys", ram::named_or_caller(request.user_name.as_ref()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let owner = ram::owner(tx, request.user_name)?;
        let access_key = ram::access_keys_of(tx, &owner).map(AccessKeyView::from).collect();
        Ok(Response { access_keys: AccessKeyListView { access_key } })
    }
}
