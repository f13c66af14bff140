//! What the operations need of the server's configuration.

use std::net::Ipv4Addr;

use crate::ids::RegionId;

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
    /// How many IPsec-VPN connections an account can have in a region.
    pub vpn_connections_per_region_max: usize,
    /// Of how many requests an account remembers what they changed; 0 remembers nothing.
    pub recorded_changes_max: usize,
    /// How long that is remembered, in milliseconds.
    pub recorded_change_age_ms_max: i64,
    /// How many bytes that may take, about. The latest is kept whatever it takes.
    pub recorded_bytes_max: usize,
}

impl Settings {
    /// The gateway's address of the tunnel of this index, counted from 1.
    pub fn tunnel_address(&self, index: u8) -> Ipv4Addr {
        let position = usize::from(index).saturating_sub(1);
        match self.public_addresses.len() {
            0 => Ipv4Addr::UNSPECIFIED,
            count => self.public_addresses[position % count],
        }
    }
}
