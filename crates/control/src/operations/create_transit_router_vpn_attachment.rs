//! `CreateTransitRouterVpnAttachment`: attaches an IPsec-VPN connection to a transit router.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::optional;
use crate::ids::{RegionId, TransitRouterAttachmentId, TransitRouterId, VpnConnectionId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::resource::tag::{self, TagOption, Tags};
use crate::resource::transit_router::TransitRouterVpnAttachment;
use crate::resource::vpn_connection::VpnConnection;
use crate::tx::Tx;

/// See the module.
pub struct CreateTransitRouterVpnAttachment;

/// Attaches a connection to a transit router of its region: the built-in one. A connection that was attached to it
/// when it was made is adopted: its attachment keeps its id and takes over what the request says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Whether routes are advertised without being asked for.
    #[serde(default)]
    pub auto_publish_route_enabled: Option<bool>,
    /// The Cloud Enterprise Network instance; it has no effect.
    #[serde(default)]
    pub cen_id: Option<String>,
    /// How it is paid for; it has no effect.
    #[serde(default, deserialize_with = "optional")]
    pub charge_type: Option<String>,
    /// The region of the transit router.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
    /// Its tags.
    #[serde(default)]
    pub tag: Vec<TagOption>,
    /// What it is for.
    #[serde(default)]
    pub transit_router_attachment_description: Option<String>,
    /// Its name.
    #[serde(default)]
    pub transit_router_attachment_name: Option<String>,
    /// The transit router: the built-in one of the region when absent.
    #[serde(default, deserialize_with = "optional")]
    pub transit_router_id: Option<TransitRouterId>,
    /// The connection.
    pub vpn_id: VpnConnectionId,
    /// The account that owns the connection: the caller's own.
    pub vpn_owner_id: i64,
    /// The zones; they have no effect.
    #[serde(default)]
    pub zone: Vec<Zone>,
}

/// A zone of a region.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct Zone {
    /// Its id.
    #[serde(default)]
    pub zone_id: Option<String>,
}

/// The attachment.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    transit_router_attachment_id: TransitRouterAttachmentId,
}

impl Operation for CreateTransitRouterVpnAttachment {
    const NAME: &'static str = "CreateTransitRouterVpnAttachment";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::FORBIDDEN,
        &catalogue::VPN_CONNECTION_NOT_FOUND,
        &catalogue::TRANSIT_ROUTER_NOT_FOUND,
        &catalogue::ALREADY_ATTACHED,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("cen:CreateTransitRouterVpnAttachment", Target::TransitRouterAttachments)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        if request.vpn_owner_id.to_string() != tx.account_id().as_str() {
            return Err(ApiError::new(&catalogue::FORBIDDEN));
        }
        let mut connection = tx
            .find::<VpnConnection>(&request.vpn_id)
            .filter(|connection| request.region_id.as_ref().is_none_or(|region| *region == connection.region))
            .cloned()
            .ok_or(ApiError::new(&catalogue::VPN_CONNECTION_NOT_FOUND))?;
        let built_in = tx.built_in_transit_router(&connection.region);
        if request.transit_router_id.as_ref().is_some_and(|id| *id != built_in) {
            let detail = format!("The transit router of the connection's region is {built_in}.");
            return Err(ApiError::new(&catalogue::TRANSIT_ROUTER_NOT_FOUND).detail(detail));
        }
        let tags = tag::collect("Tag", request.tag.clone())?;
        let attachment = match connection.attachment.take() {
            Some(attachment) if attachment.explicit => {
                let detail = format!("Its attachment is {}.", attachment.id);
                return Err(ApiError::new(&catalogue::ALREADY_ATTACHED).detail(detail));
            }
            Some(attachment) => attachment,
            None => {
                connection.generation = tx.next_revision();
                let id = TransitRouterAttachmentId::generate(tx.ids());
                TransitRouterVpnAttachment::automatic(id, built_in, tx.next_revision(), tx.now_ms())
            }
        };
        let id = attachment.id.clone();
        connection.attachment = Some(explicit(attachment, request, tags));
        tx.put(connection);
        Ok(Response { transit_router_attachment_id: id })
    }
}

/// The attachment with what the request says of it.
fn explicit(
    attachment: TransitRouterVpnAttachment,
    request: Request,
    tags: Tags,
) -> TransitRouterVpnAttachment {
    let auto_publish = request.auto_publish_route_enabled.unwrap_or(attachment.auto_publish_route_enabled);
    TransitRouterVpnAttachment {
        explicit: true,
        cen_id: request.cen_id.unwrap_or_default(),
        name: request.transit_router_attachment_name.unwrap_or_default(),
        description: request.transit_router_attachment_description.unwrap_or_default(),
        auto_publish_route_enabled: auto_publish,
        charge_type: request.charge_type.unwrap_or(attachment.charge_type),
        zones: request.zone.into_iter().filter_map(|zone| zone.zone_id).collect(),
        tags,
        ..attachment
    }
}
