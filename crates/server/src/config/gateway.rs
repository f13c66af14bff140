//! The section `[gateway]`: the packets' side.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use causeway_gateway::WORKERS_MAX;
use causeway_gateway::tun::MTU_DEFAULT;
use serde::Deserialize;

use super::ConfigError;

/// Which engine carries out what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Negotiates and forwards packets.
    Packets,
    /// No packets: a test double whose tunnels come up after `gateway.simulated_tunnel_up_ms`.
    None,
}

/// When packets of a tunnel with NAT traversal travel inside UDP rather than as IP protocol 50.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encapsulation {
    /// Always: it passes every firewall that IKE passes, and the kernel carries UDP in batches.
    Always,
    /// Only where an address is translated on the way.
    WhenTranslated,
}

/// What becomes of devices and routes when the gateway stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnStop {
    /// They stay, and what they lead to is dropped until it runs again.
    Hold,
    /// They go.
    Release,
}

/// The least that `gateway.sa_bytes_max` and `gateway.sa_packets_max` may be: rekeying has to be done in the time that the
/// second half of it takes.
const SA_BYTES_LEAST: u64 = 1 << 30;
const SA_PACKETS_LEAST: u64 = 1 << 20;

/// One address under which peers reach this gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The address that peers know, answered as `InternetIp`.
    pub public: Ipv4Addr,
    /// The address of this machine behind it, where it differs (a NAT in front).
    pub local: Option<Ipv4Addr>,
}

/// The packets' side.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    /// Which engine runs.
    pub engine: Engine,
    /// Tunnel 1 of a connection uses the first address, tunnel 2 the second, and so on around.
    pub addresses: Vec<Address>,
    /// What every device's name begins with.
    pub device_prefix: String,
    /// The largest packet inside a tunnel, in bytes.
    pub mtu: u16,
    /// When packets travel inside UDP.
    pub encapsulation: Encapsulation,
    /// What becomes of devices and routes at the end.
    pub on_stop: OnStop,
    /// Bytes that one IPsec SA may carry at most; it is rekeyed at half of it. None for what its cipher allows.
    pub sa_bytes_max: Option<u64>,
    /// Packets that one IPsec SA may carry at most. None for what its sequence numbers allow.
    pub sa_packets_max: Option<u64>,
    /// How many threads forward packets, 16 at the most; 0 for one on each processor.
    pub workers: usize,
    /// The UDP port of IKE.
    pub ike_port: u16,
    /// The UDP port of IKE and ESP behind a NAT.
    pub nat_port: u16,
    /// A file with the certificate that the gateway shows to peers of connections with a RemoteCaCert, in PEM form, followed by
    /// those between it and its authority. Without one the gateway proves itself by the pre-shared key.
    pub certificate: Option<PathBuf>,
    /// A file with the key of the first certificate in `certificate`, in PEM form.
    pub private_key: Option<PathBuf>,
    /// The longest packet that an IKE message is sent in, in bytes, where the peer takes fragments (RFC 7383); 0 for none.
    pub ike_packet_bytes: u16,
    /// After how long the tunnels of `engine = "none"` are up, in milliseconds.
    pub simulated_tunnel_up_ms: u64,
    /// After how long a change is in force with `engine = "none"`, in milliseconds.
    pub simulated_change_ms: u64,
    /// With the engine `none`: whether nothing happens until SIGUSR1, and then everything without delay.
    pub simulated_steps: bool,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            engine: Engine::Packets,
            addresses: Vec::new(),
            device_prefix: "cway".to_owned(),
            mtu: MTU_DEFAULT,
            encapsulation: Encapsulation::Always,
            on_stop: OnStop::Hold,
            sa_bytes_max: None,
            sa_packets_max: None,
            workers: 0,
            ike_port: 500,
            nat_port: 4_500,
            certificate: None,
            private_key: None,
            ike_packet_bytes: 1_280,
            simulated_tunnel_up_ms: 1_000,
            simulated_change_ms: 0,
            simulated_steps: false,
        }
    }
}

impl Gateway {
    /// Says which setting cannot be, and what would be right.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |setting, reason: &str| Err(ConfigError::Value { setting, reason: reason.to_owned() });
        if !(576..=9_000).contains(&self.mtu) {
            return wrong("gateway.mtu", "must be between 576 and 9000 bytes");
        }
        if self.sa_bytes_max.is_some_and(|bytes| bytes < SA_BYTES_LEAST) {
            return wrong("gateway.sa_bytes_max", "must be at least 1073741824 (1 GiB)");
        }
        if self.sa_packets_max.is_some_and(|packets| packets < SA_PACKETS_LEAST) {
            return wrong("gateway.sa_packets_max", "must be at least 1048576");
        }
        if self.workers > WORKERS_MAX {
            return wrong("gateway.workers", "must be at most 16; 0 stands for one on each processor");
        }
        let prefix = &self.device_prefix;
        let named_well = prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if prefix.is_empty() || prefix.len() > 8 || !named_well {
            return wrong("gateway.device_prefix", "must be 1 to 8 letters, digits or dashes");
        }
        if self.certificate.is_some() != self.private_key.is_some() {
            return wrong("gateway.private_key", "goes with gateway.certificate: configure both, or neither");
        }
        if self.ike_packet_bytes != 0 && self.ike_packet_bytes < 576 {
            return wrong("gateway.ike_packet_bytes", "must be at least 576 bytes, or 0 for no fragments");
        }
        if self.ike_port == self.nat_port {
            return wrong("gateway.nat_port", "must differ from gateway.ike_port");
        }
        Ok(())
    }
}
