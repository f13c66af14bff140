//! `DeleteVcoRouteEntry`: deletes a destination-based route from an IPsec-VPN connection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{RouteDest, Weight};
use crate::ids::{RegionId, VpnConnectionId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::operations::vco_route::{self, OverlayMode};
use crate::permission::{Permission, Target};
use crate::resource::vco_route_entry::VcoRouteEntry;
use crate::tx::Tx;

/// See the module.
pub struct DeleteVcoRouteEntry;

/// Withdraws the route at once and answers; the connection is `updating` until the gateway has stopped
/// forwarding over it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the connection.
    pub region_id: RegionId,
    /// The connection.
    pub vpn_connection_id: VpnConnectionId,
    /// The destination CIDR block of the route.
    pub route_dest: RouteDest,
    /// The connection that the route points to.
    pub next_hop: String,
    /// 100 is preferred over 0.
    pub weight: Weight,
    /// The kind of tunnel.
    #[serde(default, deserialize_with = "crate::fields::optional")]
    pub overlay_mode: Option<OverlayMode>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeleteVcoRouteEntry {
    const NAME: &'static str = "DeleteVcoRouteEntry";
    const KIND: Kind = Kind::Write;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(60));
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::QUOTA_FULL,
        &catalogue::ROUTE_CONFLICT,
        &catalogue::ROUTE_NOT_FOUND,
        &catalogue::VPN_CONNECTION_NOT_FOUND,
        &catalogue::CONNECTION_CONFIGURING,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::VpnConnection(request.vpn_connection_id.clone());
        Permission::on("vpc:DeleteVcoRouteEntry", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let connection = tx.vpn_connection(&request.region_id, &request.vpn_connection_id)?.clone();
        let route = vco_route::find(tx, &connection, &request.next_hop, request.route_dest, request.weight)?;
        connection.must_be_settled(tx.observations())?;
        tx.delete::<VcoRouteEntry>(&route);
        tx.touch(connection);
        Ok(Response {})
    }
}
