//! `DescribeVpnRouteEntries`: lists the destination-based routes of a VPN gateway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, Weight, optional};
use crate::ids::{RegionId, VpnConnectionId, VpnGatewayId};
use crate::operation::{Kind, Operation};
use crate::operations::describe_vco_route_entries::{RouteCountView, RouteEntryType};
use crate::operations::vpn_route::{self, State};
use crate::page::{Page, count};
use crate::permission::{Permission, Target};
use crate::resource::vpn_route_entry::{RouteKind, VpnRouteEntry};
use crate::tx::Tx;

/// See the module.
pub struct DescribeVpnRouteEntries;

/// Lists the destination-based routes of a VPN gateway, the oldest first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the VPN gateway.
    pub region_id: RegionId,
    /// The VPN gateway.
    pub vpn_gateway_id: VpnGatewayId,
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// Which routes: those that were created, or those that BGP learned.
    #[serde(default, deserialize_with = "optional")]
    pub route_entry_type: Option<RouteEntryType>,
}

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    page_number: i32,
    page_size: i32,
    total_count: i32,
    vpn_route_counts: RouteCountListView,
    vpn_route_entries: RouteListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RouteCountListView {
    vpn_route_count: Vec<RouteCountView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RouteListView {
    vpn_route_entry: Vec<RouteView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RouteView {
    as_path: String,
    community: String,
    create_time: i64,
    next_hop: VpnConnectionId,
    next_hop_tunnel_id: String,
    route_dest: String,
    route_entry_type: RouteEntryType,
    source: String,
    state: State,
    vpn_instance_id: VpnGatewayId,
    weight: Weight,
}

impl Operation for DescribeVpnRouteEntries {
    const NAME: &'static str = "DescribeVpnRouteEntries";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::VPN_GATEWAY_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("vpc:DescribeVpnRouteEntries", Target::VpnGateway(request.vpn_gateway_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let gateway = &tx.vpn_gateway(&request.region_id, &request.vpn_gateway_id)?.id;
        let page = Page::new(request.page_number, request.page_size);
        let (routes, total_count) = match request.route_entry_type.unwrap_or_default() {
            RouteEntryType::Custom => page.of(tx.state().vpn_routes(gateway, &RouteKind::Destination)),
            RouteEntryType::Bgp => (Vec::new(), 0),
        };
        let route_count = count(tx.state().vpn_route_count(gateway, RouteKind::Destination));
        Ok(Response {
            page_number: page.number(),
            page_size: page.size(),
            total_count,
            vpn_route_counts: RouteCountListView {
                vpn_route_count: vec![RouteCountView::custom(route_count)],
            },
            vpn_route_entries: RouteListView {
                vpn_route_entry: routes.into_iter().map(|route| view(tx, route)).collect(),
            },
        })
    }
}

fn view(tx: &Tx<'_>, route: &VpnRouteEntry) -> RouteView {
    RouteView {
        as_path: String::new(),
        community: String::new(),
        create_time: route.created_ms,
        next_hop: route.next_hop.clone(),
        next_hop_tunnel_id: vpn_route::next_hop_tunnel(tx, &route.next_hop)
            .map(|tunnel| tunnel.to_string())
            .unwrap_or_default(),
        route_dest: route.route_dest.to_string(),
        route_entry_type: RouteEntryType::Custom,
        source: String::new(),
        state: route.into(),
        vpn_instance_id: route.vpn_gateway_id.clone(),
        weight: route.weight,
    }
}
