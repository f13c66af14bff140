//! What the operations that change VPN gateways have in common.

use crate::catalogue;
use crate::error::ApiError;
use crate::fields::{Description, VpnGatewayName};
use crate::ids::{RegionId, VpnGatewayId};
use crate::resource::vpn_gateway::{GatewayType, VpnGateway};
use crate::tx::Tx;

/// What is to be different.
pub struct Change {
    /// Whether routes are propagated.
    pub auto_propagate: Option<bool>,
    /// What it is for.
    pub description: Option<Description>,
    /// Its name.
    pub name: Option<VpnGatewayName>,
    /// Of which type the VPN gateway has to be.
    pub gateway_type: GatewayType,
}

/// The VPN gateway, if it is of this type.
///
/// # Errors
///
/// `InvalidVpnGatewayInstanceId.NotFound`, which says what to call for the other type.
pub fn of_type<'a>(
    tx: &'a Tx<'_>,
    region: &RegionId,
    id: &VpnGatewayId,
    gateway_type: GatewayType,
) -> Result<&'a VpnGateway, ApiError> {
    let gateway = tx.vpn_gateway_or_deleting(region, id)?;
    if gateway.gateway_type == gateway_type {
        return Ok(gateway);
    }
    let detail = match gateway_type {
        GatewayType::Traditional => "It is an enhanced one: use the operation for EnhancedVpnGateway.",
        GatewayType::EnhancedSiteToSite => "It is no enhanced one: use the operation for VpnGateway.",
    };
    Err(ApiError::new(&catalogue::VPN_GATEWAY_NOT_FOUND).detail(detail))
}

/// Changes a VPN gateway. Nothing is written where nothing differs.
///
/// # Errors
///
/// `InvalidVpnGatewayInstanceId.NotFound`, `VpnGateway.Configuring`.
pub fn change(tx: &mut Tx<'_>, region: &RegionId, id: &VpnGatewayId, change: Change) -> Result<(), ApiError> {
    let before = of_type(tx, region, id, change.gateway_type)?.clone();
    tx.must_be_settled(&before)?;
    let gateway = VpnGateway {
        auto_propagate: change.auto_propagate.unwrap_or(before.auto_propagate),
        description: change.description.map_or_else(|| before.description.clone(), String::from),
        name: change.name.map_or_else(|| before.name.clone(), String::from),
        ..before.clone()
    };
    if gateway != before {
        tx.touch_vpn_gateway(gateway);
    }
    Ok(())
}
