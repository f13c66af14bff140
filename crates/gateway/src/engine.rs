//! The thread that negotiates: it owns the IKE endpoint, its timers, and the tunnels that come of it, and watches over them.

mod health;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use causeway_control::ids::VpnConnectionId;
use causeway_control::observed::{FailureKind, Level, ObservedTunnel};
use causeway_crypto::{OwnCertificate, Random, SystemRandom};
use causeway_ike::{Endpoint, Output, TunnelConfig, TunnelKey};
use crossbeam_channel::{Receiver, Sender, select};

use crate::Waker;
use crate::config::{Encapsulation, GatewayConfig, IKE_PORT, NAT_TRAVERSAL_PORT};
use crate::health::Withdrawal;
use crate::observation;
use crate::path::inbound::IkeDatagram;
use crate::proposals::{tunnel_config, weaknesses, with_certificates};
use crate::reports::Reports;
use crate::supervise::survives;
use crate::tunnels::{TunnelPlace, Tunnels};
use crate::vigil::Vigil;
use crate::withdrawals::Withdrawals;
use causeway_control::desired::DesiredTunnel;

/// How often tunnels are asked whether packets came out of them, at least.
const LISTEN_INTERVAL_MAX: Duration = Duration::from_secs(1);
/// How many messages are taken before timers are looked at again.
const MESSAGES_MAX: usize = 256;

/// What the engine is told to do.
pub enum Command {
    /// Negotiate this tunnel, or negotiate it as it is configured now.
    Put(TunnelKey, Box<(DesiredTunnel, TunnelPlace)>),
    /// Close a tunnel, tell its peer, and forget it.
    Remove(TunnelKey),
    /// Close all tunnels and end; dropping the sender tells that it is done.
    Stop(Sender<()>),
}

/// What the thread owns.
pub struct Engine {
    endpoint: Endpoint,
    tunnels: Tunnels,
    /// What is being negotiated.
    configs: BTreeMap<TunnelKey, TunnelConfig>,
    reports: Arc<Reports>,
    /// For each address that peers know us by, the address of this machine.
    addresses: BTreeMap<Ipv4Addr, Ipv4Addr>,
    encapsulation: Encapsulation,
    certificate: Option<OwnCertificate>,
    start: Instant,
    next_listening: Duration,
    listen_interval: Duration,
    vigil: Vigil,
    /// The tunnel that carries each connection, or did last.
    carried: BTreeMap<VpnConnectionId, TunnelKey>,
    /// The connections that no tunnel carries and whose routes are withdrawn when that lasts.
    withdrawing: BTreeMap<VpnConnectionId, Withdrawal>,
    withdrawals: Arc<Withdrawals>,
    wake_reconciler: Waker,
}

/// Whom the engine tells what it finds.
pub struct Listeners {
    /// What the gateway tells of each connection.
    pub reports: Arc<Reports>,
    /// Whose routes are to be withdrawn.
    pub withdrawals: Arc<Withdrawals>,
    /// Lets somebody look at them.
    pub wake_reconciler: Waker,
}

impl Engine {
    /// An engine without tunnels.
    pub fn new(tunnels: Tunnels, listeners: Listeners, config: &GatewayConfig) -> Self {
        let Listeners { reports, withdrawals, wake_reconciler } = listeners;
        let listen_interval = LISTEN_INTERVAL_MAX.min(config.silence.sent_for / 4);
        let mut endpoint = Endpoint::new(Box::new(SystemRandom), config.limits.clone());
        endpoint.set_unix_time(unix_now(), Duration::ZERO);
        Self {
            endpoint,
            tunnels,
            configs: BTreeMap::new(),
            reports,
            addresses: config.local_of_public(),
            encapsulation: config.encapsulation,
            certificate: config.certificate.clone(),
            start: Instant::now(),
            next_listening: listen_interval,
            listen_interval,
            vigil: Vigil::new(config.silence),
            carried: BTreeMap::new(),
            withdrawing: BTreeMap::new(),
            withdrawals,
            wake_reconciler,
        }
    }

    /// Negotiates until told to stop, or until nobody is left who could.
    pub fn run(mut self, commands: &Receiver<Command>, messages: &Receiver<IkeDatagram>) {
        let answers = self.tunnels.echoes().answers();
        loop {
            let wait = self.next_due().saturating_sub(self.now());
            select! {
                recv(commands) -> command => match command {
                    Ok(Command::Stop(done)) => {
                        self.close_all();
                        return drop(done);
                    }
                    Ok(command) => self.guarded(|it| it.obey(command)),
                    Err(_nobody_left) => return self.close_all(),
                },
                recv(messages) -> message => {
                    let more = messages.try_iter().take(MESSAGES_MAX);
                    message.into_iter().chain(more).for_each(|message| self.guarded(|it| it.take(&message)));
                }
                recv(answers) -> answer => {
                    let more = answers.try_iter().take(MESSAGES_MAX);
                    answer.into_iter().chain(more).for_each(|answer| self.guarded(|it| it.take_answer(&answer)));
                }
                default(wait) => {}
            }
            self.guarded(Self::do_what_is_due);
            self.guarded(Self::apply_outputs);
            self.guarded(Self::settle);
        }
    }

    /// A panic over one tunnel must not end the negotiation of all.
    fn guarded(&mut self, work: impl FnOnce(&mut Self)) {
        survives("ike", || work(self));
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn next_due(&self) -> Duration {
        let due = [self.endpoint.next_timeout(), self.vigil.next_timeout()];
        due.into_iter().flatten().fold(self.next_listening, Duration::min)
    }

    fn do_what_is_due(&mut self) {
        let now = self.now();
        if now >= self.next_listening {
            self.next_listening = now + self.listen_interval;
            // The clock may have been set.
            self.endpoint.set_unix_time(unix_now(), now);
            self.listen(now);
            for (key, text) in self.tunnels.probe_ways(now) {
                self.log(Some(key), Level::Info, text);
            }
            for (key, inbound_spi) in self.tunnels.take_worn() {
                let text =
                    format!("child SA {inbound_spi:08x} has carried half of what it may: it is rekeyed");
                self.log(Some(key), Level::Info, text);
                self.endpoint.rekey_child(key, inbound_spi, now);
            }
            for key in self.tunnels.used_up() {
                self.begin_anew(key, now);
            }
        }
        if self.endpoint.next_timeout().is_some_and(|due| due <= now) {
            self.endpoint.handle_timeout(now);
        }
        self.check_health(now);
    }

    fn take(&mut self, message: &IkeDatagram) {
        let port = if message.to_nat_traversal { NAT_TRAVERSAL_PORT } else { IKE_PORT };
        let local = SocketAddrV4::new(message.local, port);
        self.endpoint.on_datagram(local, message.remote, &message.message, self.now());
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Put(key, put) => self.put(key, &put.0, put.1),
            Command::Remove(key) => self.remove(key),
            Command::Stop(_) => {}
        }
    }

    fn put(&mut self, key: TunnelKey, tunnel: &DesiredTunnel, place: TunnelPlace) {
        let (connection, id) = (place.connection.clone(), place.id.clone());
        self.tunnels.put(key, place);
        let mut secret = [0; 8];
        SystemRandom.fill(&mut secret);
        let beginning = (u64::from_ne_bytes(secret), self.now());
        self.vigil.put(key, &connection, tunnel.health_check, beginning);
        self.judge(key, None);
        let local = self.addresses.get(&tunnel.local_address).copied();
        let config = tunnel_config(tunnel, local, self.encapsulation);
        match config.and_then(|config| with_certificates(config, tunnel, self.certificate.as_ref())) {
            Ok(config) => {
                if let Some(text) = weaknesses(tunnel) {
                    self.reports.log(&connection, Some(&id), Level::Warning, text);
                }
                self.configs.insert(key, config.clone());
                self.endpoint.put_tunnel(key, config, self.now());
            }
            Err(reason) => {
                self.configs.remove(&key);
                self.endpoint.remove_tunnel(key, self.now());
                self.apply_outputs();
                let text = reason.to_string();
                self.reports.log(&connection, Some(&id), Level::Error, text.clone());
                let failure = Some(FailureKind::Configuration);
                let seen = ObservedTunnel { last_error: Some(text), failure, ..ObservedTunnel::default() };
                self.reports.tunnel(&connection, &id, seen);
            }
        }
    }

    fn remove(&mut self, key: TunnelKey) {
        self.endpoint.remove_tunnel(key, self.now());
        self.apply_outputs();
        self.configs.remove(&key);
        let connection = self.tunnels.place(key).map(|place| place.connection.clone());
        self.tunnels.remove(key);
        self.vigil.remove(key);
        if let Some(connection) = connection.filter(|it| self.tunnels.of_connection(it).next().is_none()) {
            self.forget_health(&connection);
        }
    }

    /// Rekeying did not come in time, or the peer refuses it. A short gap is better than a dead tunnel.
    fn begin_anew(&mut self, key: TunnelKey, now: Duration) {
        let Some(config) = self.configs.get(&key).cloned() else { return };
        let text = "an IPsec SA has carried all that it may and was not rekeyed in time: the tunnel is negotiated anew";
        self.log(Some(key), Level::Warning, text.to_owned());
        self.endpoint.remove_tunnel(key, now);
        self.apply_outputs();
        self.endpoint.put_tunnel(key, config, now);
    }

    fn close_all(&mut self) {
        for key in self.tunnels.keys() {
            self.remove(key);
        }
    }

    fn apply_outputs(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            self.apply(output);
        }
    }

    fn apply(&mut self, output: Output) {
        match output {
            Output::Transmit { local, remote, message } => self.transmit(local, remote, Some(&message)),
            Output::Keepalive { local, remote } => self.transmit(local, remote, None),
            Output::ChildUp { tunnel, child } => {
                if let Err(error) = self.tunnels.child_up(tunnel, &child) {
                    self.log(Some(tunnel), Level::Error, format!("a child SA was not installed: {error}"));
                }
            }
            Output::ChildUse { tunnel, inbound_spis } => {
                self.tunnels.child_use(tunnel, inbound_spis);
                self.report_selectors(tunnel);
            }
            Output::ChildMoved { inbound_spi, encapsulation, .. } => {
                self.tunnels.child_moved(inbound_spi, encapsulation);
            }
            Output::ChildDown { tunnel, inbound_spi } => {
                self.tunnels.child_down(inbound_spi);
                self.report_selectors(tunnel);
            }
            Output::Status { tunnel, status, failure, nat } => {
                if let Some(place) = self.tunnels.place(tunnel) {
                    let seen = observation::tunnel(status, failure, nat);
                    self.reports.tunnel(&place.connection, &place.id, seen);
                }
            }
            Output::Log { tunnel, level, text } => self.log(tunnel, observation::level(level), text),
        }
    }

    /// A rekey may have agreed on other networks than before.
    fn report_selectors(&self, tunnel: TunnelKey) {
        if let Some(place) = self.tunnels.place(tunnel) {
            self.reports.selectors(&place.connection, &place.id, self.tunnels.selectors(tunnel));
        }
    }

    /// Sends a message, or a keepalive if there is none.
    fn transmit(&self, local: SocketAddrV4, remote: SocketAddrV4, message: Option<&[u8]>) {
        let Some(ports) = self.tunnels.ports(*local.ip()) else { return };
        let sent = match message {
            Some(message) => ports.send_ike(local.port() == NAT_TRAVERSAL_PORT, remote, message),
            None => ports.send_keepalive(remote),
        };
        // It is sent again, and after some times the tunnel's log says that the peer does not answer.
        if let Err(error) = sent {
            tracing::debug!(%local, %remote, %error, "sending IKE");
        }
    }

    fn log(&self, tunnel: Option<TunnelKey>, level: Level, text: String) {
        match tunnel.and_then(|key| self.tunnels.place(key)) {
            Some(place) => self.reports.log(&place.connection, Some(&place.id), level, text),
            None => tracing::info!(level = level.as_str(), "{text}"),
        }
    }
}

/// The time since 1970.
fn unix_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
