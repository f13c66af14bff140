//! `CreateVpnGateway`: makes a VPN gateway.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{Bandwidth, Months, SslConnections, VpnGatewayName, optional};
use crate::ids::{RegionId, VSwitchId, VpcId, VpnGatewayId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::operations::{known_networks, vpn_gateway_deletion};
use crate::permission::{Permission, Target};
use crate::resource::tag::Tags;
use crate::resource::vpn_connection::NetworkType;
use crate::resource::vpn_gateway::{GatewayType, InstanceChargeType, VpnGateway, VpnType};
use crate::tx::Tx;

/// See the module.
pub struct CreateVpnGateway;

/// Makes a VPN gateway: a forwarding domain bound to a VPC. It is `provisioning` until its domain is open, and then
/// `active`. Nothing is charged; what the provider charges by is stored and answered.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Where the VPN gateway is to be.
    pub region_id: RegionId,
    /// Whether the order is paid at once; there is none.
    #[serde(default)]
    pub auto_pay: Option<bool>,
    /// The bandwidth in Mbit/s; this engine sets no limit.
    pub bandwidth: Bandwidth,
    /// The second vSwitch.
    #[serde(default, deserialize_with = "optional")]
    pub disaster_recovery_v_switch_id: Option<VSwitchId>,
    /// Whether it is to have IPsec-VPN connections.
    #[serde(default)]
    pub enable_ipsec: Option<bool>,
    /// Whether it is to have SSL-VPN; this engine has none.
    #[serde(default)]
    pub enable_ssl: Option<bool>,
    /// How it would be paid for.
    #[serde(default)]
    pub instance_charge_type: Option<InstanceChargeType>,
    /// Its name: its id, unless one is given.
    #[serde(default, deserialize_with = "optional")]
    pub name: Option<VpnGatewayName>,
    /// Which addresses its tunnels run between.
    #[serde(default)]
    pub network_type: NetworkType,
    /// For how many months it is paid in advance; with `PREPAY` it must be given.
    #[serde(default, deserialize_with = "optional")]
    pub period: Option<Months>,
    /// The resource group; it has no effect.
    #[serde(default)]
    pub resource_group_id: Option<String>,
    /// How many SSL-VPN clients it can have.
    #[serde(default, deserialize_with = "optional")]
    pub ssl_connections: Option<SslConnections>,
    /// The first vSwitch.
    #[serde(default, deserialize_with = "optional")]
    pub v_switch_id: Option<VSwitchId>,
    /// The VPC on its side.
    pub vpc_id: VpcId,
    /// Which cryptography it is to have.
    #[serde(default)]
    pub vpn_type: VpnType,
}

/// The VPN gateway that was made.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    name: String,
    /// There are no orders: 0.
    order_id: i64,
    vpn_gateway_id: VpnGatewayId,
}

const SSL_CONNECTIONS_DEFAULT: u32 = 5;
const PRIVATE_BANDWIDTHS_MBITS: [u32; 2] = [200, 1000];
/// A month of those that are paid for, in milliseconds.
const MONTH_MS: i64 = 30 * 24 * 60 * 60 * 1000;

impl Operation for CreateVpnGateway {
    const NAME: &'static str = "CreateVpnGateway";
    const KIND: Kind = Kind::Write;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(60));
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::INVALID_NAME, &catalogue::QUOTA_FULL];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("vpc:CreateVpnGateway", Target::VpnGateways)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let bandwidth_mbits = request.bandwidth.get();
        if request.network_type == NetworkType::Private
            && !PRIVATE_BANDWIDTHS_MBITS.contains(&bandwidth_mbits)
        {
            return Err(ApiError::invalid("Bandwidth", "200 or 1000, with the NetworkType private"));
        }
        let instance_charge_type = request.instance_charge_type.unwrap_or_default();
        let paid_until_ms = match (instance_charge_type, request.period) {
            (InstanceChargeType::Postpay, _) => None,
            (InstanceChargeType::Prepay, None) => return Err(ApiError::missing("Period")),
            (InstanceChargeType::Prepay, Some(months)) => {
                Some(tx.now_ms() + i64::from(months.get()) * MONTH_MS)
            }
        };
        let gateway = VpnGateway {
            disaster_recovery_v_switch_id: request.disaster_recovery_v_switch_id,
            network_type: request.network_type,
            bandwidth_mbits: Some(bandwidth_mbits),
            enable_ipsec: request.enable_ipsec.unwrap_or(true),
            enable_ssl: request.enable_ssl.unwrap_or(false),
            ssl_connections: request.ssl_connections.map_or(SSL_CONNECTIONS_DEFAULT, SslConnections::get),
            vpn_type: request.vpn_type,
            instance_charge_type,
            paid_until_ms,
            v_switch_id: request.v_switch_id,
            resource_group_id: request.resource_group_id.unwrap_or_default(),
            ..new(tx, request.region_id, request.vpc_id, request.name, GatewayType::Traditional)?
        };
        tx.put(gateway.clone());
        Ok(Response { name: gateway.name, order_id: 0, vpn_gateway_id: gateway.id })
    }
}

/// A VPN gateway that is not written yet (its VPC is, where nobody knew it), with what both kinds begin with.
///
/// # Errors
///
/// `Resource.QuotaFull`.
pub(super) fn new(
    tx: &mut Tx<'_>,
    region: RegionId,
    vpc_id: VpcId,
    name: Option<VpnGatewayName>,
    gateway_type: GatewayType,
) -> Result<VpnGateway, ApiError> {
    vpn_gateway_deletion::sweep(tx);
    let there = tx.state().vpn_gateways(&region).filter(|gateway| !gateway.is_deleted);
    if there.count() >= tx.settings().vpn_gateways_per_region_max {
        return Err(ApiError::new(&catalogue::QUOTA_FULL));
    }
    known_networks::ensure_vpc(tx, &region, &vpc_id)?;
    let id = VpnGatewayId::generate(tx.ids());
    let generation = tx.next_revision();
    Ok(VpnGateway {
        name: name.map_or_else(|| id.to_string(), String::from),
        id,
        region,
        description: String::new(),
        vpc_id,
        v_switch_id: None,
        disaster_recovery_v_switch_id: None,
        gateway_type,
        network_type: NetworkType::Public,
        bandwidth_mbits: None,
        enable_ipsec: true,
        enable_ssl: false,
        ssl_connections: 0,
        vpn_type: VpnType::Normal,
        instance_charge_type: InstanceChargeType::Postpay,
        paid_until_ms: None,
        auto_propagate: false,
        resource_group_id: String::new(),
        tags: Tags::new(),
        certificates: BTreeMap::new(),
        generation,
        made_generation: generation,
        is_deleted: false,
        created_ms: tx.now_ms(),
    })
}
