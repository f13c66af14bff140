//! What granting an IPsec-VPN connection to a transit router and revoking it have in common.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::catalogue;
use crate::error::ApiError;
use crate::ids::{RegionId, VpnConnectionId};
use crate::permission::{Permission, Target};
use crate::resource::vpn_connection::VpnConnection;
use crate::tx::Tx;

/// A kind of instance that can be attached to a transit router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum InstanceType {
    /// A virtual private cloud: there are none.
    #[serde(rename = "VPC")]
    Vpc,
    /// A virtual border router: there are none.
    ExpressConnect,
    /// An IPsec-VPN connection.
    #[serde(rename = "VPN")]
    Vpn,
    /// An Express Connect router: there are none.
    #[serde(rename = "ECR")]
    Ecr,
}

/// Who pays for an attachment. Nobody does, so that it has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum OrderType {
    /// The owner of the transit router.
    PayByCenOwner,
    /// The owner of the connection.
    PayByResourceOwner,
}

/// The permission to grant or revoke an instance.
pub fn permission(action: &'static str, instance_id: &str) -> Permission {
    let target = instance_id.parse().map_or(Target::VpnConnections, Target::VpnConnection);
    Permission::on(action, target)
}

/// Refuses what is not between a connection and a transit router of the caller's own account: there nothing needs to
/// be granted, and nothing can be revoked, so that nothing is stored.
///
/// # Errors
///
/// `Forbidden` for another account, `InvalidInstanceType`, `InvalidVpnConnectionInstanceId.NotFound`.
pub fn check_own(
    tx: &Tx<'_>,
    region: Option<&RegionId>,
    cen_owner_id: i64,
    instance_type: InstanceType,
    instance_id: &str,
) -> Result<(), ApiError> {
    if cen_owner_id.to_string() != tx.account_id().as_str() {
        let detail = "CenOwnerId must be the caller's own account.";
        return Err(ApiError::new(&catalogue::FORBIDDEN).detail(detail));
    }
    if instance_type != InstanceType::Vpn {
        return Err(ApiError::invalid("InstanceType", "VPN: there are no other instances here"));
    }
    let id: Option<VpnConnectionId> = instance_id.parse().ok();
    id.and_then(|id| tx.find::<VpnConnection>(&id))
        .filter(|connection| region.is_none_or(|region| *region == connection.region))
        .map(|_connection| ())
        .ok_or(ApiError::new(&catalogue::VPN_CONNECTION_NOT_FOUND))
}
