use super::{CLOCK_SKEW_MS_MAX, check_clock, format_timestamp, parse_timestamp};
use crate::signature::{Claim, SignatureError};

/// Moments whose UNIX seconds are known from elsewhere.
const KNOWN: [(&str, i64); 8] = [
    ("1970-01-01T00:00:00Z", 0),
    ("1999-12-31T23:59:59Z", 946_684_799),
    ("2000-02-29T00:00:00Z", 951_782_400),
    ("2016-04-28T12:00:00Z", 1_461_844_800),
    ("2024-02-29T23:59:59Z", 1_709_251_199),
    ("2026-11-23T06:25:30Z", 1_795_415_130),
    ("2100-03-01T00:00:00Z", 4_107_542_400),
    ("9999-12-31T23:59:59Z", 253_402_300_799),
];

#[test]
fn known_moments_are_read_and_written() {
    for (text, unix_s) in KNOWN {
        assert_eq!(parse_timestamp(text), Ok(unix_s * 1000), "{text}");
        assert_eq!(format_timestamp(unix_s * 1000 + 999), text);
    }
}

#[test]
fn every_day_of_four_centuries_is_written_as_it_is_read() {
    for day in 0..146_097 * 2 {
        let unix_ms = day * 86_400_000 + 45_296_000;
        let text = format_timestamp(unix_ms);
        assert!(text.ends_with("T12:34:56Z"), "{text}");
        assert_eq!(parse_timestamp(&text), Ok(unix_ms), "{text}");
    }
}

#[test]
fn what_is_not_exactly_a_timestamp_is_refused() {
    for text in [
        "",
        "2016-04-28",
        "2016-04-28T12:00:00",
        "2016-04-28 12:00:00Z",
        "2016-04-28T12:00:00z",
        "2016-04-28T12:00:00.000Z",
        "2016-04-28T12:00:00+00:00",
        " 2016-04-28T12:00:00Z",
        "2016-4-28T12:00:00ZZZ",
        "2016-04-28T12:00:0 Z",
        "+016-04-28T12:00:00Z",
        "2016-13-01T00:00:00Z",
        "2016-00-01T00:00:00Z",
        "2016-04-31T00:00:00Z",
        "2016-04-00T00:00:00Z",
        "2015-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2016-04-28T24:00:00Z",
        "2016-04-28T12:60:00Z",
        "2016-12-31T23:59:60Z",
        "1969-12-31T23:59:59Z",
        "２016-04-28T12:00Z",
    ] {
        assert!(parse_timestamp(text).is_err(), "{text}");
    }
}

#[test]
fn moments_that_cannot_be_written_are_shown_as_the_nearest() {
    assert_eq!(format_timestamp(i64::MIN), "1970-01-01T00:00:00Z");
    assert_eq!(format_timestamp(i64::MAX), "9999-12-31T23:59:59Z");
}

#[test]
fn fifteen_minutes_both_ways_are_allowed_and_no_more() {
    let claim = Claim::for_tests("testid", "nonce", 1_461_844_800_000);
    for skew_ms in [0, CLOCK_SKEW_MS_MAX, -CLOCK_SKEW_MS_MAX] {
        assert_eq!(check_clock(&claim, claim.timestamp_ms + skew_ms), Ok(()), "{skew_ms}");
    }
    for skew_ms in [CLOCK_SKEW_MS_MAX + 1, -CLOCK_SKEW_MS_MAX - 1] {
        let now_ms = claim.timestamp_ms + skew_ms;
        let expired = SignatureError::TimestampExpired { timestamp_ms: claim.timestamp_ms, now_ms };
        assert_eq!(check_clock(&claim, now_ms), Err(expired), "{skew_ms}");
    }
    assert!(check_clock(&claim, i64::MIN).is_err());
    assert!(check_clock(&claim, i64::MAX).is_err());
}

#[test]
fn the_refusal_states_the_servers_time_and_the_skew() {
    let claim = Claim::for_tests("testid", "nonce", 1_461_844_800_000);
    let refused = |skew_ms| match check_clock(&claim, claim.timestamp_ms + skew_ms) {
        Ok(()) => String::new(),
        Err(error) => format!("{} {} {}", error.http_status(), error.code(), error.message()),
    };
    assert_eq!(
        refused(1_023_000),
        "400 InvalidTimeStamp.Expired Specified time stamp or date value is expired. The server's time is \
         2016-04-28T12:17:03Z; the request's is 2016-04-28T12:00:00Z, 17 min 3 s behind it; 15 min are allowed."
    );
    assert!(refused(-3_600_000).contains("2016-04-28T11:00:00Z"), "{}", refused(-3_600_000));
    assert!(refused(-3_600_000).contains("60 min 0 s ahead of it"), "{}", refused(-3_600_000));
}
