//! What the operations on routes of IPsec-VPN connections have in common.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::ApiError;
use crate::fields::{RouteDest, Weight};
use crate::resource::vco_route_entry::{RouteId, RouteKey, VcoRouteEntry};
use crate::resource::vpn_connection::VpnConnection;
use crate::tx::Tx;

/// The kind of tunnel: there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum OverlayMode {
    /// IPsec.
    #[default]
    Ipsec,
}

/// The route of a connection that a request names.
///
/// # Errors
///
/// `InvalidNextHop` when it names another next hop than the connection itself, `VpnRouteEntry.Conflict` when
/// there is such a route with the other weight only, `InvalidRouteEntry.NotFound` when there is none.
pub fn find(
    tx: &Tx<'_>,
    connection: &VpnConnection,
    next_hop: &str,
    route_dest: RouteDest,
    weight: Weight,
) -> Result<RouteId, ApiError> {
    check_next_hop(connection, next_hop)?;
    let key = RouteKey { route_dest: route_dest.net(), weight };
    let id = |key| RouteId { connection: connection.id.clone(), key };
    if tx.find::<VcoRouteEntry>(&id(key)).is_some() {
        return Ok(id(key));
    }
    let other = key.with_other_weight();
    if tx.find::<VcoRouteEntry>(&id(other)).is_some() {
        let detail = format!(
            "The route to {} has the weight {}, not {}: send the weight that it has.",
            key.route_dest, other.weight, key.weight
        );
        return Err(ApiError::new(&catalogue::ROUTE_CONFLICT).detail(detail));
    }
    Err(ApiError::new(&catalogue::ROUTE_NOT_FOUND))
}

/// A route of a connection points to the connection.
///
/// # Errors
///
/// `InvalidNextHop`.
pub fn check_next_hop(connection: &VpnConnection, next_hop: &str) -> Result<(), ApiError> {
    if next_hop == connection.id.as_str() {
        Ok(())
    } else {
        Err(ApiError::invalid("NextHop", format!("the id of the connection itself, {}", connection.id)))
    }
}

/// Where a route is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum RouteState {
    /// It is advertised to the transit router.
    #[serde(rename = "published")]
    Published,
}
