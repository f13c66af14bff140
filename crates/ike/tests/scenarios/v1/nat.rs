//! Address translation between the peers, or pretended.

use std::cell::Cell;
use std::net::SocketAddrV4;
use std::rc::Rc;

use causeway_ike::{Identity, Mode, TunnelConfig};

use crate::nat::{PUBLIC, encapsulation, translator};
use crate::sim::{A, ADDRESS_A, ADDRESS_B, B, Sim, T, mirrored, put_both, secs};
use crate::v1::{MODES, config, up};

/// The tunnel of A as B sees it through the translator.
fn behind_translator(mode: Mode) -> TunnelConfig {
    TunnelConfig { remote: PUBLIC, remote_id: Identity::Ipv4(ADDRESS_A), ..mirrored(&config(mode)) }
}

#[test]
fn without_translation_packets_are_not_put_into_udp_and_nothing_moves() {
    for mode in MODES {
        let mut sim = up(1, &config(mode));
        sim.run(secs(100));
        assert_eq!((encapsulation(&sim, A), encapsulation(&sim, B)), (None, None));
        assert!(sim.wire.iter().all(|it| it.from.port() == 500 && it.to.port() == 500));
        assert_eq!((sim.side(A).keepalives, sim.side(B).keepalives), (0, 0));
    }
}

#[test]
fn translation_is_detected_and_gone_through_on_port_4500() {
    for (mode, on_500) in [(Mode::Main, 4), (Mode::Aggressive, 2)] {
        let port = Rc::new(Cell::new(50_000));
        let mut sim = Sim::new(2);
        sim.middle = Some(translator(Rc::clone(&port)));
        sim.put(B, T, TunnelConfig { dpd: false, ..behind_translator(mode) });
        sim.put(A, T, TunnelConfig { initiate: true, dpd: false, ..config(mode) });
        sim.run(secs(100));
        sim.assert_up();
        let at = SocketAddrV4::new;
        assert_eq!(encapsulation(&sim, A), Some((at(ADDRESS_A, 4_500), at(ADDRESS_B, 4_500))));
        assert_eq!(encapsulation(&sim, B), Some((at(ADDRESS_B, 4_500), at(PUBLIC, 50_000))));
        assert!(sim.wire[on_500..].iter().all(|it| it.from.port() != 500 && it.to.port() != 500));
        assert_eq!((sim.side(A).keepalives, sim.side(B).keepalives), (4, 0));
    }
}

#[test]
fn the_side_that_is_not_translated_follows_the_other_and_rekeys_there() {
    for mode in MODES {
        let port = Rc::new(Cell::new(50_000));
        let mut sim = Sim::new(3);
        sim.middle = Some(translator(Rc::clone(&port)));
        let lifetimes =
            |config| TunnelConfig { ike_lifetime: secs(2_000), child_lifetime: secs(900), ..config };
        sim.put(B, T, lifetimes(behind_translator(mode)));
        sim.put(A, T, TunnelConfig { initiate: true, ..lifetimes(config(mode)) });
        sim.run(secs(10));
        port.set(60_000);
        sim.run(secs(40));
        let moved = SocketAddrV4::new(PUBLIC, 60_000);
        assert_eq!(encapsulation(&sim, B).map(|(_, remote)| remote), Some(moved));
        sim.run_checked(secs(10_000), |sim| assert!(sim.passes(A, T, B) && sim.passes(B, T, A)));
        assert!(sim.side(A).children_made > 8);
        assert_eq!(encapsulation(&sim, B).map(|(_, remote)| remote), Some(moved));
    }
}

#[test]
fn encapsulation_can_be_had_without_translation() {
    for mode in MODES {
        let mut sim = Sim::new(4);
        put_both(&mut sim, &TunnelConfig { force_encapsulation: true, ..config(mode) });
        sim.run(secs(1));
        sim.assert_up();
        assert!(encapsulation(&sim, A).is_some() && encapsulation(&sim, B).is_some());
        let mut sim = Sim::new(5);
        sim.put(B, T, mirrored(&config(mode)));
        sim.put(A, T, TunnelConfig { force_encapsulation: true, initiate: true, ..config(mode) });
        sim.run(secs(1));
        sim.assert_up();
        assert!(encapsulation(&sim, A).is_some() && encapsulation(&sim, B).is_some());
    }
}

#[test]
fn a_tunnel_that_must_not_be_translated_does_not_look() {
    for mode in MODES {
        let sim = up(6, &TunnelConfig { nat_traversal: false, ..config(mode) });
        assert_eq!((encapsulation(&sim, A), encapsulation(&sim, B)), (None, None));
        // MD5 of "RFC 3947".
        let id = [0x4a, 0x13, 0x1c, 0x81, 0x07, 0x03, 0x58, 0x45];
        assert!(!sim.wire[0].message.windows(8).any(|it| it == id));
    }
}

#[test]
fn a_peer_that_knows_only_the_drafts_is_gone_along_with() {
    for mode in MODES {
        let port = Rc::new(Cell::new(50_000));
        let mut sim = Sim::new(7);
        let mut translate = translator(Rc::clone(&port));
        // Of what A says it can do, B does not understand the final way, and the other way round. Vendor ids are covered by no hash.
        sim.middle = Some(Box::new(move |mut it| {
            let id = [0x4a, 0x13, 0x1c, 0x81, 0x07, 0x03, 0x58, 0x45];
            if let Some(at) = it.message.windows(8).position(|window| window == id) {
                it.message[at] ^= 0xff;
            }
            translate(it)
        }));
        sim.put(B, T, behind_translator(mode));
        sim.put(A, T, TunnelConfig { initiate: true, ..config(mode) });
        sim.run(secs(100));
        sim.assert_up();
        assert!(encapsulation(&sim, A).is_some() && encapsulation(&sim, B).is_some());
    }
}
