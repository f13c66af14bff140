//! IPsec SAs that have carried as much as they may.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::{Duration, Instant};

use causeway_control::resource::tunnel::TunnelRole;
use causeway_gateway::counters::{CountersSnapshot, DropReason};
use causeway_gateway::{EngineHandle, GatewayConfig, Traffic};
use causeway_netlab::{PingOptions, Pinger, ping};

#[path = "support/net.rs"]
mod net;
#[path = "support/site.rs"]
mod site;
#[path = "support/wanted.rs"]
mod wanted;
use net::Net;
use site::Site;
use wanted::{connection, tunnel};

/// Two gateways whose IPsec SAs carry no more than so many packets, with a tunnel between them.
fn with_packets_max(packets: u64) -> Net {
    let Net { left, right, wire, lab } = Net::laid_out();
    let start = |site: Site| {
        let sa_traffic_max = Traffic { packets, bytes: u64::MAX };
        let config = GatewayConfig { sa_traffic_max, ..site.config() };
        site.start_with(config)
    };
    let net = Net { left: start(left), right: start(right), wire, lab };
    let want = |from: &Site, to: &Site, side: &str, dest: &str| {
        let tunnel = tunnel(&format!("tun-{side}"), TunnelRole::Master, from.outside, to.outside);
        from.want(connection(&format!("vco-{side}"), vec![tunnel], &[dest]));
    };
    want(&net.left, &net.right, "left", "10.2.0.0/24");
    // The right one does not know it yet, and begins while the left one waits: so there is one IKE SA, and no second to close.
    net.left.world.wait_logged("its log says which");
    want(&net.right, &net.left, "right", "10.1.0.0/24");
    net.left.world.wait_up("vco-left");
    net.right.world.wait_up("vco-right");
    net
}

fn counted(site: &Site, id: &str) -> CountersSnapshot {
    let snapshot = site.gateway().snapshot();
    snapshot.connections[&id.parse().unwrap()].tunnels.values().next().unwrap().clone()
}

#[test]
fn a_child_that_has_carried_half_of_what_it_may_is_rekeyed_and_no_packet_is_lost() {
    let net = with_packets_max(4_000);
    let (left, right) = (&net.left, &net.right);
    assert!(left.pings(right.inside));
    let before = counted(left, "vco-left");
    let flow = Pinger::start(&left.lan, right.inside, Duration::from_millis(1)).unwrap();
    // So many rekeys take 8,000 packets, far more than one child carries.
    let end = Instant::now() + Duration::from_secs(30);
    while counted(left, "vco-left").children < before.children + 4 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
    let flow = flow.stop(Duration::from_millis(500));
    let (sent, received) = (flow.probes.len() as u64, flow.received());
    let log = left.world.log();
    assert_eq!(sent - received, 0, "longest outage {:?}: {log:#?}", flow.longest_outage());
    assert!(log.iter().any(|line| line.text.contains("has carried half of what it may")), "{log:#?}");
    assert!(!log.iter().any(|line| line.text.contains("negotiated anew")), "{log:#?}");

    // What was counted survives the rekeys: each packet once, and its bytes.
    for (site, id) in [(left, "vco-left"), (right, "vco-right")] {
        let now = counted(site, id);
        assert_eq!(now.dropped.values().sum::<u64>(), 0, "{now:?}");
        assert!(now.children >= before.children + 4 && sent > 4_000, "{now:?}");
        let packets = (now.sent_packets, now.received_packets);
        assert_eq!(packets, (before.sent_packets + sent, before.received_packets + sent), "{now:?}");
        let bytes_each = before.sent_bytes / before.sent_packets;
        assert_eq!(now.sent_bytes, bytes_each * now.sent_packets);
        assert_eq!(now.received_bytes, bytes_each * now.received_packets);
    }
}

#[test]
fn a_child_that_could_not_be_rekeyed_in_time_carries_nothing_more_and_the_tunnel_begins_anew() {
    // Less than the half second that is left would take.
    let net = with_packets_max(100);
    let (left, right) = (&net.left, &net.right);
    let flow = Pinger::start(&left.lan, right.inside, Duration::from_millis(1)).unwrap();
    left.world.wait_logged("was not rekeyed in time: the tunnel is negotiated anew");
    drop(flow.stop(Duration::ZERO));
    let dropped = counted(left, "vco-left").dropped;
    assert!(dropped[&DropReason::LifetimeOver] > 0, "{dropped:?}");
    let end = Instant::now() + Duration::from_secs(20);
    let once = PingOptions { count: 1, timeout: Duration::from_millis(300), ..PingOptions::default() };
    while ping(&left.lan, right.inside, &once).unwrap().received == 0 {
        assert!(Instant::now() < end, "{:#?}", left.world.log());
    }
}
