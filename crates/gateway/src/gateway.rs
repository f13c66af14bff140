//! A gateway in being: starts its threads, and stops them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::Ipv4Addr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use causeway_control::desired::{Desires, RouteMatch};
use causeway_control::ids::VpnConnectionId;
use causeway_control::observed::{ObservedForwarding, Observer};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::config::{GatewayConfig, StartError};
use crate::domains::Domains;
use crate::engine::{Command, Engine, Listeners};
use crate::path::Inbound;
use crate::path::worker::Workers;
use crate::reconciler::{Nudge, Reconciler};
use crate::reports::Reports;
use crate::snapshot::{GatewaySnapshot, Registry};
use crate::sockets::LocalPorts;
use crate::stop::{StopSignal, StopSwitch};
use crate::tunnels::Tunnels;
use crate::watch::Watch;
use crate::withdrawals::{Withdrawals, Withdrawn};
use crate::{EngineHandle, Waker};

/// IKE messages that wait while the negotiating thread is busy; beyond it they are dropped, and sent again by their senders.
const IKE_MESSAGES_MAX: usize = 4_096;
/// How long stopping waits for the peers to be told, and for routes to be removed where they are.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// Starts gateways that carry packets.
pub struct Gateway;

/// A gateway that runs. It stops when this is dropped.
pub struct GatewayHandle {
    nudges: Sender<Nudge>,
    commands: Sender<Command>,
    registry: Arc<Registry>,
    running: Mutex<Option<Running>>,
}

struct Running {
    reconciler: JoinHandle<()>,
    engine: JoinHandle<()>,
    /// Those that end by the switch.
    others: Vec<JoinHandle<()>>,
    stop: StopSwitch,
    /// Keeps a second gateway away from our devices.
    _lock: UnixListener,
}

impl Gateway {
    /// Starts a gateway in the network namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// What is missing or in the way, and what to do about it. Nothing was changed then.
    pub fn start(
        config: GatewayConfig,
        desires: Arc<dyn Desires>,
        observer: Arc<dyn Observer>,
    ) -> Result<GatewayHandle, StartError> {
        if config.addresses.is_empty() {
            return Err(StartError::NoAddress);
        }
        if config.addresses.iter().any(|it| it.public.is_unspecified() || it.local.is_unspecified()) {
            return Err(StartError::AddressUnspecified);
        }
        warn_unless_forwarding();
        let ports = bind(&config)?;
        let lock = lock(&config)?;
        let (stop, signal) =
            StopSwitch::new().map_err(|error| StartError::of_system("opening a pipe", error))?;
        let failed = |error| StartError::of_system("setting up the workers", error);
        let workers = Workers::new(config.workers.get(), ports.values().cloned().collect(), &signal);
        let workers = workers.map_err(failed)?;
        let domains = Domains::new(&config, workers.clone())?;

        let inbound = Arc::new(Inbound::default());
        let registry = Arc::new(Registry::new(Arc::clone(&inbound)));
        let reports = Arc::new(Reports::new(observer));
        let (commands, obeyed) = unbounded();
        let (messages, taken) = bounded(IKE_MESSAGES_MAX);
        let (nudges, looked) = bounded(1);
        let (changed, checked) = bounded(1);

        let tunnels = Tunnels::new(Arc::clone(&inbound), ports, &config);
        let withdrawals = Arc::<Withdrawals>::default();
        let nudged = nudges.clone();
        let listeners = Listeners {
            reports: Arc::clone(&reports),
            withdrawals: Arc::clone(&withdrawals),
            wake_reconciler: Box::new(move || nudge(&nudged)),
        };
        let engine = Engine::new(tunnels, listeners, &config);
        let engine = spawn("ike", move || engine.run(&obeyed, &taken))?;
        let mut others = workers.start(&inbound, &messages).map_err(failed)?;
        others.push(watch(&domains, config.numbers.protocol, changed, &signal)?);
        let withdrawn = Withdrawn::new(withdrawals);
        let reconciler =
            Reconciler::new(desires, reports, Arc::clone(&registry), domains, commands.clone(), withdrawn);
        let reconciler = spawn("reconcile", move || reconciler.run(&looked, checked))?;
        let running = Running { reconciler, engine, others, stop, _lock: lock };
        Ok(GatewayHandle { nudges, commands, registry, running: Mutex::new(Some(running)) })
    }

    /// Removes the devices, routes and rules that a gateway with this configuration left in the network namespace of the calling
    /// thread when it stopped or was killed.
    ///
    /// # Errors
    ///
    /// [`StartError::AlreadyRunning`] while it runs; what the system says.
    pub fn release(config: &GatewayConfig) -> Result<(), StartError> {
        let _lock = lock(config)?;
        let mut domains = Domains::new(config, Workers::default())?;
        Ok(domains.recover(&BTreeSet::new())?)
    }
}

impl EngineHandle for GatewayHandle {
    fn nudge(&self) {
        nudge(&self.nudges);
    }

    fn waker(&self) -> Waker {
        let nudges = self.nudges.clone();
        Box::new(move || nudge(&nudges))
    }

    fn snapshot(&self) -> GatewaySnapshot {
        self.registry.snapshot()
    }

    fn forwarding(&self, id: &VpnConnectionId, of: Option<RouteMatch>) -> Option<ObservedForwarding> {
        self.registry.forwarding(id, of)
    }

    fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(running) = running else { return };
        // The peers first: their packets come to nobody from now on.
        let (done, told) = bounded(0);
        if self.commands.send(Command::Stop(done)).is_ok() {
            wait(&told, "telling the peers");
        }
        running.stop.throw();
        // A nudge may be in the only place; it goes as soon as the reconciler looks.
        if self.nudges.send_timeout(Nudge::Stop, STOP_PATIENCE).is_err() {
            tracing::warn!(
                "the gateway is too busy to end its domains; the next start looks after what is left"
            );
            return;
        }
        for thread in running.others.into_iter().chain([running.engine, running.reconciler]) {
            if thread.join().is_err() {
                tracing::error!("a thread of the gateway had panicked");
            }
        }
    }
}

impl Drop for GatewayHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

fn nudge(nudges: &Sender<Nudge>) {
    // If there is one already, the reconciler will look after it and see what we mean as well.
    let _there_is_one = nudges.try_send(Nudge::Look);
}

fn bind(config: &GatewayConfig) -> Result<BTreeMap<Ipv4Addr, Arc<LocalPorts>>, StartError> {
    let port = |address| Ok((address, Arc::new(LocalPorts::bind(address, config)?)));
    config.locals().into_iter().map(port).collect()
}

/// Without it the gateway itself gets through its tunnels, and nobody behind it.
fn warn_unless_forwarding() {
    let setting = "/proc/sys/net/ipv4/ip_forward";
    if std::fs::read_to_string(setting).is_ok_and(|value| value.trim() == "0") {
        tracing::warn!("this machine does not forward packets: `sysctl -w net.ipv4.ip_forward=1` lets it");
    }
}

/// A name that one process of a network namespace can have, and that goes with it.
fn lock(config: &GatewayConfig) -> Result<UnixListener, StartError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::AlreadyRunning { prefix: config.device_prefix.clone() },
        _ => StartError::of_system("taking the lock of the devices", error),
    };
    let name = format!("causeway-gateway/{}", config.device_prefix);
    SocketAddr::from_abstract_name(name).and_then(|name| UnixListener::bind_addr(&name)).map_err(failed)
}

fn watch(
    domains: &Domains,
    protocol: u8,
    changed: Sender<()>,
    signal: &StopSignal,
) -> Result<JoinHandle<()>, StartError> {
    let failed = |error| StartError::of_system("listening for changes of routes", error);
    let (watch, signal) =
        (Watch::open(domains.netlink_port(), protocol, domains.changes()).map_err(failed)?, signal.clone());
    spawn("watch", move || watch.run(&changed, &signal))
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    started.map_err(|error| StartError::of_system("starting a thread", error))
}

fn wait(told: &Receiver<()>, what: &str) {
    // What is waited for is that the other end is dropped.
    if told.recv_timeout(STOP_PATIENCE) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
        tracing::warn!("{what} took too long");
    }
}
