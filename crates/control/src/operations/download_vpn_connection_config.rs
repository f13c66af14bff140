//! `DownloadVpnConnectionConfig`: answers the configuration for the peer of an IPsec-VPN connection.

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::optional;
use crate::ids::{RegionId, TunnelId, VpnConnectionId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::permission::{Permission, Target};
use crate::resource::bgp_config::shown;
use crate::resource::customer_gateway::CustomerGateway;
use crate::resource::ike_config::{IkeConfig, IkeConfigView};
use crate::resource::ipsec_config::IpsecConfigView;
use crate::resource::tunnel::Tunnel;
use crate::resource::vpn_connection::{VpnConnection, subnets};
use crate::tx::Tx;
use crate::vendor::{self, Peer, PeerTunnel, Vendor};

/// See the module.
pub struct DownloadVpnConnectionConfig;

/// Answers how the peer is to be configured: what is local here is the peer's, and what is remote is the gateway's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the connection.
    pub region_id: RegionId,
    /// The connection.
    pub vpn_connection_id: VpnConnectionId,
    /// An extension: also as a configuration in the language of this vendor's devices.
    #[serde(default, deserialize_with = "optional")]
    pub vendor: Option<Vendor>,
}

/// The configuration.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    vpn_connection_config: VpnConnectionConfigView,
    /// An extension: the configuration as a text for the vendor's device.
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor_config: Option<String>,
}

/// The members about one tunnel are empty where the connection has two, and the reverse.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct VpnConnectionConfigView {
    bgp_configs: BgpConfigListView,
    ike_config: IkeConfigView<i64>,
    ipsec_config: IpsecConfigView<i64>,
    local: String,
    local_subnet: String,
    remote: String,
    remote_subnet: String,
    tunnels_config: TunnelConfigListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct BgpConfigListView {
    bgp_config: Vec<BgpConfigView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct BgpConfigView {
    local_asn: String,
    local_bgp_ip: String,
    peer_asn: String,
    peer_bgp_ip: String,
    tunnel_cidr: String,
    tunnel_id: TunnelId,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TunnelConfigListView {
    tunnel_config: Vec<TunnelConfigView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TunnelConfigView {
    ike_config: IkeConfigView<i64>,
    ipsec_config: IpsecConfigView<i64>,
    local: String,
    remote: String,
    tunnel_id: TunnelId,
}

impl Operation for DownloadVpnConnectionConfig {
    const NAME: &'static str = "DownloadVpnConnectionConfig";
    const KIND: Kind = Kind::Read;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(30));
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::VPN_CONNECTION_NOT_FOUND, &catalogue::CUSTOMER_GATEWAY_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::VpnConnection(request.vpn_connection_id.clone());
        Permission::on("vpc:DownloadVpnConnectionConfig", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let connection = tx.vpn_connection(&request.region_id, &request.vpn_connection_id)?;
        let peer = peer(tx, connection)?;
        let write = |vendor| {
            vendor::write(vendor, &peer).map_err(|unsupported| {
                let expected =
                    format!("a vendor whose devices can do what the tunnels do; this one has {unsupported}");
                ApiError::invalid("Vendor", expected)
            })
        };
        Ok(Response {
            vendor_config: request.vendor.map(write).transpose()?,
            vpn_connection_config: VpnConnectionConfigView::of(tx, connection, &peer),
        })
    }
}

impl VpnConnectionConfigView {
    fn of(tx: &Tx<'_>, connection: &VpnConnection, peer: &Peer) -> Self {
        let (single, two) = match peer.tunnels.as_slice() {
            [tunnel] => (Some(tunnel), Vec::new()),
            tunnels => (None, connection.tunnels.iter().zip(tunnels).collect()),
        };
        Self {
            bgp_configs: BgpConfigListView {
                bgp_config: connection.tunnels.iter().filter_map(|tunnel| bgp(tx, tunnel)).collect(),
            },
            ike_config: single.map(ike).unwrap_or_default(),
            ipsec_config: single.map(ipsec).unwrap_or_default(),
            local: shown(single.map(|tunnel| tunnel.local)),
            local_subnet: subnets(&peer.local_subnets),
            remote: shown(single.map(|tunnel| tunnel.remote)),
            remote_subnet: subnets(&peer.remote_subnets),
            tunnels_config: TunnelConfigListView {
                tunnel_config: two.into_iter().map(|(tunnel, seen)| tunnel_view(tunnel, seen)).collect(),
            },
        }
    }
}

fn tunnel_view(tunnel: &Tunnel, seen: &PeerTunnel) -> TunnelConfigView {
    TunnelConfigView {
        ike_config: ike(seen),
        ipsec_config: ipsec(seen),
        local: seen.local.to_string(),
        remote: seen.remote.to_string(),
        tunnel_id: tunnel.id.clone(),
    }
}

fn ike(tunnel: &PeerTunnel) -> IkeConfigView<i64> {
    IkeConfigView::of(&tunnel.ike, i64::from)
}

fn ipsec(tunnel: &PeerTunnel) -> IpsecConfigView<i64> {
    IpsecConfigView::of(&tunnel.ipsec, i64::from)
}

/// The BGP session inside a tunnel, if one is configured.
fn bgp(tx: &Tx<'_>, tunnel: &Tunnel) -> Option<BgpConfigView> {
    let cidr: Ipv4Net = tunnel.bgp.tunnel_cidr?;
    let asn = tx.find::<CustomerGateway>(&tunnel.customer_gateway_id).and_then(|gateway| gateway.asn);
    Some(BgpConfigView {
        local_asn: shown(asn),
        local_bgp_ip: shown(tunnel.bgp.peer_bgp_ip()),
        peer_asn: tunnel.bgp.local_asn.to_string(),
        peer_bgp_ip: shown(tunnel.bgp.local_bgp_ip),
        tunnel_cidr: cidr.to_string(),
        tunnel_id: tunnel.id.clone(),
    })
}

/// The connection as its peer sees it.
fn peer(tx: &Tx<'_>, connection: &VpnConnection) -> Result<Peer, ApiError> {
    let tunnels = connection.tunnels.iter().map(|tunnel| {
        let local = tx.customer_gateway(&connection.region, &tunnel.customer_gateway_id)?.ip_address;
        let remote = tx.settings().tunnel_address(tunnel.index);
        let ike = tunnel.ike_between(remote, Some(local));
        Ok(PeerTunnel {
            index: tunnel.index,
            role: tunnel.role,
            local,
            remote,
            ike: IkeConfig { local_id: ike.remote_id, remote_id: ike.local_id, ..ike },
            ipsec: tunnel.ipsec.clone(),
            enable_dpd: tunnel.enable_dpd,
            enable_nat_traversal: tunnel.enable_nat_traversal,
        })
    });
    Ok(Peer {
        connection: connection.id.to_string(),
        local_subnets: connection.remote_subnet.clone(),
        remote_subnets: connection.local_subnet.clone(),
        tunnels: tunnels.collect::<Result<_, ApiError>>()?,
    })
}
