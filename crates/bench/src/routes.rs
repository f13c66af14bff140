//! Routes: how fast many are made true, and how soon a deleted one is.
//!
//! Two gateways and a cable ([`Pair`]). The left one gets more and more routes through its signed API, over connections whose
//! peers do not exist, beside the one connection that traffic takes. At each number of routes, the route that carries an
//! echo request every half millisecond is deleted again and again; what counts is the time from the answer of
//! `DeleteVcoRouteEntry` to the last echo request that was still answered.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use causeway_netlab::{Lab, Pinger};

use crate::dataplane::pair::{LEFT, LEFT_NET, Pair, RIGHT, RIGHT_INNER, RIGHT_NET};
use crate::gateway::{Gateway, Wanted};
use crate::http::Client;
use crate::server::Key;
use crate::summary::Summary;

/// Begins the name of each namespace.
const LAB_PREFIX: &str = "causeway-bench";
/// The section of the documentation that holds the table.
const SECTION: &str = "routes";
/// How many connections hold the routes, each made by a client of its own.
const CONNECTIONS: usize = 64;
/// From one echo request to the next.
const INTERVAL: Duration = Duration::from_micros(500);
/// How long the route carries echo requests before it is deleted, and how long is listened afterwards.
const BEFORE: Duration = Duration::from_millis(20);
/// See [`BEFORE`].
const AFTER: Duration = Duration::from_millis(60);
/// How long anything may take.
const TIME_MAX: Duration = Duration::from_secs(120);

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many routes there are, one measurement each.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 10_000, 100_000])]
    routes: Vec<usize>,
    /// How often the route is deleted at each number.
    #[arg(long, default_value_t = 100)]
    deletes: usize,
    /// Write the table into docs/benchmarks.md.
    #[arg(long)]
    write: bool,
}

/// What was measured at one number of routes.
struct Measured {
    routes: usize,
    /// How many were added since the number before, and how long that took until all were in force.
    added: usize,
    in_force: Duration,
    /// From the answer of a deletion to the last packet.
    cuts: Summary,
    /// From the call of a creation to the first packet.
    opens: Summary,
    linux_routes: usize,
}

/// Measures, prints the table, and writes it where it belongs.
pub fn run(arguments: &Arguments) -> Result<()> {
    causeway_netlab::ensure_rights()?;
    let lab = Lab::new(LAB_PREFIX)?;
    let pair = Pair::build(&lab)?;
    let folder = lab.folder()?;
    let (left, right) =
        (Gateway::start(&pair.left, LEFT, &folder)?, Gateway::start(&pair.right, RIGHT, &folder)?);
    let wanted = |peer, route| Wanted { peer, route, ike_pfs: "group31", ipsec_enc_alg: "aes128gcm" };
    let carrier = left.configure(&[wanted(RIGHT, RIGHT_NET)])?.remove(0);
    right.configure(&[wanted(LEFT, LEFT_NET)])?;
    let holders = left.call(holders)?;
    let mut lines = vec![
        "| routes | of these added | added and in force, per second | in Linux's table | answer of DeleteVcoRouteEntry to last packet, ms: p50 | p99 | longest | call of CreateVcoRouteEntry to first packet, ms: p50 | p99 |".to_owned(),
        "|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    let mut stored = 0;
    for &routes in &arguments.routes {
        eprintln!("{routes} routes");
        // The one that carries the echo requests counts as well.
        let more = routes.saturating_sub(stored + 1);
        let started = Instant::now();
        left.call(|key| add(key, holders.clone(), stored, more))?;
        let in_force = started.elapsed();
        stored += more;
        let (cuts, opens) = cuts(&pair, &left, &carrier, arguments.deletes)?;
        let linux_routes = linux_routes(&pair)?;
        lines.push(line(&Measured { routes: stored + 1, added: more, in_force, cuts, opens, linux_routes }));
    }
    drop((left, right));
    lab.remove();
    let text = lines.join("\n");
    println!("{text}");
    if arguments.write {
        crate::docs::write_between(&crate::dataplane::documentation(), SECTION, &text)?;
    }
    Ok(())
}

fn line(measured: &Measured) -> String {
    let Measured { routes, added, in_force, cuts, opens, linux_routes } = measured;
    format!(
        "| {routes} | {added} | {:.0} | {linux_routes} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
        *added as f64 / in_force.as_secs_f64(),
        cuts.percentile_ms(500),
        cuts.percentile_ms(990),
        cuts.percentile_ms(1_000),
        opens.percentile_ms(500),
        opens.percentile_ms(990),
    )
}

/// The connections that hold the routes: to peers that do not exist.
async fn holders(key: Key) -> Result<Vec<String>> {
    let mut client = Client::connect(&key).await?;
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for number in 0..CONNECTIONS {
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 1)) + u32::try_from(number)?);
        connections.push(client.connect_to(address).await?);
    }
    Ok(connections)
}

/// Adds routes number `from` and on, and waits until all are in force.
async fn add(key: Key, holders: Vec<String>, from: usize, count: usize) -> Result<()> {
    let mut tasks = Vec::new();
    for (share, holder) in holders.into_iter().enumerate() {
        let numbers: Vec<usize> =
            (from..from + count).filter(|number| number % CONNECTIONS == share).collect();
        tasks.push(tokio::spawn(add_share(key.clone(), holder, numbers)));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn add_share(key: Key, holder: String, numbers: Vec<usize>) -> Result<()> {
    let mut client = Client::connect(&key).await?;
    for number in &numbers {
        let dest = Ipv4Addr::from(u32::from(Ipv4Addr::new(172, 16, 0, 0)) + u32::try_from(*number)?);
        client.route("CreateVcoRouteEntry", &holder, &format!("{dest}/32")).await?;
    }
    client.until_attached(&holder, TIME_MAX).await
}

/// Deletes and creates the route that carries echo requests, again and again.
fn cuts(pair: &Pair, gateway: &Gateway, carrier: &str, count: usize) -> Result<(Summary, Summary)> {
    let (mut cuts, mut opens) = (Vec::new(), Vec::new());
    let started = Instant::now();
    let through = |flow: &Pinger, since: Instant| -> Result<Instant> {
        loop {
            let first = flow
                .so_far()
                .probes
                .iter()
                .filter(|probe| probe.sent >= since)
                .find_map(|probe| probe.received);
            match first {
                Some(first) => return Ok(first),
                None => ensure!(since.elapsed() < TIME_MAX, "the route does not forward"),
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    for _ in 0..count {
        let flow = Pinger::start(&pair.left, RIGHT_INNER, INTERVAL)?;
        through(&flow, Instant::now()).context("before the deletion")?;
        std::thread::sleep(BEFORE);
        let change = |action| {
            gateway.call(|key| async move {
                let mut client = Client::connect(&key).await?;
                let called = Instant::now();
                client.route(action, carrier, &RIGHT_NET.to_string()).await?;
                Ok((called, Instant::now()))
            })
        };
        let (_called, answered) = change("DeleteVcoRouteEntry")?;
        std::thread::sleep(AFTER);
        let last = flow
            .so_far()
            .probes
            .iter()
            .filter(|probe| probe.received.is_some())
            .map(|probe| probe.sent)
            .max();
        let last = last.context("no echo request was answered")?;
        ensure!(last < answered + AFTER, "packets still pass {} ms after the deletion", AFTER.as_millis());
        cuts.push(last.saturating_duration_since(answered));
        let (called, _answered) = change("CreateVcoRouteEntry")?;
        opens.push(through(&flow, called)?.duration_since(called));
        drop(flow.stop(Duration::ZERO));
    }
    let took = started.elapsed();
    Ok((Summary::new(cuts, took), Summary::new(opens, took)))
}

/// How many routes the left host has into devices of the gateway's.
fn linux_routes(pair: &Pair) -> Result<usize> {
    let listed = pair.left.ip("route show table all")?;
    Ok(listed.lines().filter(|line| line.contains(" dev cway")).count())
}
