//! Bounded numbers. They are read from numbers and from text alike, because clients send both.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Reads a number, or the text of one.
struct NumberOrText {
    min: i64,
    max: i64,
}

impl NumberOrText {
    fn within<E: serde::de::Error>(&self, number: i64) -> Result<i64, E> {
        if (self.min..=self.max).contains(&number) {
            Ok(number)
        } else {
            Err(E::invalid_value(Unexpected::Signed(number), self))
        }
    }
}

impl Visitor<'_> for NumberOrText {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an integer from {} to {}", self.min, self.max)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<i64, E> {
        self.within(number)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<i64, E> {
        self.within(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<i64, E> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(E::invalid_value(Unexpected::Str(text), &self));
        }
        self.within(text.parse().map_err(|_too_long| E::invalid_value(Unexpected::Str(text), &self))?)
    }
}

macro_rules! number_type {
    ($(#[$doc:meta])* $name:ident($inner:ty) $format:literal, $min:literal..=$max:literal, default $default:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name($inner);

        impl $name {
            /// The number.
            pub fn get(self) -> $inner {
                self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self($default)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = deserializer.deserialize_any(NumberOrText { min: $min, max: $max })?;
                <$inner>::try_from(number).map(Self).map_err(serde::de::Error::custom)
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
                json_schema!({ "type": "integer", "format": $format, "minimum": $min, "maximum": $max })
            }
        }
    };
}

macro_rules! choice_type {
    ($(#[$doc:meta])* $name:ident, $choices:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name(u32);

        impl $name {
            /// The number.
            pub fn get(self) -> u32 {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let range = NumberOrText { min: 0, max: i64::from(u32::MAX) };
                let number = deserializer.deserialize_any(range)?;
                let found = $choices.into_iter().find(|choice| i64::from(*choice) == number);
                found.map(Self).ok_or_else(|| serde::de::Error::custom($expected))
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
                json_schema!({ "type": "integer", "format": "int32", "enum": $choices })
            }
        }
    };
}

choice_type!(
    /// The bandwidth of a VPN gateway, in Mbit/s.
    Bandwidth,
    [5_u32, 10, 20, 50, 100, 200, 500, 1000],
    "5, 10, 20, 50, 100, 200, 500 or 1000"
);
choice_type!(
    /// How many SSL-VPN clients a VPN gateway can have.
    SslConnections,
    [5_u32, 10, 20, 50, 100, 200, 500, 1000],
    "5, 10, 20, 50, 100, 200, 500 or 1000"
);
choice_type!(
    /// For how many months something is paid in advance.
    Months,
    [1_u32, 2, 3, 4, 5, 6, 7, 8, 9, 12, 24, 36],
    "1 to 9, 12, 24 or 36"
);

number_type!(
    /// The number of a page, from 1.
    PageNumber(u32) "int32", 1..=2147483647, default 1
);
number_type!(
    /// How many entries a page has.
    PageSize(u32) "int32", 1..=50, default 10
);
number_type!(
    /// The priority of a policy-based route: the smallest is asked first.
    Priority(u8) "int32", 1..=100, default 10
);
number_type!(
    /// How many entries an answer has.
    MaxResults(u32) "int32", 1..=100, default 20
);
number_type!(
    /// How many certificate associations an answer has.
    CertificateMaxResults(u32) "int32", 1..=20, default 10
);
number_type!(
    /// How many tags an answer has.
    TagMaxResults(u32) "int32", 1..=50, default 50
);
number_type!(
    /// How many entries an answer of Ram has.
    MaxItems(u32) "int32", 1..=1000, default 100
);
number_type!(
    /// How long the sessions of a role may live, in seconds.
    MaxSessionDuration(u32) "int64", 3600..=43200, default 3600
);
number_type!(
    /// How many minutes of a log.
    MinutePeriod(u8) "int32", 1..=10, default 10
);
number_type!(
    /// The first or the second tunnel of a connection.
    TunnelIndex(u8) "int32", 1..=2, default 1
);
number_type!(
    /// The life time of an SA as a client sends it, in seconds; 0 stands for the default.
    Lifetime(u32) "int64", 0..=86400, default 86400
);

impl Lifetime {
    /// The life time that is meant, in seconds.
    pub fn seconds(self) -> u32 {
        if self.0 == 0 { Self::default().0 } else { self.0 }
    }
}

/// The weight of a route: 100 is preferred over 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u8);

impl Weight {
    /// Taken while no route with the higher weight can be.
    pub const LOW: Self = Self(0);
    /// Taken while its tunnel is up.
    pub const HIGH: Self = Self(100);

    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }

    /// The weight that this one is not.
    pub fn other(self) -> Self {
        if self == Self::HIGH { Self::LOW } else { Self::HIGH }
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Weight {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "0" => Ok(Self::LOW),
            "100" => Ok(Self::HIGH),
            _ => Err("0 or 100"),
        }
    }
}

impl Serialize for Weight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WeightOrText)
    }
}

/// Reads a weight, or the text of one.
struct WeightOrText;

impl Visitor<'_> for WeightOrText {
    type Value = Weight;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0 or 100")
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Weight, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Weight, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Weight, E> {
        text.parse().map_err(|_: &str| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl JsonSchema for Weight {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Weight".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "format": "int32", "enum": [0, 100] })
    }
}

/// The number of an autonomous system, also in its dotted form (RFC 5396): `1.2` is 65538.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Asn(u32);

impl Asn {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for Asn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "the number of an autonomous system: 1 to 4294967295, or two numbers from 0 to 65535 with a dot between them";
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = match text.split_once('.') {
            Some((high, low)) if digits(high) && digits(low) => {
                let high = high.parse::<u16>().map_err(|_too_large| EXPECTED)?;
                let low = low.parse::<u16>().map_err(|_too_large| EXPECTED)?;
                u32::from(high) << 16 | u32::from(low)
            }
            None if digits(text) => text.parse().map_err(|_too_large| EXPECTED)?,
            Some(_) | None => return Err(EXPECTED),
        };
        if number == 0 { Err(EXPECTED) } else { Ok(Self(number)) }
    }
}

impl<'de> Deserialize<'de> for Asn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Asn {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Asn".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?$" })
    }
}
