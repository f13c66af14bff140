//! An IPsec-VPN connection in the answer of `ModifyVpnAttachmentAttribute`, whose types differ from those
//! of the operations that describe one: life times and autonomous systems are numbers here.

use schemars::JsonSchema;
use serde::Serialize;

use crate::ids::{CustomerGatewayId, TunnelId, VpnConnectionId};
use crate::observed::TunnelStatus;
use crate::resource::bgp_config::{BgpConfig, shown};
use crate::resource::health_check::HealthCheckView;
use crate::resource::ike_config::IkeConfigView;
use crate::resource::ipsec_config::IpsecConfigView;
use crate::resource::tunnel::{Tunnel, TunnelRole};
use crate::resource::vpn_connection::view::{AttachType, Surroundings, TunnelState};
use crate::resource::vpn_connection::{NetworkType, VpnConnection, subnets};

/// The whole answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct ModifiedVpnConnectionView {
    attach_instance_id: String,
    attach_type: AttachType,
    create_time: i64,
    customer_gateway_id: String,
    description: String,
    effect_immediately: bool,
    enable_dpd: bool,
    enable_nat_traversal: bool,
    enable_tunnels_bgp: bool,
    ike_config: IkeConfigView<i64>,
    ipsec_config: IpsecConfigView<i64>,
    local_subnet: String,
    name: String,
    network_type: NetworkType,
    remote_subnet: String,
    resource_group_id: String,
    spec: String,
    status: TunnelStatus,
    tunnel_options_specification: Vec<TunnelView>,
    vco_health_check: HealthCheckView,
    vpn_bgp_config: VpnBgpConfigView,
    vpn_connection_id: VpnConnectionId,
    vpn_gateway_id: String,
}

impl ModifiedVpnConnectionView {
    /// Shows a connection.
    pub fn of(connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
        let single = connection.single_tunnel();
        let two = if single.is_some() { &[] } else { connection.tunnels.as_slice() };
        let attachment = connection.attachment.as_ref();
        Self {
            attach_instance_id: attachment.map(|attachment| attachment.cen_id.clone()).unwrap_or_default(),
            attach_type: connection.into(),
            create_time: connection.created_ms,
            customer_gateway_id: shown(single.map(|tunnel| &tunnel.customer_gateway_id)),
            description: String::new(),
            effect_immediately: connection.effect_immediately,
            enable_dpd: connection.tunnels.iter().any(|tunnel| tunnel.enable_dpd),
            enable_nat_traversal: connection.tunnels.iter().any(|tunnel| tunnel.enable_nat_traversal),
            enable_tunnels_bgp: single.is_none() && connection.enable_bgp,
            ike_config: single.map_or_else(IkeConfigView::default, |tunnel| {
                let (local, remote) = around.addresses(tunnel);
                IkeConfigView::of(&tunnel.ike_between(local, remote), i64::from)
            }),
            ipsec_config: single.map_or_else(IpsecConfigView::default, |tunnel| {
                IpsecConfigView::of(&tunnel.ipsec, i64::from)
            }),
            local_subnet: subnets(&connection.local_subnet),
            name: connection.name.clone(),
            network_type: connection.network_type,
            remote_subnet: subnets(&connection.remote_subnet),
            resource_group_id: connection.resource_group_id.clone(),
            spec: super::view::SPEC.to_owned(),
            status: connection.status(around.observed),
            tunnel_options_specification: two
                .iter()
                .map(|tunnel| TunnelView::of(tunnel, connection, around))
                .collect(),
            vco_health_check: HealthCheckView::from(&connection.health_check),
            vpn_bgp_config: VpnBgpConfigView::of(connection, around),
            vpn_connection_id: connection.id.clone(),
            vpn_gateway_id: String::new(),
        }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TunnelView {
    customer_gateway_id: CustomerGatewayId,
    enable_dpd: bool,
    enable_nat_traversal: bool,
    internet_ip: String,
    role: TunnelRole,
    state: TunnelState,
    tunnel_bgp_config: TunnelBgpConfigView,
    tunnel_id: TunnelId,
    tunnel_ike_config: IkeConfigView<i64>,
    tunnel_index: i32,
    tunnel_ipsec_config: IpsecConfigView<i64>,
}

impl TunnelView {
    fn of(tunnel: &Tunnel, connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
        let (local, remote) = around.addresses(tunnel);
        Self {
            customer_gateway_id: tunnel.customer_gateway_id.clone(),
            enable_dpd: tunnel.enable_dpd,
            enable_nat_traversal: tunnel.enable_nat_traversal,
            internet_ip: local.to_string(),
            role: tunnel.role,
            state: around.state(connection).into(),
            tunnel_bgp_config: TunnelBgpConfigView::of(&tunnel.bgp, around.peer_asn(tunnel)),
            tunnel_id: tunnel.id.clone(),
            tunnel_ike_config: IkeConfigView::of(&tunnel.ike_between(local, remote), i64::from),
            tunnel_index: i32::from(tunnel.index),
            tunnel_ipsec_config: IpsecConfigView::of(&tunnel.ipsec, i64::from),
        }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub(super) struct TunnelBgpConfigView {
    local_asn: i64,
    local_bgp_ip: String,
    peer_asn: i64,
    peer_bgp_ip: String,
    tunnel_cidr: String,
}

impl TunnelBgpConfigView {
    pub(super) fn of(bgp: &BgpConfig, peer_asn: i64) -> Self {
        Self {
            local_asn: i64::from(bgp.local_asn),
            local_bgp_ip: shown(bgp.local_bgp_ip),
            peer_asn,
            peer_bgp_ip: shown(bgp.peer_bgp_ip()),
            tunnel_cidr: shown(bgp.tunnel_cidr),
        }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct VpnBgpConfigView {
    enable_bgp: String,
    #[serde(flatten)]
    session: TunnelBgpConfigView,
    status: &'static str,
}

impl VpnBgpConfigView {
    fn of(connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
        let tunnel = connection.single_tunnel();
        let bgp = tunnel.map_or_else(BgpConfig::default, |tunnel| tunnel.bgp.clone());
        let peer_asn = tunnel.map(|tunnel| around.peer_asn(tunnel)).unwrap_or_default();
        Self {
            enable_bgp: connection.enable_bgp.to_string(),
            session: TunnelBgpConfigView::of(&bgp, peer_asn),
            status: "failed",
        }
    }
}
