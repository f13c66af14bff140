//! `ModifyVpnGatewayAttribute`: changes the name, the description or the propagation of a VPN gateway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{Description, VpnGatewayName, optional};
use crate::ids::{RegionId, VpcId, VpnGatewayId};
use crate::operation::{Kind, Operation};
use crate::operations::vpn_gateway_change::{self, Change};
use crate::permission::{Permission, Target};
use crate::resource::bgp_config::shown;
use crate::resource::vpn_gateway::view::{BusinessStatus, Surroundings, spec};
use crate::resource::vpn_gateway::{GatewayType, Status, VpnGateway};
use crate::tx::Tx;

/// See the module.
pub struct ModifyVpnGatewayAttribute;

/// Changes what is not empty. Whether routes are propagated is part of the domain: the VPN gateway is `updating` until
/// it is in force.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the VPN gateway.
    pub region_id: RegionId,
    /// The VPN gateway.
    pub vpn_gateway_id: VpnGatewayId,
    /// Whether routes that its peers announce are published to the VPC without being asked for.
    #[serde(default)]
    pub auto_propagate: Option<bool>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<Description>,
    /// Its name.
    #[serde(default, deserialize_with = "optional")]
    pub name: Option<VpnGatewayName>,
}

/// The VPN gateway as it is now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    auto_propagate: bool,
    business_status: BusinessStatus,
    create_time: i64,
    description: String,
    disaster_recovery_internet_ip: String,
    disaster_recovery_v_switch_id: String,
    enable_bgp: bool,
    end_time: i64,
    internet_ip: String,
    /// Its address in the VPC, which it has none of its own in.
    intranet_ip: String,
    name: String,
    resource_group_id: String,
    spec: String,
    ssl_vpn_internet_ip: String,
    status: Status,
    v_switch_id: String,
    vpc_id: VpcId,
    vpn_gateway_id: VpnGatewayId,
}

impl Operation for ModifyVpnGatewayAttribute {
    const NAME: &'static str = "ModifyVpnGatewayAttribute";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_NAME,
        &catalogue::INVALID_DESCRIPTION,
        &catalogue::VPN_GATEWAY_NOT_FOUND,
        &catalogue::VPN_GATEWAY_CONFIGURING,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("vpc:ModifyVpnGatewayAttribute", Target::VpnGateway(request.vpn_gateway_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let Request { region_id, vpn_gateway_id, auto_propagate, description, name } = request;
        let change = Change { auto_propagate, description, name, gateway_type: GatewayType::Traditional };
        vpn_gateway_change::change(tx, &region_id, &vpn_gateway_id, change)?;
        let gateway = tx.vpn_gateway(&region_id, &vpn_gateway_id)?;
        tx.show_vpn_gateway(gateway, Response::of).ok_or(ApiError::new(&catalogue::VPN_GATEWAY_NOT_FOUND))
    }
}

impl Response {
    fn of(gateway: &VpnGateway, around: &Surroundings<'_>) -> Self {
        let (internet_ip, disaster_recovery_internet_ip) = around.addresses(gateway);
        Self {
            auto_propagate: gateway.auto_propagate,
            business_status: BusinessStatus::Normal,
            create_time: gateway.created_ms,
            description: gateway.description.clone(),
            disaster_recovery_internet_ip,
            disaster_recovery_v_switch_id: shown(gateway.disaster_recovery_v_switch_id.as_ref()),
            enable_bgp: around.enable_bgp,
            end_time: gateway.paid_until_ms.unwrap_or_default(),
            internet_ip,
            intranet_ip: String::new(),
            name: gateway.name.clone(),
            resource_group_id: gateway.resource_group_id.clone(),
            spec: spec(gateway),
            ssl_vpn_internet_ip: String::new(),
            status: around.status,
            v_switch_id: shown(gateway.v_switch_id.as_ref()),
            vpc_id: gateway.vpc_id.clone(),
            vpn_gateway_id: gateway.id.clone(),
        }
    }
}
