//! How tunnels end, and how they come back.

use causeway_ike::{IkeVersion, Mode, TunnelConfig, TunnelStatus};

use crate::sim::{A, ADDRESS_A, ADDRESS_B, B, Sim, T, mirrored, put_both, secs};
use crate::v1::{INFORMATIONAL, MODES, QUICK_MODE, config, up};

#[test]
fn a_removed_tunnel_is_gone_on_both_sides_at_once() {
    for mode in MODES {
        for side in [A, B] {
            let mut sim = up(1, &config(mode));
            sim.remove(side, T);
            assert!(sim.side(side).children.is_empty(), "no packet passes any more");
            sim.run(secs(1));
            let other = A + B - side;
            assert!(sim.side(other).in_use.is_empty());
            assert_eq!(sim.status(other), TunnelStatus::IkeSaNotEstablished);
            assert!(sim.logged(other, "peer closed the IKE SA"));
            sim.remove(other, T);
            sim.run(secs(300));
            assert!(sim.side(other).children.is_empty());
            assert_eq!(sim.side(other).endpoint.next_timeout(), None);
        }
    }
}

#[test]
fn a_tunnel_that_the_peer_closed_comes_back() {
    for mode in MODES {
        let mut sim = up(2, &config(mode));
        sim.remove(B, T);
        sim.run(secs(1));
        assert_eq!(sim.status(A), TunnelStatus::IkeSaNotEstablished);
        sim.put(B, T, mirrored(&config(mode)));
        sim.run(secs(60));
        sim.assert_up();
    }
}

#[test]
fn a_dead_peer_is_found_out_and_its_tunnel_comes_back() {
    for mode in MODES {
        for side in [A, B] {
            let mut sim = up(3, &config(mode));
            sim.middle = Some(Box::new(|_| None));
            sim.run(secs(29));
            assert!(sim.side(side).children.len() == 1, "half a minute of silence is nothing");
            sim.run(secs(100));
            assert!(sim.side(side).children.is_empty());
            assert_eq!(sim.status(side), TunnelStatus::IkeSaNotEstablished);
            assert!(sim.logged(side, "does not answer any more"));
            sim.middle = None;
            sim.run(secs(60));
            sim.assert_up();
        }
    }
}

/// A tunnel whose first quick mode lacks its last message for ever, and whose first so many Deletes by B are lost.
fn without_the_last_message(mode: Mode, mut lost_deletes: u32) -> Sim {
    let mut sim = Sim::new(8);
    let (mut first, mut from_a) = (None, 0);
    sim.middle = Some(Box::new(move |it| {
        const ONE_DELETE_BYTES: usize = 92;
        let (exchange, id, is_by_a) =
            (it.message[18], it.message[20..24].to_vec(), *it.from.ip() == ADDRESS_A);
        let is_delete = !is_by_a && exchange == INFORMATIONAL && it.message.len() == ONE_DELETE_BYTES;
        if is_delete && lost_deletes > 0 {
            lost_deletes -= 1;
            return None;
        }
        if exchange != QUICK_MODE || *first.get_or_insert(id.clone()) != id || !is_by_a {
            return Some(it);
        }
        from_a += 1;
        (from_a == 1).then_some(it)
    }));
    put_both(&mut sim, &config(mode));
    sim.run(secs(70));
    assert_eq!(sim.status(A), TunnelStatus::IpsecSaEstablished);
    assert_eq!(sim.status(B), TunnelStatus::IkeSaEstablished, "it asks for the last message");
    sim
}

#[test]
fn a_child_whose_last_message_never_came_is_given_up_on_both_sides_and_made_anew() {
    for mode in MODES {
        let mut sim = without_the_last_message(mode, 0);
        sim.run(secs(20));
        assert!(sim.logged(A, "peer deleted the child SA"), "{:#?}", sim.side(A).logs);
        sim.assert_up();
        let sent = sim.wire.len();
        sim.run(secs(1_000));
        assert!(sim.wire.len() - sent < 400, "it ends");
    }
}

#[test]
fn the_peer_hears_of_a_child_that_was_given_up_although_the_first_deletes_are_lost() {
    for mode in MODES {
        let mut sim = without_the_last_message(mode, 2);
        sim.run(secs(20));
        assert_eq!(sim.status(A), TunnelStatus::IpsecSaEstablished, "nobody has told it");
        sim.run(secs(60));
        sim.assert_up();
    }
}

#[test]
fn a_peer_that_asks_can_be_asked_whatever_was_done_to_its_vendor_ids() {
    for mode in MODES {
        for asks in [true, false] {
            let mut sim = Sim::new(9);
            sim.middle = Some(Box::new(|mut it| {
                const OF_DEAD_PEER_DETECTION: [u8; 4] = [0xaf, 0xca, 0xd7, 0x13];
                let at = it.message.windows(4).position(|bytes| bytes == OF_DEAD_PEER_DETECTION);
                at.into_iter().filter(|_| *it.from.ip() == ADDRESS_B).for_each(|at| it.message[at] ^= 1);
                Some(it)
            }));
            sim.put(B, T, mirrored(&TunnelConfig { dpd: asks, ..config(mode) }));
            sim.put(A, T, TunnelConfig { initiate: true, ..config(mode) });
            sim.run(secs(40));
            sim.assert_up();
            sim.middle = Some(Box::new(|_| None));
            sim.run(secs(130));
            assert_eq!(sim.logged(A, "does not answer any more"), asks, "{mode:?}: {:#?}", sim.side(A).logs);
        }
    }
}

#[test]
fn a_silent_peer_is_asked_and_one_with_traffic_is_not() {
    let mut sim = up(4, &config(Mode::Main));
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
    assert!((38..=80).contains(&(sim.wire.len() - sent)), "{}", sim.wire.len() - sent);
    sim.assert_up();
}

#[test]
fn a_repeated_question_is_no_sign_of_life() {
    let mut sim = up(5, &config(Mode::Main));
    sim.run(secs(65));
    let question = sim
        .wire
        .iter()
        .rev()
        .find(|it| it.message[18] == INFORMATIONAL && *it.from.ip() == ADDRESS_B)
        .cloned();
    let question = question.expect("B has asked or answered");
    sim.middle = Some(Box::new(|it| (*it.from.ip() == ADDRESS_A).then_some(it)));
    for _ in 0..20 {
        sim.run(secs(10));
        sim.deliver(question.clone());
    }
    assert!(sim.logged(A, "does not answer any more"));
}

#[test]
fn a_peer_that_starts_anew_replaces_what_it_had() {
    for mode in MODES {
        for side in [A, B] {
            let mut sim = Sim::new(6);
            let both = TunnelConfig { initiate: true, ..config(mode) };
            sim.put(B, T, mirrored(&both));
            sim.run(secs(1));
            sim.put(A, T, both.clone());
            sim.run(secs(120));
            sim.assert_up();
            sim.crash(side, 77);
            sim.put(side, T, if side == A { both.clone() } else { mirrored(&both) });
            sim.run(secs(2));
            sim.assert_up();
            assert!(sim.logged(A + B - side, "peer has started anew"), "{mode:?} {side}");
            assert_eq!((sim.side(A).children.len(), sim.side(B).children.len()), (1, 1));
        }
    }
}

#[test]
fn a_lost_delete_leaves_a_tunnel_that_is_found_out() {
    let mut sim = up(7, &config(Mode::Main));
    sim.middle = Some(Box::new(|_| None));
    sim.remove(B, T);
    sim.middle = None;
    sim.run(secs(120));
    assert_eq!(sim.status(A), TunnelStatus::IkeSaNotEstablished);
    assert!(sim.logged(A, "does not answer any more"));
}

#[test]
fn children_outlive_an_ike_sa_that_the_peer_alone_closes() {
    let mut sim = up(8, &TunnelConfig { ike_lifetime: secs(1_000), ..config(Mode::Main) });
    // Nobody gets a new IKE SA through before the old one ends.
    sim.middle = Some(Box::new(|it| (it.message[18] != 2).then_some(it)));
    let before = sim.side(A).in_use[&T];
    sim.run(secs(990));
    assert_eq!(sim.side(A).in_use[&T], before);
    sim.run(secs(12));
    assert!(sim.side(A).children.contains_key(&before), "packets still pass");
    sim.middle = None;
    sim.run(secs(60));
    sim.assert_up();
    assert!(sim.logged(A, "the IKE SA's lifetime ended") || sim.logged(A, "peer closed the IKE SA"));
}

#[test]
fn a_peer_that_says_only_that_its_last_ike_sa_is_closed_is_not_waited_for_long() {
    let mut sim = up(11, &config(Mode::Main));
    let mut protected = 0;
    sim.middle = Some(Box::new(move |it| {
        // Of what B says now only the second message, the Delete of the ISAKMP SA, arrives.
        protected += usize::from(*it.from.ip() == ADDRESS_B && it.message[18] == 5);
        (*it.from.ip() == ADDRESS_B && it.message[18] == INFORMATIONAL && protected == 2).then_some(it)
    }));
    sim.remove(B, T);
    sim.run(secs(7));
    assert!(sim.logged(A, "peer closed the IKE SA"));
    assert_eq!(sim.status(A), TunnelStatus::IkeSaNotEstablished);
    assert!(sim.side(A).children.is_empty());
}

#[test]
fn a_change_of_lifetimes_alone_keeps_the_tunnel_and_another_change_negotiates_anew() {
    let mut sim = up(9, &config(Mode::Main));
    let before = sim.side(A).children.clone();
    let softly = TunnelConfig { initiate: true, child_lifetime: secs(1_000), ..config(Mode::Main) };
    sim.put(A, T, softly.clone());
    assert!(sim.side(A).children == before);
    let local_ts = vec!["192.168.7.0/24".parse().expect("a network")];
    let other = TunnelConfig { local_ts, ..softly };
    sim.put(A, T, other.clone());
    assert!(sim.side(A).children.is_empty());
    sim.run(secs(5));
    assert_eq!(sim.status(A), TunnelStatus::IpsecSaNotEstablished, "the peer wants the other network still");
    sim.put(B, T, mirrored(&other));
    sim.run(secs(60));
    sim.assert_up();
}

#[test]
fn another_mode_or_version_is_negotiated_anew_and_leaves_nothing_behind() {
    let versions = [IkeVersion::V1(Mode::Aggressive), IkeVersion::V2, IkeVersion::V1(Mode::Main)];
    let mut sim = up(12, &config(Mode::Main));
    for version in versions {
        let other = TunnelConfig { version, ..config(Mode::Main) };
        sim.put(B, T, mirrored(&other));
        sim.put(A, T, TunnelConfig { initiate: true, ..other });
        sim.run(secs(60));
        sim.assert_up();
        assert_eq!((sim.side(A).children.len(), sim.side(B).children.len()), (1, 1), "{version:?}");
    }
    sim.remove(A, T);
    sim.remove(B, T);
    sim.run(secs(120));
    assert_eq!(sim.side(A).endpoint.next_timeout(), None);
    assert_eq!(sim.side(B).endpoint.next_timeout(), None);
}

#[test]
fn a_tunnel_without_dead_peer_detection_asks_nothing() {
    let mut sim = Sim::new(10);
    put_both(&mut sim, &TunnelConfig { dpd: false, ..config(Mode::Main) });
    sim.run(secs(3_600));
    assert_eq!(sim.wire.len(), 9);
    sim.assert_up();
}

/// Many peers say nothing to a quick mode for networks that they do not want. So it is unanswered when somebody corrects them.
#[test]
fn networks_that_are_corrected_while_a_quick_mode_is_unanswered_are_the_ones_negotiated() {
    for mode in MODES {
        for removed_first in [false, true] {
            let mut sim = Sim::new(13);
            let both = TunnelConfig { initiate: true, ..config(mode) };
            sim.middle = Some(Box::new(|it| (it.message[18] != QUICK_MODE).then_some(it)));
            sim.put(B, T, mirrored(&both));
            sim.put(A, T, both.clone());
            sim.run(secs(10));
            assert_eq!(sim.status(A), TunnelStatus::IkeSaEstablished);
            if removed_first {
                sim.remove(A, T);
                sim.remove(B, T);
            }
            let local_ts = vec!["192.168.7.0/24".parse().expect("a network")];
            let corrected = TunnelConfig { local_ts, ..both };
            sim.middle = None;
            sim.put(B, T, mirrored(&corrected));
            sim.put(A, T, corrected.clone());
            sim.run(secs(60));
            sim.assert_up();
            assert_eq!(sim.side(A).children[&sim.side(A).in_use[&T]].1.local_ts, corrected.local_ts);
        }
    }
}
