use std::time::Duration;

use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_oneof, proptest};

use super::{Beside, Finding, Sample, Silence, SilenceTimes, Suspicion};

const CARRIES: Sample = Sample { carries: true, sent: true, heard: false, beside: Beside::Nothing };
const ANSWERED: Sample = Sample { heard: true, ..CARRIES };
/// The peer sends through another tunnel that is good.
const BESIDE: Sample = Sample { beside: Beside::Good, ..CARRIES };
/// Another tunnel carries, and answers come through it.
const STANDS_BY: Sample = Sample { carries: false, sent: false, heard: false, beside: Beside::Good };

fn second(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn is_marked(silence: &Silence) -> bool {
    silence.suspicion() != Suspicion::None
}

/// Takes one sample each second and keeps what was found, with the second.
fn observe(silence: &mut Silence, seconds: std::ops::Range<u64>, sample: Sample) -> Vec<(u64, Finding)> {
    seconds.filter_map(|at| Some((at, silence.observe(sample, second(at))?))).collect()
}

#[test]
fn a_tunnel_that_sends_and_hears_nothing_is_asked_and_then_marked() {
    let mut silence = Silence::new(SilenceTimes::default());
    let found = observe(&mut silence, 0..22, CARRIES);
    assert_eq!(found, [(11, Finding::Ask), (21, Finding::Silent)]);
    assert!(is_marked(&silence));
}

#[test]
fn an_answer_in_time_is_the_end_of_it() {
    let mut silence = Silence::new(SilenceTimes::default());
    assert_eq!(observe(&mut silence, 0..20, CARRIES), [(11, Finding::Ask)]);
    assert_eq!(observe(&mut silence, 20..21, ANSWERED), []);
    assert_eq!(observe(&mut silence, 21..30, CARRIES), []);
}

#[test]
fn a_single_packet_that_nobody_answers_suspects_nobody() {
    let mut silence = Silence::new(SilenceTimes::default());
    assert_eq!(observe(&mut silence, 0..2, CARRIES), []);
    assert_eq!(observe(&mut silence, 2..100, Sample { sent: false, ..CARRIES }), []);
}

#[test]
fn a_tunnel_that_stands_by_is_never_suspected() {
    let mut silence = Silence::new(SilenceTimes::default());
    let sample = Sample { heard: false, sent: true, ..STANDS_BY };
    assert_eq!(observe(&mut silence, 0..1_000, sample), []);
}

#[test]
fn what_comes_through_the_other_tunnel_takes_no_mark_away() {
    let mut silence = Silence::new(SilenceTimes::default());
    observe(&mut silence, 0..22, CARRIES);
    assert_eq!(observe(&mut silence, 22..81, STANDS_BY), []);
    assert!(is_marked(&silence));
}

#[test]
fn a_tunnel_that_the_peer_has_left_is_left_and_not_tried_by_itself() {
    let mut silence = Silence::new(SilenceTimes::default());
    assert_eq!(observe(&mut silence, 0..22, BESIDE), [(11, Finding::Ask), (21, Finding::Followed)]);
    assert_eq!(observe(&mut silence, 22..86_400, STANDS_BY), []);
    assert_eq!(silence.suspicion(), Suspicion::Left);
    // The other one is marked as well now, and nothing comes through either.
    assert_eq!(
        observe(&mut silence, 86_400..86_500, CARRIES),
        [(86_421, Finding::Silent), (86_481, Finding::Tried), (86_485, Finding::Silent)]
    );
}

#[test]
fn what_comes_through_a_bad_tunnel_answers_what_goes_through_this_one() {
    let mut silence = Silence::new(SilenceTimes::default());
    assert_eq!(observe(&mut silence, 0..100, Sample { beside: Beside::Bad, ..CARRIES }), []);
}

#[test]
fn a_peer_that_goes_back_to_a_tunnel_is_followed_until_it_leaves_again() {
    let heard = Sample { heard: true, beside: Beside::Nothing, ..STANDS_BY };
    for mark in [CARRIES, BESIDE] {
        let mut silence = Silence::new(SilenceTimes::default());
        observe(&mut silence, 0..22, mark);
        assert_eq!(observe(&mut silence, 22..30, heard), [], "it was there all the time");
        assert_eq!(observe(&mut silence, 30..35, STANDS_BY), []);
        assert_eq!(observe(&mut silence, 35..36, heard), [(35, Finding::Tried)]);
        assert_eq!(observe(&mut silence, 36..39, ANSWERED), []);
        assert_eq!(observe(&mut silence, 39..40, BESIDE), [(39, Finding::Followed)]);
        assert!(is_marked(&silence));
        assert_eq!(observe(&mut silence, 40..41, heard), [(40, Finding::Tried)]);
        assert_eq!(observe(&mut silence, 41..60, ANSWERED), [(48, Finding::Heard)]);
    }
}

#[test]
fn what_comes_through_another_tunnel_is_no_success_of_a_trial() {
    let mut silence = Silence::new(SilenceTimes::default());
    observe(&mut silence, 0..22, CARRIES);
    assert_eq!(observe(&mut silence, 22..82, STANDS_BY), [(81, Finding::Tried)]);
    assert_eq!(observe(&mut silence, 82..90, BESIDE), [(86, Finding::Silent)]);
}

#[test]
fn a_trial_that_is_answered_takes_the_mark_away() {
    let mut silence = Silence::new(SilenceTimes::default());
    observe(&mut silence, 0..22, CARRIES);
    assert_eq!(observe(&mut silence, 22..82, STANDS_BY), [(81, Finding::Tried)]);
    assert!(!is_marked(&silence));
    assert_eq!(observe(&mut silence, 82..85, ANSWERED), [(83, Finding::Heard)]);
}

#[test]
fn a_trial_without_an_answer_ends_soon_and_the_next_one_is_later() {
    let mut silence = Silence::new(SilenceTimes::default());
    let found = observe(&mut silence, 0..400, CARRIES);
    let marks: Vec<_> = found.iter().filter(|it| it.1 == Finding::Silent).map(|it| it.0).collect();
    // After 60 s, 120 s, and so on, and each time 3 s of silence.
    assert_eq!(marks, [21, 85, 209]);
}

#[test]
fn a_flow_in_one_direction_costs_one_replaced_sa_an_hour_in_the_long_run() {
    let mut silence = Silence::new(SilenceTimes::default());
    let found = observe(&mut silence, 0..86_400, CARRIES);
    let marks: Vec<_> = found.iter().filter(|it| it.1 == Finding::Silent).map(|it| it.0).collect();
    assert!(marks.len() <= 6 + 24, "{marks:?}");
    let late = marks.iter().filter(|at| **at > 43_200).count();
    assert!((11..=12).contains(&late), "{marks:?}");
}

#[test]
fn answers_now_and_then_do_not_make_it_rekey_now_and_then() {
    let mut silence = Silence::new(SilenceTimes::default());
    // A flow that is answered every 40 s: each silence is long enough for a mark.
    let sample = |at: u64| if at % 40 == 39 { ANSWERED } else { CARRIES };
    let found = (0..86_400).filter(|at| silence.observe(sample(*at), second(*at)) == Some(Finding::Silent));
    let marks: Vec<_> = found.collect();
    assert!(marks.len() <= 6 + 24, "{} marks: {marks:?}", marks.len());
}

#[test]
fn after_a_long_time_without_a_mark_the_first_pause_is_short_again() {
    let mut silence = Silence::new(SilenceTimes::default());
    observe(&mut silence, 0..400, CARRIES);
    observe(&mut silence, 400..2_000, ANSWERED);
    let found = observe(&mut silence, 2_000..2_090, CARRIES);
    let kinds: Vec<_> = found.iter().map(|it| it.1).collect();
    assert_eq!(kinds, [Finding::Ask, Finding::Silent, Finding::Tried, Finding::Silent], "{found:?}");
}

fn sample() -> impl Strategy<Value = (Sample, u64)> {
    let beside = prop_oneof![18 => Just(Beside::Nothing), 1 => Just(Beside::Bad), 1 => Just(Beside::Good)];
    (any::<bool>(), any::<bool>(), prop::bool::weighted(0.05), beside, 1_u64..4)
        .prop_map(|(carries, sent, heard, beside, step)| (Sample { carries, sent, heard, beside }, step))
}

proptest! {
    #[test]
    fn marks_are_bounded_whatever_happens(
        samples in prop::collection::vec(sample(), 500..1_500),
    ) {
        let times = SilenceTimes::default();
        let mut silence = Silence::new(times);
        let (mut now, mut last_mark, mut asked) = (0, None, false);
        for (sample, step) in samples {
            now += step;
            let before = silence.suspicion();
            let found = silence.observe(sample, second(now));
            let after = silence.suspicion();
            match found {
                Some(Finding::Silent) => {
                    prop_assert!(asked && before != Suspicion::Silent && after == Suspicion::Silent && sample.carries);
                    // Between two marks there is a pause.
                    prop_assert!(last_mark.is_none_or(|at| now - at >= times.pause.as_secs()));
                    last_mark = Some(now);
                }
                Some(Finding::Ask) => asked = true,
                Some(Finding::Followed) => prop_assert!(asked && before == Suspicion::None && after != Suspicion::None),
                Some(Finding::Tried | Finding::Heard) => prop_assert!(after == Suspicion::None),
                None => prop_assert!(before == after),
            }
        }
    }
}
