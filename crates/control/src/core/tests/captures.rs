//! What real clients sent, recorded as it came over the wire, replayed as the sequences that they are: for each client the requests
//! it was seen to make, in the order in which it would, against ids that exist here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::ApiError;
use crate::testing::World;

/// The order in which a client calls: what others need comes first, and what ends it last.
const ORDER: [&str; 9] = [
    "CreateCustomerGateway",
    "CreateVpnAttachment",
    "DescribeVpnConnection",
    "DescribeVpnConnections",
    "ModifyTunnelAttribute",
    "TagResources",
    "CreateVcoRouteEntry",
    "DescribeVcoRouteEntries",
    "DeleteVcoRouteEntry",
];

/// Captures that are refused here, with the code, and why that is right.
const REFUSED: [(&str, &str, &str); 3] = [
    ("cli-v1-create-vpn-attachment-force", "InvalidTunnelOptionsSpecification", "it names one tunnel of two"),
    (
        "js-pop-core-v1-post-tag-resources",
        "InvalidResourceId.NotFound",
        "it names VPN gateways that are not there",
    ),
    ("py-tea-v3-tag-resources", "InvalidResourceId.NotFound", "it names VPN gateways that are not there"),
];

/// A file of what is published about the API, which lies beside the checkout and is not part of it.
pub(crate) fn published(name: &str) -> Value {
    let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/api/{}"), name);
    let read = std::fs::read(&path);
    assert!(read.is_ok(), "{path}: {read:?}; what is published about the API lies beside the checkout");
    serde_json::from_slice(&read.unwrap_or_default()).unwrap()
}

/// The captures of each client, in the order in which it would send them.
fn sequences() -> BTreeMap<String, Vec<(String, Value)>> {
    let index = published("captured-requests-index.json");
    let mut sequences: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for vector in index["vectors"].as_array().unwrap() {
        let name = vector["file"].as_str().unwrap().trim_end_matches(".http").to_owned();
        // `py-core-v1-create-...`: a client is what comes before the version of its signature, and that.
        let version = name.split('-').position(|part| part == "v1" || part == "v3").unwrap();
        let client = name.split('-').take(version + 1).collect::<Vec<_>>().join("-");
        sequences.entry(client).or_default().push((name, vector.clone()));
    }
    for sequence in sequences.values_mut() {
        sequence.sort_by_key(|(_, vector)| {
            let action = vector["action"].as_str().unwrap();
            ORDER.iter().position(|known| *known == action).expect("each action of a capture has its place")
        });
    }
    sequences
}

/// A client's requests, as far as they depend on what is there.
struct Replay {
    world: World,
    gateway: String,
    connection: String,
    tunnel: String,
}

impl Replay {
    const REGION: (&str, &str) = ("RegionId", "ap-southeast-2");

    fn new() -> Self {
        let mut world = World::new();
        let answer = world
            .call("CreateCustomerGateway", &[Self::REGION, ("IpAddress", "198.51.100.7"), ("Asn", "65010")]);
        let gateway = answer.unwrap()["CustomerGatewayId"].as_str().unwrap().to_owned();
        let mut replay = Self { world, gateway, connection: String::new(), tunnel: String::new() };
        let tunnels = [
            Self::REGION,
            ("LocalSubnet", "0.0.0.0/0"),
            ("RemoteSubnet", "0.0.0.0/0"),
            ("TunnelOptionsSpecification.1.CustomerGatewayId", &replay.gateway.clone()),
            ("TunnelOptionsSpecification.2.CustomerGatewayId", &replay.gateway.clone()),
        ];
        let answer = replay.world.call("CreateVpnAttachment", &tunnels).unwrap();
        replay.learn(&answer);
        replay
    }

    /// From here on the requests are about the connection that was made last.
    fn learn(&mut self, answer: &Value) {
        if let Some(gateway) = answer["CustomerGatewayId"].as_str() {
            gateway.clone_into(&mut self.gateway);
        }
        if let Some(connection) = answer["VpnConnectionId"].as_str() {
            let id = [Self::REGION, ("VpnConnectionId", connection)];
            let described = self.world.call("DescribeVpnConnection", &id).unwrap();
            // One without tunnels of its own is not what the rest is about.
            if let Some(tunnel) =
                described["TunnelOptionsSpecification"]["TunnelOptions"][0]["TunnelId"].as_str()
            {
                connection.clone_into(&mut self.connection);
                tunnel.clone_into(&mut self.tunnel);
            }
        }
    }

    /// For clients that were only seen deleting it.
    fn make_route(&mut self) {
        self.world.settle();
        let connection = self.connection.clone();
        let route = [
            Self::REGION,
            ("VpnConnectionId", connection.as_str()),
            ("RouteDest", "192.168.10.0/24"),
            ("NextHop", connection.as_str()),
            ("Weight", "100"),
        ];
        self.world.call("CreateVcoRouteEntry", &route).unwrap();
    }

    fn replay(&mut self, vector: &Value) -> Result<Value, ApiError> {
        let here = |value: &str| match value {
            value if value.starts_with("cgw-") => self.gateway.clone(),
            value if value.starts_with("vco-") => self.connection.clone(),
            value if value.starts_with("tun-") => self.tunnel.clone(),
            // An identity has no spaces; this one was made up to see how they travel.
            "a@b c" => "a@b.example".to_owned(),
            // Two connections of one client cannot have one link network.
            value if value.starts_with('{') => value.replace("169.254.11.", "169.254.21."),
            value => value.replace("cgw-x", &self.gateway),
        };
        let parameters: Vec<(&str, String)> = vector["params"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), here(value.as_str().unwrap())))
            .collect();
        let pairs: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.world.settle();
        self.world.call(vector["action"].as_str().unwrap(), &pairs)
    }
}

#[test]
fn what_real_clients_sent_is_answered_in_their_order() {
    let mut replayed = 0;
    for (client, sequence) in sequences() {
        let mut replay = Replay::new();
        let mut has_route = sequence.iter().any(|(_, vector)| vector["action"] == "CreateVcoRouteEntry");
        for (name, vector) in sequence {
            if vector["action"] == "DeleteVcoRouteEntry" && !has_route {
                replay.make_route();
                has_route = true;
            }
            let answer = replay.replay(&vector);
            match REFUSED.iter().find(|(refused, ..)| *refused == name) {
                Some((_, code, _)) => assert_eq!(answer.unwrap_err().code(), *code, "{client}: {name}"),
                None => {
                    let answer = answer.map_err(|refusal| refusal.recommend());
                    let answer = answer.unwrap_or_else(|why| panic!("{client}: {name} is refused: {why}"));
                    replay.learn(&answer);
                }
            }
            replayed += 1;
        }
    }
    assert_eq!(replayed, 38);
}
