//! `DescribeVcoRouteEntries`: lists the routes of an IPsec-VPN connection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, Weight, optional};
use crate::ids::{RegionId, TunnelId, VpnConnectionId};
use crate::observed::TunnelStatus;
use crate::operation::{Kind, Operation, RateLimit};
use crate::operations::vco_route::RouteState;
use crate::page::{Page, count};
use crate::permission::{Permission, Target};
use crate::resource::vco_route_entry::VcoRouteEntry;
use crate::resource::vpn_connection::{VpnConnection, tunnel_status};
use crate::tx::Tx;

/// See the module.
pub struct DescribeVcoRouteEntries;

/// Lists the routes of a connection, the oldest first. A route is listed as soon as it is created, and no
/// longer as soon as it is deleted, also while the connection is `updating`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the connection.
    pub region_id: RegionId,
    /// The connection.
    pub vpn_connection_id: VpnConnectionId,
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

/// Where a route comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum RouteEntryType {
    /// Somebody created it.
    #[default]
    Custom,
    /// BGP learned it.
    Bgp,
}

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    page_number: i32,
    page_size: i32,
    total_count: i32,
    vco_route_entries: Vec<VcoRouteEntryView>,
    vpn_route_counts: Vec<RouteCountView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct VcoRouteEntryView {
    as_path: String,
    community: String,
    create_time: i64,
    next_hop: VpnConnectionId,
    /// The tunnels of a connection of two over which packets can pass.
    next_hop_tunnel_id_list: Vec<TunnelId>,
    route_dest: String,
    route_entry_type: RouteEntryType,
    /// Empty: only BGP has sources.
    source: String,
    state: RouteState,
    vpn_connection_id: VpnConnectionId,
    weight: Weight,
}

/// How many routes of a kind there are.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct RouteCountView {
    route_count: i32,
    route_entry_type: RouteEntryType,
    source: String,
}

impl RouteCountView {
    /// How many routes somebody created.
    pub fn custom(route_count: i32) -> Self {
        Self { route_count, route_entry_type: RouteEntryType::Custom, source: String::new() }
    }
}

impl Operation for DescribeVcoRouteEntries {
    const NAME: &'static str = "DescribeVcoRouteEntries";
    const KIND: Kind = Kind::Read;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(600));
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::VPN_CONNECTION_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::VpnConnection(request.vpn_connection_id.clone());
        Permission::on("vpc:DescribeVcoRouteEntries", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let connection = tx.vpn_connection(&request.region_id, &request.vpn_connection_id)?;
        let page = Page::new(request.page_number, request.page_size);
        let (routes, total_count) = match request.route_entry_type.unwrap_or_default() {
            RouteEntryType::Custom => page.of(tx.vco_routes(&connection.id).into_iter()),
            RouteEntryType::Bgp => (Vec::new(), 0),
        };
        let up = tunnels_up(tx, connection);
        Ok(Response {
            page_number: page.number(),
            page_size: page.size(),
            total_count,
            vco_route_entries: routes.into_iter().map(|route| view(route, &up)).collect(),
            vpn_route_counts: vec![RouteCountView::custom(count(tx.vco_route_count(&connection.id)))],
        })
    }
}

fn view(route: &VcoRouteEntry, up: &[TunnelId]) -> VcoRouteEntryView {
    VcoRouteEntryView {
        as_path: String::new(),
        community: String::new(),
        create_time: route.created_ms,
        next_hop: route.vpn_connection_id.clone(),
        next_hop_tunnel_id_list: up.to_vec(),
        route_dest: route.route_dest.to_string(),
        route_entry_type: RouteEntryType::Custom,
        source: String::new(),
        state: RouteState::Published,
        vpn_connection_id: route.vpn_connection_id.clone(),
        weight: route.weight,
    }
}

/// The tunnels of a connection of two over which packets can pass.
fn tunnels_up(tx: &Tx<'_>, connection: &VpnConnection) -> Vec<TunnelId> {
    if connection.single_tunnel().is_some() {
        return Vec::new();
    }
    let observed = tx.observations().get(&connection.id);
    let up = |tunnel: &&crate::resource::tunnel::Tunnel| {
        tunnel_status(tunnel, observed.as_ref()) == TunnelStatus::IpsecSaEstablished
    };
    connection.tunnels.iter().filter(up).map(|tunnel| tunnel.id.clone()).collect()
}
