//! `ListTransitRouterAvailableResource`: lists the zones in which a transit router can be attached to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::describe_zones;
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// See the module.
pub struct ListTransitRouterAvailableResource;

/// Lists the zones of a region, which is what the attachments of its transit routers can name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region.
    pub region_id: RegionId,
    /// Only zones with multicast, of which there are none.
    #[serde(default)]
    pub support_multicast: Option<bool>,
}

/// The zones.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    available_zones: Vec<String>,
    master_zones: Vec<String>,
    slave_zones: Vec<String>,
    support_multicast: bool,
}

impl Operation for ListTransitRouterAvailableResource {
    const NAME: &'static str = "ListTransitRouterAvailableResource";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("cen:ListTransitRouterAvailableResource", Target::TransitRouters)
    }

    fn plan(request: Request, _tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let wanted = request.support_multicast != Some(true);
        let zones: Vec<String> =
            wanted.then(|| describe_zones::zone_id(&request.region_id)).into_iter().collect();
        Ok(Response {
            available_zones: zones.clone(),
            master_zones: zones.clone(),
            slave_zones: zones,
            support_multicast: false,
        })
    }
}
