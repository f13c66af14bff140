//! WireGuard in userspace: wireguard-go or boringtun-cli, configured with `wg`.

use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use causeway_netlab::{Host, Process};
use ipnet::Ipv4Net;

/// Where both listen.
const PORT: u16 = 51820;
/// How long a daemon may take until its device is there.
const START_TIME_MAX: Duration = Duration::from_secs(5);
/// Names a boringtun-cli that is not on the search path.
const BORINGTUN_VARIABLE: &str = "BORINGTUN_CLI";

/// Which daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    /// Debian's.
    WireGuardGo,
    /// From crates.io.
    BoringTun,
}

/// A key pair, in base64.
pub struct Keys {
    private: String,
    /// The public half.
    pub public: String,
}

/// A running daemon with its device configured. It ends when this is dropped.
pub struct WireGuard {
    _process: Process,
}

impl Keys {
    /// A fresh pair, made by `wg`.
    pub fn make() -> Result<Self> {
        let private = wg("genkey", "")?;
        let public = wg("pubkey", &private)?;
        Ok(Self { private, public })
    }
}

fn wg(what: &str, input: &str) -> Result<String> {
    let mut child = Command::new("wg")
        .arg(what)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("running `wg` (Debian: apt-get install wireguard-tools)")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "wg {what} failed");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

impl WireGuard {
    /// Starts a daemon on a host, with one peer: its public key, outer address and networks.
    pub fn start(
        daemon: Daemon,
        host: &Host,
        folder: &Path,
        keys: &Keys,
        (peer_key, peer, networks): (&str, Ipv4Addr, Ipv4Net),
    ) -> Result<Self> {
        // The control socket is named after the device, in a folder that all namespaces share, and both daemons may be up.
        let kind = match daemon {
            Daemon::WireGuardGo => 'g',
            Daemon::BoringTun => 'b',
        };
        let device = format!("cwb{}{kind}{}", std::process::id() % 100_000, &host.label()[..1]);
        let config = folder.join(format!("{}.wg", host.label()));
        let text = format!(
            "[Interface]\nPrivateKey = {}\nListenPort = {PORT}\n[Peer]\nPublicKey = {peer_key}\nAllowedIPs = {networks}\nEndpoint = {peer}:{PORT}\n",
            keys.private
        );
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&config)?;
        file.write_all(text.as_bytes())?;
        let process = host.spawn(&mut command(daemon, &device)?)?;
        wait_for_device(&process, host, &device)?;
        host.run(Command::new("wg").args(["setconf", &device]).arg(&config))?;
        host.ip_batch(&[format!("link set {device} up"), format!("route add {networks} dev {device}")])?;
        Ok(Self { _process: process })
    }
}

fn command(daemon: Daemon, device: &str) -> Result<Command> {
    let mut command = match daemon {
        Daemon::WireGuardGo => {
            let mut command = Command::new("wireguard-go");
            command
                .args(["-f", device])
                .env("LOG_LEVEL", "error")
                .env("WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD", "1");
            command
        }
        Daemon::BoringTun => {
            let mut command = Command::new(boringtun()?);
            command.args(["--foreground", "--disable-drop-privileges", "--verbosity", "error", device]);
            command
        }
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

fn boringtun() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(BORINGTUN_VARIABLE) {
        return Ok(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("boringtun-cli"))
        .find(|file| file.is_file())
        .with_context(|| format!("boringtun-cli is neither installed nor named by {BORINGTUN_VARIABLE}"))
}

fn wait_for_device(process: &Process, host: &Host, device: &str) -> Result<()> {
    let give_up = Instant::now() + START_TIME_MAX;
    let socket = format!("/var/run/wireguard/{device}.sock");
    loop {
        if let Some(status) = process.try_wait()? {
            bail!("it ended at its start: {status}");
        }
        if Path::new(&socket).exists() && host.ip(&format!("link show {device}")).is_ok() {
            return Ok(());
        }
        ensure!(Instant::now() < give_up, "its device is not there after {} s", START_TIME_MAX.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
}
