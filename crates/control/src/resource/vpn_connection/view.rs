//! IPsec-VPN connections in the answers of the operations that describe them.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::ids::{CustomerGatewayId, TransitRouterId, TunnelId, VpnConnectionId};
use crate::observed::{ObservedConnection, ObservedTunnel, TunnelHealth, TunnelStatus};
use crate::resource::bgp_config::{BgpConfig, LOCAL_ASN_DEFAULT, shown};
use crate::resource::customer_gateway::CustomerGateway;
use crate::resource::health_check::HealthCheckView;
use crate::resource::ike_config::{IkeConfigView, word};
use crate::resource::ipsec_config::IpsecConfigView;
use crate::resource::tunnel::{Tunnel, TunnelRole};
use crate::resource::vpn_connection::{NetworkType, State, VpnConnection, subnets, tunnel_status};
use crate::settings::Settings;

/// How much a connection may carry, as the API writes it.
pub(super) const SPEC: &str = "1000M";

/// What an answer needs beside the connection itself.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Finds the peer of a tunnel.
    pub peer: &'a dyn Fn(&CustomerGatewayId) -> Option<&'a CustomerGateway>,
    /// Names a transit router.
    pub transit_router_name: &'a dyn Fn(&TransitRouterId) -> String,
    /// The gateway's addresses.
    pub settings: &'a Settings,
    /// What the gateway reported.
    pub observed: Option<&'a ObservedConnection>,
}

impl Surroundings<'_> {
    pub(super) fn state(&self, connection: &VpnConnection) -> State {
        connection.state(self.observed.map(|observed| observed.generation))
    }

    pub(super) fn addresses(&self, tunnel: &Tunnel) -> (Ipv4Addr, Option<Ipv4Addr>) {
        let remote = (self.peer)(&tunnel.customer_gateway_id).map(|gateway| gateway.ip_address);
        (self.settings.tunnel_address(tunnel.index), remote)
    }

    pub(super) fn peer_asn(&self, tunnel: &Tunnel) -> u32 {
        (self.peer)(&tunnel.customer_gateway_id).and_then(|gateway| gateway.asn).unwrap_or_default()
    }
}

/// What a connection is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(inline)]
pub enum AttachType {
    /// Attached to a transit router.
    Cen,
    /// A connection of a VPN gateway.
    Vpngw,
    /// Attached to nothing.
    NoAssociated,
}

impl From<&VpnConnection> for AttachType {
    fn from(connection: &VpnConnection) -> Self {
        match (&connection.vpn_gateway, &connection.attachment) {
            (Some(_), _) => Self::Vpngw,
            (None, Some(_)) => Self::Cen,
            (None, None) => Self::NoAssociated,
        }
    }
}

/// The members that `DescribeVpnConnection` and `DescribeVpnConnections` have in common.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct VpnConnectionView {
    attach_instance_id: String,
    attach_type: AttachType,
    create_time: i64,
    cross_account_authorized: bool,
    customer_gateway_id: String,
    effect_immediately: bool,
    enable_dpd: bool,
    enable_nat_traversal: bool,
    enable_tunnels_bgp: bool,
    ike_config: IkeConfigView<i64>,
    internet_ip: String,
    ipsec_config: IpsecConfigView<i64>,
    local_subnet: String,
    name: String,
    network_type: NetworkType,
    remote_ca_certificate: String,
    remote_subnet: String,
    resource_group_id: String,
    spec: String,
    state: State,
    status: TunnelStatus,
    transit_router_id: String,
    transit_router_name: String,
    tunnel_bandwidth: String,
    tunnel_options_specification: TunnelListView,
    vco_health_check: HealthCheckStatusView,
    vpn_bgp_config: VpnBgpConfigView,
    vpn_connection_id: VpnConnectionId,
    /// Empty unless it is a connection of a VPN gateway.
    vpn_gateway_id: String,
}

impl VpnConnectionView {
    /// Shows a connection.
    pub fn of(connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
        let single = connection.single_tunnel();
        let addresses = single.map(|tunnel| around.addresses(tunnel));
        let attachment = connection.attachment.as_ref();
        Self {
            attach_instance_id: attachment.map(|attachment| attachment.cen_id.clone()).unwrap_or_default(),
            attach_type: connection.into(),
            create_time: connection.created_ms,
            cross_account_authorized: false,
            customer_gateway_id: shown(single.map(|tunnel| &tunnel.customer_gateway_id)),
            effect_immediately: connection.effect_immediately,
            enable_dpd: connection.tunnels.iter().any(|tunnel| tunnel.enable_dpd),
            enable_nat_traversal: connection.tunnels.iter().any(|tunnel| tunnel.enable_nat_traversal),
            enable_tunnels_bgp: single.is_none() && connection.enable_bgp,
            ike_config: single
                .zip(addresses)
                .map_or_else(IkeConfigView::default, |(tunnel, (local, remote))| {
                    IkeConfigView::of(&tunnel.ike_between(local, remote), i64::from)
                }),
            internet_ip: shown(addresses.map(|(local, _)| local)),
            ipsec_config: single.map_or_else(IpsecConfigView::default, |tunnel| {
                IpsecConfigView::of(&tunnel.ipsec, i64::from)
            }),
            local_subnet: subnets(&connection.local_subnet),
            name: connection.name.clone(),
            network_type: connection.network_type,
            remote_ca_certificate: connection.remote_ca_cert.clone(),
            remote_subnet: subnets(&connection.remote_subnet),
            resource_group_id: connection.resource_group_id.clone(),
            spec: SPEC.to_owned(),
            state: around.state(connection),
            status: connection.status(around.observed),
            transit_router_id: shown(attachment.map(|attachment| &attachment.transit_router_id)),
            transit_router_name: attachment
                .map(|attachment| (around.transit_router_name)(&attachment.transit_router_id))
                .unwrap_or_default(),
            tunnel_bandwidth: word(connection.tunnel_bandwidth),
            tunnel_options_specification: TunnelListView::of(connection, around),
            vco_health_check: HealthCheckStatusView::of(connection, around),
            vpn_bgp_config: VpnBgpConfigView::of(connection, around),
            vpn_connection_id: connection.id.clone(),
            vpn_gateway_id: shown(connection.vpn_gateway.as_ref().map(|gateway| &gateway.id)),
        }
    }
}

/// The tunnels of a connection that has two.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TunnelListView {
    tunnel_options: Vec<TunnelView>,
}

impl TunnelListView {
    fn of(connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
        let tunnels = if connection.single_tunnel().is_some() { &[] } else { connection.tunnels.as_slice() };
        Self {
            tunnel_options: tunnels.iter().map(|tunnel| TunnelView::of(tunnel, connection, around)).collect(),
        }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TunnelView {
    customer_gateway_id: CustomerGatewayId,
    enable_dpd: String,
    enable_nat_traversal: String,
    internet_ip: String,
    remote_ca_certificate: String,
    role: TunnelRole,
    state: TunnelState,
    status: TunnelStatus,
    tunnel_bgp_config: TunnelBgpConfigView,
    tunnel_id: TunnelId,
    tunnel_ike_config: IkeConfigView<String>,
    tunnel_index: i32,
    tunnel_ipsec_config: IpsecConfigView<String>,
    zone_no: String,
}

/// Where a tunnel is in its life: it follows its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum TunnelState {
    Active,
    Updating,
    Deleting,
}

impl From<State> for TunnelState {
    fn from(state: State) -> Self {
        match state {
            State::Active | State::Init | State::Attached => Self::Active,
            State::Provisioning | State::Attaching | State::Updating => Self::Updating,
            State::Detaching => Self::Deleting,
        }
    }
}

impl TunnelView {
    fn of(tunnel: &Tunnel, connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
        let (local, remote) = around.addresses(tunnel);
        let seconds = |seconds: u32| seconds.to_string();
        Self {
            customer_gateway_id: tunnel.customer_gateway_id.clone(),
            enable_dpd: tunnel.enable_dpd.to_string(),
            enable_nat_traversal: tunnel.enable_nat_traversal.to_string(),
            internet_ip: local.to_string(),
            remote_ca_certificate: connection.remote_ca_certificate(tunnel).to_owned(),
            role: tunnel.role,
            state: around.state(connection).into(),
            status: tunnel_status(tunnel, around.observed),
            tunnel_bgp_config: TunnelBgpConfigView::of(tunnel, around),
            tunnel_id: tunnel.id.clone(),
            tunnel_ike_config: IkeConfigView::of(&tunnel.ike_between(local, remote), seconds),
            tunnel_index: i32::from(tunnel.index),
            tunnel_ipsec_config: IpsecConfigView::of(&tunnel.ipsec, seconds),
            zone_no: String::new(),
        }
    }
}

/// How a BGP session or a health check goes. This engine has no BGP, so that no session succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Success {
    Success,
    Failed,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TunnelBgpConfigView {
    bgp_status: Success,
    local_asn: String,
    local_bgp_ip: String,
    peer_asn: String,
    peer_bgp_ip: String,
    tunnel_cidr: String,
}

impl TunnelBgpConfigView {
    fn of(tunnel: &Tunnel, around: &Surroundings<'_>) -> Self {
        Self {
            bgp_status: Success::Failed,
            local_asn: tunnel.bgp.local_asn.to_string(),
            local_bgp_ip: shown(tunnel.bgp.local_bgp_ip),
            peer_asn: around.peer_asn(tunnel).to_string(),
            peer_bgp_ip: shown(tunnel.bgp.peer_bgp_ip()),
            tunnel_cidr: shown(tunnel.bgp.tunnel_cidr),
        }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct HealthCheckStatusView {
    #[serde(flatten)]
    check: HealthCheckView,
    status: Success,
}

impl HealthCheckStatusView {
    /// It succeeds while a tunnel that is up passes it.
    fn of(connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
        let is_passed = |it: &ObservedTunnel| it.is_healthy() && it.health == TunnelHealth::Healthy;
        let observed = around.observed.filter(|_| connection.health_check.enable);
        let succeeds = observed.is_some_and(|observed| observed.tunnels.values().any(is_passed));
        let status = if succeeds { Success::Success } else { Success::Failed };
        Self { check: HealthCheckView::from(&connection.health_check), status }
    }
}

/// The BGP session of a connection in the older form. All members are there always: Terraform relies on it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct VpnBgpConfigView {
    auth_key: String,
    enable_bgp: String,
    local_asn: i64,
    local_bgp_ip: String,
    peer_asn: i64,
    peer_bgp_ip: String,
    status: Success,
    tunnel_cidr: String,
}

impl VpnBgpConfigView {
    fn of(connection: &VpnConnection, around: &Surroundings<'_>) -> Self {
        let tunnel = connection.single_tunnel();
        let bgp = tunnel.map_or_else(BgpConfig::default, |tunnel| tunnel.bgp.clone());
        let peer = tunnel.and_then(|tunnel| (around.peer)(&tunnel.customer_gateway_id));
        let auth_key = peer.and_then(|peer| peer.auth_key.as_ref());
        Self {
            auth_key: auth_key.map(|key| key.expose().to_owned()).unwrap_or_default(),
            enable_bgp: connection.enable_bgp.to_string(),
            local_asn: i64::from(if tunnel.is_some() { bgp.local_asn } else { LOCAL_ASN_DEFAULT }),
            local_bgp_ip: shown(bgp.local_bgp_ip),
            peer_asn: tunnel.map(|tunnel| around.peer_asn(tunnel).into()).unwrap_or_default(),
            peer_bgp_ip: shown(bgp.peer_bgp_ip()),
            status: Success::Failed,
            tunnel_cidr: shown(bgp.tunnel_cidr),
        }
    }
}
