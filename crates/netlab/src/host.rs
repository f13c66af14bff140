//! A host: a network namespace, and what can be done in it.

use std::fs::{self, File};
use std::io::Read;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ipnet::Ipv4Net;
use nix::sched::{CloneFlags, setns};

use crate::iproute;
use crate::lab::Things;
use crate::process::Process;
use crate::sweep::NETNS_FOLDER;

/// The longest interface name that Linux has.
const INTERFACE_NAME_MAX: usize = 15;

/// A host of a lab. Clones mean the same host.
#[derive(Clone, Debug)]
pub struct Host {
    label: String,
    netns: String,
    things: Arc<Things>,
}

impl Host {
    pub(crate) fn new(label: &str, netns: &str, things: Arc<Things>) -> Self {
        Self { label: label.to_owned(), netns: netns.to_owned(), things }
    }

    /// What the lab calls it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The name of its network namespace.
    #[must_use]
    pub fn netns(&self) -> &str {
        &self.netns
    }

    pub(crate) fn set_up(&self) -> Result<()> {
        self.ip_batch(&["link set lo up".into()])?;
        self.enter(|| {
            for (name, value) in [
                ("net.ipv4.ip_forward", "1"),
                ("net.ipv4.conf.all.rp_filter", "0"),
                ("net.ipv4.conf.default.rp_filter", "0"),
            ] {
                write_sysctl(name, value)?;
            }
            // Keeps the wire quiet. A kernel without IPv6 has no such setting, and no such noise.
            for name in ["net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.default.disable_ipv6"] {
                if Path::new("/proc/sys/net/ipv6").exists() {
                    write_sysctl(name, "1")?;
                }
            }
            Ok(())
        })?
    }

    /// Runs `work` inside the host, in a thread of its own: sockets it opens, files of /proc/sys/net it writes, and
    /// threads and processes it starts belong to the host, also after `work` has returned.
    ///
    /// # Errors
    /// When the host's namespace cannot be entered. A panic of `work` goes on in the caller.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let path = Path::new(NETNS_FOLDER).join(&self.netns);
        let namespace = File::open(&path)
            .with_context(|| format!("opening the namespace of {} ({})", self.label, path.display()))?;
        std::thread::scope(|scope| {
            let inside = move || -> Result<T> {
                setns(&namespace, CloneFlags::CLONE_NEWNET).context("entering the host's namespace")?;
                Ok(work())
            };
            let thread = std::thread::Builder::new()
                .name(format!("in {}", self.label))
                .spawn_scoped(scope, inside)
                .context("starting a thread")?;
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Runs a command in the host to its end, and gives what it printed.
    ///
    /// # Errors
    /// When it cannot be started, takes over a minute, or fails; the error holds what it said.
    pub fn run(&self, command: &mut Command) -> Result<String> {
        let output = self.output(command, Duration::from_secs(60))?;
        if !output.status.success() {
            bail!(
                "{command:?} on {} failed ({}): {}{}",
                self.label,
                output.status,
                String::from_utf8_lossy(&output.stderr).trim(),
                String::from_utf8_lossy(&output.stdout).trim(),
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs a command in the host to its end, at most `limit`.
    ///
    /// # Errors
    /// When it cannot be started or takes longer; it is ended then.
    pub fn output(&self, command: &mut Command, limit: Duration) -> Result<Output> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let what = format!("{command:?}");
        let process = self.spawn(command)?;
        let (stdout, stderr) = process.take_pipes();
        let (stdout, stderr) = (read_in_thread(stdout), read_in_thread(stderr));
        let status = process.running.wait_until(Instant::now() + limit)?;
        let Some(status) = status else {
            process.kill()?;
            bail!("{what} on {} took over {} s and was ended", self.label, limit.as_secs_f32());
        };
        let join = |reader: std::thread::JoinHandle<Vec<u8>>| reader.join().unwrap_or_default();
        Ok(Output { status, stdout: join(stdout), stderr: join(stderr) })
    }

    /// Starts a command in the host and leaves it running. Standard input and output are as the command says.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, command: &mut Command) -> Result<Process> {
        let running = self.enter(|| self.things.start(command))??;
        Ok(Process { running })
    }

    /// Runs lines of `ip -batch` in the host, such as `route add default via 10.0.0.1`.
    ///
    /// # Errors
    /// When one fails; those before it have taken effect.
    pub fn ip_batch(&self, lines: &[String]) -> Result<()> {
        iproute::batch(&self.netns, lines)
    }

    /// Runs one line of `ip`, such as `route show table all`, and gives what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn ip(&self, line: &str) -> Result<String> {
        let mut arguments = vec!["-n", self.netns.as_str()];
        arguments.extend(line.split_whitespace());
        iproute::ip(&arguments)
    }

    /// A new folder for a program on this host, inside the lab's folder.
    pub(crate) fn new_folder(&self, name: &str) -> Result<PathBuf> {
        let lab = self.things.folder()?;
        let path = (0..)
            .map(|number| lab.join(format!("{}-{name}-{number}", self.label)))
            .find(|path| !path.exists())
            .context("every folder name is taken")?;
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(path)
    }

    /// Adds the default route.
    ///
    /// # Errors
    /// When there is one, or the gateway is not on a link.
    pub fn default_route(&self, gateway: &str) -> Result<()> {
        self.ip_batch(&[format!("route add default via {gateway}")])
    }

    /// Adds a route to a network by way of a neighbour.
    ///
    /// # Errors
    /// When it exists, or the neighbour is not on a link.
    pub fn route(&self, network: &str, gateway: &str) -> Result<()> {
        self.ip_batch(&[format!("route add {network} via {gateway}")])
    }

    /// Adds a further address to an interface.
    ///
    /// # Errors
    /// When the interface does not exist, or the address is not one.
    pub fn address(&self, interface: &str, address: &str) -> Result<()> {
        self.ip_batch(&[address_line(interface, address)?])
    }

    /// Sets a kernel setting of the host, such as `net.ipv4.ip_forward` to `0`.
    ///
    /// # Errors
    /// When it does not exist or may not be written.
    pub fn sysctl(&self, name: &str, value: &str) -> Result<()> {
        self.enter(|| write_sysctl(name, value))?
    }

    pub(crate) fn add_cable(&self, name: &str, other: &Self, other_name: &str) -> Result<()> {
        for name in [name, other_name] {
            if name.is_empty() || name.len() > INTERFACE_NAME_MAX {
                bail!("`{name}` is not an interface name: 1 to {INTERFACE_NAME_MAX} letters");
            }
        }
        let line = format!("link add {name} type veth peer name {other_name} netns {}", other.netns);
        self.ip_batch(&[line]).with_context(|| format!("connecting {} and {}", self.label, other.label))
    }

    pub(crate) fn bring_up(&self, interface: &str, addresses: &[&str]) -> Result<()> {
        let mut lines = Vec::new();
        for address in addresses {
            lines.push(address_line(interface, address)?);
        }
        lines.push(format!("link set {interface} up"));
        self.ip_batch(&lines)
    }
}

fn address_line(interface: &str, address: &str) -> Result<String> {
    let address: Ipv4Net =
        address.parse().with_context(|| format!("`{address}` is not an address with a prefix length"))?;
    Ok(format!("address add {address} dev {interface}"))
}

fn write_sysctl(name: &str, value: &str) -> Result<()> {
    let path = Path::new("/proc/sys").join(name.replace('.', "/"));
    fs::write(&path, value).with_context(|| {
        format!("setting {name} = {value} (in a container, /proc/sys must be writable: --privileged)")
    })
}

fn read_in_thread(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is still what it said.
            let _complete = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}
