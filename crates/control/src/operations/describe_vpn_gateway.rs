//! `DescribeVpnGateway`: shows a VPN gateway.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{RegionId, VpnGatewayId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::permission::{Permission, Target};
use crate::resource::vpn_gateway::view::VpnGatewayView;
use crate::tx::Tx;

/// See the module.
pub struct DescribeVpnGateway;

/// Describes a VPN gateway of either type.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the VPN gateway.
    pub region_id: RegionId,
    /// The VPN gateway.
    pub vpn_gateway_id: VpnGatewayId,
    /// Whether orders that are not in effect yet are shown; there are none.
    #[serde(default)]
    pub include_reservation_data: Option<bool>,
}

impl Operation for DescribeVpnGateway {
    const NAME: &'static str = "DescribeVpnGateway";
    const KIND: Kind = Kind::Read;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(600));
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::VPN_GATEWAY_NOT_FOUND];
    type Request = Request;
    type Response = VpnGatewayView;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("vpc:DescribeVpnGateway", Target::VpnGateway(request.vpn_gateway_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<VpnGatewayView, ApiError> {
        let gateway = tx.vpn_gateway_or_deleting(&request.region_id, &request.vpn_gateway_id)?;
        tx.show_vpn_gateway(gateway, VpnGatewayView::of)
            .ok_or(ApiError::new(&catalogue::VPN_GATEWAY_NOT_FOUND))
    }
}
