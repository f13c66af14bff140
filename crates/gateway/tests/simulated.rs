//! The engine without packets.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_control::desired::{DesiredTunnel, RouteMatch};
use causeway_control::ids::Secret;
use causeway_control::observed::TunnelStatus;
use causeway_control::resource::ike_config::{EncAlg, IkeVersion};
use causeway_control::resource::tunnel::TunnelRole;
use causeway_gateway::{Delays, EngineHandle, SimulatedEngine, SimulatedHandle};

#[path = "support/wanted.rs"]
mod wanted;
use wanted::{World, connection, route, tunnel};

const DELAY: Duration = Duration::from_millis(100);

fn start(world: &Arc<World>) -> SimulatedHandle {
    let delays = Delays { tunnel_up: DELAY, ..Delays::default() };
    SimulatedEngine::start(delays, Arc::clone(world) as _, Arc::clone(world) as _)
}

fn some_tunnel() -> DesiredTunnel {
    tunnel("tun-a", TunnelRole::Master, Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2))
}

#[test]
fn a_change_is_in_force_at_once_and_a_tunnel_up_after_the_delay() {
    let world = World::new();
    world.want(connection("vco-a", vec![some_tunnel()], &[]));
    let begin = Instant::now();
    let engine = start(&world);
    world.wait_in_force("vco-a", 1);
    world.wait_status("vco-a", "tun-a", TunnelStatus::IkeSaNotEstablished);
    world.wait_up("vco-a");
    assert!(begin.elapsed() >= DELAY, "{:?}", begin.elapsed());

    let generation = world.change("vco-a", |it| it.routes.push(route("10.0.0.0/8")));
    engine.nudge();
    world.wait_in_force("vco-a", generation);
    let id = "vco-a".parse().unwrap();
    let told = engine.forwarding(&id, Some(to("10.0.0.0/8"))).unwrap();
    assert_eq!((told.entry, told.carrier), (Some(100), Some("tun-a".parse().unwrap())));
    assert_eq!(engine.forwarding(&id, Some(to("10.0.0.0/9"))).unwrap().entry, None);
    world.wait("vco-a", "still up: only a route came", |it| {
        it.is_some_and(|it| it.tunnels.values().all(|it| it.status == TunnelStatus::IpsecSaEstablished))
    });

    world.change("vco-a", |it| it.tunnels[0].ike.psk = Secret::new("another"));
    let begin = Instant::now();
    engine.waker()();
    world.wait_status("vco-a", "tun-a", TunnelStatus::IkeSaNotEstablished);
    world.wait_up("vco-a");
    assert!(begin.elapsed() >= DELAY, "{:?}", begin.elapsed());

    world.forget("vco-a");
    engine.nudge();
    world.wait("vco-a", "gone", |it| it.is_none());
    assert_eq!(engine.forwarding(&id, None), None);
    engine.stop();
    engine.stop();
}

#[test]
fn a_change_may_take_a_while() {
    let world = World::new();
    world.want(connection("vco-a", vec![], &[]));
    let delays = Delays { change: DELAY, ..Delays::default() };
    let engine = SimulatedEngine::start(delays, Arc::clone(&world) as _, Arc::clone(&world) as _);
    world.wait_in_force("vco-a", 1);
    let generation = world.change("vco-a", |it| it.routes.push(route("10.0.0.0/8")));
    let begin = Instant::now();
    engine.nudge();
    world.wait_in_force("vco-a", generation);
    assert!(begin.elapsed() >= DELAY, "{:?}", begin.elapsed());
}

#[test]
fn what_cannot_be_negotiated_stays_down_here_as_well() {
    let world = World::new();
    let mut tunnel = some_tunnel();
    tunnel.ike.ike_version = IkeVersion::Ikev1;
    tunnel.ike.ike_enc_alg = EncAlg::Aes128Gcm;
    world.want(connection("vco-a", vec![tunnel], &[]));
    let _engine = start(&world);
    world.wait("vco-a", "an explanation", |it| {
        let error = it.and_then(|it| it.tunnels.values().next()).and_then(|it| it.last_error.as_deref());
        error.is_some_and(|error| error.contains("ikev1"))
    });
}

#[test]
fn a_stepped_engine_does_nothing_between_two_steps() {
    let world = World::new();
    world.want(connection("vco-a", vec![some_tunnel()], &[]));
    let delays = Delays { tunnel_up: Duration::from_secs(3600), change: DELAY, stepped: true };
    let engine = SimulatedEngine::start(delays, Arc::clone(&world) as _, Arc::clone(&world) as _);
    engine.step();
    world.wait_up("vco-a");
    let generation = world.change("vco-a", |it| it.routes.push(route("10.0.0.0/8")));
    engine.nudge();
    engine.step();
    world.wait_in_force("vco-a", generation);
    engine.stop();
    engine.step();
}

fn to(dest: &str) -> RouteMatch {
    dest.parse::<ipnet::Ipv4Net>().unwrap().into()
}
