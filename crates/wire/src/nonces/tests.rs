use super::{DROPPED_PER_REQUEST_MAX, NonceLimits, Nonces};
use crate::clock::CLOCK_SKEW_MS_MAX;
use crate::signature::{Claim, SignatureError};

/// Some moment, in UNIX milliseconds.
const NOW: i64 = 1_461_844_800_123;

fn claim(access_key_id: &str, nonce: &str, timestamp_ms: i64) -> Claim {
    Claim::for_tests(access_key_id, nonce, timestamp_ms)
}

#[test]
fn a_request_is_accepted_once() {
    let mut nonces = Nonces::new(NonceLimits::default());
    assert_eq!(nonces.remember(&claim("a", "1", NOW), NOW), Ok(()));
    assert_eq!(nonces.remember(&claim("a", "1", NOW), NOW), Err(SignatureError::NonceUsed));
    assert_eq!(nonces.remember(&claim("a", "2", NOW), NOW), Ok(()));
    assert_eq!(nonces.remember(&claim("b", "1", NOW), NOW), Ok(()), "nonces are per AccessKey");
    assert_eq!(nonces.remember(&claim("a1", "", NOW), NOW), Ok(()), "ids and nonces are not run together");
}

#[test]
fn the_same_nonce_with_another_timestamp_is_used_too() {
    let mut nonces = Nonces::new(NonceLimits::default());
    assert_eq!(nonces.remember(&claim("a", "1", NOW - 60_000), NOW), Ok(()));
    assert_eq!(nonces.remember(&claim("a", "1", NOW + 60_000), NOW), Err(SignatureError::NonceUsed));
}

#[test]
fn a_request_is_refused_at_every_moment_after_it_was_accepted() {
    for skew_ms in [-CLOCK_SKEW_MS_MAX, -1, 0, 1, CLOCK_SKEW_MS_MAX] {
        let mut nonces = Nonces::new(NonceLimits::default());
        let request = claim("a", "1", NOW + skew_ms);
        assert_eq!(nonces.remember(&request, NOW), Ok(()));
        for later_ms in (0..=2 * CLOCK_SKEW_MS_MAX + 5000).step_by(997) {
            assert!(nonces.remember(&request, NOW + later_ms).is_err(), "{skew_ms} {later_ms}");
            // Other requests come in between, and make it forget what it may forget.
            let other = claim("b", &later_ms.to_string(), NOW + later_ms);
            assert_eq!(nonces.remember(&other, NOW + later_ms), Ok(()));
        }
    }
}

#[test]
fn a_clock_that_goes_back_does_not_bring_forgotten_requests_back() {
    let mut nonces = Nonces::new(NonceLimits::default());
    let request = claim("a", "1", NOW);
    assert_eq!(nonces.remember(&request, NOW), Ok(()));
    let later = NOW + CLOCK_SKEW_MS_MAX + 2000;
    assert_eq!(nonces.remember(&claim("a", "2", later), later), Ok(()));
    assert_eq!(nonces.len(), 1, "the first is forgotten");
    let refused = nonces.remember(&request, NOW);
    assert_eq!(refused, Err(SignatureError::NotRemembered { since_ms: NOW + 2000 }));
}

#[test]
fn a_full_memory_refuses_until_something_expires() {
    let mut nonces = Nonces::new(NonceLimits { per_access_key_max: 10, total_max: 3 });
    for nonce in ["1", "2", "3"] {
        assert_eq!(nonces.remember(&claim("a", nonce, NOW), NOW), Ok(()));
    }
    assert_eq!(nonces.remember(&claim("b", "4", NOW), NOW), Err(SignatureError::NonceMemoryFull));
    assert_eq!(
        nonces.remember(&claim("a", "1", NOW), NOW),
        Err(SignatureError::NonceUsed),
        "nothing was forgotten"
    );
    let later = NOW + CLOCK_SKEW_MS_MAX + 2000;
    assert_eq!(nonces.remember(&claim("b", "4", later), later), Ok(()));
    assert_eq!(nonces.len(), 1);
}

#[test]
fn one_access_key_cannot_use_up_the_memory() {
    let mut nonces = Nonces::new(NonceLimits { per_access_key_max: 2, total_max: 100 });
    for nonce in ["1", "2"] {
        assert_eq!(nonces.remember(&claim("busy", nonce, NOW), NOW), Ok(()));
    }
    let refused = nonces.remember(&claim("busy", "3", NOW), NOW);
    assert_eq!(refused, Err(SignatureError::TooManyNonces));
    assert_eq!(nonces.remember(&claim("other", "1", NOW), NOW), Ok(()));
    let later = NOW + CLOCK_SKEW_MS_MAX + 2000;
    assert_eq!(nonces.remember(&claim("busy", "3", later), later), Ok(()));
    assert_eq!(nonces.used_by_access_key.len(), 1, "an AccessKey without nonces is forgotten as well");
}

#[test]
fn no_request_pays_for_a_crowd_and_the_memory_still_shrinks() {
    let mut nonces = Nonces::new(NonceLimits::default());
    for nonce in 0..1000 {
        assert_eq!(nonces.remember(&claim("a", &nonce.to_string(), NOW), NOW), Ok(()));
    }
    let later = NOW + CLOCK_SKEW_MS_MAX + 2000;
    for request in 1..=200_usize {
        assert_eq!(nonces.remember(&claim("b", &request.to_string(), later), later), Ok(()));
        let expired_left = 1000_usize.saturating_sub(request * DROPPED_PER_REQUEST_MAX);
        assert_eq!(nonces.len(), expired_left + request);
    }
}

#[test]
fn requests_outside_the_window_are_not_remembered() {
    let mut nonces = Nonces::new(NonceLimits::default());
    for timestamp_ms in [NOW - CLOCK_SKEW_MS_MAX - 1, NOW + CLOCK_SKEW_MS_MAX + 1, i64::MIN, i64::MAX] {
        let refused = nonces.remember(&claim("a", "1", timestamp_ms), NOW);
        assert_eq!(refused, Err(SignatureError::TimestampExpired { timestamp_ms, now_ms: NOW }));
    }
    assert!(nonces.is_empty());
}

#[test]
fn after_a_restart_requests_from_before_can_be_refused() {
    let mut nonces = Nonces::new(NonceLimits::default());
    nonces.refuse_signed_before(NOW);
    let refused = nonces.remember(&claim("a", "1", NOW - 1), NOW + 5);
    assert_eq!(refused, Err(SignatureError::NotRemembered { since_ms: NOW }));
    assert_eq!(nonces.remember(&claim("a", "1", NOW), NOW + 5), Ok(()));
}
