//! What one end of a tunnel is configured with, in the API's own words.

use causeway_control::ids::Secret;
use causeway_control::resource::ike_config::{IkeConfig, IkeOptions};
use causeway_control::resource::ipsec_config::{IpsecConfig, IpsecOptions};
use ipnet::Ipv4Net;
use serde::de::DeserializeOwned;

/// The members of `TunnelIkeConfig`.
const IKE: [&str; 9] = [
    "Psk",
    "IkeVersion",
    "IkeMode",
    "IkeEncAlg",
    "IkeAuthAlg",
    "IkePfs",
    "IkeLifetime",
    "LocalId",
    "RemoteId",
];
/// The members of `TunnelIpsecConfig`.
const IPSEC: [&str; 4] = ["IpsecEncAlg", "IpsecAuthAlg", "IpsecPfs", "IpsecLifetime"];
/// Those of the connection.
const OTHERS: [&str; 4] = ["LocalSubnet", "RemoteSubnet", "EnableDpd", "EnableNatTraversal"];

/// A tunnel's configuration. What a scenario does not name is what the API documents for a member that is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelSettings {
    /// How the IKE SA is agreed on. Identities that are empty stand for the addresses.
    pub ike: IkeConfig,
    /// How the IPsec SAs are agreed on.
    pub ipsec: IpsecConfig,
    /// The networks on the gateway's side.
    pub local_subnets: Vec<Ipv4Net>,
    /// The networks on the peer's side.
    pub remote_subnets: Vec<Ipv4Net>,
    /// Whether the peer's liveness is checked.
    pub enable_dpd: bool,
    /// Whether translators are detected and traversed.
    pub enable_nat_traversal: bool,
}

impl Default for TunnelSettings {
    fn default() -> Self {
        Self {
            ike: IkeConfig::default_of_tunnel(Secret::new("a secret of the lab")),
            ipsec: IpsecConfig::default_of_tunnel(),
            local_subnets: vec![Ipv4Net::default()],
            remote_subnets: vec![Ipv4Net::default()],
            enable_dpd: true,
            enable_nat_traversal: true,
        }
    }
}

impl TunnelSettings {
    /// Whether a member of the API is called so.
    pub(crate) fn has(name: &str) -> bool {
        IKE.iter().chain(&IPSEC).chain(&OTHERS).any(|known| *known == name)
    }

    /// All members, for an error that has to name them.
    pub(crate) fn names() -> String {
        [&IKE[..], &IPSEC, &OTHERS].concat().join(", ")
    }

    /// Sets a member to what it is called in the API.
    ///
    /// # Errors
    ///
    /// Which values there are.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if IKE.contains(&name) {
            let options: IkeOptions = one_member(name, value)?;
            self.ike = options.over(self.ike.clone());
        } else if IPSEC.contains(&name) {
            let options: IpsecOptions = one_member(name, value)?;
            self.ipsec = options.over(self.ipsec.clone());
        } else {
            match name {
                "LocalSubnet" => self.local_subnets = networks(value)?,
                "RemoteSubnet" => self.remote_subnets = networks(value)?,
                "EnableDpd" => self.enable_dpd = truth(name, value)?,
                "EnableNatTraversal" => self.enable_nat_traversal = truth(name, value)?,
                _ => return Err(format!("there is no member `{name}`: one of {}", Self::names())),
            }
        }
        Ok(())
    }
}

/// Has the API's own types judge the value.
fn one_member<T: DeserializeOwned>(name: &str, value: &str) -> Result<T, String> {
    if value.is_empty() {
        return Err(format!("{name} has no value"));
    }
    let object = serde_json::json!({ name: value });
    serde_json::from_value(object).map_err(|error| format!("{name}: {error}"))
}

fn networks(value: &str) -> Result<Vec<Ipv4Net>, String> {
    let parse = |part: &str| {
        let part = part.trim();
        part.parse().map_err(|_| format!("`{part}` is no network such as 10.1.0.0/24"))
    };
    value.split(',').map(parse).collect()
}

fn truth(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{name} is true or false, not `{value}`")),
    }
}
