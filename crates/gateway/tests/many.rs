//! Many routes and many connections.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::{Duration, Instant};

use causeway_control::resource::tunnel::TunnelRole;
use causeway_gateway::EngineHandle;
use causeway_netlab::Lab;

#[path = "support/site.rs"]
mod site;
#[path = "support/wanted.rs"]
mod wanted;
use site::Site;
use wanted::{connection, route, tunnel};

#[test]
fn one_route_among_twenty_thousand_is_deleted_in_milliseconds() {
    let lab = Lab::new("gw").expect("this test makes network namespaces: run it as root");
    let wire = lab.wire("wire").unwrap();
    let left = Site::new(&lab, &wire, 1).start();
    let begin = Instant::now();
    for connection_number in 0..20_u32 {
        let mut many = connection(&format!("vco-{connection_number}"), vec![], &[]);
        many.routes = (0..1_000)
            .map(|n| route(&format!("172.{}.{}.0/24", 16 + connection_number * 4 + n / 256, n % 256)))
            .collect();
        left.world.want(many);
    }
    left.gateway().nudge();
    for connection_number in 0..20 {
        left.world.wait_in_force(&format!("vco-{connection_number}"), 1);
    }
    eprintln!("20,000 routes in force after {:?}", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(10));

    let mut times = Vec::new();
    for _ in 0..50 {
        let generation = left.world.change("vco-7", |it| it.routes.truncate(it.routes.len() - 1));
        let begin = Instant::now();
        left.gateway().nudge();
        left.world.wait_in_force("vco-7", generation);
        times.push(begin.elapsed());
    }
    times.sort();
    eprintln!("one of them deleted in {:?}, at worst {:?}", times[25], times[49]);
    assert!(times[25] < Duration::from_millis(50), "{times:?}");
    let begin = Instant::now();
    left.gateway().stop();
    eprintln!("stopped in {:?}", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_hundred_tunnels_between_two_addresses_come_up() {
    let lab = Lab::new("gw").expect("this test makes network namespaces: run it as root");
    let wire = lab.wire("wire").unwrap();
    let (left, right) = (Site::new(&lab, &wire, 1).start(), Site::new(&lab, &wire, 2).start());
    // All between the same two addresses, told apart by their identities.
    for (site, far, side) in [(&left, &right, "left"), (&right, &left, "right")] {
        for n in 0..100 {
            let mut tunnel = tunnel(&format!("tun-{side}{n}"), TunnelRole::Master, site.outside, far.outside);
            let name = |side: &str| format!("{side}{n}.example.com");
            tunnel.ike.local_id = name(side);
            tunnel.ike.remote_id = name(if side == "left" { "right" } else { "left" });
            site.world.want(connection(
                &format!("vco-{side}{n}"),
                vec![tunnel],
                &[&format!("172.16.{n}.0/24")],
            ));
        }
    }
    let begin = Instant::now();
    left.gateway().nudge();
    right.gateway().nudge();
    for n in 0..100 {
        left.world.wait_up(&format!("vco-left{n}"));
    }
    eprintln!("100 tunnels up after {:?}", begin.elapsed());
}
