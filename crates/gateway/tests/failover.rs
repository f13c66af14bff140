//! Packets get lost inside of tunnels that are up: which tunnel carries then, which connection, and for how long nothing does.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::{Duration, Instant};

use causeway_control::desired::{DesiredConnection, DesiredHealthCheck, DesiredTunnel};
use causeway_control::fields::Weight;
use causeway_control::observed::{ObservedConnection, TunnelHealth, TunnelStatus};
use causeway_control::resource::health_check::HealthCheckPolicy::{self, ReserveRoute, RevokeRoute};
use causeway_control::resource::tunnel::TunnelRole;
use causeway_gateway::health::SilenceTimes;
use causeway_gateway::{Encapsulation, EngineHandle, GatewayConfig};
use causeway_netlab::{Lab, Pinger, Wire};

#[path = "support/site.rs"]
mod site;
#[path = "support/wait.rs"]
mod wait;
#[path = "support/wanted.rs"]
mod wanted;
use site::Site;
use wait::wait_until;
use wanted::{connection, route, tunnel};

/// Two sites with two tunnels between them, whose ESP is a protocol of its own, so that it can be dropped by itself.
struct Net {
    left: Site,
    right: Site,
    wire: Wire,
    _lab: Lab,
}

const DEST: &str = "10.2.0.0/24";
const MASTER: &str = "tun-left1";
const SLAVE: &str = "tun-left2";
const FLOW: Duration = Duration::from_millis(2);

/// Short enough for a test.
const SILENCE: SilenceTimes = SilenceTimes {
    sent_for: Duration::from_millis(800),
    answered_for: Duration::from_millis(600),
    trial: Duration::from_millis(400),
    pause: Duration::from_secs(2),
    pause_max: Duration::from_secs(4),
};

impl Net {
    fn new() -> Self {
        Self::with_silence(SilenceTimes::default())
    }

    /// With the right side's times.
    fn with_silence(of_right: SilenceTimes) -> Self {
        let lab = Lab::new("fo").expect("this test makes network namespaces: run it as root");
        let wire = lab.wire("wire").unwrap();
        let site = |number| {
            let site = Site::new(&lab, &wire, number);
            let config = GatewayConfig {
                encapsulation: Encapsulation::WhenTranslated,
                silence: if number == 1 { SILENCE } else { of_right },
                ..site.config()
            };
            site.start_with(config)
        };
        let (left, right) = (site(1), site(2));
        for router in [&left.router, &right.router] {
            // The rule before which none can be put makes room.
            router.ip("rule add pref 10 lookup local").unwrap();
            router.ip("rule del pref 0").unwrap();
        }
        Self { left, right, wire, _lab: lab }
    }

    /// A connection over both tunnels, with the left side's check.
    fn connected(check: Option<DesiredHealthCheck>) -> Self {
        Self::checked(check, None)
    }

    /// The same with the check of either side.
    fn checked(left: Option<DesiredHealthCheck>, right: Option<DesiredHealthCheck>) -> Self {
        Self::new().connect(left, right)
    }

    fn connect(self, left: Option<DesiredHealthCheck>, right: Option<DesiredHealthCheck>) -> Self {
        let [mut ours, mut theirs] = [true, false].map(|is_left| self.tunnels(is_left));
        ours.iter_mut().for_each(|tunnel| tunnel.health_check = left);
        theirs.iter_mut().for_each(|tunnel| tunnel.health_check = right);
        self.right.want(connection("vco-right", theirs, &["10.1.0.0/24"]));
        self.left.want(connection("vco-left", ours, &[DEST]));
        self.left.world.wait_up("vco-left");
        self.right.world.wait_up("vco-right");
        self
    }

    fn tunnels(&self, is_left: bool) -> Vec<DesiredTunnel> {
        let (from, to, side) =
            if is_left { (&self.left, &self.right, "left") } else { (&self.right, &self.left, "right") };
        vec![
            tunnel(&format!("tun-{side}1"), TunnelRole::Master, from.outside, to.outside),
            tunnel(&format!("tun-{side}2"), TunnelRole::Slave, from.outside_too(), to.outside_too()),
        ]
    }

    /// A check from the host on the left to the one on the right: the same addresses as those of its pings.
    fn check(policy: HealthCheckPolicy) -> DesiredHealthCheck {
        let (source, destination) = (Ipv4Addr::new(10, 1, 0, 2), Ipv4Addr::new(10, 2, 0, 2));
        DesiredHealthCheck { source, destination, interval_s: 1, retry: 1, policy }
    }

    /// Drops what the left side sends through a tunnel, on its way into the right side; IKE and the other way are as before.
    fn set_black_hole(&self, is_on: bool, from: Ipv4Addr) {
        drop_esp(&self.right, is_on, from);
    }

    /// Drops what either side sends through the master.
    fn set_black_hole_both_ways(&self, is_on: bool) {
        drop_esp(&self.right, is_on, self.left.outside);
        drop_esp(&self.left, is_on, self.right.outside);
    }

    fn wait_health(&self, id: &str, tunnel: &str, health: TunnelHealth) {
        self.left.wait_health(id, tunnel, health);
    }

    fn flow(&self) -> Pinger {
        Pinger::start(&self.left.lan, self.right.inside, FLOW).unwrap()
    }

    fn carrier(&self, id: &str) -> Option<String> {
        self.left.carrier(id, DEST)
    }

    fn wait_carrier(&self, id: &str, tunnel: Option<&str>) {
        self.left.wait_carrier(id, DEST, tunnel);
    }

    /// Whether Linux brings the destination to the gateway.
    fn is_routed(&self) -> bool {
        self.left.router.ip("route show table 20200").unwrap_or_default().contains(DEST)
    }

    fn logged(&self, text: &str) -> usize {
        self.left.world.log().iter().filter(|line| line.text.contains(text)).count()
    }
}

/// Drops the ESP that comes to a site from one address.
fn drop_esp(site: &Site, is_on: bool, from: Ipv4Addr) {
    let verb = if is_on { "add" } else { "del" };
    site.router.ip(&format!("rule {verb} pref 5 from {from} iif wan ipproto esp blackhole")).unwrap();
}

/// How long after a moment the last packet was sent that got lost.
fn last_lost_after(flow: &causeway_netlab::Flow, moment: Instant) -> Duration {
    let lost = flow.probes.iter().filter(|probe| probe.received.is_none() && probe.sent >= moment);
    lost.map(|probe| probe.sent - moment).max().unwrap_or_default()
}

#[test]
fn a_master_that_fails_its_health_check_is_replaced_by_the_slave_until_it_passes_again() {
    let net = Net::connected(Some(Net::check(RevokeRoute)));
    for tunnel in [MASTER, SLAVE] {
        net.wait_health("vco-left", tunnel, TunnelHealth::Healthy);
    }
    assert_eq!(net.carrier("vco-left").as_deref(), Some(MASTER));
    let moves = |from: &str, to: &str| net.logged(&format!("packets take {to} instead of {from}"));
    // At the beginning the slave may have been up first.
    let before = (moves(MASTER, SLAVE), moves(SLAVE, MASTER));
    let flow = net.flow();
    std::thread::sleep(Duration::from_millis(300));
    let broken = Instant::now();
    net.set_black_hole(true, net.left.outside);
    net.wait_health("vco-left", MASTER, TunnelHealth::Unhealthy);
    let found = Instant::now();
    net.wait_carrier("vco-left", Some(SLAVE));
    std::thread::sleep(Duration::from_millis(500));
    net.set_black_hole(false, net.left.outside);
    let mended = Instant::now();
    net.wait_health("vco-left", MASTER, TunnelHealth::Healthy);
    net.wait_carrier("vco-left", Some(MASTER));
    eprintln!("the master is back {:?} after it was mended", mended.elapsed());
    std::thread::sleep(Duration::from_millis(300));
    let flow = flow.stop(Duration::from_millis(500));
    let (after, outage) = (last_lost_after(&flow, found), flow.longest_outage());
    eprintln!(
        "found {:?} after the break; lost packets until {after:?} after that; outage {outage:?}",
        found - broken
    );
    assert!(found - broken < Duration::from_millis(3_500), "{:?}", found - broken);
    assert!(after < Duration::from_millis(500), "{after:?}");
    assert!(outage < found - broken + Duration::from_millis(300), "coming back costs nothing: {outage:?}");
    let after_all = (moves(MASTER, SLAVE), moves(SLAVE, MASTER));
    assert_eq!(after_all, (before.0 + 1, before.1 + 1), "{:#?}", net.left.world.log());
    let why = format!("packets take {SLAVE} instead of {MASTER}: {MASTER} fails the health check");
    assert_eq!(net.logged(&why), 1);
    assert!(net.is_routed());
    let snapshot = net.left.gateway().snapshot();
    let tunnels = &snapshot.connections[&"vco-left".parse().unwrap()].tunnels;
    for counters in tunnels.values() {
        assert!(
            counters.probes_answered > 2 && counters.round_trip.unwrap() < Duration::from_secs(1),
            "{counters:?}"
        );
    }
}

#[test]
fn answers_to_probes_come_to_nobody_else_and_what_others_are_answered_does() {
    let net = Net::connected(Some(Net::check(RevokeRoute)));
    net.wait_health("vco-left", MASTER, TunnelHealth::Healthy);
    net.wait_health("vco-left", SLAVE, TunnelHealth::Healthy);
    // The host from whose address the probes come.
    let echo_replies = || {
        let snmp = net.left.lan.run(Command::new("cat").arg("/proc/net/snmp")).unwrap();
        let mut lines = snmp.lines().filter(|line| line.starts_with("Icmp:"));
        let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
        let at = names.split(' ').position(|name| name == "InEchoReps").unwrap();
        values.split(' ').nth(at).unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(echo_replies(), 0);
    assert!(net.left.pings(net.right.inside));
    assert_eq!(echo_replies(), 5);
    let snapshot = net.left.gateway().snapshot();
    let tunnels = &snapshot.connections[&"vco-left".parse().unwrap()].tunnels;
    let passed = |id: &str| {
        let counters = &tunnels[&id.parse().unwrap()];
        (counters.sent_packets, counters.received_packets)
    };
    assert_eq!((passed(MASTER), passed(SLAVE)), ((5, 5), (0, 0)), "probes are counted by themselves");
}

#[test]
fn where_no_tunnel_passes_the_policy_decides_whether_routes_stay() {
    // Nobody has this address, and everything else gets through.
    let nobody = Ipv4Addr::new(10, 2, 0, 77);
    let net = Net::connected(Some(DesiredHealthCheck { destination: nobody, ..Net::check(ReserveRoute) }));
    for tunnel in [MASTER, SLAVE] {
        net.wait_health("vco-left", tunnel, TunnelHealth::Unhealthy);
    }
    assert!(net.left.pings(net.right.inside), "reserved routes stay");
    assert_eq!((net.carrier("vco-left").as_deref(), net.is_routed()), (Some(MASTER), true));

    let policy = |policy: HealthCheckPolicy| {
        net.left.change("vco-left", |it| {
            it.tunnels.iter_mut().flat_map(|it| &mut it.health_check).for_each(|it| it.policy = policy);
        });
    };
    policy(RevokeRoute);
    net.left.world.wait("vco-left", "withdrawn", |it| it.is_some_and(|it| it.is_withdrawn && !it.carries()));
    wait_until("the Linux route is gone", || !net.is_routed());
    assert_eq!(net.carrier("vco-left"), None);
    assert!(!net.left.pings(net.right.inside), "revoked routes are gone");
    let told = net.left.gateway().forwarding(&"vco-left".parse().unwrap(), Some(route(DEST).dest.into()));
    assert_eq!(told.unwrap().linux_route, None);

    // Another connection of the domain keeps the Linux route, whatever its weight.
    let mut other = connection("vco-other", vec![], &[DEST]);
    other.routes[0].weight = Weight::LOW;
    net.left.want(other);
    assert!(net.is_routed());
    net.left.world.forget("vco-other");
    net.left.gateway().nudge();
    wait_until("the Linux route is gone with the other", || !net.is_routed());

    policy(ReserveRoute);
    wait_until("the route is there again", || net.is_routed());
    assert!(net.left.pings(net.right.inside));
}

#[test]
fn two_sides_that_both_withdraw_their_routes_find_each_other_again() {
    let ours = Net::check(RevokeRoute);
    let theirs = DesiredHealthCheck { source: ours.destination, destination: ours.source, ..ours };
    let net = Net::checked(Some(ours), Some(theirs));
    net.wait_health("vco-left", MASTER, TunnelHealth::Healthy);
    net.wire.set_plugged(&net.right.router, false).unwrap();
    let is_withdrawn = |it: Option<&ObservedConnection>| it.is_some_and(|it| it.is_withdrawn);
    net.left.world.wait("vco-left", "withdrawn", is_withdrawn);
    net.right.world.wait("vco-right", "withdrawn", is_withdrawn);
    wait_until("the route is gone", || !net.is_routed());
    net.wire.set_plugged(&net.right.router, true).unwrap();
    // Each needs the other to let its answers through.
    net.left.world.wait("vco-left", "there again", |it| it.is_some_and(|it| it.carries()));
    net.right.world.wait("vco-right", "there again", |it| it.is_some_and(|it| it.carries()));
    wait_until("the route is there", || net.is_routed());
    assert!(net.left.pings(net.right.inside));
}

#[test]
fn two_sides_that_both_check_leave_a_master_that_lets_nothing_through_either_way() {
    let ours = Net::check(RevokeRoute);
    let theirs = DesiredHealthCheck { source: ours.destination, destination: ours.source, ..ours };
    let net = Net::checked(Some(ours), Some(theirs));
    for (ours, theirs) in [(MASTER, "tun-right1"), (SLAVE, "tun-right2")] {
        net.left.wait_health("vco-left", ours, TunnelHealth::Healthy);
        net.right.wait_health("vco-right", theirs, TunnelHealth::Healthy);
    }
    let wait_carriers = |ours: &str, theirs: &str| {
        net.left.wait_carrier("vco-left", DEST, Some(ours));
        net.right.wait_carrier("vco-right", "10.1.0.0/24", Some(theirs));
    };
    wait_carriers(MASTER, "tun-right1");
    let flow = net.flow();
    std::thread::sleep(Duration::from_millis(300));
    let broken = Instant::now();
    net.set_black_hole_both_ways(true);
    wait_carriers(SLAVE, "tun-right2");
    eprintln!("both sides use the slave {:?} after the break", broken.elapsed());
    // Neither is condemned for the answers that went into the master.
    net.left.wait_health("vco-left", SLAVE, TunnelHealth::Healthy);
    net.right.wait_health("vco-right", "tun-right2", TunnelHealth::Healthy);
    std::thread::sleep(Duration::from_secs(3));
    wait_carriers(SLAVE, "tun-right2");
    net.set_black_hole_both_ways(false);
    wait_carriers(MASTER, "tun-right1");
    let flow = flow.stop(Duration::from_millis(500));
    eprintln!("outage {:?}", flow.longest_outage());
    assert!(flow.longest_outage() < Duration::from_secs(5), "{:?}", flow.longest_outage());
}

#[test]
fn a_route_of_weight_0_takes_over_from_one_of_weight_100_whose_connection_fails_its_check() {
    let net = Net::new();
    let [mut ours, theirs] = [true, false].map(|is_left| net.tunnels(is_left));
    ours.iter_mut().for_each(|tunnel| tunnel.health_check = Some(Net::check(RevokeRoute)));
    let one = |id: &str, tunnel: &DesiredTunnel, dest: &str, weight: Weight| -> DesiredConnection {
        let mut one = connection(id, vec![tunnel.clone()], &[dest]);
        one.routes[0].weight = weight;
        one
    };
    // Answers come back over the first of them, also when it is the other that is asked.
    net.right.want(one("vco-right1", &theirs[0], "10.1.0.0/24", Weight::HIGH));
    net.right.want(one("vco-right2", &theirs[1], "10.1.0.0/24", Weight::LOW));
    net.left.want(one("vco-left1", &ours[0], DEST, Weight::HIGH));
    net.left.want(one("vco-left2", &ours[1], DEST, Weight::LOW));
    net.wait_health("vco-left1", MASTER, TunnelHealth::Healthy);
    net.wait_health("vco-left2", SLAVE, TunnelHealth::Healthy);
    let sent = |id: &str| {
        let snapshot = net.left.gateway().snapshot();
        snapshot.connections[&id.parse().unwrap()].tunnels.values().map(|it| it.sent_packets).sum::<u64>()
    };
    let flow = net.flow();
    std::thread::sleep(Duration::from_millis(300));
    assert!(sent("vco-left1") > 0 && sent("vco-left2") == 0);
    net.set_black_hole(true, net.left.outside);
    net.left.world.wait("vco-left1", "withdrawn", |it| it.is_some_and(|it| it.is_withdrawn));
    let found = Instant::now();
    std::thread::sleep(Duration::from_millis(500));
    assert!(net.is_routed(), "the other connection has the prefix");
    net.set_black_hole(false, net.left.outside);
    net.left.world.wait("vco-left1", "there again", |it| it.is_some_and(|it| it.carries()));
    let again = Instant::now();
    std::thread::sleep(Duration::from_millis(300));
    let moved = sent("vco-left2");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(sent("vco-left2"), moved, "it stands by again");
    let flow = flow.stop(Duration::from_millis(500));
    let (after, back) = (last_lost_after(&flow, found), last_lost_after(&flow, again));
    eprintln!(
        "lost packets until {after:?} after it was found; outage {:?}; on the way back {back:?}",
        flow.longest_outage()
    );
    assert!(after < Duration::from_millis(500), "{after:?}");
    assert_eq!(back, Duration::ZERO, "coming back loses nothing");
}

#[test]
fn a_tunnel_that_its_peer_deletes_interrupts_for_milliseconds() {
    let net = Net::connected(None);
    let flow = net.flow();
    std::thread::sleep(Duration::from_millis(300));
    net.right.change("vco-right", |it| drop(it.tunnels.remove(0)));
    net.left.world.wait_status("vco-left", MASTER, TunnelStatus::IkeSaNotEstablished);
    std::thread::sleep(Duration::from_millis(300));
    let flow = flow.stop(Duration::from_millis(500));
    eprintln!("outage {:?}", flow.longest_outage());
    assert!(flow.longest_outage() < Duration::from_millis(100), "{:?}", flow.longest_outage());
    assert_eq!(net.logged(&format!("packets take {SLAVE} instead of {MASTER}: {MASTER} is down")), 1);
}

#[test]
fn a_black_hole_is_found_without_a_health_check_and_tried_again_until_it_is_none() {
    let net = Net::connected(None);
    let children = || {
        let snapshot = net.left.gateway().snapshot();
        snapshot.connections[&"vco-left".parse().unwrap()].tunnels[&MASTER.parse().unwrap()].children
    };
    let flow = net.flow();
    std::thread::sleep(Duration::from_millis(500));
    let before = children();
    let established = net.logged("IKE SA established with");
    let broken = Instant::now();
    net.set_black_hole(true, net.left.outside);
    net.wait_health("vco-left", MASTER, TunnelHealth::Silent);
    let found = Instant::now();
    net.wait_carrier("vco-left", Some(SLAVE));
    wait_until("the child SA is replaced", || children() > before);
    assert_eq!(net.logged("its IPsec SA is replaced"), 1, "{:#?}", net.left.world.log());
    // What comes back through the master, as an answer to what the slave carries, proves nothing.
    std::thread::sleep(Duration::from_millis(1_000));
    assert_eq!(net.carrier("vco-left").as_deref(), Some(SLAVE));
    wait_until("a trial", || net.logged("is tried again") > 0);
    wait_until("a trial in vain", || net.logged("still nothing comes back") > 1);
    net.set_black_hole(false, net.left.outside);
    wait_until("a trial that is answered", || net.logged("packets come back through the tunnel again") > 0);
    assert_eq!(net.carrier("vco-left").as_deref(), Some(MASTER));
    net.wait_health("vco-left", MASTER, TunnelHealth::Unknown);
    let flow = flow.stop(Duration::from_millis(500));
    let first = flow.probes.iter().find(|it| it.sent > broken && it.received.is_some()).unwrap();
    eprintln!(
        "found {:?} after the break; the first packet got through {:?} after that",
        found - broken,
        first.sent.saturating_duration_since(found)
    );
    assert!(first.sent < found + Duration::from_millis(500));
    assert_eq!(net.logged("its IPsec SA is replaced"), 1, "not each trial replaces it");
    assert_eq!(net.logged("IKE SA established with"), established, "no tunnel is made anew for it");
}

#[test]
fn a_black_hole_both_ways_is_left_by_both_sides_without_a_health_check() {
    let net = Net::with_silence(SILENCE).connect(None, None);
    let flow = net.flow();
    std::thread::sleep(Duration::from_millis(300));
    let broken = Instant::now();
    net.set_black_hole_both_ways(true);
    net.wait_carrier("vco-left", Some(SLAVE));
    // It only answers, and sees through which tunnel it is asked.
    net.right.wait_carrier("vco-right", "10.1.0.0/24", Some("tun-right2"));
    eprintln!("the right side follows {:?} after the break", broken.elapsed());
    std::thread::sleep(Duration::from_secs(3));
    net.set_black_hole_both_ways(false);
    net.wait_carrier("vco-left", Some(MASTER));
    net.right.wait_carrier("vco-right", "10.1.0.0/24", Some("tun-right1"));
    net.wait_health("vco-left", MASTER, TunnelHealth::Unknown);
    let flow = flow.stop(Duration::from_millis(500));
    eprintln!("outage {:?}", flow.longest_outage());
    assert!(flow.longest_outage() < Duration::from_secs(5), "{:?}", flow.longest_outage());
}

#[test]
fn traffic_in_one_direction_keeps_its_only_tunnel_and_replaces_its_sa_once() {
    let net = Net::connected(None);
    net.left.change("vco-left", |it| it.tunnels.truncate(1));
    net.right.lan.sysctl("net.ipv4.icmp_echo_ignore_all", "1").unwrap();
    let flow = net.flow();
    std::thread::sleep(Duration::from_millis(300));
    let established = net.logged("IKE SA established with");
    net.wait_health("vco-left", MASTER, TunnelHealth::Silent);
    wait_until("it is replaced", || net.logged("its IPsec SA is replaced") > 0);
    let sent = || {
        let snapshot = net.left.gateway().snapshot();
        snapshot.connections[&"vco-left".parse().unwrap()].tunnels[&MASTER.parse().unwrap()].sent_packets
    };
    wait_until("two trials", || net.logged("is tried again") > 1);
    let before = sent();
    std::thread::sleep(Duration::from_millis(200));
    assert!(sent() > before + 20, "it carries all the time");
    assert_eq!(net.logged("its IPsec SA is replaced"), 1);
    net.right.lan.sysctl("net.ipv4.icmp_echo_ignore_all", "0").unwrap();
    net.wait_health("vco-left", MASTER, TunnelHealth::Unknown);
    drop(flow.stop(Duration::ZERO));
    assert_eq!(net.logged("IKE SA established with"), established, "{:#?}", net.left.world.log());
}

#[test]
fn a_check_whose_addresses_are_outside_of_the_selectors_is_told_and_fails_nothing() {
    let net = Net::new();
    let mut ours = net.tunnels(true).remove(0);
    (ours.local_subnets, ours.remote_subnets) =
        (vec!["10.1.0.0/24".parse().unwrap()], vec![DEST.parse().unwrap()]);
    let source = Ipv4Addr::new(10, 9, 0, 1);
    ours.health_check = Some(DesiredHealthCheck { source, ..Net::check(RevokeRoute) });
    net.right.want(connection("vco-right", vec![net.tunnels(false).remove(0)], &["10.1.0.0/24"]));
    net.left.want(connection("vco-left", vec![ours], &[DEST]));
    net.wait_health("vco-left", MASTER, TunnelHealth::OutsideSelectors);
    assert!(net.left.pings(net.right.inside));
    assert_eq!(net.logged("the health check's addresses are not in the tunnel's selectors"), 1);
}
