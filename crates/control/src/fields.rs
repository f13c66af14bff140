//! The types of request fields: what the API accepts in one parameter or member, and nothing else.
//!
//! Each says in one sentence what it expects, which is what a caller reads who sent something else.

mod network;
mod number;
mod ram;
mod text;
mod time;

use serde::de::value::StringDeserializer;
use serde::{Deserialize, Deserializer};

pub use network::{InternetIp, RouteDest, Subnets, TunnelCidr};
pub use number::{
    Asn, Bandwidth, CertificateMaxResults, Lifetime, MaxItems, MaxResults, MaxSessionDuration, MinutePeriod,
    Months, PageNumber, PageSize, Priority, SslConnections, TagMaxResults, TunnelIndex, Weight,
};
pub use ram::{
    Comments, DisplayName, Email, MobilePhone, PolicyName, RoleName, RoleSessionName, UserName, VersionId,
};
pub use text::{
    AuthKey, CaCertificates, CertificateId, Description, Identity, LongDescription, LongName, Name, Psk,
    TagKey, TagValue, VpnGatewayName,
};
pub use time::UtcTime;

/// Reads an optional field for which empty text means that it was not given, as Terraform sends it for each
/// member of a JSON parameter that nobody set.
///
/// # Errors
///
/// What the type says about text that is not empty.
pub fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    match Option::<String>::deserialize(deserializer)? {
        Some(text) if !text.is_empty() => T::deserialize(StringDeserializer::new(text)).map(Some),
        Some(_) | None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
