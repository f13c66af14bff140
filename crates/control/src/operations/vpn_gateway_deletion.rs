//! What the operations that delete VPN gateways have in common.

use crate::catalogue;
use crate::error::ApiError;
use crate::ids::{RegionId, VpnGatewayId};
use crate::operations::vpn_gateway_change::of_type;
use crate::resource::vpn_gateway::{GatewayType, Status, VpnGateway};
use crate::tx::Tx;

/// Deletes a VPN gateway of one of the two types: it is `deleting` until the gateway has given its domain up, and then
/// it is no more.
///
/// # Errors
///
/// `InvalidVpnGatewayInstanceId.NotFound`, also for one of the other type; `VpnDependencyViolation.VpnConnection`,
/// `ForbiddenRelease`, `VpnGateway.Configuring`.
pub fn delete(
    tx: &mut Tx<'_>,
    region: &RegionId,
    id: &VpnGatewayId,
    gateway_type: GatewayType,
) -> Result<(), ApiError> {
    let gateway = of_type(tx, region, id, gateway_type)?.clone();
    if tx.vpn_gateway_status(&gateway) == Some(Status::Deleting) {
        // It is on its way already.
        return Ok(());
    }
    if let Some(connection) = tx.state().connections_of(id).next() {
        let detail = format!("The IPsec-VPN connection {} is there.", connection.id);
        return Err(ApiError::new(&catalogue::VPN_GATEWAY_IN_USE).detail(detail));
    }
    if gateway.paid_until_ms.is_some_and(|until| until > tx.now_ms()) {
        return Err(ApiError::new(&catalogue::VPN_GATEWAY_PREPAID));
    }
    tx.must_be_settled(&gateway)?;
    sweep(tx);
    tx.touch_vpn_gateway(VpnGateway { is_deleted: true, ..gateway });
    Ok(())
}

/// Forgets the VPN gateways that were deleted and are given up.
pub fn sweep(tx: &mut Tx<'_>) {
    let is_over = |gateway: &&VpnGateway| tx.vpn_gateway_status(gateway).is_none();
    let over: Vec<VpnGatewayId> =
        tx.state().all_vpn_gateways().filter(is_over).map(|gateway| gateway.id.clone()).collect();
    for id in &over {
        tx.delete::<VpnGateway>(id);
    }
}
