//! `DeleteVpnConnection`: deletes an IPsec-VPN connection of a VPN gateway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{RegionId, VpnConnectionId};
use crate::operation::{Kind, Operation};
use crate::permission::{Permission, Target};
use crate::record::Stored;
use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_route_entry::{VpnRouteEntry, VpnRouteId};
use crate::tx::Tx;

/// See the module.
pub struct DeleteVpnConnection;

/// Deletes a connection with its tunnels and the routes over it; the gateway gives it up at once. It does not wait for a connection that is
/// `updating`: there is nothing left to wait for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the connection.
    pub region_id: RegionId,
    /// The connection.
    pub vpn_connection_id: VpnConnectionId,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeleteVpnConnection {
    const NAME: &'static str = "DeleteVpnConnection";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::VPN_GATEWAY_CONFIGURING, &catalogue::VPN_CONNECTION_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::VpnConnection(request.vpn_connection_id.clone());
        Permission::on("vpc:DeleteVpnConnection", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let (connection, gateway) =
            tx.connection_of_vpn_gateway(&request.region_id, &request.vpn_connection_id)?;
        let id = connection.id.clone();
        let routes: Vec<VpnRouteId> =
            tx.state().vpn_routes_over(&gateway.id, &id).map(VpnRouteEntry::id).collect();
        for route in &routes {
            tx.delete::<VpnRouteEntry>(route);
        }
        tx.delete::<VpnConnection>(&id);
        Ok(Response {})
    }
}
