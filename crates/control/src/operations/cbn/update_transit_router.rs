//! `UpdateTransitRouter`: changes a transit router.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{LongDescription, LongName};
use crate::ids::{RegionId, TransitRouterId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// See the module.
pub struct UpdateTransitRouter;

/// Changes the name and the description; what is absent stays as it is. Nothing of it concerns the gateway.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Where it is.
    pub region_id: RegionId,
    /// What it is for.
    #[serde(default)]
    pub transit_router_description: Option<LongDescription>,
    /// The transit router.
    pub transit_router_id: TransitRouterId,
    /// Its name.
    #[serde(default)]
    pub transit_router_name: Option<LongName>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for UpdateTransitRouter {
    const NAME: &'static str = "UpdateTransitRouter";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::TRANSIT_ROUTER_NOT_FOUND, &catalogue::TRANSIT_ROUTER_BUILT_IN];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("cen:UpdateTransitRouter", Target::TransitRouter(request.transit_router_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        super::must_not_be_built_in(tx, &request.transit_router_id)?;
        let mut router = tx.transit_router(&request.region_id, &request.transit_router_id)?.clone();
        if let Some(name) = request.transit_router_name {
            router.name = name.into();
        }
        if let Some(description) = request.transit_router_description {
            router.description = description.into();
        }
        tx.put(router);
        Ok(Response {})
    }
}
