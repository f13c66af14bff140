//! Address translation between the peers, or pretended.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;

use causeway_ike::{Identity, Mode, NatDetected, TunnelConfig};

use crate::sim::{A, ADDRESS_A, ADDRESS_B, B, Datagram, Middle, Sim, T, config, mirrored, put_both, secs};

pub const PUBLIC: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);

/// A is behind a translator that shows it as `PUBLIC` with other ports, which move when the cell changes.
pub fn translator(port: Rc<Cell<u16>>) -> Middle {
    Box::new(move |mut datagram: Datagram| {
        if *datagram.from.ip() == ADDRESS_A {
            let mapped = if datagram.from.port() == 500 { 1_024 } else { port.get() };
            datagram.from = SocketAddrV4::new(PUBLIC, mapped);
        } else if *datagram.to.ip() == PUBLIC {
            let back = match datagram.to.port() {
                1_024 => 500,
                mapped if mapped == port.get() => 4_500,
                _ => return None,
            };
            datagram.to = SocketAddrV4::new(ADDRESS_A, back);
        }
        Some(datagram)
    })
}

/// The tunnel of A as B sees it through the translator.
fn behind_translator() -> TunnelConfig {
    TunnelConfig { remote: PUBLIC, remote_id: Identity::Ipv4(ADDRESS_A), ..mirrored(&config()) }
}

pub fn encapsulation(sim: &Sim, side: usize) -> Option<(SocketAddrV4, SocketAddrV4)> {
    sim.side(side).children.values().next().expect("a child").1.encapsulation
}

#[test]
fn without_translation_packets_are_not_put_into_udp_and_nothing_moves() {
    let mut sim = Sim::new(1);
    put_both(&mut sim, &config());
    sim.run(secs(100));
    sim.assert_up();
    assert_eq!((encapsulation(&sim, A), encapsulation(&sim, B)), (None, None));
    assert!(sim.wire.iter().all(|it| it.from.port() == 500 && it.to.port() == 500));
    assert_eq!((sim.side(A).keepalives, sim.side(B).keepalives), (0, 0));
}

#[test]
fn translation_is_detected_and_gone_through_on_port_4500() {
    let port = Rc::new(Cell::new(50_000));
    let mut sim = Sim::new(2);
    sim.middle = Some(translator(Rc::clone(&port)));
    sim.put(B, T, TunnelConfig { dpd: false, ..behind_translator() });
    sim.put(A, T, TunnelConfig { initiate: true, dpd: false, ..config() });
    sim.run(secs(100));
    sim.assert_up();
    let at = SocketAddrV4::new;
    assert_eq!(encapsulation(&sim, A), Some((at(ADDRESS_A, 4_500), at(ADDRESS_B, 4_500))));
    assert_eq!(encapsulation(&sim, B), Some((at(ADDRESS_B, 4_500), at(PUBLIC, 50_000))));
    assert!(
        sim.wire[2..].iter().all(|it| it.from.port() != 500 && it.to.port() != 500),
        "IKE_AUTH is on 4500"
    );
    // Who is behind the translator keeps its mapping alive, every 20 s.
    assert_eq!((sim.side(A).keepalives, sim.side(B).keepalives), (4, 0));
}

#[test]
fn the_side_that_is_not_translated_follows_the_other() {
    let port = Rc::new(Cell::new(50_000));
    let mut sim = Sim::new(3);
    sim.middle = Some(translator(Rc::clone(&port)));
    sim.put(B, T, behind_translator());
    sim.put(A, T, TunnelConfig { initiate: true, ..config() });
    sim.run(secs(10));
    port.set(60_000);
    sim.run(secs(40));
    sim.assert_up();
    assert_eq!(
        encapsulation(&sim, B),
        Some((SocketAddrV4::new(ADDRESS_B, 4_500), SocketAddrV4::new(PUBLIC, 60_000)))
    );
}

#[test]
fn a_replayed_message_from_elsewhere_moves_nothing() {
    let mut sim = Sim::new(4);
    sim.middle = Some(translator(Rc::new(Cell::new(50_000))));
    sim.put(B, T, behind_translator());
    sim.put(A, T, TunnelConfig { initiate: true, ..config() });
    sim.run(secs(70));
    let before = encapsulation(&sim, B);
    for datagram in sim.wire.clone() {
        if *datagram.to.ip() == ADDRESS_B {
            sim.deliver(Datagram { from: SocketAddrV4::new([198, 51, 100, 66].into(), 4_500), ..datagram });
        }
    }
    assert_eq!(encapsulation(&sim, B), before);
    sim.assert_up();
}

#[test]
pub fn encapsulation_can_be_forced_from_either_side() {
    for (force_a, force_b) in [(true, false), (false, true), (true, true)] {
        let mut sim = Sim::new(5);
        sim.put(B, T, TunnelConfig { force_encapsulation: force_b, ..mirrored(&config()) });
        sim.put(A, T, TunnelConfig { force_encapsulation: force_a, initiate: true, ..config() });
        sim.run(secs(100));
        sim.assert_up();
        let at = |address| SocketAddrV4::new(address, 4_500);
        assert_eq!(encapsulation(&sim, A), Some((at(ADDRESS_A), at(ADDRESS_B))));
        assert_eq!(encapsulation(&sim, B), Some((at(ADDRESS_B), at(ADDRESS_A))));
    }
}

#[test]
fn forcing_works_for_a_tunnel_that_does_not_detect() {
    let mut sim = Sim::new(6);
    put_both(&mut sim, &TunnelConfig { nat_traversal: false, force_encapsulation: true, ..config() });
    sim.run(secs(1));
    sim.assert_up();
    assert!(encapsulation(&sim, A).is_some() && encapsulation(&sim, B).is_some());
}

#[test]
fn a_tunnel_without_nat_traversal_neither_detects_nor_moves() {
    let mut sim = Sim::new(7);
    sim.put(B, T, mirrored(&config()));
    sim.put(A, T, TunnelConfig { nat_traversal: false, initiate: true, ..config() });
    sim.run(secs(100));
    sim.assert_up();
    assert_eq!((encapsulation(&sim, A), encapsulation(&sim, B)), (None, None));
    assert!(sim.wire.iter().all(|it| it.from.port() == 500));
}

/// Its packets are most likely dropped in between, so that its owner should hear why.
#[test]
fn a_tunnel_without_nat_traversal_tells_of_a_translator_that_the_peer_let_it_see() {
    let mut sim = Sim::new(9);
    sim.middle = Some(translator(Rc::new(Cell::new(50_000))));
    sim.put(B, T, TunnelConfig { nat_traversal: false, ..behind_translator() });
    sim.put(A, T, TunnelConfig { initiate: true, ..config() });
    sim.run(secs(100));
    sim.assert_up();
    assert_eq!(sim.side(B).nat[&T], Some(NatDetected { ours: false, theirs: true }));
    assert_eq!(encapsulation(&sim, B), None);
    assert!(sim.wire.iter().all(|it| it.from.port() != 4_500 && it.to.port() != 4_500));
}

#[test]
fn rekeying_goes_on_through_a_translator() {
    let mut sim = Sim::new(8);
    sim.middle = Some(translator(Rc::new(Cell::new(50_000))));
    let short =
        |config: TunnelConfig| TunnelConfig { ike_lifetime: secs(900), child_lifetime: secs(400), ..config };
    sim.put(B, T, short(behind_translator()));
    sim.put(A, T, TunnelConfig { initiate: true, ..short(config()) });
    sim.run(secs(1));
    sim.run_checked(secs(10_000), |sim| assert!(sim.passes(A, T, B) && sim.passes(B, T, A)));
    assert!(encapsulation(&sim, B).is_some());
    assert!(sim.logged(A, "rekeyed") && sim.logged(B, "rekeyed"));
}

/// B hears the packets of its child from there, and nothing else from A.
fn hear_packets_from(sim: &mut Sim, side: usize, remote: SocketAddrV4) {
    let (now, spi) = (sim.now, sim.side(side).in_use[&T]);
    sim.sides[side].1.endpoint.on_peer_moved(T, spi, remote, now);
    sim.collect(side);
}

#[test]
fn packets_alone_tell_where_a_translated_peer_is_now() {
    for config in [config(), crate::v1::config(Mode::Main)] {
        let config = TunnelConfig { dpd: false, ..config };
        let port = Rc::new(Cell::new(50_000));
        let mut sim = Sim::new(10);
        sim.middle = Some(translator(Rc::clone(&port)));
        sim.put(
            B,
            T,
            TunnelConfig { remote: PUBLIC, remote_id: Identity::Ipv4(ADDRESS_A), ..mirrored(&config) },
        );
        sim.put(A, T, TunnelConfig { initiate: true, ..config.clone() });
        sim.run(secs(10));
        sim.assert_up();
        port.set(60_000);
        let moved = SocketAddrV4::new(PUBLIC, 60_000);
        hear_packets_from(&mut sim, B, moved);
        assert_eq!(encapsulation(&sim, B), Some((SocketAddrV4::new(ADDRESS_B, 4_500), moved)));
        // IKE goes there too: A answers.
        sim.rekey_child(B, T);
        sim.run(secs(10));
        assert_eq!((sim.side(A).children_made, sim.side(B).children_made), (2, 2), "{:?}", config.version);
        sim.assert_up();
    }
}

#[test]
fn packets_from_elsewhere_move_nothing_where_the_peer_is_not_translated_or_we_are() {
    let elsewhere = SocketAddrV4::new([198, 51, 100, 66].into(), 4_500);
    // Behind the translator itself.
    let mut sim = Sim::new(11);
    sim.middle = Some(translator(Rc::new(Cell::new(50_000))));
    sim.put(B, T, behind_translator());
    sim.put(A, T, TunnelConfig { initiate: true, ..config() });
    sim.run(secs(10));
    let before = (encapsulation(&sim, A), encapsulation(&sim, B));
    hear_packets_from(&mut sim, A, elsewhere);
    // Of a child that is not there any more.
    let now = sim.now;
    sim.sides[B].1.endpoint.on_peer_moved(T, 1_000, elsewhere, now);
    sim.collect(B);
    assert_eq!((encapsulation(&sim, A), encapsulation(&sim, B)), before);
    // Without any translator, encapsulated or not.
    for force_encapsulation in [false, true] {
        let mut sim = Sim::new(12);
        sim.put(B, T, TunnelConfig { force_encapsulation, ..mirrored(&config()) });
        sim.put(A, T, TunnelConfig { initiate: true, ..config() });
        sim.run(secs(10));
        let before = encapsulation(&sim, B);
        hear_packets_from(&mut sim, B, elsewhere);
        assert_eq!(encapsulation(&sim, B), before);
    }
}
