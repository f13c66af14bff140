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

use server::Server;

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

    fn peer(&self) -> String {
        self.make("CustomerGatewayId", "CreateCustomerGateway", &[("IpAddress", "198.51.100.7")])
    }

    fn attachment(&self, peer: &str) -> String {
        let networks = [("LocalSubnet", "0.0.0.0/0"), ("RemoteSubnet", "0.0.0.0/0")];
        let over = [("CustomerGatewayId", peer), ("IkeConfig", r#"{"IkeVersion":"ikev2"}"#)];
        self.make("VpnConnectionId", "CreateVpnAttachment", &[networks, over].concat())
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

fn limited(action: &str, requests: u32, per_seconds: u32) -> String {
    format!(
        "{WITHOUT_METRICS}[rate_limits]\n{action} = {{ requests = {requests}, per_seconds = {per_seconds} }}\n"
    )
}

#[test]
fn no_more_routes_are_asked_for_than_are_shown() {
    // One page of each connection; another one would have to wait for an hour.
    let server = Server::start(&limited("DescribeVcoRouteEntries", 4, 3_600));
    let connection = server.attachment(&server.peer());
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
    let peer = server.peer();
    let connections: Vec<_> = (0..5).map(|_| server.attachment(&peer)).collect();
    let began = Instant::now();
    let said = server.status(&[]);
    assert!(began.elapsed() >= Duration::from_secs(1), "it never waited");
    for connection in connections {
        assert!(said.contains(&connection), "{said}");
    }
}
