//! `ListTransitRouterVpnAttachments`: lists the VPN attachments of transit routers.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{MaxResults, optional};
use crate::ids::{RegionId, TransitRouterAttachmentId, TransitRouterId, VpnConnectionId};
use crate::operation::{Kind, Operation, Product};
use crate::page::{self, count};
use crate::permission::{Permission, Target};
use crate::resource::tag::{self, TagFilter, TagView};
use crate::resource::transit_router::TransitRouterVpnAttachment;
use crate::resource::vpn_connection::{State, VpnConnection};
use crate::tx::Tx;

/// See the module.
pub struct ListTransitRouterVpnAttachments;

/// Lists the attachments of a region, of a transit router, or of the account, by the id of their connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Only those of this Cloud Enterprise Network instance.
    #[serde(default, deserialize_with = "optional")]
    pub cen_id: Option<String>,
    /// How many at once: 20 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub max_results: Option<MaxResults>,
    /// Where the answer before ended.
    #[serde(default, deserialize_with = "optional")]
    pub next_token: Option<String>,
    /// Only those of this region.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
    /// Only those with all of these tags.
    #[serde(default)]
    pub tag: Vec<TagFilter>,
    /// Only this one.
    #[serde(default, deserialize_with = "optional")]
    pub transit_router_attachment_id: Option<TransitRouterAttachmentId>,
    /// Only those of this transit router.
    #[serde(default, deserialize_with = "optional")]
    pub transit_router_id: Option<TransitRouterId>,
}

/// Some of them, and where the next ones begin.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    max_results: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    total_count: i32,
    transit_router_attachments: Vec<TransitRouterAttachmentView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TransitRouterAttachmentView {
    auto_publish_route_enabled: bool,
    cen_id: String,
    charge_type: String,
    creation_time: String,
    order_type: &'static str,
    resource_type: &'static str,
    status: AttachmentStatus,
    tags: Vec<TagView>,
    transit_router_attachment_description: String,
    transit_router_attachment_id: TransitRouterAttachmentId,
    transit_router_attachment_name: String,
    transit_router_id: TransitRouterId,
    vpn_id: VpnConnectionId,
    vpn_owner_id: i64,
    vpn_region_id: RegionId,
    zones: Vec<ZoneView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct ZoneView {
    zone_id: String,
}

/// Where an attachment is in its life. One that is detached is not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
enum AttachmentStatus {
    Attaching,
    Attached,
}

impl Operation for ListTransitRouterVpnAttachments {
    const NAME: &'static str = "ListTransitRouterVpnAttachments";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        let target = request.transit_router_attachment_id.clone().map(Target::TransitRouterAttachment);
        Permission::on(
            "cen:ListTransitRouterVpnAttachments",
            target.unwrap_or(Target::TransitRouterAttachments),
        )
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tag::check_filters(&request.tag)?;
        let attached = |connection| VpnConnection::attached(connection);
        let wanted = |(connection, attachment): &(&VpnConnection, &TransitRouterVpnAttachment)| {
            request.region_id.as_ref().is_none_or(|region| *region == connection.region)
                && request.transit_router_id.as_ref().is_none_or(|id| *id == attachment.transit_router_id)
                && request.cen_id.as_ref().is_none_or(|id| *id == attachment.cen_id)
                && tag::matches(&attachment.tags, &request.tag)
        };
        let found: Vec<_> = match (&request.transit_router_attachment_id, &request.transit_router_id) {
            (Some(id), _) => {
                tx.state().attached_by(id).into_iter().filter_map(attached).filter(wanted).collect()
            }
            (None, Some(id)) => tx.state().attached_to(id).filter_map(attached).filter(wanted).collect(),
            (None, None) => tx.state().all_vpn_connections().filter_map(attached).filter(wanted).collect(),
        };
        let max_results = request.max_results.unwrap_or_default().get();
        let total_count = count(found.len());
        let name = |(connection, _): &(&VpnConnection, _)| connection.id.to_string();
        let (found, next_token) = page::after(found, request.next_token.as_deref(), max_results, name);
        Ok(Response {
            max_results: count(max_results),
            next_token,
            total_count,
            transit_router_attachments: found.into_iter().map(|found| view(tx, found)).collect(),
        })
    }
}

fn view(
    tx: &Tx<'_>,
    (connection, attachment): (&VpnConnection, &TransitRouterVpnAttachment),
) -> TransitRouterAttachmentView {
    let zones = attachment.zones.iter().map(|zone| ZoneView { zone_id: zone.clone() });
    TransitRouterAttachmentView {
        auto_publish_route_enabled: attachment.auto_publish_route_enabled,
        cen_id: attachment.cen_id.clone(),
        charge_type: attachment.charge_type.clone(),
        creation_time: format_timestamp(attachment.created_ms),
        order_type: "PayByCenOwner",
        resource_type: "VPN",
        status: status(tx, connection),
        tags: tag::views(&attachment.tags),
        transit_router_attachment_description: attachment.description.clone(),
        transit_router_attachment_id: attachment.id.clone(),
        transit_router_attachment_name: attachment.name.clone(),
        transit_router_id: attachment.transit_router_id.clone(),
        vpn_id: connection.id.clone(),
        vpn_owner_id: tx.account_id().number(),
        vpn_region_id: connection.region.clone(),
        zones: zones.collect(),
    }
}

fn status(tx: &Tx<'_>, connection: &VpnConnection) -> AttachmentStatus {
    match connection.state(tx.observations().generation(&connection.id)) {
        State::Provisioning | State::Attaching => AttachmentStatus::Attaching,
        State::Active | State::Init | State::Attached | State::Updating | State::Detaching => {
            AttachmentStatus::Attached
        }
    }
}
