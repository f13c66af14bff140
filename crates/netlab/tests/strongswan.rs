//! Two strongSwans with each other: what the tests and the demo rely on in a peer. Needs strongSwan and the rights to
//! make network namespaces, and fails without.

#![allow(clippy::unwrap_used)]

use std::net::Ipv4Addr;
use std::time::Duration;

use causeway_netlab::{
    CaptureOptions, Class, Connection, Host, Lab, PeerConfig, PingOptions, StrongSwan, TcpOptions, Wire,
    ping, tcp_throughput,
};

const LIMIT: Duration = Duration::from_secs(10);
const SITE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);

/// A site with a LAN, and two gateways in front of one LAN: one per tunnel, so that a test can choose the way back.
struct Network {
    lab: Lab,
    internet: Wire,
    site: Host,
    site_lan: Host,
    gateways: [Host; 2],
    gateway_lan: Host,
}

fn network(prefix: &str) -> Network {
    let lab = Lab::new(prefix).unwrap();
    let internet = lab.wire("internet").unwrap();
    let campus = lab.wire("campus").unwrap();
    let host = |label| lab.host(label).unwrap();
    let (site, site_lan, gateway_lan) = (host("site"), host("site-lan"), host("gateway-lan"));
    let gateways = [host("gateway-1"), host("gateway-2")];
    internet.plug(&site, "wan", &["203.0.113.10/24"]).unwrap();
    lab.link((&site, "lan", &["10.2.0.1/24"]), (&site_lan, "eth0", &["10.2.0.2/24"])).unwrap();
    for (gateway, number) in gateways.iter().zip(1..) {
        internet.plug(gateway, "wan", &[&format!("203.0.113.{number}/24")]).unwrap();
        campus.plug(gateway, "lan", &[&format!("10.1.0.25{number}/24")]).unwrap();
    }
    campus.plug(&gateway_lan, "eth0", &["10.1.0.2/24"]).unwrap();
    site_lan.default_route("10.2.0.1").unwrap();
    gateway_lan.default_route("10.1.0.251").unwrap();
    Network { lab, internet, site, site_lan, gateways, gateway_lan }
}

fn connection(name: &str, local: Ipv4Addr, remote: Ipv4Addr, networks: [&str; 2]) -> Connection {
    let [local_net, remote_net] = networks.map(|net| vec![net.parse().unwrap()]);
    let psk = b"not a \"secret\" \\ of anybody";
    Connection {
        local_networks: local_net,
        remote_networks: remote_net,
        ..Connection::new(name, local, remote, psk)
    }
}

fn peers(network: &Network, networks: [&str; 2]) -> (StrongSwan, [StrongSwan; 2]) {
    let remotes = [Ipv4Addr::new(203, 0, 113, 1), Ipv4Addr::new(203, 0, 113, 2)];
    let gateways = [0, 1].map(|index| {
        let connections = vec![connection("tunnel", remotes[index], SITE, [networks[1], networks[0]])];
        let config = PeerConfig {
            connections,
            routes: vec!["10.2.0.0/24".parse().unwrap()],
            log_level: 1,
            ..PeerConfig::default()
        };
        StrongSwan::start(&network.gateways[index], &config).unwrap()
    });
    let connections = vec![
        connection("tunnel-1", SITE, remotes[0], networks),
        connection("tunnel-2", SITE, remotes[1], networks),
    ];
    let config = PeerConfig {
        connections,
        routes: vec!["10.1.0.0/24".parse().unwrap()],
        log_level: 1,
        ..PeerConfig::default()
    };
    (StrongSwan::start(&network.site, &config).unwrap(), gateways)
}

fn passes(from: &Host, to: &str) -> bool {
    let options = PingOptions { timeout: Duration::from_millis(500), ..PingOptions::default() };
    ping(from, to.parse().unwrap(), &options).unwrap().received == 5
}

fn packets(site: &StrongSwan, name: &str) -> (u64, u64) {
    let sas = site.sas().unwrap();
    let children = sas.iter().filter(|sa| sa.name == name).flat_map(|sa| &sa.children);
    children.fold((0, 0), |(received, sent), child| (received + child.inbound.2, sent + child.outbound.2))
}

/// One daemon, two tunnels with the same selectors: this is how a two-tunnel attachment's customer gateway is built.
fn two_tunnels_side_by_side(prefix: &str, networks: [&str; 2]) {
    let network = network(prefix);
    let inner = vec!["10.1.0.0/24".parse().unwrap(), "10.2.0.0/24".parse().unwrap()];
    let capture = network.internet.capture(CaptureOptions { inner, ..CaptureOptions::default() }).unwrap();
    let (site, gateways) = peers(&network, networks);
    assert!(!passes(&network.site_lan, "10.1.0.2"), "nothing passes before there is a tunnel");
    for name in ["tunnel-1", "tunnel-2"] {
        site.initiate(name, LIMIT).unwrap();
        assert!(site.is_up(name).unwrap());
    }
    gateways[1].wait_for("tunnel", true, LIMIT).unwrap();

    // The LAN behind the gateways answers by tunnel 1; the site sends by tunnel 2, the newest.
    assert!(passes(&network.site_lan, "10.1.0.2") && passes(&network.gateway_lan, "10.2.0.2"));
    assert_eq!((packets(&site, "tunnel-1"), packets(&site, "tunnel-2")), ((10, 0), (0, 10)));

    // The other way back works as well.
    network.gateway_lan.ip_batch(&["route replace default via 10.1.0.252".into()]).unwrap();
    assert!(passes(&network.gateway_lan, "10.2.0.2"));
    assert_eq!(packets(&site, "tunnel-2"), (5, 15));

    // Without tunnel 2 the site sends by tunnel 1.
    network.gateway_lan.ip_batch(&["route replace default via 10.1.0.251".into()]).unwrap();
    site.terminate("tunnel-2").unwrap();
    gateways[1].wait_for("tunnel", false, LIMIT).unwrap();
    assert!(passes(&network.gateway_lan, "10.2.0.2"));
    assert!(packets(&site, "tunnel-1").1 >= 5);

    let captured = capture.stop().unwrap();
    assert_eq!((captured.clear_text_packets, captured.dropped), (0, 0), "{:?}", captured.leaks);
    assert!(captured.count(Class::EspInUdp) == 40 && captured.count(Class::Ike) >= 4, "{captured:?}");
    drop(network.lab);
}

#[test]
fn one_strongswan_has_two_tunnels_between_the_same_networks() {
    two_tunnels_side_by_side("nltest-two", ["10.2.0.0/24", "10.1.0.0/24"]);
}

#[test]
fn one_strongswan_has_two_tunnels_between_all_networks() {
    two_tunnels_side_by_side("nltest-all", ["0.0.0.0/0", "0.0.0.0/0"]);
}

#[test]
fn a_tunnel_is_rekeyed_carries_a_stream_and_a_dead_peer_is_silent() {
    let network = network("nltest-rekey");
    let (site, gateways) = peers(&network, ["10.2.0.0/24", "10.1.0.0/24"]);
    site.initiate("tunnel-1", LIMIT).unwrap();
    let spi = |site: &StrongSwan| site.sas().unwrap()[0].children.last().unwrap().inbound.0;
    let before = spi(&site);
    site.rekey_child("tunnel-1").unwrap();
    site.rekey_ike("tunnel-1").unwrap();
    while spi(&site) == before {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(passes(&network.site_lan, "10.1.0.2"));
    let options = TcpOptions { duration: Duration::from_millis(500), ..TcpOptions::default() };
    let at = "10.1.0.2:0".parse().unwrap();
    let throughput = tcp_throughput(&network.site_lan, &network.gateway_lan, at, &options).unwrap();
    assert!(throughput.gbps() > 0.01, "{throughput:?}");
    gateways[0].kill().unwrap();
    assert!(!passes(&network.site_lan, "10.1.0.2"));
    assert!(site.is_up("tunnel-1").unwrap(), "nobody told the site");
}

#[test]
fn a_wrong_key_is_refused_and_the_error_tells_why() {
    let network = network("nltest-key");
    let (site, _gateways) = peers(&network, ["10.2.0.0/24", "10.1.0.0/24"]);
    let mut wrong =
        connection("tunnel-1", SITE, Ipv4Addr::new(203, 0, 113, 1), ["10.2.0.0/24", "10.1.0.0/24"]);
    wrong.psk = b"another".to_vec();
    site.load(&PeerConfig { connections: vec![wrong], ..PeerConfig::default() }).unwrap();
    let error = site.initiate("tunnel-1", LIMIT).unwrap_err();
    assert!(error.to_string().contains("AUTHENTICATION_FAILED"), "{error:#}");
    assert!(site.log().contains("AUTHENTICATION_FAILED"));
    assert!(!site.is_up("tunnel-1").unwrap());
}
