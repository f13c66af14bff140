//! The documented rate limits: so many requests in so many seconds, per account, region and operation.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use causeway_control::ids::AccountId;
use causeway_control::operation::RateLimit;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Whose requests are counted together.
type Key = (AccountId, String, &'static str);

/// How many keys a limiter keeps before it forgets those that have recovered.
const KEYS_MAX: usize = 10_000;

/// The limiters, one for each documented limit.
#[derive(Debug, Default)]
pub struct Throttle {
    limiters: Mutex<BTreeMap<RateLimit, DefaultKeyedRateLimiter<Key>>>,
    clock: DefaultClock,
}

impl Throttle {
    /// Counts a request; says how long to wait when it is one too many.
    pub fn admit(
        &self,
        limit: RateLimit,
        account: &AccountId,
        region: &str,
        operation: &'static str,
    ) -> Result<(), Duration> {
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

    #[test]
    fn the_request_after_the_last_allowed_one_is_told_how_long_to_wait() {
        let throttle = Throttle::default();
        let limit = RateLimit { requests: 60, per_seconds: 60 };
        let account = "1234567890123456".parse().unwrap();
        for _ in 0..60 {
            throttle.admit(limit, &account, "eu-central-1", "DeleteVcoRouteEntry").unwrap();
        }
        let wait = throttle.admit(limit, &account, "eu-central-1", "DeleteVcoRouteEntry").unwrap_err();
        assert!(wait.as_millis() > 0 && wait.as_secs() <= 1, "{wait:?}");
        throttle.admit(limit, &account, "eu-west-1", "DeleteVcoRouteEntry").unwrap();
        throttle.admit(limit, &account, "eu-central-1", "CreateVcoRouteEntry").unwrap();
    }
}
