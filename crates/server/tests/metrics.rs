//! `/metrics` of a running server: a connection is made through the signed API and followed to its end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when something is wrong, its functions too"
)]

#[allow(dead_code, reason = "the binary's own client and reader, of which these tests need a part")]
#[path = "../src/client.rs"]
mod client;
#[allow(dead_code, reason = "the binary's own client and reader, of which these tests need a part")]
#[path = "../src/metrics/exposition.rs"]
mod exposition;
#[path = "support/server.rs"]
mod server;

use std::path::Path;
use std::process::Command;

use exposition::Exposition;
use server::{Server, until};

impl Server {
    fn metrics(&self) -> Exposition {
        let address = address(&self.data()).unwrap();
        let mut answer = ureq::get(format!("http://{address}/metrics")).call().unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
        Exposition::parse(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }
}

fn address(data: &Path) -> Option<String> {
    std::fs::read_to_string(data.join("metrics-address")).ok().map(|text| text.trim().to_owned())
}

fn make_connection(server: &Server) -> String {
    let peer = server.call("CreateCustomerGateway", &[("IpAddress", "198.51.100.7")]);
    let peer = peer["CustomerGatewayId"].as_str().unwrap();
    let connection = server.call(
        "CreateVpnAttachment",
        &[
            ("LocalSubnet", "0.0.0.0/0"),
            ("RemoteSubnet", "0.0.0.0/0"),
            ("TunnelOptionsSpecification.1.TunnelIndex", "1"),
            ("TunnelOptionsSpecification.1.CustomerGatewayId", peer),
            ("TunnelOptionsSpecification.2.TunnelIndex", "2"),
            ("TunnelOptionsSpecification.2.CustomerGatewayId", peer),
        ],
    );
    connection["VpnConnectionId"].as_str().unwrap().to_owned()
}

#[test]
fn a_connection_is_told_from_its_creation_to_its_deletion() {
    let server = Server::start("[metrics]\nlisten = \"127.0.0.1:0\"");
    assert_eq!(server.metrics().named("causeway_tunnel_configured").count(), 0);
    let id = make_connection(&server);
    let told = server.metrics();
    let peers: Vec<_> = told.named("causeway_tunnel_configured").map(|tunnel| tunnel.label("peer")).collect();
    assert_eq!(peers, ["198.51.100.7", "198.51.100.7"]);
    assert_eq!(told.named("causeway_tunnel_up").count(), 2);
    until("both tunnels are up", || server.metrics().sum("causeway_tunnel_up") == 2.0);

    let route =
        [("VpnConnectionId", id.as_str()), ("NextHop", &id), ("RouteDest", "10.9.0.0/24"), ("Weight", "100")];
    server.call("CreateVcoRouteEntry", &route);
    let told = server.metrics();
    assert_eq!(told.sum("causeway_connection_routes"), 1.0);
    assert_eq!(told.sum("causeway_tunnel_establishments_total"), 2.0);
    let created =
        told.named("causeway_api_requests_total").find(|it| it.label("operation") == "CreateVcoRouteEntry");
    assert_eq!(created.map(|it| (it.label("result"), it.value)), Some(("ok", 1.0)));
    assert!(told.sum("causeway_store_commits_total") >= 4.0);
    assert!(told.sum("process_resident_memory_bytes") > 1e6);

    server.call("DeleteVcoRouteEntry", &route);
    server.call("DeleteVpnAttachment", &[("VpnConnectionId", &id)]);
    let told = server.metrics();
    assert!(told.samples.iter().all(|sample| sample.label("connection") != id));
}

/// The state of the only connection.
fn state(told: &Exposition) -> String {
    let mut is_it = told.named("causeway_connection_state").filter(|it| it.value > 0.0);
    is_it.next().map(|it| it.label("state").to_owned()).unwrap_or_default()
}

/// What `causeway top` says once, which must succeed.
fn top(server: &Server) -> String {
    let top = Command::new(env!("CARGO_BIN_EXE_causeway"))
        .args(["top", "--once", "--interval", "0.1", "--data"])
        .arg(server.data())
        .output()
        .unwrap();
    let said = String::from_utf8(top.stdout).unwrap();
    assert!(top.status.success(), "{said}");
    said
}

#[test]
fn a_connection_of_a_vpn_gateway_is_told_with_its_state_and_its_routes() {
    let vpc = "[[vpcs]]\nid = \"vpc-office\"\nregion = \"eu-central-1\"\ncidr_blocks = [\"10.1.0.0/16\"]\n";
    let server = Server::start(&format!("[metrics]\nlisten = \"127.0.0.1:0\"\n{vpc}"));
    let text = |answer: &serde_json::Value, name: &str| answer[name].as_str().unwrap().to_owned();
    let gateway = server.call("CreateVpnGateway", &[("VpcId", "vpc-office"), ("Bandwidth", "100")]);
    let gateway = text(&gateway, "VpnGatewayId");
    let peer = server.call("CreateCustomerGateway", &[("IpAddress", "198.51.100.7")]);
    let peer = text(&peer, "CustomerGatewayId");
    let connection = server.call(
        "CreateVpnConnection",
        &[
            ("VpnGatewayId", gateway.as_str()),
            ("CustomerGatewayId", &peer),
            ("LocalSubnet", "10.1.0.0/16"),
            ("RemoteSubnet", "10.2.0.0/16"),
            ("AutoConfigRoute", "false"),
        ],
    );
    let connection = text(&connection, "VpnConnectionId");
    until("it is active", || state(&server.metrics()) == "active");
    let route = [
        ("VpnGatewayId", gateway.as_str()),
        ("NextHop", &connection),
        ("RouteDest", "10.2.0.0/16"),
        ("Weight", "100"),
        ("PublishVpc", "true"),
    ];
    server.call("CreateVpnRouteEntry", &route);
    server.call("CreateVpnPbrRouteEntry", &[&route[..], &[("RouteSource", "10.1.0.0/24")]].concat());
    assert_eq!(server.metrics().sum("causeway_connection_routes"), 2.0);
    until("it is active again", || state(&server.metrics()) == "active");
    let said = top(&server);
    assert!(said.contains("connections 1, 0 not in force"), "{said}");
}

#[test]
fn where_metrics_are_off_nobody_listens_and_no_address_is_left_behind() {
    let server = Server::start("[metrics]\nenabled = false");
    assert_eq!(address(&server.data()), None);
}

#[test]
fn a_port_that_was_asked_for_and_is_taken_is_said_in_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("causeway.toml");
    let text =
        format!("[api]\nlisten = \"127.0.0.1:0\"\n[metrics]\nlisten = \"{}\"\n", taken.local_addr().unwrap());
    std::fs::write(&config, text).unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_causeway"))
        .args(["serve", "--engine", "none", "--config"])
        .arg(&config)
        .arg("--data")
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("metrics.listen") && said.lines().count() == 1, "{said}");
}

#[test]
fn top_shows_each_tunnel_once_for_scripts() {
    let server = Server::start("[metrics]\nlisten = \"127.0.0.1:0\"");
    let id = make_connection(&server);
    until("both tunnels are up", || server.metrics().sum("causeway_tunnel_up") == 2.0);
    let said = top(&server);
    assert!(said.starts_with("tunnels 2 of 2 up   connections 1, 0 not in force"), "{said}");
    let tunnels: Vec<_> = said.lines().filter(|line| line.starts_with(&id)).collect();
    assert_eq!(tunnels.len(), 2, "{said}");
    assert!(tunnels.iter().all(|line| line.contains("198.51.100.7    ipsec_sa_established")), "{said}");
    assert!(!said.contains('\x1b'), "{said}");
}

#[test]
fn top_without_a_server_says_so_in_one_line() {
    let top = Command::new(env!("CARGO_BIN_EXE_causeway"))
        .args(["top", "--once", "--address", "127.0.0.1:1"])
        .output()
        .unwrap();
    let said = String::from_utf8(top.stderr).unwrap();
    assert_eq!((top.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("no metrics at 127.0.0.1:1"), "{said}");
}
