//! Tunnels: a connection has one in the older form, or two, a master and a slave.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::fields::{CaCertificates, TunnelIndex, optional};
use crate::ids::{CustomerGatewayId, IdSource, TunnelId};
use crate::resource::bgp_config::{BgpConfig, TunnelBgpOptions};
use crate::resource::ike_config::{IkeConfig, IkeOptions};
use crate::resource::ipsec_config::{IpsecConfig, IpsecOptions};

/// The parameter that describes the tunnels of a connection.
pub const PARAMETER: &str = "TunnelOptionsSpecification";

/// Which tunnel is taken while both are up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum TunnelRole {
    /// This one.
    Master,
    /// The other one.
    Slave,
}

impl TunnelRole {
    /// The role of a tunnel whose owner chose none.
    fn of_index(index: u8) -> Self {
        if index == 1 { Self::Master } else { Self::Slave }
    }
}

/// A tunnel of an IPsec-VPN connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnel {
    /// Its id.
    pub id: TunnelId,
    /// 1 or 2.
    pub index: u8,
    /// Which tunnel is taken while both are up.
    pub role: TunnelRole,
    /// The peer.
    pub customer_gateway_id: CustomerGatewayId,
    /// How the IKE SA is agreed on.
    pub ike: IkeConfig,
    /// How the IPsec SAs are agreed on.
    pub ipsec: IpsecConfig,
    /// The BGP session inside.
    pub bgp: BgpConfig,
    /// Whether the peer's liveness is checked (RFC 3706; RFC 7296, 1.4).
    pub enable_dpd: bool,
    /// Whether NATs are detected and traversed (RFC 3947; RFC 7296, 2.23).
    pub enable_nat_traversal: bool,
    /// The certificate authorities of the peer, in PEM, where they are not the connection's. With any, the peer proves itself by a
    /// certificate and not by the pre-shared key.
    #[serde(default)]
    pub remote_ca_certificate: Option<String>,
}

impl Tunnel {
    /// The one tunnel of a connection in the older form, or one of two of a VPN gateway, with the documented defaults.
    pub fn of_vpn_gateway(index: u8, customer_gateway_id: CustomerGatewayId, ids: &mut IdSource) -> Self {
        Self {
            ike: IkeConfig::default_of_single_tunnel(ids.next_psk()),
            ipsec: IpsecConfig::default_of_single_tunnel(),
            ..Self::of_attachment(index, customer_gateway_id, ids)
        }
    }

    /// One of two tunnels of an attachment, with the documented defaults.
    pub fn of_attachment(index: u8, customer_gateway_id: CustomerGatewayId, ids: &mut IdSource) -> Self {
        Self {
            id: TunnelId::generate(ids),
            index,
            role: TunnelRole::of_index(index),
            customer_gateway_id,
            ike: IkeConfig::default_of_tunnel(ids.next_psk()),
            ipsec: IpsecConfig::default_of_tunnel(),
            bgp: BgpConfig::default(),
            enable_dpd: true,
            enable_nat_traversal: true,
            remote_ca_certificate: None,
        }
    }

    /// The IKE configuration between two addresses, with the identities that follow from them.
    pub fn ike_between(&self, local: Ipv4Addr, remote: Option<Ipv4Addr>) -> IkeConfig {
        self.ike.with_identities(local, remote.unwrap_or(Ipv4Addr::UNSPECIFIED))
    }

    /// Takes over what a client sent. `field` names the element for errors.
    fn change(&mut self, options: TunnelOptions, field: &str) -> Result<(), ApiError> {
        if let Some(id) = options.customer_gateway_id {
            self.customer_gateway_id = id;
        }
        if let Some(certificates) = options.remote_ca_certificate {
            self.remote_ca_certificate = Some(certificates.into());
        }
        self.enable_dpd = options.enable_dpd.unwrap_or(self.enable_dpd);
        self.enable_nat_traversal = options.enable_nat_traversal.unwrap_or(self.enable_nat_traversal);
        self.role = options.role.unwrap_or(self.role);
        if let Some(ike) = options.tunnel_ike_config {
            self.ike = ike.over(self.ike.clone());
        }
        if let Some(ipsec) = options.tunnel_ipsec_config {
            self.ipsec = ipsec.over(self.ipsec.clone());
        }
        if let Some(bgp) = options.tunnel_bgp_config {
            self.bgp = bgp.over(self.bgp.clone());
            self.bgp.check(&format!("{field}.TunnelBgpConfig.LocalBgpIp"))?;
        }
        Ok(())
    }
}

/// An element of `TunnelOptionsSpecification` as a client sends it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
#[schemars(inline)]
pub struct TunnelOptions {
    /// The peer.
    #[serde(deserialize_with = "optional")]
    pub customer_gateway_id: Option<CustomerGatewayId>,
    /// Whether the peer's liveness is checked.
    pub enable_dpd: Option<bool>,
    /// Whether NATs are traversed.
    pub enable_nat_traversal: Option<bool>,
    /// The certificate authorities of the peer, in PEM: with any, the peer proves itself by a
    /// certificate and not by the pre-shared key.
    pub remote_ca_certificate: Option<CaCertificates>,
    /// Which tunnel is taken while both are up. No SDK declares it for attachments; Terraform sends it.
    #[serde(deserialize_with = "optional")]
    pub role: Option<TunnelRole>,
    /// The BGP session inside.
    pub tunnel_bgp_config: Option<TunnelBgpOptions>,
    /// Which tunnel is meant, when one is changed.
    #[serde(deserialize_with = "optional")]
    pub tunnel_id: Option<TunnelId>,
    /// How the IKE SA is agreed on.
    pub tunnel_ike_config: Option<IkeOptions>,
    /// Which tunnel is meant: elements come in any order.
    #[serde(deserialize_with = "optional")]
    pub tunnel_index: Option<TunnelIndex>,
    /// How the IPsec SAs are agreed on.
    pub tunnel_ipsec_config: Option<IpsecOptions>,
}

/// `TunnelOptionsSpecification` of the operation that changes one tunnel: an object, or JSON text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
#[schemars(inline)]
pub struct OneTunnelOptions {
    /// The peer.
    #[serde(deserialize_with = "optional")]
    pub customer_gateway_id: Option<CustomerGatewayId>,
    /// Whether the peer's liveness is checked.
    pub enable_dpd: Option<bool>,
    /// Whether NATs are traversed.
    pub enable_nat_traversal: Option<bool>,
    /// The certificate authorities of the peer, in PEM: with any, the peer proves itself by a
    /// certificate and not by the pre-shared key.
    pub remote_ca_certificate: Option<CaCertificates>,
    /// The BGP session inside.
    pub tunnel_bgp_config: Option<TunnelBgpOptions>,
    /// How the IKE SA is agreed on.
    pub tunnel_ike_config: Option<IkeOptions>,
    /// How the IPsec SAs are agreed on.
    pub tunnel_ipsec_config: Option<IpsecOptions>,
}

impl OneTunnelOptions {
    /// Takes over what a client sent about one tunnel.
    ///
    /// # Errors
    ///
    /// What is wrong with `TunnelOptionsSpecification`, with the name of the member.
    pub fn change(self, tunnel: &mut Tunnel) -> Result<(), ApiError> {
        let options = TunnelOptions {
            remote_ca_certificate: self.remote_ca_certificate,
            customer_gateway_id: self.customer_gateway_id,
            enable_dpd: self.enable_dpd,
            enable_nat_traversal: self.enable_nat_traversal,
            tunnel_bgp_config: self.tunnel_bgp_config,
            tunnel_ike_config: self.tunnel_ike_config,
            tunnel_ipsec_config: self.tunnel_ipsec_config,
            ..TunnelOptions::default()
        };
        tunnel.change(options, PARAMETER)
    }
}

/// The two tunnels that a client asks for, in the order of their index; `tunnel` makes each with its defaults.
///
/// # Errors
///
/// What is wrong with `TunnelOptionsSpecification`, with the name of the member.
pub fn two(
    options: Vec<TunnelOptions>,
    tunnel: fn(u8, CustomerGatewayId, &mut IdSource) -> Tunnel,
    ids: &mut IdSource,
) -> Result<Vec<Tunnel>, ApiError> {
    if options.len() != 2 {
        return Err(ApiError::invalid(PARAMETER, "exactly two tunnels, or none and a CustomerGatewayId"));
    }
    let mut tunnels = Vec::with_capacity(2);
    for (field, options) in named(options) {
        let Some(customer_gateway_id) = options.customer_gateway_id.clone() else {
            return Err(ApiError::missing(&format!("{field}.CustomerGatewayId")));
        };
        let position = if tunnels.is_empty() { 1 } else { 2 };
        let index = options.tunnel_index.map_or(position, TunnelIndex::get);
        let mut tunnel = tunnel(index, customer_gateway_id, ids);
        tunnel.change(options, &field)?;
        tunnels.push(tunnel);
    }
    check_pair(&tunnels)?;
    tunnels.sort_by_key(|tunnel| tunnel.index);
    Ok(tunnels)
}

/// Takes over what a client sent about tunnels that exist.
///
/// # Errors
///
/// What is wrong with `TunnelOptionsSpecification`, with the name of the member.
pub fn change(tunnels: &mut [Tunnel], options: Vec<TunnelOptions>) -> Result<(), ApiError> {
    let mut changed = Vec::new();
    for (position, (field, options)) in named(options).enumerate() {
        let named = |tunnel: &&mut Tunnel| match (&options.tunnel_id, options.tunnel_index) {
            (Some(id), _) => tunnel.id == *id,
            (None, Some(index)) => tunnel.index == index.get(),
            (None, None) => usize::from(tunnel.index) == position + 1,
        };
        let Some(tunnel) = tunnels.iter_mut().find(named) else {
            let member = if options.tunnel_id.is_some() { "TunnelId" } else { "TunnelIndex" };
            return Err(ApiError::invalid(&format!("{field}.{member}"), "a tunnel of the connection"));
        };
        if changed.contains(&tunnel.index) {
            return Err(ApiError::invalid(&field, "every tunnel once"));
        }
        changed.push(tunnel.index);
        tunnel.change(options, &field)?;
    }
    if tunnels.len() == 2 { check_pair(tunnels) } else { Ok(()) }
}

/// Each element with the name that errors about it begin with.
fn named(options: Vec<TunnelOptions>) -> impl Iterator<Item = (String, TunnelOptions)> {
    options
        .into_iter()
        .enumerate()
        .map(|(position, options)| (format!("{PARAMETER}.{}", position + 1), options))
}

fn check_pair(tunnels: &[Tunnel]) -> Result<(), ApiError> {
    match tunnels {
        [one, other] if one.index == other.index => Err(ApiError::invalid(
            &format!("{PARAMETER}.2.TunnelIndex"),
            "1 for one tunnel and 2 for the other",
        )),
        [one, other] if one.role == other.role => Err(ApiError::invalid(
            &format!("{PARAMETER}.2.Role"),
            "master for one tunnel and slave for the other",
        )),
        _ => Ok(()),
    }
}
