//! Reads a tree of parameters into any type that serde can deserialise.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

use serde::de::value::CowStrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::error::DecodeError;
use super::tree::{LIST_INDEX_MAX, Node};

/// Reads `node` into a `T`.
pub(super) fn decode<T: DeserializeOwned>(node: Node<'_>) -> Result<T, DecodeError> {
    T::deserialize(Decoder { node })
}

struct Decoder<'de> {
    node: Node<'de>,
}

impl<'de> Decoder<'de> {
    /// The scalar that this is.
    fn text(self, expected: &str) -> Result<Cow<'de, str>, DecodeError> {
        match self.node {
            Node::Text(text) => Ok(text),
            Node::Null | Node::List(_) | Node::Object(_) => Err(DecodeError::expected(expected)),
        }
    }

    /// The integer that this is, if its type can hold it.
    fn integer<T: FromStr>(self, min: impl ToString, max: impl ToString) -> Result<T, DecodeError> {
        let expected = format!("an integer from {} to {}", min.to_string(), max.to_string());
        let text = self.text(&expected)?;
        let digits = text.strip_prefix('-').unwrap_or(&text);
        // `FromStr` would also take a plus sign.
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(DecodeError::expected(expected));
        }
        text.parse().map_err(|_| DecodeError::expected(expected))
    }

    fn float(self) -> Result<f64, DecodeError> {
        let text = self.text("a number")?;
        text.parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .ok_or_else(|| DecodeError::expected("a number"))
    }

    /// The elements of the list that this is: flattened, a JSON array, or the text of one.
    fn elements(self) -> Result<Vec<Node<'de>>, DecodeError> {
        const EXPECTED: &str = "a list: Name.1, Name.2 and so on, or one JSON array";
        let elements = match self.node {
            Node::List(elements) => elements,
            Node::Object(members) => elements_by_index(members)?,
            Node::Text(text) if text.trim_start().starts_with('[') => match Node::from_json(&text)? {
                Node::List(elements) => elements,
                Node::Null | Node::Text(_) | Node::Object(_) => return Err(DecodeError::expected(EXPECTED)),
            },
            Node::Null | Node::Text(_) => return Err(DecodeError::expected(EXPECTED)),
        };
        if elements.len() > LIST_INDEX_MAX {
            return Err(DecodeError::expected(format!("a list of at most {LIST_INDEX_MAX} elements")));
        }
        Ok(elements)
    }

    /// The members of the object that this is: flattened, a JSON object, or the text of one.
    fn members(self) -> Result<BTreeMap<Cow<'de, str>, Node<'de>>, DecodeError> {
        const EXPECTED: &str = "an object: Name.Member for each member, or one JSON object";
        match self.node {
            Node::Object(members) => Ok(members),
            Node::Text(text) if text.trim_start().starts_with('{') => match Node::from_json(&text)? {
                Node::Object(members) => Ok(members),
                Node::Null | Node::Text(_) | Node::List(_) => Err(DecodeError::expected(EXPECTED)),
            },
            Node::Null | Node::Text(_) | Node::List(_) => Err(DecodeError::expected(EXPECTED)),
        }
    }
}

/// The elements of a list that came flattened: 1, 2, 3 and so on, without a gap.
fn elements_by_index<'de>(
    members: BTreeMap<Cow<'de, str>, Node<'de>>,
) -> Result<Vec<Node<'de>>, DecodeError> {
    let mut by_index = BTreeMap::new();
    for (name, node) in members {
        let index = name.parse::<usize>().ok().filter(|index| (1..=LIST_INDEX_MAX).contains(index));
        // 01 and +1 are not how anybody writes an index, and could name the same element twice.
        let Some(index) = index.filter(|index| index.to_string() == name) else {
            return Err(DecodeError::expected(format!("an index from 1 to {LIST_INDEX_MAX}")).within(name));
        };
        by_index.insert(index, node);
    }
    for (position, index) in by_index.keys().enumerate() {
        if *index != position + 1 {
            let gap = DecodeError::expected(format!("an element here, because there is an element {index}"));
            return Err(gap.within((position + 1).to_string()));
        }
    }
    Ok(by_index.into_values().collect())
}

macro_rules! deserialize_integers {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            visitor.$visit(self.integer(<$type>::MIN, <$type>::MAX)?)
        }
    )*};
}

impl<'de> serde::Deserializer<'de> for Decoder<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node {
            Node::Null => visitor.visit_unit(),
            Node::Text(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Node::Text(Cow::Owned(text)) => visitor.visit_string(text),
            Node::List(elements) => visitor.visit_seq(Elements::new(elements)),
            Node::Object(members) => visitor.visit_map(Members::new(members)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        const EXPECTED: &str = "true or false";
        match self.text(EXPECTED)? {
            text if text.eq_ignore_ascii_case("true") => visitor.visit_bool(true),
            text if text.eq_ignore_ascii_case("false") => visitor.visit_bool(false),
            _ => Err(DecodeError::expected(EXPECTED)),
        }
    }

    deserialize_integers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.text("text")? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node {
            Node::Null => visitor.visit_none(),
            Node::Text(_) | Node::List(_) | Node::Object(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(Elements::new(self.elements()?))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_map(Members::new(self.members()?))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let text = self.text(&format!("one of {}", variants.join(", ")))?;
        visitor.visit_enum(IntoDeserializer::<DecodeError>::into_deserializer(text))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bytes byte_buf unit unit_struct identifier }
}

/// Reads one value; what goes wrong with it is told from the place of the list or object around it.
fn read<'de, S: DeserializeSeed<'de>>(
    seed: S,
    node: Node<'de>,
    segment: &str,
) -> Result<S::Value, DecodeError> {
    let text = match &node {
        Node::Text(text) => Some(text.clone()),
        Node::Null | Node::List(_) | Node::Object(_) => None,
    };
    seed.deserialize(Decoder { node }).map_err(|error| {
        let error = match text {
            Some(text) => error.about(&text),
            None => error,
        };
        error.within(segment)
    })
}

struct Elements<'de> {
    position: usize,
    rest: std::vec::IntoIter<Node<'de>>,
}

impl<'de> Elements<'de> {
    fn new(elements: Vec<Node<'de>>) -> Self {
        Self { position: 0, rest: elements.into_iter() }
    }
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let Some(node) = self.rest.next() else { return Ok(None) };
        self.position += 1;
        read(seed, node, &self.position.to_string()).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Members<'de> {
    rest: std::collections::btree_map::IntoIter<Cow<'de, str>, Node<'de>>,
    /// The value whose name has been read already.
    next: Option<(Cow<'de, str>, Node<'de>)>,
}

impl<'de> Members<'de> {
    fn new(members: BTreeMap<Cow<'de, str>, Node<'de>>) -> Self {
        Self { rest: members.into_iter(), next: None }
    }
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, DecodeError> {
        let Some((name, node)) = self.rest.next() else { return Ok(None) };
        let key = seed.deserialize(CowStrDeserializer::new(name.clone()));
        self.next = Some((name, node));
        key.map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DecodeError> {
        let (name, node) =
            self.next.take().ok_or_else(|| DecodeError::expected("a name before its value"))?;
        read(seed, node, &name)
    }
}
