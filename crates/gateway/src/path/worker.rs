//! A worker: one thread for what a worker's sockets and its queues of all TUN devices hold.
//!
//! ```text
//!   epoll: this worker's sockets, its queue of each domain's device, the signal to stop
//!     -> sockets that have something:  open, write to the devices      inbound.rs
//!     -> queues that have something:   seal, send to the peers         outbound.rs
//!     -> sleep, if nothing has
//! ```
//!
//! Both directions are in one thread because one packet often answers another: Linux makes the answer to what a worker writes
//! to a device right then, in the queue of the same worker, which is awake. The two directions take turns of bounded length.
//!
//! A full send buffer keeps no way in waiting. What does not fit waits here, and Linux keeps what comes after it in the
//! devices, until there is room.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::Sender;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::inbound::{IkeDatagram, Receiver};
use super::outbound::Forwarder;
use super::wake::WakePolicy;
use super::{DomainPlane, Inbound};
use crate::sockets::{LocalPorts, Port};
use crate::stop::StopSignal;
use crate::supervise::supervise;

/// How many changes are taken at once.
const EVENTS_MAX: usize = 64;

/// What a worker can hear of. Sockets come first, by their place among the worker's; devices go by their index.
#[derive(Clone, Copy)]
enum Source {
    Port(u32),
    Device(u32),
    Stop,
}

/// All workers. Each hears of the domains that were added, until they are removed.
#[derive(Clone, Default)]
pub struct Workers {
    epolls: Arc<[Epoll]>,
    ports: Arc<[Arc<LocalPorts>]>,
    /// By the index of the device. There is one writer.
    domains: Arc<ArcSwap<BTreeMap<u32, Arc<DomainPlane>>>>,
    /// Kept open: epoll forgets what is closed. None where there is no worker.
    _stop: Option<StopSignal>,
}

/// What one thread works with.
struct Worker<'a> {
    number: usize,
    epoll: &'a Epoll,
    domains: &'a ArcSwap<BTreeMap<u32, Arc<DomainPlane>>>,
    ports: Vec<&'a Port>,
    receiver: Receiver<'a>,
    forwarder: Forwarder,
    wake: WakePolicy,
}

/// What has something, or had when it was looked at last. Each once.
struct Ready {
    ports: Vec<u32>,
    devices: Vec<u32>,
}

impl Workers {
    /// So many of them on these addresses, each with the sockets of its number, and no domain yet. They do nothing until they
    /// are started.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new(count: usize, ports: Vec<Arc<LocalPorts>>, stop: &StopSignal) -> io::Result<Self> {
        let open = |number| {
            let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
            // For ever once it has come, also for a thread that begins anew.
            epoll.add(stop, EpollEvent::new(EpollFlags::EPOLLIN, Source::Stop.encode()))?;
            for (at, port) in (0..).zip(of_worker(&ports, number)) {
                epoll.add(port, changes_of(Source::Port(at)))?;
            }
            Ok(epoll)
        };
        let epolls = (0..count).map(open).collect::<io::Result<_>>()?;
        Ok(Self { epolls, ports: ports.into(), domains: Arc::default(), _stop: Some(stop.clone()) })
    }

    /// Starts their threads, which end by the signal.
    ///
    /// # Errors
    ///
    /// What the system says. Those that were started end by the signal.
    pub fn start(
        &self,
        inbound: &Arc<Inbound>,
        ike: &Sender<IkeDatagram>,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let start = |number| {
            let (workers, inbound, ike) = (self.clone(), Arc::clone(inbound), ike.clone());
            let name = format!("worker-{number}");
            let thread = std::thread::Builder::new().name(name.clone());
            thread.spawn(move || supervise(&name, || workers.run(number, &inbound, &ike)))
        };
        (0..self.epolls.len()).map(start).collect()
    }

    /// Forwards what Linux hands over in this domain's device from now on.
    pub fn add(&self, domain: &Arc<DomainPlane>) -> io::Result<()> {
        let index = domain.device.index();
        self.change(|domains| drop(domains.insert(index, Arc::clone(domain))));
        for (number, epoll) in self.epolls.iter().enumerate().take(domain.device.queues()) {
            epoll.add(domain.device.queue(number), changes_of(Source::Device(index)))?;
        }
        Ok(())
    }

    /// Forwards nothing of this domain's device any more, once what has begun is done.
    pub fn remove(&self, domain: &DomainPlane) {
        self.change(|domains| drop(domains.remove(&domain.device.index())));
        for (number, epoll) in self.epolls.iter().enumerate().take(domain.device.queues()) {
            // Where that fails, the queue goes with the domain, and nothing is found for it until then.
            let _removed = epoll.delete(domain.device.queue(number));
        }
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<u32, Arc<DomainPlane>>)) {
        let mut domains = BTreeMap::clone(&self.domains.load());
        change(&mut domains);
        self.domains.store(Arc::new(domains));
    }

    fn run(&self, number: usize, inbound: &Inbound, ike: &Sender<IkeDatagram>) {
        let Some(epoll) = self.epolls.get(number) else { return };
        let ports = of_worker(&self.ports, number);
        // What a thread before this one had not looked at makes no change any more.
        let devices = self.domains.load().keys().copied().collect();
        let ready = Ready { ports: (0..ports.len() as u32).collect(), devices };
        let receiver = Receiver::new(number, inbound, ike);
        let forwarder = Forwarder::new();
        let wake = WakePolicy::of_this_thread();
        Worker { number, epoll, domains: &self.domains, ports, receiver, forwarder, wake }.run(ready);
    }
}

impl Worker<'_> {
    fn run(&mut self, mut ready: Ready) {
        while self.hear(&mut ready) {
            ready.ports.retain(|at| self.receive(*at));
            self.forwarder.send_waiting();
            ready.devices.retain(|index| self.forwarder.is_stalled() || self.forward(*index));
        }
    }

    /// Adds what has something now, and sleeps until something has. False if it is the signal to stop.
    fn hear(&mut self, ready: &mut Ready) -> bool {
        let mut timeout = EpollTimeout::ZERO;
        if ready.ports.is_empty() {
            match self.forwarder.waits_for() {
                Some((port, until)) => self.wait_for_room(port, until),
                None if ready.devices.is_empty() => timeout = EpollTimeout::NONE,
                None => {}
            }
        }
        let mut events = [EpollEvent::empty(); EVENTS_MAX];
        let heard = match self.epoll.wait(&mut events, timeout) {
            Ok(heard) => &events[..heard],
            Err(Errno::EINTR) => return true,
            Err(error) => {
                tracing::error!(worker = self.number, %error, "waiting for packets");
                return true;
            }
        };
        if timeout.is_none() {
            self.wake.on_wake();
        }
        for source in heard.iter().map(|event| Source::decode(event.data())) {
            let (of_its_kind, number) = match source {
                Source::Port(at) => (&mut ready.ports, at),
                Source::Device(index) => (&mut ready.devices, index),
                Source::Stop => return false,
            };
            if !of_its_kind.contains(&number) {
                of_its_kind.push(number);
            }
        }
        true
    }

    /// Sleeps until a send buffer has room, something else has happened, or the time has come.
    fn wait_for_room(&self, port: &Port, until: Instant) {
        let mut waiting = [
            PollFd::new(port.as_fd(), PollFlags::POLLOUT),
            PollFd::new(self.epoll.0.as_fd(), PollFlags::POLLIN),
        ];
        // At least a millisecond, which is what `poll` counts in.
        let left = until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        let patience = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        if let Err(error) = poll(&mut waiting, patience) {
            tracing::debug!(worker = self.number, %error, "waiting for room in a send buffer");
        }
    }

    /// Whether there may be more.
    fn receive(&mut self, at: u32) -> bool {
        self.ports.get(at as usize).is_some_and(|port| self.receiver.receive(port))
    }

    /// Whether there may be more.
    fn forward(&mut self, index: u32) -> bool {
        let domains = self.domains.load();
        let Some(domain) = domains.get(&index) else { return false };
        self.forwarder.forward(domain, domain.device.queue(self.number))
    }
}

impl Source {
    /// As epoll keeps it.
    fn encode(self) -> u64 {
        match self {
            Self::Port(at) => u64::from(at),
            Self::Device(index) => 1 << 32 | u64::from(index),
            Self::Stop => u64::MAX,
        }
    }

    fn decode(data: u64) -> Self {
        match data >> 32 {
            0 => Self::Port(data as u32),
            1 => Self::Device(data as u32),
            _ => Self::Stop,
        }
    }
}

/// Told once when something comes: whoever hears of it looks until there is nothing more.
fn changes_of(source: Source) -> EpollEvent {
    EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, source.encode())
}

fn of_worker(ports: &[Arc<LocalPorts>], number: usize) -> Vec<&Port> {
    ports.iter().flat_map(|ports| ports.of_worker(number)).collect()
}
