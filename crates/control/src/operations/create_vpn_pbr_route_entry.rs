//! `CreateVpnPbrRouteEntry`: adds a policy-based route to a VPN gateway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::desired::Policy;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{Description, Priority, RouteDest, Weight, optional};
use crate::ids::{RegionId, VpnConnectionId, VpnGatewayId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::operations::vco_route::OverlayMode;
use crate::operations::vpn_route::{self, State};
use crate::permission::{Permission, Target};
use crate::resource::vpn_route_entry::VpnRouteEntry;
use crate::tx::Tx;

/// See the module.
pub struct CreateVpnPbrRouteEntry;

/// Adds the route at once and answers; the VPN gateway is `updating` until it forwards over it. Policy-based routes are
/// asked before destination-based ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the VPN gateway.
    pub region_id: RegionId,
    /// The VPN gateway.
    pub vpn_gateway_id: VpnGatewayId,
    /// The connection that is to be taken.
    pub next_hop: String,
    /// The source CIDR block of the route.
    pub route_source: RouteDest,
    /// The destination CIDR block of the route.
    pub route_dest: RouteDest,
    /// 100 is preferred over 0.
    pub weight: Weight,
    /// From 1 to 100: the smallest is asked first.
    #[serde(default, deserialize_with = "optional")]
    pub priority: Option<Priority>,
    /// Whether the VPC is told of it.
    pub publish_vpc: bool,
    /// What it is for.
    #[serde(default)]
    pub description: Option<Description>,
    /// The kind of tunnel.
    #[serde(default, deserialize_with = "optional")]
    pub overlay_mode: Option<OverlayMode>,
}

/// The route.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    create_time: i64,
    description: String,
    next_hop: VpnConnectionId,
    overlay_mode: OverlayMode,
    priority: i32,
    route_dest: String,
    route_source: String,
    state: State,
    vpn_instance_id: VpnGatewayId,
    weight: Weight,
}

impl Operation for CreateVpnPbrRouteEntry {
    const NAME: &'static str = "CreateVpnPbrRouteEntry";
    const KIND: Kind = Kind::Write;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(60));
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::QUOTA_FULL,
        &catalogue::ROUTE_CONFLICT,
        &catalogue::VPN_GATEWAY_CONFIGURING,
        &catalogue::VPN_GATEWAY_FINANCIAL_LOCKED,
        &catalogue::VPN_GATEWAY_NOT_FOUND,
        &catalogue::INVALID_DESCRIPTION,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("vpc:CreateVpnPbrRouteEntry", Target::VpnGateway(request.vpn_gateway_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let policy = Policy {
            priority: request.priority.unwrap_or_default().get(),
            source: request.route_source.net(),
        };
        let connection =
            vpn_route::next_hop(tx, &request.region_id, &request.vpn_gateway_id, &request.next_hop)?;
        let route = VpnRouteEntry {
            vpn_gateway_id: request.vpn_gateway_id,
            next_hop: connection.id.clone(),
            route_dest: request.route_dest.net(),
            weight: request.weight,
            policy: Some(policy),
            is_published: request.publish_vpc,
            is_automatic: false,
            description: request.description.map(String::from).unwrap_or_default(),
            created_ms: tx.now_ms(),
        };
        vpn_route::add(tx, connection, route.clone())?;
        Ok(Response {
            create_time: route.created_ms,
            state: State::from(&route),
            description: route.description,
            next_hop: route.next_hop,
            overlay_mode: request.overlay_mode.unwrap_or_default(),
            priority: i32::from(policy.priority),
            route_dest: route.route_dest.to_string(),
            route_source: policy.source.to_string(),
            vpn_instance_id: route.vpn_gateway_id,
            weight: route.weight,
        })
    }
}
