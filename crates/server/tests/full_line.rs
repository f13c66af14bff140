//! A change that would have to wait behind more changes than may wait is refused with `Resource.QuotaFull`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when something is wrong, its functions too"
)]

#[allow(dead_code, reason = "the binary's own client, of which these tests need a part")]
#[path = "../src/client.rs"]
mod client;
#[path = "support/stepped.rs"]
mod server;

use std::collections::BTreeSet;

use client::Product;
use serde_json::Value;
use server::Server;

/// No change may wait, so that the first one that would have to finds the line full.
const CONFIG: &str =
    "[api]\nwaiting_changes_max = 0\n[gateway]\nsimulated_steps = true\n[metrics]\nenabled = false\n";

/// The codes that the tests of `causeway-control` leave to this one.
const EXPECTED: &str = include_str!("../../control/src/operations/tests/provoked_by_the_server.txt");

type Parameters<'a> = &'a [(&'a str, &'a str)];

fn ask(server: &Server, action: &str, parameters: Parameters<'_>) -> (u16, Value) {
    let parameters = [&[("RegionId", "eu-central-1")], parameters].concat();
    server.client().ask(Product { version: "2016-04-28" }, action, &parameters).unwrap()
}

fn answer(server: &Server, action: &str, parameters: Parameters<'_>) -> Value {
    let (status, body) = ask(server, action, parameters);
    assert_eq!(status, 200, "{action}: {body}");
    body
}

fn id(server: &Server, member: &str, action: &str, parameters: Parameters<'_>) -> String {
    answer(server, action, parameters)[member].as_str().unwrap().to_owned()
}

fn settle(server: &Server) {
    server.signal("USR1");
    server.until_logged("the simulated gateway has caught up");
}

/// What each of these is refused with.
fn refusals(server: &Server, calls: &[(&str, Parameters<'_>)]) -> BTreeSet<String> {
    let refusal = |(action, parameters): &(&str, Parameters<'_>)| {
        let (status, body) = ask(server, action, parameters);
        assert_eq!(status, 400, "{action}: {body}");
        format!("Vpc:{action} {}", body["Code"].as_str().unwrap())
    };
    calls.iter().map(refusal).collect()
}

/// A connection of a transit router, whose routes are changed while it is updating.
fn of_a_connection(server: &Server, peer: &str) -> BTreeSet<String> {
    let networks = [("LocalSubnet", "0.0.0.0/0"), ("RemoteSubnet", "0.0.0.0/0")];
    let over = [("CustomerGatewayId", peer), ("IkeConfig", r#"{"IkeVersion":"ikev2"}"#)];
    let connection = id(server, "VpnConnectionId", "CreateVpnAttachment", &[networks, over].concat());
    settle(server);
    let route = [
        ("VpnConnectionId", connection.as_str()),
        ("NextHop", &connection),
        ("RouteDest", "192.168.10.0/24"),
        ("Weight", "100"),
    ];
    answer(server, "CreateVcoRouteEntry", &route);
    refusals(server, &[("DeleteVcoRouteEntry", &route)])
}

/// A connection of a VPN gateway, whose routes of both kinds are changed while it is updating.
fn of_a_vpn_gateway(server: &Server, peer: &str) -> BTreeSet<String> {
    let gateway =
        id(server, "VpnGatewayId", "CreateVpnGateway", &[("VpcId", "vpc-office"), ("Bandwidth", "100")]);
    settle(server);
    let networks = [("LocalSubnet", "10.1.0.0/16"), ("RemoteSubnet", "10.2.0.0/16")];
    let over = [("VpnGatewayId", gateway.as_str()), ("CustomerGatewayId", peer)];
    let connection = id(server, "VpnConnectionId", "CreateVpnConnection", &[networks, over].concat());
    settle(server);
    let route = [
        ("VpnGatewayId", gateway.as_str()),
        ("NextHop", &connection),
        ("RouteDest", "10.3.0.0/16"),
        ("Weight", "100"),
    ];
    let and = |more: Parameters<'static>| [&route[..], more].concat();
    answer(server, "CreateVpnRouteEntry", &and(&[("PublishVpc", "true")]));
    settle(server);
    answer(server, "CreateVpnPbrRouteEntry", &and(&[("RouteSource", "10.1.0.0/24"), ("PublishVpc", "true")]));
    let calls = [
        ("DeleteVpnRouteEntry", &route[..]),
        ("ModifyVpnRouteEntryWeight", &and(&[("NewWeight", "0")])),
        ("PublishVpnRouteEntry", &and(&[("PublishVpc", "false"), ("RouteType", "dbr")])),
        ("DeleteVpnPbrRouteEntry", &and(&[("RouteSource", "10.1.0.0/24")])),
        ("ModifyVpnPbrRouteEntryWeight", &and(&[("RouteSource", "10.1.0.0/24"), ("NewWeight", "0")])),
    ];
    refusals(server, &calls)
}

#[test]
fn a_change_that_finds_the_line_full_is_refused_with_a_published_code() {
    let server = Server::start(CONFIG);
    let peer = id(&server, "CustomerGatewayId", "CreateCustomerGateway", &[("IpAddress", "198.51.100.7")]);
    let mut codes = of_a_connection(&server, &peer);
    codes.extend(of_a_vpn_gateway(&server, &peer));
    let expected: BTreeSet<String> =
        EXPECTED.lines().filter(|line| !line.starts_with('#')).map(ToOwned::to_owned).collect();
    assert_eq!(codes, expected);
}
