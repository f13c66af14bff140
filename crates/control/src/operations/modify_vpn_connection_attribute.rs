//! `ModifyVpnConnectionAttribute`: changes an IPsec-VPN connection of a VPN gateway.

use causeway_wire::JsonText;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{CaCertificates, Name, Subnets, optional};
use crate::ids::{RegionId, VpnConnectionId};
use crate::operation::{Kind, Operation};
use crate::operations::tunnels::{self, SingleTunnelOptions, TunnelParameters};
use crate::operations::vpn_route;
use crate::permission::{Permission, Target};
use crate::resource::bgp_config::BgpOptions;
use crate::resource::health_check::HealthCheckOptions;
use crate::resource::ike_config::IkeOptions;
use crate::resource::ipsec_config::IpsecOptions;
use crate::resource::tunnel::TunnelOptions;
use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_connection::modified_of_gateway::ModifiedView;
use crate::tx::Tx;

/// See the module.
pub struct ModifyVpnConnectionAttribute;

/// Changes what is given, and leaves the rest as it is. When the tunnels or the networks change, the connection is
/// `updating` until the gateway has taken it up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the connection.
    pub region_id: RegionId,
    /// The connection.
    pub vpn_connection_id: VpnConnectionId,
    /// Whether routes to the peer's networks are configured without being asked for.
    #[serde(default)]
    pub auto_config_route: Option<bool>,
    /// BGP of the one tunnel, as JSON.
    #[serde(default)]
    pub bgp_config: Option<JsonText<BgpOptions>>,
    /// Whether to negotiate at once.
    #[serde(default)]
    pub effect_immediately: Option<bool>,
    /// Whether the peers' liveness is checked, where a tunnel does not say it itself.
    #[serde(default)]
    pub enable_dpd: Option<bool>,
    /// Whether NATs are traversed, where a tunnel does not say it itself.
    #[serde(default)]
    pub enable_nat_traversal: Option<bool>,
    /// Whether two tunnels speak BGP.
    #[serde(default)]
    pub enable_tunnels_bgp: Option<bool>,
    /// The health check, as JSON.
    #[serde(default)]
    pub health_check_config: Option<JsonText<HealthCheckOptions>>,
    /// IKE of the one tunnel, as JSON.
    #[serde(default)]
    pub ike_config: Option<JsonText<IkeOptions>>,
    /// IPsec of the one tunnel, as JSON.
    #[serde(default)]
    pub ipsec_config: Option<JsonText<IpsecOptions>>,
    /// The networks on the gateway's side.
    #[serde(default, deserialize_with = "optional")]
    pub local_subnet: Option<Subnets>,
    /// Its name.
    #[serde(default)]
    pub name: Option<Name>,
    /// The certificate authorities of the peer, in PEM, where a tunnel does not say it itself: with any, the peer proves itself by a
    /// certificate and not by the pre-shared key.
    #[serde(default)]
    pub remote_ca_certificate: Option<CaCertificates>,
    /// The networks on the peer's side.
    #[serde(default, deserialize_with = "optional")]
    pub remote_subnet: Option<Subnets>,
    /// The tunnels of a connection that has two: each named by its id or index, in any order.
    #[serde(default)]
    pub tunnel_options_specification: Vec<TunnelOptions>,
}

impl Operation for ModifyVpnConnectionAttribute {
    const NAME: &'static str = "ModifyVpnConnectionAttribute";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_NAME,
        &catalogue::ILLEGAL_LOCAL_SUBNET,
        &catalogue::ILLEGAL_REMOTE_SUBNET,
        &catalogue::POLICY_BASED_ROUTE_QUOTA,
        &catalogue::VPN_GATEWAY_CONFIGURING,
        &catalogue::VPN_GATEWAY_FINANCIAL_LOCKED,
        &catalogue::VPN_CONNECTION_NOT_FOUND,
        &catalogue::CUSTOMER_GATEWAY_NOT_FOUND,
    ];
    type Request = Request;
    type Response = ModifiedView;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::VpnConnection(request.vpn_connection_id.clone());
        Permission::on("vpc:ModifyVpnConnectionAttribute", target)
    }

    fn plan(mut request: Request, tx: &mut Tx<'_>) -> Result<ModifiedView, ApiError> {
        let before = tx.connection_of_vpn_gateway(&request.region_id, &request.vpn_connection_id)?.0.clone();
        let mut connection = before.clone();
        tunnel_parameters(&mut request).change(&mut connection.tunnels)?;
        change_the_rest(&mut connection, request)?;
        tunnels::check_peers(tx, &connection.region, &connection.tunnels)?;
        tunnels::check_subnets(&connection.local_subnet, &connection.remote_subnet)?;
        tunnels::check_tunnel_cidrs(tx, &connection)?;
        if before.concerns_the_gateway(&connection)
            || before.auto_config_route != connection.auto_config_route
        {
            vpn_route::must_be_settled(tx, &before)?;
            connection.generation = tx.next_revision();
        }
        if connection != before {
            vpn_route::follow(tx, Some(&before), &connection)?;
            tx.put(connection.clone());
        }
        Ok(tx.show(&connection, ModifiedView::of))
    }
}

/// What the request says about tunnels.
fn tunnel_parameters(request: &mut Request) -> TunnelParameters {
    TunnelParameters {
        single: SingleTunnelOptions {
            customer_gateway_id: None,
            ike: request.ike_config.take().map(JsonText::into_inner),
            ipsec: request.ipsec_config.take().map(JsonText::into_inner),
            bgp: request.bgp_config.clone().map(JsonText::into_inner),
            enable_dpd: request.enable_dpd,
            enable_nat_traversal: request.enable_nat_traversal,
        },
        two: std::mem::take(&mut request.tunnel_options_specification),
    }
}

fn change_the_rest(connection: &mut VpnConnection, request: Request) -> Result<(), ApiError> {
    if let Some(name) = request.name {
        connection.name = name.into();
    }
    if let Some(subnets) = request.local_subnet {
        connection.local_subnet = subnets.into();
    }
    if let Some(subnets) = request.remote_subnet {
        connection.remote_subnet = subnets.into();
    }
    if let Some(check) = request.health_check_config {
        connection.health_check = check.into_inner().over(connection.health_check.clone())?;
    }
    if let Some(certificate) = request.remote_ca_certificate {
        connection.remote_ca_cert = certificate.into();
    }
    let bgp = request.bgp_config.and_then(|bgp| bgp.enable_bgp).or(request.enable_tunnels_bgp);
    connection.enable_bgp = bgp.unwrap_or(connection.enable_bgp);
    connection.auto_config_route = request.auto_config_route.unwrap_or(connection.auto_config_route);
    connection.effect_immediately = request.effect_immediately.unwrap_or(connection.effect_immediately);
    Ok(())
}
