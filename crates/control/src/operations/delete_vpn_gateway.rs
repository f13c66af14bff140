//! `DeleteVpnGateway`: deletes a VPN gateway that has no connections.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{RegionId, VpnGatewayId};
use crate::operation::{Kind, Operation};
use crate::operations::vpn_gateway_deletion;
use crate::permission::{Permission, Target};
use crate::resource::vpn_gateway::GatewayType;
use crate::tx::Tx;

/// See the module.
pub struct DeleteVpnGateway;

/// Deletes a VPN gateway. It is refused while the gateway has connections or is paid for in advance, and waits while
/// it is `updating`. Then it is `deleting` until its domain is closed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the VPN gateway.
    pub region_id: RegionId,
    /// The VPN gateway.
    pub vpn_gateway_id: VpnGatewayId,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeleteVpnGateway {
    const NAME: &'static str = "DeleteVpnGateway";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::VPN_GATEWAY_NOT_FOUND,
        &catalogue::VPN_GATEWAY_CONFIGURING,
        &catalogue::VPN_GATEWAY_IN_USE,
        &catalogue::VPN_GATEWAY_PREPAID,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("vpc:DeleteVpnGateway", Target::VpnGateway(request.vpn_gateway_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let Request { region_id, vpn_gateway_id } = request;
        vpn_gateway_deletion::delete(tx, &region_id, &vpn_gateway_id, GatewayType::Traditional)?;
        Ok(Response {})
    }
}
