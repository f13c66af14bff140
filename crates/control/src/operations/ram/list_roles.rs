//! `ListRoles`: lists the RAM roles.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{MaxItems, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_role::ListedRoleView;
use crate::resource::tag::{self, TagFilter};
use crate::tx::Tx;

/// See the module.
pub struct ListRoles;

/// Lists the roles by name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Where to go on: the `Marker` of the answer before.
    #[serde(default, deserialize_with = "optional")]
    pub marker: Option<String>,
    /// How many at once: 100 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub max_items: Option<MaxItems>,
    /// Only those with all of these tags.
    #[serde(default)]
    pub tag: Vec<TagFilter>,
}

/// Some of them, and where to go on.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
    roles: RoleListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RoleListView {
    role: Vec<ListedRoleView>,
}

impl Operation for ListRoles {
    const NAME: &'static str = "ListRoles";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("ram:ListRoles", Target::RamRoles)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tag::check_filters(&request.tag)?;
        let roles = tx.state().ram_roles().filter(|role| tag::matches(&role.tags, &request.tag));
        let (roles, marker) =
            ram::part(roles, |role| &role.name, request.marker.as_deref(), request.max_items);
        let role = roles.into_iter().map(|role| ListedRoleView::new(role, tx.account_id())).collect();
        Ok(Response { is_truncated: marker.is_some(), marker, roles: RoleListView { role } })
    }
}
