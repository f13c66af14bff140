//! `CreateTransitRouter`: makes a transit router.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{LongDescription, LongName};
use crate::ids::{CenId, RegionId, TransitRouterId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::resource::tag::{self, TagOption};
use crate::resource::transit_router::TransitRouter;
use crate::tx::Tx;

/// See the module.
pub struct CreateTransitRouter;

/// Makes the transit router of a Cloud Enterprise Network instance in a region: a forwarding domain of its own.
/// Nothing crosses from it into the built-in one, or into that of another instance.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The instance.
    pub cen_id: CenId,
    /// Where it is to be.
    pub region_id: RegionId,
    /// Whether it forwards multicast, which none does.
    #[serde(default)]
    pub support_multicast: Option<bool>,
    /// Its tags.
    #[serde(default)]
    pub tag: Vec<TagOption>,
    /// What it is for.
    #[serde(default)]
    pub transit_router_description: Option<LongDescription>,
    /// Its name.
    #[serde(default)]
    pub transit_router_name: Option<LongName>,
}

/// The transit router.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    transit_router_id: TransitRouterId,
}

impl Operation for CreateTransitRouter {
    const NAME: &'static str = "CreateTransitRouter";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::CEN_NOT_FOUND, &catalogue::TRANSIT_ROUTER_EXISTS];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let targets = vec![Target::Cen(request.cen_id.clone()), Target::TransitRouters];
        Permission::on_all("cen:CreateTransitRouter", targets)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tx.cen(&request.cen_id)?;
        if request.support_multicast == Some(true) {
            return Err(ApiError::invalid("SupportMulticast", "false: multicast is not forwarded here"));
        }
        if let Some(router) = tx.state().transit_router_of(&request.cen_id, &request.region_id) {
            let detail = format!("Its transit router in {} is {}.", request.region_id, router.id);
            return Err(ApiError::new(&catalogue::TRANSIT_ROUTER_EXISTS).detail(detail));
        }
        let id = TransitRouterId::generate(tx.ids());
        tx.put(TransitRouter {
            id: id.clone(),
            cen_id: request.cen_id,
            region: request.region_id,
            name: request.transit_router_name.map(String::from).unwrap_or_default(),
            description: request.transit_router_description.map(String::from).unwrap_or_default(),
            tags: tag::collect("Tag", request.tag)?,
            created_ms: tx.now_ms(),
        });
        Ok(Response { transit_router_id: id })
    }
}
