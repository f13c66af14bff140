//! A way on which a link in the middle takes shorter packets than those at the ends.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::SocketAddrV4;
use std::process::Command;
use std::time::{Duration, Instant};

use causeway_control::resource::tunnel::TunnelRole;
use causeway_gateway::counters::DropReason;
use causeway_gateway::{Encapsulation, EngineHandle, GatewayConfig};
use causeway_netlab::{Host, Lab, Wire, tcp_echo};

#[path = "support/site.rs"]
mod site;
#[path = "support/wanted.rs"]
mod wanted;
use site::Site;
use wanted::{connection, tunnel};

const PATIENCE: Duration = Duration::from_secs(20);
/// What the link in the middle takes.
const NARROW: usize = 1_400;
/// The longest inner packet that fits with AES-GCM: less IP, UDP, ESP's header, IV, ICV and trailer, in words of four bytes.
const INNER_IN_UDP: usize = 1_338;
const INNER_IN_ESP: usize = 1_346;
const MEGABYTES: usize = 1 << 20;

/// `left - wire - router - narrow link - router - wire - right`.
struct Net {
    left: Site,
    right: Site,
    routers: [Host; 2],
    _wires: [Wire; 2],
    _lab: Lab,
}

impl Net {
    fn new(encapsulation: Encapsulation, prepare: impl Fn(&Host)) -> Self {
        let lab = Lab::new("gw").expect("this test makes network namespaces: run it as root");
        let (west, east) = (lab.wire("west").unwrap(), lab.wire("east").unwrap());
        let (left, right) = (Site::new(&lab, &west, 1), Site::new(&lab, &east, 2));
        let routers = [lab.host("near").unwrap(), lab.host("far").unwrap()];
        let [near, far] = &routers;
        west.plug(near, "wire", &["192.0.2.51/32"]).unwrap();
        east.plug(far, "wire", &["192.0.2.52/32"]).unwrap();
        lab.link((near, "narrow", &["198.51.100.1/30"]), (far, "narrow", &["198.51.100.2/30"])).unwrap();
        for (router, here, there, next) in [
            (near, "192.0.2.1", "192.0.2.2", "198.51.100.2"),
            (far, "192.0.2.2", "192.0.2.1", "198.51.100.1"),
        ] {
            router.ip(&format!("link set narrow mtu {NARROW}")).unwrap();
            router.ip(&format!("route add {here}/32 dev wire")).unwrap();
            router.ip(&format!("route add {there}/32 via {next}")).unwrap();
            prepare(router);
        }
        left.router.ip("route add 192.0.2.2/32 via 192.0.2.51").unwrap();
        right.router.ip("route add 192.0.2.1/32 via 192.0.2.52").unwrap();

        let config = |site: &Site| GatewayConfig { encapsulation, ..site.config() };
        let (left_config, right_config) = (config(&left), config(&right));
        let (left, right) = (left.start_with(left_config), right.start_with(right_config));
        let (here, there) = (left.outside, right.outside);
        let tunnels = |id, here, there| vec![tunnel(id, TunnelRole::Master, here, there)];
        left.want(connection("vco-left", tunnels("tun-left", here, there), &["10.2.0.0/24"]));
        right.want(connection("vco-right", tunnels("tun-right", there, here), &["10.1.0.0/24"]));
        left.world.wait_up("vco-left");
        right.world.wait_up("vco-right");
        Self { left, right, routers, _wires: [west, east], _lab: lab }
    }

    /// Waits until both gateways know how long an inner packet may be.
    fn wait_learned(&self, inner: usize) {
        let text = format!("the tunnel takes packets of up to {inner} bytes now");
        let end = Instant::now() + PATIENCE;
        for site in [&self.left, &self.right] {
            while !site.world.log().iter().any(|line| line.text.starts_with(&text)) {
                assert!(Instant::now() < end, "{:#?}", site.world.log());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Pings from the left LAN by packets of this length: what `ping` says.
    fn ping(&self, discovery: &str, len: usize) -> String {
        let mut ping = Command::new("ping");
        let size = (len - 28).to_string();
        ping.args(["-M", discovery, "-s", &size, "-c", "1", "-W", "2", &self.right.inside.to_string()]);
        let output = self.left.lan.output(&mut ping, Duration::from_secs(10)).unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    fn transfer(&self) -> Duration {
        let at = SocketAddrV4::new(self.right.inside, 0);
        tcp_echo(&self.left.lan, &self.right.lan, at, 4 * MEGABYTES, PATIENCE).unwrap()
    }

    /// How many packets were too big for the tunnel on either side.
    fn too_big(&self) -> u64 {
        let dropped = |site: &Site| {
            let snapshot = site.gateway().snapshot();
            let tunnels = snapshot.connections.values().flat_map(|it| it.tunnels.values());
            tunnels.filter_map(|it| it.dropped.get(&DropReason::TooBig)).sum::<u64>()
        };
        dropped(&self.left) + dropped(&self.right)
    }

    /// How many fragments the routers have made.
    fn fragments(&self) -> u64 {
        let made = |router: &Host| {
            let snmp = router.run(Command::new("cat").arg("/proc/self/net/snmp")).unwrap();
            let mut ip = snmp.lines().filter(|line| line.starts_with("Ip: "));
            let (names, values) = (ip.next().unwrap(), ip.next().unwrap());
            let mut pairs = names.split(' ').zip(values.split(' '));
            pairs.find(|(name, _)| *name == "FragCreates").unwrap().1.parse::<u64>().unwrap()
        };
        self.routers.iter().map(made).sum()
    }
}

#[test]
fn what_a_narrow_link_does_not_take_is_found_out_and_told() {
    for (encapsulation, inner) in
        [(Encapsulation::Always, INNER_IN_UDP), (Encapsulation::WhenTranslated, INNER_IN_ESP)]
    {
        let net = Net::new(encapsulation, |_| {});
        net.wait_learned(inner);

        // TCP is told when it connects, in both directions, so that nothing is ever too big.
        let fragments = net.fragments();
        let took = net.transfer();
        eprintln!("{encapsulation:?}: 4 MB there and back in {took:?}");
        assert_eq!((net.too_big(), net.fragments()), (0, fragments), "{encapsulation:?}");

        let passes = net.ping("do", inner);
        assert!(passes.contains("1 received"), "{passes}");
        let refused = net.ping("do", inner + 1);
        assert!(refused.contains("0 received") && refused.contains(&format!("mtu = {inner}")), "{refused}");
        assert_eq!(net.too_big(), 1);

        // What may be fragmented comes apart inside, the answer too.
        for len in [inner + 1, 1_400, 4_000] {
            let passes = net.ping("dont", len);
            assert!(passes.contains("1 received"), "{len}: {passes}");
        }
        assert_eq!((net.too_big(), net.fragments()), (1, fragments));
    }
}

/// Where the routers do not tell, packets are fragmented on the way, and none is lost.
#[test]
fn a_narrow_link_whose_router_keeps_silent_is_passed_in_fragments() {
    let net = Net::new(Encapsulation::Always, |router| {
        // What a router says itself has no way out; what it forwards comes from an interface.
        router.ip("rule add pref 5 iif lo ipproto icmp blackhole").unwrap();
    });
    let took = net.transfer();
    eprintln!("in fragments: 4 MB there and back in {took:?}");
    assert_eq!(net.too_big(), 0);
    assert!(net.fragments() > 1_000, "{}", net.fragments());
}

/// What was learned is not for ever: each new child is a reason to look again, and so are ten minutes.
#[test]
fn a_link_that_became_wider_is_found_out() {
    let net = Net::new(Encapsulation::Always, |_| {});
    net.wait_learned(INNER_IN_UDP);
    for router in &net.routers {
        router.ip("link set narrow mtu 1500").unwrap();
    }
    // The first child is rekeyed within ten seconds. The way takes more than the device then.
    let device = usize::from(GatewayConfig::default().mtu);
    net.wait_learned(device);
    let passes = net.ping("do", device);
    assert!(passes.contains("1 received"), "{passes}");
}
