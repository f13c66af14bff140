//! A relay between two hosts: what it does to packets, as the hosts see it. Needs the rights to make network namespaces.

#![allow(clippy::unwrap_used)]

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use causeway_netlab::{Front, Host, Lab, PingOptions, Relay, RelaySettings, Weather, ping};

const RIGHT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 9);
const PUBLIC: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

struct Network {
    left: Host,
    right: Host,
    relay: Relay,
    _lab: Lab,
}

fn network(left_front: Front) -> Network {
    let lab = Lab::new("nlrelay").unwrap();
    let host = |label| lab.host(label).unwrap();
    let (left, middle, right) = (host("left"), host("middle"), host("right"));
    lab.link((&left, "wan", &["192.0.2.1/24"]), (&middle, "left", &["192.0.2.254/24"])).unwrap();
    lab.link((&right, "wan", &["198.51.100.9/24"]), (&middle, "right", &["198.51.100.254/24"])).unwrap();
    left.default_route("192.0.2.254").unwrap();
    right.default_route("198.51.100.254").unwrap();
    let settings = RelaySettings {
        left: "left".to_owned(),
        right: "right".to_owned(),
        left_network: "192.0.2.0/24".parse().unwrap(),
        fronts: [left_front, Front::Nothing],
        seed: 1,
        mtu: 1_500,
    };
    let relay = Relay::start(&middle, &settings).unwrap();
    Network { left, right, relay, _lab: lab }
}

fn socket(host: &Host, address: &str) -> UdpSocket {
    let socket = host.enter(|| UdpSocket::bind(address)).unwrap().unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> Option<(Vec<u8>, SocketAddr)> {
    let mut buffer = [0; 2_000];
    let (length, from) = socket.recv_from(&mut buffer).ok()?;
    Some((buffer[..length].to_vec(), from))
}

#[test]
fn a_clear_path_passes_everything_and_a_broken_one_nothing() {
    let network = network(Front::Nothing);
    let answered = |count| {
        let options = PingOptions { count, timeout: Duration::from_millis(300), ..PingOptions::default() };
        ping(&network.left, RIGHT, &options).unwrap().received
    };
    assert_eq!(answered(20), 20);
    network.relay.set_broken(true);
    assert_eq!(answered(3), 0);
    network.relay.set_broken(false);
    assert_eq!(answered(20), 20);
}

#[test]
fn packets_are_lost_doubled_and_overtaken_and_those_that_arrive_are_whole_unless_corrupted() {
    let network = network(Front::Nothing);
    let (from, to) = (socket(&network.left, "192.0.2.1:1000"), socket(&network.right, "198.51.100.9:2000"));
    let send_all = |weather| {
        network.relay.set_weather(weather);
        // So many fit into a receive buffer, doubled.
        for number in 0_u16..100 {
            from.send_to(&number.to_be_bytes().repeat(10), "198.51.100.9:2000").unwrap();
            std::thread::sleep(Duration::from_micros(200));
        }
        to.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        std::iter::from_fn(|| receive(&to)).map(|(bytes, _)| bytes).collect::<Vec<_>>()
    };
    let is_whole = |bytes: &Vec<u8>| bytes.chunks(2).all(|pair| pair == &bytes[..2]);

    let lost = send_all(Weather { loss: 30, ..Weather::default() });
    assert!((55..85).contains(&lost.len()) && lost.is_sorted(), "{}", lost.len());
    let doubled = send_all(Weather { duplication: 50, ..Weather::default() });
    assert!((130..170).contains(&doubled.len()) && doubled.is_sorted(), "{}", doubled.len());
    let mixed = send_all(Weather { reordering: 20, ..Weather::default() });
    assert!(mixed.len() == 100 && !mixed.is_sorted());
    assert!(lost.iter().chain(&doubled).chain(&mixed).all(is_whole));
    // A checksum that fits: the kernel hands over what the wire has spoilt.
    let corrupted = send_all(Weather { corruption: 50, ..Weather::default() });
    assert_eq!(corrupted.len(), 100);
    assert!((35..65).contains(&corrupted.iter().filter(|bytes| !is_whole(bytes)).count()));
    let counts = network.relay.counts();
    assert!(counts.lost > 0 && counts.duplicated > 0 && counts.reordered > 0 && counts.corrupted > 0);
}

#[test]
fn behind_a_translator_one_is_seen_by_its_address_and_answered_and_another_port_after_it_forgot() {
    let network = network(Front::Translator { public: PUBLIC });
    let (inside, outside) =
        (socket(&network.left, "192.0.2.1:500"), socket(&network.right, "198.51.100.9:500"));
    let seen = || {
        inside.send_to(b"hello", "198.51.100.9:500").unwrap();
        let (bytes, from) = receive(&outside).unwrap();
        assert_eq!(bytes, b"hello");
        outside.send_to(b"answer", from).unwrap();
        assert_eq!(receive(&inside).unwrap(), (b"answer".to_vec(), "198.51.100.9:500".parse().unwrap()));
        from
    };
    let first = seen();
    assert_eq!((first.ip(), first.port() == 500), (PUBLIC.into(), false));
    assert_eq!(seen(), first);
    network.relay.forget();
    assert_ne!(seen(), first);
    assert_eq!(network.relay.counts().refused, 0);
}
