//! `DeleteTransitRouterVpnAttachment`: detaches an IPsec-VPN connection from its transit router.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{RegionId, TransitRouterAttachmentId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// See the module.
pub struct DeleteTransitRouterVpnAttachment;

/// Detaches a connection: the gateway gives up its tunnels, and nothing is forwarded over it. Its routes stay with
/// it, and are in force again when it is attached again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Whether to delete what depends on the attachment. Nothing does, so that it has no effect.
    #[serde(default)]
    pub force: Option<bool>,
    /// The attachment.
    pub transit_router_attachment_id: TransitRouterAttachmentId,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeleteTransitRouterVpnAttachment {
    const NAME: &'static str = "DeleteTransitRouterVpnAttachment";
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
        Permission::on("cen:DeleteTransitRouterVpnAttachment", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let attached = tx.state().attached_by(&request.transit_router_attachment_id);
        let mut connection =
            attached.cloned().ok_or(ApiError::new(&catalogue::TRANSIT_ROUTER_ATTACHMENT_NOT_FOUND))?;
        connection.attachment = None;
        tx.touch(connection);
        Ok(Response {})
    }
}
