//! The IPsec-VPN connections of an account, with what they are found by.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{TunnelId, VpnConnectionId};
use crate::resource::tunnel::Tunnel;
use crate::resource::vpn_connection::VpnConnection;
use crate::state::AccountState;

impl AccountState {
    /// A tunnel, and the connection that it is of.
    pub fn tunnel(&self, id: &TunnelId) -> Option<(&VpnConnection, &Tunnel)> {
        let connection = self.vpn_connection(self.tunnels.get(id)?)?;
        connection.tunnels.iter().find(|tunnel| tunnel.id == *id).map(|tunnel| (connection, tunnel))
    }

    pub(super) fn put_vpn_connection(&mut self, connection: VpnConnection) {
        self.forget_vpn_connection(&connection.id);
        if let Some(gateway) = &connection.vpn_gateway {
            self.members.entry(gateway.id.clone()).or_default().insert(connection.id.clone());
        }
        for gateway in connection.customer_gateways() {
            self.users.entry(gateway.clone()).or_default().insert(connection.id.clone());
        }
        for tunnel in &connection.tunnels {
            self.tunnels.insert(tunnel.id.clone(), connection.id.clone());
        }
        if let Some(attachment) = &connection.attachment {
            self.attachments.insert(attachment.id.clone(), connection.id.clone());
            let router = attachment.transit_router_id.clone();
            self.attached.entry(router).or_default().insert(connection.id.clone());
        }
        let (region, id) = (connection.region.clone(), connection.id.clone());
        self.vpn_connections.put(region, id, connection.created_ms, connection);
    }

    /// Takes a connection out of its table and out of the indexes.
    pub(super) fn forget_vpn_connection(&mut self, id: &VpnConnectionId) {
        let Some(connection) = self.vpn_connections.delete(id) else { return };
        if let Some(gateway) = &connection.vpn_gateway {
            leave(&mut self.members, &gateway.id, id);
        }
        for gateway in connection.customer_gateways() {
            leave(&mut self.users, gateway, id);
        }
        for tunnel in &connection.tunnels {
            self.tunnels.remove(&tunnel.id);
        }
        if let Some(attachment) = &connection.attachment {
            self.attachments.remove(&attachment.id);
            leave(&mut self.attached, &attachment.transit_router_id, id);
        }
    }
}

/// Takes a connection out of the set that belongs to `key`, and an empty set out of the index.
fn leave<K: Ord>(index: &mut BTreeMap<K, BTreeSet<VpnConnectionId>>, key: &K, id: &VpnConnectionId) {
    if let Some(connections) = index.get_mut(key) {
        connections.remove(id);
        if connections.is_empty() {
            index.remove(key);
        }
    }
}
