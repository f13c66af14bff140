//! What the operations on routes of VPN gateways have in common.

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::Serialize;

use crate::catalogue;
use crate::error::ApiError;
use crate::ids::{RegionId, TunnelId, VpnConnectionId, VpnGatewayId};
use crate::observed::TunnelStatus;
use crate::record::Stored;
use crate::resource::vpn_connection::{VpnConnection, tunnel_status};
use crate::resource::vpn_route_entry::{RouteKind, VpnRouteEntry, VpnRouteId, VpnRouteKey};
use crate::tx::Tx;

/// Where a route is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum State {
    /// The VPC is told of it: a Linux route brings what is for the destination to the VPN gateway.
    Published,
    /// It forwards what comes to the VPN gateway anyway.
    Normal,
}

impl From<&VpnRouteEntry> for State {
    fn from(route: &VpnRouteEntry) -> Self {
        if route.is_published { Self::Published } else { Self::Normal }
    }
}

/// The connection that a route of a VPN gateway points to.
///
/// # Errors
///
/// `InvalidVpnGatewayInstanceId.NotFound`; `InvalidNextHop` when it is not a connection of the VPN gateway.
pub fn next_hop(
    tx: &Tx<'_>,
    region: &RegionId,
    gateway: &VpnGatewayId,
    next_hop: &str,
) -> Result<VpnConnection, ApiError> {
    tx.vpn_gateway(region, gateway)?;
    let id: Option<VpnConnectionId> = next_hop.parse().ok();
    let connection = id.and_then(|id| tx.vpn_connection(region, &id).ok());
    connection
        .filter(|connection| connection.vpn_gateway.as_ref().is_some_and(|bound| bound.id == *gateway))
        .cloned()
        .ok_or_else(|| ApiError::invalid("NextHop", format!("the id of a connection of {gateway}")))
}

/// The route of a VPN gateway that a request names.
///
/// # Errors
///
/// `VpnRouteEntry.Conflict` when there is such a route with another weight or priority only, `InvalidRouteEntry.NotFound` when
/// there is none.
pub fn find(
    tx: &Tx<'_>,
    gateway: &VpnGatewayId,
    key: VpnRouteKey,
    priority: Option<u8>,
) -> Result<VpnRouteEntry, ApiError> {
    let id = |key| VpnRouteId { vpn_gateway: gateway.clone(), key };
    let conflict = |detail| Err(ApiError::new(&catalogue::ROUTE_CONFLICT).detail(detail));
    let other = key.with_other_weight();
    let Some(route) = tx.find::<VpnRouteEntry>(&id(key.clone())) else {
        return match tx.find::<VpnRouteEntry>(&id(other.clone())) {
            Some(_) => {
                conflict(format!("The route to {} has the weight {}.", other.route_dest, other.weight))
            }
            None => Err(ApiError::new(&catalogue::ROUTE_NOT_FOUND)),
        };
    };
    match route.policy {
        Some(policy) if priority.is_some_and(|priority| priority != policy.priority) => {
            conflict(format!("The route to {} has the priority {}.", route.route_dest, policy.priority))
        }
        Some(_) | None => Ok(route.clone()),
    }
}

/// Adds a route.
///
/// # Errors
///
/// `InvalidRouteDest`, `VpnRouteEntry.Conflict`, `Resource.QuotaFull`, `VpnGateway.Configuring`.
pub fn add(tx: &mut Tx<'_>, connection: VpnConnection, route: VpnRouteEntry) -> Result<(), ApiError> {
    check_destination(route.route_dest)?;
    if tx.find::<VpnRouteEntry>(&route.id()).is_some() {
        let detail = "The VPN gateway has this route already.";
        return Err(ApiError::new(&catalogue::ROUTE_CONFLICT).detail(detail));
    }
    if tx.state().vpn_route_count(&route.vpn_gateway_id, route.kind()) >= quota(tx, route.kind()) {
        return Err(ApiError::new(&catalogue::QUOTA_FULL));
    }
    replace(tx, connection, None, Some(route))
}

/// Puts a route in the place of another; either may be absent. What it points to is `updating` until that is in force.
///
/// # Errors
///
/// `VpnGateway.Configuring` while a change before is not in force, `VpnRouteEntry.Conflict` when the new route is there.
pub fn replace(
    tx: &mut Tx<'_>,
    connection: VpnConnection,
    before: Option<&VpnRouteEntry>,
    after: Option<VpnRouteEntry>,
) -> Result<(), ApiError> {
    if before == after.as_ref() {
        return Ok(());
    }
    must_be_settled(tx, &connection)?;
    if let Some(before) = before {
        tx.delete::<VpnRouteEntry>(&before.id());
    }
    if let Some(after) = after {
        let is_taken = tx.find::<VpnRouteEntry>(&after.id()).is_some();
        if is_taken {
            let detail = "The VPN gateway has a route with the new weight already.";
            return Err(ApiError::new(&catalogue::ROUTE_CONFLICT).detail(detail));
        }
        tx.put(after);
    }
    tx.touch(connection);
    Ok(())
}

/// Refuses a change of a VPN gateway's connection, or of the routes over it, while the one before is not in force. Terraform
/// tries again after this code; after that of other connections it would not.
///
/// # Errors
///
/// `VpnGateway.Configuring`, marked with what to wait for.
pub fn must_be_settled(tx: &Tx<'_>, connection: &VpnConnection) -> Result<(), ApiError> {
    connection
        .must_be_settled(tx.observations())
        .map_err(|busy| ApiError { kind: &catalogue::VPN_GATEWAY_CONFIGURING, ..busy })
}

/// Makes the routes that come with a connection follow its networks: after it was made (from nothing) or changed. What its owner
/// did to one of them stays for as long as its networks do: that it has another weight, or that it is gone.
///
/// # Errors
///
/// `QuotaExceeded.PolicyBasedRoute`.
pub fn follow(
    tx: &mut Tx<'_>,
    before: Option<&VpnConnection>,
    connection: &VpnConnection,
) -> Result<(), ApiError> {
    let Some(gateway) = &connection.vpn_gateway else { return Ok(()) };
    let automatic = |connection| VpnRouteEntry::automatic(connection, tx.now_ms());
    let (had, wanted) = (before.map(automatic).unwrap_or_default(), automatic(connection));
    let present: Vec<VpnRouteEntry> =
        tx.state().vpn_routes_over(&gateway.id, &connection.id).cloned().collect();
    let is_among = |routes: &[VpnRouteEntry], route: &VpnRouteEntry| {
        let networks = |route: &VpnRouteEntry| (route.policy.map(|policy| policy.source), route.route_dest);
        routes.iter().any(|other| networks(other) == networks(route))
    };
    let stale: Vec<&VpnRouteEntry> =
        present.iter().filter(|route| route.is_automatic && !is_among(&wanted, route)).collect();
    let missing: Vec<VpnRouteEntry> =
        wanted.iter().filter(|route| !is_among(&had, route) && !is_among(&present, route)).cloned().collect();
    let existing = tx.state().vpn_route_count(&gateway.id, RouteKind::Policy) - stale.len();
    let most = quota(tx, RouteKind::Policy);
    if !missing.is_empty() && existing + missing.len() > most {
        let numbers = format!("{existing}\n{}\n{most}", missing.len());
        return Err(ApiError::new(&catalogue::POLICY_BASED_ROUTE_QUOTA).value(numbers));
    }
    for route in stale {
        tx.delete::<VpnRouteEntry>(&route.id());
    }
    for route in missing {
        tx.put(route);
    }
    Ok(())
}

/// The tunnel over which packets for a connection pass now, if one is up.
pub fn next_hop_tunnel(tx: &Tx<'_>, connection: &VpnConnectionId) -> Option<TunnelId> {
    let observed = tx.observations().get(connection);
    let connection = tx.find::<VpnConnection>(connection)?;
    let mut up: Vec<_> = connection
        .tunnels
        .iter()
        .filter(|tunnel| tunnel_status(tunnel, observed.as_ref()) == TunnelStatus::IpsecSaEstablished)
        .collect();
    up.sort_by_key(|tunnel| tunnel.role);
    up.first().map(|tunnel| tunnel.id.clone())
}

/// Refuses the destination that no route may have.
///
/// # Errors
///
/// `InvalidRouteDest`.
pub fn check_destination(route_dest: Ipv4Net) -> Result<(), ApiError> {
    if route_dest.prefix_len() == 0 {
        return Err(ApiError::invalid("RouteDest", "another CIDR block than 0.0.0.0/0"));
    }
    Ok(())
}

/// How many routes of a kind a VPN gateway can have.
pub fn quota(tx: &Tx<'_>, kind: RouteKind) -> usize {
    match kind {
        RouteKind::Destination => tx.settings().vpn_routes_per_gateway_max,
        RouteKind::Policy => tx.settings().vpn_pbr_routes_per_gateway_max,
    }
}
