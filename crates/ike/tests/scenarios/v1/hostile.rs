//! Whoever does not hold the keys can send what they like.

use std::net::SocketAddrV4;

use causeway_crypto::{Random, SeededRandom};
use causeway_ike::{Mode, TunnelConfig, TunnelKey, TunnelStatus};

use crate::hostile::inject;
use crate::nat::encapsulation;
use crate::sim::{A, ADDRESS_A, ADDRESS_B, B, Datagram, Sim, T, mirrored, put_both, secs};
use crate::v1::{MODES, config, up};

/// Each combination of exchange type, first payload and flags, as one byte each.
const EXCHANGES: [u8; 6] = [2, 4, 5, 6, 32, 33];

#[test]
fn every_truncation_and_every_flipped_bit_is_dropped_without_an_effect() {
    for mode in MODES {
        let mut sim = up(1, &TunnelConfig { child_lifetime: secs(3_000), ..config(mode) });
        sim.run(secs(90));
        // Of phase 1 the last message and of phase 2 all; the first ones of phase 1 are nobody's yet.
        let protected: Vec<_> = sim.wire.iter().filter(|it| it.message[19] & 1 == 1).cloned().collect();
        assert!(protected.len() >= 5);
        for original in protected.iter().take(7) {
            for length in 0..original.message.len() {
                inject(
                    &mut sim,
                    Datagram { message: original.message[..length].to_vec(), ..original.clone() },
                );
            }
            for bit in 0..original.message.len() * 8 {
                let mut message = original.message.clone();
                message[bit / 8] ^= 1 << (bit % 8);
                inject(&mut sim, Datagram { message, ..original.clone() });
            }
        }
        sim.assert_up();
        sim.run_checked(secs(10_000), |sim| assert!(sim.passes(A, T, B) && sim.passes(B, T, A)));
    }
}

/// Nothing proves who wrote the first messages of phase 1: a byte that somebody changes there may spoil the attempt, but never
/// what comes after it, and both sides carry packets in the same way.
#[test]
fn a_changed_byte_of_the_first_messages_costs_an_attempt_at_the_most() {
    for mode in MODES {
        let config = TunnelConfig { dpd: true, ..config(mode) };
        let open: Vec<usize> = up(9, &config)
            .wire
            .iter()
            .filter(|it| it.message[19] & 1 == 0)
            .map(|it| it.message.len())
            .collect();
        assert!(open.len() >= 2);
        let places =
            open.iter().enumerate().flat_map(|(number, length)| (16..*length).map(move |at| (number, at)));
        for (number, at) in places {
            let mut sim = Sim::new(9);
            let mut sent = 0;
            sim.middle = Some(Box::new(move |mut it| {
                if sent == number {
                    it.message[at] ^= 0x40;
                }
                sent += 1;
                Some(it)
            }));
            put_both(&mut sim, &config);
            sim.run(secs(300));
            sim.assert_up();
            let (a, b) = (encapsulation(&sim, A).is_some(), encapsulation(&sim, B).is_some());
            assert_eq!(a, b, "{mode:?}, byte {at} of message {number}");
        }
    }
}

#[test]
fn everything_that_was_ever_sent_may_come_again() {
    for mode in MODES {
        let lifetimes = TunnelConfig { ike_lifetime: secs(2_000), child_lifetime: secs(700), ..config(mode) };
        let mut sim = up(2, &lifetimes);
        sim.run(secs(5_000));
        let in_use = (sim.side(A).in_use.clone(), sim.side(B).in_use.clone());
        let made = (sim.side(A).children_made, sim.side(B).children_made);
        for datagram in sim.wire.clone() {
            sim.deliver(datagram);
        }
        sim.run(secs(5));
        assert_eq!((sim.side(A).in_use.clone(), sim.side(B).in_use.clone()), in_use, "{mode:?}");
        assert_eq!((sim.side(A).children_made, sim.side(B).children_made), made);
        sim.assert_up();
        sim.run_checked(secs(5_000), |sim| assert!(sim.passes(A, T, B) && sim.passes(B, T, A)));
    }
}

#[test]
fn an_unprotected_word_ends_nothing() {
    for mode in MODES {
        let mut sim = up(3, &config(mode));
        let head = sim.wire[3].message[..16].to_vec();
        for (kind, body) in [
            // Delete of the ISAKMP SA with these cookies.
            (12_u8, [&[0, 0, 0, 1, 1, 16, 0, 1][..], &head].concat()),
            // AUTHENTICATION-FAILED, and INITIAL-CONTACT.
            (11, vec![0, 0, 0, 1, 1, 0, 0, 24]),
            (11, vec![0, 0, 0, 1, 1, 0, 0x60, 2]),
        ] {
            for exchange in EXCHANGES {
                let mut message = head.clone();
                message.extend([kind, 0x10, exchange, 0, 0, 0, 0, 0]);
                message.extend(((28 + 4 + body.len()) as u32).to_be_bytes());
                message.extend([0, 0]);
                message.extend(((4 + body.len()) as u16).to_be_bytes());
                message.extend(&body);
                for (from, to) in [(ADDRESS_A, ADDRESS_B), (ADDRESS_B, ADDRESS_A)] {
                    let (from, to) = (SocketAddrV4::new(from, 500), SocketAddrV4::new(to, 500));
                    inject(&mut sim, Datagram { from, to, message: message.clone() });
                }
            }
        }
        sim.assert_up();
    }
}

#[test]
fn random_bytes_have_no_effect() {
    let mut sim = up(4, &config(Mode::Main));
    let mut dice = SeededRandom::new(9);
    for round in 0..20_000_usize {
        let mut head = [0; 3];
        dice.fill(&mut head);
        let mut message = vec![0; usize::from(u16::from_be_bytes([head[0], head[1]]) % 400)];
        dice.fill(&mut message);
        if head[2] & 1 == 1 && message.len() >= 28 {
            // Looks like a message of the ISAKMP SA that is up.
            message[..16].copy_from_slice(&sim.wire[3].message[..16]);
            (message[17], message[18], message[19]) = (0x10, EXCHANGES[round % 6], (round % 4) as u8);
            let length = message.len() as u32;
            message[24..28].copy_from_slice(&length.to_be_bytes());
        }
        let (from, to) = if head[2] & 2 == 0 { (ADDRESS_A, ADDRESS_B) } else { (ADDRESS_B, ADDRESS_A) };
        inject(
            &mut sim,
            Datagram { from: SocketAddrV4::new(from, 500), to: SocketAddrV4::new(to, 500), message },
        );
    }
    sim.assert_up();
}

/// The first message of a phase 1, with another cookie and port.
fn spoofed(first: &Datagram, number: u32) -> Datagram {
    let mut datagram = first.clone();
    datagram.message[..4].copy_from_slice(&number.to_be_bytes());
    datagram.from.set_port(1_024 + (number % 60_000) as u16);
    datagram
}

#[test]
fn a_flood_of_first_messages_does_not_keep_the_real_peer_out() {
    for mode in MODES {
        let mut sim = Sim::new(5);
        put_both(&mut sim, &config(mode));
        let first = sim.wire[0].clone();
        let other = Datagram { from: SocketAddrV4::new([10, 0, 0, 77].into(), 500), ..first.clone() };
        for number in 0..5_000 {
            // From the peer's own address, and from one that there is no tunnel with.
            sim.deliver(spoofed(&first, number));
            sim.deliver(spoofed(&other, number));
        }
        sim.run(secs(60));
        sim.assert_up();
        sim.remove(A, T);
        sim.remove(B, T);
        sim.run(secs(60));
        assert_eq!(sim.side(B).endpoint.next_timeout(), None, "nothing is left of it");
    }
}

#[test]
fn a_stranger_is_declined_and_told_of_a_bounded_number_of_times() {
    let mut sim = up(6, &config(Mode::Main));
    let first = Datagram { from: SocketAddrV4::new([10, 0, 0, 77].into(), 500), ..sim.wire[0].clone() };
    let before = sim.side(B).logs.len();
    for number in 0..1_000 {
        sim.deliver(spoofed(&first, number));
    }
    assert!((1..=20).contains(&(sim.side(B).logs.len() - before)));
    assert!(sim.logged(B, "asks for a tunnel to 10.0.0.2 by IKEv1, and there is none between the two"));
}

#[test]
fn a_removed_tunnel_takes_its_half_open_sas_along() {
    let mut sim = Sim::new(7);
    sim.put(B, T, mirrored(&config(Mode::Aggressive)));
    sim.put(B, TunnelKey(2), mirrored(&TunnelConfig { psk: Default::default(), ..config(Mode::Main) }));
    sim.put(A, T, TunnelConfig { initiate: true, ..config(Mode::Aggressive) });
    let first = sim.wire[0].clone();
    sim.remove(A, T);
    (0..100).for_each(|number| sim.deliver(spoofed(&first, number)));
    sim.remove(B, T);
    sim.remove(B, TunnelKey(2));
    sim.run(secs(60));
    assert_eq!(sim.side(B).endpoint.next_timeout(), None);
    assert_eq!(sim.status(B), TunnelStatus::IkeSaNotEstablished);
}
