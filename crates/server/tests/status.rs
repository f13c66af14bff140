//! `causeway status` of a running server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when something is wrong, its functions too"
)]

#[allow(dead_code, reason = "the binary's own client, of which these tests need a part")]
#[path = "../src/client.rs"]
mod client;
#[path = "support/server.rs"]
mod server;

use std::process::Command;
use std::time::{Duration, Instant};

use server::{Server, until};

impl Server {
    /// What the sub-command says, which must succeed.
    fn status(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
        let output = command.arg("status").args(arguments).arg("--data").arg(self.data()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn make(&self, member: &str, action: &str, parameters: &[(&str, &str)]) -> String {
        self.call(action, parameters)[member].as_str().unwrap().to_owned()
    }

    fn peer(&self, address: &str) -> String {
        self.make("CustomerGatewayId", "CreateCustomerGateway", &[("IpAddress", address)])
    }

    fn attachment(&self, peer: &str) -> String {
        let networks = [("LocalSubnet", "0.0.0.0/0"), ("RemoteSubnet", "0.0.0.0/0")];
        let over = [("CustomerGatewayId", peer), ("IkeConfig", r#"{"IkeVersion":"ikev2"}"#)];
        self.make("VpnConnectionId", "CreateVpnAttachment", &[networks, over].concat())
    }

    /// A VPN gateway, and a connection of it.
    fn vpn_gateway(&self) -> (String, String) {
        let of = [("VpcId", "vpc-office"), ("Bandwidth", "100")];
        let gateway = self.make("VpnGatewayId", "CreateVpnGateway", &of);
        let peer = self.peer("198.51.100.8");
        let networks = [("LocalSubnet", "10.1.0.0/16"), ("RemoteSubnet", "10.2.0.0/16")];
        let over = [("VpnGatewayId", gateway.as_str()), ("CustomerGatewayId", &peer)];
        let connection = self.make("VpnConnectionId", "CreateVpnConnection", &[networks, over].concat());
        (gateway, connection)
    }

    /// Routes to 10.0.0.0/24 and on, as soon as the connection takes each.
    fn add_routes(&self, connection: &str, count: u8) {
        for number in 0..count {
            let dest = format!("10.0.{number}.0/24");
            let parameters = [
                ("VpnConnectionId", connection),
                ("NextHop", connection),
                ("RouteDest", &dest),
                ("Weight", "100"),
            ];
            self.call("CreateVcoRouteEntry", &parameters);
        }
    }
}

/// Metrics are not asked here, and two servers of two tests cannot both have the usual port.
const WITHOUT_METRICS: &str = "[metrics]\nenabled = false\n";

const VPC_OFFICE: &str =
    "[[vpcs]]\nid = \"vpc-office\"\nregion = \"eu-central-1\"\ncidr_blocks = [\"10.1.0.0/16\"]\n";

fn limited(action: &str, requests: u32, per_seconds: u32) -> String {
    format!(
        "{WITHOUT_METRICS}[rate_limits]\n{action} = {{ requests = {requests}, per_seconds = {per_seconds} }}\n"
    )
}

#[test]
fn no_more_routes_are_asked_for_than_are_shown() {
    // One page of each connection; another one would have to wait for an hour.
    let server = Server::start(&limited("DescribeVcoRouteEntries", 4, 3_600));
    let connection = server.attachment(&server.peer("198.51.100.7"));
    server.add_routes(&connection, 60);
    let routes = |said: &str| said.lines().filter(|line| line.starts_with("  route")).count();
    let said = server.status(&[]);
    assert_eq!(routes(&said), 10, "{said}");
    assert!(said.ends_with("  … and 50 routes more (--routes 60)\n"), "{said}");
    let said = server.status(&["--routes", "0"]);
    assert_eq!(routes(&said), 0, "{said}");
    assert!(said.ends_with("  … and 60 routes more (--routes 60)\n"), "{said}");
    // Two pages.
    let said = server.status(&["--routes", "60"]);
    assert_eq!(routes(&said), 60, "{said}");
    assert!(!said.contains('…') && said.contains("10.0.59.0/24"), "{said}");
}

#[test]
fn a_region_with_more_connections_than_may_be_asked_for_at_once_is_shown_to_its_end() {
    let server = Server::start(&limited("DescribeVcoRouteEntries", 2, 1));
    let peer = server.peer("198.51.100.7");
    let connections: Vec<_> = (0..5).map(|_| server.attachment(&peer)).collect();
    let began = Instant::now();
    let said = server.status(&[]);
    assert!(began.elapsed() >= Duration::from_secs(1), "it never waited");
    for connection in connections {
        assert!(said.contains(&connection), "{said}");
    }
}

/// The parameters of a VPN gateway's route over a connection.
fn route_over<'a>(gateway: &'a str, connection: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("VpnGatewayId", gateway),
        ("NextHop", connection),
        ("RouteDest", "10.2.0.0/16"),
        ("Weight", "100"),
        ("PublishVpc", "true"),
    ]
}

#[test]
fn the_routes_over_a_connection_of_a_vpn_gateway_are_shown_with_the_gateway() {
    let server = Server::start(&format!("{WITHOUT_METRICS}{VPC_OFFICE}"));
    let (gateway, connection) = server.vpn_gateway();
    let attachment = server.attachment(&server.peer("198.51.100.7"));
    server.add_routes(&attachment, 1);
    let route = route_over(&gateway, &connection);
    server.call("CreateVpnRouteEntry", &route);
    let policy = [("RouteSource", "10.1.0.0/24"), ("Priority", "7")];
    server.call("CreateVpnPbrRouteEntry", &[&route[..], &policy].concat());
    let said = server.status(&[]);
    let (of_connections, of_gateway) = said.split_once(&format!("\n{gateway}  ")).expect(&said);
    let of_attachment = "  route  10.0.0.0/24        weight 100 published\n";
    assert!(of_connections.contains(&format!("  routes  with those of {gateway}")), "{said}");
    assert!(format!("{of_connections}\n").contains(of_attachment), "{said}");
    let by_dest = format!("  route  10.2.0.0/16        weight 100 published  over {connection}\n");
    let by_policy = by_dest.replace('\n', "  from 10.1.0.0/24 priority 7\n");
    assert!(of_gateway.contains(&by_dest) && of_gateway.contains(&by_policy), "{said}");
}

#[test]
fn an_address_behind_a_vpn_gateway_is_explained_by_its_routes() {
    let server = Server::start(&format!("{WITHOUT_METRICS}{VPC_OFFICE}"));
    let (gateway, connection) = server.vpn_gateway();
    let route = route_over(&gateway, &connection);
    server.call("CreateVpnRouteEntry", &route);
    let explain = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
        command.args(["explain", "10.2.3.4"]).args(arguments).arg("--data").arg(server.data());
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    until("packets would be forwarded", || explain(&["--vpn-gateway", &gateway]).0);
    let (_, said) = explain(&["--vpn-gateway", &gateway]);
    assert!(said.contains(&connection) && said.ends_with("\nforwards (Forwards)\n"), "{said}");
    let (forwards, said) = explain(&[]);
    assert!(!forwards && said.contains("(NoRouteForDestination)"), "{said}");
    assert!(said.ends_with(&format!("ask with --vpn-gateway {gateway}.\n")), "{said}");
}
