//! Rate limits: so many requests in so many seconds, per account, region and operation, as documented or as configured.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use causeway_control::ids::AccountId;
use causeway_control::operation::{self, Entry, RateLimit};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config::Limit;

/// Whose requests are counted together: by account, region, product and operation. Several products have a TagResources.
type Key = (AccountId, String, &'static str, &'static str);

/// How many keys a limiter keeps before it forgets those that have recovered.
const KEYS_MAX: usize = 10_000;

/// The limiters, one for each limit.
#[derive(Debug, Default)]
pub struct Throttle {
    /// In place of the documented ones, by [`Entry::full_name`].
    configured: BTreeMap<String, RateLimit>,
    limiters: Mutex<BTreeMap<RateLimit, DefaultKeyedRateLimiter<Key>>>,
    clock: DefaultClock,
}

impl Throttle {
    /// With limits in place of the documented ones, by the name of the operation as [`operation::named`] takes it.
    pub fn new(configured: &BTreeMap<String, Limit>) -> Self {
        let limit = |limit: &Limit| RateLimit { requests: limit.requests, per_seconds: limit.per_seconds };
        let full_name = |name: &String| operation::named(name).map(Entry::full_name);
        let configured =
            configured.iter().filter_map(|(name, it)| Some((full_name(name)?, limit(it)))).collect();
        Self { configured, ..Self::default() }
    }

    /// Counts a request; says how long to wait when it is one too many.
    pub fn admit(&self, entry: &'static Entry, account: &AccountId, region: &str) -> Result<(), Duration> {
        let configured = self.configured.get(&entry.full_name()).copied();
        let Some(limit) = configured.or(entry.rate_limit) else { return Ok(()) };
        let Some(quota) = quota(limit) else { return Ok(()) };
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let limiter = limiters.entry(limit).or_insert_with(|| RateLimiter::keyed(quota));
        if limiter.len() > KEYS_MAX {
            limiter.retain_recent();
        }
        let key = (account.clone(), region.to_owned(), entry.product.name(), entry.name);
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
    use causeway_control::operation;

    use super::Throttle;
    use crate::config::Limit;

    /// How many requests are admitted before one is told to wait, and how many milliseconds.
    fn admitted(throttle: &Throttle, operation: &str, region: &str) -> (u32, u128) {
        let account = "1234567890123456".parse().unwrap();
        let entry = operation::named(operation).unwrap();
        let refused =
            (0..1_000).find_map(|before| Some((before, throttle.admit(entry, &account, region).err()?)));
        refused.map(|(before, wait)| (before, wait.as_millis())).unwrap()
    }

    #[test]
    fn the_request_after_the_last_allowed_one_is_told_how_long_to_wait() {
        let throttle = Throttle::default();
        let documented = operation::named("DeleteVcoRouteEntry").unwrap().rate_limit.unwrap().requests;
        let (before, wait_ms) = admitted(&throttle, "DeleteVcoRouteEntry", "eu-central-1");
        assert!((documented..2 * documented).contains(&before), "{before} of {documented}");
        assert!(wait_ms > 0 && wait_ms <= 60_000, "{wait_ms}");
        assert!(admitted(&throttle, "DeleteVcoRouteEntry", "eu-west-1").0 >= documented);
        assert!(admitted(&throttle, "CreateVcoRouteEntry", "eu-central-1").0 > 0);
    }

    #[test]
    fn what_is_configured_counts_in_place_of_what_is_documented() {
        let limit = |requests| Limit { requests, per_seconds: 3_600 };
        let limits = [("DeleteVcoRouteEntry", 2), ("TagResources", 3), ("Cbn:TagResources", 4)];
        let throttle = Throttle::new(&limits.map(|(name, it)| (name.to_owned(), limit(it))).into());
        assert_eq!(admitted(&throttle, "DeleteVcoRouteEntry", "eu-central-1").0, 2);
        // Those of several products are counted apart.
        assert_eq!(admitted(&throttle, "Vpc:TagResources", "eu-central-1").0, 3);
        assert_eq!(admitted(&throttle, "Cbn:TagResources", "eu-central-1").0, 4);
    }
}
