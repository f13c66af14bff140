//! `ListUsers`: lists the RAM users.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{MaxItems, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_user::KnownRamUserView;
use crate::tx::Tx;

/// See the module.
pub struct ListUsers;

/// Lists the RAM users by name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Where to go on: the `Marker` of the answer before.
    #[serde(default, deserialize_with = "optional")]
    pub marker: Option<String>,
    /// How many at once: 100 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub max_items: Option<MaxItems>,
}

/// Some of them, and where to go on.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
    users: RamUserListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RamUserListView {
    user: Vec<KnownRamUserView>,
}

impl Operation for ListUsers {
    const NAME: &'static str = "ListUsers";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("ram:ListUsers", Target::RamUsers)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let (users, marker) = ram::part(
            tx.state().ram_users(),
            |user| &user.name,
            request.marker.as_deref(),
            request.max_items,
        );
        let user = users.into_iter().map(KnownRamUserView::from).collect();
        Ok(Response { is_truncated: marker.is_some(), marker, users: RamUserListView { user } })
    }
}
