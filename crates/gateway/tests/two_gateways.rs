//! Two gateways in two namespaces, each with a LAN, that negotiate with each other and forward for real.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use causeway_control::desired::DesiredTunnel;
use causeway_control::observed::{ObservedTraffic, TunnelStatus};
use causeway_control::resource::ike_config::{EncAlg, IkeMode, IkeVersion};
use causeway_control::resource::tunnel::TunnelRole;
use causeway_gateway::counters::{DropReason, coarse_now_ms};
use causeway_gateway::{Encapsulation, EngineHandle, GatewayConfig, StartError};
use causeway_netlab::{Class, PingOptions, Pinger, TcpOptions, ping, tcp_throughput};

#[path = "support/net.rs"]
mod net;
#[path = "support/site.rs"]
mod site;
#[path = "support/wanted.rs"]
mod wanted;
use net::{Net, answers, nothing_leaked, vpc};
use site::Site;
use wanted::{connection, route, tunnel, vpn_gateway_domain};

#[test]
fn nothing_passes_without_a_route_and_everything_with_one() {
    let net = Net::connected();
    let capture = net.capture();
    let Net { left, right, .. } = &net;
    assert!(!left.pings(right.inside), "there is no route yet");

    left.change("vco-left", |it| it.routes.push(route("10.2.0.0/24")));
    assert!(left.pings(right.inside), "{:#?} {:#?}", left.gateway().snapshot(), right.gateway().snapshot());
    assert!(right.pings(left.inside));
    assert!(!left.pings(right.inside_too), "for that network there is none");

    let at = SocketAddrV4::new(right.inside, 0);
    let options = TcpOptions { duration: Duration::from_secs(1), ..TcpOptions::default() };
    let throughput = tcp_throughput(&left.lan, &right.lan, at, &options).unwrap();
    eprintln!("TCP: {:.2} Gb/s", throughput.gbps());

    left.change("vco-left", |it| it.routes.clear());
    assert!(!left.pings(right.inside));
    nothing_leaked(capture);
}

#[test]
fn what_is_programmed_and_when_packets_passed_can_be_asked() {
    let net = Net::connected();
    let Net { left, right, .. } = &net;
    let id = "vco-left".parse().unwrap();
    let ask = || left.gateway().forwarding(&id, Some(route("10.2.0.0/24").dest.into())).unwrap();
    let before = ask();
    assert_eq!((before.entry, before.linux_route), (None, None));
    let never = ObservedTraffic::default();
    assert_eq!(before.tunnels.into_values().collect::<Vec<_>>(), [never]);
    left.change("vco-left", |it| it.routes.push(route("10.2.0.0/24")));
    let began = coarse_now_ms();
    assert!(left.pings(right.inside));
    let told = ask();
    assert_eq!((told.entry, &told.carrier), (Some(100), &Some("tun-left".parse().unwrap())));
    assert_eq!(
        told.linux_route,
        Some(left.gateway().snapshot().domains.into_values().next().unwrap().device)
    );
    let within = |ms: Option<i64>| (began..=coarse_now_ms()).contains(&ms.unwrap().try_into().unwrap());
    assert!(told.tunnels.values().all(|it| within(it.sent_ms) && within(it.received_ms)), "{told:?}");
    left.world.wait("vco-left", "what was negotiated", |it| {
        let tunnels = it.into_iter().flat_map(|it| it.tunnels.values());
        let mut selectors = tunnels.filter_map(|it| it.selectors.as_ref());
        selectors.any(|it| it.local == it.remote && it.local == ["0.0.0.0/0".parse().unwrap()])
    });
}

#[test]
fn a_deleted_route_stops_its_packets_and_loses_none_of_another() {
    let net = Net::connected();
    let Net { left, right, .. } = &net;
    left.change("vco-left", |it| it.routes = vec![route("10.2.0.0/24"), route("10.102.0.0/24")]);
    let kept = Pinger::start(&left.lan, right.inside_too, Duration::from_millis(1)).unwrap();
    for _ in 0..10 {
        let deleted = Pinger::start(&left.lan, right.inside, Duration::from_millis(1)).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let begin = Instant::now();
        left.change("vco-left", |it| it.routes = vec![route("10.102.0.0/24")]);
        let in_force = Instant::now();
        std::thread::sleep(Duration::from_millis(50));
        let last = deleted.stop(Duration::from_millis(100)).last_through_after(in_force);
        eprintln!("in force {:?} after it was wanted, the last packet {last:?} after that", in_force - begin);
        assert!(
            last < Duration::from_millis(50),
            "the last packet passed {last:?} after the deletion was in force"
        );
        left.change("vco-left", |it| it.routes.push(route("10.2.0.0/24")));
    }
    let flow = kept.stop(Duration::from_millis(500));
    let lost = flow.probes.len() as u64 - flow.received();
    assert_eq!(lost, 0, "of {} packets over the route that stayed", flow.probes.len());
}

#[test]
fn while_the_tunnel_is_down_packets_are_dropped_and_counted() {
    let net = Net::laid_out();
    let left = net.left.start();
    let net = Net { left, ..net };
    let capture = net.capture();
    // There is a way out in clear, and it must not be taken.
    net.left.router.default_route("192.0.2.2").unwrap();
    let (here, there) = (net.left.outside, net.right.outside);
    let tunnel = tunnel("tun-left", TunnelRole::Master, here, there);
    net.left.want(connection("vco-left", vec![tunnel], &["10.2.0.0/24"]));
    assert!(!net.left.pings(net.right.inside));
    let snapshot = net.left.gateway().snapshot();
    let dropped = &snapshot.connections[&"vco-left".parse().unwrap()].counters.dropped;
    assert_eq!(dropped.get(&DropReason::TunnelDown), Some(&5), "{snapshot:#?}");
    nothing_leaked(capture);
}

#[test]
fn what_is_routed_may_contain_the_peer_itself() {
    let net = Net::connected();
    let (left, right) = (&net.left, &net.right);
    left.change("vco-left", |it| {
        it.routes = vec![route("192.0.2.0/24"), route("0.0.0.0/1"), route("128.0.0.0/1")]
    });
    assert!(left.pings(right.inside), "{:#?}", left.gateway().snapshot());
    left.change("vco-left", |it| it.tunnels[0].ike.ike_lifetime_s -= 1);
    assert!(left.pings(right.inside));
}

#[test]
fn rekeying_loses_no_packet() {
    let net = Net::laid_out();
    let (left, right) = (net.left.start(), net.right.start());
    // The lifetimes are each side's own: the left one rekeys the child each second or two, and the IKE SA now and then.
    let mut short = tunnel("tun-left", TunnelRole::Master, left.outside, right.outside);
    (short.ipsec.ipsec_lifetime_s, short.ike.ike_lifetime_s) = (2, 5);
    left.want(connection("vco-left", vec![short], &["10.2.0.0/24"]));
    let long = tunnel("tun-right", TunnelRole::Master, right.outside, left.outside);
    right.want(connection("vco-right", vec![long], &["10.1.0.0/24"]));
    left.world.wait_up("vco-left");
    right.world.wait_up("vco-right");
    assert!(left.pings(right.inside));

    let flow = Pinger::start(&left.lan, right.inside, Duration::from_millis(2)).unwrap();
    std::thread::sleep(Duration::from_secs(7));
    let flow = flow.stop(Duration::from_millis(500));
    let lost = flow.probes.len() as u64 - flow.received();
    let (count, outage, log) = (flow.probes.len(), flow.longest_outage(), left.world.log());
    assert_eq!(lost, 0, "of {count}, longest outage {outage:?}: {log:#?}");
    assert!(log.iter().filter(|line| line.text.contains("IKE SA rekeyed")).count() >= 1, "{log:#?}");
    for (site, id) in [(&left, "vco-left"), (&right, "vco-right")] {
        let counters = &site.gateway().snapshot().connections[&id.parse().unwrap()].tunnels;
        let counters = counters.values().next().unwrap();
        assert!(counters.children >= 4, "the child was rekeyed: {counters:?}");
        assert!(counters.sent_packets >= flow.received(), "counters survive that: {counters:?}");
    }
}

#[test]
fn the_slave_takes_over_when_the_master_goes() {
    let net = Net::laid_out();
    let (left, right) = (net.left.start(), net.right.start());
    let tunnels = |from: &Site, to: &Site, side: &str| {
        vec![
            tunnel(&format!("tun-{side}1"), TunnelRole::Master, from.outside, to.outside),
            tunnel(&format!("tun-{side}2"), TunnelRole::Slave, from.outside_too(), to.outside_too()),
        ]
    };
    left.want(connection("vco-left", tunnels(&left, &right, "left"), &["10.2.0.0/24"]));
    right.want(connection("vco-right", tunnels(&right, &left, "right"), &["10.1.0.0/24"]));
    left.world.wait_up("vco-left");
    right.world.wait_up("vco-right");
    assert!(left.pings(right.inside));
    let sent = |site: &Site, id: &str, tunnel: &str| {
        let snapshot = site.gateway().snapshot();
        snapshot.connections[&id.parse().unwrap()].tunnels[&tunnel.parse().unwrap()].sent_packets
    };
    assert_eq!((sent(&left, "vco-left", "tun-left1"), sent(&left, "vco-left", "tun-left2")), (5, 0));
    // Deleting it on one side closes it on the other.
    right.change("vco-right", |it| drop(it.tunnels.remove(0)));
    left.world.wait_status("vco-left", "tun-left1", TunnelStatus::IkeSaNotEstablished);
    assert!(left.pings(right.inside));
    assert_eq!(sent(&left, "vco-left", "tun-left2"), 5);
}

#[test]
fn routes_that_somebody_else_deletes_come_back() {
    let net = Net::connected();
    let (left, right) = (&net.left, &net.right);
    left.change("vco-left", |it| it.routes.push(route("10.2.0.0/24")));
    assert!(left.pings(right.inside));
    for sabotage in ["route flush table 20200", "rule del table 20200", "link set cw0 down", "link del cw0"] {
        let begin = Instant::now();
        left.router.ip(sabotage).unwrap();
        let options = PingOptions { count: 1, timeout: Duration::from_millis(100), ..PingOptions::default() };
        while ping(&left.lan, right.inside, &options).unwrap().received == 0 {
            assert!(begin.elapsed() < Duration::from_secs(10), "not repaired after {sabotage}");
        }
        eprintln!("repaired {:?} after {sabotage}", begin.elapsed());
    }
}

#[test]
fn main_keeps_what_it_knows_more_exactly_also_when_it_learns_that_later() {
    let net = Net::connected();
    let (left, right) = (&net.left, &net.right);
    left.change("vco-left", |it| it.routes.push(route("10.0.0.0/8")));
    assert!(
        left.pings(right.inside),
        "the answers find back into the LAN, which is inside of the routed prefix"
    );
    let leads_to = |device: &str| left.router.ip("route get 10.2.0.2").unwrap_or_default().contains(device);
    assert!(leads_to("dev cw0"));
    left.router.ip("route add 10.2.0.0/24 via 10.1.0.2").unwrap();
    let end = Instant::now() + Duration::from_secs(4);
    while !leads_to("dev lan") {
        assert!(Instant::now() < end, "{}", left.router.ip("route show table all").unwrap());
    }
    left.router.ip("route del 10.2.0.0/24").unwrap();
    while !leads_to("dev cw0") {
        assert!(Instant::now() < end, "{}", left.router.ip("route show table all").unwrap());
    }
}

#[test]
fn what_main_forgets_with_a_link_is_ours_at_once() {
    let net = Net::connected();
    let left = &net.left;
    left.change("vco-left", |it| it.routes.push(route("10.0.0.0/8")));
    let leads_to = |device: &str| left.router.ip("route get 10.7.0.2").unwrap_or_default().contains(device);
    let wait = |device: &str| {
        let end = Instant::now() + Duration::from_secs(4);
        while !leads_to(device) {
            assert!(Instant::now() < end, "{device}: {}", left.router.ip("route show table all").unwrap());
        }
    };
    left.router.ip("link add more type veth peer name other").unwrap();
    left.router.ip("link set other up").unwrap();
    // Linux tells nobody which routes go with a device.
    for goes in ["link set more down", "link del more"] {
        left.router.ip("link set more up").unwrap();
        left.router.ip("route add 10.7.0.0/24 dev more").unwrap();
        wait("dev more");
        left.router.ip(goes).unwrap();
        wait("dev cw0");
    }
}

#[test]
fn a_connection_that_cannot_be_programmed_keeps_no_other_waiting() {
    let net = Net::laid_out();
    let left = net.left.start();
    left.want(connection("vco-stuck", vec![], &[]));
    let device = "cw0";
    // Nothing can be routed to a device that is down. The check that repairs it comes now and then.
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                left.router.ip(&format!("link set {device} down")).unwrap();
            }
        });
        let stuck = left.world.change("vco-stuck", |it| it.routes.push(route("10.9.0.0/16")));
        let mut other = connection("vco-other", vec![], &["10.8.0.0/16"]);
        other.domain = wanted::domain("other");
        let begin = Instant::now();
        left.want(other);
        let took = begin.elapsed();
        let table = left.router.ip("route show table 20201").unwrap();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(table.contains("10.8.0.0/16 dev cw1"), "{table}");
        assert!(took < Duration::from_secs(2), "{took:?}");
        left.world.wait_in_force("vco-stuck", stuck);
    });
}

#[test]
fn two_connections_may_have_the_same_prefix() {
    let net = Net::connected();
    let Net { left, right, .. } = &net;
    left.change("vco-left", |it| it.routes.push(route("10.2.0.0/24")));
    left.want(connection("vco-other", vec![], &["10.2.0.0/24", "10.77.0.0/24"]));
    assert!(left.pings(right.inside), "the other connection is down and does not get in the way");
    left.world.forget("vco-other");
    left.gateway().nudge();
    left.world.wait("vco-other", "gone", |it| it.is_none());
    assert!(left.pings(right.inside));
    let table = left.router.ip("route show table 20200").unwrap();
    assert!(table.contains("10.2.0.0/24") && !table.contains("10.77.0.0/24"), "{table}");
}

#[test]
fn a_second_gateway_is_refused_with_a_reason() {
    let net = Net::laid_out();
    let left = net.left.start();
    assert!(matches!(left.try_start(left.config()), Err(StartError::PortInUse { port: 500, .. })));
    let elsewhere = GatewayConfig { ike_port: 1_500, nat_port: 14_500, ..left.config() };
    assert!(matches!(left.try_start(elsewhere), Err(StartError::AlreadyRunning { .. })));
    assert!(matches!(left.try_start(GatewayConfig::default()), Err(StartError::NoAddress)));
    let all = GatewayConfig::at([std::net::Ipv4Addr::UNSPECIFIED]);
    assert!(matches!(left.try_start(all), Err(StartError::AddressUnspecified)));
}

/// How many packets went as ESP and how many in UDP, when this is configured and a ping goes through.
fn carried(encapsulation: Encapsulation, enable_nat_traversal: bool) -> (u64, u64) {
    let Net { left, right, wire, lab } = Net::laid_out();
    let start = |site: Site| {
        let config = GatewayConfig { encapsulation, ..site.config() };
        site.start_with(config)
    };
    let net = Net { left: start(left), right: start(right), wire, lab };
    let capture = net.capture();
    // Not changed later: a ping may fall between the old tunnel and the new one.
    net.want_tunnel_with(|tunnel| tunnel.enable_nat_traversal = enable_nat_traversal);
    net.left.change("vco-left", |it| it.routes.push(route("10.2.0.0/24")));
    net.left.world.wait_up("vco-left");
    net.right.world.wait_up("vco-right");
    let end = Instant::now() + Duration::from_secs(20);
    while !net.left.pings(net.right.inside) {
        assert!(Instant::now() < end, "{:#?}", net.left.world.log());
    }
    let captured = capture.stop().unwrap();
    assert_eq!(captured.clear_text_packets, 0);
    (captured.count(Class::Esp), captured.count(Class::EspInUdp))
}

#[test]
fn without_a_translator_and_without_forcing_esp_is_a_protocol_of_its_own() {
    let (in_esp, in_udp) = carried(Encapsulation::WhenTranslated, true);
    assert!(in_esp >= 10 && in_udp == 0, "{in_esp} {in_udp}");
}

#[test]
fn encapsulation_can_be_forced_for_all_tunnels_and_forbidden_for_one() {
    let (in_esp, in_udp) = carried(Encapsulation::Always, true);
    assert!(in_esp == 0 && in_udp >= 10, "{in_esp} {in_udp}");
    let (in_esp, in_udp) = carried(Encapsulation::Always, false);
    assert!(in_esp >= 10, "{in_esp} {in_udp}");
}

#[test]
fn packets_of_several_networks_take_the_child_of_their_own_by_ikev1() {
    for mode in [IkeMode::Main, IkeMode::Aggressive] {
        let net = Net::laid_out();
        let net = Net { left: net.left.start(), right: net.right.start(), ..net };
        let (here, there) = (["10.1.0.0/24", "10.101.0.0/24"], ["10.2.0.0/24", "10.102.0.0/24"]);
        let shaped = |mut tunnel: DesiredTunnel, local: [&str; 2], remote: [&str; 2]| {
            (tunnel.ike.ike_version, tunnel.ike.ike_mode) = (IkeVersion::Ikev1, mode);
            tunnel.ike.ike_enc_alg = EncAlg::Aes;
            tunnel.local_subnets = local.map(|it| it.parse().unwrap()).to_vec();
            tunnel.remote_subnets = remote.map(|it| it.parse().unwrap()).to_vec();
            tunnel
        };
        let (left, right) = (net.left.outside, net.right.outside);
        let ours = shaped(tunnel("tun-left", TunnelRole::Master, left, right), here, there);
        let theirs = shaped(tunnel("tun-right", TunnelRole::Master, right, left), there, here);
        net.right.want(connection("vco-right", vec![theirs], &here));
        net.left.want(connection("vco-left", vec![ours], &there));
        let is_child = |text: &str| text.contains("child SA") && text.contains("established");
        let children = |site: &Site| site.world.log().iter().filter(|line| is_child(&line.text)).count();
        let begin = Instant::now();
        while children(&net.left) < 4 || children(&net.right) < 4 {
            assert!(begin.elapsed() < Duration::from_secs(20), "{mode:?}: {:#?}", net.left.world.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        for (from, to) in [(&net.left, &net.right), (&net.right, &net.left)] {
            assert!(from.pings(to.inside) && from.pings(to.inside_too), "{mode:?}");
        }
    }
}

#[test]
fn what_cannot_be_negotiated_is_told_in_status_and_log() {
    let net = Net::laid_out();
    let left = net.left.start();
    let mut tunnel = tunnel("tun-left", TunnelRole::Master, left.outside, net.right.outside);
    tunnel.ike.ike_version = IkeVersion::Ikev1;
    tunnel.ike.ike_enc_alg = EncAlg::Aes128Gcm;
    left.want(connection("vco-left", vec![tunnel], &["10.2.0.0/24"]));
    let says = |text: &str| text.contains("IkeEncAlg names AES-GCM, which ikev1 does not have");
    left.world.wait("vco-left", "an explanation", |it| {
        let error = it.and_then(|it| it.tunnels.values().next()).and_then(|it| it.last_error.as_deref());
        error.is_some_and(says)
    });
    assert!(left.world.log().iter().any(|line| says(&line.text)));
}

#[test]
fn a_connection_that_moves_to_another_transit_router_forwards_there_and_no_longer_where_it_was() {
    let net = Net::connected();
    let Net { left, right, .. } = &net;
    left.change("vco-left", |it| it.routes.push(route("10.2.0.0/24")));
    assert!(left.pings(right.inside));
    let table = |number: u32| left.router.ip(&format!("route show table {number}")).unwrap_or_default();
    assert!(table(20200).contains("10.2.0.0/24 dev cw0"), "{}", table(20200));
    // Another connection keeps the domain open that this one leaves.
    left.want(connection("vco-other", vec![], &["10.77.0.0/24"]));
    left.change("vco-left", |it| it.domain = wanted::domain("other"));
    left.world.wait_up("vco-left");
    assert!(left.pings(right.inside), "{:#?}", left.gateway().snapshot());
    assert!(table(20201).contains("10.2.0.0/24 dev cw1"), "{}", table(20201));
    assert!(!table(20200).contains("10.2.0.0/24"), "{}", table(20200));
    assert!(table(20200).contains("10.77.0.0/24 dev cw0"), "{}", table(20200));
    // What is routed in the domain that it left goes nowhere, although its tunnel is up.
    left.change("vco-left", |it| it.routes.clear());
    left.change("vco-other", |it| it.routes.push(route("10.2.0.0/24")));
    assert!(!left.pings(right.inside), "nothing crosses from one domain into another");
}

#[test]
fn two_vpn_gateways_with_the_same_prefix_take_each_its_own_tunnel() {
    let net = Net::laid_out();
    let third = Site::new(&net.lab, &net.wire, 3);
    third.router.ip("address add 10.2.0.1/24 dev lan").unwrap();
    third.lan.ip("address add 10.2.0.2/24 dev lan").unwrap();
    let (one, other) = (vpc(&net, "vpc1", 11), vpc(&net, "vpc2", 12));
    let (left, right, third) = (net.left.start(), net.right.start(), third.start());
    let target = right.inside;
    let domains = ["one", "other"].map(vpn_gateway_domain);
    for (domain, interface) in domains.iter().zip(["vpc1", "vpc2"]) {
        left.world.want_domain(domain, Some(interface));
        left.gateway().nudge();
        left.world.wait_domain(domain, Some(1));
    }
    for (name, peer, domain, back) in
        [("one", &right, &domains[0], "10.11.0.0/24"), ("other", &third, &domains[1], "10.12.0.0/24")]
    {
        let (here, there) = (left.outside, peer.outside);
        let away = tunnel(&format!("tun-{name}"), TunnelRole::Master, here, there);
        let mut away = connection(&format!("vco-{name}"), vec![away], &["10.2.0.0/24"]);
        away.domain = domain.clone();
        left.want(away);
        let home = tunnel("tun-home", TunnelRole::Master, there, here);
        peer.want(connection("vco-home", vec![home], &[back]));
        left.world.wait_up(&format!("vco-{name}"));
    }
    // Each peer routes only its own VPC back, so that what took the wrong tunnel is not answered.
    assert!(answers(&one, target) && answers(&other, target), "{:#?}", left.gateway().snapshot());
    left.change("vco-one", |it| it.routes.clear());
    assert!(!answers(&one, target), "the other gateway's route is none of this one's");
    assert!(answers(&other, target));

    // A VPN gateway keeps its domain without a connection, and takes it along when it goes.
    left.world.forget("vco-one");
    left.gateway().nudge();
    left.world.wait("vco-one", "gone", |it| it.is_none());
    let rules = left.router.ip("rule").unwrap();
    assert!(rules.contains("iif vpc1") && rules.contains("iif vpc2"), "{rules}");
    left.world.forget_domain(&domains[0]);
    left.gateway().nudge();
    left.world.wait_domain(&domains[0], None);
    let rules = left.router.ip("rule").unwrap();
    assert!(!rules.contains("iif vpc1") && rules.contains("iif vpc2"), "{rules}");
    assert!(answers(&other, target));
}

#[test]
fn nothing_crosses_from_a_vpc_or_out_of_a_tunnel_into_another_domain() {
    let net = Net::connected();
    let third = Site::new(&net.lab, &net.wire, 3).start();
    let behind = vpc(&net, "vpc1", 11);
    let Net { left, right, .. } = &net;
    let gateway = vpn_gateway_domain("one");
    left.world.want_domain(&gateway, Some("vpc1"));
    left.gateway().nudge();
    left.world.wait_domain(&gateway, Some(1));
    // The transit router has the right site, the VPN gateway the third one, and each of the peers would answer the other.
    left.change("vco-left", |it| it.routes.push(route("10.2.0.0/24")));
    let (here, there) = (left.outside, third.outside);
    let away = tunnel("tun-one", TunnelRole::Master, here, there);
    let mut away = connection("vco-one", vec![away], &["10.3.0.0/24"]);
    away.domain = gateway;
    left.want(away);
    let home = tunnel("tun-home", TunnelRole::Master, there, here);
    third.want(connection("vco-home", vec![home], &["10.11.0.0/24", "10.2.0.0/24"]));
    right.change("vco-right", |it| {
        it.routes = vec![route("10.1.0.0/24"), route("10.3.0.0/24"), route("10.11.0.0/24")];
    });
    left.world.wait_up("vco-one");
    assert!(left.pings(right.inside), "{:#?}", left.gateway().snapshot());
    assert!(answers(&behind, third.inside), "{:#?}", left.gateway().snapshot());

    let rules = || left.router.ip("rule").unwrap();
    let capture = net.capture();
    assert!(!answers(&behind, right.inside), "from the VPC into the transit router: {}", rules());
    assert!(!answers(&right.lan, third.inside), "from the transit router's tunnel: {}", rules());
    assert!(!answers(&third.lan, right.inside), "from the VPN gateway's tunnel: {}", rules());
    drop(capture.stop().unwrap());
    // The machine itself is reached from everywhere still.
    assert!(answers(&behind, left.inside), "main's networks are there for a VPC");

    left.router.ip("rule del priority 20201").unwrap();
    let begin = Instant::now();
    while !rules().contains("20201:") {
        assert!(begin.elapsed() < Duration::from_secs(10), "not repaired: {}", rules());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!answers(&behind, right.inside), "{}", rules());
}
