//! The timestamps of requests, and how far they may be from the server's clock.

use thiserror::Error;

use crate::signature::{Claim, SignatureError};

/// How far the time of a request may be from the server's, in both directions, in milliseconds.
pub const CLOCK_SKEW_MS_MAX: i64 = 15 * 60 * 1000;

const MS_PER_DAY: i64 = 24 * 60 * 60 * 1000;

/// The text is not a point in time of the form `YYYY-MM-DDThh:mm:ssZ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a time of the form YYYY-MM-DDThh:mm:ssZ")]
pub struct TimestampError;

/// Parses `YYYY-MM-DDThh:mm:ssZ` to UNIX milliseconds. Nothing else is a timestamp: no fractions, no
/// offsets, no leap second, no year before 1970.
///
/// # Errors
///
/// When the text is not of this form or names a moment that the calendar does not have.
pub fn parse_timestamp(text: &str) -> Result<i64, TimestampError> {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    if bytes.len() != 20 || separators.iter().any(|&(at, separator)| bytes[at] != separator) {
        return Err(TimestampError);
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0_i64, |number, byte| match byte {
            b'0'..=b'9' => Ok(number * 10 + i64::from(byte - b'0')),
            _ => Err(TimestampError),
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let in_calendar =
        year >= 1970 && (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    if !in_calendar || hour > 23 || minute > 59 || second > 59 {
        return Err(TimestampError);
    }
    let days =
        days_before_year(year) + (1..month).map(|month| days_in_month(year, month)).sum::<i64>() + day - 1;
    Ok(days * MS_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1000)
}

/// Writes UNIX milliseconds as `YYYY-MM-DDThh:mm:ssZ`, cut to the second; before 1970 and after 9999 are
/// shown as the nearest moment that can be written.
pub fn format_timestamp(unix_ms: i64) -> String {
    let last_ms = days_before_year(10_000) * MS_PER_DAY - 1;
    let unix_ms = unix_ms.clamp(0, last_ms);
    let days = unix_ms / MS_PER_DAY;
    // Four centuries have 146,097 days: the guess is at most one year off.
    let guess = 1970 + days * 400 / 146_097;
    let year = if days_before_year(guess + 1) <= days {
        guess + 1
    } else if days_before_year(guess) > days {
        guess - 1
    } else {
        guess
    };
    let mut day = days - days_before_year(year);
    let mut month = 1;
    while day >= days_in_month(year, month) {
        day -= days_in_month(year, month);
        month += 1;
    }
    let second = unix_ms % MS_PER_DAY / 1000;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", day + 1)
}

/// Refuses a request whose time is more than [`CLOCK_SKEW_MS_MAX`] from the server's.
///
/// # Errors
///
/// [`SignatureError::TimestampExpired`], whose message states the server's time and the skew.
pub fn check_clock(claim: &Claim, now_ms: i64) -> Result<(), SignatureError> {
    let skew_ms = claim.timestamp_ms.saturating_sub(now_ms);
    if skew_ms.saturating_abs() > CLOCK_SKEW_MS_MAX {
        return Err(SignatureError::TimestampExpired { timestamp_ms: claim.timestamp_ms, now_ms });
    }
    Ok(())
}

fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap_year(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The days from 1970-01-01 to the first of January of a year that is not before 1970.
fn days_before_year(year: i64) -> i64 {
    let leap_years_before = |year: i64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    (year - 1970) * 365 + leap_years_before(year) - leap_years_before(1970)
}

#[cfg(test)]
mod tests;
