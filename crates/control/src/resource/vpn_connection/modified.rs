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
    #[serde(flatten)]
    connection: ConnectionView,
    attach_instance_id: String,
    attach_type: AttachType,
    network_type: NetworkType,
    spec: String,
    status: TunnelStatus,
    tunnel_options_specification: Vec<TunnelView>,
    vpn_bgp_config: VpnBgpConfigView<i64>,
}

impl ModifiedVpnConnectionView {
    /// Shows a connection.
    pub fn of(connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
        let attachment = connection.attachment.as_ref();
        Self {
            connection: ConnectionView::of(connection, around),
            attach_instance_id: attachment.map(|attachment| attachment.cen_id.clone()).unwrap_or_default(),
            attach_type: connection.into(),
            network_type: connection.network_type,
            spec: super::view::SPEC.to_owned(),
            status: connection.status(around.observed),
            tunnel_options_specification: two_tunnels(connection)
                .iter()
                .map(|tunnel| TunnelView::of(tunnel, connection, around))
                .collect(),
            vpn_bgp_config: VpnBgpConfigView::of(connection, around),
        }
    }
}

/// The tunnels of a connection that has two. One in the older form is shown as a part of its connection.
pub(super) fn two_tunnels(connection: &VpnConnection) -> &[Tunnel] {
    if connection.single_tunnel().is_some() { &[] } else { &connection.tunnels }
}

/// What the answers about attachments and about connections of VPN gateways have in common.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub(super) struct ConnectionView {
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
    remote_subnet: String,
    resource_group_id: String,
    vco_health_check: HealthCheckView,
    vpn_connection_id: VpnConnectionId,
    vpn_gateway_id: String,
}

impl ConnectionView {
    pub(super) fn of(connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
        let single = connection.single_tunnel();
        Self {
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
            remote_subnet: subnets(&connection.remote_subnet),
            resource_group_id: connection.resource_group_id.clone(),
            vco_health_check: HealthCheckView::from(&connection.health_check),
            vpn_connection_id: connection.id.clone(),
            vpn_gateway_id: shown(connection.vpn_gateway.as_ref().map(|gateway| &gateway.id)),
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
    tunnel_bgp_config: TunnelBgpConfigView<i64>,
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
pub(super) struct TunnelBgpConfigView<Number> {
    local_asn: Number,
    local_bgp_ip: String,
    peer_asn: Number,
    peer_bgp_ip: String,
    tunnel_cidr: String,
}

impl<Number: From<u32>> TunnelBgpConfigView<Number> {
    pub(super) fn of(bgp: &BgpConfig, peer_asn: u32) -> Self {
        Self {
            local_asn: bgp.local_asn.into(),
            local_bgp_ip: shown(bgp.local_bgp_ip),
            peer_asn: peer_asn.into(),
            peer_bgp_ip: shown(bgp.peer_bgp_ip()),
            tunnel_cidr: shown(bgp.tunnel_cidr),
        }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub(super) struct VpnBgpConfigView<Number> {
    enable_bgp: String,
    #[serde(flatten)]
    session: TunnelBgpConfigView<Number>,
    status: &'static str,
}

impl<Number: From<u32>> VpnBgpConfigView<Number> {
    pub(super) fn of(connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
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
