//! `DeleteCen`: deletes a Cloud Enterprise Network instance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{CenId, RegionId, TransitRouterId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::resource::cen::Cen;
use crate::resource::transit_router::TransitRouter;
use crate::tx::Tx;

/// See the module.
pub struct DeleteCen;

/// Deletes an instance and its transit routers. It is refused while a connection is attached to one of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The instance.
    pub cen_id: CenId,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeleteCen {
    const NAME: &'static str = "DeleteCen";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::CEN_NOT_FOUND, &catalogue::STILL_ATTACHED_TO];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("cen:DeleteCen", Target::Cen(request.cen_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let id = tx.cen(&request.cen_id)?.id.clone();
        let routers: Vec<TransitRouterId> =
            tx.state().transit_routers_of(&id).map(|router| router.id.clone()).collect();
        for router in &routers {
            super::must_be_unused(tx, router)?;
            tx.delete::<TransitRouter>(router);
        }
        tx.delete::<Cen>(&id);
        Ok(Response {})
    }
}
