//! The packet path between two namespaces, with security associations that nobody negotiated.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/wait.rs"]
mod wait;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use causeway_control::ids::VpnConnectionId;
use causeway_crypto::{Encryption, Integrity, Protection};
use causeway_esp::{InboundSa, NEXT_HEADER_IPV4, OutboundSa, ReplayWindow, SequenceNumbers};
use causeway_gateway::config::GatewayConfig;
use causeway_gateway::counters::{Counters, CountersSnapshot, DropReason};
use causeway_gateway::forwarding::{Candidate, Carrier, ForwardingTable};
use causeway_gateway::netlink::message::Target;
use causeway_gateway::path::worker::Workers;
use causeway_gateway::path::{
    DomainPlane, Inbound, InboundPath, LastSource, OutboundPath, OutboundPaths, PathMtu, Peer, Selectors,
};
use causeway_gateway::routes::{LinuxRoutes, RouteChange, RouteNumbers, TABLE_BASE, TableInterfaces};
use causeway_gateway::sockets::LocalPorts;
use causeway_gateway::stop::StopSwitch;
use causeway_gateway::tun::{MTU_DEFAULT, TunDevice};
use causeway_netlab::{Host, Lab, TcpOptions, tcp_throughput};
use ipnet::Ipv4Net;

use wait::wait_until;

fn prefix(text: &str) -> Ipv4Net {
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

/// More than one, whatever the machine has.
const WORKERS: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// A running end.
struct Plane {
    domain: Arc<DomainPlane>,
    inbound: Arc<Inbound>,
    way_in: Arc<InboundPath>,
    carrier: Arc<Carrier<OutboundPaths>>,
    counters: Arc<Counters>,
    stop: StopSwitch,
    threads: Vec<JoinHandle<()>>,
}

impl Plane {
    /// In the namespace of the calling thread.
    fn start(own: End, other: End, suite: Suite) -> Self {
        let config = GatewayConfig { workers: WORKERS, ..GatewayConfig::at([own.address]) };
        let ports = Arc::new(LocalPorts::bind(own.address, &config).unwrap());
        let device = TunDevice::open("cw0", WORKERS.get()).unwrap();
        let mut routes = LinuxRoutes::open(RouteNumbers::default()).unwrap();
        routes.set_link(device.index(), MTU_DEFAULT, "test").unwrap();
        let dest = prefix(other.behind);
        routes.apply(TABLE_BASE, &[RouteChange::Put(dest, Target::Device(device.index()))]).unwrap();
        let interfaces = TableInterfaces { device: "cw0".to_owned(), vpc: None };
        routes.put_rules(&BTreeMap::from([(TABLE_BASE, interfaces)])).unwrap();

        let domain = Arc::new(DomainPlane {
            device,
            table: ForwardingTable::default(),
            counters: Counters::default(),
        });
        let counters = Arc::new(Counters::default());
        let mtu = Arc::new(PathMtu::new(MTU_DEFAULT.into()));
        let selectors = Selectors::new(&[prefix(own.behind)], &[dest]);
        let carrier = Carrier::new(Arc::clone(&counters));
        let connection: VpnConnectionId = "vco-test".parse().unwrap();
        domain.table.put(dest, Candidate { weight: 100, connection, carrier: Arc::clone(&carrier) });
        carrier.switch(Some(Arc::new(OutboundPaths::only(OutboundPath {
            sa: Arc::new(OutboundSa::new(other.spi, suite.protection(other.spi), SequenceNumbers::Standard)),
            selectors: selectors.clone(),
            peer: Peer {
                ports: Arc::clone(&ports),
                remote: SocketAddrV4::new(other.address, 4500),
                in_udp: suite.in_udp,
            },
            mtu: Arc::clone(&mtu),
            counters: Arc::clone(&counters),
        }))));
        let inbound = Arc::new(Inbound::default());
        let window = ReplayWindow::new(1_024, SequenceNumbers::Standard);
        let way_in = Arc::new(InboundPath {
            sa: InboundSa::new(own.spi, suite.protection(own.spi), window),
            selectors,
            domain: Arc::clone(&domain),
            mtu,
            source: LastSource::default(),
            counters: Arc::clone(&counters),
        });
        inbound.install(Arc::clone(&way_in));

        let (stop, signal) = StopSwitch::new().unwrap();
        let (ike, _) = crossbeam_channel::bounded(1);
        let workers = Workers::new(WORKERS.get(), vec![ports], &signal).unwrap();
        workers.add(&domain).unwrap();
        let threads = workers.start(&inbound, &ike).unwrap();
        Self { domain, inbound, way_in, carrier, counters, stop, threads }
    }

    fn counted(&self) -> CountersSnapshot {
        self.counters.snapshot()
    }

    /// The way out is what it was but for what is changed.
    fn switch_to(&self, change: impl FnOnce(&mut OutboundPath)) {
        let paths = Arc::clone(self.carrier.path().as_ref().unwrap());
        let path = &paths.children[0];
        let mut changed = OutboundPath {
            sa: Arc::clone(&path.sa),
            selectors: path.selectors.clone(),
            peer: Peer { ports: Arc::clone(&path.peer.ports), ..path.peer },
            mtu: Arc::clone(&path.mtu),
            counters: Arc::clone(&path.counters),
        };
        change(&mut changed);
        self.carrier.switch(Some(Arc::new(OutboundPaths::only(changed))));
    }

    fn stop(mut self) {
        self.stop.throw();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

struct Net {
    left: Host,
    right: Host,
    left_plane: Plane,
    right_plane: Plane,
    _lab: Lab,
}

impl Net {
    fn new(suite: Suite) -> Self {
        let lab = Lab::new("gw").expect("this test makes network namespaces: run it as root");
        let (left, right) = (lab.host("left").unwrap(), lab.host("right").unwrap());
        lab.link((&left, "wan", &["192.0.2.1/24"]), (&right, "wan", &["192.0.2.2/24"])).unwrap();
        left.address("lo", "10.1.0.1/32").unwrap();
        right.address("lo", "10.2.0.1/32").unwrap();
        let left_plane = left.enter(move || Plane::start(LEFT, RIGHT, suite)).unwrap();
        let right_plane = right.enter(move || Plane::start(RIGHT, LEFT, suite)).unwrap();
        Self { left, right, left_plane, right_plane, _lab: lab }
    }

    fn ping(&self, count: u32) -> bool {
        self.ping_from("10.1.0.1", count)
    }

    fn ping_from(&self, source: &str, count: u32) -> bool {
        let mut ping = Command::new("ping");
        ping.args(["-I", source, "-c", &count.to_string(), "-i", "0.01", "-W", "1", "10.2.0.1"]);
        self.left.output(&mut ping, Duration::from_secs(10)).unwrap().status.success()
    }

    /// Gigabits per second of a TCP stream from left to right.
    fn tcp(&self) -> f64 {
        let at = SocketAddrV4::new(Ipv4Addr::new(10, 2, 0, 1), 0);
        let options = TcpOptions { duration: Duration::from_secs(1), ..TcpOptions::default() };
        tcp_throughput(&self.left, &self.right, at, &options).unwrap().gbps()
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
        let net = Net::new(suite);
        assert!(
            net.ping(10),
            "{:?}: {:?} {:?}",
            suite.encryption,
            net.left_plane.counted(),
            net.right_plane.counted()
        );
        let source = suite.in_udp.then_some(SocketAddrV4::new(RIGHT.address, 4500));
        assert_eq!(net.left_plane.way_in.source.take(), source);
        let rate = net.tcp();
        eprintln!("{:?}, in UDP: {}: {:.2} Gb/s", suite.encryption, suite.in_udp, rate);
        assert!(rate > 0.005, "{rate} Gb/s");
        // What is sent is counted after it was, when it may have arrived already.
        let counters = [&net.left_plane, &net.right_plane].map(|plane| Arc::clone(&plane.counters));
        net.stop();
        let [left, right] = counters.map(|it| it.snapshot());
        assert!(left.sent_packets > 10 && right.received_packets <= left.sent_packets, "{left:?} {right:?}");
    }
}

/// A connection belongs to one worker at a time, in both directions.
#[test]
fn packets_of_a_connection_stay_in_order_however_many_workers_there_are() {
    const FLOWS: usize = 16;
    let net = Net::new(GCM);
    let receiver = net.right.enter(|| UdpSocket::bind("10.2.0.1:9000").unwrap()).unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let senders: Vec<UdpSocket> =
        net.left.enter(|| (0..FLOWS).map(|_| UdpSocket::bind("10.1.0.1:0").unwrap()).collect()).unwrap();
    let mut last = BTreeMap::new();
    for number in 0..500_u32 {
        for sender in &senders {
            sender.send_to(&number.to_be_bytes(), "10.2.0.1:9000").unwrap();
        }
        for _ in &senders {
            let mut datagram = [0; 4];
            let (_, from) = receiver.recv_from(&mut datagram).expect("none is lost");
            let before = last.insert(from, u32::from_be_bytes(datagram));
            assert_eq!(before, number.checked_sub(1), "{from}");
        }
    }
    assert_eq!(last.len(), FLOWS);
    net.stop();
}

/// The left end's peer has no address on the cable, and Linux keeps what is sent to it until it is found: the send buffer
/// fills, and stays full.
#[test]
fn a_full_send_buffer_keeps_no_way_in_waiting() {
    let net = Net::new(GCM);
    for (name, value) in [("unres_qlen_bytes", "100000000"), ("mcast_solicit", "1000")] {
        net.left.sysctl(&format!("net.ipv4.neigh.wan.{name}"), value).unwrap();
    }
    let here = net.left.enter(|| UdpSocket::bind("10.1.0.1:9000").unwrap()).unwrap();
    here.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let there = net.right.enter(|| UdpSocket::bind("10.2.0.1:0").unwrap()).unwrap();
    let found = Arc::clone(net.left_plane.carrier.path().as_ref().unwrap());
    net.left_plane.switch_to(|path| path.peer.remote.set_ip(Ipv4Addr::new(192, 0, 2, 77)));

    let (stop, stopped) = crossbeam_channel::bounded::<()>(0);
    let flood = net.left.enter(|| std::thread::spawn(move || flood(&stopped))).unwrap();
    wait_until("a send buffer is full", || {
        net.left_plane.counted().dropped.contains_key(&DropReason::SendFailed)
    });
    let begin = Instant::now();
    for number in 0..100_u32 {
        there.send_to(&number.to_be_bytes(), "10.1.0.1:9000").unwrap();
        let mut datagram = [0; 4];
        here.recv_from(&mut datagram).expect("it comes in");
        assert_eq!(u32::from_be_bytes(datagram), number);
    }
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(1), "100 datagrams, one after another, took {took:?}");
    drop(stop);
    flood.join().unwrap();

    net.left.ip("neigh replace 192.0.2.77 lladdr 02:00:00:00:00:77 dev wan nud permanent").unwrap();
    net.left_plane.carrier.switch(Some(found));
    wait_until("the way out is free again", || net.ping(1));
    net.stop();
}

/// Many flows, so that each worker gets some, more than fits until told to stop.
fn flood(stopped: &crossbeam_channel::Receiver<()>) {
    let senders: Vec<_> = (0..32).map(|_| UdpSocket::bind("10.1.0.1:0").unwrap()).collect();
    while stopped.recv_timeout(Duration::from_millis(5)) == Err(crossbeam_channel::RecvTimeoutError::Timeout)
    {
        for sender in senders.iter().cycle().take(20 * senders.len()) {
            // A full queue is what is wanted.
            let _sent_or_full = sender.send_to(&[0; 1_300], "10.2.0.1:9");
        }
    }
}

#[test]
fn a_connection_that_is_down_drops_and_counts() {
    let net = Net::new(GCM);
    assert!(net.ping(1));
    net.left_plane.carrier.switch(None);
    assert!(!net.ping(2));
    assert_eq!(net.left_plane.counted().dropped[&DropReason::TunnelDown], 2);
    net.left_plane.domain.table.remove(prefix(RIGHT.behind), &"vco-test".parse().unwrap());
    assert!(!net.ping(1));
    assert_eq!(net.left_plane.domain.counters.snapshot().dropped[&DropReason::NoRoute], 1);
    net.stop();
}

#[test]
fn what_is_outside_of_the_selectors_is_dropped_on_both_ends() {
    let net = Net::new(GCM);
    net.left.address("lo", "172.16.0.1/32").unwrap();
    assert!(!net.ping_from("172.16.0.1", 1));
    assert_eq!(net.left_plane.counted().dropped[&DropReason::OutsideSelectors], 1);
    // The left end no longer minds, the right one does.
    let all = Selectors::new(&[prefix("0.0.0.0/0")], &[prefix("0.0.0.0/0")]);
    net.left_plane.switch_to(|path| path.selectors = all);
    assert!(!net.ping_from("172.16.0.1", 1));
    assert_eq!(net.right_plane.counted().dropped[&DropReason::Spoofed], 1);
    net.right_plane.inbound.remove(RIGHT.spi);
    assert!(!net.ping(1));
    assert_eq!(net.right_plane.inbound.counters.snapshot().dropped[&DropReason::UnknownSpi], 1);
    net.stop();
}

#[test]
fn datagrams_that_are_no_esp_harm_nothing() {
    let net = Net::new(GCM);
    net.left
        .enter(|| {
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
        })
        .unwrap();
    assert!(net.ping(3));
    let dropped = net.right_plane.counted().dropped;
    assert!(dropped.values().sum::<u64>() >= 3, "{dropped:?}");
    net.stop();
}

/// From a stranger's address: who knows no key gets nothing in, and whatever comes of it is counted by reason.
#[test]
fn replayed_truncated_oversized_forged_and_spoofed_packets_are_dropped_and_counted() {
    let net = Net::new(GCM);
    // What the left end would send, made with its keys.
    let sa = OutboundSa::new(RIGHT.spi, GCM.protection(RIGHT.spi), SequenceNumbers::Standard);
    let sealed = |source: [u8; 4], len: u16| {
        let mut inner = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0];
        inner.extend([source, [10, 2, 0, 1]].concat());
        inner.resize(len.into(), 0);
        inner[2..4].copy_from_slice(&len.to_be_bytes());
        let mut packet = Vec::new();
        sa.seal(&inner, NEXT_HEADER_IPV4, &mut packet).unwrap();
        packet
    };
    let genuine = sealed([10, 1, 0, 1], 100);
    let spoofed = sealed([10, 3, 0, 1], 100);
    let oversized = sealed([10, 1, 0, 1], 40_000);
    let truncated = |len: usize| sealed([10, 1, 0, 1], 100)[..len].to_vec();
    let mut forged = sealed([10, 1, 0, 1], 100);
    forged[30] ^= 1;
    let mut forged_oversized = sealed([10, 1, 0, 1], 40_000);
    forged_oversized[30_000] ^= 1;
    let datagrams = [
        genuine.clone(),
        genuine.clone(),
        genuine,
        spoofed,
        truncated(60),
        truncated(9),
        forged,
        forged_oversized,
        oversized,
    ];
    net.left
        .enter(|| {
            let socket = std::net::UdpSocket::bind("192.0.2.1:0").unwrap();
            for datagram in datagrams {
                socket.send_to(&datagram, "192.0.2.2:4500").unwrap();
            }
        })
        .unwrap();
    wait_until("two are received", || net.right_plane.counted().received_packets >= 2);
    let counted = net.right_plane.counted();
    // Even an authentic packet longer than any way goes no further than Linux, which knows what to do with it.
    assert_eq!((counted.received_packets, counted.received_bytes), (2, 40_100));
    let expected = [
        (DropReason::Spoofed, 1),
        (DropReason::Replayed, 2),
        (DropReason::NotAuthentic, 3),
        (DropReason::Malformed, 1),
    ];
    assert_eq!(counted.dropped, BTreeMap::from(expected));
    net.stop();
}

#[test]
fn after_the_last_sequence_number_nothing_is_sent_and_that_is_counted() {
    let net = Net::new(GCM);
    let numbers = SequenceNumbers::Standard;
    let protection = GCM.protection(RIGHT.spi);
    let sa = OutboundSa::starting_after(RIGHT.spi, protection, numbers, numbers.last() - 1);
    net.left_plane.switch_to(|path| path.sa = Arc::new(sa));
    assert!(net.ping(1));
    assert!(!net.ping(2));
    let counted = net.left_plane.counted();
    assert_eq!((counted.sent_packets, counted.dropped[&DropReason::SequenceExhausted]), (1, 2));
    net.stop();
}
