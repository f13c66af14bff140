//! From the JSON of a policy to its statements, with errors that name the place.

use thiserror::Error;

use super::condition::{Condition, Key, Number, Relation, Test, TextPattern};
use super::glob::Glob;
use super::json::Json;
use super::trust::{Trust, TrustPolicy};
use super::{Effect, Policy, ResourcePattern, Selection, Statement, text};

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
    Ok(Policy { statements: statements(text, statement)? })
}

pub(super) fn trust_policy(text: &str) -> Result<TrustPolicy, PolicyError> {
    Ok(TrustPolicy { statements: statements(text, trust)? })
}

/// The statements of a policy of version 1, whatever is in them.
fn statements<S>(
    text: &str,
    statement: fn(&str, Json) -> Result<S, PolicyError>,
) -> Result<Vec<S>, PolicyError> {
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
    statements.map(|(index, json)| statement(&format!("Statement[{index}]"), json)).collect()
}

fn statement(place: &str, json: Json) -> Result<Statement, PolicyError> {
    let mut members = object(place, json)?;
    let effect = effect(place, &mut members)?;
    let actions = selection(place, &mut members, ["Action", "NotAction"], action_pattern)?;
    let resources = selection(place, &mut members, ["Resource", "NotResource"], resource_pattern)?;
    let conditions = conditions(place, &mut members)?;
    none_left(&format!("{place}."), members)?;
    Ok(Statement { effect, actions, resources, conditions })
}

/// A statement of a trust policy: about principals instead of resources.
fn trust(place: &str, json: Json) -> Result<Trust, PolicyError> {
    let mut members = object(place, json)?;
    let effect = effect(place, &mut members)?;
    let actions = selection(place, &mut members, ["Action", "NotAction"], action_pattern)?;
    let principal = format!("{place}.Principal");
    let Some(json) = take(&mut members, "Principal") else {
        return error(&principal, "must be given, like {\"RAM\":\"acs:ram::1234567890123456:root\"}");
    };
    let principals = principals(&principal, json)?;
    let conditions = conditions(place, &mut members)?;
    none_left(&format!("{place}."), members)?;
    Ok(Trust { effect, actions, principals, conditions })
}

/// The RAM principals. Services and identity providers are well-formed, and nobody here is one.
fn principals(place: &str, json: Json) -> Result<Vec<String>, PolicyError> {
    let mut principals = Vec::new();
    let members = object(place, json)?;
    if members.is_empty() {
        return error(place, "must name a principal");
    }
    for (kind, json) in members {
        let place = format!("{place}.{kind}");
        let named = texts(&place, json, PATTERNS_MAX)?;
        match kind.as_str() {
            "RAM" => principals.extend(each(&named, PRINCIPAL, principal)?),
            "Service" | "Federated" => {}
            _ => return error(&place, "is no kind of principal; there are RAM, Service and Federated"),
        }
    }
    Ok(principals)
}

/// What a RAM principal looks like.
const PRINCIPAL: &str = "acs:ram::ACCOUNT:root, acs:ram::ACCOUNT:user/NAME or acs:ram::ACCOUNT:role/NAME, with the 16 digits of an account";

fn principal(text: &str) -> Option<String> {
    let (account, who) = text.strip_prefix("acs:ram::")?.split_once(':')?;
    let is_account = account.len() == 16 && account.bytes().all(|byte| byte.is_ascii_digit());
    let name = who.strip_prefix("user/").or_else(|| who.strip_prefix("role/"));
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    (is_account && (who == "root" || name.is_some_and(is_name))).then(|| text.to_owned())
}

fn effect(place: &str, members: &mut Members) -> Result<Effect, PolicyError> {
    match take(members, "Effect") {
        Some(Json::String(effect)) if effect == "Allow" => Ok(Effect::Allow),
        Some(Json::String(effect)) if effect == "Deny" => Ok(Effect::Deny),
        _ => error(&format!("{place}.Effect"), "must be Allow or Deny"),
    }
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
            // Global resources have no region, some not even an account. Those of RAM are written both as
            // acs:ram::... and as acs:ram:*:...
            let region = if service.eq_ignore_ascii_case("ram") && region.is_empty() { "*" } else { region };
            let service = Glob::ignoring_case(service);
            let [acs, region, account, resource] = ["acs", region, account, resource].map(Glob::new);
            Ok(ResourcePattern::Parts([acs, service, region, account, resource]))
        }
        _ => {
            error(place, "must be * or acs:service:region:account:resource, like acs:vpc:*:*:vpnconnection/*")
        }
    }
}

fn conditions(place: &str, members: &mut Members) -> Result<Vec<Condition>, PolicyError> {
    let mut conditions = Vec::new();
    let Some(json) = take(members, "Condition") else { return Ok(conditions) };
    let place = &format!("{place}.Condition");
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
    let known = condition_key(key).map(|key| (test(operator, &key, values), key));
    match known {
        Some((Some(test), key)) => Ok(Condition::Known { key, test: test? }),
        _ => Ok(Condition::NotUnderstood { operator: operator.to_owned(), key: key.to_owned() }),
    }
}

fn condition_key(key: &str) -> Option<Key> {
    let (name, tag) = match key.split_once('/') {
        Some((_, "")) => return None,
        Some((name, tag)) => (name, Some(tag.to_owned())),
        None => (key, None),
    };
    Some(match (name.to_ascii_lowercase().as_str(), tag) {
        ("acs:sourceip", None) => Key::SourceIp,
        ("acs:securetransport", None) => Key::SecureTransport,
        ("acs:mfapresent", None) => Key::MfaPresent,
        ("acs:currenttime", None) => Key::CurrentTime,
        ("acs:resourcetag", Some(tag)) => Key::ResourceTag(tag),
        ("acs:requesttag", Some(tag)) => Key::RequestTag(tag),
        ("vpc:tag", Some(tag)) => Key::VpcTag(tag),
        _ => return None,
    })
}

/// What an operator says about a key; `None` when it is unknown, or not one for this key.
fn test(operator: &str, key: &Key, values: &Placed) -> Option<Result<Test, PolicyError>> {
    let is_tag = matches!(key, Key::ResourceTag(_) | Key::RequestTag(_) | Key::VpcTag(_));
    if let Some((pattern, negated)) = text_operator(operator).filter(|_| is_tag) {
        let values = values.iter().map(|(_, text)| pattern(text)).collect();
        return Some(Ok(Test::Text { values, negated }));
    }
    if let Some(relation) = operator.strip_prefix("Numeric").and_then(relation).filter(|_| is_tag) {
        let values = each(values, "a number", Number::parse);
        return Some(values.map(|values| Test::Number { relation, values }));
    }
    if let Some(relation) = operator.strip_prefix("Date").and_then(relation)
        && (is_tag || *key == Key::CurrentTime)
    {
        let expected = "a time like 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+08:00";
        let values_ms = each(values, expected, text::unix_ms);
        return Some(values_ms.map(|values_ms| Test::Date { relation, values_ms }));
    }
    match operator {
        "Bool" if is_tag || matches!(key, Key::SecureTransport | Key::MfaPresent) => {
            Some(each(values, "true or false", text::truth).map(|values| Test::Bool { values }))
        }
        "IpAddress" | "NotIpAddress" if is_tag || *key == Key::SourceIp => {
            let networks = each(values, "an address or CIDR block", text::network);
            let negated = operator == "NotIpAddress";
            Some(networks.map(|networks| Test::Address { networks, negated }))
        }
        _ => None,
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

/// The relation that the name of an operator ends with.
fn relation(name: &str) -> Option<Relation> {
    Some(match name {
        "Equals" => Relation::Equals,
        "NotEquals" => Relation::NotEquals,
        "LessThan" => Relation::LessThan,
        "LessThanEquals" => Relation::LessThanEquals,
        "GreaterThan" => Relation::GreaterThan,
        "GreaterThanEquals" => Relation::GreaterThanEquals,
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
