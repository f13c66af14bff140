//! `DescribeVpnAttachments`: lists what the IPsec-VPN connections of a region are attached to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, optional};
use crate::ids::{RegionId, VpnConnectionId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::page::Page;
use crate::permission::{Permission, Target};
use crate::resource::bgp_config::shown;
use crate::resource::ike_config::word;
use crate::resource::tag::{self, TagView};
use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_connection::view::AttachType;
use crate::tx::Tx;

/// See the module.
pub struct DescribeVpnAttachments;

/// Lists the VPN attachments of a region, the oldest first: all of them, or those that are attached to a transit router when
/// `AttachType` is given. Connections of VPN gateways are none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region.
    pub region_id: RegionId,
    /// Only those that are attached.
    #[serde(default, deserialize_with = "optional")]
    pub attach_type: Option<AttachTypeFilter>,
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// Only this one.
    #[serde(default, deserialize_with = "optional")]
    pub vpn_connection_id: Option<VpnConnectionId>,
}

/// What a connection can be attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum AttachTypeFilter {
    /// A transit router.
    Cen,
}

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    page_number: i32,
    page_size: i32,
    total_count: i32,
    vpn_attachments: Vec<VpnAttachmentView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct VpnAttachmentView {
    attach_type: AttachType,
    cross_account_authorized: bool,
    description: String,
    instance_id: VpnConnectionId,
    name: String,
    /// The tags as the text of a JSON object.
    tag: String,
    tags: Vec<TagView>,
    transit_router_id: String,
    transit_router_name: String,
    tunnel_bandwidth: String,
}

impl VpnAttachmentView {
    fn of(tx: &Tx<'_>, connection: &VpnConnection) -> Self {
        let attachment = connection.attachment.as_ref();
        Self {
            attach_type: connection.into(),
            cross_account_authorized: false,
            description: String::new(),
            instance_id: connection.id.clone(),
            name: connection.name.clone(),
            tag: serde_json::json!(connection.tags).to_string(),
            tags: tag::views(&connection.tags),
            transit_router_id: shown(attachment.map(|attachment| &attachment.transit_router_id)),
            transit_router_name: attachment
                .map(|attachment| tx.transit_router_name(&attachment.transit_router_id))
                .unwrap_or_default(),
            tunnel_bandwidth: word(connection.tunnel_bandwidth),
        }
    }
}

impl Operation for DescribeVpnAttachments {
    const NAME: &'static str = "DescribeVpnAttachments";
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
        Permission::on("vpc:DescribeVpnAttachments", target.unwrap_or(Target::VpnConnections))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let wanted = |connection: &&VpnConnection| {
            connection.region == request.region_id
                && connection.vpn_gateway.is_none()
                && (request.attach_type.is_none() || connection.attachment.is_some())
        };
        let page = Page::new(request.page_number, request.page_size);
        let (connections, total_count) = match &request.vpn_connection_id {
            Some(id) => page.of(tx.state().vpn_connection(id).into_iter().filter(wanted)),
            None => page.of(tx.state().vpn_connections(&request.region_id).filter(wanted)),
        };
        Ok(Response {
            page_number: page.number(),
            page_size: page.size(),
            total_count,
            vpn_attachments: connections
                .into_iter()
                .map(|connection| VpnAttachmentView::of(tx, connection))
                .collect(),
        })
    }
}
