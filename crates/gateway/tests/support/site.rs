//! A site: a gateway with a LAN behind it.
#![allow(dead_code)]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_control::observed::{ObservedConnection, TunnelHealth};
use causeway_gateway::{EngineHandle, Gateway, GatewayConfig, GatewayHandle, StartError};
use causeway_netlab::{Host, Lab, PingOptions, Wire, ping};

use crate::wanted::{World, route};

pub struct Site {
    pub router: Host,
    pub lan: Host,
    /// The host in the LAN; its networks are 10.`number`.0.0/16 and 10.`number + 100`.0.0/16.
    pub inside: Ipv4Addr,
    pub inside_too: Ipv4Addr,
    pub outside: Ipv4Addr,
    pub world: Arc<World>,
    pub gateway: Option<GatewayHandle>,
}

impl Site {
    /// Router and LAN, without a gateway. The router's default route leads out onto the wire, to a router that is not there.
    pub fn new(lab: &Lab, wire: &Wire, number: u8) -> Self {
        let router = lab.host(&format!("router{number}")).unwrap();
        let lan = lab.host(&format!("lan{number}")).unwrap();
        let outside = Ipv4Addr::new(192, 0, 2, number);
        wire.plug(&router, "wan", &[&format!("{outside}/24"), &format!("192.0.2.{}/24", number + 100)])
            .unwrap();
        let net = |host: u8| [format!("10.{number}.0.{host}/24"), format!("10.{}.0.{host}/24", number + 100)];
        let [inner, inner_too] = net(1);
        let [inside, inside_too] = net(2);
        lab.link((&router, "lan", &[&inner, &inner_too]), (&lan, "lan", &[&inside, &inside_too])).unwrap();
        lan.default_route(&format!("10.{number}.0.1")).unwrap();
        Self {
            router,
            lan,
            inside: Ipv4Addr::new(10, number, 0, 2),
            inside_too: Ipv4Addr::new(10, number + 100, 0, 2),
            outside,
            world: World::new(),
            gateway: None,
        }
    }

    /// The second address of the router, for a second tunnel.
    pub fn outside_too(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.outside.octets();
        Ipv4Addr::new(a, b, c, d + 100)
    }

    pub fn config(&self) -> GatewayConfig {
        GatewayConfig::at([self.outside, self.outside_too()])
    }

    pub fn try_start(&self, config: GatewayConfig) -> Result<GatewayHandle, StartError> {
        let (desires, observer) = (Arc::clone(&self.world), Arc::clone(&self.world));
        self.router.enter(move || Gateway::start(config, desires, observer)).unwrap()
    }

    pub fn start(self) -> Self {
        let config = self.config();
        self.start_with(config)
    }

    pub fn start_with(mut self, config: GatewayConfig) -> Self {
        self.gateway = Some(self.try_start(config).unwrap());
        self
    }

    pub fn gateway(&self) -> &GatewayHandle {
        self.gateway.as_ref().unwrap()
    }

    /// Changes what is wanted and waits until it is in force.
    pub fn change(&self, id: &str, change: impl FnOnce(&mut causeway_control::desired::DesiredConnection)) {
        let generation = self.world.change(id, change);
        self.gateway().nudge();
        self.world.wait_in_force(id, generation);
    }

    /// Wants a connection and waits until it is in force.
    pub fn want(&self, connection: causeway_control::desired::DesiredConnection) {
        let id = connection.id.to_string();
        let generation = self.world.want(connection);
        self.gateway().nudge();
        self.world.wait_in_force(&id, generation);
    }

    /// Which tunnel carries packets of a connection's route.
    pub fn carrier(&self, id: &str, dest: &str) -> Option<String> {
        let told = self.gateway().forwarding(&id.parse().unwrap(), Some(route(dest).dest.into())).unwrap();
        told.carrier.map(|carrier| carrier.to_string())
    }

    pub fn wait_carrier(&self, id: &str, dest: &str, tunnel: Option<&str>) {
        let end = Instant::now() + Duration::from_secs(10);
        while self.carrier(id, dest).as_deref() != tunnel {
            assert!(Instant::now() < end, "{:?}: {:#?}", self.carrier(id, dest), self.world.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn wait_health(&self, id: &str, tunnel: &str, health: TunnelHealth) {
        let is_so = |it: &ObservedConnection| {
            it.tunnels.get(&tunnel.parse().unwrap()).is_some_and(|it| it.health == health)
        };
        self.world.wait(id, &format!("{tunnel} {health:?}"), |it| it.is_some_and(is_so));
    }

    /// Pings from host to host, all of it or nothing: whether everything was answered.
    pub fn pings(&self, target: Ipv4Addr) -> bool {
        let options = PingOptions { timeout: Duration::from_millis(300), ..PingOptions::default() };
        let answer = ping(&self.lan, target, &options).unwrap();
        assert!(answer.received == 0 || answer.received == answer.sent, "lost some: {answer:?}");
        answer.received > 0
    }
}
