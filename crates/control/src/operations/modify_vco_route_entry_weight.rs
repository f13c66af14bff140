//! `ModifyVcoRouteEntryWeight`: gives a destination-based route the other weight.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{RouteDest, Weight};
use crate::ids::{RegionId, VpnConnectionId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::operations::vco_route::{self, OverlayMode};
use crate::permission::{Permission, Target};
use crate::resource::vco_route_entry::{RouteId, VcoRouteEntry};
use crate::tx::Tx;

/// See the module.
pub struct ModifyVcoRouteEntryWeight;

/// Changes the weight at once and answers; the connection is `updating` until the gateway forwards by it.
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
    /// The weight that the route has.
    pub weight: Weight,
    /// The weight that it is to have.
    pub new_weight: Weight,
    /// The kind of tunnel.
    #[serde(default, deserialize_with = "crate::fields::optional")]
    pub overlay_mode: Option<OverlayMode>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for ModifyVcoRouteEntryWeight {
    const NAME: &'static str = "ModifyVcoRouteEntryWeight";
    const KIND: Kind = Kind::Write;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(120));
    const ERRORS: &'static [&'static ErrorCode] = &[
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
        Permission::on("vpc:ModifyVcoRouteEntryWeight", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let connection = tx.vpn_connection(&request.region_id, &request.vpn_connection_id)?.clone();
        let id = vco_route::find(tx, &connection, &request.next_hop, request.route_dest, request.weight)?;
        if request.new_weight == request.weight {
            return Ok(Response {});
        }
        let new_id = RouteId { key: id.key.with_other_weight(), ..id.clone() };
        if tx.find::<VcoRouteEntry>(&new_id).is_some() {
            let detail = format!("There is a route to {} with this weight already.", id.key.route_dest);
            return Err(ApiError::new(&catalogue::ROUTE_CONFLICT).detail(detail));
        }
        connection.must_be_settled(tx.observations())?;
        let Some(route) = tx.find::<VcoRouteEntry>(&id).cloned() else {
            return Err(ApiError::new(&catalogue::ROUTE_NOT_FOUND));
        };
        tx.delete::<VcoRouteEntry>(&id);
        tx.put(VcoRouteEntry { weight: request.new_weight, ..route });
        tx.touch(connection);
        Ok(Response {})
    }
}
