//! `DeleteVpnAttachment`: deletes an IPsec-VPN connection that is attached, or can be, to a transit router.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{RegionId, VpnConnectionId};
use crate::operation::{Kind, Operation};
use crate::operations::success::Success;
use crate::permission::{Permission, Target};
use crate::record::Stored;
use crate::resource::vco_route_entry::{RouteId, VcoRouteEntry};
use crate::resource::vpn_connection::VpnConnection;
use crate::tx::Tx;

/// See the module.
pub struct DeleteVpnAttachment;

/// Deletes a connection with its tunnels and its routes; the gateway gives it up at once. A connection that
/// somebody attached with `CreateTransitRouterVpnAttachment` is to be detached first, as with the provider; the
/// attachment that came with the connection goes with it. It does not wait for a connection that is
/// `updating`: there is nothing left to wait for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the connection.
    pub region_id: RegionId,
    /// The connection.
    pub vpn_connection_id: VpnConnectionId,
}

/// That it succeeded.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {
    #[serde(flatten)]
    success: Success,
}

impl Operation for DeleteVpnAttachment {
    const NAME: &'static str = "DeleteVpnAttachment";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::VPN_CONNECTION_NOT_FOUND, &catalogue::CONNECTION_STILL_ATTACHED];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::VpnConnection(request.vpn_connection_id.clone());
        Permission::on("vpc:DeleteVpnAttachment", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let connection = tx.vpn_attachment(&request.region_id, &request.vpn_connection_id)?;
        if let Some(attachment) = connection.attachment.as_ref().filter(|attachment| attachment.explicit) {
            let detail = format!("Its attachment is {}.", attachment.id);
            return Err(ApiError::new(&catalogue::CONNECTION_STILL_ATTACHED).detail(detail));
        }
        let id = connection.id.clone();
        let routes: Vec<RouteId> = tx.vco_routes(&id).into_iter().map(VcoRouteEntry::id).collect();
        for route in &routes {
            tx.delete::<VcoRouteEntry>(route);
        }
        tx.delete::<VpnConnection>(&id);
        Ok(Response { success: Success::default() })
    }
}
