//! `DescribeVpnConnections`: lists the IPsec-VPN connections of a region.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, optional};
use crate::ids::{CustomerGatewayId, RegionId, VpnConnectionId, VpnGatewayId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::page::Page;
use crate::permission::{Permission, Target};
use crate::resource::tag::{self, TagFilter, TagListView};
use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_connection::view::VpnConnectionView;
use crate::tx::Tx;

/// See the module.
pub struct DescribeVpnConnections;

/// Lists the connections of a region, the oldest first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region.
    pub region_id: RegionId,
    /// Only those to this peer.
    #[serde(default, deserialize_with = "optional")]
    pub customer_gateway_id: Option<CustomerGatewayId>,
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// Only those of this resource group.
    #[serde(default, deserialize_with = "optional")]
    pub resource_group_id: Option<String>,
    /// Only those with all of these tags.
    #[serde(default)]
    pub tag: Vec<TagFilter>,
    /// Only this one.
    #[serde(default, deserialize_with = "optional")]
    pub vpn_connection_id: Option<VpnConnectionId>,
    /// Only those of this VPN gateway.
    #[serde(default, deserialize_with = "optional")]
    pub vpn_gateway_id: Option<VpnGatewayId>,
}

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    page_number: i32,
    page_size: i32,
    total_count: i32,
    vpn_connections: VpnConnectionListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct VpnConnectionListView {
    vpn_connection: Vec<TaggedVpnConnectionView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TaggedVpnConnectionView {
    #[serde(flatten)]
    connection: VpnConnectionView,
    tag: TagListView,
}

impl Operation for DescribeVpnConnections {
    const NAME: &'static str = "DescribeVpnConnections";
    const KIND: Kind = Kind::Read;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(600));
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = request.vpn_connection_id.clone().map(Target::VpnConnection);
        Permission::on("vpc:DescribeVpnConnections", target.unwrap_or(Target::VpnConnections))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tag::check_filters(&request.tag)?;
        let wanted = |connection: &&VpnConnection| {
            let peer = |id: &CustomerGatewayId| connection.customer_gateways().any(|peer| peer == id);
            let gateway =
                |id: &VpnGatewayId| connection.vpn_gateway.as_ref().is_some_and(|bound| bound.id == *id);
            connection.region == request.region_id
                && request.vpn_gateway_id.as_ref().is_none_or(gateway)
                && request.customer_gateway_id.as_ref().is_none_or(peer)
                && request
                    .resource_group_id
                    .as_ref()
                    .is_none_or(|group| *group == connection.resource_group_id)
                && tag::matches(&connection.tags, &request.tag)
        };
        let page = Page::new(request.page_number, request.page_size);
        let (connections, total_count) = match &request.vpn_connection_id {
            Some(id) => page.of(tx.state().vpn_connection(id).into_iter().filter(wanted)),
            None => page.of(tx.state().vpn_connections(&request.region_id).filter(wanted)),
        };
        let view = |connection: &VpnConnection| TaggedVpnConnectionView {
            connection: tx.show(connection, VpnConnectionView::of),
            tag: TagListView::from(&connection.tags),
        };
        Ok(Response {
            page_number: page.number(),
            page_size: page.size(),
            total_count,
            vpn_connections: VpnConnectionListView {
                vpn_connection: connections.into_iter().map(view).collect(),
            },
        })
    }
}
