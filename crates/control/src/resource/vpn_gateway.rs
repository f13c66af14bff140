//! VPN gateways: each is a forwarding domain of its own, bound to a VPC.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{RegionId, VSwitchId, VpcId, VpnGatewayId};
use crate::resource::tag::Tags;
use crate::resource::vpn_connection::NetworkType;

/// A VPN gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpnGateway {
    /// Its id.
    pub id: VpnGatewayId,
    /// Where it is.
    pub region: RegionId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The VPC on its side.
    pub vpc_id: VpcId,
    /// The vSwitch that the caller named.
    pub v_switch_id: Option<VSwitchId>,
    /// The second vSwitch, of a gateway whose connections have two tunnels.
    pub disaster_recovery_v_switch_id: Option<VSwitchId>,
    /// Which kind it is.
    pub gateway_type: GatewayType,
    /// Which addresses its tunnels run between.
    pub network_type: NetworkType,
    /// The bandwidth that was asked for, in Mbit/s; this engine sets no limit. None of an enhanced gateway.
    pub bandwidth_mbits: Option<u32>,
    /// Whether it has IPsec-VPN connections.
    pub enable_ipsec: bool,
    /// Whether SSL-VPN was asked for.
    pub enable_ssl: bool,
    /// How many SSL-VPN clients were asked for.
    pub ssl_connections: u32,
    /// How it would be paid for.
    pub instance_charge_type: InstanceChargeType,
    /// Whether routes that its peers announce are published to the VPC without being asked for.
    pub auto_propagate: bool,
    /// The resource group that the caller named; it has no effect.
    pub resource_group_id: String,
    /// Its tags.
    pub tags: Tags,
    /// The revision of the account at which it last changed.
    pub generation: u64,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

/// Which kind of VPN gateway it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum GatewayType {
    /// Made by `CreateVpnGateway`.
    #[default]
    Traditional,
    /// Made by `CreateEnhancedVpnGateway`.
    #[serde(rename = "Enhanced.SiteToSite")]
    EnhancedSiteToSite,
}

/// How a VPN gateway would be paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum InstanceChargeType {
    /// In advance.
    Prepay,
    /// Afterwards.
    #[default]
    Postpay,
}
