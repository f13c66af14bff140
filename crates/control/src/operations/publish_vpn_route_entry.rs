//! `PublishVpnRouteEntry`: publishes routes of a VPN gateway to its VPC, or withdraws them from it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::RouteDest;
use crate::ids::{RegionId, VpnGatewayId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::operations::vpn_route;
use crate::permission::{Permission, Target};
use crate::resource::vpn_route_entry::{RouteKind, VpnRouteEntry};
use crate::tx::Tx;

/// See the module.
pub struct PublishVpnRouteEntry;

/// Publishes the routes to a destination over a connection, of each weight and source. Withdraws the destination, over each
/// connection: it stays reachable for what comes to the VPN gateway anyway.
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
    /// Which kind of route.
    pub route_type: RouteType,
    /// Whether the VPC is told of it.
    pub publish_vpc: bool,
}

/// Which kind of route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum RouteType {
    /// Policy-based.
    Pbr,
    /// Destination-based.
    Dbr,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for PublishVpnRouteEntry {
    const NAME: &'static str = "PublishVpnRouteEntry";
    const KIND: Kind = Kind::Write;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(60));
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::QUOTA_FULL,
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
        Permission::on("vpc:PublishVpnRouteEntry", Target::VpnGateway(request.vpn_gateway_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let connection =
            vpn_route::next_hop(tx, &request.region_id, &request.vpn_gateway_id, &request.next_hop)?;
        let kind = match request.route_type {
            RouteType::Pbr => RouteKind::Policy,
            RouteType::Dbr => RouteKind::Destination,
        };
        let of_destination: Vec<VpnRouteEntry> = tx
            .state()
            .vpn_routes(&request.vpn_gateway_id, &kind)
            .filter(|route| route.route_dest == request.route_dest.net())
            .cloned()
            .collect();
        if of_destination.iter().all(|route| route.next_hop != connection.id) {
            return Err(ApiError::new(&catalogue::ROUTE_NOT_FOUND));
        }
        let concerned: Vec<VpnRouteEntry> = of_destination
            .into_iter()
            .filter(|route| {
                route.is_published != request.publish_vpc
                    && (!request.publish_vpc || route.next_hop == connection.id)
            })
            .collect();
        let next_hops: BTreeSet<_> = concerned.iter().map(|route| route.next_hop.clone()).collect();
        let state = tx.state();
        for connection in next_hops.iter().filter_map(|id| state.vpn_connection(id)) {
            vpn_route::must_be_settled(tx, connection)?;
            tx.touch(connection.clone());
        }
        for route in concerned {
            tx.put(VpnRouteEntry { is_published: request.publish_vpc, ..route });
        }
        Ok(Response {})
    }
}
