//! The health check of a connection: ICMP echo requests from an address here to one behind the peer, through each tunnel.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::desired::DesiredHealthCheck;
use crate::error::ApiError;
use crate::fields::optional;
use crate::resource::bgp_config::shown;

/// What happens to the routes of a connection whose health check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum HealthCheckPolicy {
    /// They are withdrawn.
    #[default]
    RevokeRoute,
    /// They stay.
    ReserveRoute,
}

/// The health check of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Whether it is done.
    pub enable: bool,
    /// The address in the peer's network that is probed.
    pub dip: Option<Ipv4Addr>,
    /// The address from which the probes come.
    pub sip: Option<Ipv4Addr>,
    /// The time between two probes, in seconds.
    pub interval_s: u32,
    /// How many probes may fail.
    pub retry: u32,
    /// What follows from it.
    pub policy: HealthCheckPolicy,
}

impl Default for HealthCheck {
    fn default() -> Self {
        let policy = HealthCheckPolicy::default();
        Self { enable: false, dip: None, sip: None, interval_s: 3, retry: 3, policy }
    }
}

impl HealthCheck {
    /// The check as the gateway is to do it; none while it is not enabled.
    pub fn desired(&self) -> Option<DesiredHealthCheck> {
        let (source, destination) = self.sip.zip(self.dip).filter(|_| self.enable)?;
        let &Self { interval_s, retry, policy, .. } = self;
        Some(DesiredHealthCheck { source, destination, interval_s, retry, policy })
    }
}

/// The members of the JSON parameter `HealthCheckConfig` as a client sends them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct HealthCheckOptions {
    /// Whether it is done.
    #[serde(alias = "Enable")]
    pub enable: Option<bool>,
    /// The address that is probed.
    #[serde(alias = "Dip", deserialize_with = "optional")]
    pub dip: Option<Ipv4Addr>,
    /// The address from which the probes come.
    #[serde(alias = "Sip", deserialize_with = "optional")]
    pub sip: Option<Ipv4Addr>,
    /// The time between two probes, in seconds.
    #[serde(alias = "Interval", deserialize_with = "positive")]
    pub interval: Option<u32>,
    /// How many probes may fail.
    #[serde(alias = "Retry", deserialize_with = "positive")]
    pub retry: Option<u32>,
    /// What follows from a failure.
    #[serde(rename = "Policy", alias = "policy", deserialize_with = "optional")]
    pub policy: Option<HealthCheckPolicy>,
}

impl HealthCheckOptions {
    /// The health check `base` with what was sent in place of what it says.
    ///
    /// # Errors
    ///
    /// `InvalidHealthCheckConfig` when it is enabled without the two addresses.
    pub fn over(self, base: HealthCheck) -> Result<HealthCheck, ApiError> {
        let check = HealthCheck {
            enable: self.enable.unwrap_or(base.enable),
            dip: self.dip.or(base.dip),
            sip: self.sip.or(base.sip),
            interval_s: self.interval.unwrap_or(base.interval_s),
            retry: self.retry.unwrap_or(base.retry),
            policy: self.policy.unwrap_or(base.policy),
        };
        if check.enable && (check.dip.is_none() || check.sip.is_none()) {
            return Err(ApiError::invalid(
                "HealthCheckConfig",
                "dip and sip in a health check that is enabled",
            ));
        }
        Ok(check)
    }
}

/// Terraform sends 0 for a number that nobody set.
fn positive<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text: Option<String> = optional(deserializer)?;
    let number =
        |text: String| text.parse::<u32>().map_err(|_| serde::de::Error::custom("a positive integer"));
    Ok(text.map(number).transpose()?.filter(|number| *number > 0))
}

/// `VcoHealthCheck` in an answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct HealthCheckView {
    dip: String,
    enable: String,
    interval: i32,
    policy: HealthCheckPolicy,
    retry: i32,
    sip: String,
}

impl From<&HealthCheck> for HealthCheckView {
    fn from(check: &HealthCheck) -> Self {
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        Self {
            dip: shown(check.dip),
            enable: check.enable.to_string(),
            interval: number(check.interval_s),
            policy: check.policy,
            retry: number(check.retry),
            sip: shown(check.sip),
        }
    }
}
