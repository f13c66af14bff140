//! `CreateVcoRouteEntry`: adds a destination-based route to an IPsec-VPN connection.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{Description, RouteDest, Weight};
use crate::ids::{RegionId, VpnConnectionId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::operations::vco_route::{self, OverlayMode, RouteState};
use crate::operations::vpn_route;
use crate::permission::{Permission, Target};
use crate::resource::vco_route_entry::{RouteId, VcoRouteEntry};
use crate::tx::Tx;

/// See the module.
pub struct CreateVcoRouteEntry;

/// Adds the route at once and answers; the connection is `updating` until the gateway forwards over it. The
/// connection must be attached to a transit router: otherwise the answer is `IncorrectStatus.VpnConnection`,
/// for which the provider documents no code of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the connection.
    pub region_id: RegionId,
    /// The connection.
    pub vpn_connection_id: VpnConnectionId,
    /// The destination CIDR block: any but 0.0.0.0/0. One that overlaps 100.64.0.0/10 is better avoided.
    pub route_dest: RouteDest,
    /// The connection itself.
    pub next_hop: String,
    /// 100 is preferred over 0.
    pub weight: Weight,
    /// The kind of tunnel.
    #[serde(default, deserialize_with = "crate::fields::optional")]
    pub overlay_mode: Option<OverlayMode>,
    /// What the route is for.
    #[serde(default)]
    pub description: Option<Description>,
}

/// The route as it was made.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    create_time: i64,
    description: String,
    next_hop: String,
    overlay_mode: OverlayMode,
    route_dest: String,
    state: RouteState,
    vpn_connection_id: VpnConnectionId,
    weight: Weight,
}

impl Operation for CreateVcoRouteEntry {
    const NAME: &'static str = "CreateVcoRouteEntry";
    const KIND: Kind = Kind::Write;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(60));
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::QUOTA_FULL,
        &catalogue::ROUTE_CONFLICT,
        &catalogue::VPN_CONNECTION_NOT_FOUND,
        &catalogue::CONNECTION_NOT_ATTACHED,
        &catalogue::CONNECTION_CONFIGURING,
        &catalogue::INVALID_DESCRIPTION,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::VpnConnection(request.vpn_connection_id.clone());
        Permission::on("vpc:CreateVcoRouteEntry", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let connection = tx.vpn_connection(&request.region_id, &request.vpn_connection_id)?.clone();
        vco_route::check_next_hop(&connection, &request.next_hop)?;
        let route = VcoRouteEntry {
            vpn_connection_id: connection.id.clone(),
            route_dest: request.route_dest.net(),
            weight: request.weight,
            description: request.description.map(String::from).unwrap_or_default(),
            created_ms: tx.now_ms(),
        };
        vpn_route::check_destination(route.route_dest)?;
        connection.must_be_attached()?;
        if tx
            .find::<VcoRouteEntry>(&RouteId { connection: connection.id.clone(), key: route.key() })
            .is_some()
        {
            return Err(
                ApiError::new(&catalogue::ROUTE_CONFLICT).detail("The connection has this route already.")
            );
        }
        if tx.vco_route_count(&connection.id) >= tx.settings().vco_routes_per_connection_max {
            return Err(ApiError::new(&catalogue::QUOTA_FULL));
        }
        connection.must_be_settled(tx.observations())?;
        warn_of_shared_space(tx, &route);
        tx.put(route.clone());
        tx.touch(connection);
        Ok(Response {
            create_time: route.created_ms,
            description: route.description,
            next_hop: request.next_hop,
            overlay_mode: request.overlay_mode.unwrap_or_default(),
            route_dest: route.route_dest.to_string(),
            state: RouteState::Published,
            vpn_connection_id: route.vpn_connection_id,
            weight: route.weight,
        })
    }
}

/// The provider uses 100.64.0.0/10 (RFC 6598) for itself and discourages routes into it.
fn warn_of_shared_space(tx: &mut Tx<'_>, route: &VcoRouteEntry) {
    const SHARED: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10);
    if route.route_dest.contains(&SHARED) || SHARED.contains(&route.route_dest) {
        let text = format!(
            "the route to {} overlaps {SHARED}, which carriers and clouds use for themselves: what is reached \
             there from this gateway's network may change",
            route.route_dest
        );
        tx.warn(&route.vpn_connection_id, text);
    }
}
