//! JSON of which every reader understands the same: no member may come twice, and it is not nested deeply.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// How deep a policy nests: policy, statements, statement, condition, operator, values.
const DEPTH_MAX: usize = 6;

/// A JSON value with its members in the order in which they were written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Parses a whole text.
    pub(super) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(text);
        let value = Value { depth_left: DEPTH_MAX }.deserialize(&mut json)?;
        json.end().map(|()| value)
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Value {
    depth_left: usize,
}

impl Value {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left }),
            None => Err(E::custom("it is nested too deeply")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let seed = self.deeper()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(seed)? {
            array.push(element);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let seed = self.deeper()?;
        let mut object: Vec<(String, Json)> = Vec::new();
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            // Of two effects, which one was meant?
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format_args!("the member {name:?} is given twice")));
            }
            object.push((name, members.next_value_seed(seed)?));
        }
        Ok(Json::Object(object))
    }
}
