//! The packet path between two namespaces, with security associations that nobody negotiated.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::thread::JoinHandle;

use causeway_control::ids::VpnConnectionId;
use causeway_crypto::{Encryption, Integrity, Protection};
use causeway_esp::{InboundSa, OutboundSa, ReplayWindow, SequenceNumbers};
use causeway_gateway::config::GatewayConfig;
use causeway_gateway::counters::{Counters, CountersSnapshot, DropReason};
use causeway_gateway::forwarding::{Candidate, Carrier, ForwardingTable};
use causeway_gateway::netlink::message::Target;
use causeway_gateway::path::{
    DomainPlane, Inbound, InboundPath, OutboundPath, Peer, Selectors, inbound, outbound,
};
use causeway_gateway::routes::{LinuxRoutes, RouteChange, RouteNumbers, TABLE_BASE};
use causeway_gateway::sockets::LocalPorts;
use causeway_gateway::stop::StopSwitch;
use causeway_gateway::tun::{MTU_DEFAULT, TunDevice};
use ipnet::Ipv4Net;

#[path = "support/host.rs"]
mod host;
use host::Host;

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

/// One end: its address, what is behind it, and the same of the other.
#[derive(Clone, Copy)]
struct End {
    address: Ipv4Addr,
    behind: &'static str,
    spi: u32,
}

const LEFT: End = End { address: Ipv4Addr::new(192, 0, 2, 1), behind: "10.1.0.0/16", spi: 0x1111 };
const RIGHT: End = End { address: Ipv4Addr::new(192, 0, 2, 2), behind: "10.2.0.0/16", spi: 0x2222 };

#[derive(Clone, Copy)]
struct Suite {
    encryption: Encryption,
    integrity: Option<Integrity>,
    in_udp: bool,
}

const GCM: Suite = Suite { encryption: Encryption::Aes128Gcm16, integrity: None, in_udp: true };

impl Suite {
    fn protection(self, spi: u32) -> Protection {
        let key = |length: usize| vec![spi as u8; length];
        let encryption_key = key(self.encryption.key_len() + self.encryption.salt_len());
        let integrity_key = key(self.integrity.map_or(0, Integrity::key_len));
        Protection::new(self.encryption, self.integrity, &encryption_key, &integrity_key).unwrap()
    }
}

/// A running end.
struct Plane {
    domain: Arc<DomainPlane>,
    inbound: Arc<Inbound>,
    carrier: Arc<Carrier<OutboundPath>>,
    counters: Arc<Counters>,
    stop: StopSwitch,
    threads: Vec<JoinHandle<()>>,
}

impl Plane {
    /// In the namespace of the calling thread.
    fn start(own: End, other: End, suite: Suite) -> Self {
        let ports = Arc::new(LocalPorts::bind(own.address, &GatewayConfig::at([own.address])).unwrap());
        let device = TunDevice::open("cw0").unwrap();
        let mut routes = LinuxRoutes::open(RouteNumbers::default()).unwrap();
        routes.set_link(device.index(), MTU_DEFAULT, "test").unwrap();
        let dest = net(other.behind);
        routes.apply(TABLE_BASE, &[RouteChange::Put(dest, Target::Device(device.index()))]).unwrap();
        routes.put_rules(&BTreeSet::from([TABLE_BASE])).unwrap();

        let domain = Arc::new(DomainPlane {
            device,
            table: ForwardingTable::default(),
            counters: Counters::default(),
        });
        let counters = Arc::new(Counters::default());
        let selectors = Selectors::new(&[net(own.behind)], &[dest]);
        let carrier = Carrier::new(Arc::clone(&counters));
        let connection: VpnConnectionId = "vco-test".parse().unwrap();
        domain.table.put(dest, Candidate { weight: 100, connection, carrier: Arc::clone(&carrier) });
        carrier.switch(Some(Arc::new(OutboundPath {
            sa: Arc::new(OutboundSa::new(other.spi, suite.protection(other.spi), SequenceNumbers::Standard)),
            selectors: selectors.clone(),
            peer: Peer {
                ports: Arc::clone(&ports),
                remote: SocketAddrV4::new(other.address, 4500),
                in_udp: suite.in_udp,
            },
            counters: Arc::clone(&counters),
        })));
        let inbound = Arc::new(Inbound::default());
        let window = ReplayWindow::new(1_024, SequenceNumbers::Standard);
        inbound.install(Arc::new(InboundPath {
            sa: InboundSa::new(own.spi, suite.protection(own.spi), window),
            selectors,
            domain: Arc::clone(&domain),
            counters: Arc::clone(&counters),
        }));

        let (stop, signal) = StopSwitch::new().unwrap();
        let reader = {
            let (domain, signal) = (Arc::clone(&domain), signal.clone());
            std::thread::spawn(move || outbound::forward(&domain, MTU_DEFAULT, &signal))
        };
        let receiver = {
            let inbound = Arc::clone(&inbound);
            let (ike, _) = crossbeam_channel::bounded(1);
            std::thread::spawn(move || inbound::receive(&ports, &inbound, &ike, &signal))
        };
        Self { domain, inbound, carrier, counters, stop, threads: vec![reader, receiver] }
    }

    fn counted(&self) -> CountersSnapshot {
        self.counters.snapshot()
    }

    fn stop(mut self) {
        self.stop.throw();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

struct Lab {
    left: Host,
    right: Host,
    left_plane: Plane,
    right_plane: Plane,
}

impl Lab {
    fn new(suite: Suite) -> Self {
        let (left, right) = (Host::new(), Host::new());
        left.cable("wan", "192.0.2.1/24", &right, "wan", "192.0.2.2/24");
        left.lan("10.1.0.1/32");
        right.lan("10.2.0.1/32");
        let left_plane = left.run(move || Plane::start(LEFT, RIGHT, suite));
        let right_plane = right.run(move || Plane::start(RIGHT, LEFT, suite));
        Self { left, right, left_plane, right_plane }
    }

    fn ping(&self, count: u32) -> bool {
        self.left.try_command(&format!("ping -I 10.1.0.1 -c {count} -i 0.01 -W 1 10.2.0.1")).0
    }

    /// Bits per second of a TCP stream of one second from left to right.
    fn tcp(&self) -> f64 {
        let server = self.right.run(|| {
            std::process::Command::new("iperf3")
                .args(["-s", "-1", "-B", "10.2.0.1"])
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        });
        let mut server = server;
        std::thread::sleep(std::time::Duration::from_millis(200));
        let report = self.left.command("iperf3 -c 10.2.0.1 -B 10.1.0.1 -t 1 -J");
        server.wait().unwrap();
        let sum = report.split("\"sum_received\"").nth(1).unwrap();
        let rate = sum.split("\"bits_per_second\":").nth(1).unwrap();
        rate.split(',').next().unwrap().trim().parse().unwrap()
    }

    fn stop(self) {
        self.left_plane.stop();
        self.right_plane.stop();
    }
}

#[test]
fn ping_and_tcp_pass_with_every_kind_of_suite() {
    let suites = [
        GCM,
        Suite { in_udp: false, ..GCM },
        Suite { encryption: Encryption::Aes256Cbc, integrity: Some(Integrity::HmacSha256_128), in_udp: true },
    ];
    for suite in suites {
        let lab = Lab::new(suite);
        assert!(
            lab.ping(10),
            "{:?}: {:?} {:?}",
            suite.encryption,
            lab.left_plane.counted(),
            lab.right_plane.counted()
        );
        let rate = lab.tcp();
        eprintln!("{:?}, in UDP: {}: {:.2} Gb/s", suite.encryption, suite.in_udp, rate / 1e9);
        assert!(rate > 5e6, "{rate} bits per second");
        let (left, right) = (lab.left_plane.counted(), lab.right_plane.counted());
        assert!(left.sent_packets > 10 && right.received_packets <= left.sent_packets, "{left:?} {right:?}");
        lab.stop();
    }
}

#[test]
fn a_connection_that_is_down_drops_and_counts() {
    let lab = Lab::new(GCM);
    assert!(lab.ping(1));
    lab.left_plane.carrier.switch(None);
    assert!(!lab.ping(2));
    assert_eq!(lab.left_plane.counted().dropped[&DropReason::TunnelDown], 2);
    lab.left_plane.domain.table.remove(net(RIGHT.behind), &"vco-test".parse().unwrap());
    assert!(!lab.ping(1));
    assert_eq!(lab.left_plane.domain.counters.snapshot().dropped[&DropReason::NoRoute], 1);
    lab.stop();
}

#[test]
fn what_is_outside_of_the_selectors_is_dropped_on_both_ends() {
    let lab = Lab::new(GCM);
    lab.left.lan("172.16.0.1/32");
    assert!(!lab.left.try_command("ping -I 172.16.0.1 -c 1 -W 1 10.2.0.1").0);
    assert_eq!(lab.left_plane.counted().dropped[&DropReason::OutsideSelectors], 1);
    // The left end no longer minds, the right one does.
    let path = Arc::clone(lab.left_plane.carrier.path().as_ref().unwrap());
    let all = Selectors::new(&[net("0.0.0.0/0")], &[net("0.0.0.0/0")]);
    lab.left_plane.carrier.switch(Some(Arc::new(OutboundPath {
        sa: Arc::clone(&path.sa),
        selectors: all,
        peer: Peer { ports: Arc::clone(&path.peer.ports), ..path.peer },
        counters: Arc::clone(&path.counters),
    })));
    assert!(!lab.left.try_command("ping -I 172.16.0.1 -c 1 -W 1 10.2.0.1").0);
    assert_eq!(lab.right_plane.counted().dropped[&DropReason::Spoofed], 1);
    lab.right_plane.inbound.remove(RIGHT.spi);
    assert!(!lab.ping(1));
    assert_eq!(lab.right_plane.inbound.counters.snapshot().dropped[&DropReason::UnknownSpi], 1);
    lab.stop();
}

#[test]
fn datagrams_that_are_no_esp_harm_nothing() {
    let lab = Lab::new(GCM);
    lab.left.run(|| {
        let socket = std::net::UdpSocket::bind("192.0.2.1:0").unwrap();
        for length in [0, 1, 3, 4, 7, 8, 9, 40, 1_400] {
            for byte in [0x00, 0x11, 0xff] {
                let mut datagram = vec![byte; length];
                // Some with an SPI that is in use.
                if byte == 0x11 && length >= 4 {
                    datagram[..4].copy_from_slice(&RIGHT.spi.to_be_bytes());
                }
                socket.send_to(&datagram, "192.0.2.2:4500").unwrap();
                socket.send_to(&datagram, "192.0.2.2:500").unwrap();
            }
        }
    });
    assert!(lab.ping(3));
    let dropped = lab.right_plane.counted().dropped;
    assert!(dropped.values().sum::<u64>() >= 3, "{dropped:?}");
    lab.stop();
}
