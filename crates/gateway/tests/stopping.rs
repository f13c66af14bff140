//! What becomes of packets, devices and routes when a gateway stops.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::{Duration, Instant};

use causeway_control::observed::TunnelStatus;
use causeway_gateway::{EngineHandle, Gateway, GatewayConfig, OnStop, StartError};

#[path = "support/net.rs"]
mod net;
#[path = "support/site.rs"]
mod site;
#[path = "support/wait.rs"]
mod wait;
#[path = "support/wanted.rs"]
mod wanted;
use net::{Net, answers, nothing_leaked};
use site::Site;
use wait::wait_until;
use wanted::route;

#[test]
fn stopping_tells_the_peer_and_holds_the_routes_until_it_runs_again_or_they_are_released() {
    let mut net = Net::connected();
    let Net { left, right, .. } = &net;
    left.router.default_route(&right.outside.to_string()).unwrap();
    left.change("vco-left", |it| it.routes = vec![route("10.2.0.0/24"), route("10.0.0.0/8")]);
    assert!(left.pings(right.inside));
    let routes = |site: &Site| site.router.ip("route show table 20200 proto 202").unwrap();
    let (capture, before) = (net.capture(), routes(left));
    assert!(before.contains("10.2.0.0/24"), "{before}");
    let begin = Instant::now();
    left.gateway().stop();
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    // As a process that ends, it has no queue of its devices any more.
    drop(net.left.gateway.take());
    let Net { left, right, .. } = &net;
    right.world.wait_status("vco-right", "tun-right", TunnelStatus::IkeSaNotEstablished);
    assert_eq!(routes(left), before);
    assert!(!left.pings(right.inside));

    let again = left.try_start(left.config()).unwrap();
    right.world.wait_up("vco-right");
    left.world.wait_up("vco-left");
    wait_until("what is wanted is in force again", || answers(&left.lan, right.inside));
    let release = || left.router.enter(|| Gateway::release(&left.config())).unwrap();
    assert!(matches!(release(), Err(StartError::AlreadyRunning { .. })));
    drop(again);
    nothing_leaked(capture);
    release().unwrap();
    assert_nothing_is_left(left);
}

#[test]
fn stopping_removes_everything_where_that_is_wanted() {
    let Net { left, right, wire, lab } = Net::laid_out();
    let released = GatewayConfig { on_stop: OnStop::Release, ..left.config() };
    let net = Net { left: left.start_with(released), right: right.start(), wire, lab };
    net.want_tunnel_with(|_tunnel| {});
    net.left.change("vco-left", |it| it.routes.push(route("10.2.0.0/24")));
    net.left.gateway().stop();
    assert_nothing_is_left(&net.left);
}

fn assert_nothing_is_left(site: &Site) {
    assert_eq!(site.router.ip("route show table all proto 202").unwrap(), "");
    assert!(!site.router.ip("rule").unwrap().contains("202"));
    assert!(!site.router.ip("link").unwrap().contains("cw0"));
}
