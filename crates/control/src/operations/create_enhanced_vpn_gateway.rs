//! `CreateEnhancedVpnGateway`: makes an enhanced VPN gateway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{VpnGatewayName, optional};
use crate::ids::{RegionId, VSwitchId, VpcId, VpnGatewayId};
use crate::operation::{Kind, Operation};
use crate::operations::create_vpn_gateway;
use crate::permission::{Permission, Target};
use crate::resource::vpn_gateway::{GatewayType, VpnGateway};
use crate::tx::Tx;

/// See the module.
pub struct CreateEnhancedVpnGateway;

/// Makes a VPN gateway whose connections have two tunnels, and whose bandwidth nobody chooses. Otherwise it is as one
/// that `CreateVpnGateway` made, and is described by the same operations.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Where the VPN gateway is to be.
    pub region_id: RegionId,
    /// The second vSwitch.
    pub disaster_recovery_v_switch_id: VSwitchId,
    /// Which type.
    pub gateway_type: EnhancedType,
    /// Its name: its id, unless one is given.
    #[serde(default, deserialize_with = "optional")]
    pub name: Option<VpnGatewayName>,
    /// Which addresses its tunnels run between.
    #[serde(default)]
    pub network_type: Option<EnhancedNetworkType>,
    /// The resource group; it has no effect.
    #[serde(default)]
    pub resource_group_id: Option<String>,
    /// The first vSwitch.
    pub v_switch_id: VSwitchId,
    /// The VPC on its side.
    pub vpc_id: VpcId,
    /// Which cryptography it is to have.
    #[serde(default)]
    pub vpn_type: Option<EnhancedVpnType>,
}

/// The type of enhanced VPN gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum EnhancedType {
    /// The only one.
    #[serde(rename = "Enhanced.SiteToSite")]
    SiteToSite,
}

/// Which addresses the tunnels of an enhanced VPN gateway run between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum EnhancedNetworkType {
    /// Public addresses.
    Public,
}

/// Which cryptography an enhanced VPN gateway has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum EnhancedVpnType {
    /// The international algorithms.
    Normal,
}

/// The VPN gateway that was made.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    name: String,
    vpn_gateway_id: VpnGatewayId,
}

impl Operation for CreateEnhancedVpnGateway {
    const NAME: &'static str = "CreateEnhancedVpnGateway";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::INVALID_NAME, &catalogue::QUOTA_FULL];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("vpc:CreateEnhancedVpnGateway", Target::VpnGateways)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let Request { region_id, vpc_id, name, .. } = request;
        let gateway = VpnGateway {
            v_switch_id: Some(request.v_switch_id),
            disaster_recovery_v_switch_id: Some(request.disaster_recovery_v_switch_id),
            resource_group_id: request.resource_group_id.unwrap_or_default(),
            ..create_vpn_gateway::new(tx, region_id, vpc_id, name, GatewayType::EnhancedSiteToSite)?
        };
        tx.put(gateway.clone());
        Ok(Response { name: gateway.name, vpn_gateway_id: gateway.id })
    }
}
