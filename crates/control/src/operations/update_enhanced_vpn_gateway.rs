//! `UpdateEnhancedVpnGateway`: changes the name, the description or the propagation of an enhanced VPN gateway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{Description, VpnGatewayName, optional};
use crate::ids::{RegionId, VpcId, VpnGatewayId};
use crate::operation::{Kind, Operation};
use crate::operations::create_enhanced_vpn_gateway::{EnhancedNetworkType, EnhancedType, EnhancedVpnType};
use crate::operations::vpn_gateway_change::{self, Change};
use crate::permission::{Permission, Target};
use crate::resource::bgp_config::shown;
use crate::resource::tag::TagListView;
use crate::resource::vpn_gateway::view::{EniInstanceIdListView, Surroundings, tag_text};
use crate::resource::vpn_gateway::{GatewayType, Status, VpnGateway};
use crate::tx::Tx;

/// See the module.
pub struct UpdateEnhancedVpnGateway;

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
    create_time: i64,
    description: String,
    disaster_recovery_v_switch_id: String,
    enable_bgp: bool,
    eni_instance_ids: EniInstanceIdListView,
    gateway_type: EnhancedType,
    name: String,
    network_type: EnhancedNetworkType,
    resource_group_id: String,
    status: Status,
    tag: String,
    tags: TagListView,
    v_switch_id: String,
    vpc_id: VpcId,
    vpn_gateway_id: VpnGatewayId,
    vpn_type: EnhancedVpnType,
}

impl Operation for UpdateEnhancedVpnGateway {
    const NAME: &'static str = "UpdateEnhancedVpnGateway";
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
        Permission::on("vpc:UpdateEnhancedVpnGateway", Target::VpnGateway(request.vpn_gateway_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let Request { region_id, vpn_gateway_id, auto_propagate, description, name } = request;
        let change =
            Change { auto_propagate, description, name, gateway_type: GatewayType::EnhancedSiteToSite };
        vpn_gateway_change::change(tx, &region_id, &vpn_gateway_id, change)?;
        let gateway = tx.vpn_gateway(&region_id, &vpn_gateway_id)?;
        tx.show_vpn_gateway(gateway, Response::of).ok_or(ApiError::new(&catalogue::VPN_GATEWAY_NOT_FOUND))
    }
}

impl Response {
    fn of(gateway: &VpnGateway, around: &Surroundings<'_>) -> Self {
        Self {
            auto_propagate: gateway.auto_propagate,
            create_time: gateway.created_ms,
            description: gateway.description.clone(),
            disaster_recovery_v_switch_id: shown(gateway.disaster_recovery_v_switch_id.as_ref()),
            enable_bgp: around.enable_bgp,
            eni_instance_ids: EniInstanceIdListView::default(),
            gateway_type: EnhancedType::SiteToSite,
            name: gateway.name.clone(),
            network_type: EnhancedNetworkType::Public,
            resource_group_id: gateway.resource_group_id.clone(),
            status: around.status,
            tag: tag_text(gateway),
            tags: TagListView::from(&gateway.tags),
            v_switch_id: shown(gateway.v_switch_id.as_ref()),
            vpc_id: gateway.vpc_id.clone(),
            vpn_gateway_id: gateway.id.clone(),
            vpn_type: EnhancedVpnType::Normal,
        }
    }
}
