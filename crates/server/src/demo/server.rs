//! `causeway serve` on a host of the demo, as a process of its own, and calls of its API from that host.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use causeway_netlab::{Host, Process};
use serde_json::Value;

use super::this_program;
use crate::client::{Client, Credentials, VPC};

/// The region in which the demo makes everything.
pub const REGION: &str = "eu-central-1";

/// How long a server may take until it answers.
const START_MAX: Duration = Duration::from_secs(10);

/// How many lines of a server's log an error shows.
const LOG_LINES: usize = 15;

/// A running `causeway serve`. It ends when this is dropped.
pub struct Server {
    process: Process,
    host: Host,
    data: PathBuf,
    log: PathBuf,
    client: Client,
}

/// What an operation answered, and when.
#[derive(Debug)]
pub struct Answer {
    /// The answer.
    pub value: Value,
    /// Just before the request was sent.
    pub called: Instant,
    /// Just after the answer was read.
    pub answered: Instant,
}

impl Server {
    /// Starts one that peers reach under these addresses; its files are in `folder`. Comes back when it answers.
    pub fn start(host: &Host, addresses: &[Ipv4Addr], folder: &Path) -> Result<Self> {
        let (config, data) = (folder.join(format!("{}.toml", host.label())), folder.join(host.label()));
        let log = folder.join(format!("{}.log", host.label()));
        std::fs::write(&config, configuration(addresses)).context("writing the gateway's configuration")?;
        let output = File::create(&log).context("creating the gateway's log")?;
        let mut command = Command::new(this_program()?);
        command.arg("serve").arg("--config").arg(&config).arg("--data").arg(&data);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let process = host.spawn(&mut command)?;
        let client = wait_until_it_answers(&process, host, &data).map_err(|error| {
            anyhow!(
                "`causeway serve` on {} does not work: {error:#}; its log ends:\n{}",
                host.label(),
                log_end(&log)
            )
        })?;
        Ok(Self { process, host: host.clone(), data, log, client })
    }

    /// Calls an operation of the API from inside the host.
    pub fn call(&self, action: &str, parameters: &[(&str, &str)]) -> Result<Answer> {
        let parameters = [&[("RegionId", REGION)], parameters].concat();
        let called = Instant::now();
        let (value, answered) = self.host.enter(|| {
            let value = self.client.call(VPC, action, &parameters);
            (value, Instant::now())
        })?;
        Ok(Answer { value: value.context(action.to_owned())?, called, answered })
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The file of its log.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The end of its log, and whether it still runs: for an error.
    pub fn state(&self) -> String {
        let runs = match self.process.try_wait() {
            Ok(None) => "runs".to_owned(),
            Ok(Some(status)) => format!("has ended ({status})"),
            Err(error) => format!("{error:#}"),
        };
        format!("`causeway serve` on {} {runs}; its log ends:\n{}", self.host.label(), log_end(&self.log))
    }
}

fn configuration(addresses: &[Ipv4Addr]) -> String {
    let addresses: Vec<String> =
        addresses.iter().map(|address| format!("{{ public = \"{address}\" }}")).collect();
    format!("[gateway]\naddresses = [{}]\n", addresses.join(", "))
}

fn wait_until_it_answers(process: &Process, host: &Host, data: &Path) -> Result<Client> {
    let give_up = Instant::now() + START_MAX;
    loop {
        if let Some(status) = process.try_wait()? {
            bail!("it ended at once ({status})");
        }
        let answer = Credentials::load(data).and_then(|credentials| {
            let client = Client::new(credentials);
            host.enter(|| client.call(VPC, "DescribeRegions", &[]))??;
            Ok(client)
        });
        let error = match answer {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        ensure!(Instant::now() < give_up, "it does not answer within {} s: {error:#}", START_MAX.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn log_end(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::configuration;
    use crate::config::Config;

    #[test]
    fn the_servers_configuration_is_one_that_it_accepts() {
        let text = configuration(&["198.51.100.11".parse().unwrap(), "198.51.100.12".parse().unwrap()]);
        let config: Config = toml::from_str(&text).unwrap();
        let public: Vec<String> =
            config.addresses().iter().map(|address| address.public.to_string()).collect();
        assert_eq!(public, ["198.51.100.11", "198.51.100.12"]);
    }
}
