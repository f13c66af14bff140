//! `CreateVpnAttachment`: makes an IPsec-VPN connection that is attached to a transit router.

use causeway_wire::JsonText;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{CaCertificates, Name, Subnets, optional};
use crate::ids::{CustomerGatewayId, RegionId, TransitRouterAttachmentId, VpnConnectionId};
use crate::operation::{Kind, Operation};
use crate::operations::success::Success;
use crate::operations::tunnels::{self, SingleTunnelOptions, TunnelParameters};
use crate::permission::{Permission, Target};
use crate::resource::bgp_config::BgpOptions;
use crate::resource::health_check::{HealthCheck, HealthCheckOptions};
use crate::resource::ike_config::IkeOptions;
use crate::resource::ipsec_config::IpsecOptions;
use crate::resource::tag::{self, TagOption};
use crate::resource::transit_router::TransitRouterVpnAttachment;
use crate::resource::tunnel::{Tunnel, TunnelOptions};
use crate::resource::vpn_connection::{NetworkType, TunnelBandwidth, VpnConnection};
use crate::tx::Tx;

/// See the module.
pub struct CreateVpnAttachment;

/// Makes a connection with two tunnels, described in `TunnelOptionsSpecification`, or with one in the older form,
/// to the peer `CustomerGatewayId`. It is attached to the built-in transit router of its region, unless the
/// server's configuration says otherwise.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Where the connection is to be.
    pub region_id: RegionId,
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
    /// Which addresses the tunnels run between.
    #[serde(default, deserialize_with = "optional")]
    pub network_type: Option<NetworkType>,
    /// The certificate authorities of the peer, in PEM, where a tunnel does not say it itself: with any, the peer proves itself by a
    /// certificate and not by the pre-shared key.
    #[serde(default)]
    pub remote_ca_cert: Option<CaCertificates>,
    /// The resource group; it has no effect.
    #[serde(default)]
    pub resource_group_id: Option<String>,
    /// Its tags. `Tag` is another name for it.
    #[serde(default, alias = "Tag")]
    pub tags: Vec<TagOption>,
    /// How much a tunnel may carry; it has no effect.
    #[serde(default, deserialize_with = "optional")]
    pub tunnel_bandwidth: Option<TunnelBandwidth>,
    /// The two tunnels, in any order.
    #[serde(default)]
    pub tunnel_options_specification: Vec<TunnelOptions>,
}

/// The connection.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    create_time: i64,
    name: String,
    #[serde(flatten)]
    success: Success,
    vpn_connection_id: VpnConnectionId,
}

impl Operation for CreateVpnAttachment {
    const NAME: &'static str = "CreateVpnAttachment";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::QUOTA_FULL,
        &catalogue::INVALID_NAME,
        &catalogue::ILLEGAL_LOCAL_SUBNET,
        &catalogue::ILLEGAL_REMOTE_SUBNET,
        &catalogue::CUSTOMER_GATEWAY_NOT_FOUND,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("vpc:CreateVpnAttachment", Target::VpnConnections)
    }

    fn plan(mut request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let region = request.region_id.clone();
        let speaks_bgp = request.enable_tunnels_bgp;
        let tunnels = tunnel_parameters(&mut request).create(Tunnel::of_attachment, tx.ids())?;
        tunnels::check_peers(tx, &region, &tunnels)?;
        let health_check = request.health_check_config.map(JsonText::into_inner).unwrap_or_default();
        let bgp = request.bgp_config.as_ref().and_then(|bgp| bgp.enable_bgp);
        let connection = VpnConnection {
            id: VpnConnectionId::generate(tx.ids()),
            name: request.name.map(String::from).unwrap_or_default(),
            generation: tx.next_revision(),
            vpn_gateway: None,
            attachment: attachment(tx, &region),
            tunnels,
            local_subnet: request.local_subnet.into(),
            remote_subnet: request.remote_subnet.into(),
            effect_immediately: request.effect_immediately.unwrap_or(false),
            auto_config_route: request.auto_config_route.unwrap_or(true),
            enable_bgp: bgp.or(speaks_bgp).unwrap_or(false),
            health_check: health_check.over(HealthCheck::default())?,
            network_type: request.network_type.unwrap_or_default(),
            tunnel_bandwidth: request.tunnel_bandwidth.unwrap_or_default(),
            remote_ca_cert: request.remote_ca_cert.map(String::from).unwrap_or_default(),
            resource_group_id: request.resource_group_id.unwrap_or_default(),
            tags: tag::collect("Tags", request.tags)?,
            created_ms: tx.now_ms(),
            region,
        };
        if tx.state().vpn_connection_count(&connection.region) >= tx.settings().vpn_connections_per_region_max
        {
            return Err(ApiError::new(&catalogue::QUOTA_FULL));
        }
        tunnels::check_subnets(&connection.local_subnet, &connection.remote_subnet)?;
        tunnels::check_tunnel_cidrs(tx, &connection)?;
        tx.put(connection.clone());
        Ok(Response {
            create_time: connection.created_ms,
            name: connection.name,
            success: Success::default(),
            vpn_connection_id: connection.id,
        })
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

/// The attachment to the built-in transit router, unless the configuration leaves that to its users.
fn attachment(tx: &mut Tx<'_>, region: &RegionId) -> Option<TransitRouterVpnAttachment> {
    if !tx.settings().auto_attach {
        return None;
    }
    let transit_router = tx.built_in_transit_router(region);
    let id = TransitRouterAttachmentId::generate(tx.ids());
    Some(TransitRouterVpnAttachment::automatic(id, transit_router, tx.next_revision(), tx.now_ms()))
}
