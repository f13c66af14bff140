//! How tunnels end, and how they come back.

use causeway_ike::{Level, TunnelConfig, TunnelStatus};

use crate::sim::{A, ADDRESS_A, B, Datagram, Sim, T, config, mirrored, put_both, secs};

fn up(seed: u64) -> Sim {
    let mut sim = Sim::new(seed);
    put_both(&mut sim, &config());
    sim.run(secs(1));
    sim.assert_up();
    sim
}

#[test]
fn a_removed_tunnel_is_gone_on_both_sides_at_once() {
    for side in [A, B] {
        let mut sim = up(1);
        sim.remove(side, T);
        assert!(sim.side(side).children.is_empty(), "no packet passes any more");
        sim.run(secs(1));
        let other = A + B - side;
        assert!(sim.side(other).children.is_empty());
        assert_eq!(sim.status(other), TunnelStatus::IkeSaNotEstablished);
        assert!(sim.logged(other, "peer closed the IKE SA"));
    }
}

#[test]
fn the_delete_is_repeated_until_it_is_answered() {
    let mut sim = up(2);
    sim.middle = Some(Box::new(|_| None));
    sim.remove(A, T);
    sim.run(secs(6));
    sim.middle = None;
    sim.run(secs(6));
    assert!(sim.side(B).children.is_empty());
    let sent = sim.wire.len();
    sim.run(secs(300));
    assert_eq!(sim.wire.len(), sent, "nothing is left that sends");
}

#[test]
fn a_closed_ike_sa_still_answers_a_repeated_delete() {
    let mut sim = up(3);
    sim.remove(A, T);
    sim.run(secs(1));
    let delete = sim.wire.iter().rev().find(|it| *it.from.ip() == ADDRESS_A).cloned().expect("it was sent");
    let answer = sim.wire.last().cloned();
    sim.deliver(delete.clone());
    assert_eq!(sim.wire.last().cloned(), answer);
    let sent = sim.wire.len();
    sim.run(secs(60));
    sim.deliver(delete);
    assert_eq!(sim.wire.len(), sent, "but not for ever");
}

#[test]
fn a_tunnel_that_the_peer_closed_comes_back() {
    let mut sim = up(4);
    sim.remove(B, T);
    sim.run(secs(1));
    assert_eq!(sim.status(A), TunnelStatus::IkeSaNotEstablished);
    sim.put(B, T, mirrored(&config()));
    sim.run(secs(60));
    sim.assert_up();
}

#[test]
fn a_dead_peer_is_found_out_and_its_tunnel_comes_back() {
    for side in [A, B] {
        let mut sim = up(5);
        sim.middle = Some(Box::new(|_| None));
        sim.run(secs(29));
        assert!(sim.side(side).children.len() == 1, "half a minute of silence is nothing");
        sim.run(secs(100));
        assert!(sim.side(side).children.is_empty());
        assert_eq!(sim.status(side), TunnelStatus::IkeSaNotEstablished);
        assert!(sim.logged(side, "does not answer any more"));
        let (_, error) = &sim.side(side).status[&T];
        assert!(error.as_ref().is_some_and(|error| !error.is_empty()));
        sim.middle = None;
        sim.run(secs(60));
        sim.assert_up();
    }
}

#[test]
fn a_silent_peer_is_asked_and_one_with_traffic_is_not() {
    let mut sim = up(6);
    let sent = sim.wire.len();
    for _ in 0..60 {
        sim.run(secs(10));
        for side in [A, B] {
            let now = sim.now;
            sim.sides[side].1.endpoint.on_inbound_traffic(T, now);
        }
    }
    assert_eq!(sim.wire.len(), sent, "ten minutes with traffic");
    sim.run(secs(600));
    // Each side asks every 30 s at most, and the other's question is a sign of life as good as an answer.
    assert!((38..=80).contains(&(sim.wire.len() - sent)));
    sim.assert_up();
}

#[test]
fn a_tunnel_without_dead_peer_detection_asks_nothing() {
    let mut sim = Sim::new(7);
    put_both(&mut sim, &TunnelConfig { dpd: false, ..config() });
    sim.run(secs(3_600));
    assert_eq!(sim.wire.len(), 4);
    sim.assert_up();
}

#[test]
fn the_interval_of_dead_peer_detection_can_be_set() {
    let mut sim = Sim::new(8);
    sim.put(B, T, TunnelConfig { dpd: false, ..mirrored(&config()) });
    sim.put(A, T, TunnelConfig { dpd_interval: secs(5), initiate: true, ..config() });
    sim.run(secs(51));
    assert_eq!((sim.wire.len() - 4) / 2, 10);
}

#[test]
fn a_peer_that_starts_anew_replaces_what_it_had() {
    for side in [A, B] {
        let mut sim = Sim::new(9);
        let both = TunnelConfig { initiate: true, ..config() };
        sim.put(B, T, mirrored(&both));
        sim.run(secs(1));
        sim.put(A, T, both.clone());
        sim.run(secs(60));
        sim.assert_up();
        sim.crash(side, 77);
        sim.put(side, T, if side == A { both.clone() } else { mirrored(&both) });
        sim.run(secs(1));
        sim.assert_up();
        assert!(sim.logged(A + B - side, "peer has started anew"));
        assert_eq!((sim.side(A).children.len(), sim.side(B).children.len()), (1, 1));
    }
}

#[test]
fn the_same_configuration_again_changes_nothing_and_another_one_negotiates_anew() {
    let mut sim = up(10);
    let before = sim.side(A).children.clone();
    sim.put(A, T, TunnelConfig { initiate: true, ..config() });
    let softly = TunnelConfig { initiate: true, dpd: false, child_lifetime: secs(1_000), ..config() };
    sim.put(A, T, softly.clone());
    assert!(sim.side(A).children == before);
    let local_ts = vec!["192.168.7.0/24".parse().expect("a network")];
    let other = TunnelConfig { local_ts, ..softly };
    sim.put(A, T, other.clone());
    assert!(sim.side(A).children.is_empty());
    assert_eq!(sim.status(A), TunnelStatus::IkeSaNotEstablished, "and that is told");
    sim.run(secs(5));
    assert_eq!(sim.status(A), TunnelStatus::IpsecSaNotEstablished, "the peer wants the other network still");
    sim.put(B, T, mirrored(&other));
    sim.run(secs(60));
    sim.assert_up();
}

#[test]
fn a_tunnel_that_is_taken_over_by_a_wait_is_not_initiated() {
    let mut sim = Sim::new(11);
    sim.put(A, T, config());
    sim.run(secs(3_600));
    assert!(sim.wire.is_empty());
    assert_eq!(sim.side(A).endpoint.next_timeout(), None);
}

#[test]
fn an_endpoint_without_tunnels_has_nothing_to_wait_for() {
    let mut sim = up(12);
    sim.remove(A, T);
    sim.remove(B, T);
    sim.run(secs(300));
    assert_eq!(sim.side(A).endpoint.next_timeout(), None);
    assert_eq!(sim.side(B).endpoint.next_timeout(), None);
}

#[test]
fn the_lifetime_of_an_ike_sa_that_cannot_be_rekeyed_ends_it_and_a_new_one_follows() {
    let mut sim = Sim::new(13);
    put_both(&mut sim, &TunnelConfig { dpd: false, ike_lifetime: secs(1_000), ..config() });
    sim.run(secs(1));
    // B forgets its tunnel's SAs without a word, and refuses to know the tunnel.
    sim.crash(B, 5);
    sim.run(secs(1_100));
    assert_eq!(sim.status(A), TunnelStatus::IkeSaNotEstablished);
    sim.put(B, T, mirrored(&config()));
    sim.run(secs(120));
    sim.assert_up();
}

#[test]
fn every_ending_is_told_with_a_reason() {
    let mut sim = up(14);
    sim.middle = Some(Box::new(|_: Datagram| None));
    sim.run(secs(300));
    let warnings =
        sim.side(A).logs.iter().filter(|(key, level, _)| *key == Some(T) && *level >= Level::Warning);
    assert!(warnings.count() >= 2);
}

#[test]
fn an_endpoint_may_live_on_any_thread() {
    fn assert_send<T: Send>() {}
    assert_send::<causeway_ike::Endpoint>();
}

#[test]
fn a_tunnel_that_is_made_anew_tells_at_once_that_it_is_down() {
    let mut sim = up(15);
    sim.middle = Some(Box::new(|_: Datagram| None));
    for initiate in [true, false] {
        sim.remove(A, T);
        sim.put(A, T, TunnelConfig { initiate, ..config() });
        assert_eq!(sim.side(A).status.get(&T), Some(&(TunnelStatus::IkeSaNotEstablished, None)));
        sim.run(secs(300));
    }
}
