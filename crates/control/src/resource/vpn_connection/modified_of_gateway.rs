//! An IPsec-VPN connection in the answer of `ModifyVpnConnectionAttribute`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_connection::modified::{
    ConnectionView, TunnelBgpConfigView, VpnBgpConfigView, two_tunnels,
};
use crate::resource::vpn_connection::modified_tunnel::TunnelView;
use crate::resource::vpn_connection::view::Surroundings;

/// The whole answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct ModifiedView {
    #[serde(flatten)]
    connection: ConnectionView,
    tunnel_options_specification: TunnelListView,
    vpn_bgp_config: VpnBgpConfigView<u32>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TunnelListView {
    tunnel_options: Vec<TunnelOptionsView>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TunnelOptionsView {
    #[serde(flatten)]
    tunnel: TunnelView,
    tunnel_bgp_config: TunnelBgpConfigView<i64>,
}

impl ModifiedView {
    /// Shows a connection.
    pub fn of(connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
        let tunnels = two_tunnels(connection).iter().map(|tunnel| TunnelOptionsView {
            tunnel: TunnelView::of(tunnel, connection, around),
            tunnel_bgp_config: TunnelBgpConfigView::of(&tunnel.bgp, around.peer_asn(tunnel)),
        });
        Self {
            connection: ConnectionView::of(connection, around),
            tunnel_options_specification: TunnelListView { tunnel_options: tunnels.collect() },
            vpn_bgp_config: VpnBgpConfigView::of(connection, around),
        }
    }
}
