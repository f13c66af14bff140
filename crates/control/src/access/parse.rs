//! From the JSON of a policy to its statements, with errors that name the place.

use std::net::IpAddr;

use causeway_wire::parse_timestamp;
use ipnet::IpNet;
use thiserror::Error;

use super::condition::{Condition, DateOperator, TextPattern};
use super::glob::Glob;
use super::json::Json;
use super::{Effect, Policy, ResourcePattern, Selection, Statement};

/// How long the JSON of a policy may be, in bytes.
pub const POLICY_BYTES_MAX: usize = 32 * 1024;
/// How many statements a policy may have.
pub const STATEMENTS_MAX: usize = 100;
/// How many patterns an `Action` or `Resource` may list.
pub const PATTERNS_MAX: usize = 100;
/// How long a pattern, or a value of a condition, may be, in bytes.
pub const PATTERN_BYTES_MAX: usize = 512;
/// How many values the conditions of one statement may have together.
pub const CONDITION_VALUES_MAX: usize = 200;

/// What is wrong with a policy, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {problem}")]
pub struct PolicyError {
    /// The place, its lists counted from 0: `Statement[1].Effect`.
    pub place: String,
    /// What must be there: `must be Allow or Deny`.
    pub problem: String,
}

type Members = Vec<(String, Json)>;

fn error<T>(place: &str, problem: impl Into<String>) -> Result<T, PolicyError> {
    Err(PolicyError { place: place.to_owned(), problem: problem.into() })
}

pub(super) fn policy(text: &str) -> Result<Policy, PolicyError> {
    if text.len() > POLICY_BYTES_MAX {
        return error("policy", format!("has {} bytes; at most {POLICY_BYTES_MAX} are allowed", text.len()));
    }
    let json = match Json::parse(text) {
        Ok(json) => json,
        Err(broken) => return error("policy", format!("must be well-formed JSON: {broken}")),
    };
    let mut members = object("policy", json)?;
    match take(&mut members, "Version") {
        Some(Json::String(version)) if version == "1" => {}
        _ => return error("Version", "must be \"1\""),
    }
    let Some(Json::Array(statements)) = take(&mut members, "Statement") else {
        return error("Statement", "must be a list of statements");
    };
    if statements.is_empty() || statements.len() > STATEMENTS_MAX {
        return error("Statement", format!("must have 1 to {STATEMENTS_MAX} statements"));
    }
    none_left("", members)?;
    let statements = statements.into_iter().enumerate();
    let statements = statements.map(|(index, json)| statement(&format!("Statement[{index}]"), json));
    Ok(Policy { statements: statements.collect::<Result<_, _>>()? })
}

fn statement(place: &str, json: Json) -> Result<Statement, PolicyError> {
    let mut members = object(place, json)?;
    let effect = match take(&mut members, "Effect") {
        Some(Json::String(effect)) if effect == "Allow" => Effect::Allow,
        Some(Json::String(effect)) if effect == "Deny" => Effect::Deny,
        _ => return error(&format!("{place}.Effect"), "must be Allow or Deny"),
    };
    let actions = selection(place, &mut members, ["Action", "NotAction"], action_pattern)?;
    let resources = selection(place, &mut members, ["Resource", "NotResource"], resource_pattern)?;
    let conditions = match take(&mut members, "Condition") {
        None => Vec::new(),
        Some(json) => conditions(&format!("{place}.Condition"), json)?,
    };
    none_left(&format!("{place}."), members)?;
    Ok(Statement { effect, actions, resources, conditions })
}

/// One of the two members, as a string or a list of strings.
fn selection<P>(
    place: &str,
    members: &mut Members,
    [of, all_but]: [&str; 2],
    pattern: impl Fn(&str, &str) -> Result<P, PolicyError>,
) -> Result<Selection<P>, PolicyError> {
    let patterns = |name: &str, json: Json| -> Result<Vec<P>, PolicyError> {
        let texts = texts(&format!("{place}.{name}"), json, PATTERNS_MAX)?;
        texts.iter().map(|(place, text)| pattern(place, text)).collect()
    };
    match (take(members, of), take(members, all_but)) {
        (Some(json), None) => patterns(of, json).map(Selection::Of),
        (None, Some(json)) => patterns(all_but, json).map(Selection::AllBut),
        (None, None) => error(&format!("{place}.{of}"), format!("must be given, or {all_but}")),
        (Some(_), Some(_)) => {
            error(&format!("{place}.{of}"), format!("must not be given together with {all_but}"))
        }
    }
}

/// `*` or `service:action`.
fn action_pattern(place: &str, text: &str) -> Result<Glob, PolicyError> {
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|char| char.is_ascii_alphanumeric() || "*?-_./".contains(char))
    };
    let well_formed =
        text.split_once(':').is_some_and(|(service, action)| is_part(service) && is_part(action));
    if text != "*" && !well_formed {
        return error(place, "must be * or service:action, like vpc:DeleteVcoRouteEntry or vpc:Describe*");
    }
    Ok(Glob::ignoring_case(text))
}

/// `*` or `acs:service:region:account:resource`.
fn resource_pattern(place: &str, text: &str) -> Result<ResourcePattern, PolicyError> {
    if text == "*" {
        return Ok(ResourcePattern::Any);
    }
    let parts: Vec<&str> = text.splitn(5, ':').collect();
    match parts[..] {
        ["acs", service, region, account, resource] if !service.is_empty() && !resource.is_empty() => {
            // Global resources have no region, some not even an account.
            let service = Glob::ignoring_case(service);
            let [acs, region, account, resource] = ["acs", region, account, resource].map(Glob::new);
            Ok(ResourcePattern::Parts([acs, service, region, account, resource]))
        }
        _ => {
            error(place, "must be * or acs:service:region:account:resource, like acs:vpc:*:*:vpnconnection/*")
        }
    }
}

fn conditions(place: &str, json: Json) -> Result<Vec<Condition>, PolicyError> {
    let mut conditions = Vec::new();
    let mut values_left = CONDITION_VALUES_MAX;
    for (operator, json) in object(place, json)? {
        let place = format!("{place}.{operator}");
        for (key, json) in object(&place, json)? {
            let place = format!("{place}.{key}");
            let values = texts(&place, json, values_left)?;
            values_left -= values.len();
            conditions.push(condition(&operator, &key, &values)?);
        }
    }
    Ok(conditions)
}

/// Texts with their places.
type Placed = [(String, String)];

fn condition(operator: &str, key: &str, values: &Placed) -> Result<Condition, PolicyError> {
    let not_understood = || Condition::NotUnderstood { operator: operator.to_owned(), key: key.to_owned() };
    let (name, tag) = match key.split_once('/') {
        Some((name, tag)) => (name, Some(tag)),
        None => (key, None),
    };
    match (name.to_ascii_lowercase().as_str(), tag) {
        ("acs:sourceip", None) => {
            let negated = match operator {
                "IpAddress" => false,
                "NotIpAddress" => true,
                _ => return Ok(not_understood()),
            };
            Ok(Condition::SourceIp { networks: each(values, "an address or CIDR block", network)?, negated })
        }
        ("acs:securetransport", None) if operator == "Bool" => {
            let values = each(values, "true or false", |text| text.to_ascii_lowercase().parse().ok())?;
            Ok(Condition::SecureTransport { values })
        }
        ("acs:currenttime", None) => {
            let Some(operator) = date_operator(operator) else { return Ok(not_understood()) };
            let expected = "a time like 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+08:00";
            Ok(Condition::CurrentTime { operator, values_ms: each(values, expected, unix_ms)? })
        }
        ("acs:resourcetag", Some(tag)) if !tag.is_empty() => {
            let Some((pattern, negated)) = text_operator(operator) else { return Ok(not_understood()) };
            let values = values.iter().map(|(_, text)| pattern(text)).collect();
            Ok(Condition::ResourceTag { key: tag.to_owned(), values, negated })
        }
        _ => Ok(not_understood()),
    }
}

fn each<T>(
    values: &Placed,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, PolicyError> {
    let parsed = values.iter().map(|(place, text)| match parse(text) {
        Some(value) => Ok(value),
        None => error(place, format!("must be {expected}")),
    });
    parsed.collect()
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// The UNIX milliseconds of a time in UTC (`Z`) or with an offset from it (`+08:00`).
fn unix_ms(text: &str) -> Option<i64> {
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

fn date_operator(operator: &str) -> Option<DateOperator> {
    Some(match operator {
        "DateEquals" => DateOperator::Equals,
        "DateNotEquals" => DateOperator::NotEquals,
        "DateLessThan" => DateOperator::LessThan,
        "DateLessThanEquals" => DateOperator::LessThanEquals,
        "DateGreaterThan" => DateOperator::GreaterThan,
        "DateGreaterThanEquals" => DateOperator::GreaterThanEquals,
        _ => return None,
    })
}

/// How an operator on text reads one of its values.
type ReadText = fn(&str) -> TextPattern;

/// How an operator on text reads its values, and whether it negates.
fn text_operator(operator: &str) -> Option<(ReadText, bool)> {
    let equals: ReadText = |text| TextPattern::Equals(text.to_owned());
    let equals_ignore_case: ReadText = |text| TextPattern::EqualsIgnoreCase(text.to_owned());
    let like: ReadText = |text| TextPattern::Like(Glob::new(text));
    Some(match operator {
        "StringEquals" => (equals, false),
        "StringNotEquals" => (equals, true),
        "StringEqualsIgnoreCase" => (equals_ignore_case, false),
        "StringNotEqualsIgnoreCase" => (equals_ignore_case, true),
        "StringLike" => (like, false),
        "StringNotLike" => (like, true),
        _ => return None,
    })
}

/// One text or a list of texts, each with its place. A boolean or a number is as good as its text.
fn texts(place: &str, json: Json, count_max: usize) -> Result<Vec<(String, String)>, PolicyError> {
    let placed = match json {
        Json::Array(elements) => elements
            .into_iter()
            .enumerate()
            .map(|(index, element)| (format!("{place}[{index}]"), element))
            .collect(),
        scalar => vec![(place.to_owned(), scalar)],
    };
    if placed.is_empty() {
        return error(place, "must not be an empty list");
    }
    if placed.len() > count_max {
        return error(place, format!("has too many values; at most {count_max} more are allowed here"));
    }
    let placed = placed.into_iter().map(|(place, json)| {
        let text = match json {
            Json::String(text) => text,
            Json::Bool(value) => value.to_string(),
            Json::Number(value) => value.to_string(),
            Json::Null | Json::Array(_) | Json::Object(_) => return error(&place, "must be a string"),
        };
        if text.len() > PATTERN_BYTES_MAX {
            return error(&place, format!("must have at most {PATTERN_BYTES_MAX} bytes"));
        }
        Ok((place, text))
    });
    placed.collect()
}

fn object(place: &str, json: Json) -> Result<Members, PolicyError> {
    match json {
        Json::Object(members) => Ok(members),
        _ => error(place, "must be an object"),
    }
}

fn take(members: &mut Members, name: &str) -> Option<Json> {
    let at = members.iter().position(|(member, _)| member == name)?;
    Some(members.remove(at).1)
}

/// A member that nobody asked for is a misspelling, and what it was to say would be lost.
fn none_left(place: &str, members: Members) -> Result<(), PolicyError> {
    match members.into_iter().next() {
        None => Ok(()),
        Some((name, _)) => error(&format!("{place}{name}"), "is not a member of a policy of version 1"),
    }
}
