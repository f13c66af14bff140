//! `UpdateTransitRouterVpnAttachmentAttribute`: changes the VPN attachment of a transit router.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{LongDescription, LongName, optional};
use crate::ids::{RegionId, TransitRouterAttachmentId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// See the module.
pub struct UpdateTransitRouterVpnAttachmentAttribute;

/// Changes the name and the description of an attachment, and whether it advertises routes. Nothing of it concerns
/// the gateway, so that the connection stays `attached`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Whether routes are advertised without being asked for.
    #[serde(default)]
    pub auto_publish_route_enabled: Option<bool>,
    /// Who pays; nobody does, so that it has no effect.
    #[serde(default, deserialize_with = "optional")]
    pub order_type: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub transit_router_attachment_description: Option<LongDescription>,
    /// The attachment.
    pub transit_router_attachment_id: TransitRouterAttachmentId,
    /// Its name.
    #[serde(default)]
    pub transit_router_attachment_name: Option<LongName>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for UpdateTransitRouterVpnAttachmentAttribute {
    const NAME: &'static str = "UpdateTransitRouterVpnAttachmentAttribute";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::TRANSIT_ROUTER_ATTACHMENT_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::TransitRouterAttachment(request.transit_router_attachment_id.clone());
        Permission::on("cen:UpdateTransitRouterVpnAttachmentAttribute", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let not_found = ApiError::new(&catalogue::TRANSIT_ROUTER_ATTACHMENT_NOT_FOUND);
        let attached = tx.state().attached_by(&request.transit_router_attachment_id);
        let mut connection = attached.cloned().ok_or(not_found.clone())?;
        let attachment = connection.attachment.as_mut().ok_or(not_found)?;
        if let Some(name) = request.transit_router_attachment_name {
            attachment.name = name.into();
        }
        if let Some(description) = request.transit_router_attachment_description {
            attachment.description = description.into();
        }
        if let Some(enabled) = request.auto_publish_route_enabled {
            attachment.auto_publish_route_enabled = enabled;
        }
        tx.put(connection);
        Ok(Response {})
    }
}
