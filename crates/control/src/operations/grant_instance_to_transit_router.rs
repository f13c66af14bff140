//! `GrantInstanceToTransitRouter`: grants an IPsec-VPN connection to a transit router.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::optional;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::transit_router_grant::{self, InstanceType, OrderType};
use crate::permission::Permission;
use crate::tx::Tx;

/// See the module.
pub struct GrantInstanceToTransitRouter;

/// Checks that both belong to the caller, who then needs no grant: a connection can be attached by its owner only.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The Cloud Enterprise Network instance; it has no effect.
    pub cen_id: String,
    /// The account that owns it: the caller's own.
    pub cen_owner_id: i64,
    /// The connection.
    pub instance_id: String,
    /// What it is: `VPN`.
    pub instance_type: InstanceType,
    /// Who pays; it has no effect.
    #[serde(default, deserialize_with = "optional")]
    pub order_type: Option<OrderType>,
    /// The region of the connection.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for GrantInstanceToTransitRouter {
    const NAME: &'static str = "GrantInstanceToTransitRouter";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::FORBIDDEN, &catalogue::VPN_CONNECTION_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        transit_router_grant::permission("cen:GrantInstanceToTransitRouter", &request.instance_id)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let Request { region_id, cen_owner_id, instance_type, instance_id, .. } = request;
        transit_router_grant::check_own(tx, region_id.as_ref(), cen_owner_id, instance_type, &instance_id)?;
        Ok(Response {})
    }
}
