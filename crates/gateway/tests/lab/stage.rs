//! Where a scenario is played: a gateway and strongSwan with hosts behind them, and a relay in between.
//!
//! ```text
//!   lan 10.1.0.2 -- gateway 192.0.2.1 -- [relay] -- peer 198.51.100.9, 10.9.0.2 and 10.8.0.2
//!                   seen as 203.0.113.1             seen as 203.0.113.9, where a translator is in front
//! ```

use std::net::Ipv4Addr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use causeway_control::desired::{DesiredConnection, DesiredTunnel};
use causeway_control::resource::tunnel::TunnelRole;
use causeway_gateway::{Encapsulation, GatewayConfig, IkeLimits, LocalAddress};
use causeway_lab::{Action, Expectation, Front as Kind, Sa, Scenario, Step, TunnelSettings, Weather};
use causeway_netlab::{
    Capture, CaptureOptions, Flow, Front, Host, Lab, Pinger, Relay, RelaySettings, StrongSwan,
};

use crate::authority::Certificates;
use crate::peer::{self, CONNECTION, Ends};
use crate::site::Site;
use crate::wanted::{connection, route, tunnel};

/// The ids of the one connection and its one tunnel.
pub const VCO: &str = "vco-lab";
const TUNNEL: &str = "tun-lab";

const GATEWAY_PUBLIC: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const PEER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 9);
const PEER_PUBLIC: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
/// Hosts behind the peer, one in each of two networks.
pub const BEHIND_PEER: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 9, 0, 2), Ipv4Addr::new(10, 8, 0, 2)];

/// From one packet of the traffic to the next.
const TRAFFIC_INTERVAL: Duration = Duration::from_millis(2);
/// What a scenario may take beyond what its steps say.
const BESIDE: Duration = Duration::from_secs(40);

/// A scenario being played.
pub struct Stage {
    pub scenario: Scenario,
    pub site: Site,
    pub relay: Relay,
    pub capture: Capture,
    pub charon: Option<StrongSwan>,
    /// What peers have logged that are gone.
    logged: String,
    pub traffic: Option<Pinger>,
    /// What has become of traffic that has ended.
    pub flow: Option<Flow>,
    connection: TunnelSettings,
    customer_gateway: Ipv4Addr,
    certificates: Certificates,
    peer: Host,
    peer_address: Ipv4Addr,
    /// The last, so that everything else has ended when the hosts go.
    _lab: Lab,
}

/// How long a scenario may take.
pub fn deadline(scenario: &Scenario) -> Duration {
    let of_step = |step: &Step| match step {
        Step::Do(Action::Wait(duration)) => *duration,
        Step::Expect(
            Expectation::Up { within, .. }
            | Expectation::Status { within, .. }
            | Expectation::Failure { within, .. }
            | Expectation::Rekeyed { within, .. },
        ) => *within,
        _ => Duration::ZERO,
    };
    BESIDE + scenario.steps.iter().map(|(_, step)| of_step(step)).sum::<Duration>()
}

/// Plays it from the beginning to the end; panics where something is not as expected, after showing both logs.
pub fn play(scenario: &Scenario) {
    let mut stage = Stage::set(scenario);
    let begin = Instant::now();
    let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for (line, step) in &scenario.steps {
            let took = begin.elapsed().as_millis();
            println!("{} {took:>7} ms  line {line}: {step:?}", clock(SystemTime::now()));
            match step {
                Step::Do(action) => stage.act(action),
                Step::Expect(expected) => stage.expect(expected),
            }
        }
        stage.expect_weather_and_no_clear_text();
    }));
    println!("{:>7} ms  end; {:?}", begin.elapsed().as_millis(), stage.relay.counts());
    if let Err(panic) = played {
        stage.show_logs();
        drop(stage);
        std::panic::resume_unwind(panic);
    }
}

impl Stage {
    fn set(scenario: &Scenario) -> Self {
        let lab = Lab::new("lab").unwrap();
        let wire = lab.wire("wire").unwrap();
        let (peer, middle) = (lab.host("peer").unwrap(), lab.host("middle").unwrap());
        let site = Site::new(&lab, &wire, 1);
        wire.plug(&middle, "left", &["192.0.2.254/24"]).unwrap();
        lab.link((&peer, "wan", &["198.51.100.9/24"]), (&middle, "right", &["198.51.100.254/24"])).unwrap();
        site.router.default_route("192.0.2.254").unwrap();
        peer.default_route("198.51.100.254").unwrap();
        for behind in BEHIND_PEER {
            peer.address("lo", &format!("{behind}/32")).unwrap();
        }
        let path = &scenario.path;
        let settings = RelaySettings {
            left: "left".to_owned(),
            right: "right".to_owned(),
            left_network: "192.0.2.0/24".parse().unwrap(),
            fronts: [
                front(path.before_gateway, GATEWAY_PUBLIC, site.outside),
                front(path.before_peer, PEER_PUBLIC, PEER),
            ],
            seed: path.seed,
            mtu: path.mtu.unwrap_or(1_500),
        };
        let relay = Relay::start(&middle, &settings).unwrap();
        relay.set_weather(path.weather);
        let inner = vec!["10.0.0.0/8".parse().unwrap()];
        let options = CaptureOptions { inner, ..CaptureOptions::default() };
        let capture = Capture::start(&middle, "left", options).unwrap();
        let mut stage = Self {
            scenario: scenario.clone(),
            site,
            relay,
            capture,
            charon: None,
            logged: String::new(),
            traffic: None,
            flow: None,
            connection: scenario.connection.clone(),
            customer_gateway: if translates(path.before_peer) { PEER_PUBLIC } else { PEER },
            certificates: Certificates { remote_ca: String::new(), gateway: None, peer: None },
            peer,
            peer_address: PEER,
            _lab: lab,
        };
        let [gateway_id, peer_id] = [&scenario.connection.ike.local_id, &scenario.connection.ike.remote_id];
        stage.certificates = Certificates::of(scenario, gateway_id, peer_id);
        stage.start_gateway();
        stage.begin();
        stage
    }

    /// Whoever waits is there before the other begins.
    fn begin(&mut self) {
        let (comes_later, begins) = (self.scenario.peer_comes_later(), self.scenario.peer.begins);
        if !begins && !comes_later {
            self.start_peer();
        }
        self.site.want(self.desired());
        if begins && !comes_later {
            self.start_peer();
        }
    }

    fn gateway_public(&self) -> Ipv4Addr {
        if translates(self.scenario.path.before_gateway) { GATEWAY_PUBLIC } else { self.site.outside }
    }

    fn start_gateway(&mut self) {
        let settings = &self.scenario.gateway;
        let mut limits = IkeLimits::default();
        if let Some(bytes) = settings.ike_packet_bytes {
            limits.fragment_packet_bytes = bytes.into();
        }
        if let Some(interval) = settings.dpd_interval {
            limits.dpd_interval = interval;
            // Whoever looks so often does not want to wait for a minute either.
            (limits.retransmit_after, limits.retransmissions_max) = (interval, 3);
        }
        let address = LocalAddress { public: self.gateway_public(), local: self.site.outside };
        let config = GatewayConfig {
            addresses: vec![address],
            limits,
            encapsulation: match settings.encapsulates_always {
                true => Encapsulation::Always,
                false => Encapsulation::WhenTranslated,
            },
            certificate: self.certificates.gateway.clone(),
            ..GatewayConfig::default()
        };
        self.site.gateway = Some(self.site.try_start(config).unwrap());
    }

    fn desired(&self) -> DesiredConnection {
        let settings = &self.connection;
        let (local, remote) = (self.gateway_public(), self.customer_gateway);
        let tunnel = DesiredTunnel {
            ike: settings.ike.with_identities(local, remote),
            ipsec: settings.ipsec.clone(),
            remote_ca_certificate: self.certificates.remote_ca.clone(),
            enable_dpd: settings.enable_dpd,
            enable_nat_traversal: settings.enable_nat_traversal,
            local_subnets: settings.local_subnets.clone(),
            remote_subnets: settings.remote_subnets.clone(),
            ..tunnel(TUNNEL, TunnelRole::Master, local, remote)
        };
        let mut wanted = connection(VCO, vec![tunnel], &[]);
        wanted.routes = BEHIND_PEER.iter().map(|host| route(&format!("{host}/32"))).collect();
        wanted
    }

    fn start_peer(&mut self) {
        let seen_as =
            if translates(self.scenario.path.before_peer) { PEER_PUBLIC } else { self.peer_address };
        let gateway = self.gateway_public();
        let ike = self.scenario.peer.tunnel.ike.with_identities(gateway, seen_as);
        let ends = Ends { own: self.peer_address, gateway, own_id: ike.remote_id, gateway_id: ike.local_id };
        let config = peer::config(&self.scenario.peer, &ends, self.certificates.peer.clone(), 1);
        self.charon = Some(StrongSwan::start(&self.peer, &config).unwrap());
    }

    pub fn charon(&self) -> &StrongSwan {
        self.charon.as_ref().expect("the peer is not running")
    }

    /// The peer is gone; what it has logged is kept.
    fn end_peer(&mut self, end: impl FnOnce(&StrongSwan) -> anyhow::Result<()>) {
        let charon = self.charon.take().expect("the peer is not running");
        end(&charon).unwrap();
        self.logged.push_str(&charon.log());
    }

    pub fn peer_log(&self) -> String {
        format!("{}{}", self.logged, self.charon.as_ref().map_or(String::new(), StrongSwan::log))
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::PeerStarts => self.start_peer(),
            Action::PeerStops => self.end_peer(StrongSwan::stop),
            Action::PeerVanishes => self.end_peer(StrongSwan::kill),
            Action::PeerRestarts => {
                self.end_peer(StrongSwan::kill);
                self.start_peer();
            }
            Action::PeerRekeys(Sa::Ike) => self.charon().rekey_ike(CONNECTION).unwrap(),
            Action::PeerRekeys(Sa::Child) => self.charon().rekey_child(CONNECTION).unwrap(),
            Action::PeerDeletes => self.charon().terminate(CONNECTION).unwrap(),
            Action::PeerMoves(address) => self.move_peer(*address),
            Action::TranslatorsForget => self.relay.forget(),
            Action::GatewayRestarts => {
                self.site.gateway = None;
                self.start_gateway();
            }
            Action::ConnectionChanges { name, value } => {
                self.connection.set(name, value).unwrap();
                self.site.want(self.desired());
            }
            Action::CustomerGatewayIs(address) => {
                self.customer_gateway = *address;
                self.site.want(self.desired());
            }
            Action::TrafficStarts => {
                let pinger = Pinger::start(&self.site.lan, BEHIND_PEER[0], TRAFFIC_INTERVAL).unwrap();
                self.traffic = Some(pinger);
            }
            Action::WeatherIs(weather) => self.relay.set_weather(*weather),
            Action::PathBreaks(broken) => self.relay.set_broken(*broken),
            Action::Wait(duration) => std::thread::sleep(*duration),
        }
    }

    /// Its translator has another address from now on; without one it is another address of its own, after a restart.
    fn move_peer(&mut self, address: Ipv4Addr) {
        if translates(self.scenario.path.before_peer) {
            return self.relay.move_right(address);
        }
        self.end_peer(StrongSwan::kill);
        self.peer.ip(&format!("address del {}/24 dev wan", self.peer_address)).unwrap();
        self.peer.address("wan", &format!("{address}/24")).unwrap();
        // It went with the address.
        self.peer.default_route("198.51.100.254").unwrap();
        self.peer_address = address;
        self.start_peer();
    }

    /// That the weather of the scenario was more than a word, and that nobody could read along.
    fn expect_weather_and_no_clear_text(&self) {
        let (weather, counts) = (self.scenario.path.weather, self.relay.counts());
        let Weather { loss, reordering, duplication, corruption } = weather;
        for (percent, count, what) in [
            (loss, counts.lost, "lost"),
            (reordering, counts.reordered, "reordered"),
            (duplication, counts.duplicated, "duplicated"),
            (corruption, counts.corrupted, "corrupted"),
        ] {
            assert!(percent == 0 || count > 0, "no packet was {what}: send more of them");
        }
        let seen = self.capture.so_far();
        assert_eq!(seen.clear_text_packets, 0, "in clear: {:#?}", seen.leaks);
    }

    fn show_logs(&self) {
        println!("---- the gateway has logged");
        for (at, line) in self.site.world.log_with_times() {
            println!("{} {}", clock(at), line.text);
        }
        println!("---- the peer has logged\n{}", self.peer_log());
        if let Some(charon) = &self.charon {
            println!("---- the peer's SAs\n{:#?}", charon.sas());
        }
    }
}

/// The time of day in UTC, as in strongSwan's log.
fn clock(at: SystemTime) -> String {
    let millis = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    format!("{:02}:{:02}:{:02}.{millis:03}", seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60)
}

fn translates(kind: Kind) -> bool {
    matches!(kind, Kind::Translator | Kind::OneToOne)
}

fn front(kind: Kind, public: Ipv4Addr, private: Ipv4Addr) -> Front {
    match kind {
        Kind::Nothing => Front::Nothing,
        Kind::Firewall => Front::Firewall,
        Kind::Translator => Front::Translator { public },
        Kind::OneToOne => Front::OneToOne { public, private },
    }
}
