//! A lab: hosts, links and processes under one name, removed together.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use anyhow::{Context, Result, bail, ensure};

use tempfile::TempDir;

use crate::host::Host;
use crate::process::Running;
use crate::rights::{Rights, rights};
use crate::sweep::{remove_namespace, sweep};
use crate::wire::Wire;
use crate::{interrupt, iproute};

/// Every lab of this process that is not removed yet, for Ctrl-C.
static LABS: Mutex<Vec<Weak<Things>>> = Mutex::new(Vec::new());

/// Tells the labs of one process apart.
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A small network of hosts on this machine. Everything in it is removed when this is dropped.
#[derive(Debug)]
pub struct Lab {
    things: Arc<Things>,
    rights: Rights,
}

/// What a lab made, in the order in which it made it.
#[derive(Debug)]
pub(crate) struct Things {
    /// Begins the name of each namespace.
    name: String,
    made: Mutex<Made>,
}

#[derive(Debug, Default)]
struct Made {
    removed: bool,
    namespaces: Vec<String>,
    processes: Vec<Weak<Running>>,
    folder: Option<TempDir>,
}

/// One end of a link: the host, the name of its interface, and the addresses with prefix lengths.
pub(crate) type End<'a> = (&'a Host, &'a str, &'a [&'a str]);

impl Lab {
    /// An empty lab. Its namespaces are called `PREFIX-PID-N-HOST`. What earlier runs with this prefix left behind when
    /// they were killed is removed first.
    ///
    /// # Errors
    /// Without the rights (see [`crate::ensure_rights`]) or without the command `ip`.
    pub fn new(prefix: &str) -> Result<Self> {
        ensure!(
            !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
            "a lab's prefix is lower-case letters and dashes, not `{prefix}`"
        );
        let rights = rights()?;
        iproute::check_present()?;
        interrupt::watch()?;
        sweep(prefix);
        let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{prefix}-{}-{counter}", std::process::id());
        let things = Arc::new(Things { name, made: Mutex::new(Made::default()) });
        let mut labs = LABS.lock().unwrap_or_else(PoisonError::into_inner);
        labs.retain(|lab| lab.strong_count() > 0);
        labs.push(Arc::downgrade(&things));
        drop(labs);
        Ok(Self { things, rights })
    }

    /// The name that all its namespaces begin with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.things.name
    }

    /// With what rights its hosts were made.
    #[must_use]
    pub fn rights(&self) -> Rights {
        self.rights
    }

    /// Adds a host: loopback up, forwarding on, no reverse-path filter, no IPv6, nothing else.
    ///
    /// # Errors
    /// When the namespace cannot be made or set up.
    pub fn host(&self, label: &str) -> Result<Host> {
        ensure!(
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
            "a host's label is letters, digits and dashes, not `{label}`"
        );
        let netns = format!("{}-{label}", self.things.name);
        self.things.add_namespace(&netns)?;
        let host = Host::new(label, &netns, Arc::clone(&self.things));
        host.set_up().with_context(|| format!("setting up the host {label}"))?;
        Ok(host)
    }

    /// Adds a wire: a switch that connects several hosts, such as "the internet".
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn wire(&self, label: &str) -> Result<Wire> {
        Wire::new(self.host(label)?)
    }

    /// Connects two hosts by a cable of their own.
    ///
    /// # Errors
    /// When an interface of that name exists, or an address is not one.
    pub fn link(&self, left: End<'_>, right: End<'_>) -> Result<()> {
        let (left_host, left_name, left_addresses) = left;
        let (right_host, right_name, right_addresses) = right;
        left_host.add_cable(left_name, right_host, right_name)?;
        left_host.bring_up(left_name, left_addresses)?;
        right_host.bring_up(right_name, right_addresses)
    }

    /// A folder of the lab's own, which only this user can look into; removed with the lab.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self) -> Result<PathBuf> {
        self.things.folder()
    }

    /// What a person types to get a shell, or run a command, inside a host of this lab.
    #[must_use]
    pub fn enter_command(&self, host: &Host) -> String {
        match self.rights {
            Rights::Machine => format!("ip netns exec {}", host.netns()),
            Rights::UserNamespace { outside_pid: Some(pid) } => format!(
                "nsenter --target {pid} --user --preserve-credentials --mount --pid ip netns exec {}",
                host.netns()
            ),
            Rights::UserNamespace { outside_pid: None } => {
                format!("ip netns exec {} (inside the user namespace of this program)", host.netns())
            }
        }
    }

    /// Removes everything now; dropping the lab does the same.
    pub fn remove(self) {
        drop(self);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.things.remove();
    }
}

impl Things {
    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_namespace(&self, netns: &str) -> Result<()> {
        let mut made = self.made();
        ensure!(!made.removed, "the lab {} is removed already", self.name);
        if made.namespaces.iter().any(|existing| existing == netns) {
            bail!("the lab has a host {netns} already");
        }
        iproute::ip(&["netns", "add", netns]).context("making a network namespace")?;
        made.namespaces.push(netns.to_owned());
        Ok(())
    }

    /// Starts a process under the lab's eyes. The caller is in the namespace that it shall run in.
    pub(crate) fn start(&self, command: &mut std::process::Command) -> Result<Arc<Running>> {
        let mut made = self.made();
        ensure!(!made.removed, "the lab {} is removed already", self.name);
        let running = Arc::new(Running::start(command)?);
        made.processes.retain(|process| process.strong_count() > 0);
        made.processes.push(Arc::downgrade(&running));
        Ok(running)
    }

    /// The lab's folder, made when it is first asked for.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        let mut made = self.made();
        ensure!(!made.removed, "the lab {} is removed already", self.name);
        if let Some(folder) = &made.folder {
            return Ok(folder.path().to_owned());
        }
        let prefix = format!("{}-", self.name);
        let folder = tempfile::Builder::new()
            .prefix(&prefix)
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir()
            .context("making the lab's folder")?;
        Ok(made.folder.insert(folder).path().to_owned())
    }

    fn remove(&self) {
        let Made { processes, namespaces, folder, .. } =
            std::mem::replace(&mut *self.made(), Made { removed: true, ..Made::default() });
        let processes: Vec<_> = processes.iter().filter_map(Weak::upgrade).collect();
        for process in &processes {
            process.signal(nix::sys::signal::Signal::SIGTERM);
        }
        for process in processes.iter().rev() {
            if let Err(error) = process.stop() {
                eprintln!("netlab: {error:#}");
            }
        }
        for namespace in namespaces.iter().rev() {
            remove_namespace(namespace);
        }
        if let Some(folder) = folder
            && let Err(error) = folder.close()
        {
            eprintln!("netlab: the lab's folder could not be removed: {error}");
        }
    }
}

/// Removes every lab of this process: on Ctrl-C.
pub(crate) fn remove_all() {
    let labs: Vec<_> =
        LABS.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect();
    for lab in labs {
        lab.remove();
    }
}
