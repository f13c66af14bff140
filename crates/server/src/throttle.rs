//! Rate limits: so many requests in so many seconds, per account, region and operation, as documented or as configured.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use causeway_control::ids::AccountId;
use causeway_control::operation::RateLimit;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config::Limit;

/// Whose requests are counted together.
type Key = (AccountId, String, &'static str);

/// How many keys a limiter keeps before it forgets those that have recovered.
const KEYS_MAX: usize = 10_000;

/// The limiters, one for each limit.
#[derive(Debug, Default)]
pub struct Throttle {
    /// In place of the documented ones.
    configured: BTreeMap<String, RateLimit>,
    limiters: Mutex<BTreeMap<RateLimit, DefaultKeyedRateLimiter<Key>>>,
    clock: DefaultClock,
}

impl Throttle {
    /// With limits in place of the documented ones.
    pub fn new(configured: &BTreeMap<String, Limit>) -> Self {
        let limit = |limit: &Limit| RateLimit { requests: limit.requests, per_seconds: limit.per_seconds };
        let configured = configured.iter().map(|(name, it)| (name.clone(), limit(it))).collect();
        Self { configured, ..Self::default() }
    }

    /// Counts a request; says how long to wait when it is one too many.
    pub fn admit(
        &self,
        documented: Option<RateLimit>,
        account: &AccountId,
        region: &str,
        operation: &'static str,
    ) -> Result<(), Duration> {
        let Some(limit) = self.configured.get(operation).copied().or(documented) else { return Ok(()) };
        let Some(quota) = quota(limit) else { return Ok(()) };
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let limiter = limiters.entry(limit).or_insert_with(|| RateLimiter::keyed(quota));
        if limiter.len() > KEYS_MAX {
            limiter.retain_recent();
        }
        let key = (account.clone(), region.to_owned(), operation);
        limiter.check_key(&key).map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

fn quota(limit: RateLimit) -> Option<Quota> {
    let requests = NonZeroU32::new(limit.requests)?;
    let each = Duration::from_secs(u64::from(limit.per_seconds)) / limit.requests;
    Some(Quota::with_period(each)?.allow_burst(requests))
}

#[cfg(test)]
mod tests {
    use causeway_control::operation::RateLimit;

    use super::Throttle;
    use crate::config::Limit;

    #[test]
    fn the_request_after_the_last_allowed_one_is_told_how_long_to_wait() {
        let throttle = Throttle::default();
        let limit = Some(RateLimit { requests: 60, per_seconds: 60 });
        let account = "1234567890123456".parse().unwrap();
        for _ in 0..60 {
            throttle.admit(limit, &account, "eu-central-1", "DeleteVcoRouteEntry").unwrap();
        }
        let wait = throttle.admit(limit, &account, "eu-central-1", "DeleteVcoRouteEntry").unwrap_err();
        assert!(wait.as_millis() > 0 && wait.as_secs() <= 1, "{wait:?}");
        throttle.admit(limit, &account, "eu-west-1", "DeleteVcoRouteEntry").unwrap();
        throttle.admit(limit, &account, "eu-central-1", "CreateVcoRouteEntry").unwrap();
    }

    #[test]
    fn what_is_configured_counts_in_place_of_what_is_documented() {
        let one = Limit { requests: 1, per_seconds: 60 };
        let throttle = Throttle::new(&[("DeleteVcoRouteEntry".to_owned(), one)].into());
        let documented = Some(RateLimit { requests: 60, per_seconds: 60 });
        let account = "1234567890123456".parse().unwrap();
        throttle.admit(documented, &account, "eu-central-1", "DeleteVcoRouteEntry").unwrap();
        throttle.admit(documented, &account, "eu-central-1", "DeleteVcoRouteEntry").unwrap_err();
    }
}
