//! The text of RAM users and policies.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::text::text_type;
use crate::ram_role::is_role_name;

text_type!(
    /// The name of a RAM user.
    UserName(String),
    1..=64,
    "1 to 64 letters, digits and characters of . _ -",
    |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
);
text_type!(
    /// The name of a RAM policy.
    PolicyName(String),
    1..=128,
    "1 to 128 letters, digits and hyphens",
    |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
);
text_type!(
    /// The name of a RAM role.
    RoleName(String),
    1..=64,
    "1 to 64 letters, digits and characters of . _ -",
    |text| is_role_name(text)
);
text_type!(
    /// The name of a version of a RAM policy.
    VersionId(String),
    2..=16,
    "v and a number, such as v1",
    |text| text.starts_with('v')
);
text_type!(
    /// The name of a session of a role.
    RoleSessionName(String),
    2..=64,
    "2 to 64 letters, digits and characters of . @ - _",
    |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".@-_".contains(&byte))
);
text_type!(
    /// The name of a RAM user for people. Empty takes it away.
    DisplayName(String),
    0..=128,
    "at most 128 characters",
    |text| !text.contains(char::is_control)
);
text_type!(
    /// What a RAM user is for. Empty takes it away.
    Comments(String),
    0..=128,
    "at most 128 characters",
    |text| !text.contains(char::is_control)
);
text_type!(
    /// The e-mail address of a RAM user. Empty takes it away.
    Email(String),
    0..=128,
    "an e-mail address of at most 128 characters",
    |text| text.is_empty() || is_email(text)
);
text_type!(
    /// The telephone number of a RAM user: country code, hyphen, number. Empty takes it away.
    MobilePhone(String),
    0..=32,
    "a telephone number: the country code, a hyphen and the number, such as 86-18600008888",
    |text| text.is_empty() || is_phone(text)
);

fn is_email(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '@')
    };
    text.split_once('@').is_some_and(|(person, domain)| part(person) && part(domain))
}

fn is_phone(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').is_some_and(|(country, number)| digits(country) && digits(number))
}
