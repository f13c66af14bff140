//! VPCs behind interfaces of one machine: each is there for the tunnels of its own VPN gateway, and for no others.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use causeway_control::resource::tunnel::TunnelRole;
use causeway_gateway::EngineHandle;
use causeway_netlab::Host;

#[path = "support/net.rs"]
mod net;
#[path = "support/site.rs"]
mod site;
#[path = "support/wanted.rs"]
mod wanted;
use net::{GUARD, Net, answers, nothing_leaked, vpc};
use site::Site;
use wanted::{connection, route, tunnel, vpn_gateway_domain};

/// How many echo requests have come to a host.
fn heard(host: &Host) -> u64 {
    let text = host.enter(|| std::fs::read_to_string("/proc/thread-self/net/snmp")).unwrap().unwrap();
    let mut lines = text.lines().filter(|line| line.starts_with("Icmp:")).map(str::split_whitespace);
    let (mut names, mut values) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names.position(|name| name == "InEchos").unwrap();
    values.nth(at).unwrap().parse().unwrap()
}

/// How many echo requests from a host to an address come to each of these hosts.
fn arrivals<const N: usize>(from: &Host, to: impl Into<Ipv4Addr>, hosts: [&Host; N]) -> [u64; N] {
    let before = hosts.map(heard);
    answers(from, to.into());
    let mut now = hosts.map(heard);
    now.iter_mut().zip(before).for_each(|(now, before)| *now -= before);
    now
}

/// Opens the domain of a VPN gateway whose VPC lies behind an interface of the left router.
fn open(left: &Site, name: &str, interface: &str) {
    let domain = vpn_gateway_domain(name);
    left.world.want_domain(&domain, Some(interface));
    left.gateway().nudge();
    left.world.wait_domain(&domain, Some(1));
}

/// A tunnel between a VPN gateway of the left site and a peer, which routes `back` into it.
fn connect(left: &Site, name: &str, peer: &Site, routes: &[&str], back: &[&str]) {
    let away = tunnel(&format!("tun-{name}"), TunnelRole::Master, left.outside, peer.outside);
    let mut away = connection(&format!("vco-{name}"), vec![away], routes);
    away.domain = vpn_gateway_domain(name);
    left.want(away);
    let home = tunnel("tun-home", TunnelRole::Master, peer.outside, left.outside);
    peer.want(connection("vco-home", vec![home], back));
    left.world.wait_up(&format!("vco-{name}"));
    peer.world.wait_up("vco-home");
}

#[test]
fn a_vpc_is_not_there_for_the_tunnels_and_vpcs_of_other_domains() {
    let net = Net::connected();
    let third = Site::new(&net.lab, &net.wire, 3).start();
    let (one, other) = (vpc(&net, "vpc1", 11), vpc(&net, "vpc2", 12));
    let Net { left, right, .. } = &net;
    let (own, foreign) = (Ipv4Addr::new(10, 11, 0, 2), Ipv4Addr::new(10, 12, 0, 2));
    open(left, "one", "vpc1");
    open(left, "other", "vpc2");
    // Both peers would like to reach everything: the right one by the transit router, the third by VPN gateway one.
    right.change("vco-right", |it| it.routes.extend([route("10.11.0.0/24"), route("10.12.0.0/24")]));
    left.change("vco-left", |it| it.routes.push(route("10.2.0.0/24")));
    let back = ["10.11.0.0/24", "10.12.0.0/24", "10.13.0.0/24", "10.1.0.0/24"];
    connect(left, "one", &third, &["10.3.0.0/24"], &back);
    let capture = net.capture();

    let all = [&one, &other];
    let rules =
        || left.router.ip("rule").unwrap() + &left.router.ip("route show table all proto 202").unwrap();
    assert_eq!(arrivals(&third.lan, own, all), [5, 0], "{}", rules());
    assert_eq!(arrivals(&third.lan, foreign, all), [0, 0], "from another VPN gateway's tunnel: {}", rules());
    assert_eq!(arrivals(&right.lan, own, all), [0, 0], "from the transit router's tunnel: {}", rules());
    assert_eq!(arrivals(&one, foreign, all), [0, 0], "from one VPC into the other: {}", rules());
    assert_eq!(arrivals(&other, own, all), [0, 0], "and back: {}", rules());
    assert!(answers(&third.lan, own) && answers(&one, third.inside));
    // What is the machine's own stays: its LAN is there for all, and it reaches every VPC itself.
    assert!(answers(&one, left.inside) && answers(&right.lan, left.inside));
    assert_eq!(arrivals(&left.router, foreign, all), [0, 5]);

    // What the other VPC's network is for us is none either: our own shorter route has it.
    left.change("vco-one", |it| it.routes = vec![route("10.0.0.0/8")]);
    let sent = || {
        let snapshot = left.gateway().snapshot();
        snapshot.connections[&"vco-one".parse().unwrap()].tunnels[&"tun-one".parse().unwrap()].sent_packets
    };
    let before = sent();
    assert_eq!(arrivals(&one, foreign, all), [0, 0], "{}", rules());
    assert!(sent() - before >= 5, "{}", rules());

    // A network that main learns later is found to be another VPC's soon.
    other.ip("address add 10.13.0.2/24 dev lo").unwrap();
    left.router.ip("route add 10.13.0.0/24 via 10.12.0.2 dev vpc2").unwrap();
    let begin = Instant::now();
    while arrivals(&third.lan, [10, 13, 0, 2], [&other]) != [0] {
        assert!(begin.elapsed() < Duration::from_secs(5), "{}", rules());
    }
    assert_eq!(arrivals(&left.router, [10, 13, 0, 2], [&other]), [5]);
    nothing_leaked(capture);
}

#[test]
fn two_vpcs_with_the_same_networks_are_each_found_by_their_own_tunnels() {
    let net = Net::laid_out();
    let third = Site::new(&net.lab, &net.wire, 3).start();
    let (one, other) = (vpc(&net, "vpc1", 11), vpc(&net, "vpc2", 11));
    let (left, right) = (net.left.start(), net.right.start());
    // Each has a further network behind the host, too. Linux takes two routes for one prefix if their metrics differ.
    for (number, host) in [&one, &other].into_iter().enumerate() {
        host.ip("address add 10.14.0.2/24 dev lo").unwrap();
        let vpc = number + 1;
        left.router.ip(&format!("route add 10.14.0.0/24 via 10.11.0.2 dev vpc{vpc} metric {vpc}0")).unwrap();
    }
    open(&left, "one", "vpc1");
    open(&left, "other", "vpc2");
    let networks = ["10.11.0.0/24", "10.14.0.0/24"];
    connect(&left, "one", &right, &["10.2.0.0/24"], &networks);
    connect(&left, "other", &third, &["10.3.0.0/24"], &networks);
    let all = [&one, &other];
    let tables = || left.router.ip("route show table all").unwrap();
    for address in [[10, 11, 0, 2], [10, 14, 0, 2]] {
        assert_eq!(arrivals(&right.lan, address, all), [5, 0], "{}", tables());
        assert_eq!(arrivals(&third.lan, address, all), [0, 5], "{}", tables());
        assert!(answers(&right.lan, address.into()) && answers(&third.lan, address.into()));
    }
    assert!(answers(&one, right.inside) && answers(&other, third.inside), "{}", tables());
    assert!(!answers(&one, third.inside) && !answers(&other, right.inside), "{}", tables());

    // Without the first VPN gateway its VPC is none that is to be kept from the others: main's order decides as ever.
    left.world.forget("vco-one");
    left.gateway().nudge();
    left.world.wait("vco-one", "gone", |it| it.is_none());
    left.world.forget_domain(&vpn_gateway_domain("one"));
    left.gateway().nudge();
    left.world.wait_domain(&vpn_gateway_domain("one"), None);
    assert_eq!(arrivals(&third.lan, [10, 11, 0, 2], all), [0, 5], "{}", tables());
    assert!(!tables().contains("table 1020200"), "{}", tables());
}

/// SECURITY.md: Linux does not say in which domain its own answers belong.
#[test]
fn an_icmp_error_about_a_packet_of_a_tunnel_stays_in_with_the_route_that_is_advised() {
    let net = Net::connected();
    let third = Site::new(&net.lab, &net.wire, 3).start();
    let one = vpc(&net, "vpc1", 11);
    let left = &net.left;
    left.router.default_route("192.0.2.2").unwrap();
    open(left, "one", "vpc1");
    connect(left, "one", &third, &["10.3.0.0/24"], &["10.11.0.0/24"]);
    assert!(answers(&one, third.inside));
    // The second router on its way is the left one.
    let expire = || {
        let capture = net.capture();
        let send = || -> std::io::Result<()> {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            socket.set_ttl(2)?;
            socket.send_to(&[0; 64], ("10.11.0.2", 9)).map(drop)
        };
        third.lan.enter(send).unwrap().unwrap();
        // What comes after it has passed means that it has expired.
        assert!(answers(&third.lan, Ipv4Addr::new(10, 11, 0, 2)));
        capture.stop().unwrap().clear_text_packets
    };
    assert_eq!(expire(), 1, "by the default route");
    left.router.ip(&format!("route add {GUARD}")).unwrap();
    assert_eq!(expire(), 0);
}
