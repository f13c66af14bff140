//! VPN gateways: each is a forwarding domain of its own, bound to a VPC.

pub mod view;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::desired::{Domain, DomainOwner};
use crate::ids::{AccountId, RegionId, VSwitchId, VpcId, VpnGatewayId};
use crate::resource::tag::Tags;
use crate::resource::vpn_connection::NetworkType;

/// A VPN gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpnGateway {
    /// Its id.
    pub id: VpnGatewayId,
    /// Where it is.
    pub region: RegionId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The VPC on its side.
    pub vpc_id: VpcId,
    /// The vSwitch that the caller named.
    pub v_switch_id: Option<VSwitchId>,
    /// The second vSwitch, of a gateway whose connections have two tunnels.
    pub disaster_recovery_v_switch_id: Option<VSwitchId>,
    /// Which kind it is.
    pub gateway_type: GatewayType,
    /// Which addresses its tunnels run between.
    pub network_type: NetworkType,
    /// The bandwidth that was asked for, in Mbit/s; this engine sets no limit. None of an enhanced gateway.
    pub bandwidth_mbits: Option<u32>,
    /// Whether it has IPsec-VPN connections.
    pub enable_ipsec: bool,
    /// Whether SSL-VPN was asked for.
    pub enable_ssl: bool,
    /// How many SSL-VPN clients were asked for.
    pub ssl_connections: u32,
    /// Which cryptography was asked for.
    pub vpn_type: VpnType,
    /// How it would be paid for.
    pub instance_charge_type: InstanceChargeType,
    /// Until when it would be paid for in advance, in UNIX milliseconds; it cannot be deleted before.
    pub paid_until_ms: Option<i64>,
    /// Whether routes that its peers announce are published to the VPC without being asked for.
    pub auto_propagate: bool,
    /// The resource group that the caller named; it has no effect.
    pub resource_group_id: String,
    /// Its tags.
    pub tags: Tags,
    /// The certificates that it is associated with, at most one of each type; they have no effect.
    pub certificates: BTreeMap<CertificateType, CertificateAssociation>,
    /// The revision of the account at which it, or a route of its own, last changed.
    pub generation: u64,
    /// The generation at which it was made.
    pub made_generation: u64,
    /// Whether it was deleted. It is kept and shown as `deleting` until the gateway has given its domain up.
    pub is_deleted: bool,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

/// Which kind of VPN gateway it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum GatewayType {
    /// Made by `CreateVpnGateway`.
    #[default]
    Traditional,
    /// Made by `CreateEnhancedVpnGateway`.
    #[serde(rename = "Enhanced.SiteToSite")]
    EnhancedSiteToSite,
}

/// How a VPN gateway would be paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum InstanceChargeType {
    /// In advance.
    Prepay,
    /// Afterwards.
    #[default]
    Postpay,
}

/// Which cryptography a VPN gateway was asked to have. This engine has the same for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum VpnType {
    /// The international algorithms.
    #[default]
    Normal,
    /// The Chinese national algorithms.
    NationalStandard,
}

/// An SSL certificate that a VPN gateway is associated with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateAssociation {
    /// The id of the certificate, which is kept elsewhere.
    pub certificate_id: String,
    /// Since when, in UNIX milliseconds.
    pub associated_ms: i64,
}

/// What a certificate of a VPN gateway with the Chinese national algorithms is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum CertificateType {
    /// To encrypt with.
    Encryption,
    /// To sign with.
    Signature,
}

/// Where a VPN gateway is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Status {
    /// Ordered and not begun; here, none ever is.
    Init,
    /// The gateway has not opened its domain yet.
    Provisioning,
    /// What is stored is in force.
    Active,
    /// What is stored is not in force yet.
    Updating,
    /// Deleted, and the gateway has not given its domain up.
    Deleting,
}

impl VpnGateway {
    /// Its forwarding domain.
    pub fn domain(&self, account: &AccountId) -> Domain {
        Domain {
            account: account.clone(),
            region: self.region.clone(),
            owner: DomainOwner::VpnGateway(self.id.clone()),
        }
    }

    /// Where it is in its life; `None` when it is no more. Derived from what is stored and what is observed: the
    /// generation that is in force of it, and whether that of each of its connections is.
    pub fn status(&self, observed: Option<u64>, connections_are_settled: bool) -> Option<Status> {
        match observed {
            None if self.is_deleted => None,
            Some(_) if self.is_deleted => Some(Status::Deleting),
            Some(generation) if generation >= self.generation && connections_are_settled => {
                Some(Status::Active)
            }
            Some(_) => Some(Status::Updating),
            None if self.generation == self.made_generation => Some(Status::Provisioning),
            None => Some(Status::Updating),
        }
    }
}
