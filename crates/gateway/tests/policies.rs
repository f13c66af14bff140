//! Routes that decide by more than the destination: policy-based ones, and those that nobody is told of.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::{Duration, Instant};

use causeway_control::desired::{DesiredRoute, Policy};
use causeway_control::fields::Weight;
use causeway_control::observed::TunnelStatus;
use causeway_control::resource::tunnel::TunnelRole;
use causeway_gateway::EngineHandle;
use causeway_gateway::counters::DropReason;
use causeway_netlab::Pinger;

#[path = "support/net.rs"]
mod net;
#[path = "support/site.rs"]
mod site;
#[path = "support/wait.rs"]
mod wait;
#[path = "support/wanted.rs"]
mod wanted;
use net::{GUARD, Net, answers, nothing_leaked, vpc};
use site::Site;
use wait::wait_until;
use wanted::{connection, route, tunnel};

fn policy(source: &str, dest: &str, priority: u8) -> DesiredRoute {
    let policy = Policy { priority, source: source.parse().unwrap() };
    DesiredRoute { policy: Some(policy), ..route(dest) }
}

/// The left site with a tunnel to each of two others, which both have a host 10.2.0.2 and answer to wherever a question can
/// come from: the tunnel that the left gateway chose is told by its counters.
struct Fork {
    net: Net,
    third: Site,
}

impl Fork {
    fn connected() -> Self {
        let net = Net::laid_out();
        let third = Site::new(&net.lab, &net.wire, 3);
        third.router.ip("address add 10.2.0.1/24 dev lan").unwrap();
        third.lan.ip("address add 10.2.0.2/24 dev lan").unwrap();
        // There is a way out in clear, and it must not be taken.
        net.left.router.default_route("192.0.2.2").unwrap();
        let (left, right, third) = (net.left.start(), net.right.start(), third.start());
        let fork = Self { net: Net { left, right, ..net }, third };
        for name in ["right", "third"] {
            let (left, peer) = (&fork.net.left, fork.peer(name));
            let away = tunnel(&format!("tun-{name}"), TunnelRole::Master, left.outside, peer.outside);
            left.want(connection(&format!("vco-{name}"), vec![away], &[]));
            let home = tunnel("tun-home", TunnelRole::Master, peer.outside, left.outside);
            peer.want(connection("vco-home", vec![home], &["10.1.0.0/24", "10.4.0.0/24"]));
        }
        for name in ["right", "third"] {
            fork.net.left.world.wait_up(&format!("vco-{name}"));
            fork.peer(name).world.wait_up("vco-home");
        }
        fork
    }

    fn peer(&self, name: &str) -> &Site {
        if name == "right" { &self.net.right } else { &self.third }
    }

    fn want_routes(&self, to_right: &[DesiredRoute], to_third: &[DesiredRoute]) {
        for (name, routes) in [("right", to_right), ("third", to_third)] {
            self.net.left.change(&format!("vco-{name}"), |it| it.routes = routes.to_vec());
        }
    }

    /// How many packets the left gateway sent to the right peer and to the third one.
    fn sent(&self) -> [u64; 2] {
        let connections = self.net.left.gateway().snapshot().connections;
        ["right", "third"].map(|name| {
            let tunnels = &connections[&format!("vco-{name}").parse().unwrap()].tunnels;
            tunnels.values().map(|counters| counters.sent_packets).sum()
        })
    }

    /// Closes the tunnel to a peer, or opens it again.
    fn want_up(&self, name: &str, is_up: bool) {
        let (left, peer) = (&self.net.left, self.peer(name));
        let home = tunnel("tun-home", TunnelRole::Master, peer.outside, left.outside);
        peer.change("vco-home", |it| it.tunnels = if is_up { vec![home] } else { vec![] });
        let status = if is_up { TunnelStatus::IpsecSaEstablished } else { TunnelStatus::IkeSaNotEstablished };
        left.world.wait_status(&format!("vco-{name}"), &format!("tun-{name}"), status);
        if is_up {
            peer.world.wait_up("vco-home");
        }
    }
}

#[test]
fn two_sources_take_two_ways_at_once_and_a_longer_destination_loses_to_a_policy() {
    let fork = Fork::connected();
    let left = &fork.net.left;
    let target = fork.net.right.inside;
    let other = vpc(&fork.net, "lan4", 4);
    let capture = fork.net.capture();
    // By destination alone each source would go the other way: the longest prefix leads to the third peer, and when the
    // policies are the third peer's, to the right one.
    let policies = [policy("10.1.0.0/24", "10.0.0.0/8", 100)];
    let by_dest = [route("10.2.0.2/32"), route("10.2.0.0/24")];
    fork.want_routes(&policies, &by_dest);
    let flows =
        [&left.lan, &other].map(|from| Pinger::start(from, target, Duration::from_millis(2)).unwrap());
    let begin = fork.sent();
    std::thread::sleep(Duration::from_millis(200));
    let now = fork.sent();
    assert!(now[0] > begin[0] && now[1] > begin[1], "both ways are used at once: {begin:?} {now:?}");
    let [ours, others] = flows.map(|flow| flow.stop(Duration::from_millis(300)));
    for flow in [&ours, &others] {
        assert_eq!(flow.received(), flow.probes.len() as u64, "each is answered");
    }
    let sent = fork.sent();
    assert_eq!(sent, [&ours, &others].map(|flow| flow.probes.len() as u64), "each source has its own way");

    // The other way round, so that it is not the peers that decide. Both sources have a policy now, and among policies the
    // smaller number comes before the longer source and the longer destination.
    let to_third = [policy("10.0.0.0/8", "10.0.0.0/8", 1)];
    let to_right = [policy("10.1.0.2/32", "10.2.0.2/32", 2), route("10.2.0.2/32")];
    fork.want_routes(&to_right, &to_third);
    assert!(left.pings(target) && answers(&other, target));
    assert_eq!(fork.sent(), [sent[0], sent[1] + 10]);
    nothing_leaked(capture);
}

#[test]
fn of_two_policies_for_the_same_packets_the_second_takes_over_while_the_first_is_down() {
    let fork = Fork::connected();
    let left = &fork.net.left;
    let target = fork.net.right.inside;
    let capture = fork.net.capture();
    let of = |priority, weight| DesiredRoute { weight, ..policy("10.1.0.0/24", "10.2.0.0/24", priority) };
    // Told apart by the weight only, and by the priority only.
    let pairs = [(of(10, Weight::HIGH), of(10, Weight::LOW)), (of(10, Weight::HIGH), of(20, Weight::HIGH))];
    for (first, second) in pairs {
        fork.want_routes(&[first], &[second]);
        let takes = |name: &str| {
            let before = fork.sent();
            assert!(left.pings(target), "over {name}: {:#?}", left.gateway().snapshot());
            let [right, third] = [0, 1].map(|at| fork.sent()[at] - before[at]);
            let (taken, idle) = if name == "right" { (right, third) } else { (third, right) };
            assert!(taken >= 5 && idle == 0, "{name} carries: {right} {third}");
        };
        takes("right");
        let flow = Pinger::start(&left.lan, target, Duration::from_millis(5)).unwrap();
        fork.want_up("right", false);
        let moved = Instant::now();
        takes("third");
        let flow = flow.stop(Duration::from_millis(300));
        let (received, sent) = flow.received_of_sent(moved, Instant::now());
        assert_eq!(received, sent, "none is lost once the second carries");
        fork.want_up("right", true);
        takes("right");
        // Nothing else than the policies carries: with both down, nothing does, and nothing leaves.
        fork.want_up("right", false);
        fork.want_up("third", false);
        assert!(!left.pings(target));
        for name in ["right", "third"] {
            fork.want_up(name, true);
        }
    }
    let down = &left.gateway().snapshot().connections[&"vco-right".parse().unwrap()];
    assert!(down.counters.dropped[&DropReason::TunnelDown] >= 10, "{down:?}");
    nothing_leaked(capture);
}

#[test]
fn a_policy_based_route_is_for_its_sources_only_and_a_deleted_one_stops_its_packets() {
    let net = Net::connected();
    let capture = net.capture();
    let Net { left, right, .. } = &net;
    let from = |source: &str| DesiredRoute {
        policy: Some(Policy { priority: 10, source: source.parse().unwrap() }),
        ..route("10.2.0.0/24")
    };
    // By destination alone the packets would take a connection that is down.
    left.want(connection("vco-down", vec![], &["10.2.0.0/24"]));
    assert!(!left.pings(right.inside));
    left.change("vco-left", |it| it.routes = vec![from("10.9.0.0/16")]);
    assert!(!left.pings(right.inside), "the route is for other sources");
    left.change("vco-left", |it| it.routes = vec![from("10.1.0.0/24")]);
    assert!(left.pings(right.inside), "{:#?}", left.gateway().snapshot());
    let flow = Pinger::start(&left.lan, right.inside, Duration::from_millis(1)).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    left.change("vco-left", |it| it.routes.clear());
    let in_force = Instant::now();
    std::thread::sleep(Duration::from_millis(50));
    let last = flow.stop(Duration::from_millis(100)).last_through_after(in_force);
    assert!(
        last < Duration::from_millis(50),
        "the last packet passed {last:?} after the deletion was in force"
    );
    let down = &left.gateway().snapshot().connections[&"vco-down".parse().unwrap()];
    assert!(down.counters.dropped[&DropReason::TunnelDown] > 0, "{down:?}");
    nothing_leaked(capture);
}

#[test]
fn a_route_that_is_withdrawn_attracts_nothing_and_forwards_what_comes_anyway() {
    let net = Net::connected();
    let Net { left, right, .. } = &net;
    let id = "vco-left".parse().unwrap();
    let told = || left.gateway().forwarding(&id, Some(route("10.2.0.0/24").dest.into())).unwrap();
    // There is a way out in clear, to a peer that would answer.
    left.router.default_route("192.0.2.2").unwrap();
    left.router.ip(&format!("route add {GUARD}")).unwrap();
    let capture = net.capture();
    left.change("vco-left", |it| it.routes = vec![route("10.2.0.0/24")]);
    assert!(left.pings(right.inside));
    let device = told().linux_route.unwrap();
    let flow = Pinger::start(&left.lan, right.inside, Duration::from_millis(1)).unwrap();
    wait_until("the flow passes", || flow.so_far().received() > 0);
    left.change("vco-left", |it| it.routes[0].is_published = false);
    assert!(!left.pings(right.inside), "nobody is told of it");
    drop(flow);
    assert_eq!((told().entry, told().linux_route), (Some(100), None));
    // Somebody who knows of it brings packets to the device.
    left.router.ip(&format!("route add 10.2.0.0/24 dev {device}")).unwrap();
    assert!(left.pings(right.inside), "{:#?}", left.gateway().snapshot());
    nothing_leaked(capture);

    // Without the advice the machine's own routes have what is nobody's, as SECURITY.md says: that is what the capture is for.
    left.router.ip("route del 10.2.0.0/24").unwrap();
    left.router.ip(&format!("route del {GUARD}")).unwrap();
    let capture = net.capture();
    assert!(left.pings(right.inside), "in clear, by the default route");
    assert!(capture.stop().unwrap().clear_text_packets >= 5);
}
