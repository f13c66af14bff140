//! A wire: a switch in a namespace of its own, which connects several hosts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::capture::{Capture, CaptureOptions};
use crate::host::Host;

/// The switch's interface inside its own namespace.
const BRIDGE: &str = "switch";

/// A network segment such as "the internet": every plugged host reaches every other directly.
#[derive(Clone, Debug)]
pub struct Wire {
    inside: Host,
    /// The switch port of each plugged host, by its namespace: the last one plugged.
    ports: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Wire {
    pub(crate) fn new(inside: Host) -> Result<Self> {
        inside.sysctl("net.ipv4.ip_forward", "0")?;
        inside.ip_batch(&[
            format!("link add {BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0"),
            format!("link set {BRIDGE} up"),
        ])?;
        Ok(Self { inside, ports: Arc::default() })
    }

    /// The namespace in which the switch is; its interfaces are named after the hosts that are plugged in.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.inside
    }

    /// Plugs a host in: it gets the interface `interface` with these addresses (with prefix lengths).
    ///
    /// # Errors
    /// When the host has an interface of that name already, or an address is not one.
    pub fn plug(&self, host: &Host, interface: &str, addresses: &[&str]) -> Result<()> {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        let label: String = host.label().chars().take(10).collect();
        let port = format!("{label}-{}", ports.len());
        self.inside.add_cable(&port, host, interface)?;
        self.inside.ip_batch(&[format!("link set {port} master {BRIDGE} up")])?;
        ports.insert(host.netns().to_owned(), port);
        host.bring_up(interface, addresses)
    }

    /// Pulls the cable of a host out, or plugs it back in: nothing passes while it is out.
    ///
    /// # Errors
    /// When the host was never plugged in here.
    pub fn set_plugged(&self, host: &Host, plugged: bool) -> Result<()> {
        let ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        let port =
            ports.get(host.netns()).with_context(|| format!("{} is not on this wire", host.label()))?;
        let state = if plugged { "up" } else { "down" };
        self.inside.ip_batch(&[format!("link set {port} {state}")])
    }

    /// Captures every frame that crosses the wire, each once.
    ///
    /// # Errors
    /// When the capture socket cannot be made.
    pub fn capture(&self, options: CaptureOptions) -> Result<Capture> {
        Capture::on_switch(&self.inside, BRIDGE, options)
    }
}
