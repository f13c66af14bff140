//! `ModifyVpnPbrRouteEntryPriority`: changes the priority of a policy-based route of a VPN gateway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::desired::Policy;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{Priority, RouteDest, Weight, optional};
use crate::ids::{RegionId, VpnGatewayId};
use crate::operation::{Kind, Operation};
use crate::operations::vpn_route;
use crate::permission::{Permission, Target};
use crate::resource::vpn_route_entry::{VpnRouteEntry, VpnRouteKey};
use crate::tx::Tx;

/// See the module.
pub struct ModifyVpnPbrRouteEntryPriority;

/// The VPN gateway is `updating` until it forwards by what is new.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the VPN gateway.
    pub region_id: RegionId,
    /// The VPN gateway.
    pub vpn_gateway_id: VpnGatewayId,
    /// The connection that is taken.
    pub next_hop: String,
    /// The source CIDR block of the route.
    pub route_source: RouteDest,
    /// The destination CIDR block of the route.
    pub route_dest: RouteDest,
    /// 100 is preferred over 0.
    pub weight: Weight,
    /// Its priority, if it is to be checked: the smallest is asked first.
    #[serde(default, deserialize_with = "optional")]
    pub priority: Option<Priority>,
    /// The priority that it is to have.
    pub new_priority: Priority,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for ModifyVpnPbrRouteEntryPriority {
    const NAME: &'static str = "ModifyVpnPbrRouteEntryPriority";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::ROUTE_CONFLICT,
        &catalogue::ROUTE_NOT_FOUND,
        &catalogue::VPN_GATEWAY_CONFIGURING,
        &catalogue::VPN_GATEWAY_NOT_FOUND,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        Permission::on(
            "vpc:ModifyVpnPbrRouteEntryPriority",
            Target::VpnGateway(request.vpn_gateway_id.clone()),
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let connection =
            vpn_route::next_hop(tx, &request.region_id, &request.vpn_gateway_id, &request.next_hop)?;
        let key = VpnRouteKey {
            next_hop: connection.id.clone(),
            source: Some(request.route_source.net()),
            route_dest: request.route_dest.net(),
            weight: request.weight,
        };
        let route = vpn_route::find(tx, &request.vpn_gateway_id, key, request.priority.map(Priority::get))?;
        let priority = request.new_priority.get();
        let changed = VpnRouteEntry {
            policy: route.policy.map(|policy| Policy { priority, ..policy }),
            ..route.clone()
        };
        vpn_route::replace(tx, connection, Some(&route), Some(changed))?;
        Ok(Response {})
    }
}
