//! The tunnels of connections, found without their connection.

use crate::ids::TunnelId;
use crate::resource::tunnel::Tunnel;
use crate::resource::vpn_connection::VpnConnection;
use crate::state::AccountState;

impl AccountState {
    /// A tunnel, and the connection that it is of.
    pub fn tunnel(&self, id: &TunnelId) -> Option<(&VpnConnection, &Tunnel)> {
        let connection = self.vpn_connection(self.tunnels.get(id)?)?;
        connection.tunnels.iter().find(|tunnel| tunnel.id == *id).map(|tunnel| (connection, tunnel))
    }
}
