//! `DeleteTransitRouter`: deletes a transit router that somebody made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{RegionId, TransitRouterId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::resource::transit_router::TransitRouter;
use crate::tx::Tx;

/// See the module.
pub struct DeleteTransitRouter;

/// Deletes a transit router. It is refused while a connection is attached to it, and for a built-in one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The transit router.
    pub transit_router_id: TransitRouterId,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeleteTransitRouter {
    const NAME: &'static str = "DeleteTransitRouter";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::TRANSIT_ROUTER_GONE,
        &catalogue::TRANSIT_ROUTER_NOT_FOUND,
        &catalogue::TRANSIT_ROUTER_BUILT_IN,
        &catalogue::STILL_ATTACHED_TO,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("cen:DeleteTransitRouter", Target::TransitRouter(request.transit_router_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let id = &request.transit_router_id;
        super::must_not_be_built_in(tx, id)?;
        tx.find::<TransitRouter>(id).ok_or(ApiError::new(&catalogue::TRANSIT_ROUTER_GONE))?;
        super::must_be_unused(tx, id)?;
        tx.delete::<TransitRouter>(id);
        Ok(Response {})
    }
}
