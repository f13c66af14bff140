//! VPCs and their vSwitches: the networks on the gateway's side. Those of the configuration lie behind an interface of this
//! machine; the others are names that VPN gateways refer to.

pub mod view;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::ids::{RegionId, VSwitchId, VpcId};
use crate::resource::tag::Tags;
use crate::settings::{ConfiguredVSwitch, ConfiguredVpc};

/// How many an account can have, beside those of the configuration.
pub const VPCS_MAX: usize = 1000;
/// How many vSwitches an account can have, beside those of the configuration.
pub const V_SWITCHES_MAX: usize = 10_000;

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// Its id.
    pub id: VpcId,
    /// Where it is.
    pub region: RegionId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its networks, the first of which is the primary one. None of a VPC that is known only because a VPN gateway was
    /// made in it.
    pub cidr_blocks: Vec<Ipv4Net>,
    /// The networks that its owner uses as if they were private; they have no effect.
    pub user_cidrs: Vec<Ipv4Net>,
    /// The resource group that the caller named; it has no effect.
    pub resource_group_id: String,
    /// Its tags.
    pub tags: Tags,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

/// A vSwitch: a subnet of a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VSwitch {
    /// Its id.
    pub id: VSwitchId,
    /// Where it is.
    pub region: RegionId,
    /// Its zone.
    pub zone_id: String,
    /// Its VPC.
    pub vpc_id: VpcId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its network.
    pub cidr_block: Ipv4Net,
    /// Its tags.
    pub tags: Tags,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

impl Vpc {
    /// One that a VPN gateway is made in, and of which nothing else is known.
    pub fn on_demand(id: VpcId, region: RegionId, now_ms: i64) -> Self {
        Self {
            id,
            region,
            name: String::new(),
            description: String::new(),
            cidr_blocks: Vec::new(),
            user_cidrs: Vec::new(),
            resource_group_id: String::new(),
            tags: Tags::new(),
            created_ms: now_ms,
        }
    }
}

impl From<&ConfiguredVpc> for Vpc {
    fn from(configured: &ConfiguredVpc) -> Self {
        let vpc = Self::on_demand(configured.id.clone(), configured.region.clone(), 0);
        Self { cidr_blocks: configured.cidr_blocks.clone(), ..vpc }
    }
}

impl VSwitch {
    /// A vSwitch of the configuration, which is in the only zone of its region.
    pub fn configured(vpc: &ConfiguredVpc, v_switch: &ConfiguredVSwitch, zone_id: String) -> Self {
        Self {
            id: v_switch.id.clone(),
            region: vpc.region.clone(),
            zone_id,
            vpc_id: vpc.id.clone(),
            name: String::new(),
            description: String::new(),
            cidr_block: v_switch.cidr_block,
            tags: Tags::new(),
            created_ms: 0,
        }
    }
}
