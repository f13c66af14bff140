//! RAM policies: who may do what to which resource.
//!
//! A policy is a list of statements that allow or deny actions on resources, perhaps under conditions. A
//! statement that denies always wins; what no statement allows is denied. What a policy says that this
//! version does not understand can only take rights away: a condition with an unknown operator or key
//! makes a statement that allows not match, and one that denies match.

mod condition;
mod glob;
mod json;
mod parse;
mod text;
mod trust;

use std::collections::BTreeMap;
use std::net::IpAddr;

use condition::{Condition, Outcome};
use glob::Glob;

pub use parse::{
    CONDITION_VALUES_MAX, PATTERN_BYTES_MAX, PATTERNS_MAX, POLICY_BYTES_MAX, PolicyError, STATEMENTS_MAX,
};
pub use trust::TrustPolicy;

/// A RAM policy of version 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// Whether a statement gives rights or takes them away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The statement gives rights.
    Allow,
    /// The statement takes rights away, whatever other statements give.
    Deny,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    effect: Effect,
    actions: Selection<Glob>,
    resources: Selection<ResourcePattern>,
    /// All must hold.
    conditions: Vec<Condition>,
}

/// `Action` and `Resource`, or `NotAction` and `NotResource`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Selection<P> {
    /// What one of these matches.
    Of(Vec<P>),
    /// What none of these matches.
    AllBut(Vec<P>),
}

impl<P> Selection<P> {
    fn contains(&self, matches: impl Fn(&P) -> bool) -> bool {
        match self {
            Self::Of(patterns) => patterns.iter().any(matches),
            Self::AllBut(patterns) => !patterns.iter().any(matches),
        }
    }
}

/// `*`, or a pattern for each of the five parts of `acs:service:region:account:resource`, so that no `*`
/// reaches from one part into the next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ResourcePattern {
    Any,
    Parts([Glob; 5]),
}

impl ResourcePattern {
    fn matches(&self, resource: &str) -> bool {
        let Self::Parts(patterns) = self else { return true };
        let mut parts = resource.splitn(patterns.len(), ':');
        patterns.iter().all(|pattern| parts.next().is_some_and(|part| pattern.matches(part)))
    }
}

/// What a caller wants to do, and from where.
#[derive(Debug, Clone, Copy)]
pub struct AccessRequest<'a> {
    /// The action: `vpc:DeleteVcoRouteEntry`.
    pub action: &'a str,
    /// The resource: `acs:vpc:{region}:{account}:vpnconnection/{id}`.
    pub resource: &'a str,
    /// The address the request came from.
    pub source_ip: IpAddr,
    /// Whether it came over TLS.
    pub secure_transport: bool,
    /// The time of the server, in UNIX milliseconds.
    pub now_ms: i64,
    /// The tags of the resource.
    pub resource_tags: &'a BTreeMap<String, String>,
    /// The tags that the request names.
    pub request_tags: &'a BTreeMap<String, String>,
    /// Whether the resource is one that does not exist yet, or any of its kind.
    pub is_new: bool,
}

/// What the policies say about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allowed,
    /// No statement says anything about it.
    ImplicitDeny,
    /// A statement denies it.
    ExplicitDeny {
        /// The policy, counted from 0 in the order in which they were given.
        policy: usize,
        /// The statement of this policy, counted from 0.
        statement: usize,
    },
}

impl Decision {
    /// Whether the request may go on.
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

/// Decides about a request by all policies that are attached to its caller.
pub fn evaluate(policies: &[Policy], request: &AccessRequest<'_>) -> Decision {
    let mut decision = Decision::ImplicitDeny;
    for (policy, Policy { statements }) in policies.iter().enumerate() {
        for (statement, of_policy) in statements.iter().enumerate() {
            match of_policy.effect {
                Effect::Deny if of_policy.matches(request) => {
                    return Decision::ExplicitDeny { policy, statement };
                }
                Effect::Allow if of_policy.matches(request) => decision = Decision::Allowed,
                Effect::Allow | Effect::Deny => {}
            }
        }
    }
    decision
}

impl Policy {
    /// Parses the JSON of a policy. Strict: what is misspelt is refused, not ignored, except for conditions
    /// (see [`Policy::conditions_not_understood`]).
    ///
    /// # Errors
    ///
    /// The place in the policy and what must be there.
    pub fn parse(json: &str) -> Result<Self, PolicyError> {
        parse::policy(json)
    }

    /// The places of conditions with an operator or key that is not known, and which therefore can only
    /// take rights away: worth a warning to whoever attaches the policy.
    pub fn conditions_not_understood(&self) -> Vec<String> {
        let places = |(statement, Statement { conditions, .. }): (usize, &Statement)| {
            let unknown = conditions.iter().filter_map(Condition::not_understood);
            unknown.map(|name| format!("Statement[{statement}].Condition.{name}")).collect::<Vec<_>>()
        };
        self.statements.iter().enumerate().flat_map(places).collect()
    }
}

impl Statement {
    fn matches(&self, request: &AccessRequest<'_>) -> bool {
        self.actions.contains(|pattern| pattern.matches(request.action))
            && self.resources.contains(|pattern| pattern.matches(request.resource))
            && conditions_hold(self.effect, &self.conditions, request)
    }
}

/// Whether the conditions of a statement hold; one that is not understood decides by what the statement does.
fn conditions_hold(effect: Effect, conditions: &[Condition], request: &AccessRequest<'_>) -> bool {
    let mut hold = true;
    for condition in conditions {
        match condition.evaluate(request) {
            Outcome::Holds => {}
            Outcome::Fails => hold = false,
            Outcome::NotUnderstood => return effect == Effect::Deny,
        }
    }
    hold
}

#[cfg(test)]
mod tests;
