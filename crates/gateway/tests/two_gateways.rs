//! Two gateways in two namespaces that negotiate with each other and forward for real.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_control::resource::tunnel::TunnelRole;
use causeway_gateway::{EngineHandle, Gateway, GatewayConfig, GatewayHandle};

#[path = "support/host.rs"]
mod host;
#[path = "support/wanted.rs"]
mod wanted;
use host::Host;
use wanted::{World, connection, route, tunnel};

const HERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// A gateway with the world it lives in.
struct Site {
    host: Host,
    world: Arc<World>,
    gateway: GatewayHandle,
}

impl Site {
    fn start(host: Host, address: Ipv4Addr) -> Self {
        let world = World::new();
        let gateway = start(&host, address, &world);
        Self { host, world, gateway }
    }
}

fn start(host: &Host, address: Ipv4Addr, world: &Arc<World>) -> GatewayHandle {
    let (desires, observer) = (Arc::clone(world), Arc::clone(world));
    host.run(move || Gateway::start(GatewayConfig::at([address]), desires, observer).unwrap())
}

/// Two sites and a cable, each with two networks behind it, the tunnel wanted on both and routes on neither.
fn sites() -> (Site, Site) {
    let (left, right) = (Host::new(), Host::new());
    left.cable("wan", "192.0.2.1/24", &right, "wan", "192.0.2.2/24");
    for (host, networks) in [(&left, ["10.1.0.1/32", "10.3.0.1/32"]), (&right, ["10.2.0.1/32", "10.4.0.1/32"])] {
        networks.iter().for_each(|address| host.lan(address));
    }
    let (left, right) = (Site::start(left, HERE), Site::start(right, THERE));
    left.world.want(connection("vco-a", vec![tunnel("tun-a", TunnelRole::Master, HERE, THERE)], &[]));
    right.world.want(connection("vco-b", vec![tunnel("tun-b", TunnelRole::Master, THERE, HERE)], &["10.1.0.0/16", "10.3.0.0/16"]));
    left.gateway.nudge();
    right.gateway.nudge();
    (left, right)
}

fn pings(site: &Site, source: &str, destination: &str) -> bool {
    site.host.try_command(&format!("ping -I {source} -c 3 -i 0.01 -W 1 {destination}")).0
}

#[test]
fn nothing_passes_without_a_route_and_everything_with_one() {
    let (left, right) = sites();
    let begin = Instant::now();
    left.world.wait_up("vco-a");
    right.world.wait_up("vco-b");
    eprintln!("up after {:?}", begin.elapsed());
    assert!(!pings(&left, "10.1.0.1", "10.2.0.1"), "there is no route yet");

    let generation = left.world.change("vco-a", |it| it.routes.push(route("10.2.0.0/16")));
    left.gateway.nudge();
    left.world.wait_in_force("vco-a", generation);
    assert!(pings(&left, "10.1.0.1", "10.2.0.1"), "{:#?} {:#?}", left.gateway.snapshot(), right.gateway.snapshot());
    assert!(pings(&right, "10.2.0.1", "10.1.0.1"));

    let generation = left.world.change("vco-a", |it| it.routes.clear());
    let begin = Instant::now();
    left.gateway.nudge();
    left.world.wait_in_force("vco-a", generation);
    let took = begin.elapsed();
    eprintln!("a route was deleted in {took:?}");
    assert!(!pings(&left, "10.1.0.1", "10.2.0.1"));
    assert!(took < Duration::from_millis(500), "{took:?}");
}
