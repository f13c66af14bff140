//! Names of things: every id is its own type, so that one cannot be passed for another.
//!
//! An id that a client sends is only checked for its form. Whether it exists, and for whom, is for the
//! state to say.

pub(crate) mod source;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use source::IdSource;

/// How long the part of an id after its prefix may be, in characters.
const SUFFIX_CHARS_MAX: usize = 64;

/// A text that is not an id of the kind it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{expected}")]
pub struct InvalidId {
    /// What it should have been.
    pub expected: &'static str,
}

/// The parts that all ids have in common; `$valid` decides about the whole text.
macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $expected:expr, $valid:expr, $pattern:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.into())) } else { Err(InvalidId { expected: $expected }) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

macro_rules! prefixed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        id_type!(
            $(#[$doc])*
            $name,
            concat!("an id: ", $prefix, " followed by letters and digits"),
            |text| text.strip_prefix($prefix).is_some_and(is_suffix),
            concat!("^", $prefix, "[0-9A-Za-z_-]{1,64}$")
        );

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &str = $prefix;

            /// A new id.
            pub fn generate(source: &mut IdSource) -> Self {
                Self(format!("{}{}", $prefix, source.next_suffix()).into())
            }
        }
    };
}

fn is_suffix(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=SUFFIX_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

prefixed_id!(
    /// A customer gateway: the peer's public address.
    CustomerGatewayId,
    "cgw-"
);
prefixed_id!(
    /// An IPsec-VPN connection.
    VpnConnectionId,
    "vco-"
);
prefixed_id!(
    /// A tunnel of an IPsec-VPN connection.
    TunnelId,
    "tun-"
);
prefixed_id!(
    /// A VPN gateway.
    VpnGatewayId,
    "vpn-"
);
prefixed_id!(
    /// A diagnosis of a VPN gateway.
    DiagnoseId,
    "vpndgn-"
);
prefixed_id!(
    /// A Cloud Enterprise Network instance.
    CenId,
    "cen-"
);
prefixed_id!(
    /// A VPC: the networks on the gateway's side of a VPN gateway.
    VpcId,
    "vpc-"
);
prefixed_id!(
    /// A vSwitch: a subnet of a VPC.
    VSwitchId,
    "vsw-"
);
prefixed_id!(
    /// The attachment of an IPsec-VPN connection to a transit router.
    TransitRouterAttachmentId,
    "tr-attach-"
);

id_type!(
    /// A transit router.
    TransitRouterId,
    "an id: tr- followed by letters and digits",
    |text| text.strip_prefix("tr-").is_some_and(is_suffix) && !text.starts_with("tr-attach-"),
    "^tr-[0-9A-Za-z_-]{1,64}$"
);

impl TransitRouterId {
    /// A new id.
    pub fn generate(source: &mut IdSource) -> Self {
        Self(format!("tr-{}", source.next_suffix()).into())
    }

    /// The built-in transit router of a region: the same one for ever, without being stored.
    pub fn built_in(account: &AccountId, region: &RegionId) -> Self {
        let seed = source::sha256(&[
            b"transit-router/",
            account.as_str().as_bytes(),
            b"/",
            region.as_str().as_bytes(),
        ]);
        Self(format!("tr-{}", IdSource::new(seed).next_suffix()).into())
    }
}

id_type!(
    /// An account: 16 digits.
    AccountId,
    "an account id of 16 digits",
    |text| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit()),
    "^[0-9]{16}$"
);

impl AccountId {
    /// The id as a number, as some answers have it.
    pub fn number(&self) -> i64 {
        self.0.parse().expect("16 digits are fewer than those of the largest number")
    }

    /// A new account id. It does not begin with a zero, because clients handle it as a number.
    pub fn generate(source: &mut IdSource) -> Self {
        Self(source.next_digits(16).into())
    }
}

id_type!(
    /// A region, such as `eu-central-1`.
    RegionId,
    "a region id, such as eu-central-1",
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
    "^[0-9a-z-]{1,64}$"
);

id_type!(
    /// The public half of an AccessKey.
    AccessKeyId,
    "an AccessKey id: letters and digits",
    |text| (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')),
    "^[0-9A-Za-z._-]{1,128}$"
);

/// What the AccessKey ids of role sessions begin with.
const TEMPORARY: &str = "STS.";

impl AccessKeyId {
    /// A new AccessKey id.
    pub fn generate(source: &mut IdSource) -> Self {
        Self(format!("LTAI{}", source.next_letters_and_digits(20)).into())
    }

    /// A new AccessKey id of a role session.
    pub fn generate_temporary(source: &mut IdSource) -> Self {
        Self(format!("{TEMPORARY}{}", source.next_letters_and_digits(24)).into())
    }

    /// Whether it is one of a role session, with which a token must come.
    pub fn is_temporary(&self) -> bool {
        self.0.starts_with(TEMPORARY)
    }
}

id_type!(
    /// A request: an upper-case UUID, in every answer, header and log line.
    RequestId,
    "an upper-case UUID",
    |text| {
        text.len() == 36
            && text.bytes().enumerate().all(|(position, byte)| match position {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte),
            })
    },
    "^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$"
);

impl RequestId {
    /// The id made of 16 random bytes (RFC 9562, version 4).
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let mut text = String::with_capacity(36);
        for (position, byte) in bytes.iter().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push_str(&format!("{byte:02X}"));
        }
        Self(text.into())
    }
}

/// Text that must not be seen: not in logs, not in the store. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text in clear.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Whether a configuration changed; never used to check what somebody presents.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

/// For the records of the store, which seals the text before it is written.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests;
