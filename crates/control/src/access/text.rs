//! What the values of conditions are written like.

use std::net::IpAddr;

use causeway_wire::parse_timestamp;
use ipnet::IpNet;

/// An address or CIDR block.
pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// `true` or `false`, in either case.
pub(super) fn truth(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

/// The UNIX milliseconds of a time in UTC (`Z`) or with an offset from it (`+08:00`).
pub(super) fn unix_ms(text: &str) -> Option<i64> {
    if text.ends_with('Z') {
        return parse_timestamp(text).ok();
    }
    let (local, offset) = text.split_at_checked("YYYY-MM-DDThh:mm:ss".len())?;
    let local_ms = parse_timestamp(&format!("{local}Z")).ok()?;
    let (sign, offset) = match offset.split_at_checked(1)? {
        ("+", offset) => (1, offset),
        ("-", offset) => (-1, offset),
        _ => return None,
    };
    let two_digits = |text: &str, max: i64| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_number && (0..=max).contains(number))
    };
    let (hours, minutes) = offset.split_once(':')?;
    let offset_min = two_digits(hours, 23)? * 60 + two_digits(minutes, 59)?;
    Some(local_ms - sign * offset_min * 60_000)
}
