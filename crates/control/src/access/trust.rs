//! Trust policies: who may have a role.

use super::condition::Condition;
use super::glob::Glob;
use super::{AccessRequest, Effect, PolicyError, Selection, conditions_hold, parse};

/// The trust policy of a role: like a RAM policy, with principals in place of resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustPolicy {
    pub(super) statements: Vec<Trust>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trust {
    pub(super) effect: Effect,
    pub(super) actions: Selection<Glob>,
    /// RAM principals: `acs:ram::1234567890123456:user/alice`.
    pub(super) principals: Vec<String>,
    /// All must hold.
    pub(super) conditions: Vec<Condition>,
}

impl TrustPolicy {
    /// Parses the JSON of a trust policy, as strictly as [`super::Policy::parse`].
    ///
    /// # Errors
    ///
    /// The place in the policy and what must be there.
    pub fn parse(json: &str) -> Result<Self, PolicyError> {
        parse::trust_policy(json)
    }

    /// Whether somebody with these names may: a statement allows it for one of them, and none denies it.
    pub fn trusts(&self, names: &[String], request: &AccessRequest<'_>) -> bool {
        let says = |effect: Effect| {
            let mut about = self.statements.iter().filter(|trust| trust.effect == effect);
            about.any(|trust| trust.matches(names, request))
        };
        says(Effect::Allow) && !says(Effect::Deny)
    }
}

impl Trust {
    fn matches(&self, names: &[String], request: &AccessRequest<'_>) -> bool {
        self.actions.contains(|pattern| pattern.matches(request.action))
            && self.principals.iter().any(|principal| names.contains(principal))
            && conditions_hold(self.effect, &self.conditions, request)
    }
}
