//! A path that loses many packets, of every kind: what is up stays up, and no route moves.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use causeway_control::desired::{DesiredHealthCheck, DesiredTunnel};
use causeway_control::observed::{TunnelHealth, TunnelStatus};
use causeway_control::resource::health_check::HealthCheckPolicy::RevokeRoute;
use causeway_control::resource::tunnel::TunnelRole;
use causeway_gateway::EngineHandle;
use causeway_netlab::{Front, Lab, Pinger, Relay, RelaySettings, Weather};

#[path = "support/site.rs"]
mod site;
#[path = "support/wanted.rs"]
mod wanted;
use site::Site;
use wanted::{connection, tunnel};

/// Two sites on networks of their own, and a relay between them that answers for either side.
struct Net {
    left: Site,
    right: Site,
    relay: Relay,
    _lab: Lab,
}

const DEST: &str = "10.130.0.0/24";
const TUNNELS: [&str; 2] = ["tun-left1", "tun-left2"];
/// In each direction, so that of a hundred probes thirty are not answered.
const LOSS: Weather = Weather { loss: 16, reordering: 0, duplication: 0, corruption: 0 };
const OBSERVED_FOR: Duration = Duration::from_secs(12);

impl Net {
    fn new() -> Self {
        let lab = Lab::new("lossy").expect("this test makes network namespaces: run it as root");
        let (left_wire, right_wire) = (lab.wire("left").unwrap(), lab.wire("right").unwrap());
        let middle = lab.host("middle").unwrap();
        for (wire, interface, network) in
            [(&left_wire, "left", "192.0.2.0/25"), (&right_wire, "right", "192.0.2.128/25")]
        {
            wire.plug(&middle, interface, &[]).unwrap();
            middle.ip(&format!("route add {network} dev {interface}")).unwrap();
            middle.sysctl(&format!("net.ipv4.conf.{interface}.proxy_arp"), "1").unwrap();
        }
        let settings = RelaySettings {
            left: "left".to_owned(),
            right: "right".to_owned(),
            left_network: "192.0.2.0/25".parse().unwrap(),
            fronts: [Front::Nothing, Front::Nothing],
            seed: 7,
            mtu: 1_500,
        };
        let relay = Relay::start(&middle, &settings).unwrap();
        let (left, right) =
            (Site::new(&lab, &left_wire, 1).start(), Site::new(&lab, &right_wire, 130).start());
        Self { left, right, relay, _lab: lab }
    }

    /// One connection over two tunnels, each with a health check from the left.
    fn connect(&self) {
        let tunnels = |from: &Site, to: &Site, side: &str, health_check| -> Vec<DesiredTunnel> {
            let pairs = [
                (TunnelRole::Master, from.outside, to.outside),
                (TunnelRole::Slave, from.outside_too(), to.outside_too()),
            ];
            let tunnel = |(number, (role, from, to)): (usize, (_, Ipv4Addr, Ipv4Addr))| DesiredTunnel {
                health_check,
                ..tunnel(&format!("tun-{side}{}", number + 1), role, from, to)
            };
            pairs.into_iter().enumerate().map(tunnel).collect()
        };
        let (source, destination) = (self.left.inside, self.right.inside);
        let check = DesiredHealthCheck { source, destination, interval_s: 1, retry: 1, policy: RevokeRoute };
        let theirs = tunnels(&self.right, &self.left, "right", None);
        self.right.want(connection("vco-right", theirs, &["10.1.0.0/24"]));
        let ours = tunnels(&self.left, &self.right, "left", Some(check));
        self.left.want(connection("vco-left", ours, &[DEST]));
        self.left.world.wait_up("vco-left");
        self.right.world.wait_up("vco-right");
    }

    fn wait_health(&self, health: TunnelHealth) {
        for tunnel in TUNNELS {
            self.left.wait_health("vco-left", tunnel, health);
        }
    }

    fn carrier(&self) -> Option<String> {
        self.left.carrier("vco-left", DEST)
    }

    /// How many probes were sent through both tunnels, and how many were answered.
    fn probes(&self) -> (u64, u64) {
        let snapshot = self.left.gateway().snapshot();
        let tunnels = snapshot.connections[&"vco-left".parse().unwrap()].tunnels.values();
        tunnels.fold((0, 0), |(sent, answered), it| (sent + it.probes_sent, answered + it.probes_answered))
    }

    /// Waits until the master carries, whichever tunnel was up first.
    fn wait_master(&self) {
        self.left.wait_carrier("vco-left", DEST, Some(TUNNELS[0]));
    }
}

#[test]
fn where_three_of_ten_probes_are_not_answered_no_packet_moves_and_where_none_is_all_is_withdrawn() {
    let net = Net::new();
    net.connect();
    net.wait_health(TunnelHealth::Healthy);
    net.wait_master();
    let (before, logged) = (net.probes(), net.left.world.log().len());
    net.relay.set_weather(LOSS);
    let flow = Pinger::start(&net.left.lan, net.right.inside, Duration::from_millis(5)).unwrap();
    let end = Instant::now() + OBSERVED_FOR;
    while Instant::now() < end {
        assert_eq!(net.carrier().as_deref(), Some(TUNNELS[0]), "{:#?}", net.left.world.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    let flow = flow.stop(Duration::from_millis(500));
    let after = net.probes();
    let (sent, answered) = (after.0 - before.0, after.1 - before.1);
    eprintln!("{sent} probes, of which {answered} were answered");
    // About forty and twelve.
    assert!(sent >= 30 && sent - answered >= 2, "{sent} sent, {answered} answered");
    let lost = flow.probes.iter().filter(|probe| probe.received.is_none()).count();
    let percent = 100.0 * lost as f64 / flow.probes.len() as f64;
    assert!((24.0..35.0).contains(&percent), "of the traffic {percent}% were lost");
    // Tunnels and routes only; the sides may still be agreeing on which of two IKE SAs stays.
    let is_move =
        |text: &str| ["packets take", "health check", "withdraw"].iter().any(|it| text.contains(it));
    let moves: Vec<_> =
        net.left.world.log().split_off(logged).into_iter().filter(|it| is_move(&it.text)).collect();
    assert!(moves.is_empty(), "{moves:#?}");

    net.relay.set_broken(true);
    net.wait_health(TunnelHealth::Unhealthy);
    let moves = net.left.world.log().into_iter().filter(|it| is_move(&it.text)).count();
    assert!(moves > 0, "what is looked for is in the log when it happens");
    net.relay.set_broken(false);
    net.wait_health(TunnelHealth::Healthy);
    let status = |it: &causeway_control::observed::ObservedTunnel| it.status;
    net.left.world.wait("vco-left", "both tunnels are up", |it| {
        it.is_some_and(|it| it.tunnels.values().map(status).all(|it| it == TunnelStatus::IpsecSaEstablished))
    });
    net.wait_master();
}
