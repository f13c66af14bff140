//! The data plane side by side: the same two hosts on one machine, with one contender after the other between them, and for
//! echoes on an idle way all of them by turns.
//!
//! Everything, both ends and the load generator, runs on the same processors, and other work on the machine changes every
//! figure: compare within one run, and quote ratios.

pub mod contender;
pub mod measure;
pub mod pair;
mod table;
mod turns;
mod wireguard;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use contender::{Contender, Up};
use measure::{Effort, Measured, measure};
use table::{Row, tables};

/// Begins the name of each namespace.
const LAB_PREFIX: &str = "causeway-bench";
/// The section of the documentation that holds the tables.
const SECTION: &str = "dataplane";

/// What to measure, and for how long.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// About a minute: shorter, once, and Causeway with 1 and 100 tunnels only.
    #[arg(long)]
    quick: bool,
    /// How long each throughput is measured, in seconds.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// How often; the middle of each figure counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// With how many tunnels up Causeway is measured.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 1_000])]
    tunnels: Vec<u32>,
    /// Only these: veth, causeway, strongswan, wireguard-go, boringtun.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Write the tables into docs/benchmarks.md.
    #[arg(long)]
    write: bool,
}

/// Measures, prints the tables, and writes them where they belong.
pub fn run(arguments: &Arguments) -> Result<()> {
    causeway_netlab::ensure_rights()?;
    let contenders = contenders(arguments);
    let rounds = if arguments.quick { 1 } else { arguments.rounds.max(1) };
    let mut all: Vec<Vec<Result<Measured, String>>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 1..=rounds {
        for (contender, measured) in contenders.iter().zip(&mut all) {
            eprintln!("round {round} of {rounds}: {}", contender.name());
            let result = measure_one(*contender, effort(arguments)).map_err(|error| format!("{error:#}"));
            if let Err(error) = &result {
                eprintln!("NOT MEASURED: {error}");
            }
            measured.push(result);
        }
    }
    eprintln!("echoes, all at once and by turns");
    let echoes = turns::echoes(&contenders, effort(arguments));
    let rounds_and_echoes = all.into_iter().zip(echoes);
    let rows: Vec<Row> = contenders
        .into_iter()
        .zip(rounds_and_echoes)
        .map(|(contender, (rounds, echoes))| row(contender, rounds, echoes))
        .collect();
    let text = format!("{}\n\n{}", circumstances(arguments, rounds), tables(&rows));
    println!("{text}");
    if arguments.write {
        crate::docs::write_between(&documentation(), SECTION, &text)?;
    }
    let failed =
        rows.iter().find(|row| matches!(row.contender, Contender::Causeway { .. }) && row.measured.is_err());
    match failed {
        Some(_) => bail!("Causeway could not be measured"),
        None => Ok(()),
    }
}

fn contenders(arguments: &Arguments) -> Vec<Contender> {
    let mut tunnels = arguments.tunnels.clone();
    if arguments.quick {
        tunnels.retain(|count| *count <= 100);
    }
    let ours =
        tunnels.into_iter().map(|tunnels| ("causeway", Contender::Causeway { tunnels: tunnels.max(1) }));
    let others = [
        ("strongswan", Contender::StrongSwan),
        ("wireguard-go", Contender::WireGuardGo),
        ("boringtun", Contender::BoringTun),
    ];
    let all = std::iter::once(("veth", Contender::Veth)).chain(ours).chain(others);
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    all.filter(|(name, _)| wanted(name)).map(|(_, contender)| contender).collect()
}

fn effort(arguments: &Arguments) -> Effort {
    let seconds = if arguments.quick { 1.0 } else { arguments.seconds.clamp(0.2, 60.0) };
    let turns = if arguments.quick { 5 } else { 40 };
    Effort { duration: Duration::from_secs_f64(seconds), echoes: 100, turns }
}

fn measure_one(contender: Contender, effort: Effort) -> Result<Measured> {
    let up = Up::start(contender)?;
    measure(&up.pair, effort).with_context(|| format!("measuring {}", contender.name()))
}

/// The rounds in which it worked count; if it never did, the last error does.
fn row(contender: Contender, rounds: Vec<Result<Measured, String>>, echoes: Result<Vec<Duration>>) -> Row {
    let mut error = "no round".to_owned();
    let mut worked = Vec::new();
    for round in rounds {
        match round {
            Ok(measured) => worked.push(measured),
            Err(reason) => error = reason,
        }
    }
    let echoes = echoes.unwrap_or_else(|error| {
        eprintln!("ECHOES NOT MEASURED: {}: {error:#}", contender.name());
        Vec::new()
    });
    let measured = if worked.is_empty() { Err(error) } else { Ok(Measured::of(&worked, echoes)) };
    Row { contender, measured }
}

fn circumstances(arguments: &Arguments, rounds: usize) -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([':', ' ', '\t']);
    let kernel = read("/proc/sys/kernel/osrelease");
    // The hosts have it from the machine. BBR sends as fast as it has measured, and leaves processors idle for that.
    let congestion_control = read("/proc/sys/net/ipv4/tcp_congestion_control");
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let Effort { duration, echoes, turns } = effort(arguments);
    format!(
        "{processors} processors ({model}), Linux {}, congestion control {}; {rounds} round(s), {} s for each throughput; {turns} turns of {echoes} echoes.",
        kernel.trim(),
        congestion_control.trim(),
        duration.as_secs_f64(),
    )
}

/// The page of the workspace that this program was built from.
pub fn documentation() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/benchmarks.md"))
}
