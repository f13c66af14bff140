//! A tunnel in the answer of `ModifyTunnelAttribute`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::ids::{CustomerGatewayId, TunnelId};
use crate::resource::ike_config::IkeConfigView;
use crate::resource::ipsec_config::IpsecConfigView;
use crate::resource::tunnel::{Tunnel, TunnelRole};
use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_connection::modified::TunnelBgpConfigView;
use crate::resource::vpn_connection::view::{Surroundings, TunnelState};

/// The whole answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct ModifiedTunnelView {
    #[serde(flatten)]
    tunnel: TunnelView,
    tunnel_bgp_config: BgpView,
}

/// What the answers of the operations that change one tunnel, or a connection of a VPN gateway, show of a tunnel.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub(super) struct TunnelView {
    customer_gateway_id: CustomerGatewayId,
    enable_dpd: bool,
    enable_nat_traversal: bool,
    internet_ip: String,
    remote_ca_certificate: String,
    role: TunnelRole,
    state: TunnelState,
    tunnel_id: TunnelId,
    tunnel_ike_config: IkeConfigView<i64>,
    tunnel_ipsec_config: IpsecConfigView<i64>,
    zone_no: String,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct BgpView {
    enable_bgp: bool,
    #[serde(flatten)]
    session: TunnelBgpConfigView<i64>,
}

impl ModifiedTunnelView {
    /// Shows the tunnels of a connection, in the order of their index.
    pub fn all_of(connection: &VpnConnection, around: &Surroundings<'_>) -> Vec<Self> {
        connection.tunnels.iter().map(|tunnel| Self::of(tunnel, connection, around)).collect()
    }

    /// Which tunnel it shows.
    pub fn id(&self) -> &TunnelId {
        &self.tunnel.tunnel_id
    }

    fn of(tunnel: &Tunnel, connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
        Self {
            tunnel: TunnelView::of(tunnel, connection, around),
            tunnel_bgp_config: BgpView {
                enable_bgp: connection.enable_bgp,
                session: TunnelBgpConfigView::of(&tunnel.bgp, around.peer_asn(tunnel)),
            },
        }
    }
}

impl TunnelView {
    pub(super) fn of(tunnel: &Tunnel, connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
        let (local, remote) = around.addresses(tunnel);
        Self {
            customer_gateway_id: tunnel.customer_gateway_id.clone(),
            enable_dpd: tunnel.enable_dpd,
            enable_nat_traversal: tunnel.enable_nat_traversal,
            internet_ip: local.to_string(),
            remote_ca_certificate: connection.remote_ca_certificate(tunnel).to_owned(),
            role: tunnel.role,
            state: around.state(connection).into(),
            tunnel_id: tunnel.id.clone(),
            tunnel_ike_config: IkeConfigView::of(&tunnel.ike_between(local, remote), i64::from),
            tunnel_ipsec_config: IpsecConfigView::of(&tunnel.ipsec, i64::from),
            zone_no: String::new(),
        }
    }
}
