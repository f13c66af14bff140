//! The operations that the demo calls, each with the parameters that a customer would give.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use ipnet::Ipv4Net;
use serde_json::Value;

use super::server::{Answer, Server};

/// The status of a tunnel that carries packets.
const UP: &str = "ipsec_sa_established";

/// How many tunnels an attachment has.
pub const TUNNELS: usize = 2;

/// What a tunnel of an attachment is made of.
#[derive(Debug, Clone)]
pub struct Tunnel {
    /// The customer gateway at its other end.
    pub customer_gateway: String,
    /// Its pre-shared key.
    pub psk: String,
}

/// What DescribeVpnConnection says of an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Where it is in its life.
    pub state: String,
    /// The status of each tunnel.
    pub tunnels: Vec<String>,
}

impl Described {
    /// How many tunnels carry packets.
    pub fn up(&self) -> usize {
        self.tunnels.iter().filter(|status| *status == UP).count()
    }

    fn read(value: &Value) -> Self {
        let tunnels =
            value["TunnelOptionsSpecification"]["TunnelOptions"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            state: text(&value["State"]),
            tunnels: tunnels.iter().map(|tunnel| text(&tunnel["Status"])).collect(),
        }
    }
}

/// CreateCustomerGateway; gives its id.
pub fn create_customer_gateway(server: &Server, name: &str, address: Ipv4Addr) -> Result<(String, Answer)> {
    let address = address.to_string();
    let answer = server.call("CreateCustomerGateway", &[("Name", name), ("IpAddress", &address)])?;
    Ok((id(&answer, "CustomerGatewayId")?, answer))
}

/// CreateVpnAttachment with two tunnels; gives its id.
pub fn create(server: &Server, name: &str, tunnels: &[Tunnel; TUNNELS]) -> Result<(String, Answer)> {
    let mut parameters: Vec<(String, String)> = vec![
        ("Name".into(), name.into()),
        ("LocalSubnet".into(), "0.0.0.0/0".into()),
        ("RemoteSubnet".into(), "0.0.0.0/0".into()),
        ("EffectImmediately".into(), "true".into()),
    ];
    for (number, tunnel) in (1..).zip(tunnels) {
        parameters.extend(tunnel_parameters(number, tunnel));
    }
    let parameters: Vec<(&str, &str)> =
        parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = server.call("CreateVpnAttachment", &parameters)?;
    Ok((id(&answer, "VpnConnectionId")?, answer))
}

fn tunnel_parameters(number: usize, tunnel: &Tunnel) -> Vec<(String, String)> {
    let index = number.to_string();
    let members = [
        ("TunnelIndex", index.as_str()),
        ("CustomerGatewayId", &tunnel.customer_gateway),
        ("TunnelIkeConfig.IkeVersion", "ikev2"),
        ("TunnelIkeConfig.IkeEncAlg", "aes"),
        ("TunnelIkeConfig.IkeAuthAlg", "sha256"),
        ("TunnelIkeConfig.IkePfs", "group14"),
        ("TunnelIkeConfig.Psk", &tunnel.psk),
        ("TunnelIpsecConfig.IpsecEncAlg", "aes"),
        ("TunnelIpsecConfig.IpsecAuthAlg", "sha256"),
        ("TunnelIpsecConfig.IpsecPfs", "group14"),
    ];
    let full = |(name, value): (&str, &str)| {
        (format!("TunnelOptionsSpecification.{number}.{name}"), value.to_owned())
    };
    members.into_iter().map(full).collect()
}

/// DescribeVpnConnection.
pub fn describe(server: &Server, connection: &str) -> Result<Described> {
    let answer = server.call("DescribeVpnConnection", &[("VpnConnectionId", connection)])?;
    Ok(Described::read(&answer.value))
}

/// CreateVcoRouteEntry.
pub fn create_route(server: &Server, connection: &str, dest: Ipv4Net) -> Result<Answer> {
    change_route(server, "CreateVcoRouteEntry", connection, dest)
}

/// DeleteVcoRouteEntry.
pub fn delete_route(server: &Server, connection: &str, dest: Ipv4Net) -> Result<Answer> {
    change_route(server, "DeleteVcoRouteEntry", connection, dest)
}

fn change_route(server: &Server, action: &str, connection: &str, dest: Ipv4Net) -> Result<Answer> {
    let dest = dest.to_string();
    let route = [
        ("VpnConnectionId", connection),
        ("RouteDest", dest.as_str()),
        ("NextHop", connection),
        ("Weight", "100"),
    ];
    server.call(action, &route)
}

/// DescribeVcoRouteEntries: the destinations.
pub fn routes(server: &Server, connection: &str) -> Result<Vec<String>> {
    let answer = server.call("DescribeVcoRouteEntries", &[("VpnConnectionId", connection)])?;
    let entries =
        answer.value["VcoRouteEntries"].as_array().context("the answer has no list VcoRouteEntries")?;
    Ok(entries.iter().map(|entry| entry["RouteDest"].as_str().unwrap_or_default().to_owned()).collect())
}

fn id(answer: &Answer, member: &str) -> Result<String> {
    let id = answer.value[member].as_str().with_context(|| format!("the answer has no member {member}"))?;
    Ok(id.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Described;

    #[test]
    fn tunnels_that_carry_packets_are_counted() {
        let tunnel = |status: &str| json!({ "Status": status });
        let described = Described::read(&json!({
            "State": "attached",
            "TunnelOptionsSpecification": {
                "TunnelOptions": [tunnel("ipsec_sa_established"), tunnel("ike_sa_established")]
            }
        }));
        assert_eq!((described.state.as_str(), described.up()), ("attached", 1));
    }

    #[test]
    fn an_answer_without_tunnels_has_none_up() {
        assert_eq!(Described::read(&json!({ "State": "updating" })).up(), 0);
    }
}
