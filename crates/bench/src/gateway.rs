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
            "log = \"warn\"\n[api]\nrate_limits = false\n[gateway]\naddresses = [{{ public = \"{address}\" }}]\n"
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

    /// Makes a connection with one tunnel and one route for each, and waits until all of them are in force.
    pub fn configure(&self, wanted: &[Wanted]) -> Result<()> {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
        let configured = self.host.enter(|| runtime()?.block_on(configure_all(&self.key, wanted)))?;
        configured
            .with_context(|| format!("configuring {}; its log: {}", self.host.label(), log_text(&self.log)))
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

async fn configure_all(key: &Key, wanted: &[Wanted]) -> Result<()> {
    let mut tasks = Vec::new();
    for share in wanted.chunks(wanted.len().div_ceil(CLIENTS).max(1)) {
        tasks.push(tokio::spawn(configure_share(key.clone(), share.to_vec())));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn configure_share(key: Key, wanted: Vec<Wanted>) -> Result<()> {
    let mut client = Client::connect(&key).await?;
    let mut connections = Vec::new();
    for wanted in &wanted {
        connections.push(create(&mut client, wanted).await?);
    }
    let give_up = Instant::now() + SETTLE_TIME_MAX;
    for connection in &connections {
        while !is_in_force(&mut client, connection).await? {
            ensure!(
                Instant::now() < give_up,
                "{connection} is not in force after {} s",
                SETTLE_TIME_MAX.as_secs()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(())
}

async fn create(client: &mut Client, wanted: &Wanted) -> Result<String> {
    let peer = wanted.peer.to_string();
    let made = client.call("CreateCustomerGateway", &[("IpAddress", &peer)]).await?.accepted()?;
    let gateway = made["CustomerGatewayId"].as_str().context("no CustomerGatewayId")?;
    let ike = json!({
        "Psk": PSK, "IkeVersion": "ikev2", "IkeEncAlg": "aes", "IkeAuthAlg": "sha256", "IkePfs": wanted.ike_pfs,
    })
    .to_string();
    let ipsec = json!({
        "IpsecEncAlg": wanted.ipsec_enc_alg, "IpsecAuthAlg": "sha256", "IpsecPfs": "disabled",
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
    let made = client.call("CreateVpnAttachment", &parameters).await?.accepted()?;
    let connection = made["VpnConnectionId"].as_str().context("no VpnConnectionId")?.to_owned();
    let dest = wanted.route.to_string();
    let parameters = [
        ("VpnConnectionId", connection.as_str()),
        ("RouteDest", dest.as_str()),
        ("NextHop", connection.as_str()),
        ("Weight", "100"),
    ];
    client.call("CreateVcoRouteEntry", &parameters).await?.accepted()?;
    Ok(connection)
}

async fn is_in_force(client: &mut Client, connection: &str) -> Result<bool> {
    let described =
        client.call("DescribeVpnConnection", &[("VpnConnectionId", connection)]).await?.accepted()?;
    Ok(described["State"] == "attached")
}

fn log_text(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
