//! `causeway serve` with packets, on a host of a lab, told what to do through its signed API.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use causeway_netlab::{Host, Process};
use ipnet::Ipv4Net;
use serde_json::json;

use crate::http::Client;
use crate::server::Key;

/// How long the server may take to answer for the first time.
const START_TIME_MAX: Duration = Duration::from_secs(20);
/// How long a connection may take until it is in force.
const SETTLE_TIME_MAX: Duration = Duration::from_secs(60);
/// How many clients configure it at once.
const CLIENTS: usize = 8;

/// The pre-shared key of every tunnel.
pub const PSK: &str = "measured-side-by-side";

/// A tunnel as the API is told of it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The peer's address.
    pub peer: Ipv4Addr,
    /// What is routed into it.
    pub route: Ipv4Net,
    /// The group of the IKE SA, in the API's words.
    pub ike_pfs: &'static str,
    /// The cipher of the child SA, in the API's words.
    pub ipsec_enc_alg: &'static str,
}

/// A running `causeway serve`. It ends when this is dropped.
pub struct Gateway {
    _process: Process,
    host: Host,
    key: Key,
    log: PathBuf,
}

impl Gateway {
    /// Starts one that peers reach under `address`, with its files in `folder`.
    pub fn start(host: &Host, address: Ipv4Addr, folder: &Path) -> Result<Self> {
        let file = |suffix: &str| folder.join(format!("{}{suffix}", host.label()));
        let (configuration, data, log) = (file(".toml"), file(""), file(".log"));
        let settings = format!(
            "log = \"warn\"\n[api]\nrate_limits = false\n[quotas]\nvpn_connections_per_region = 1000000\n\
            customer_gateways_per_region = 1000000\nvco_routes_per_connection = 1000000\n[gateway]\naddresses = [{{ public = \"{address}\" }}]\n"
        );
        std::fs::write(&configuration, settings).context("writing the gateway's configuration")?;
        let output = File::create(&log).context("creating the gateway's log")?;
        let mut command = Command::new(binary()?);
        command.arg("serve").arg("--config").arg(&configuration).arg("--data").arg(&data);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let process = host.spawn(&mut command)?;
        let key = wait_until_it_answers(&process, host, &data)
            .with_context(|| format!("`causeway serve` on {}; its log: {}", host.label(), log_text(&log)))?;
        Ok(Self { _process: process, host: host.clone(), key, log })
    }

    /// Makes a connection with one tunnel and one route for each, and waits until all of them are in force. Answers their ids.
    pub fn configure(&self, wanted: &[Wanted]) -> Result<Vec<String>> {
        self.call(|key| configure_all(key, wanted.to_vec()))
    }

    /// Has clients call it, from its own host.
    pub fn call<T: Send, Calls: Future<Output = Result<T>>>(
        &self,
        calls: impl FnOnce(Key) -> Calls + Send,
    ) -> Result<T> {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
        let key = self.key.clone();
        let called = self.host.enter(|| runtime()?.block_on(calls(key)))?;
        called.with_context(|| format!("calling {}; its log: {}", self.host.label(), log_text(&self.log)))
    }
}

/// The program beside this one.
fn binary() -> Result<PathBuf> {
    let binary = std::env::current_exe().context("where am I?")?.with_file_name("causeway");
    ensure!(binary.is_file(), "{} is not built: cargo build --release -p causeway-server", binary.display());
    Ok(binary)
}

fn wait_until_it_answers(process: &Process, host: &Host, data: &Path) -> Result<Key> {
    let give_up = Instant::now() + START_TIME_MAX;
    loop {
        if let Some(status) = process.try_wait()? {
            bail!("it ended at its start: {status}");
        }
        if let Ok(text) = std::fs::read_to_string(data.join("root-access-key.json")) {
            let key = key(&text)?;
            if host.enter(|| std::net::TcpStream::connect(&key.endpoint).is_ok())? {
                return Ok(key);
            }
        }
        ensure!(Instant::now() < give_up, "it did not answer within {} s", START_TIME_MAX.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn key(text: &str) -> Result<Key> {
    let json: serde_json::Value = serde_json::from_str(text).context("reading the AccessKey")?;
    let member = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    Ok(Key {
        id: member("AccessKeyId"),
        secret: member("AccessKeySecret"),
        endpoint: member("Endpoint"),
        region: member("RegionId"),
    })
}

async fn configure_all(key: Key, wanted: Vec<Wanted>) -> Result<Vec<String>> {
    let mut tasks = Vec::new();
    for share in wanted.chunks(wanted.len().div_ceil(CLIENTS).max(1)) {
        tasks.push(tokio::spawn(configure_share(key.clone(), share.to_vec())));
    }
    let mut connections = Vec::new();
    for task in tasks {
        connections.extend(task.await??);
    }
    Ok(connections)
}

async fn configure_share(key: Key, wanted: Vec<Wanted>) -> Result<Vec<String>> {
    let mut client = Client::connect(&key).await?;
    let mut connections = Vec::new();
    for wanted in &wanted {
        let connection = client.create(wanted.peer, wanted.ike_pfs, wanted.ipsec_enc_alg).await?;
        client.route("CreateVcoRouteEntry", &connection, &wanted.route.to_string()).await?;
        connections.push(connection);
    }
    for connection in &connections {
        client.until_attached(connection, SETTLE_TIME_MAX).await?;
    }
    Ok(connections)
}

/// What the benches with packets ask of the API.
impl Client {
    /// Makes a connection of one tunnel to a peer, and answers its id.
    pub async fn connect_to(&mut self, peer: Ipv4Addr) -> Result<String> {
        self.create(peer, "group31", "aes128gcm").await
    }

    async fn create(&mut self, peer: Ipv4Addr, ike_pfs: &str, ipsec_enc_alg: &str) -> Result<String> {
        let peer = peer.to_string();
        let made = self.call("CreateCustomerGateway", &[("IpAddress", &peer)]).await?.accepted()?;
        let gateway = made["CustomerGatewayId"].as_str().context("no CustomerGatewayId")?;
        let ike = json!({
            "Psk": PSK, "IkeVersion": "ikev2", "IkeEncAlg": "aes", "IkeAuthAlg": "sha256", "IkePfs": ike_pfs,
        })
        .to_string();
        let ipsec = json!({
            "IpsecEncAlg": ipsec_enc_alg, "IpsecAuthAlg": "sha256", "IpsecPfs": "disabled",
        })
        .to_string();
        let parameters = [
            ("CustomerGatewayId", gateway),
            ("LocalSubnet", "0.0.0.0/0"),
            ("RemoteSubnet", "0.0.0.0/0"),
            ("EffectImmediately", "true"),
            ("IkeConfig", ike.as_str()),
            ("IpsecConfig", ipsec.as_str()),
        ];
        let made = self.call("CreateVpnAttachment", &parameters).await?.accepted()?;
        Ok(made["VpnConnectionId"].as_str().context("no VpnConnectionId")?.to_owned())
    }

    /// Creates or deletes a route of a connection.
    pub async fn route(&mut self, action: &str, connection: &str, dest: &str) -> Result<()> {
        let parameters = [
            ("VpnConnectionId", connection),
            ("RouteDest", dest),
            ("NextHop", connection),
            ("Weight", "100"),
        ];
        self.call(action, &parameters).await?.accepted().map(drop)
    }

    /// Waits until what is stored of a connection is in force.
    pub async fn until_attached(&mut self, connection: &str, limit: Duration) -> Result<()> {
        let give_up = Instant::now() + limit;
        loop {
            let described =
                self.call("DescribeVpnConnection", &[("VpnConnectionId", connection)]).await?.accepted()?;
            if described["State"] == "attached" {
                return Ok(());
            }
            ensure!(Instant::now() < give_up, "{connection} is not in force after {} s", limit.as_secs());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn log_text(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
