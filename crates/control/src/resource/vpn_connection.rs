//! IPsec-VPN connections: of a VPN gateway, or attached to a transit router and then VPN attachments.

pub mod modified;
pub mod modified_of_gateway;
pub mod modified_tunnel;
pub mod view;

use std::fmt;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::desired::DomainOwner;
use crate::error::{ApiError, Busy};
use crate::ids::{CustomerGatewayId, RegionId, VpnConnectionId, VpnGatewayId};
use crate::observed::{Observations, ObservedConnection, TunnelStatus};
use crate::resource::health_check::HealthCheck;
use crate::resource::tag::Tags;
use crate::resource::transit_router::TransitRouterVpnAttachment;
use crate::resource::tunnel::Tunnel;

/// Which addresses the tunnels run between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum NetworkType {
    /// Public addresses.
    #[default]
    Public,
    /// Private addresses.
    Private,
}

/// How much a tunnel may carry. It is stored and answered; this engine sets no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum TunnelBandwidth {
    /// The usual.
    #[default]
    #[serde(alias = "standard")]
    Standard,
    /// More.
    #[serde(alias = "large")]
    Large,
}

/// An IPsec-VPN connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpnConnection {
    /// Its id.
    pub id: VpnConnectionId,
    /// Where it is.
    pub region: RegionId,
    /// Its name.
    pub name: String,
    /// The revision of the account at which it, its peer or one of its routes last changed.
    pub generation: u64,
    /// The VPN gateway that it is a connection of; then it is attached to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpn_gateway: Option<VpnGatewayBinding>,
    /// The transit router that it is attached to; then it is no connection of a VPN gateway.
    pub attachment: Option<TransitRouterVpnAttachment>,
    /// One tunnel in the older form, otherwise two, in the order of their index.
    pub tunnels: Vec<Tunnel>,
    /// The networks on the gateway's side.
    pub local_subnet: Vec<Ipv4Net>,
    /// The networks on the peer's side.
    pub remote_subnet: Vec<Ipv4Net>,
    /// Whether to negotiate at once, rather than when there is traffic. This engine always does.
    pub effect_immediately: bool,
    /// Whether routes to the peer's networks are configured without being asked for.
    pub auto_config_route: bool,
    /// Whether the tunnels speak BGP.
    pub enable_bgp: bool,
    /// The health check.
    pub health_check: HealthCheck,
    /// Which addresses the tunnels run between.
    pub network_type: NetworkType,
    /// How much a tunnel may carry.
    pub tunnel_bandwidth: TunnelBandwidth,
    /// The certificate authorities of the peer, in PEM; empty where the pre-shared key is in use.
    pub remote_ca_cert: String,
    /// The resource group that the caller named; it has no effect.
    pub resource_group_id: String,
    /// Its tags.
    pub tags: Tags,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

/// That a connection belongs to a VPN gateway, for as long as it exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpnGatewayBinding {
    /// The VPN gateway.
    pub id: VpnGatewayId,
    /// The generation of the connection at which it was made.
    pub generation: u64,
}

/// Where a connection is in its life. One of a VPN gateway is `provisioning`, then `active`; one without is `init`, or on its
/// way to or from a transit router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum State {
    /// Bound to a VPN gateway, and the gateway has not taken it up.
    Provisioning,
    /// Bound to a VPN gateway, and what is stored is in force.
    Active,
    /// Attached to nothing.
    Init,
    /// Attached, and the gateway has not taken it up.
    Attaching,
    /// What is stored is in force.
    Attached,
    /// What is stored is not in force yet.
    Updating,
    /// Attached to nothing, and the gateway has not given it up.
    Detaching,
}

impl State {
    /// The word that the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::Init => "init",
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Updating => "updating",
            Self::Detaching => "detaching",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl VpnConnection {
    /// The tunnel of a connection in the older form.
    pub fn single_tunnel(&self) -> Option<&Tunnel> {
        match self.tunnels.as_slice() {
            [tunnel] => Some(tunnel),
            _ => None,
        }
    }

    /// The certificate authority of a tunnel's peer.
    pub fn remote_ca_certificate<'a>(&'a self, tunnel: &'a Tunnel) -> &'a str {
        tunnel.remote_ca_certificate.as_deref().unwrap_or(&self.remote_ca_cert)
    }

    /// The peers of its tunnels.
    pub fn customer_gateways(&self) -> impl Iterator<Item = &CustomerGatewayId> {
        self.tunnels.iter().map(|tunnel| &tunnel.customer_gateway_id)
    }

    /// The connection with its attachment, if it has one.
    pub fn attached(&self) -> Option<(&Self, &TransitRouterVpnAttachment)> {
        self.attachment.as_ref().map(|attachment| (self, attachment))
    }

    /// What it is in the forwarding domain of, if it is in one.
    pub fn domain_owner(&self) -> Option<DomainOwner> {
        let gateway = self.vpn_gateway.as_ref().map(|gateway| DomainOwner::VpnGateway(gateway.id.clone()));
        gateway.or_else(|| {
            let attachment = self.attachment.as_ref()?;
            Some(DomainOwner::TransitRouter(attachment.transit_router_id.clone()))
        })
    }

    /// Where it is in its life. Derived from what is stored and what is observed, so that it cannot lie.
    pub fn state(&self, observed_generation: Option<u64>) -> State {
        if let Some(gateway) = &self.vpn_gateway {
            return match observed_generation {
                Some(observed) if observed >= self.generation => State::Active,
                _ if gateway.generation == self.generation => State::Provisioning,
                _ => State::Updating,
            };
        }
        match (&self.attachment, observed_generation) {
            (None, None) => State::Init,
            (None, Some(_)) => State::Detaching,
            (Some(_), Some(observed)) if observed >= self.generation => State::Attached,
            (Some(attachment), _) if attachment.generation == self.generation => State::Attaching,
            (Some(_), _) => State::Updating,
        }
    }

    /// What its tunnels do: the best of them.
    pub fn status(&self, observed: Option<&ObservedConnection>) -> TunnelStatus {
        self.tunnels.iter().map(|tunnel| tunnel_status(tunnel, observed)).max().unwrap_or_default()
    }

    /// Whether the gateway has anything to do to make this connection be `after`.
    pub fn concerns_the_gateway(&self, after: &Self) -> bool {
        self.tunnels != after.tunnels
            || self.local_subnet != after.local_subnet
            || self.remote_subnet != after.remote_subnet
            || self.remote_ca_cert != after.remote_ca_cert
            || self.health_check != after.health_check
            || self.effect_immediately != after.effect_immediately
            || self.enable_bgp != after.enable_bgp
    }

    /// Refuses a change while the one before is not in force.
    ///
    /// # Errors
    ///
    /// `VpnConnection.Configuring`, marked with the connection to wait for.
    pub fn must_be_settled(&self, observations: &dyn Observations) -> Result<(), ApiError> {
        match self.state(observations.generation(&self.id)) {
            State::Provisioning | State::Attaching | State::Updating => {
                Err(ApiError::busy(Busy::VpnConnection(self.id.clone())))
            }
            State::Active | State::Init | State::Attached | State::Detaching => Ok(()),
        }
    }

    /// Refuses what needs a transit router.
    ///
    /// # Errors
    ///
    /// `IncorrectStatus.VpnConnection`.
    pub fn must_be_attached(&self) -> Result<(), ApiError> {
        match self.attachment {
            Some(_) => Ok(()),
            None => Err(ApiError::new(&catalogue::CONNECTION_NOT_ATTACHED)),
        }
    }
}

/// What one tunnel does.
pub fn tunnel_status(tunnel: &Tunnel, observed: Option<&ObservedConnection>) -> TunnelStatus {
    observed
        .and_then(|connection| connection.tunnels.get(&tunnel.id))
        .map(|tunnel| tunnel.status)
        .unwrap_or_default()
}

/// CIDR blocks as the API writes them.
pub fn subnets(blocks: &[Ipv4Net]) -> String {
    blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
