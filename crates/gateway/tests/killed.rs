//! A gateway whose process is killed, and the one that comes after it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::process::{Command, Stdio};
use std::sync::Arc;

use causeway_control::resource::tunnel::TunnelRole;
use causeway_gateway::{EngineHandle, Gateway, GatewayConfig};
use causeway_netlab::{CaptureOptions, Lab, Process};

#[path = "support/site.rs"]
mod site;
#[path = "support/wait.rs"]
mod wait;
#[path = "support/wanted.rs"]
mod wanted;
use site::Site;
use wait::wait_until;
use wanted::{World, connection, domain, route, tunnel};

const LEFT: &str = "192.0.2.1";
const RIGHT: &str = "192.0.2.2";

/// What the process that will be killed wants: three routes in one domain, one in another.
fn want(world: &World) {
    let tunnel = tunnel("tun-left", TunnelRole::Master, LEFT.parse().unwrap(), RIGHT.parse().unwrap());
    world.want(connection("vco-left", vec![tunnel], &["10.2.0.0/24", "10.50.0.0/16", "10.51.0.0/16"]));
    let mut elsewhere = connection("vco-elsewhere", vec![], &["10.60.0.0/16"]);
    elsewhere.domain = domain("elsewhere");
    world.want(elsewhere);
}

/// Set in the process that `a_killed_gateway_...` starts and kills.
const TO_BE_KILLED: &str = "CAUSEWAY_TEST_TO_BE_KILLED";

/// Not a test but that process; by itself it has nothing to say.
#[test]
fn gateway_process() {
    if std::env::var_os(TO_BE_KILLED).is_none() {
        return;
    }
    let world = World::new();
    want(&world);
    let config = GatewayConfig::at([LEFT.parse().unwrap()]);
    let _gateway = Gateway::start(config, Arc::clone(&world) as _, Arc::clone(&world) as _).unwrap();
    loop {
        std::thread::park();
    }
}

fn start_process(site: &Site) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "gateway_process"]).env(TO_BE_KILLED, "1").stdout(Stdio::null());
    site.router.spawn(&mut command).unwrap()
}

/// Our rules, one for each line of `ip rule`.
fn rules(site: &Site) -> Vec<String> {
    let listed = site.router.ip("rule").unwrap();
    listed.lines().filter(|line| line.contains("proto 202")).map(str::to_owned).collect()
}

#[test]
fn a_killed_gateway_leaks_nothing_and_the_next_one_keeps_what_is_wanted_and_sweeps_the_rest() {
    let lab = Lab::new("gw").expect("this test makes network namespaces: run it as root");
    let wire = lab.wire("wire").unwrap();
    let (mut left, right) = (Site::new(&lab, &wire, 1), Site::new(&lab, &wire, 2).start());
    left.router.default_route(RIGHT).unwrap();
    let back = tunnel("tun-right", TunnelRole::Master, right.outside, left.outside);
    right.want(connection("vco-right", vec![back], &["10.1.0.0/24"]));
    let routes = || left.router.ip("route show table all proto 202").unwrap();

    let process = start_process(&left);
    right.world.wait_up("vco-right");
    wait_until("routes", || routes().lines().count() == 4);
    assert!(left.pings(right.inside));
    assert_eq!(rules(&left).len(), 7, "three of each domain, and one: {:?}", rules(&left));

    process.kill().unwrap();
    assert_eq!(routes().lines().count(), 4, "{}", routes());
    let inner = vec!["10.0.0.0/8".parse().unwrap()];
    let capture = wire.capture(CaptureOptions { inner, ..CaptureOptions::default() }).unwrap();
    assert!(!left.pings(right.inside), "nobody is there to encrypt");

    // The next process wants two of the routes, and one more.
    want(&left.world);
    left.world.change("vco-left", |it| {
        it.routes.truncate(2);
        it.routes.push(route("10.52.0.0/16"));
    });
    left.world.forget("vco-elsewhere");
    left.gateway = Some(left.try_start(left.config()).unwrap());
    left.world.wait_in_force("vco-left", 2);
    wait_until("swept", || routes().lines().count() == 3);
    let routes = routes();
    for dest in ["10.2.0.0/24", "10.50.0.0/16", "10.52.0.0/16"] {
        assert!(routes.contains(&format!("{dest} dev cw")), "{routes}");
    }
    assert_eq!(rules(&left).len(), 4, "those of one domain: {:?}", rules(&left));
    let links = left.router.ip("-oneline link show type tun").unwrap();
    assert_eq!(links.lines().count(), 1, "{links}");
    left.world.wait_up("vco-left");
    wait_until("the peer's tunnel follows", || left.pings(right.inside));
    let captured = capture.stop().unwrap();
    assert_eq!(captured.clear_text_packets, 0, "{:#?}", captured.leaks);
    left.gateway().stop();
    left.router.enter(|| Gateway::release(&left.config())).unwrap().unwrap();
    assert_eq!(left.router.ip("route show table all proto 202").unwrap(), "");
}
