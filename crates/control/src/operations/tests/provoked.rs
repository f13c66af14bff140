//! Every error code that the published description lists for an operation is provoked, or it stands in `unprovoked.txt` with the reason.
//!
//! What provokes a code is a call in `tests/transcripts/` that is refused with it. Two kinds need more than a client can do, and are
//! provoked here: a caller without permission, and a quota of one. One comes from the server alone, whose test provokes it.

use std::collections::BTreeSet;

use crate::account::Caller;
use crate::core::tests::everybody;
use crate::core::tests::transcripts::{full_name, transcripts};
use crate::operation;
use crate::testing::{ACCOUNT, World};

use super::published::published_errors;

const UNPROVOKED: &str = include_str!("unprovoked.txt");
const PROVOKED_BY_THE_SERVER: &str = include_str!("provoked_by_the_server.txt");

/// Operation, with its product, and code.
type Codes = BTreeSet<(String, String)>;

/// Of an operation that `CreateVpnGateway` or `Cbn:TagResources` names.
fn pair(operation: &str, code: &str) -> (String, String) {
    (full_name(operation), code.to_owned())
}

fn by_transcripts() -> Codes {
    let transcripts = transcripts();
    let refused = transcripts.iter().flat_map(|transcript| transcript.refused());
    refused.map(|(operation, code)| pair(operation, code)).collect()
}

fn by_callers() -> Codes {
    let (mut world, samples) = everybody::furnished(ACCOUNT);
    let mut codes = Codes::new();
    for caller in [
        Caller::RamUser { name: "nobody".to_owned() },
        Caller::RoleSession {
            role: "r".to_owned(),
            role_id: "1".repeat(18),
            session: "s".to_owned(),
            policy: None,
        },
    ] {
        world.caller = caller;
        for entry in operation::all() {
            if let Err(refusal) = everybody::call(&world, entry, &everybody::request(entry, &samples)) {
                codes.insert(pair(&entry.full_name(), &refusal.code()));
            }
        }
    }
    codes
}

/// Creations, sent where the quota is used up.
const OVER_QUOTA: &[(&str, &[(&str, &str)])] = &[
    ("CreateCustomerGateway", &[("IpAddress", "198.51.100.8")]),
    ("CreateVpnGateway", &[("VpcId", "vpc-b"), ("Bandwidth", "10")]),
];

/// Creations in a VPN gateway, with its connection as the next hop.
const OVER_QUOTA_OF_GATEWAY: &[(&str, &[(&str, &str)])] = &[
    ("CreateVpnRouteEntry", &[]),
    ("CreateVpnPbrRouteEntry", &[("RouteSource", "10.1.0.0/16")]),
    ("CreateVpnConnection", &[("LocalSubnet", "10.5.0.0/16"), ("RemoteSubnet", "0.0.0.0/0")]),
];

fn by_quotas() -> Codes {
    let (mut world, _connection) = World::with_connection();
    let gateway = world.vpn_gateway("vpc-a");
    let peer = world.customer_gateway("198.51.100.9");
    let of_gateway = [("VpnGatewayId", gateway.as_str()), ("CustomerGatewayId", peer.as_str())];
    let networks = [("LocalSubnet", "10.1.0.0/16"), ("RemoteSubnet", "10.2.0.0/16")];
    let made = world.call("CreateVpnConnection", &[&of_gateway[..], &networks].concat()).unwrap();
    let connection = made["VpnConnectionId"].as_str().unwrap().to_owned();
    world.settle();
    world.settings.customer_gateways_per_region_max = 1;
    world.settings.vco_routes_per_connection_max = 0;
    world.settings.vpn_gateways_per_region_max = 1;
    world.settings.vpn_routes_per_gateway_max = 0;
    world.settings.vpn_pbr_routes_per_gateway_max = 1;
    let route = [
        ("NextHop", connection.as_str()),
        ("RouteDest", "10.7.0.0/16"),
        ("Weight", "100"),
        ("PublishVpc", "true"),
    ];
    let networks = [("LocalSubnet", "10.1.0.0/16"), ("RemoteSubnet", "10.3.0.0/16,10.4.0.0/16")];
    let changed = [&[("VpnConnectionId", connection.as_str())], &networks[..]].concat();
    let mut codes = Codes::new();
    for (operation, parameters) in [
        ("CreateVpnConnection", [&of_gateway[..], &networks].concat()),
        ("ModifyVpnConnectionAttribute", changed),
    ] {
        codes.insert(pair(operation, &world.refusal(operation, &parameters).code()));
    }
    world.settings.vpn_connections_per_region_max = 1;
    let mut refusal = |operation: &str, parameters: &[(&str, &str)]| {
        pair(operation, &world.refusal(operation, parameters).code())
    };
    codes.extend(OVER_QUOTA.iter().map(|(operation, parameters)| refusal(operation, parameters)));
    for (operation, parameters) in OVER_QUOTA_OF_GATEWAY {
        codes.insert(refusal(operation, &[&of_gateway[..], &route, parameters].concat()));
    }
    codes
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// `Product:Operation Code`.
fn named(names: &str) -> (String, String) {
    let (operation, code) = names.split_once(' ').unwrap_or_else(|| panic!("no code in {names}"));
    pair(operation, code)
}

fn by_the_server() -> Codes {
    lines(PROVOKED_BY_THE_SERVER).map(named).collect()
}

/// The lines `Product:Operation Code: reason`.
fn unprovoked() -> Codes {
    let read = |line: &str| {
        let (names, reason) = line.split_once(": ").unwrap_or_else(|| panic!("no reason in {line}"));
        assert!(reason.len() > 10, "no reason in {line}");
        named(names)
    };
    lines(UNPROVOKED).map(read).collect()
}

#[test]
fn every_published_code_is_provoked_or_listed_with_a_reason() {
    let mut provoked = by_transcripts();
    provoked.extend(by_callers());
    provoked.extend(by_quotas());
    provoked.extend(by_the_server());
    let published: Codes = operation::all()
        .iter()
        .flat_map(|entry| published_errors(entry).into_iter().map(|code| pair(&entry.full_name(), &code)))
        .collect();
    assert!(published.len() > 50, "the description was not read");
    let excused = unprovoked();
    let list = |codes: Vec<&(String, String)>| {
        codes.iter().map(|(operation, code)| format!("{operation} {code}")).collect::<Vec<_>>().join("\n")
    };
    let open = list(published.difference(&provoked).filter(|code| !excused.contains(code)).collect());
    assert!(
        open.is_empty(),
        "provoke these in tests/transcripts/, or give the reason in unprovoked.txt:\n{open}"
    );
    let stale =
        list(excused.iter().filter(|code| provoked.contains(code) || !published.contains(code)).collect());
    assert!(
        stale.is_empty(),
        "these are provoked or not published: remove them from unprovoked.txt:\n{stale}"
    );
}
