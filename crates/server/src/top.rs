//! `causeway top`: tunnels, their traffic and what is dropped, as it happens; read from `/metrics` of a running server.

mod frame;

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::DataFolder;
use crate::metrics::exposition::Exposition;
use crate::metrics::{DEFAULT_LISTEN, address_file};
use frame::{Frame, Look};

/// What `causeway top` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    data: DataFolder,
    /// Where the server tells its metrics; what it wrote into the data folder otherwise.
    #[arg(long, value_name = "ADDRESS:PORT")]
    address: Option<SocketAddr>,
    /// Print one picture and end: for scripts.
    #[arg(long)]
    once: bool,
    /// How many seconds rates are measured over, and how often the picture is new.
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS")]
    interval: f64,
    /// How many tunnels are shown; as many as the terminal has room for otherwise, and all with --once.
    #[arg(long, value_name = "COUNT")]
    rows: Option<usize>,
}

/// How long an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// The size of a terminal that does not tell its own.
const TERMINAL_ROWS: usize = 24;

/// What the server said, and when.
struct Reading {
    at: Instant,
    told: Exposition,
}

/// Shows one picture after the other, until it is interrupted.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let interval = Duration::try_from_secs_f64(arguments.interval).ok().filter(|it| it.as_millis() >= 100);
    ensure!(interval.is_some(), "--interval must be 0.1 seconds or more");
    let interval = interval.unwrap_or_default();
    let server = Server::new(arguments.address.unwrap_or_else(|| address_in(&arguments.data.path())));
    let is_terminal = std::io::stdout().is_terminal();
    let look = Look { colours: is_terminal && std::env::var_os("NO_COLOR").is_none(), ..Look::default() };
    let mut before = server.read()?;
    loop {
        std::thread::sleep(interval);
        let now = server.read()?;
        let frame = Frame::between(&before.told, &now.told, now.at - before.at);
        if arguments.once {
            print!("{}", frame.show(Look { rows_max: arguments.rows, ..look }));
            return Ok(ExitCode::SUCCESS);
        }
        let rows = arguments.rows.unwrap_or_else(|| terminal_rows().saturating_sub(frame::LINES_AROUND));
        refresh(&frame.show(Look { rows_max: Some(rows), ..look }))?;
        before = now;
    }
}

/// Draws over what is there, line by line, so that nothing flickers and an interrupt leaves an ordinary terminal.
fn refresh(text: &str) -> Result<()> {
    let lines = text.replace('\n', "\x1b[K\n");
    let mut out = std::io::stdout().lock();
    write!(out, "\x1b[H{lines}\x1b[J").and_then(|()| out.flush()).context("cannot write to the terminal")
}

fn terminal_rows() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.ok().map(|size| usize::from(size.ws_row)).filter(|rows| *rows > 0).unwrap_or(TERMINAL_ROWS)
}

/// Where the server of this data folder tells its metrics; the default where it does not say.
fn address_in(data: &Path) -> SocketAddr {
    let written = std::fs::read_to_string(address_file(data)).ok();
    written.and_then(|text| text.trim().parse().ok()).unwrap_or(DEFAULT_LISTEN)
}

struct Server {
    address: SocketAddr,
    agent: ureq::Agent,
}

impl Server {
    fn new(address: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER_TIME_MAX)).proxy(None).build();
        Self { address, agent: config.new_agent() }
    }

    fn read(&self) -> Result<Reading> {
        let address = self.address;
        let mut answer = self.agent.get(format!("http://{address}/metrics")).call().with_context(|| {
            format!("no metrics at {address}; is `causeway serve` running, with metrics? name another place with --address")
        })?;
        let text = answer.body_mut().with_config().limit(u64::MAX).read_to_string();
        let text = text.with_context(|| format!("the answer of {address} broke off"))?;
        let told = Exposition::parse(&text)
            .with_context(|| format!("{address} does not tell metrics as Causeway does"))?;
        Ok(Reading { at: Instant::now(), told })
    }
}
