//! `MoveResourceGroup`: puts a Cloud Enterprise Network instance into another resource group.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{CenId, RegionId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// See the module.
pub struct MoveResourceGroup;

/// Notes the resource group of an instance; it has no effect beside that lists can be filtered by it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The resource group.
    pub new_resource_group_id: String,
    /// The instance.
    pub resource_id: String,
    /// What it is.
    pub resource_type: ResourceType,
}

/// What can be in a resource group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ResourceType {
    /// A Cloud Enterprise Network instance.
    #[serde(rename = "cen", alias = "Cen", alias = "CEN")]
    Cen,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

/// How long the id of a resource group may be, in bytes.
const RESOURCE_GROUP_ID_BYTES_MAX: usize = 64;

impl Operation for MoveResourceGroup {
    const NAME: &'static str = "MoveResourceGroup";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::CEN_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        let target = request.resource_id.parse().map_or(Target::Cens, Target::Cen);
        Permission::on("cen:MoveResourceGroup", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        if request.new_resource_group_id.len() > RESOURCE_GROUP_ID_BYTES_MAX {
            let expected = format!("at most {RESOURCE_GROUP_ID_BYTES_MAX} characters");
            return Err(ApiError::invalid("NewResourceGroupId", expected));
        }
        let not_found = ApiError::new(&catalogue::CEN_NOT_FOUND);
        let id: CenId = request.resource_id.parse().map_err(|_no_id| not_found)?;
        let mut cen = tx.cen(&id)?.clone();
        cen.resource_group_id = request.new_resource_group_id;
        tx.put(cen);
        Ok(Response {})
    }
}
