use std::time::Duration;

use causeway_control::resource::health_check::HealthCheckPolicy::{ReserveRoute, RevokeRoute};

use super::{Candidate, Decision, Standing, Suspicion, Verdict, Withdrawal, decide};

const DOWN: Candidate = Candidate { is_up: false, ..up(Standing::Good) };

const fn up(standing: Standing) -> Candidate {
    Candidate { is_up: true, standing, is_mute: false, carries: false }
}

#[test]
fn the_best_tunnel_carries_and_of_equals_the_master() {
    use Standing::{Good, Left, Returning, Silent, Unhealthy};
    for policy in [None, Some(RevokeRoute), Some(ReserveRoute)] {
        let carrier = |master, slave| decide(&[master, slave], policy).carrier;
        assert_eq!(carrier(up(Good), up(Good)), Some(0));
        assert_eq!(carrier(up(Returning), up(Good)), Some(1));
        assert_eq!(carrier(up(Silent), up(Good)), Some(1));
        assert_eq!(carrier(up(Left), up(Good)), Some(1));
        assert_eq!(carrier(up(Left), up(Silent)), Some(0));
        assert_eq!(carrier(up(Silent), up(Silent)), Some(0), "a mark never stops the only way");
        assert_eq!(carrier(up(Unhealthy), up(Silent)), Some(1));
        assert_eq!(carrier(DOWN, up(Returning)), Some(1));
        assert_eq!(carrier(DOWN, DOWN), None);
    }
}

#[test]
fn of_two_marked_tunnels_the_one_that_is_heard_carries_and_else_the_one_that_does_already() {
    let silent = up(Standing::Silent);
    let (mute, carries) = (Candidate { is_mute: true, ..silent }, Candidate { carries: true, ..silent });
    let carrier = |master, slave| decide(&[master, slave], None).carrier;
    assert_eq!(carrier(silent, carries), Some(1));
    assert_eq!(carrier(carries, silent), Some(0));
    assert_eq!(carrier(Candidate { is_mute: true, ..carries }, silent), Some(1));
    assert_eq!(carrier(mute, carries), Some(1));
}

#[test]
fn where_no_tunnel_is_healthy_the_policy_decides() {
    let tunnels = [up(Standing::Unhealthy), up(Standing::Unhealthy)];
    let carried_by = |place| Decision { carrier: Some(place), last_resort: None };
    let refused = |place| Decision { carrier: None, last_resort: Some(place) };
    assert_eq!(decide(&tunnels, Some(RevokeRoute)), refused(0));
    assert_eq!(decide(&tunnels, Some(ReserveRoute)), carried_by(0));
    assert_eq!(decide(&[DOWN, DOWN], Some(RevokeRoute)), Decision { carrier: None, last_resort: None });
    // Where the peer is only heard through the slave, it is the slave that answers to it go through.
    let tunnels = [Candidate { is_mute: true, ..up(Standing::Unhealthy) }, up(Standing::Unhealthy)];
    assert_eq!(decide(&tunnels, Some(RevokeRoute)), refused(1));
    assert_eq!(decide(&tunnels, Some(ReserveRoute)), carried_by(1));
    let tunnels = [Candidate { is_mute: true, ..up(Standing::Good) }, up(Standing::Good)];
    assert_eq!(decide(&tunnels, Some(RevokeRoute)), carried_by(0), "what is good need not be heard");
}

#[test]
fn routes_are_given_up_at_once_or_after_patience_and_stay_so_until_a_tunnel_may_carry() {
    let (patience, second) = (Some(Duration::from_secs(9)), Duration::from_secs);
    let mut withdrawal = Withdrawal::default();
    assert!(!withdrawal.judge(false, false, patience, second(0)));
    assert!(!withdrawal.judge(false, false, patience, second(8)));
    assert!(withdrawal.judge(false, false, patience, second(9)));
    assert!(!withdrawal.judge(true, false, patience, second(10)));
    assert!(withdrawal.judge(false, true, patience, second(11)), "what fails its check is given up at once");
    assert!(withdrawal.judge(false, false, patience, second(12)), "and going down makes it no better");
    assert!(!withdrawal.judge(false, false, None, second(13)), "without a check nothing is given up");
}

#[test]
fn a_standing_comes_of_the_check_and_the_suspicion() {
    assert_eq!(Standing::of(None, Suspicion::None), Standing::Good);
    assert_eq!(Standing::of(None, Suspicion::Silent), Standing::Silent);
    assert_eq!(Standing::of(None, Suspicion::Left), Standing::Left);
    assert_eq!(Standing::of(Some(Verdict::Untested), Suspicion::None), Standing::Good);
    assert_eq!(Standing::of(Some(Verdict::Returning), Suspicion::Silent), Standing::Silent);
    assert_eq!(
        Standing::of(Some(Verdict::Healthy), Suspicion::Silent),
        Standing::Good,
        "the check tells the two apart"
    );
    assert_eq!(Standing::of(Some(Verdict::Unhealthy), Suspicion::Silent), Standing::Unhealthy);
}
