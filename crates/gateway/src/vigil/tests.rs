use std::net::Ipv4Addr;
use std::time::Duration;

use causeway_control::desired::DesiredHealthCheck;
use causeway_control::observed::TunnelHealth;
use causeway_control::resource::health_check::HealthCheckPolicy::{self, ReserveRoute, RevokeRoute};
use causeway_ike::TunnelKey;

use super::{Event, Vigil};
use crate::health::{SilenceTimes, Standing};
use crate::path::echo::Probe;

mod pair;

const KEY: TunnelKey = TunnelKey(1);
const SECRET: u64 = 42;

fn desired(policy: HealthCheckPolicy) -> DesiredHealthCheck {
    let (source, destination) = (Ipv4Addr::new(10, 1, 0, 1), Ipv4Addr::new(10, 2, 0, 1));
    DesiredHealthCheck { source, destination, interval_s: 1, retry: 1, policy }
}

/// A tunnel that is up and checked.
fn vigil() -> Vigil {
    let mut vigil = Vigil::new(SilenceTimes::default());
    vigil.put(KEY, &"vco-a".parse().unwrap(), Some(desired(RevokeRoute)), (SECRET, Duration::ZERO));
    assert_eq!(vigil.next_timeout(), None, "a tunnel that is down is not probed");
    assert_eq!(vigil.set_up(KEY, true, Duration::ZERO), None);
    vigil
}

/// Runs until a moment; every probe is answered at once, or none is.
fn run(vigil: &mut Vigil, until_ms: u64, is_answered: bool) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(now) = vigil.next_timeout().filter(|at| *at <= Duration::from_millis(until_ms)) {
        let Some(key) = vigil.take_due(now) else { break };
        let (probe, event) = vigil.handle_timeout(key, false, now);
        events.extend(event);
        if let Some(probe) = probe.filter(|_| is_answered) {
            events.extend(vigil.on_answer(&probe, now).and_then(|(_, _, event)| event));
        }
    }
    events
}

#[test]
fn a_tunnel_is_as_good_as_its_answers() {
    let mut vigil = vigil();
    assert_eq!(vigil.standing(KEY), (Standing::Good, TunnelHealth::Unknown, Some(RevokeRoute)));
    assert_eq!(run(&mut vigil, 100, true), [Event::Answered]);
    assert_eq!(vigil.standing(KEY), (Standing::Good, TunnelHealth::Healthy, Some(RevokeRoute)));
    assert_eq!(run(&mut vigil, 5_000, false), [Event::Failed(Duration::from_secs(1))]);
    assert_eq!(vigil.standing(KEY), (Standing::Unhealthy, TunnelHealth::Unhealthy, Some(RevokeRoute)));
    assert_eq!(run(&mut vigil, 10_000, true), [Event::Answered]);
    assert_eq!(vigil.standing(KEY).0, Standing::Good);
}

#[test]
fn nobody_answers_for_another_tunnel() {
    let mut vigil = vigil();
    let (probe, _) = vigil.handle_timeout(KEY, false, Duration::ZERO);
    let probe = probe.unwrap();
    let forged = [
        Probe { secret: SECRET + 1, ..probe },
        Probe { tunnel: 2, ..probe },
        Probe { sequence: probe.sequence + 1, ..probe },
        Probe { source: probe.destination, ..probe },
        Probe { destination: probe.source, ..probe },
    ];
    for forged in forged {
        assert_eq!(vigil.on_answer(&forged, Duration::from_millis(1)), None, "{forged:?}");
    }
    assert!(vigil.on_answer(&probe, Duration::from_millis(1)).is_some());
}

#[test]
fn what_the_selectors_do_not_cover_is_told_and_is_no_failure() {
    let mut vigil = vigil();
    let mut events = Vec::new();
    while let Some(now) = vigil.next_timeout().filter(|at| *at <= Duration::from_secs(30)) {
        let key = vigil.take_due(now).unwrap();
        let (probe, event) = vigil.handle_timeout(key, true, now);
        assert_eq!(probe, None);
        events.extend(event);
    }
    assert_eq!(events, [Event::Outside(true)]);
    assert_eq!(vigil.standing(KEY), (Standing::Good, TunnelHealth::OutsideSelectors, Some(RevokeRoute)));
    assert_eq!(run(&mut vigil, 40_000, true), [Event::Outside(false), Event::Answered]);
}

#[test]
fn a_changed_policy_or_interval_keeps_what_is_known_and_another_address_does_not() {
    let mut vigil = vigil();
    let id = "vco-a".parse().unwrap();
    run(&mut vigil, 5_000, false);
    let other = DesiredHealthCheck { interval_s: 3, ..desired(ReserveRoute) };
    vigil.put(KEY, &id, Some(other), (7, Duration::from_secs(5)));
    assert_eq!(vigil.standing(KEY), (Standing::Unhealthy, TunnelHealth::Unhealthy, Some(ReserveRoute)));
    assert_eq!(vigil.patience(KEY), None, "nothing is withdrawn");
    let other = DesiredHealthCheck { destination: Ipv4Addr::new(10, 2, 0, 2), ..other };
    vigil.put(KEY, &id, Some(other), (7, Duration::from_secs(5)));
    assert_eq!(vigil.standing(KEY).1, TunnelHealth::Unknown);
    vigil.put(KEY, &id, None, (7, Duration::from_secs(5)));
    assert_eq!((vigil.standing(KEY).2, vigil.next_timeout()), (None, None));
}

#[test]
fn children_are_replaced_once_the_peer_is_known_to_live_and_not_again_soon() {
    let mut vigil = vigil();
    let second = Duration::from_secs;
    assert!(vigil.want_replacement(KEY, second(10)));
    assert!(vigil.take_replacements(second(11), |_| Some(second(9))).is_empty(), "it was heard before");
    assert_eq!(vigil.take_replacements(second(12), |_| Some(second(11))), [KEY]);
    assert!(!vigil.want_replacement(KEY, second(60)));
    assert!(vigil.want_replacement(KEY, second(80)));
    assert!(vigil.take_replacements(second(90), |_| None).is_empty());
    assert!(vigil.take_replacements(second(91), |_| Some(second(91))).is_empty(), "it took too long");
}

#[test]
fn a_tunnel_that_was_down_is_not_preferred_at_once() {
    let mut vigil = vigil();
    run(&mut vigil, 100, true);
    assert_eq!(vigil.set_up(KEY, false, Duration::from_millis(200)), None);
    assert_eq!(vigil.next_timeout(), None);
    assert_eq!(vigil.set_up(KEY, true, Duration::from_secs(5)), Some(Event::Returning));
    assert_eq!(vigil.standing(KEY).0, Standing::Returning);
    assert_eq!(run(&mut vigil, 7_000, true), [Event::Answered]);
    vigil.remove(KEY);
    assert_eq!(vigil.next_timeout(), None);
}
