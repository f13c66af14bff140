//! The words of a step.

use std::time::Duration;

use causeway_control::observed::{NatDetected, TunnelStatus};

use super::failure::failure;
use crate::{Action, Expectation, Lost, Sa, Side, Step, TunnelSettings, Weather};

/// How a line begins that says what must be so.
const ARROW: &str = "->";

/// Reads a line of the steps.
pub(super) fn step(line: &str) -> Result<Step, String> {
    let line = line.trim();
    if let Some(expected) = line.strip_prefix(ARROW) {
        let expected = expected.trim();
        return expectation(expected).map(Step::Expect);
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    match action(&words)? {
        Some(action) => Ok(Step::Do(action)),
        None if expectation(line).is_ok() => Err(format!("`{line}` is expected: write ` -> {line}`")),
        None => Err(format!("`{line}` is nothing that can happen: see \"What happens\" in lab/README.md")),
    }
}

fn action(words: &[&str]) -> Result<Option<Action>, String> {
    Ok(Some(match words {
        ["peer", "starts"] => Action::PeerStarts,
        ["peer", "stops"] => Action::PeerStops,
        ["peer", "vanishes"] => Action::PeerVanishes,
        ["peer", "restarts"] => Action::PeerRestarts,
        ["peer", "rekeys", what] => Action::PeerRekeys(sa(what)?),
        ["peer", "deletes", "ike"] => Action::PeerDeletes,
        ["peer", "moves", "to", address] => {
            Action::PeerMoves(parsed(address, "address such as 203.0.113.77")?)
        }
        ["translators", "forget"] => Action::TranslatorsForget,
        ["gateway", "restarts"] => Action::GatewayRestarts,
        ["connection", "changes", name, "=", value @ ..] => change(name, &value.join(" "))?,
        ["customer", "gateway", "is", address] => {
            Action::CustomerGatewayIs(parsed(address, "address such as 198.51.100.77")?)
        }
        ["traffic", "starts"] => Action::TrafficStarts,
        ["path", "breaks"] => Action::PathBreaks(true),
        ["path", "heals"] => Action::PathBreaks(false),
        ["path", "is", "clear"] => Action::WeatherIs(Weather::default()),
        ["path", "loses", loss] => Action::WeatherIs(Weather { loss: percent(loss)?, ..Weather::default() }),
        ["wait", duration] => Action::Wait(time(duration)?),
        _ => return Ok(None),
    }))
}

/// The value is judged now, so that it is an error of the line.
fn change(name: &str, value: &str) -> Result<Action, String> {
    TunnelSettings::default().set(name, value)?;
    Ok(Action::ConnectionChanges { name: name.to_owned(), value: value.to_owned() })
}

fn expectation(line: &str) -> Result<Expectation, String> {
    if let Some(text) = line.strip_prefix("peer logs ") {
        return Ok(Expectation::PeerLogs(text.trim().to_owned()));
    }
    if let Some(rest) = line.strip_prefix("failure is ") {
        let (what, within) = rest.rsplit_once(" within ").ok_or("a failure comes `within` a time")?;
        return Ok(Expectation::Failure { kind: failure(what.trim())?, within: time(within.trim())? });
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    Ok(match words.as_slice() {
        ["up", "within", limit] => Expectation::Up { within: time(limit)?, begun_by: None },
        ["up", "within", limit, "begun", "by", who] => {
            Expectation::Up { within: time(limit)?, begun_by: Some(side(who)?) }
        }
        ["status", "is", word, "within", limit] => {
            Expectation::Status { status: status(word)?, within: time(limit)? }
        }
        ["ping", lost @ ..] => Expectation::Ping(loses(lost)?),
        ["traffic", lost @ ..] => Expectation::Traffic(loses(lost)?),
        [what, "rekeyed", number, "times", "within", limit] => {
            Expectation::Rekeyed { sa: sa(what)?, times: parsed(number, "number")?, within: time(limit)? }
        }
        ["translated", "are", who @ ..] => Expectation::Translated(translated(who)?),
        ["esp", "is", "in", "udp"] => Expectation::EspInUdp,
        _ => {
            let remedy = "see \"What must be so\" in lab/README.md";
            return Err(format!("`{line}` is nothing that can be expected: {remedy}"));
        }
    })
}

fn loses(words: &[&str]) -> Result<Lost, String> {
    match words {
        ["loses", "nothing"] => Ok(Lost::AtMostPercent(0)),
        ["loses", "at", "most", part] => Ok(Lost::AtMostPercent(percent(part)?)),
        ["loses", "all"] => Ok(Lost::All),
        _ => Err(format!("`{}` is none of loses nothing, loses at most 5%, loses all", words.join(" "))),
    }
}

fn translated(words: &[&str]) -> Result<NatDetected, String> {
    match words {
        ["the", "gateway"] => Ok(NatDetected { ours: true, theirs: false }),
        ["the", "peer"] => Ok(NatDetected { ours: false, theirs: true }),
        ["both"] => Ok(NatDetected { ours: true, theirs: true }),
        ["none"] => Ok(NatDetected { ours: false, theirs: false }),
        _ => Err(format!("`{}` is none of the gateway, the peer, both, none", words.join(" "))),
    }
}

fn sa(word: &str) -> Result<Sa, String> {
    match word {
        "ike" => Ok(Sa::Ike),
        "child" => Ok(Sa::Child),
        _ => Err(format!("`{word}` is no kind of SA: ike or child")),
    }
}

fn side(word: &str) -> Result<Side, String> {
    match word {
        "gateway" => Ok(Side::Gateway),
        "peer" => Ok(Side::Peer),
        _ => Err(format!("`{word}` is neither gateway nor peer")),
    }
}

fn status(word: &str) -> Result<TunnelStatus, String> {
    let all = [
        TunnelStatus::IkeSaNotEstablished,
        TunnelStatus::IpsecSaNotEstablished,
        TunnelStatus::IkeSaEstablished,
        TunnelStatus::IpsecSaEstablished,
    ];
    let known = all.map(TunnelStatus::as_str).join(", ");
    let found = all.into_iter().find(|status| status.as_str() == word);
    found.ok_or_else(|| format!("`{word}` is no status of a tunnel: one of {known}"))
}

fn parsed<T: std::str::FromStr>(word: &str, what: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("`{word}` is no {what}"))
}

/// `250ms`, `5s` or `2m`.
pub(super) fn time(word: &str) -> Result<Duration, String> {
    let wrong = || format!("`{word}` is no time such as 250ms, 5s or 2m");
    let unit = word.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
    let number: u64 = word[..unit].parse().map_err(|_| wrong())?;
    let millis = match &word[unit..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
}

/// `30%`.
pub(super) fn percent(word: &str) -> Result<u8, String> {
    let number = word.strip_suffix('%').and_then(|number| number.parse().ok());
    number.filter(|number| *number <= 100).ok_or_else(|| format!("`{word}` is no share such as 30%"))
}

pub(super) fn yes_or_no(word: &str) -> Result<bool, String> {
    match word {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("`{word}` is neither yes nor no")),
    }
}
