//! The API under load: every client has a connection of its own, creates routes and deletes them again.
//!
//! A create or delete counts when its answer has come: it is durable then. One connection's changes are
//! one after another by design, so the writes of several clients meet only in the store.
//!
//! Two servers are compared, one with nothing else stored and one with much. They take turns, so that what else the machine
//! and its disk do at a time meets both; the one whose turn it is not does nothing.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::http::Client;
use crate::server::{Key, Server};
use crate::summary::{Summary, heading, row};

/// The section of the documentation that holds the tables.
const SECTION: &str = "api";
/// How many clients store what is to be stored.
const FILLERS: usize = 64;
/// The heading of the table with everything stored.
const COMPARED_HEADING: &str = "| request, with all of that stored | clients | per second | p50 ms | p99 ms | of the empty one |\n|---|---|---|---|---|---|";

/// What to measure, and for how long.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many clients at once, one run each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    clients: Vec<usize>,
    /// How long each run takes, in seconds.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// How often each run is repeated; what they measured is taken together.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many connections are stored beside those under load, for the second server; 0 leaves it out.
    #[arg(long, default_value_t = 10_000)]
    stored_connections: usize,
    /// How many routes these have in all.
    #[arg(long, default_value_t = 100_000)]
    stored_routes: usize,
    /// Where the servers' data is put; the system's temporary folder otherwise.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write the tables into docs/benchmarks.md.
    #[arg(long)]
    write: bool,
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
    let mut servers = vec![Subject::start(arguments).await?];
    let mut report = None;
    if arguments.stored_connections > 0 {
        let mut full = Subject::start(arguments).await?;
        report = Some(fill(&mut full.server, arguments).await?);
        servers.push(full);
    }
    let measured = load(&servers, arguments).await?;
    let mut lines = vec![heading()];
    lines.extend(measured.iter().map(|run| run.row(&run.summaries[0])));
    if let Some(report) = report {
        lines.push(format!("\n{report}\n\n{COMPARED_HEADING}"));
        lines.extend(measured.iter().map(Run::compared));
    }
    for (subject, what) in servers.iter().zip(["empty", "other"]) {
        let resident = subject.server.resident_bytes().context("the server's memory cannot be read")?;
        lines.push(format!("\nThe {what} server took {:.0} MB at the end.", resident as f64 / 1e6));
    }
    let text = lines.join("\n");
    println!("{text}");
    if arguments.write {
        crate::docs::write_between(&crate::dataplane::documentation(), SECTION, &text)?;
    }
    Ok(())
}

/// A server, and what the load is put on.
struct Subject {
    server: Server,
    /// One for each client.
    connections: Vec<String>,
}

impl Subject {
    async fn start(arguments: &Arguments) -> Result<Self> {
        let server = Server::start(arguments.data.clone())?;
        let most = arguments.clients.iter().copied().max().unwrap_or(1);
        let connections = connections(server.key(), most).await?;
        Ok(Self { server, connections })
    }
}

/// One line of each table: the same load on every server.
struct Run {
    what: &'static str,
    clients: usize,
    summaries: Vec<Summary>,
}

impl Run {
    fn new(what: &'static str, clients: usize, servers: usize) -> Self {
        Self { what, clients, summaries: std::iter::repeat_with(Summary::default).take(servers).collect() }
    }

    fn row(&self, summary: &Summary) -> String {
        row(self.what, self.clients, summary)
    }

    /// The second server beside the first one.
    fn compared(&self) -> String {
        let [empty, full, ..] = self.summaries.as_slice() else { return String::new() };
        format!("{} {:.2} |", self.row(full), full.per_second() / empty.per_second())
    }
}

/// All runs, of which the servers take turns.
async fn load(servers: &[Subject], arguments: &Arguments) -> Result<Vec<Run>> {
    let time = Duration::from_secs(arguments.seconds);
    let turns = || (0..arguments.rounds).flat_map(|_| servers.iter().enumerate());
    let mut runs = Vec::new();
    for &clients in &arguments.clients {
        let names = ["CreateVcoRouteEntry", "DeleteVcoRouteEntry", "durable writes, both"];
        let mut measured = names.map(|what| Run::new(what, clients, servers.len()));
        for (number, Subject { server, connections }) in turns() {
            let started = Instant::now();
            let Measured { creates, deletes } = writes(server.key(), &connections[..clients], time).await?;
            let took = started.elapsed();
            let all = creates.iter().chain(&deletes).copied().collect();
            for (run, latencies) in measured.iter_mut().zip([creates, deletes, all]) {
                run.summaries[number].add(latencies, took);
            }
        }
        runs.extend(measured);
    }
    for &clients in &arguments.clients {
        for what in ["DescribeVpnConnection", "DescribeVcoRouteEntries"] {
            let mut run = Run::new(what, clients, servers.len());
            for (number, Subject { server, connections }) in turns() {
                let started = Instant::now();
                let latencies = reads(server.key(), what, &connections[..clients], time).await?;
                run.summaries[number].add(latencies, started.elapsed());
            }
            runs.push(run);
        }
    }
    Ok(runs)
}

/// Stores what is asked for, starts the server anew, and says what that took.
async fn fill(server: &mut Server, arguments: &Arguments) -> Result<String> {
    let Arguments { stored_connections, stored_routes, .. } = *arguments;
    let before = server.resident_bytes().context("the server's memory cannot be read")?;
    let started = Instant::now();
    let each = stored_routes.div_ceil(stored_connections.max(1));
    let mut tasks = Vec::new();
    for share in 0..FILLERS {
        let count = (stored_connections + FILLERS - 1 - share) / FILLERS;
        tasks.push(tokio::spawn(fill_share(server.key().clone(), share, count, each)));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let filled = Summary::new(latencies, started.elapsed());
    let after = server.resident_bytes().context("the server's memory cannot be read")?;
    let start_up = server.restart()?;
    let anew = server.resident_bytes().context("the server's memory cannot be read")?;
    Ok(format!(
        "{stored_connections} connections and {} routes, stored through the API with {FILLERS} clients, {:.0} durable \
         writes a second. Memory: {:.1} MB for each 1,000 connections with {each} routes each ({:.1} MB after a new \
         start). From the start of the process to its first answer: {:.2} s.",
        stored_connections * each,
        filled.per_second(),
        after.saturating_sub(before) as f64 / 1e3 / stored_connections as f64,
        anew.saturating_sub(before) as f64 / 1e3 / stored_connections as f64,
        start_up.as_secs_f64(),
    ))
}

async fn fill_share(key: Key, share: usize, count: usize, routes: usize) -> Result<Vec<Duration>> {
    let mut client = Client::connect(&key).await?;
    let address = format!("198.51.100.{}", share + 1);
    let gateway = customer_gateway(&mut client, &address).await?;
    let mut latencies = Vec::with_capacity(count * (routes + 1));
    for _ in 0..count {
        let started = Instant::now();
        let connection = connection(&mut client, &gateway).await?;
        latencies.push(started.elapsed());
        for number in 0..routes {
            let started = Instant::now();
            client
                .call("CreateVcoRouteEntry", &route(&connection, &destination(number)))
                .await?
                .accepted()?;
            latencies.push(started.elapsed());
        }
    }
    Ok(latencies)
}

/// One attachment for each client.
async fn connections(key: &Key, count: usize) -> Result<Vec<String>> {
    let mut client = Client::connect(key).await?;
    let gateway = customer_gateway(&mut client, "203.0.113.7").await?;
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        connections.push(connection(&mut client, &gateway).await?);
    }
    Ok(connections)
}

async fn customer_gateway(client: &mut Client, address: &str) -> Result<String> {
    let made = client.call("CreateCustomerGateway", &[("IpAddress", address)]).await?.accepted()?;
    Ok(made["CustomerGatewayId"].as_str().context("no CustomerGatewayId")?.to_owned())
}

async fn connection(client: &mut Client, gateway: &str) -> Result<String> {
    let config = "{\"Psk\":\"bench\",\"IkeVersion\":\"ikev2\"}";
    let parameters = [
        ("CustomerGatewayId", gateway),
        ("LocalSubnet", "0.0.0.0/0"),
        ("RemoteSubnet", "0.0.0.0/0"),
        ("IkeConfig", config),
    ];
    let made = client.call("CreateVpnAttachment", &parameters).await?.accepted()?;
    Ok(made["VpnConnectionId"].as_str().context("no VpnConnectionId")?.to_owned())
}

fn destination(number: usize) -> String {
    format!("10.{}.{}.0/24", number / 256 % 256, number % 256)
}

fn route<'a>(connection: &'a str, destination: &'a str) -> [(&'static str, &'a str); 4] {
    [("VpnConnectionId", connection), ("NextHop", connection), ("RouteDest", destination), ("Weight", "100")]
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
    let mut number = 0;
    while Instant::now() < until {
        let destination = destination(number);
        let parameters = route(&connection, &destination);
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
