//! What does not fit is refused, for a reason that both sides' logs tell.

use std::time::Duration;

use causeway_crypto::{DhGroup, Encryption, Integrity, Prf, Secret};
use causeway_ike::{
    ChildProposal, FailureKind, Identity, IkeProposal, Level, Limits, Negotiated, ProposalItem, TunnelConfig,
    TunnelKey, TunnelStatus,
};

use crate::sim::{A, B, Sim, T, config, mirrored, put_both, secs};

/// A initiates with one configuration, B has the other end of another.
fn clash(ours: TunnelConfig, theirs: TunnelConfig) -> Sim {
    let mut sim = Sim::new(1);
    sim.put(B, T, mirrored(&theirs));
    sim.put(A, T, TunnelConfig { initiate: true, ..ours });
    sim.run(secs(5));
    sim
}

fn error(sim: &Sim, side: usize) -> String {
    sim.side(side).status.get(&T).and_then(|(_, error)| error.clone()).unwrap_or_default()
}

fn kind(sim: &Sim, side: usize) -> Option<FailureKind> {
    sim.side(side).failures.get(&T).cloned().flatten()
}

fn proposal(of: Negotiated, items: &[ProposalItem]) -> Option<FailureKind> {
    Some(FailureKind::Proposal { of, items: items.to_vec() })
}

fn ike(encryption: Encryption, integrity: Integrity, prf: Prf, group: DhGroup) -> IkeProposal {
    IkeProposal { encryption, integrity: Some(integrity), prf, group }
}

#[test]
fn an_ike_proposal_that_differs_is_refused_and_the_difference_told() {
    let sha1 = |encryption, group| ike(encryption, Integrity::HmacSha1_96, Prf::HmacSha1, group);
    let sim = clash(
        TunnelConfig { ike: sha1(Encryption::Aes256Cbc, DhGroup::Modp2048), ..config() },
        TunnelConfig { ike: sha1(Encryption::Aes128Cbc, DhGroup::Modp1024), ..config() },
    );
    let text = "peer proposed IKE aes256/sha1/modp2048, we want aes128/sha1/modp1024: encryption and DH group differ";
    assert!(sim.logged(B, text), "{:?}", sim.side(B).logs);
    assert_eq!(error(&sim, B), text);
    let items = [ProposalItem::Encryption, ProposalItem::Group];
    assert_eq!(kind(&sim, B), proposal(Negotiated::Ike, &items));
    assert_eq!(kind(&sim, A), proposal(Negotiated::Ike, &[]), "a peer does not say which");
    let theirs = "peer refused our IKE proposal aes256/sha1/modp2048 (NO_PROPOSAL_CHOSEN)";
    assert!(sim.logged(A, theirs), "{:?}", sim.side(A).logs);
    assert!(error(&sim, A).starts_with(theirs));
    assert_eq!(
        (sim.status(A), sim.status(B)),
        (TunnelStatus::IkeSaNotEstablished, TunnelStatus::IkeSaNotEstablished)
    );
}

#[test]
fn a_wrong_pre_shared_key_is_refused_by_naming_the_identities_and_never_the_key() {
    let sim = clash(config(), TunnelConfig { psk: Secret::new(b"incorrect donkey".to_vec()), ..config() });
    assert!(sim.logged(B, "the pre-shared key does not match: peer 10.0.0.1"), "{:?}", sim.side(B).logs);
    assert!(sim.logged(A, "AUTHENTICATION_FAILED") && sim.logged(A, "pre-shared key does not match"));
    assert!(sim.logged(A, "10.0.0.1") && sim.logged(A, "10.0.0.2"));
    assert_eq!(kind(&sim, A), Some(FailureKind::AuthenticationRefused));
    assert_eq!(kind(&sim, B), Some(FailureKind::PreSharedKey));
    for side in [A, B] {
        assert!(!sim.logged(side, "donkey") && !sim.logged(side, "horse"));
        assert_eq!(sim.status(side), TunnelStatus::IkeSaNotEstablished);
    }
}

#[test]
fn an_identity_that_differs_is_refused_by_naming_both() {
    let sim = clash(config(), TunnelConfig { local_id: Identity::parse("gw.example.com"), ..config() });
    let text = "peer says it is 10.0.0.1 and that we are 10.0.0.2, we want it to be gw.example.com and are 10.0.0.2: the \
                identities do not match";
    assert!(sim.logged(B, text), "{:?}", sim.side(B).logs);
    assert!(sim.logged(A, "AUTHENTICATION_FAILED"));
    assert_eq!(kind(&sim, B), Some(FailureKind::RemoteIdentity));
}

#[test]
fn a_peer_that_takes_us_for_somebody_else_is_told_apart_from_one_that_is_somebody_else() {
    let mut sim = Sim::new(1);
    sim.put(B, T, mirrored(&TunnelConfig { remote_id: Identity::parse("other"), ..config() }));
    sim.put(A, T, TunnelConfig { initiate: true, ..config() });
    // Later attempts do not name us any more, and then it is for the peer to refuse.
    sim.run(Duration::from_millis(100));
    assert_eq!(kind(&sim, B), Some(FailureKind::LocalIdentity), "{:?}", sim.side(B).logs);
}

#[test]
fn silence_is_told_from_a_refusal() {
    let mut sim = Sim::new(6);
    sim.middle = Some(Box::new(|_| None));
    sim.put(A, T, TunnelConfig { initiate: true, ..config() });
    sim.run(secs(120));
    assert_eq!(kind(&sim, A), Some(FailureKind::PeerUnreachable));
}

#[test]
fn a_responder_that_is_somebody_else_is_refused_by_the_initiator() {
    // B has two names and answers by the second, because A names none the second time.
    let mut sim = Sim::new(2);
    sim.put(B, T, TunnelConfig { local_id: Identity::parse("b"), ..mirrored(&config()) });
    sim.put(A, T, TunnelConfig { remote_id: Identity::parse("c"), initiate: true, ..config() });
    sim.run(secs(10));
    assert!(
        sim.logged(A, "peer says it is b, we want c: the remote identity differs"),
        "{:?}",
        sim.side(A).logs
    );
    assert!(sim.logged(B, "AUTHENTICATION_FAILED"), "{:?}", sim.side(B).logs);
    assert_eq!((sim.side(A).children.len(), sim.side(B).children.len()), (0, 0));
    assert_eq!(sim.status(B), TunnelStatus::IkeSaNotEstablished);
}

#[test]
fn a_child_that_differs_is_refused_and_the_ike_sa_stays() {
    let esp = |encryption| ChildProposal { encryption, integrity: Some(Integrity::HmacSha1_96), pfs: None };
    let (ours, theirs) = (
        TunnelConfig { child: esp(Encryption::Aes256Cbc), ..config() },
        TunnelConfig { child: esp(Encryption::TripleDesCbc), ..config() },
    );
    let mut sim = clash(ours, theirs);
    assert!(
        sim.logged(B, "peer proposed ESP aes256/sha1, we want 3des/sha1: encryption differs"),
        "{:?}",
        sim.side(B).logs
    );
    assert!(sim.logged(A, "peer refused our ESP proposal aes256/sha1 (NO_PROPOSAL_CHOSEN)"));
    assert_eq!(kind(&sim, B), proposal(Negotiated::Child, &[ProposalItem::Encryption]));
    assert_eq!(kind(&sim, A), proposal(Negotiated::Child, &[]));
    assert_eq!(
        (sim.status(A), sim.status(B)),
        (TunnelStatus::IpsecSaNotEstablished, TunnelStatus::IpsecSaNotEstablished)
    );
    let established = |sim: &Sim| {
        sim.side(A).logs.iter().filter(|(_, _, text)| text.contains("IKE SA established")).count()
    };
    sim.run(secs(600));
    assert_eq!(established(&sim), 1, "the IKE SA is the same all the time");
    sim.put(B, T, mirrored(&TunnelConfig { child: esp(Encryption::Aes256Cbc), ..config() }));
    sim.run(secs(60));
    sim.assert_up();
}

#[test]
fn traffic_that_differs_is_refused_and_the_ike_sa_stays() {
    let net = |text: &str| vec![text.parse().expect("a network")];
    let sim = clash(
        TunnelConfig { local_ts: net("192.168.1.0/24"), ..config() },
        TunnelConfig { local_ts: net("192.168.9.0/24"), ..config() },
    );
    let text = "peer proposed traffic between its 192.168.1.0/24 and our 192.168.2.0/24, we want its 192.168.9.0/24 and our \
                192.168.2.0/24: the peer's networks differ";
    assert!(sim.logged(B, text), "{:?}", sim.side(B).logs);
    assert!(sim.logged(A, "TS_UNACCEPTABLE"));
    assert_eq!(sim.status(A), TunnelStatus::IpsecSaNotEstablished);
    assert_eq!(error(&sim, B), text);
    assert_eq!(kind(&sim, A), Some(FailureKind::TrafficSelectors));
    assert_eq!(kind(&sim, B), Some(FailureKind::TrafficSelectors));
}

#[test]
fn a_pfs_group_that_differs_is_told_within_seconds_while_the_tunnel_still_works() {
    let pfs = |pfs| TunnelConfig { child: ChildProposal { pfs, ..config().child }, ..config() };
    for (ours, theirs) in [
        (Some(DhGroup::Modp1024), None),
        (None, Some(DhGroup::Modp1024)),
        (Some(DhGroup::Modp1024), Some(DhGroup::Curve25519)),
    ] {
        let mut sim = Sim::with_limits(3, Limits::default());
        sim.put(B, T, mirrored(&pfs(theirs)));
        sim.put(A, T, TunnelConfig { initiate: true, ..pfs(ours) });
        sim.run(secs(12));
        sim.assert_up();
        for side in [A, B] {
            assert_eq!(kind(&sim, side), proposal(Negotiated::Child, &[ProposalItem::Group]));
            assert!(error(&sim, side).contains("PFS group differs"), "{:?}", sim.side(side).logs);
            assert_eq!(sim.status(side), TunnelStatus::IpsecSaEstablished);
        }
        // Told once, however often it is tried; and taken back when the peer has been corrected.
        sim.run(secs(3_600));
        let told = sim.side(A).logs.iter().filter(|(_, _, text)| text.contains("PFS group differs"));
        assert_eq!(told.count(), 1);
        sim.put(B, T, mirrored(&pfs(ours)));
        sim.run(secs(60));
        sim.assert_up();
        assert_eq!((kind(&sim, A), kind(&sim, B)), (None, None));
    }
}

#[test]
fn an_agreed_pfs_group_costs_one_early_rekey_and_no_packet() {
    let child = ChildProposal { pfs: Some(DhGroup::Curve25519), ..config().child };
    let mut sim = Sim::with_limits(4, Limits::default());
    put_both(&mut sim, &TunnelConfig { child, ..config() });
    sim.run(secs(1));
    sim.run_checked(secs(3_600), |sim| assert!(sim.passes(A, T, B) && sim.passes(B, T, A)));
    assert_eq!((sim.side(A).children_made, sim.side(B).children_made), (2, 2));
}

#[test]
fn the_reason_is_gone_when_the_tunnel_is_up() {
    let mut sim =
        clash(config(), TunnelConfig { psk: Secret::new(b"incorrect donkey".to_vec()), ..config() });
    assert!(!error(&sim, A).is_empty() && !error(&sim, B).is_empty());
    sim.put(B, T, mirrored(&config()));
    sim.run(secs(60));
    sim.assert_up();
    assert_eq!((error(&sim, A), error(&sim, B)), (String::new(), String::new()));
}

#[test]
fn the_same_reason_is_told_once_however_often_it_is_tried() {
    let mut sim =
        clash(config(), TunnelConfig { psk: Secret::new(b"incorrect donkey".to_vec()), ..config() });
    sim.run(secs(3_600));
    for side in [A, B] {
        let lines = sim.side(side).logs.iter().filter(|(_, level, _)| *level >= Level::Warning).count();
        assert!(lines <= 2, "{:?}", sim.side(side).logs);
    }
    let attempts = sim.wire.len() / 4;
    assert!((80..200).contains(&attempts), "{attempts} attempts in an hour");
}

#[test]
fn somebody_without_a_tunnel_is_declined() {
    let mut sim = Sim::new(4);
    sim.put(A, T, TunnelConfig { initiate: true, ..config() });
    sim.run(secs(5));
    assert!(sim.logged(B, "10.0.0.1:500 asks for a tunnel to 10.0.0.2, and there is none between the two"));
    assert!(sim.logged(A, "or it knows no tunnel with 10.0.0.1"));
    assert_eq!(sim.side(B).endpoint.next_timeout(), None, "and costs nothing");
}

#[test]
fn one_wrong_tunnel_does_not_disturb_another_between_the_same_addresses() {
    let mut sim = Sim::new(5);
    let second = TunnelKey(2);
    let other = |psk: &str| TunnelConfig { psk: Secret::new(psk.as_bytes().to_vec()), ..config() };
    put_both(&mut sim, &config());
    sim.put(B, second, mirrored(&other("one")));
    sim.put(A, second, TunnelConfig { initiate: true, ..other("two") });
    sim.run(secs(600));
    sim.assert_up();
    assert_eq!(sim.side(A).children_made, 1);
    assert_eq!(sim.side(A).status_of(second), TunnelStatus::IkeSaNotEstablished);
    assert_eq!(sim.side(B).status.get(&T).map(|(_, error)| error.clone()), Some(None));
}

#[test]
fn a_child_for_the_networks_that_are_left_is_refused_again_and_again_and_told_once() {
    let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a network")).collect::<Vec<_>>();
    let mut sim = Sim::new(7);
    // B takes one of A's networks in IKE_AUTH, and no child by CREATE_CHILD_SA.
    sim.put(B, T, mirrored(&config()));
    let child = ChildProposal { pfs: Some(DhGroup::Curve25519), ..config().child };
    let local_ts = nets(&["192.168.1.0/24", "192.168.3.0/24"]);
    sim.put(A, T, TunnelConfig { child, local_ts, initiate: true, ..config() });
    sim.run(secs(3_600));
    sim.assert_up();
    assert!(sim.wire.len() > 200, "it is asked for all the time");
    for side in [A, B] {
        let told = sim.side(side).logs.iter().filter(|(_, level, _)| *level >= Level::Warning);
        assert_eq!(told.count(), 1);
    }
}
