//! Routes: how fast many are made true, and how soon a deleted one is.
//!
//! Two gateways and a cable ([`Pair`]). The left one gets more and more routes through its signed API, spread evenly over
//! connections. One of these carries traffic, over a route of its own beside its share of the others; the peers of the rest do
//! not exist. At each number of routes the route that carries an echo request every half millisecond is deleted again and
//! again. What counts is the time until the first echo request that is no longer answered, and after which none is: it may be
//! half a millisecond more than it took, and is never less, also when the sender of the requests was kept waiting.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use causeway_netlab::{Flow, Lab, Pinger};

use crate::dataplane::pair::{LEFT, LEFT_NET, Pair, RIGHT, RIGHT_INNER, RIGHT_NET};
use crate::gateway::{Gateway, Wanted};
use crate::http::Client;
use crate::server::Key;
use crate::summary::Summary;

/// Begins the name of each namespace.
const LAB_PREFIX: &str = "causeway-bench";
/// The section of the documentation that holds the table.
const SECTION: &str = "routes";
/// From one echo request to the next.
const INTERVAL: Duration = Duration::from_micros(500);
/// How long the route carries echo requests before it is deleted.
const BEFORE: Duration = Duration::from_millis(20);
/// For how long no echo request may have been answered until none is waited for any more.
const QUIET: Duration = Duration::from_millis(60);
/// How long anything may take.
const TIME_MAX: Duration = Duration::from_secs(120);

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many routes there are, one measurement each.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 10_000, 100_000])]
    routes: Vec<usize>,
    /// Over how many connections they are spread, all measurements for each. Each has a client of its own that makes its routes.
    /// The fewer, the more routes has the connection of which one is deleted.
    #[arg(long, value_delimiter = ',', default_values_t = [64, 10])]
    connections: Vec<usize>,
    /// How often the route is deleted at each number.
    #[arg(long, default_value_t = 200)]
    deletes: usize,
    /// Write the table into docs/benchmarks.md.
    #[arg(long)]
    write: bool,
}

/// What was measured at one number of routes.
struct Measured {
    connections: usize,
    routes: usize,
    /// How many were added since the number before, and how long that took until all were in force.
    added: usize,
    in_force: Duration,
    changes: Changes,
}

/// The same route deleted and created, again and again.
struct Changes {
    /// From the answer of a deletion to the first packet that does not pass.
    cuts: Summary,
    /// The same from its call, which is no clock's and no client's fault.
    cuts_since_call: Summary,
    /// From the call of a creation to the first packet.
    opens: Summary,
}

/// Measures, prints the table, and writes it where it belongs.
pub fn run(arguments: &Arguments) -> Result<()> {
    causeway_netlab::ensure_rights()?;
    let mut lines = vec![
        "| connections | routes | of these added | added and in force, per second | answer of DeleteVcoRouteEntry to first packet that does not pass, ms: p50 | p99 | longest | from its call, ms: p50 | p99 | call of CreateVcoRouteEntry to first packet, ms: p50 | p99 |".to_owned(),
        "|---|---|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    for &connections in &arguments.connections {
        ensure!(connections > 0, "--connections: at least one connection holds the routes");
        lines.extend(measure(arguments, connections)?.iter().map(line));
    }
    let text = lines.join("\n");
    println!("{text}");
    if arguments.write {
        crate::docs::write_between(&crate::dataplane::documentation(), SECTION, &text)?;
    }
    Ok(())
}

/// One measurement for each number of routes.
fn measure(arguments: &Arguments, connections: usize) -> Result<Vec<Measured>> {
    let lab = Lab::new(LAB_PREFIX)?;
    let pair = Pair::build(&lab)?;
    let folder = lab.folder()?;
    let (left, right) =
        (Gateway::start(&pair.left, LEFT, &folder)?, Gateway::start(&pair.right, RIGHT, &folder)?);
    let wanted = |peer, route| Wanted { peer, route, ike_pfs: "group31", ipsec_enc_alg: "aes128gcm" };
    let carrier = left.configure(&[wanted(RIGHT, RIGHT_NET)])?.remove(0);
    right.configure(&[wanted(LEFT, LEFT_NET)])?;
    let mut holders = left.call(|key| holders(key, connections - 1))?;
    holders.push(carrier.clone());
    let (mut stored, mut all) = (0, Vec::new());
    for &routes in &arguments.routes {
        eprintln!("{routes} routes over {connections} connections");
        // The one that carries the echo requests counts as well.
        let added = routes.saturating_sub(stored + 1);
        let started = Instant::now();
        left.call(|key| add(key, holders.clone(), stored, added))?;
        let in_force = started.elapsed();
        stored += added;
        let changes = changes(&pair, &left, &carrier, arguments.deletes)?;
        let in_linux = linux_routes(&pair)?;
        ensure!(in_linux == stored + 1, "of {} routes {in_linux} are in Linux's table", stored + 1);
        all.push(Measured { connections, routes: stored + 1, added, in_force, changes });
    }
    drop((left, right));
    lab.remove();
    Ok(all)
}

fn line(measured: &Measured) -> String {
    let Measured { connections, routes, added, in_force, changes } = measured;
    let Changes { cuts, cuts_since_call, opens } = changes;
    format!(
        "| {connections} | {routes} | {added} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
        *added as f64 / in_force.as_secs_f64(),
        cuts.percentile_ms(500),
        cuts.percentile_ms(990),
        cuts.percentile_ms(1_000),
        cuts_since_call.percentile_ms(500),
        cuts_since_call.percentile_ms(990),
        opens.percentile_ms(500),
        opens.percentile_ms(990),
    )
}

/// Further connections that hold routes: to peers that do not exist.
async fn holders(key: Key, count: usize) -> Result<Vec<String>> {
    let mut client = Client::connect(&key).await?;
    let mut connections = Vec::with_capacity(count);
    for number in 0..count {
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 1)) + u32::try_from(number)?);
        connections.push(client.connect_to(address).await?);
    }
    Ok(connections)
}

/// Adds routes number `from` and on, and waits until all are in force.
async fn add(key: Key, holders: Vec<String>, from: usize, count: usize) -> Result<()> {
    let (mut tasks, shares) = (Vec::new(), holders.len());
    for (share, holder) in holders.into_iter().enumerate() {
        let numbers: Vec<usize> = (from..from + count).filter(|number| number % shares == share).collect();
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
fn changes(pair: &Pair, gateway: &Gateway, carrier: &str, count: usize) -> Result<Changes> {
    let (mut cuts, mut cuts_since_call, mut opens) = (Vec::new(), Vec::new(), Vec::new());
    let started = Instant::now();
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
        let (called, answered) = change("DeleteVcoRouteEntry")?;
        let cut = cut(&flow, answered)?;
        cuts.push(cut.saturating_duration_since(answered));
        cuts_since_call.push(cut.saturating_duration_since(called));
        let (called, _answered) = change("CreateVcoRouteEntry")?;
        opens.push(through(&flow, called)?.duration_since(called));
        drop(flow.stop(Duration::ZERO));
    }
    let took = started.elapsed();
    Ok(Changes {
        cuts: Summary::new(cuts, took),
        cuts_since_call: Summary::new(cuts_since_call, took),
        opens: Summary::new(opens, took),
    })
}

/// When the first answer came to an echo request that was sent after a moment.
fn through(flow: &Pinger, since: Instant) -> Result<Instant> {
    loop {
        let flow = flow.so_far();
        let mut sent = flow.probes.iter().filter(|probe| probe.sent >= since);
        if let Some(first) = sent.find_map(|probe| probe.received) {
            return Ok(first);
        }
        ensure!(since.elapsed() < TIME_MAX, "the route does not forward");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// When the first echo request was sent that was not answered, and after which none was.
fn cut(flow: &Pinger, deleted: Instant) -> Result<Instant> {
    loop {
        std::thread::sleep(Duration::from_millis(5));
        if let Some(first) = first_lost(&flow.so_far(), Instant::now()) {
            return Ok(first);
        }
        ensure!(
            deleted.elapsed() < TIME_MAX,
            "packets still pass {} s after the deletion",
            TIME_MAX.as_secs()
        );
    }
}

/// When that was, once no answer has come for a while.
fn first_lost(flow: &Flow, now: Instant) -> Option<Instant> {
    let after_last = flow.probes.iter().rposition(|probe| probe.received.is_some())? + 1;
    let first = flow.probes.get(after_last)?.sent;
    (now.saturating_duration_since(first) >= QUIET).then_some(first)
}

/// How many routes the left host has into devices of the gateway's.
fn linux_routes(pair: &Pair) -> Result<usize> {
    let listed = pair.left.ip("route show table all")?;
    Ok(listed.lines().filter(|line| line.contains(" dev cway")).count())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use causeway_netlab::{Flow, Probe};

    use super::{QUIET, first_lost};

    #[test]
    fn a_cut_is_the_first_request_after_the_last_one_that_was_answered() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        // One is lost on the way, and the sender was kept waiting between the last that passed and the first that did not.
        let probes = [(0, true), (1, false), (2, true), (9, false), (10, false)];
        let probe = |(sequence, (sent, passed)): (usize, (u64, bool))| Probe {
            sequence: sequence as u64,
            sent: at(sent),
            received: passed.then(|| at(sent + 1)),
        };
        let flow = Flow { probes: probes.into_iter().enumerate().map(probe).collect(), ..Flow::default() };
        assert_eq!(first_lost(&flow, at(9) + QUIET), Some(at(9)));
        assert_eq!(first_lost(&flow, at(8) + QUIET), None, "an answer may still come");
        assert_eq!(first_lost(&Flow::default(), at(100)), None);
    }
}
