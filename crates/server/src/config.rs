//! The configuration: one TOML file, every setting with a working default.
//!
//! A setting that does not exist, or one with a value that cannot be, is refused with its name and the
//! remedy before anything is opened or bound.

mod gateway;
mod vpcs;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use causeway_control::operation;
use causeway_control::settings::ConfiguredVpc;
use serde::Deserialize;

pub use gateway::{Address, Encapsulation, Engine, Gateway, OnStop};

/// Why a configuration cannot be used; one line each.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}; check the path given with --config")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the configuration {path} is wrong: {reason}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong there.
        reason: String,
    },
    /// A value that parses but cannot be used.
    #[error("the setting {setting} is wrong: {reason}")]
    Value {
        /// The setting's name, with dots.
        setting: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

/// Everything that can be configured.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The listening side of the API.
    pub api: Api,
    /// How many of each thing an account may have.
    pub quotas: Quotas,
    /// Rate limits in place of the documented ones, by the name of the operation.
    pub rate_limits: BTreeMap<String, Limit>,
    /// The VPCs that every account has.
    pub vpcs: Vec<ConfiguredVpc>,
    /// What is remembered of who changed what.
    pub changes: Changes,
    /// The packets' side.
    pub gateway: Gateway,
    /// What is told to Prometheus.
    pub metrics: Metrics,
    /// What the server logs, in the syntax of `RUST_LOG`; the environment variable wins.
    pub log: Option<String>,
}

/// Where and how the API is served.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    /// The address and port to listen on.
    pub listen: SocketAddr,
    /// The regions that exist; `RegionId` of a request names one.
    pub regions: Vec<String>,
    /// How long a change waits for a connection that is `updating` before it is refused with
    /// `VpnConnection.Configuring`, in milliseconds; 0 refuses at once, as the provider does.
    pub change_wait_ms: u64,
    /// How many changes may wait for one connection; more are refused with `Resource.QuotaFull`.
    pub waiting_changes_max: usize,
    /// Whether the documented rate limits are enforced.
    pub rate_limits: bool,
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// How many client connections may be open at once.
    pub connections_max: usize,
    /// How long a client may take to send a request, in milliseconds.
    pub request_ms_max: u64,
    /// Whether a new attachment is attached to its region's built-in transit router.
    pub auto_attach: bool,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8686)),
            regions: REGIONS.iter().map(|region| (*region).to_owned()).collect(),
            change_wait_ms: 3_000,
            waiting_changes_max: 1_000,
            rate_limits: true,
            body_bytes_max: 1 << 20,
            connections_max: 1_024,
            request_ms_max: 20_000,
            auto_attach: true,
        }
    }
}

impl Api {
    /// The region that commands and examples take when none is named.
    pub fn default_region(&self) -> &str {
        let familiar = self.regions.iter().find(|region| *region == "eu-central-1");
        familiar.or(self.regions.first()).map_or("eu-central-1", String::as_str)
    }

    /// How long a change waits for its turn.
    pub fn change_wait(&self) -> Duration {
        Duration::from_millis(self.change_wait_ms)
    }
}

/// How many of each thing an account may have.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Destination-based routes of one IPsec-VPN connection.
    pub vco_routes_per_connection: usize,
    /// Customer gateways of a region.
    pub customer_gateways_per_region: usize,
    /// Destination-based routes of one VPN gateway.
    pub vpn_routes_per_gateway: usize,
    /// Policy-based routes of one VPN gateway.
    pub vpn_pbr_routes_per_gateway: usize,
    /// IPsec-VPN connections of a region.
    pub vpn_connections_per_region: usize,
    /// VPN gateways of a region.
    pub vpn_gateways_per_region: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            vco_routes_per_connection: 10_000,
            customer_gateways_per_region: 10_000,
            vpn_routes_per_gateway: 10_000,
            vpn_pbr_routes_per_gateway: 10_000,
            vpn_connections_per_region: 10_000,
            vpn_gateways_per_region: 100,
        }
    }
}

/// So many requests of an operation in so many seconds, for each account and region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How many requests.
    pub requests: u32,
    /// In how many seconds.
    pub per_seconds: u32,
}

/// How much each account remembers of who changed what; the oldest is forgotten first.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Changes {
    /// How many changes; 0 remembers none.
    pub kept_max: usize,
    /// For how many days.
    pub days_max: u32,
    /// In how many bytes, about.
    pub bytes_max: usize,
}

impl Default for Changes {
    fn default() -> Self {
        Self { kept_max: 10_000, days_max: 90, bytes_max: 64 << 20 }
    }
}

/// What is told to Prometheus, and where.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Whether there are metrics at all.
    pub enabled: bool,
    /// The address and port to listen on. Nobody is asked who they are: keep it where only your monitoring comes.
    /// Where it is not configured and the default is taken, the server goes without.
    pub listen: Option<SocketAddr>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { enabled: true, listen: None }
    }
}

impl Config {
    /// Reads the file, or takes the defaults where there is none.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let config = match path {
            None => Self::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
                toml::from_str(&text).map_err(|error| ConfigError::Parse {
                    path: path.to_owned(),
                    reason: one_line(&error.to_string()),
                })?
            }
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |setting, reason: &str| Err(ConfigError::Value { setting, reason: reason.to_owned() });
        if self.api.regions.is_empty() {
            return wrong("api.regions", "at least one region is needed, for example [\"eu-central-1\"]");
        }
        if self.api.connections_max == 0 {
            return wrong("api.connections_max", "0 would admit no client; take 1 or more");
        }
        if self.api.body_bytes_max < 4_096 {
            return wrong("api.body_bytes_max", "must be at least 4096, or ordinary requests do not fit");
        }
        for (name, limit) in &self.rate_limits {
            if operation::named(name).is_none() {
                return wrong("rate_limits", &format!("there is no operation {name}"));
            }
            if limit.requests == 0 || limit.per_seconds == 0 {
                return wrong("rate_limits", &format!("{name}: both numbers must be 1 or more"));
            }
        }
        self.gateway.check()?;
        vpcs::check(&self.vpcs, &self.api.regions)
            .map_err(|reason| ConfigError::Value { setting: "vpcs", reason })?;
        Ok(())
    }

    /// The addresses of the gateway: those configured, otherwise the one this machine reaches others from.
    pub fn addresses(&self) -> Vec<Address> {
        if !self.gateway.addresses.is_empty() {
            return self.gateway.addresses.clone();
        }
        vec![Address { public: outward_address().unwrap_or(Ipv4Addr::LOCALHOST), local: None }]
    }
}

/// The address that this machine would send from; asks the routing table and sends nothing.
fn outward_address() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    match socket.local_addr().ok()? {
        SocketAddr::V4(address) if !address.ip().is_unspecified() => Some(*address.ip()),
        _ => None,
    }
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The data folder where none is given: the system's for root, the user's otherwise.
pub fn default_data_folder() -> PathBuf {
    if nix::unistd::Uid::effective().is_root() {
        return PathBuf::from("/var/lib/causeway");
    }
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(home)
        .unwrap_or_else(|| PathBuf::from("."))
        .join("causeway")
}

/// The provider's public regions, so that tools that check a region's name find it.
const REGIONS: &[&str] = &[
    "cn-qingdao",
    "cn-beijing",
    "cn-zhangjiakou",
    "cn-huhehaote",
    "cn-wulanchabu",
    "cn-hangzhou",
    "cn-shanghai",
    "cn-nanjing",
    "cn-fuzhou",
    "cn-shenzhen",
    "cn-heyuan",
    "cn-guangzhou",
    "cn-chengdu",
    "cn-hongkong",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ap-south-1",
    "us-east-1",
    "us-west-1",
    "eu-west-1",
    "eu-central-1",
    "me-east-1",
    "me-central-1",
];

#[cfg(test)]
mod tests {
    use super::{Config, ConfigError, Encapsulation};

    fn parse(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("causeway.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path))
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        let config = parse("").unwrap();
        assert_eq!(config.api.listen.to_string(), "127.0.0.1:8686");
        assert!(config.api.regions.contains(&"eu-central-1".to_owned()));
    }

    #[test]
    fn a_misspelt_setting_is_refused_by_name() {
        let error = parse("[api]\nlisten_on = \"127.0.0.1:1\"\n").unwrap_err().to_string();
        assert!(error.contains("listen_on"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }

    #[test]
    fn encapsulation_and_the_lifetime_of_a_security_association_can_be_chosen() {
        let gateway = parse("").unwrap().gateway;
        assert_eq!((gateway.encapsulation, gateway.sa_bytes_max), (Encapsulation::Always, None));
        let text = "[gateway]\nencapsulation = \"when_translated\"\nsa_bytes_max = 1073741824\nsa_packets_max = 1048576\n";
        let gateway = parse(text).unwrap().gateway;
        assert_eq!(gateway.encapsulation, Encapsulation::WhenTranslated);
        assert_eq!((gateway.sa_bytes_max, gateway.sa_packets_max), (Some(1 << 30), Some(1 << 20)));
        let error = parse("[gateway]\nsa_packets_max = 1000\n").unwrap_err().to_string();
        assert_eq!(error, "the setting gateway.sa_packets_max is wrong: must be at least 1048576");
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_with_the_remedy() {
        let error = parse("[gateway]\nmtu = 100\n").unwrap_err().to_string();
        assert_eq!(error, "the setting gateway.mtu is wrong: must be between 576 and 9000 bytes");
    }

    #[test]
    fn a_rate_limit_is_of_an_operation_that_exists() {
        let config =
            parse("[rate_limits]\nDeleteVcoRouteEntry = { requests = 600, per_seconds = 60 }\n").unwrap();
        assert_eq!(config.rate_limits["DeleteVcoRouteEntry"].requests, 600);
        let error =
            parse("[rate_limits]\nDeleteEverything = { requests = 1, per_seconds = 60 }\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the setting rate_limits is wrong: there is no operation DeleteEverything"
        );
        let error =
            parse("[rate_limits]\nDeleteVcoRouteEntry = { requests = 0, per_seconds = 60 }\n").unwrap_err();
        assert!(error.to_string().contains("1 or more"), "{error}");
    }

    #[test]
    fn a_vpc_that_cannot_be_is_refused_by_its_id() {
        let vpc = |id: &str, rest: &str| {
            format!("[[vpcs]]\nid = \"{id}\"\nregion = \"eu-central-1\"\ninterface = \"eth1\"\n{rest}\n")
        };
        let good = vpc("vpc-a", "cidr_blocks = [\"10.0.0.0/16\"]");
        let config = parse(&good).unwrap();
        assert_eq!(config.vpcs[0].interface.as_deref(), Some("eth1"));
        let wrong = |text: &str| parse(text).unwrap_err().to_string();
        assert!(wrong(&(good.clone() + &good)).contains("vpc-a is there twice"));
        let other = vpc("vpc-b", "cidr_blocks = [\"10.1.0.0/16\"]");
        assert!(wrong(&(good + &other)).contains("two VPCs have the interface eth1"));
        assert!(wrong(&vpc("vpc-a", "cidr_blocks = []")).contains("cidr_blocks needs at least one block"));
        assert!(wrong(&vpc("vpc-a", "cidr_blocks = [\"10.0.0.1/16\"]")).contains("write 10.0.0.0/16"));
        let outside =
            "cidr_blocks = [\"10.0.0.0/16\"]\nvswitches = [{ id = \"vsw-a\", cidr_block = \"10.1.0.0/24\" }]";
        assert!(wrong(&vpc("vpc-a", outside)).contains("vsw-a is no part of vpc-a"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Config::load(Some(std::path::Path::new("/nowhere/c.toml"))).unwrap_err().to_string();
        assert!(error.starts_with("cannot read the configuration /nowhere/c.toml"), "{error}");
    }
}
