//! The API under load: every client has a connection of its own, creates routes and deletes them again.
//!
//! A create or delete counts when its answer has come: it is durable then. One connection's changes are
//! one after another by design, so the writes of several clients meet only in the store.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::http::Client;
use crate::server::{Key, Server};
use crate::summary::{Summary, heading, row};

/// What to measure, and for how long.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many clients at once, one run each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    clients: Vec<usize>,
    /// How long each run takes, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Where the server's data is put; the system's temporary folder otherwise.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// What one client measured.
#[derive(Debug, Default)]
struct Measured {
    creates: Vec<Duration>,
    deletes: Vec<Duration>,
}

/// Runs the load and prints the table.
pub fn run(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(arguments))
}

async fn measure(arguments: &Arguments) -> Result<()> {
    let (server, key) = Server::start(arguments.data.clone())?;
    let time = Duration::from_secs(arguments.seconds);
    let most = arguments.clients.iter().copied().max().unwrap_or(1);
    let connections = connections(&key, most).await?;
    println!("{}", heading());
    for &clients in &arguments.clients {
        let started = Instant::now();
        let measured = writes(&key, &connections[..clients], time).await?;
        let took = started.elapsed();
        let all = measured.creates.iter().chain(&measured.deletes).copied().collect();
        println!("{}", row("CreateVcoRouteEntry", clients, &Summary::new(measured.creates, took)));
        println!("{}", row("DeleteVcoRouteEntry", clients, &Summary::new(measured.deletes, took)));
        println!("{}", row("durable writes, both", clients, &Summary::new(all, took)));
    }
    for &clients in &arguments.clients {
        for action in ["DescribeVpnConnection", "DescribeVcoRouteEntries"] {
            let started = Instant::now();
            let latencies = reads(&key, action, &connections[..clients], time).await?;
            println!("{}", row(action, clients, &Summary::new(latencies, started.elapsed())));
        }
    }
    let resident = server.resident_bytes().context("the server's memory cannot be read")?;
    println!("\nserver memory: {:.1} MB", resident as f64 / 1e6);
    Ok(())
}

/// One attachment for each client.
async fn connections(key: &Key, count: usize) -> Result<Vec<String>> {
    let mut client = Client::connect(key).await?;
    let gateway = client.call("CreateCustomerGateway", &[("IpAddress", "203.0.113.7")]).await?.accepted()?;
    let gateway = gateway["CustomerGatewayId"].as_str().context("no CustomerGatewayId")?.to_owned();
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        let config = "{\"Psk\":\"bench\",\"IkeVersion\":\"ikev2\"}";
        let parameters = [
            ("CustomerGatewayId", gateway.as_str()),
            ("LocalSubnet", "0.0.0.0/0"),
            ("RemoteSubnet", "0.0.0.0/0"),
            ("IkeConfig", config),
        ];
        let made = client.call("CreateVpnAttachment", &parameters).await?.accepted()?;
        connections.push(made["VpnConnectionId"].as_str().context("no VpnConnectionId")?.to_owned());
    }
    Ok(connections)
}

async fn writes(key: &Key, connections: &[String], time: Duration) -> Result<Measured> {
    let until = Instant::now() + time;
    let mut tasks = Vec::new();
    for connection in connections {
        tasks.push(tokio::spawn(write_routes(key.clone(), connection.clone(), until)));
    }
    let mut all = Measured::default();
    for task in tasks {
        let measured = task.await??;
        all.creates.extend(measured.creates);
        all.deletes.extend(measured.deletes);
    }
    Ok(all)
}

async fn write_routes(key: Key, connection: String, until: Instant) -> Result<Measured> {
    let mut client = Client::connect(&key).await?;
    let mut measured = Measured::default();
    let mut number = 0_u32;
    while Instant::now() < until {
        let destination = format!("10.{}.{}.0/24", number / 256 % 256, number % 256);
        let parameters = [
            ("VpnConnectionId", connection.as_str()),
            ("NextHop", connection.as_str()),
            ("RouteDest", destination.as_str()),
            ("Weight", "100"),
        ];
        let started = Instant::now();
        client.call("CreateVcoRouteEntry", &parameters).await?.accepted()?;
        measured.creates.push(started.elapsed());
        let started = Instant::now();
        client.call("DeleteVcoRouteEntry", &parameters).await?.accepted()?;
        measured.deletes.push(started.elapsed());
        number += 1;
    }
    Ok(measured)
}

async fn reads(
    key: &Key,
    action: &'static str,
    connections: &[String],
    time: Duration,
) -> Result<Vec<Duration>> {
    let until = Instant::now() + time;
    let mut tasks = Vec::new();
    for connection in connections {
        tasks.push(tokio::spawn(read(key.clone(), action, connection.clone(), until)));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await??);
    }
    Ok(all)
}

async fn read(key: Key, action: &str, connection: String, until: Instant) -> Result<Vec<Duration>> {
    let mut client = Client::connect(&key).await?;
    let mut latencies = Vec::new();
    while Instant::now() < until {
        let started = Instant::now();
        client.call(action, &[("VpnConnectionId", connection.as_str())]).await?.accepted()?;
        latencies.push(started.elapsed());
    }
    Ok(latencies)
}
