//! The tree that flattened names and JSON texts describe.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use super::error::{DecodeError, FieldError};

/// The highest index of a list, and so the most elements it can have.
pub const LIST_INDEX_MAX: usize = 1000;
/// How long a JSON text in a parameter may be, in bytes.
pub const JSON_BYTES_MAX: usize = 64 * 1024;
/// How deep lists and objects of a JSON text may nest.
pub const JSON_DEPTH_MAX: usize = 8;
/// How many values a JSON text may have: scalars, lists and objects together.
pub const JSON_VALUES_MAX: usize = 10_000;

/// A parameter, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node<'a> {
    /// JSON's `null`: as if it were not there.
    Null,
    /// A scalar, or JSON text that nobody has asked to be an object or a list yet.
    Text(Cow<'a, str>),
    /// A JSON array.
    List(Vec<Node<'a>>),
    /// Members by name; of a list that came flattened, elements by index.
    Object(BTreeMap<Cow<'a, str>, Node<'a>>),
}

impl<'a> Node<'a> {
    /// Builds the tree from flattened names, of which each is unique and has no empty segment.
    pub(super) fn from_params(params: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, FieldError> {
        let mut root = BTreeMap::new();
        for (name, value) in params {
            insert(&mut root, name, value)?;
        }
        Ok(Self::Object(root))
    }

    /// Parses a JSON text within the bounds; numbers and booleans become text.
    pub(super) fn from_json(text: &str) -> Result<Self, DecodeError> {
        if text.len() > JSON_BYTES_MAX {
            return Err(DecodeError::expected(format!("JSON of at most {JSON_BYTES_MAX} bytes")));
        }
        let values_left = Cell::new(JSON_VALUES_MAX);
        let mut json = serde_json::Deserializer::from_str(text);
        let seed = JsonNode { depth_left: JSON_DEPTH_MAX, values_left: &values_left };
        seed.deserialize(&mut json)
            .and_then(|node| json.end().map(|()| node))
            .map_err(|error| DecodeError::expected(format!("well-formed JSON ({error})")))
    }
}

fn insert<'a>(
    root: &mut BTreeMap<Cow<'a, str>, Node<'a>>,
    name: &'a str,
    value: &'a str,
) -> Result<(), FieldError> {
    // Names come in order, so that a value always comes before the members that would contradict it.
    let contradiction = |at: &str| {
        FieldError::from(
            DecodeError::expected("either one value or members, and it is given as both").within(at),
        )
    };
    let mut members = root;
    let mut rest = name;
    while let Some((segment, below)) = rest.split_once('.') {
        let node = members.entry(Cow::Borrowed(segment)).or_insert_with(|| Node::Object(BTreeMap::new()));
        let Node::Object(inner) = node else {
            return Err(contradiction(&name[..name.len() - below.len() - 1]));
        };
        members = inner;
        rest = below;
    }
    match members.insert(Cow::Borrowed(rest), Node::Text(Cow::Borrowed(value))) {
        None => Ok(()),
        Some(_) => Err(contradiction(name)),
    }
}

/// Reads one JSON value and what is in it, counting depth and values.
#[derive(Clone, Copy)]
struct JsonNode<'c> {
    depth_left: usize,
    values_left: &'c Cell<usize>,
}

impl JsonNode<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(E::custom(format_args!("it nests deeper than {JSON_DEPTH_MAX}"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for JsonNode<'_> {
    type Value = Node<'static>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.values_left.get().checked_sub(1) {
            Some(left) => self.values_left.set(left),
            None => return Err(D::Error::custom(format_args!("it has more than {JSON_VALUES_MAX} values"))),
        }
        deserializer.deserialize_any(self)
    }
}

fn text(value: impl ToString) -> Node<'static> {
    Node::Text(Cow::Owned(value.to_string()))
}

impl<'de> Visitor<'de> for JsonNode<'_> {
    type Value = Node<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(text(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(text(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(text(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(text(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let seed = self.deeper()?;
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(seed)? {
            list.push(element);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let seed = self.deeper()?;
        let mut object = BTreeMap::new();
        while let Some(name) = members.next_key::<String>()? {
            let member = members.next_value_seed(seed)?;
            // Which of two a reader takes is a matter of taste, so that two readers could see two things.
            if object.insert(Cow::Owned(name), member).is_some() {
                return Err(A::Error::custom("a member is given twice"));
            }
        }
        Ok(Node::Object(object))
    }
}
