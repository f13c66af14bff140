//! A peer that we did not write: strongSwan's charon in a host of the lab, with its userspace data plane.
//!
//! One daemon serves any number of connections. Two connections with the same traffic selectors towards two gateway
//! addresses (a two-tunnel attachment) work side by side: it receives on both, sends on the one that was negotiated
//! last, and goes on with the other when that one is deleted.

mod config;
mod sas;

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::host::Host;
use crate::process::Process;
pub use config::{Certificate, Connection, IkeVersion, PeerConfig, StartAction};
pub use sas::{ChildSa, IkeSa};

/// The Debian packages that make a peer.
pub const STRONGSWAN_PACKAGES: [&str; 6] = [
    "strongswan-swanctl",
    "charon-systemd",
    "libcharon-extra-plugins",
    "libcharon-extauth-plugins",
    "libstrongswan-extra-plugins",
    "libstrongswan-standard-plugins",
];

/// How long the daemon may take to answer after it was started.
const START_MAX: Duration = Duration::from_secs(10);

/// The interface that charon's userspace IPsec makes.
const DEVICE: &str = "ipsec0";

/// A running strongSwan. It ends when this is dropped.
#[derive(Debug)]
pub struct StrongSwan {
    process: Process,
    host: Host,
    /// In the lab's folder, and gone with it.
    folder: PathBuf,
    swanctl: PathBuf,
}

impl StrongSwan {
    /// Starts charon in the host, loads the connections and routes their remote networks into it.
    ///
    /// # Errors
    /// When strongSwan is not installed (the error says how to), or does not come up; the error ends with its log.
    pub fn start(host: &Host, config: &PeerConfig) -> Result<Self> {
        let (charon, swanctl) = (find("charon-systemd")?, find("swanctl")?);
        let folder = host.new_folder("peer")?;
        config::write(&folder, config).context("writing strongSwan's configuration")?;
        let output = fs::File::create(folder.join("output")).context("creating its output file")?;
        let mut command = Command::new(charon);
        command
            .env("STRONGSWAN_CONF", folder.join(config::DAEMON_FILE))
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let process = host.spawn(&mut command)?;
        let this = Self { process, host: host.clone(), folder, swanctl };
        let set_up = this.set_up(config);
        set_up
            .with_context(|| format!("strongSwan on {}; its log ends:\n{}", host.label(), this.log_end()))?;
        Ok(this)
    }

    fn set_up(&self, config: &PeerConfig) -> Result<()> {
        self.wait_until_it_answers()?;
        // charon's own routing table would catch its own packets where 0.0.0.0/0 is negotiated.
        let _not_there_is_fine = self.host.ip("rule del priority 220");
        let networks = config.networks_behind_the_tunnels();
        let routes: Vec<String> =
            networks.iter().map(|net| format!("route add {net} dev {DEVICE}")).collect();
        self.host.ip_batch(&routes).context("routing into the tunnel device")?;
        self.load(config)
    }

    fn wait_until_it_answers(&self) -> Result<()> {
        let give_up = Instant::now() + START_MAX;
        loop {
            if let Some(status) = self.process.try_wait()? {
                bail!("charon ended at once ({status})");
            }
            let answers = UnixStream::connect(self.folder.join(config::VICI_SOCKET)).is_ok();
            if answers && self.host.ip(&format!("link show {DEVICE}")).is_ok() {
                return Ok(());
            }
            ensure!(Instant::now() < give_up, "charon did not answer within {} s", START_MAX.as_secs());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Loads connections and secrets anew; those that are gone are unloaded.
    ///
    /// # Errors
    /// When strongSwan does not like them.
    pub fn load(&self, config: &PeerConfig) -> Result<()> {
        config::write_connections(&self.folder, config)?;
        let file = self.folder.join(config::CONNECTIONS_FILE);
        let file = file.to_str().context("the temporary folder's name is not UTF-8")?;
        self.swanctl(&["--load-creds", "--clear", "--noprompt", "--file", file])?;
        self.swanctl(&["--load-conns", "--file", file])?;
        Ok(())
    }

    /// Negotiates a connection, and gives the time it took.
    ///
    /// # Errors
    /// When it is not up within `limit`; the error holds what charon said.
    pub fn initiate(&self, connection: &str, limit: Duration) -> Result<Duration> {
        let start = Instant::now();
        let timeout = limit.as_secs().max(1).to_string();
        self.swanctl(&["--initiate", "--child", connection, "--timeout", &timeout])?;
        Ok(start.elapsed())
    }

    /// Rekeys a connection's child SA.
    ///
    /// # Errors
    /// When there is none.
    pub fn rekey_child(&self, connection: &str) -> Result<()> {
        self.swanctl(&["--rekey", "--child", connection]).map(drop)
    }

    /// Rekeys a connection's IKE SA.
    ///
    /// # Errors
    /// When there is none.
    pub fn rekey_ike(&self, connection: &str) -> Result<()> {
        self.swanctl(&["--rekey", "--ike", connection]).map(drop)
    }

    /// Deletes a connection's IKE SA and its children.
    ///
    /// # Errors
    /// When there is none, or the peer does not answer within five seconds.
    pub fn terminate(&self, connection: &str) -> Result<()> {
        self.swanctl(&["--terminate", "--ike", connection, "--timeout", "5"]).map(drop)
    }

    /// The IKE SAs and their children, as strongSwan sees them.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn sas(&self) -> Result<Vec<IkeSa>> {
        Ok(sas::parse(&self.swanctl(&["--list-sas"])?))
    }

    /// Whether a connection has an established IKE SA with an installed child.
    ///
    /// # Errors
    /// When strongSwan does not answer.
    pub fn is_up(&self, connection: &str) -> Result<bool> {
        Ok(self.sas()?.iter().any(|sa| sa.name == connection && sa.is_up()))
    }

    /// Waits until a connection is up (or down), and gives the time it took.
    ///
    /// # Errors
    /// When it is not within `limit`; the error ends with the log.
    pub fn wait_for(&self, connection: &str, up: bool, limit: Duration) -> Result<Duration> {
        let start = Instant::now();
        while self.is_up(connection)? != up {
            if start.elapsed() > limit {
                let wanted = if up { "up" } else { "down" };
                bail!(
                    "{connection} is not {wanted} after {} s; the log ends:\n{}",
                    limit.as_secs(),
                    self.log_end()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(start.elapsed())
    }

    /// All that charon has logged.
    #[must_use]
    pub fn log(&self) -> String {
        let read = |name| fs::read(self.folder.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&[read("output"), read(config::LOG_FILE)].concat()).into_owned()
    }

    /// The folder with its configuration and log, until the lab is removed.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The `swanctl` command for a person to look at this instance.
    #[must_use]
    pub fn swanctl_command(&self) -> String {
        format!("{} --list-sas --uri {}", self.swanctl.display(), self.uri())
    }

    /// Ends it as a power cut would: no word to its peers.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&self) -> Result<()> {
        self.process.kill().map(drop)
    }

    /// Ends it in good order: it deletes its SAs first.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn stop(&self) -> Result<()> {
        self.process.stop().map(drop)
    }

    fn uri(&self) -> String {
        format!("unix://{}", self.folder.join(config::VICI_SOCKET).display())
    }

    fn swanctl(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.swanctl);
        command.args(arguments).args(["--uri", &self.uri()]).env("SWANCTL_DIR", &self.folder);
        let Output { status, stdout, stderr } = self.host.output(&mut command, Duration::from_secs(60))?;
        let said = String::from_utf8_lossy(&stdout).into_owned();
        if !status.success() {
            bail!("swanctl {}: {said}{}", arguments.join(" "), String::from_utf8_lossy(&stderr).trim());
        }
        Ok(said)
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Finds a program of strongSwan's, also when sbin is not on the search path.
fn find(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file()).with_context(|| {
        format!(
            "{program} is not installed. Install strongSwan: apt-get install -y --no-install-recommends {}",
            STRONGSWAN_PACKAGES.join(" ")
        )
    })
}
