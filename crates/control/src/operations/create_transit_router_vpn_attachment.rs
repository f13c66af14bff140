//! `CreateTransitRouterVpnAttachment`: attaches an IPsec-VPN connection to a transit router.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{LongDescription, LongName, optional};
use crate::ids::{CenId, RegionId, TransitRouterAttachmentId, TransitRouterId, VpnConnectionId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::resource::tag::{self, TagOption, Tags};
use crate::resource::transit_router::TransitRouterVpnAttachment;
use crate::resource::vpn_connection::VpnConnection;
use crate::tx::Tx;

/// See the module.
pub struct CreateTransitRouterVpnAttachment;

/// Attaches a connection to a transit router of its region: to the one that is named, or to that of the Cloud
/// Enterprise Network instance, or else to the built-in one. The connection is then in the forwarding domain of that
/// transit router. An attachment that came with the connection gives way to this one: on the same transit router it
/// keeps its id and takes over what the request says, on another one it is replaced.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Whether routes are advertised without being asked for.
    #[serde(default)]
    pub auto_publish_route_enabled: Option<bool>,
    /// The Cloud Enterprise Network instance of the transit router; beside a built-in one it has no effect.
    #[serde(default, deserialize_with = "optional")]
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
    pub transit_router_attachment_description: Option<LongDescription>,
    /// Its name.
    #[serde(default)]
    pub transit_router_attachment_name: Option<LongName>,
    /// The transit router.
    #[serde(default, deserialize_with = "optional")]
    pub transit_router_id: Option<TransitRouterId>,
    /// The connection.
    pub vpn_id: VpnConnectionId,
    /// The account that owns the connection: the caller's own, which is also meant when it is absent.
    #[serde(default)]
    pub vpn_owner_id: Option<i64>,
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
        &catalogue::CEN_NOT_FOUND,
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
        if request.vpn_owner_id.is_some_and(|owner| owner != tx.account_id().number()) {
            return Err(ApiError::new(&catalogue::FORBIDDEN));
        }
        let found = tx.find::<VpnConnection>(&request.vpn_id).map(|connection| connection.region.clone());
        let not_found = ApiError::new(&catalogue::VPN_CONNECTION_NOT_FOUND);
        let region = request.region_id.clone().or(found).ok_or(not_found)?;
        let mut connection = tx.vpn_attachment(&region, &request.vpn_id)?.clone();
        let (router, cen_id) = transit_router(tx, &region, &request)?;
        let tags = tag::collect("Tag", request.tag.clone())?;
        let attachment = match connection.attachment.take() {
            Some(attachment) if attachment.explicit => {
                let detail = format!("Its attachment is {}.", attachment.id);
                return Err(ApiError::new(&catalogue::ALREADY_ATTACHED).detail(detail));
            }
            Some(attachment) if attachment.transit_router_id == router => attachment,
            Some(_) | None => {
                connection.generation = tx.next_revision();
                let id = TransitRouterAttachmentId::generate(tx.ids());
                TransitRouterVpnAttachment::automatic(id, router, tx.next_revision(), tx.now_ms())
            }
        };
        let id = attachment.id.clone();
        connection.attachment = Some(explicit(attachment, request, cen_id, tags));
        tx.put(connection);
        Ok(Response { transit_router_attachment_id: id })
    }
}

/// The transit router that is meant, and the Cloud Enterprise Network instance that the attachment names.
fn transit_router(
    tx: &Tx<'_>,
    region: &RegionId,
    request: &Request,
) -> Result<(TransitRouterId, String), ApiError> {
    let built_in = tx.built_in_transit_router(region);
    let made = match (&request.transit_router_id, &request.cen_id) {
        (Some(id), cen) if *id == built_in => return Ok((built_in, cen.clone().unwrap_or_default())),
        (None, None) => return Ok((built_in, String::new())),
        (Some(id), None) => tx.transit_router(region, id)?,
        (Some(id), Some(cen)) => {
            let router = tx.transit_router(region, id)?;
            if router.cen_id.as_str() != cen {
                let detail = format!("The transit router {id} belongs to {}.", router.cen_id);
                return Err(ApiError::new(&catalogue::CEN_NOT_FOUND).detail(detail));
            }
            router
        }
        (None, Some(cen)) => {
            let cen: CenId = cen.parse().map_err(|_no_id| ApiError::new(&catalogue::CEN_NOT_FOUND))?;
            tx.cen(&cen)?;
            let none = || {
                let detail = format!("{cen} has no transit router in {region}.");
                ApiError::new(&catalogue::TRANSIT_ROUTER_NOT_FOUND).detail(detail)
            };
            tx.state().transit_router_of(&cen, region).ok_or_else(none)?
        }
    };
    Ok((made.id.clone(), made.cen_id.to_string()))
}

/// The attachment with what the request says of it.
fn explicit(
    attachment: TransitRouterVpnAttachment,
    request: Request,
    cen_id: String,
    tags: Tags,
) -> TransitRouterVpnAttachment {
    let auto_publish = request.auto_publish_route_enabled.unwrap_or(attachment.auto_publish_route_enabled);
    TransitRouterVpnAttachment {
        explicit: true,
        cen_id,
        name: request.transit_router_attachment_name.map(String::from).unwrap_or_default(),
        description: request.transit_router_attachment_description.map(String::from).unwrap_or_default(),
        auto_publish_route_enabled: auto_publish,
        charge_type: request.charge_type.unwrap_or(attachment.charge_type),
        zones: request.zone.into_iter().filter_map(|zone| zone.zone_id).collect(),
        tags,
        ..attachment
    }
}
