//! VPN gateways in the answers of the operations that describe them.

use schemars::JsonSchema;
use serde::Serialize;

use crate::ids::{VpcId, VpnGatewayId};
use crate::resource::bgp_config::shown;
use crate::resource::tag::TagListView;
use crate::resource::vpn_connection::NetworkType;
use crate::resource::vpn_gateway::{GatewayType, InstanceChargeType, Status, VpnGateway, VpnType};
use crate::settings::Settings;

/// What an enhanced gateway may carry, which nobody can choose, in Mbit/s.
const ENHANCED_BANDWIDTH_MBITS: u32 = 1000;

/// Whether it can be used: nothing is locked for want of money here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum BusinessStatus {
    /// It can.
    Normal,
    /// It cannot.
    FinancialLocked,
}

/// How it would be paid for, in the words of an answer, which Terraform takes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
enum ChargeType {
    Prepay,
    PostpayByFlow,
}

/// On or off, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum Switch {
    Enable,
    Disable,
}

impl From<bool> for Switch {
    fn from(is_on: bool) -> Self {
        if is_on { Self::Enable } else { Self::Disable }
    }
}

/// What an answer needs beside the VPN gateway itself.
pub struct Surroundings<'a> {
    /// The gateway's addresses.
    pub settings: &'a Settings,
    /// Where it is in its life.
    pub status: Status,
    /// Whether a connection of it speaks BGP.
    pub enable_bgp: bool,
}

impl Surroundings<'_> {
    /// The address of its tunnels; of those of index 2, when it has two vSwitches.
    pub fn addresses(&self, gateway: &VpnGateway) -> (String, String) {
        let second = gateway.disaster_recovery_v_switch_id.as_ref().map(|_| self.settings.tunnel_address(2));
        (self.settings.tunnel_address(1).to_string(), shown(second))
    }
}

/// How much it may carry, as the API writes it. Terraform takes the number before the letter.
pub fn spec(gateway: &VpnGateway) -> String {
    format!("{}M", gateway.bandwidth_mbits.unwrap_or(ENHANCED_BANDWIDTH_MBITS))
}

/// The tags as text.
pub fn tag_text(gateway: &VpnGateway) -> String {
    serde_json::to_string(&gateway.tags).expect("a map of text to text can be written as JSON")
}

/// The members that all descriptions of a VPN gateway have in common.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct VpnGatewayView {
    auto_propagate: bool,
    business_status: BusinessStatus,
    charge_type: ChargeType,
    create_time: i64,
    description: String,
    disaster_recovery_internet_ip: String,
    disaster_recovery_v_switch_id: String,
    enable_bgp: bool,
    /// 0 unless it is paid for in advance.
    end_time: i64,
    eni_instance_ids: EniInstanceIdListView,
    gateway_type: GatewayType,
    internet_ip: String,
    ipsec_vpn: Switch,
    name: String,
    network_type: NetworkType,
    reservation_data: ReservationDataView,
    resource_group_id: String,
    spec: String,
    ssl_max_connections: i64,
    ssl_vpn: Switch,
    ssl_vpn_internet_ip: String,
    status: Status,
    tag: String,
    tags: TagListView,
    v_switch_id: String,
    vpc_id: VpcId,
    vpn_gateway_id: VpnGatewayId,
    vpn_type: VpnType,
}

impl VpnGatewayView {
    /// Shows a VPN gateway.
    pub fn of(gateway: &VpnGateway, around: &Surroundings<'_>) -> Self {
        let (internet_ip, disaster_recovery_internet_ip) = around.addresses(gateway);
        Self {
            auto_propagate: gateway.auto_propagate,
            business_status: BusinessStatus::Normal,
            charge_type: match gateway.instance_charge_type {
                InstanceChargeType::Prepay => ChargeType::Prepay,
                InstanceChargeType::Postpay => ChargeType::PostpayByFlow,
            },
            create_time: gateway.created_ms,
            description: gateway.description.clone(),
            disaster_recovery_internet_ip,
            disaster_recovery_v_switch_id: shown(gateway.disaster_recovery_v_switch_id.as_ref()),
            enable_bgp: around.enable_bgp,
            end_time: gateway.paid_until_ms.unwrap_or_default(),
            eni_instance_ids: EniInstanceIdListView::default(),
            gateway_type: gateway.gateway_type,
            internet_ip,
            ipsec_vpn: gateway.enable_ipsec.into(),
            name: gateway.name.clone(),
            network_type: gateway.network_type,
            reservation_data: ReservationDataView::default(),
            resource_group_id: gateway.resource_group_id.clone(),
            spec: spec(gateway),
            ssl_max_connections: i64::from(gateway.ssl_connections),
            ssl_vpn: gateway.enable_ssl.into(),
            ssl_vpn_internet_ip: String::new(),
            status: around.status,
            tag: tag_text(gateway),
            tags: TagListView::from(&gateway.tags),
            v_switch_id: shown(gateway.v_switch_id.as_ref()),
            vpc_id: gateway.vpc_id.clone(),
            vpn_gateway_id: gateway.id.clone(),
            vpn_type: gateway.vpn_type,
        }
    }
}

/// Its network interfaces in the VPC: none are made here.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct EniInstanceIdListView {
    eni_instance_id: Vec<String>,
}

/// An order that is not in effect yet: there are no orders, so that every member is absent.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct ReservationDataView {
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_end_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_ipsec: Option<Switch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_max_connections: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_order_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_ssl: Option<Switch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
}
