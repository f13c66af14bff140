//! What the operations need of the server's configuration.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Deserialize;

use crate::ids::{RegionId, VSwitchId, VpcId};

/// Quotas, regions and addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The regions that exist.
    pub regions: Vec<RegionId>,
    /// The addresses under which peers reach the gateway. A tunnel takes the one of its index, round and round.
    pub public_addresses: Vec<Ipv4Addr>,
    /// Whether a new connection is attached to the built-in transit router of its region.
    pub auto_attach: bool,
    /// How many routes a connection can have.
    pub vco_routes_per_connection_max: usize,
    /// How many customer gateways an account can have in a region.
    pub customer_gateways_per_region_max: usize,
    /// How many destination-based routes a VPN gateway can have.
    pub vpn_routes_per_gateway_max: usize,
    /// How many policy-based routes a VPN gateway can have.
    pub vpn_pbr_routes_per_gateway_max: usize,
    /// How many IPsec-VPN connections an account can have in a region.
    pub vpn_connections_per_region_max: usize,
    /// How many VPN gateways an account can have in a region.
    pub vpn_gateways_per_region_max: usize,
    /// Of how many requests an account remembers what they changed; 0 remembers nothing.
    pub recorded_changes_max: usize,
    /// How long that is remembered, in milliseconds.
    pub recorded_change_age_ms_max: i64,
    /// How many bytes that may take, about. The latest is kept whatever it takes.
    pub recorded_bytes_max: usize,
    /// The VPCs that every account has.
    pub vpcs: Vec<ConfiguredVpc>,
}

/// A VPC that the configuration makes known: the networks behind an interface of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfiguredVpc {
    /// Its id.
    pub id: VpcId,
    /// Where it is.
    pub region: RegionId,
    /// Its networks.
    pub cidr_blocks: Vec<Ipv4Net>,
    /// The interface behind which it lies.
    #[serde(default)]
    pub interface: Option<String>,
    /// Its vSwitches.
    #[serde(default, rename = "vswitches")]
    pub v_switches: Vec<ConfiguredVSwitch>,
}

/// A vSwitch that the configuration makes known.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfiguredVSwitch {
    /// Its id.
    pub id: VSwitchId,
    /// Its network, which is a part of its VPC's.
    pub cidr_block: Ipv4Net,
}

impl Settings {
    /// A VPC that the configuration makes known.
    pub fn vpc(&self, region: &RegionId, id: &VpcId) -> Option<&ConfiguredVpc> {
        self.vpcs.iter().find(|vpc| vpc.id == *id && vpc.region == *region)
    }

    /// The gateway's address of the tunnel of this index, counted from 1.
    pub fn tunnel_address(&self, index: u8) -> Ipv4Addr {
        let position = usize::from(index).saturating_sub(1);
        match self.public_addresses.len() {
            0 => Ipv4Addr::UNSPECIFIED,
            count => self.public_addresses[position % count],
        }
    }
}
