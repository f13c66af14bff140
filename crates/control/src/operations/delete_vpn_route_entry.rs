//! `DeleteVpnRouteEntry`: deletes a destination-based route of a VPN gateway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{RouteDest, Weight, optional};
use crate::ids::{RegionId, VpnGatewayId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::operations::vco_route::OverlayMode;
use crate::operations::vpn_route;
use crate::permission::{Permission, Target};
use crate::resource::vpn_route_entry::VpnRouteKey;
use crate::tx::Tx;

/// See the module.
pub struct DeleteVpnRouteEntry;

/// Withdraws the route at once and answers; the VPN gateway is `updating` until it has stopped forwarding over it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the VPN gateway.
    pub region_id: RegionId,
    /// The VPN gateway.
    pub vpn_gateway_id: VpnGatewayId,
    /// The connection that is taken.
    pub next_hop: String,
    /// The destination CIDR block of the route.
    pub route_dest: RouteDest,
    /// 100 is preferred over 0.
    pub weight: Weight,
    /// The kind of tunnel.
    #[serde(default, deserialize_with = "optional")]
    pub overlay_mode: Option<OverlayMode>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeleteVpnRouteEntry {
    const NAME: &'static str = "DeleteVpnRouteEntry";
    const KIND: Kind = Kind::Write;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(60));
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::QUOTA_FULL,
        &catalogue::ROUTE_CONFLICT,
        &catalogue::ROUTE_NOT_FOUND,
        &catalogue::VPN_GATEWAY_CONFIGURING,
        &catalogue::VPN_GATEWAY_FINANCIAL_LOCKED,
        &catalogue::VPN_GATEWAY_NOT_FOUND,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("vpc:DeleteVpnRouteEntry", Target::VpnGateway(request.vpn_gateway_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let connection =
            vpn_route::next_hop(tx, &request.region_id, &request.vpn_gateway_id, &request.next_hop)?;
        let key = VpnRouteKey {
            next_hop: connection.id.clone(),
            source: None,
            route_dest: request.route_dest.net(),
            weight: request.weight,
        };
        let route = vpn_route::find(tx, &request.vpn_gateway_id, key, None)?;
        vpn_route::replace(tx, connection, Some(&route), None)?;
        Ok(Response {})
    }
}
