//! Whoever does not hold the keys can send what they like.

use std::net::{Ipv4Addr, SocketAddrV4};

use causeway_crypto::{Random, Secret, SeededRandom};
use causeway_ike::{Limits, Output, TunnelConfig, TunnelKey, TunnelStatus};

use crate::sim::{A, ADDRESS_A, ADDRESS_B, B, Datagram, Sim, T, config, mirrored, put_both, secs};

fn up() -> Sim {
    let mut sim = Sim::new(1);
    put_both(&mut sim, &TunnelConfig { child_lifetime: secs(3_000), ike_lifetime: secs(5_000), ..config() });
    sim.run(secs(1));
    sim.assert_up();
    sim
}

/// Hands over what an attacker made, and asserts that it changes nothing that anybody could see but a log line or an answer.
pub fn inject(sim: &mut Sim, datagram: Datagram) {
    let side = if *datagram.to.ip() == ADDRESS_A { A } else { B };
    let now = sim.now;
    let endpoint = &mut sim.sides[side].1.endpoint;
    let timeout = endpoint.next_timeout();
    endpoint.on_datagram(datagram.to, datagram.from, &datagram.message, now);
    while let Some(output) = endpoint.poll_output() {
        assert!(matches!(output, Output::Transmit { .. } | Output::Log { .. }), "{output:?}");
    }
    // A half-open IKE SA may add a timer, and nothing takes one away.
    let after = endpoint.next_timeout();
    assert!(after <= timeout || timeout.is_none(), "{after:?} after {timeout:?}");
}

#[test]
fn every_truncation_and_every_flipped_bit_of_a_protected_message_is_dropped_without_an_effect() {
    let mut sim = up();
    sim.run(secs(90));
    let protected: Vec<_> = sim.wire.iter().filter(|it| it.message[18] != 34).cloned().collect();
    assert!(protected.len() >= 4);
    for original in protected.iter().take(8) {
        for length in 0..original.message.len() {
            inject(&mut sim, Datagram { message: original.message[..length].to_vec(), ..original.clone() });
        }
        for bit in 0..original.message.len() * 8 {
            let mut message = original.message.clone();
            message[bit / 8] ^= 1 << (bit % 8);
            inject(&mut sim, Datagram { message, ..original.clone() });
        }
    }
    sim.assert_up();
    sim.run_checked(secs(20_000), |sim| assert!(sim.passes(A, T, B) && sim.passes(B, T, A)));
}

#[test]
fn a_tunnel_comes_up_while_every_message_is_followed_by_its_broken_copies() {
    for seed in 0..3 {
        let mut sim = Sim::new(seed);
        put_both(&mut sim, &config());
        let mut dice = SeededRandom::new(seed);
        let mut seen = 0;
        while sim.now < secs(2) {
            sim.run(std::time::Duration::from_millis(5));
            for original in sim.wire.clone().into_iter().skip(seen) {
                for _ in 0..300 {
                    let mut bytes = [0; 4];
                    dice.fill(&mut bytes);
                    let mut message = original.message.clone();
                    let at = usize::from(u16::from_be_bytes([bytes[0], bytes[1]])) % message.len();
                    message[at] ^= bytes[2].max(1);
                    message.truncate(if bytes[3] < 64 { at } else { message.len() });
                    let side = if *original.to.ip() == ADDRESS_A { A } else { B };
                    // What is not protected yet may be believed for the moment, so only IKE_AUTH is broken here.
                    if original.message[18] != 34 {
                        let now = sim.now;
                        sim.sides[side].1.endpoint.on_datagram(original.to, original.from, &message, now);
                    }
                }
            }
            seen = sim.wire.len();
        }
        sim.assert_up();
    }
}

#[test]
fn random_bytes_have_no_effect() {
    let mut sim = up();
    let mut dice = SeededRandom::new(9);
    for round in 0..20_000_u32 {
        let mut head = [0; 3];
        dice.fill(&mut head);
        let mut message = vec![0; usize::from(u16::from_be_bytes([head[0], head[1]]) % 400)];
        dice.fill(&mut message);
        if head[2] & 1 == 1 && message.len() >= 28 {
            // Looks like a message of the IKE SA that is up.
            let real = &sim.wire[3].message;
            message[..28].copy_from_slice(&real[..28]);
            let length = message.len() as u32;
            message[24..28].copy_from_slice(&length.to_be_bytes());
            message[19] = [0x00, 0x08, 0x20, 0x28][round as usize % 4];
            message[23] = (round % 5) as u8;
        }
        let (from, to) = if head[2] & 2 == 0 { (ADDRESS_A, ADDRESS_B) } else { (ADDRESS_B, ADDRESS_A) };
        inject(
            &mut sim,
            Datagram { from: SocketAddrV4::new(from, 500), to: SocketAddrV4::new(to, 500), message },
        );
    }
    sim.assert_up();
}

/// A notification without protection, as an answer to or a request within an exchange.
fn unprotected(like: &Datagram, exchange: u8, response: bool, id: u32, kind: u16, data: &[u8]) -> Datagram {
    let mut message = like.message[..16].to_vec();
    let initiator = if *like.from.ip() == ADDRESS_A { 0x08 } else { 0 };
    message.extend([41, 0x20, exchange, initiator | if response { 0x20 } else { 0 }]);
    message.extend(id.to_be_bytes());
    message.extend(((28 + 8 + data.len()) as u32).to_be_bytes());
    message.extend([0, 0]);
    message.extend(((8 + data.len()) as u16).to_be_bytes());
    message.extend([0, 0]);
    message.extend(kind.to_be_bytes());
    message.extend(data);
    Datagram { message, ..like.clone() }
}

#[test]
fn no_unprotected_notification_tears_anything_down() {
    let mut sim = up();
    let (from_a, from_b) = (sim.wire[2].clone(), sim.wire[3].clone());
    for like in [&from_a, &from_b] {
        for exchange in [34, 35, 36, 37] {
            for response in [false, true] {
                for id in 0..4 {
                    for kind in [1, 4, 5, 7, 9, 11, 14, 17, 24, 35, 38, 43, 44, 16_384, 16_390, 16_393] {
                        inject(&mut sim, unprotected(like, exchange, response, id, kind, &[0, 2]));
                    }
                }
            }
        }
    }
    sim.assert_up();
    sim.run_checked(secs(20_000), |sim| assert!(sim.passes(A, T, B) && sim.passes(B, T, A)));
}

#[test]
fn a_forged_refusal_of_ike_sa_init_does_not_prevent_the_tunnel() {
    for kind in [1, 5, 7, 14, 17, 24, 43] {
        let mut sim = Sim::new(3);
        put_both(&mut sim, &config());
        // It arrives before the real answer.
        let request = sim.wire[0].clone();
        let like = Datagram { from: request.to, to: request.from, message: request.message };
        sim.deliver(unprotected(&like, 34, true, 0, kind, &[0, 99]));
        sim.run(secs(3));
        sim.assert_up();
    }
}

#[test]
fn every_message_may_arrive_again_at_any_time() {
    let mut sim = up();
    sim.run(secs(2_900));
    for datagram in sim.wire.clone() {
        // Another IKE_SA_INIT is another beginning, and is told apart by its cost below.
        if datagram.message[18] != 34 {
            inject(&mut sim, datagram);
        }
    }
    sim.assert_up();
    let init = sim.wire[0].clone();
    for _ in 0..100 {
        sim.deliver(init.clone());
    }
    sim.run(secs(60));
    sim.assert_up();
    assert_eq!((sim.side(A).children.len(), sim.side(B).children.len()), (1, 1));
}

/// A first message as A would send it, from another port, with another SPI.
fn spoofed(genuine: &Datagram, n: u64, from: Ipv4Addr) -> Datagram {
    let mut message = genuine.message.clone();
    message[..8].copy_from_slice(&(n + 1).to_be_bytes());
    Datagram { from: SocketAddrV4::new(from, 1_024 + (n % 60_000) as u16), to: genuine.to, message }
}

#[test]
fn ten_thousand_spoofed_beginnings_do_not_keep_the_real_peer_out() {
    let mut sim = Sim::new(4);
    sim.put(B, T, mirrored(&config()));
    // Many more tunnels, so that spoofed addresses belong to somebody.
    for n in 0..50 {
        let remote = Ipv4Addr::new(10, 0, 1, n);
        sim.put(B, TunnelKey(100 + u64::from(n)), TunnelConfig { remote, ..mirrored(&config()) });
    }
    let mut draft = Sim::new(5);
    draft.put(A, T, TunnelConfig { initiate: true, ..config() });
    let genuine = draft.wire[0].clone();
    for n in 0..10_000_u64 {
        let from = if n % 2 == 0 { ADDRESS_A } else { Ipv4Addr::new(10, 0, 1, (n % 50) as u8) };
        let now = sim.now;
        let datagram = spoofed(&genuine, n, from);
        let endpoint = &mut sim.sides[B].1.endpoint;
        endpoint.on_datagram(datagram.to, datagram.from, &datagram.message, now);
        while let Some(output) = endpoint.poll_output() {
            match output {
                // No more comes back than went in.
                Output::Transmit { message, .. } => assert!(message.len() <= datagram.message.len() + 64),
                Output::Log { .. } | Output::Status { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        if n == 5_000 {
            sim.put(A, T, TunnelConfig { initiate: true, ..config() });
        }
        if n % 100 == 0 {
            sim.run(std::time::Duration::from_millis(15));
        }
    }
    sim.run(secs(3));
    sim.assert_up();
    // COOKIE made the first exchange a round trip longer.
    assert!(sim.wire.iter().any(|it| it.message[18] == 34 && it.message[16] == 41));
    // All that was begun is forgotten after a while.
    sim.remove(A, T);
    sim.remove(B, T);
    for n in 0..50 {
        sim.remove(B, TunnelKey(100 + n));
    }
    sim.run(secs(60));
    assert_eq!(sim.side(B).endpoint.next_timeout(), None);
}

#[test]
fn a_hundred_thousand_beginnings_from_as_many_addresses_cost_little_and_the_real_peer_gets_in() {
    // A tunnel that takes peers of any address is what a flood can hurt most.
    let mut sim = Sim::new(12);
    let any = TunnelConfig { remote: Ipv4Addr::UNSPECIFIED, ..mirrored(&config()) };
    sim.put(B, T, any);
    let mut draft = Sim::new(5);
    draft.put(A, T, TunnelConfig { initiate: true, ..config() });
    let genuine = draft.wire[0].clone();
    let mut begun = None;
    for n in 0..100_000_u32 {
        let from = Ipv4Addr::from(u32::from(Ipv4Addr::new(100, 64, 0, 0)) + n);
        let datagram = spoofed(&genuine, n.into(), from);
        let now = sim.now;
        let endpoint = &mut sim.sides[B].1.endpoint;
        endpoint.on_datagram(datagram.to, datagram.from, &datagram.message, now);
        while endpoint.poll_output().is_some() {}
        assert!(endpoint.ike_sas() <= 40, "{} IKE SAs", endpoint.ike_sas());
        if n % 25 == 0 {
            sim.run(std::time::Duration::from_millis(1));
        }
        if n == 20_000 {
            sim.put(A, T, TunnelConfig { initiate: true, ..config() });
            begun = Some(sim.now);
        }
        if begun.is_some_and(|begun| sim.now >= begun + secs(2)) {
            sim.assert_up();
        }
    }
    assert!(sim.now >= secs(4), "the flood went on for long enough");
    sim.assert_up();
    // What was begun is forgotten.
    sim.run(secs(60));
    assert_eq!(sim.side(B).endpoint.ike_sas(), 1);
}

#[test]
fn cookies_returned_from_many_addresses_push_out_the_oldest_and_never_more_than_the_limit() {
    let limits = Limits { half_open_max: 200, ..Limits::default() };
    let mut sim = Sim::with_limits(13, limits);
    sim.put(B, T, TunnelConfig { remote: Ipv4Addr::UNSPECIFIED, ..mirrored(&config()) });
    for n in 0..500_u32 {
        // Each has an address where it receives, so it returns the cookie.
        let local = Ipv4Addr::from(u32::from(Ipv4Addr::new(100, 64, 0, 0)) + n);
        let mut other = Sim::new(1_000 + u64::from(n));
        other.sides[A].0 = local;
        other.put(A, T, TunnelConfig { local, initiate: true, ..config() });
        let sent = sim.wire.len();
        sim.deliver(other.wire[0].clone());
        if let Some(cookie) = sim.wire.get(sent).cloned() {
            other.deliver(cookie);
            if other.wire.len() > 1 && other.wire[1].message[18] == 34 {
                sim.deliver(other.wire[1].clone());
            }
        }
        assert!(sim.side(B).endpoint.ike_sas() <= 200);
    }
    assert_eq!(sim.side(B).endpoint.ike_sas(), 200);
    sim.put(A, T, TunnelConfig { initiate: true, ..config() });
    sim.run(secs(2));
    sim.assert_up();
}

#[test]
fn what_strangers_do_fills_neither_the_log_nor_the_queue() {
    let limits = Limits { outputs_max: 500, ..Limits::default() };
    let mut sim = Sim::with_limits(6, limits);
    sim.put(B, T, mirrored(&config()));
    let mut draft = Sim::new(7);
    draft.put(A, T, TunnelConfig { initiate: true, ..config() });
    let genuine = draft.wire[0].clone();
    let endpoint = &mut sim.sides[B].1.endpoint;
    for n in 0..5_000 {
        let datagram = spoofed(&genuine, n, Ipv4Addr::new(198, 51, 100, 7));
        endpoint.on_datagram(datagram.to, datagram.from, &datagram.message, secs(1));
    }
    let outputs: Vec<_> = std::iter::from_fn(|| endpoint.poll_output()).collect();
    assert!(outputs.len() <= 501, "{} outputs wait", outputs.len());
    let lines = outputs.iter().filter(|output| matches!(output, Output::Log { .. })).count();
    assert!((1..=20).contains(&lines), "{lines} lines");
}

#[test]
fn a_peer_that_speaks_ikev1_is_told_of() {
    let mut sim = Sim::new(8);
    sim.put(B, T, mirrored(&config()));
    let mut message = vec![7; 8];
    message.extend([0; 8]);
    message.extend([0, 0x10, 2, 0, 0, 0, 0, 0, 0, 0, 0, 28]);
    let at = |address| SocketAddrV4::new(address, 500);
    sim.deliver(Datagram { from: at(ADDRESS_A), to: at(ADDRESS_B), message });
    assert!(sim.logged(B, "IKEv1"));
    assert_eq!(sim.status(B), TunnelStatus::IkeSaNotEstablished);
}

#[test]
fn no_secret_is_shown_by_debug() {
    let sim = up();
    let shown = format!("{:?} {:?}", config(), sim.side(A).children);
    assert!(!shown.contains("horse"));
    let (_, child) = sim.side(A).children.values().next().expect("a child");
    let key = child.inbound_key.encryption.as_bytes();
    assert!(!shown.contains(&format!("{}, {}, {}", key[0], key[1], key[2])));
    assert!(shown.contains("Secret("));
}

#[test]
fn the_ike_sas_of_one_tunnel_are_limited_whoever_makes_them() {
    let mut sim = Sim::new(9);
    sim.put(B, T, mirrored(&config()));
    // Twelve gateways believe to be A, and begin before the first has authenticated.
    let mut others: Vec<Sim> = (0..12).map(|n| Sim::new(100 + n)).collect();
    for other in &mut others {
        other.put(A, T, TunnelConfig { initiate: true, ..config() });
        sim.deliver(other.wire[0].clone());
    }
    for (other, answer) in others.iter_mut().zip(sim.wire.clone()) {
        other.deliver(answer);
        sim.deliver(other.wire[1].clone());
    }
    let limit = Limits::default().ike_sas_per_tunnel_max;
    assert_eq!(sim.side(B).children_made, 12);
    assert!(sim.side(B).children.len() <= limit, "{} children", sim.side(B).children.len());
    assert_eq!(sim.status(B), TunnelStatus::IpsecSaEstablished);
}

#[test]
fn hundreds_of_tunnels_with_one_peer_come_up_together() {
    let mut sim = Sim::new(10);
    let tunnel = |n: u64| TunnelConfig {
        local_id: causeway_ike::Identity::parse(&format!("a{n}")),
        remote_id: causeway_ike::Identity::parse(&format!("b{n}")),
        ..config()
    };
    for n in 0..300 {
        sim.put(B, TunnelKey(n), mirrored(&tunnel(n)));
    }
    for n in 0..300 {
        sim.put(A, TunnelKey(n), TunnelConfig { initiate: true, ..tunnel(n) });
    }
    sim.run(secs(2));
    let up = (0..300).filter(|n| sim.passes(A, TunnelKey(*n), B)).count();
    assert_eq!(up, 300);
}

#[test]
fn peers_that_fail_to_authenticate_are_limited_and_do_not_keep_the_real_one_out() {
    let mut sim = Sim::new(14);
    sim.put(B, T, mirrored(&config()));
    let psk = Secret::new(b"incorrect donkey".to_vec());
    for n in 0..100 {
        let mut other = Sim::new(2_000 + n);
        other.put(A, T, TunnelConfig { psk: psk.clone(), initiate: true, ..config() });
        // IKE_SA_INIT, perhaps once more with a cookie, and IKE_AUTH.
        let mut said = 0;
        while let Some(message) = other.wire.get(said).cloned() {
            let answers = sim.wire.len();
            sim.deliver(message);
            sim.wire[answers..].iter().for_each(|answer| other.deliver(answer.clone()));
            said += 1;
        }
        assert!(other.logged(A, "AUTHENTICATION_FAILED"), "{:?}", other.side(A).logs);
        let limit = Limits::default().half_open_per_address_max;
        assert!(sim.side(B).endpoint.ike_sas() <= limit, "{} IKE SAs", sim.side(B).endpoint.ike_sas());
    }
    sim.put(A, T, TunnelConfig { initiate: true, ..config() });
    sim.run(secs(3));
    sim.assert_up();
}
