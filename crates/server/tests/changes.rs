//! The extension operations of a running server, over HTTP: how packets go, who changed what, and its undoing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when something is wrong, its functions too"
)]

#[allow(dead_code, reason = "the binary's own client, of which these tests need a part")]
#[path = "../src/client.rs"]
mod client;

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use client::{CAUSEWAY, Client, Credentials, Product, VPC};
use serde_json::Value;

const REGION: &str = "eu-central-1";
const PATIENCE: Duration = Duration::from_secs(20);

/// A server without packets, on a port that the system chose; its data outlives it.
struct Server {
    process: Child,
    data: PathBuf,
}

impl Server {
    fn start(folder: &tempfile::TempDir) -> Self {
        let config = folder.path().join("causeway.toml");
        let text = "[api]\nlisten = \"127.0.0.1:0\"\n[gateway]\nsimulated_tunnel_up_ms = 50\n[metrics]\nenabled = false\n";
        std::fs::write(&config, text).unwrap();
        let data = folder.path().join("data");
        let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
        command.args(["serve", "--engine", "none", "--config"]).arg(&config).arg("--data").arg(&data);
        let process = command.stderr(Stdio::null()).spawn().unwrap();
        let server = Self { process, data };
        until("the server answers", || server.try_call(VPC, "DescribeRegions", &[]).is_ok());
        server
    }

    fn try_call(&self, product: Product, action: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Value> {
        let parameters = [&[("RegionId", REGION)], parameters].concat();
        Client::new(Credentials::load(&self.data)?).call(product, action, &parameters)
    }

    fn call(&self, product: Product, action: &str, parameters: &[(&str, &str)]) -> Value {
        self.try_call(product, action, parameters).unwrap()
    }

    fn forwards(&self, subject: (&str, &str)) -> bool {
        self.call(CAUSEWAY, "ExplainRoute", &[subject])["Forwards"] == true
    }

    /// What the sub-command says.
    fn explain(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
        command.arg("explain").args(arguments).arg("--data").arg(&self.data).output().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "it took too long until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn make_connection(server: &Server) -> String {
    let peer = server.call(VPC, "CreateCustomerGateway", &[("IpAddress", "198.51.100.7")]);
    let peer = peer["CustomerGatewayId"].as_str().unwrap();
    let parameters = [
        ("LocalSubnet", "10.1.0.0/16"),
        ("RemoteSubnet", "10.2.0.0/16"),
        ("TunnelOptionsSpecification.1.CustomerGatewayId", peer),
        ("TunnelOptionsSpecification.2.CustomerGatewayId", peer),
    ];
    let made = server.call(VPC, "CreateVpnAttachment", &parameters);
    made["VpnConnectionId"].as_str().unwrap().to_owned()
}

fn route<'a>(connection: &'a str, dest: &'a str) -> [(&'a str, &'a str); 4] {
    [("VpnConnectionId", connection), ("RouteDest", dest), ("NextHop", connection), ("Weight", "100")]
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_route_is_explained_from_its_making_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder);
    let connection = make_connection(&server);
    let address = ("DestinationAddress", "10.2.3.4");
    assert_eq!(
        server.call(CAUSEWAY, "ExplainRoute", &[address])["Conclusion"]["Code"],
        "NoRouteForDestination"
    );
    server.call(VPC, "CreateVcoRouteEntry", &route(&connection, "10.2.0.0/16"));
    until("packets would be forwarded", || server.forwards(address));
    let said = server.explain(&[&connection, "10.2.0.0/16"]);
    assert!(said.status.success(), "{}", stdout(&said));
    assert!(stdout(&said).contains("✓ The negotiated traffic selectors are 10.1.0.0/16 === 10.2.0.0/16."));
    server.call(VPC, "CreateVcoRouteEntry", &route(&connection, "10.9.0.0/16"));
    let outside = || server.call(CAUSEWAY, "ExplainRoute", &[("DestinationAddress", "10.9.0.1")]);
    until("the route is in force", || outside()["Conclusion"]["Code"] == "DestinationOutsideSelectors");
    let said = server.explain(&["10.9.0.1"]);
    assert_eq!(said.status.code(), Some(1));
    assert!(stdout(&said).contains("✗ The destination is outside the negotiated traffic selectors"));
}

#[test]
fn a_deleted_connection_is_found_in_the_changes_and_comes_back_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder);
    let connection = make_connection(&server);
    for dest in ["10.2.0.0/16", "10.3.0.0/16"] {
        server.call(VPC, "CreateVcoRouteEntry", &route(&connection, dest));
    }
    let described = |server: &Server| {
        let mut shown = server.call(VPC, "DescribeVpnConnection", &[("VpnConnectionId", &connection)]);
        for member in ["RequestId", "State", "Status"] {
            shown.as_object_mut().unwrap().remove(member);
        }
        shown
    };
    let tunnels_up = |server: &Server| server.forwards(("VpnConnectionId", &connection));
    until("the tunnels are up", || tunnels_up(&server));
    let before = described(&server);
    let deleted = server.call(VPC, "DeleteVpnAttachment", &[("VpnConnectionId", &connection)]);
    let deleted = deleted["RequestId"].as_str().unwrap();
    drop(server);

    let server = Server::start(&folder);
    let listed = server.call(CAUSEWAY, "ListChanges", &[("ResourceId", &connection), ("MaxResults", "1")]);
    assert_eq!(listed["Changes"][0]["ChangeRequestId"], deleted);
    assert_eq!(listed["Changes"][0]["ResourceCount"], 3);
    assert!(listed["NextToken"].is_string());
    let psk = before["TunnelOptionsSpecification"]["TunnelOptions"][0]["TunnelIkeConfig"]["Psk"].as_str();
    assert!(!listed.to_string().contains(psk.unwrap()));
    server.call(CAUSEWAY, "RevertChange", &[("ChangeRequestId", deleted)]);
    until("the tunnels are up again", || tunnels_up(&server));
    assert_eq!(described(&server), before);
    let routes = server.call(VPC, "DescribeVcoRouteEntries", &[("VpnConnectionId", &connection)]);
    assert_eq!(routes["TotalCount"], 2);
    let again = server.try_call(CAUSEWAY, "RevertChange", &[("ChangeRequestId", deleted)]).unwrap_err();
    assert!(again.to_string().starts_with("ConflictingChange"), "{again}");
}
