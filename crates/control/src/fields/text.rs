//! Bounded text.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::ids::Secret;

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident($inner:ty), $min:literal..=$max:literal, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name($inner);

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, &'static str> {
                let valid: fn(&str) -> bool = $valid;
                let chars = text.chars().count();
                if ($min..=$max).contains(&chars) && valid(&text) {
                    Ok(Self(<$inner>::from(text)))
                } else {
                    Err($expected)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::try_from(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }

        impl From<$name> for $inner {
            fn from(text: $name) -> Self {
                text.0
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
                json_schema!({ "type": "string", "minLength": $min, "maxLength": $max })
            }
        }
    };
}

pub(super) use text_type;

text_type!(
    /// The name of a resource. Empty takes the name away.
    Name(String),
    0..=100,
    "1 to 100 characters that do not begin with http:// or https://",
    |text| is_plain(text)
);
text_type!(
    /// The name of a VPN gateway.
    VpnGatewayName(String),
    2..=100,
    "2 to 100 letters, digits, dots, hyphens and underscores, beginning with a letter",
    |text| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(allowed)
    }
);
text_type!(
    /// The description of a resource. Empty takes the description away.
    Description(String),
    0..=100,
    "1 to 100 characters that do not begin with http:// or https://",
    |text| is_plain(text)
);
text_type!(
    /// The name of a resource of the product Cbn. Empty takes the name away.
    LongName(String),
    0..=128,
    "1 to 128 characters that do not begin with http:// or https://",
    |text| is_plain(text)
);
text_type!(
    /// The description of a resource of the product Cbn. Empty takes the description away.
    LongDescription(String),
    0..=256,
    "1 to 256 characters that do not begin with http:// or https://",
    |text| is_plain(text)
);
text_type!(
    /// A pre-shared key.
    Psk(Secret),
    1..=100,
    "1 to 100 letters, digits and characters of ~!`@#$%^&*()_-+={}[]|;:',.<>/?",
    |text| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
);
text_type!(
    /// The certificate authorities of a peer. Empty takes them away, so that the pre-shared key is in use again. Whether they can
    /// be used is for the gateway to say.
    CaCertificates(String),
    0..=65_536,
    "nothing, or at most 65,536 characters of certificates in PEM, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----",
    |text| {
        let begins = text.matches("-----BEGIN CERTIFICATE-----").count();
        text.is_empty() || (begins > 0 && begins == text.matches("-----END CERTIFICATE-----").count())
    }
);
text_type!(
    /// The authentication key of a BGP session.
    AuthKey(Secret),
    1..=64,
    "1 to 64 ASCII characters without spaces and question marks",
    |text| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?')
);
text_type!(
    /// The id of an SSL certificate, which is kept elsewhere.
    CertificateId(String),
    1..=128,
    "1 to 128 letters, digits, dots, hyphens and underscores",
    |text| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        text.bytes().all(allowed)
    }
);
text_type!(
    /// How a peer names itself in IKE: an address, a domain name, or an address of a person.
    Identity(String),
    1..=100,
    "1 to 100 characters without spaces",
    |text| !text.contains(|letter: char| letter.is_whitespace() || letter.is_control())
);
text_type!(
    /// The key of a tag.
    TagKey(String),
    1..=128,
    "1 to 128 characters that do not begin with aliyun or acs: and do not contain http:// or https://",
    |text| is_tag_text(text)
);
text_type!(
    /// The value of a tag.
    TagValue(String),
    0..=128,
    "at most 128 characters that do not begin with aliyun or acs: and do not contain http:// or https://",
    |text| is_tag_text(text)
);

fn is_plain(text: &str) -> bool {
    !text.starts_with("http://") && !text.starts_with("https://") && !text.contains(char::is_control)
}

fn is_tag_text(text: &str) -> bool {
    !text.starts_with("aliyun")
        && !text.starts_with("acs:")
        && !text.contains("http://")
        && !text.contains("https://")
        && !text.contains(char::is_control)
}
