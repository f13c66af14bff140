//! Conditions: what must be true of a request, beside its action and resource, for a statement to match.

use ipnet::IpNet;

use super::AccessRequest;
use super::glob::Glob;

/// One key under one operator, with the values to compare with: `"IpAddress": {"acs:SourceIp": [...]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// `IpAddress` and `NotIpAddress` on `acs:SourceIp`.
    SourceIp { networks: Vec<IpNet>, negated: bool },
    /// `Bool` on `acs:SecureTransport`.
    SecureTransport { values: Vec<bool> },
    /// `Date...` on `acs:CurrentTime`.
    CurrentTime { operator: DateOperator, values_ms: Vec<i64> },
    /// `String...` on `acs:ResourceTag/key`.
    ResourceTag { key: String, values: Vec<TextPattern>, negated: bool },
    /// An operator or key that this version does not know, or the two do not fit.
    NotUnderstood { operator: String, key: String },
}

/// How a time is compared with the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateOperator {
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

/// What has become of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Holds,
    Fails,
    NotUnderstood,
}

impl From<bool> for Outcome {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

impl Condition {
    /// Whether the condition holds for the request. One of its values is enough; for an operator that
    /// negates, none may match, and a tag that the resource does not have matches none.
    pub(super) fn evaluate(&self, request: &AccessRequest<'_>) -> Outcome {
        match self {
            Self::SourceIp { networks, negated } => {
                let source_ip = request.source_ip.to_canonical();
                (networks.iter().any(|network| network.contains(&source_ip)) != *negated).into()
            }
            Self::SecureTransport { values } => values.contains(&request.secure_transport).into(),
            Self::CurrentTime { operator, values_ms } => operator.holds(request.now_ms, values_ms).into(),
            Self::ResourceTag { key, values, negated } => {
                let tag = request.resource_tags.get(key);
                let matches = tag.is_some_and(|tag| values.iter().any(|value| value.matches(tag)));
                (matches != *negated).into()
            }
            Self::NotUnderstood { .. } => Outcome::NotUnderstood,
        }
    }

    /// `operator.key`, of a condition that is not understood.
    pub(super) fn not_understood(&self) -> Option<String> {
        match self {
            Self::NotUnderstood { operator, key } => Some(format!("{operator}.{key}")),
            _ => None,
        }
    }
}

impl DateOperator {
    fn holds(self, now_ms: i64, values_ms: &[i64]) -> bool {
        let any =
            |matches: fn(&i64, &i64) -> bool| values_ms.iter().any(|value_ms| matches(&now_ms, value_ms));
        // A condition is written to the second, or at best the millisecond, and now has milliseconds.
        match self {
            Self::Equals => any(|now, value| now.div_euclid(1000) == value.div_euclid(1000)),
            Self::NotEquals => !any(|now, value| now.div_euclid(1000) == value.div_euclid(1000)),
            Self::LessThan => any(|now, value| now < value),
            Self::LessThanEquals => any(|now, value| now <= value),
            Self::GreaterThan => any(|now, value| now > value),
            Self::GreaterThanEquals => any(|now, value| now >= value),
        }
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
