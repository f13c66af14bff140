//! The routes of connections and of VPN gateways.

use crate::ids::{VpnConnectionId, VpnGatewayId};
use crate::resource::vco_route_entry::{RouteKey, VcoRouteEntry};
use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_route_entry::{RouteKind, VpnRouteEntry, VpnRouteId, VpnRouteKey};
use crate::state::AccountState;
use crate::state::table::Table;

impl AccountState {
    /// A route.
    pub fn vco_route(&self, connection: &VpnConnectionId, key: RouteKey) -> Option<&VcoRouteEntry> {
        self.vco_routes.get(connection)?.get(&key)
    }

    /// The routes of a connection, the oldest first.
    pub fn vco_routes(&self, connection: &VpnConnectionId) -> impl Iterator<Item = &VcoRouteEntry> {
        self.vco_routes.get(connection).into_iter().flat_map(|routes| routes.iter_of(&()))
    }

    /// The routes of a connection by destination, for whoever needs all of them often.
    pub fn vco_routes_by_dest(&self, connection: &VpnConnectionId) -> impl Iterator<Item = &VcoRouteEntry> {
        self.vco_routes.get(connection).into_iter().flat_map(Table::iter)
    }

    /// How many routes a connection has.
    pub fn vco_route_count(&self, connection: &VpnConnectionId) -> usize {
        self.vco_routes.get(connection).map_or(0, Table::len)
    }

    /// How many routes lead over a connection, of whatever kind: its own, and those of its VPN gateway.
    pub fn route_count_over(&self, connection: &VpnConnection) -> usize {
        let gateway = connection.vpn_gateway.as_ref();
        let of_gateway = gateway.map_or(0, |it| self.vpn_routes_over(&it.id, &connection.id).count());
        self.vco_route_count(&connection.id) + of_gateway
    }

    /// A route of a VPN gateway.
    pub fn vpn_route(&self, id: &VpnRouteId) -> Option<&VpnRouteEntry> {
        self.vpn_routes.get(&id.vpn_gateway)?.get(&id.key)
    }

    /// The routes of one kind that a VPN gateway has, the oldest first.
    pub fn vpn_routes<'a>(
        &'a self,
        gateway: &VpnGatewayId,
        kind: &'a RouteKind,
    ) -> impl Iterator<Item = &'a VpnRouteEntry> {
        self.vpn_routes.get(gateway).into_iter().flat_map(move |routes| routes.iter_of(kind))
    }

    /// How many routes of one kind a VPN gateway has.
    pub fn vpn_route_count(&self, gateway: &VpnGatewayId, kind: RouteKind) -> usize {
        self.vpn_routes.get(gateway).map_or(0, |routes| routes.len_of(&kind))
    }

    /// The routes of a VPN gateway over one of its connections, of both kinds.
    pub fn vpn_routes_over<'a>(
        &'a self,
        gateway: &VpnGatewayId,
        connection: &'a VpnConnectionId,
    ) -> impl Iterator<Item = &'a VpnRouteEntry> {
        let first = VpnRouteKey::first_over(connection.clone());
        let routes = self.vpn_routes.get(gateway).map(|routes| routes.iter_from(&first));
        routes
            .into_iter()
            .flatten()
            .take_while(move |(key, _)| key.next_hop == *connection)
            .map(|(_, route)| route)
    }
}
