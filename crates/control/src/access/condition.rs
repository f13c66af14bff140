//! Conditions: what must be true of a request, beside its action and resource, for a statement to match.

use std::net::IpAddr;

use ipnet::IpNet;

use super::glob::Glob;
use super::{AccessRequest, text};

/// One key under one operator, with the values to compare with: `"IpAddress": {"acs:SourceIp": [...]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// What the request has under the key passes the test.
    Known { key: Key, test: Test },
    /// An operator or key that this version does not know, or the two do not fit.
    NotUnderstood { operator: String, key: String },
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// `acs:SourceIp`.
    SourceIp,
    /// `acs:SecureTransport`.
    SecureTransport,
    /// `acs:MFAPresent`. Nobody signs with a second factor here: it is always false.
    MfaPresent,
    /// `acs:CurrentTime`.
    CurrentTime,
    /// `acs:ResourceTag/key`: a tag of the resource.
    ResourceTag(String),
    /// `acs:RequestTag/key`: a tag that the request names.
    RequestTag(String),
    /// `vpc:tag/key`: a tag of the resource, or the one that a resource is to be made with.
    VpcTag(String),
}

/// How it is compared, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    /// `String...`.
    Text { values: Vec<TextPattern>, negated: bool },
    /// `Numeric...`.
    Number { relation: Relation, values: Vec<Number> },
    /// `Date...`, in UNIX milliseconds.
    Date { relation: Relation, values_ms: Vec<i64> },
    /// `Bool`.
    Bool { values: Vec<bool> },
    /// `IpAddress` and `NotIpAddress`.
    Address { networks: Vec<IpNet>, negated: bool },
}

/// How things that have an order are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equals,
    NotEquals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

/// What a text is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextPattern {
    Equals(String),
    EqualsIgnoreCase(String),
    Like(Glob),
}

/// A finite number.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Number(f64);

/// Only what is not a number differs from itself, and [`Number::parse`] makes none.
impl Eq for Number {}

impl Number {
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|number: &f64| number.is_finite()).map(Self)
    }
}

/// What has become of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Holds,
    Fails,
    NotUnderstood,
}

impl Condition {
    /// Whether the condition holds for the request. One of its values is enough; for an operator that
    /// negates, none may match, and a tag that is not there matches none.
    pub(super) fn evaluate(&self, request: &AccessRequest<'_>) -> Outcome {
        match self {
            Self::Known { key, test } => {
                let holds = key.value(request).map_or(test.is_negated(), |value| test.holds(value));
                if holds { Outcome::Holds } else { Outcome::Fails }
            }
            Self::NotUnderstood { .. } => Outcome::NotUnderstood,
        }
    }

    /// `operator.key`, of a condition that is not understood.
    pub(super) fn not_understood(&self) -> Option<String> {
        match self {
            Self::NotUnderstood { operator, key } => Some(format!("{operator}.{key}")),
            Self::Known { .. } => None,
        }
    }
}

/// What a request has under a key.
#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Address(IpAddr),
    Bool(bool),
    TimeMs(i64),
    Text(&'a str),
}

impl Key {
    /// What the request has under the key; a tag may be absent.
    fn value<'a>(&self, request: &AccessRequest<'a>) -> Option<Value<'a>> {
        let tag = match self {
            Self::SourceIp => return Some(Value::Address(request.source_ip.to_canonical())),
            Self::SecureTransport => return Some(Value::Bool(request.secure_transport)),
            Self::MfaPresent => return Some(Value::Bool(false)),
            Self::CurrentTime => return Some(Value::TimeMs(request.now_ms)),
            Self::ResourceTag(tag) => request.resource_tags.get(tag),
            Self::RequestTag(tag) => request.request_tags.get(tag),
            Self::VpcTag(tag) if request.is_new => request.request_tags.get(tag),
            Self::VpcTag(tag) => request.resource_tags.get(tag),
        };
        tag.map(|tag| Value::Text(tag))
    }
}

impl Test {
    /// Whether it holds for what is not there.
    fn is_negated(&self) -> bool {
        match self {
            Self::Text { negated, .. } | Self::Address { negated, .. } => *negated,
            Self::Number { relation, .. } | Self::Date { relation, .. } => *relation == Relation::NotEquals,
            Self::Bool { .. } => false,
        }
    }

    /// Whether it holds for what is there. The text of a tag that is no number, time, truth value or address is
    /// like a tag that is not there.
    fn holds(&self, value: Value<'_>) -> bool {
        match self {
            Self::Text { values, negated } => match value {
                Value::Text(text) => values.iter().any(|value| value.matches(text)) != *negated,
                Value::Address(_) | Value::Bool(_) | Value::TimeMs(_) => *negated,
            },
            Self::Number { relation, values } => match value {
                Value::Text(text) => relation.holds(Number::parse(text), values),
                Value::Address(_) | Value::Bool(_) | Value::TimeMs(_) => self.is_negated(),
            },
            Self::Date { relation, values_ms } => relation.holds_for_times(value.time_ms(), values_ms),
            Self::Bool { values } => value.truth().is_some_and(|truth| values.contains(&truth)),
            Self::Address { networks, negated } => {
                let inside = |address| networks.iter().any(|network| network.contains(&address));
                value.address().is_some_and(inside) != *negated
            }
        }
    }
}

impl Value<'_> {
    fn time_ms(self) -> Option<i64> {
        match self {
            Self::TimeMs(time_ms) => Some(time_ms),
            Self::Text(text) => text::unix_ms(text),
            Self::Address(_) | Self::Bool(_) => None,
        }
    }

    fn truth(self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(truth),
            Self::Text(text) => text::truth(text),
            Self::Address(_) | Self::TimeMs(_) => None,
        }
    }

    fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::Text(text) => text.parse().ok(),
            Self::Bool(_) | Self::TimeMs(_) => None,
        }
    }
}

impl Relation {
    /// Whether it holds between what is there and one of the values; for `NotEquals`, all of them.
    fn holds<T: PartialOrd>(self, actual: Option<T>, values: &[T]) -> bool {
        let any = |matches: fn(&T, &T) -> bool| {
            actual.as_ref().is_some_and(|actual| values.iter().any(|value| matches(actual, value)))
        };
        match self {
            Self::Equals => any(T::eq),
            Self::NotEquals => !any(T::eq),
            Self::LessThan => any(T::lt),
            Self::LessThanEquals => any(T::le),
            Self::GreaterThan => any(T::gt),
            Self::GreaterThanEquals => any(T::ge),
        }
    }

    /// A condition is written to the second, or at best the millisecond, and now has milliseconds.
    fn holds_for_times(self, actual_ms: Option<i64>, values_ms: &[i64]) -> bool {
        if !matches!(self, Self::Equals | Self::NotEquals) {
            return self.holds(actual_ms, values_ms);
        }
        let second = |time_ms: i64| time_ms.div_euclid(1000);
        let values: Vec<i64> = values_ms.iter().copied().map(second).collect();
        self.holds(actual_ms.map(second), &values)
    }
}

impl TextPattern {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Equals(value) => value == text,
            Self::EqualsIgnoreCase(value) => value.eq_ignore_ascii_case(text),
            Self::Like(pattern) => pattern.matches(text),
        }
    }
}
