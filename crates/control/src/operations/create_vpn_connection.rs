//! `CreateVpnConnection`: makes an IPsec-VPN connection of a VPN gateway.

use causeway_wire::JsonText;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{CaCertificates, Name, Subnets, optional};
use crate::ids::{CustomerGatewayId, RegionId, VpnConnectionId, VpnGatewayId};
use crate::operation::{Kind, Operation};
use crate::operations::tunnels::{self, SingleTunnelOptions, TunnelParameters};
use crate::operations::vpn_route;
use crate::permission::{Permission, Target};
use crate::resource::bgp_config::BgpOptions;
use crate::resource::health_check::{HealthCheck, HealthCheckOptions};
use crate::resource::ike_config::IkeOptions;
use crate::resource::ipsec_config::IpsecOptions;
use crate::resource::tag::{self, TagOption};
use crate::resource::tunnel::{Tunnel, TunnelOptions};
use crate::resource::vpn_connection::{TunnelBandwidth, VpnConnection, VpnGatewayBinding};
use crate::tx::Tx;

/// See the module.
pub struct CreateVpnConnection;

/// Makes a connection with two tunnels, described in `TunnelOptionsSpecification`, or with one in the older form, to the
/// peer `CustomerGatewayId`. It is `provisioning` until the gateway has taken it up, and `active` then. It waits for
/// nothing else that is being configured on the VPN gateway.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the VPN gateway.
    pub region_id: RegionId,
    /// The VPN gateway.
    pub vpn_gateway_id: VpnGatewayId,
    /// The networks on the gateway's side: CIDR blocks, separated by commas.
    pub local_subnet: Subnets,
    /// The networks on the peer's side: CIDR blocks, separated by commas.
    pub remote_subnet: Subnets,
    /// Whether routes to the peer's networks are configured without being asked for.
    #[serde(default)]
    pub auto_config_route: Option<bool>,
    /// BGP of the one tunnel, as JSON.
    #[serde(default)]
    pub bgp_config: Option<JsonText<BgpOptions>>,
    /// The peer of the one tunnel.
    #[serde(default, deserialize_with = "optional")]
    pub customer_gateway_id: Option<CustomerGatewayId>,
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
    /// Its name.
    #[serde(default)]
    pub name: Option<Name>,
    /// The certificate authorities of the peer, in PEM, where a tunnel does not say it itself: with any, the peer proves itself by a
    /// certificate and not by the pre-shared key.
    #[serde(default)]
    pub remote_ca_certificate: Option<CaCertificates>,
    /// Its tags. `Tag` is another name for it.
    #[serde(default, alias = "Tag")]
    pub tags: Vec<TagOption>,
    /// The two tunnels.
    #[serde(default)]
    pub tunnel_options_specification: Vec<TunnelOptions>,
}

/// The connection.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    create_time: i64,
    name: String,
    vpn_connection_id: VpnConnectionId,
}

impl Operation for CreateVpnConnection {
    const NAME: &'static str = "CreateVpnConnection";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::QUOTA_FULL,
        &catalogue::INVALID_NAME,
        &catalogue::ILLEGAL_LOCAL_SUBNET,
        &catalogue::ILLEGAL_REMOTE_SUBNET,
        &catalogue::POLICY_BASED_ROUTE_QUOTA,
        &catalogue::VPN_GATEWAY_CONFIGURING,
        &catalogue::VPN_GATEWAY_FINANCIAL_LOCKED,
        &catalogue::VPN_CONNECTION_EXISTS,
        &catalogue::VPN_GATEWAY_NOT_FOUND,
        &catalogue::CUSTOMER_GATEWAY_NOT_FOUND,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let gateway = Target::VpnGateway(request.vpn_gateway_id.clone());
        Permission::on_all("vpc:CreateVpnConnection", vec![Target::VpnConnections, gateway])
    }

    fn plan(mut request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let network_type = tx.vpn_gateway(&request.region_id, &request.vpn_gateway_id)?.network_type;
        let speaks_bgp = request.bgp_config.as_ref().and_then(|bgp| bgp.enable_bgp);
        let tunnels = tunnel_parameters(&mut request).create(Tunnel::of_vpn_gateway, tx.ids())?;
        tunnels::check_peers(tx, &request.region_id, &tunnels)?;
        let health_check = request.health_check_config.map(JsonText::into_inner).unwrap_or_default();
        let connection = VpnConnection {
            id: VpnConnectionId::generate(tx.ids()),
            region: request.region_id,
            name: request.name.map(String::from).unwrap_or_default(),
            generation: tx.next_revision(),
            vpn_gateway: Some(VpnGatewayBinding {
                id: request.vpn_gateway_id,
                generation: tx.next_revision(),
            }),
            attachment: None,
            tunnels,
            local_subnet: request.local_subnet.into(),
            remote_subnet: request.remote_subnet.into(),
            effect_immediately: request.effect_immediately.unwrap_or(false),
            auto_config_route: request.auto_config_route.unwrap_or(true),
            enable_bgp: speaks_bgp.or(request.enable_tunnels_bgp).unwrap_or(false),
            health_check: health_check.over(HealthCheck::default())?,
            network_type,
            tunnel_bandwidth: TunnelBandwidth::default(),
            remote_ca_cert: request.remote_ca_certificate.map(String::from).unwrap_or_default(),
            resource_group_id: String::new(),
            tags: tag::collect("Tags", request.tags)?,
            created_ms: tx.now_ms(),
        };
        check(tx, &connection)?;
        vpn_route::follow(tx, None, &connection)?;
        tx.put(connection.clone());
        Ok(Response {
            create_time: connection.created_ms,
            name: connection.name,
            vpn_connection_id: connection.id,
        })
    }
}

fn check(tx: &Tx<'_>, connection: &VpnConnection) -> Result<(), ApiError> {
    tunnels::check_subnets(&connection.local_subnet, &connection.remote_subnet)?;
    tunnels::check_tunnel_cidrs(tx, connection)?;
    must_be_new(tx, connection)?;
    if tx.state().vpn_connection_count(&connection.region) >= tx.settings().vpn_connections_per_region_max {
        return Err(ApiError::new(&catalogue::QUOTA_FULL));
    }
    Ok(())
}

/// Refuses what a connection of the same VPN gateway does already: the same networks over the same peers.
fn must_be_new(tx: &Tx<'_>, connection: &VpnConnection) -> Result<(), ApiError> {
    let Some(gateway) = &connection.vpn_gateway else { return Ok(()) };
    let is_alike = |other: &&VpnConnection| {
        other.customer_gateways().eq(connection.customer_gateways())
            && other.local_subnet == connection.local_subnet
            && other.remote_subnet == connection.remote_subnet
    };
    match tx.state().connections_of(&gateway.id).find(is_alike) {
        Some(other) => {
            let detail = format!("{} has the same peers and the same networks.", other.id);
            Err(ApiError::new(&catalogue::VPN_CONNECTION_EXISTS).detail(detail))
        }
        None => Ok(()),
    }
}

/// What the request says about tunnels.
fn tunnel_parameters(request: &mut Request) -> TunnelParameters {
    TunnelParameters {
        single: SingleTunnelOptions {
            customer_gateway_id: request.customer_gateway_id.take(),
            ike: request.ike_config.take().map(JsonText::into_inner),
            ipsec: request.ipsec_config.take().map(JsonText::into_inner),
            bgp: request.bgp_config.clone().map(JsonText::into_inner),
            enable_dpd: request.enable_dpd,
            enable_nat_traversal: request.enable_nat_traversal,
        },
        two: std::mem::take(&mut request.tunnel_options_specification),
    }
}
