//! IKEv2 under load: how many tunnels a server sets up per second, how long one takes, and what each costs it.
//!
//! The load is `causeway-ike` as the initiator, without a data plane ([`generator`]), towards one server at a time: `causeway
//! serve`, told of each tunnel through its API, and strongSwan's charon with one connection that accepts all of them.

pub mod generator;

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result};
use causeway_crypto::{DhGroup, Encryption};
use causeway_netlab::{Connection, Host, Lab, PeerConfig, StrongSwan};
use ipnet::Ipv4Net;

use crate::gateway::{Gateway, PSK, Wanted};
use crate::processor::{ProcessorTime, resident_bytes};
use crate::summary::Summary;
use generator::{Crowd, NETWORK, Outcome, Plan};

/// Begins the name of each namespace.
const LAB_PREFIX: &str = "causeway-bench";
/// The section of the documentation that holds the table.
const SECTION: &str = "ike";
/// The server.
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// How long one run may take.
const RUN_TIME_MAX: Duration = Duration::from_secs(120);

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only 300 tunnels, and X25519 only.
    #[arg(long)]
    quick: bool,
    /// How many tunnels, one run each.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000])]
    tunnels: Vec<u32>,
    /// The groups of the IKE SA, in the API's words: group31 (X25519), group14, group2.
    #[arg(long, value_delimiter = ',', default_values = ["group31", "group14", "group2"])]
    groups: Vec<String>,
    /// How many tunnels are being set up at any time.
    #[arg(long, default_value_t = 16)]
    in_flight: u32,
    /// Write the table into docs/benchmarks.md.
    #[arg(long)]
    write: bool,
}

/// Who is under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contender {
    Causeway,
    Charon,
}

/// A group in the words of all who need it.
struct Group {
    api: &'static str,
    strongswan: &'static str,
    group: DhGroup,
    title: &'static str,
}

const GROUPS: [Group; 3] = [
    Group { api: "group31", strongswan: "curve25519", group: DhGroup::Curve25519, title: "X25519" },
    Group { api: "group14", strongswan: "modp2048", group: DhGroup::Modp2048, title: "group 14 (MODP 2048)" },
    Group { api: "group2", strongswan: "modp1024", group: DhGroup::Modp1024, title: "group 2 (MODP 1024)" },
];

/// What runs; it ends when this is dropped.
enum Running {
    Causeway { _gateway: Box<Gateway> },
    Charon { _charon: Box<StrongSwan> },
}

/// Figures of one run.
struct Measured {
    summary: Summary,
    count: u32,
    /// Of the server, per tunnel.
    processor: Duration,
    /// Of the server, per tunnel that is up.
    bytes_up: f64,
    /// Of the server, per tunnel that is configured and not up.
    bytes_configured: f64,
}

/// Measures, prints the table, and writes it where it belongs.
pub fn run(arguments: &Arguments) -> Result<()> {
    causeway_netlab::ensure_rights()?;
    let counts: Vec<u32> = if arguments.quick { vec![300] } else { arguments.tunnels.clone() };
    let wanted = |group: &&Group| {
        arguments.groups.iter().any(|name| name == group.api) && !(arguments.quick && group.api != "group31")
    };
    let mut lines = vec![
        "| group | tunnels | server | set up per second | p50 ms | p99 ms | server's processor ms per tunnel | per second and core | kB per tunnel up | kB configured |".to_owned(),
        "|---|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    for group in GROUPS.iter().filter(wanted) {
        for &count in &counts {
            for contender in [Contender::Causeway, Contender::Charon] {
                eprintln!("{}, {count} tunnels: {contender:?}", group.title);
                let measured = measure(contender, group, count, arguments.in_flight);
                lines.push(line(contender, group, count, measured));
            }
        }
    }
    let text = format!("{} being set up at any time.\n\n{}", arguments.in_flight, lines.join("\n"));
    println!("{text}");
    if arguments.write {
        crate::docs::write_between(&crate::dataplane::documentation(), SECTION, &text)?;
    }
    Ok(())
}

fn measure(contender: Contender, group: &Group, count: u32, in_flight: u32) -> Result<Measured> {
    let lab = Lab::new(LAB_PREFIX)?;
    let server = lab.host("server")?;
    server.address("lo", &format!("{SERVER}/32"))?;
    let plan = Plan { server: SERVER, count, in_flight, group: group.group, child: Encryption::Aes128Gcm16 };
    let mut crowd = Crowd::place(&lab, &server, plan)?;
    let (running, empty) = start(contender, &lab, &server, group, count)?;
    let configured = resident_bytes(&server)?;
    let before = ProcessorTime::read(&[&server])?;
    let Outcome { latencies, took } = crowd.establish(RUN_TIME_MAX)?;
    let used = ProcessorTime::read(&[&server])?.since(before).programs;
    let up = resident_bytes(&server)?;
    let tunnels = u32::try_from(latencies.len())?;
    let per_tunnel = |bytes: u64| bytes as f64 / f64::from(count.max(1));
    drop((crowd, running));
    lab.remove();
    Ok(Measured {
        summary: Summary::new(latencies, took),
        count: tunnels,
        processor: used / tunnels.max(1),
        bytes_up: per_tunnel(up.saturating_sub(empty)),
        bytes_configured: per_tunnel(configured.saturating_sub(empty)),
    })
}

/// Starts a server, and says how much memory it took before it was told of any tunnel.
fn start(
    contender: Contender,
    lab: &Lab,
    server: &Host,
    group: &Group,
    count: u32,
) -> Result<(Running, u64)> {
    if contender == Contender::Charon {
        let charon = StrongSwan::start(server, &charon_config(group)).context("starting charon")?;
        return Ok((Running::Charon { _charon: Box::new(charon) }, resident_bytes(server)?));
    }
    let gateway = Gateway::start(server, SERVER, &lab.folder()?)?;
    let empty = resident_bytes(server)?;
    let wanted: Vec<Wanted> = (0..count)
        .map(|number| Wanted {
            peer: Plan::address(number),
            route: Ipv4Net::from(Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 200, 0, 0)) + number)),
            ike_pfs: group.api,
            ipsec_enc_alg: "aes128gcm",
        })
        .collect();
    gateway.configure(&wanted)?;
    Ok((Running::Causeway { _gateway: Box::new(gateway) }, empty))
}

/// One connection that takes every initiator, each of which narrows it to its own address.
fn charon_config(group: &Group) -> PeerConfig {
    let connection = Connection {
        remote_id: "%any".to_owned(),
        ike_proposals: format!("aes128-sha256-{}", group.strongswan),
        esp_proposals: "aes128gcm16".to_owned(),
        remote_networks: vec![NETWORK],
        extra: vec![format!("remote_addrs = {NETWORK}"), "unique = never".to_owned()],
        ..Connection::new("bench", SERVER, Ipv4Addr::UNSPECIFIED, PSK.as_bytes())
    };
    // Its device gets a route that nobody uses: those to the initiators are the link's.
    let unused = Ipv4Net::new_assert(Ipv4Addr::new(10, 250, 0, 0), 24);
    PeerConfig { connections: vec![connection], routes: vec![unused], ..PeerConfig::default() }
}

fn line(contender: Contender, group: &Group, count: u32, measured: Result<Measured>) -> String {
    let head = format!(
        "| {} | {count} | {} |",
        group.title,
        if contender == Contender::Causeway { "**Causeway**" } else { "charon" }
    );
    match measured {
        Ok(m) if m.count == count => {
            let ms = m.processor.as_secs_f64() * 1e3;
            format!(
                "{head} {:.0} | {:.1} | {:.1} | {ms:.2} | {:.0} | {:.1} | {:.1} |",
                m.summary.per_second(),
                m.summary.percentile_ms(500),
                m.summary.percentile_ms(990),
                1e3 / ms,
                m.bytes_up / 1e3,
                m.bytes_configured / 1e3,
            )
        }
        Ok(m) => format!("{head} only {} came up within {} s |||||||", m.count, RUN_TIME_MAX.as_secs()),
        Err(error) => {
            format!("{head} not measured: {} |||||||", format!("{error:#}").replace(['\n', '|'], " "))
        }
    }
}
