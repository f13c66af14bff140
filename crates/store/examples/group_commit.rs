//! How many commits a second SQLite takes from several submitters at once, each waiting for its own.
//!
//!     cargo run --release -p causeway-store --example group_commit -- [FOLDER]
//!
//! Every commit puts and deletes a route-sized row and rewrites a connection-sized one, as creating and deleting
//! routes does. Each figure takes two seconds. The folder (default: one below the current folder, so that it is not
//! in memory) is made for the run and removed.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use causeway_store::{Commit, DataFolder, SqliteStore, Store, Write};

const RUN_TIME: Duration = Duration::from_secs(2);
const ROUTE_BYTES: usize = 300;
const CONNECTION_BYTES: usize = 3_000;
/// Routes that are there at any time, of each account.
const ROUTES: u64 = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let place = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    println!("submitters  accounts  commits/s   p50 ms   p99 ms   max ms");
    for (submitters, accounts) in [(1, 1), (16, 16), (64, 64), (64, 1)] {
        let path = place.join(format!("group-commit-{}-{submitters}-{accounts}", std::process::id()));
        let measured = DataFolder::open(&path)
            .map_err(Box::<dyn std::error::Error>::from)
            .and_then(|folder| measure(&folder, submitters, accounts));
        std::fs::remove_dir_all(&path)?;
        let Measured { per_second, p50, p99, max } = measured?;
        println!("{submitters:10} {accounts:9} {per_second:10.0} {p50:8.2} {p99:8.2} {max:8.2}");
    }
    Ok(())
}

struct Measured {
    per_second: f64,
    p50: f64,
    p99: f64,
    max: f64,
}

/// Either every submitter has its own account and waits for each commit, or all share one, whose
/// commits are then queued in their order, as the server does it.
fn measure(
    folder: &DataFolder,
    submitters: u64,
    accounts: u64,
) -> Result<Measured, Box<dyn std::error::Error>> {
    let store = Arc::new(SqliteStore::open(folder)?);
    let started = Instant::now();
    let shared = Arc::new(std::sync::Mutex::new(vec![0_u64; usize::try_from(accounts)?]));
    let threads: Vec<_> = (0..submitters)
        .map(|submitter| {
            let (store, shared) = (Arc::clone(&store), Arc::clone(&shared));
            thread::spawn(move || submit_until(&*store, &shared, submitter % accounts, started + RUN_TIME))
        })
        .collect();
    let mut latencies = Vec::new();
    for thread in threads {
        latencies.extend(thread.join().map_err(|_panic| "a submitter panicked")??);
    }
    let elapsed = started.elapsed();
    latencies.sort_unstable();
    let at = |permille: usize| latencies[(latencies.len() - 1) * permille / 1_000].as_secs_f64() * 1e3;
    let per_second = latencies.len() as f64 / elapsed.as_secs_f64();
    Ok(Measured { per_second, p50: at(500), p99: at(990), max: at(1_000) })
}

fn submit_until(
    store: &dyn Store,
    revisions: &std::sync::Mutex<Vec<u64>>,
    account: u64,
    end: Instant,
) -> Result<Vec<Duration>, causeway_store::StoreError> {
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let started = Instant::now();
        let ticket = {
            let mut revisions = revisions.lock().expect("no submitter panics while it holds the lock");
            let revision = &mut revisions[usize::try_from(account).expect("there are few accounts")];
            let commit = route_commit(account, *revision);
            *revision += 1;
            store.submit(commit)
        };
        ticket.wait()?;
        latencies.push(started.elapsed());
    }
    Ok(latencies)
}

fn route_commit(account: u64, revision: u64) -> Commit {
    let write = |kind: &str, number: u64, value| Write {
        kind: kind.to_owned(),
        id: format!("vco-m5e{number:016}"),
        value,
    };
    let writes = vec![
        write("VcoRouteEntry", revision, Some(vec![b'r'; ROUTE_BYTES])),
        write("VcoRouteEntry", revision.wrapping_sub(ROUTES), None),
        write("VpnConnection", revision % 8, Some(vec![b'c'; CONNECTION_BYTES])),
    ];
    Commit { account: format!("17{account:014}"), expected_revision: revision, writes }
}
