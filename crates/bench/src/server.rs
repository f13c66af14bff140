//! The server under load: the real binary, in a folder that is removed afterwards.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long the server may take to answer for the first time.
const START_TIME_MAX: Duration = Duration::from_secs(20);
/// The name of the server's configuration in its folder.
const CONFIGURATION: &str = "bench.toml";

/// A running server; dropping it ends the process and removes its data.
pub struct Server {
    process: Child,
    folder: tempfile::TempDir,
    key: Key,
}

/// The AccessKey of the server's first account, and where the server listens.
#[derive(Debug, Clone)]
pub struct Key {
    /// The AccessKey's id.
    pub id: String,
    /// The AccessKey's secret.
    pub secret: String,
    /// Host and port.
    pub endpoint: String,
    /// The region that the load is put on.
    pub region: String,
}

impl Server {
    /// Starts the binary beside this one, without packets, rate limits or quotas that anybody would reach.
    pub fn start(data: Option<PathBuf>) -> Result<Self> {
        let folder = match data {
            Some(parent) => tempfile::tempdir_in(parent),
            None => tempfile::tempdir(),
        }
        .context("cannot make a folder for the server's data")?;
        let settings = "log = \"warn\"\n[api]\nlisten = \"127.0.0.1:0\"\nrate_limits = false\n[metrics]\nenabled = false\n\
            [quotas]\nvpn_connections_per_region = 1000000\nvco_routes_per_connection = 1000000\n\
            [gateway]\nengine = \"none\"\n";
        std::fs::write(folder.path().join(CONFIGURATION), settings)
            .context("cannot write the server's configuration")?;
        let mut process = spawn(folder.path())?;
        let key = first_key(&mut process, folder.path())?;
        Ok(Self { process, folder, key })
    }

    /// Kills it and starts it again with the same data; says how long it took from the start to the first answer.
    pub fn restart(&mut self) -> Result<Duration> {
        self.process.kill()?;
        self.process.wait()?;
        let started = Instant::now();
        self.process = spawn(self.folder.path())?;
        self.key = first_key(&mut self.process, self.folder.path())?;
        Ok(started.elapsed())
    }

    /// How to sign, and where to.
    pub fn key(&self) -> &Key {
        &self.key
    }
    /// The resident memory of the server, in bytes.
    pub fn resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process is ours and holds nothing that outlives its folder.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn spawn(folder: &Path) -> Result<Child> {
    let binary = std::env::current_exe().context("where am I?")?.with_file_name("causeway");
    Command::new(&binary)
        .args(["serve", "--config"])
        .arg(folder.join(CONFIGURATION))
        .arg("--data")
        .arg(folder.join("data"))
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))
}

/// The AccessKey and the endpoint, once somebody listens there.
fn first_key(process: &mut Child, folder: &Path) -> Result<Key> {
    let file = folder.join("data/root-access-key.json");
    let started = Instant::now();
    loop {
        if let Some(status) = process.try_wait()? {
            bail!("the server ended at its start: {status}");
        }
        if let Ok(text) = std::fs::read_to_string(&file) {
            let json: serde_json::Value = serde_json::from_str(&text)?;
            let member = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
            let key = Key {
                id: member("AccessKeyId"),
                secret: member("AccessKeySecret"),
                endpoint: member("Endpoint"),
                region: member("RegionId"),
            };
            if std::net::TcpStream::connect(&key.endpoint).is_ok() {
                return Ok(key);
            }
        }
        if started.elapsed() > START_TIME_MAX {
            bail!("the server did not answer within {} s", START_TIME_MAX.as_secs());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
