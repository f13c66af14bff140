//! Parameters whose value is JSON text.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Visitor};

/// A parameter that the API declares as a string and whose text is a JSON object, such as `IkeConfig`.
///
/// [`Params::decode_into`](super::Params::decode_into) reads the text as leniently as it reads parameters:
/// scalars may be quoted (`"EnableBgp":"true"`, `"interval":"3"`), members that `T` does not know are
/// ignored, and an error names the member (`IkeConfig.Psk`). The flattened form `IkeConfig.Psk=...` is
/// read as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct JsonText<T>(pub T);

impl<T> JsonText<T> {
    /// What the text said.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for JsonText<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for JsonText<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Inner<T>(PhantomData<T>);

        impl<'de, T: DeserializeOwned> Visitor<'de> for Inner<T> {
            type Value = JsonText<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON text")
            }

            // Our own deserialiser reads text as an object wherever a type asks for an object.
            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<JsonText<T>, D::Error> {
                T::deserialize(inner).map(JsonText)
            }
        }

        deserializer.deserialize_newtype_struct("JsonText", Inner(PhantomData))
    }
}

/// A string, with the schema of what is in it.
impl<T: JsonSchema> JsonSchema for JsonText<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("JsonText_{}", T::schema_name()).into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("{}::JsonText<{}>", module_path!(), T::schema_id()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": generator.subschema_for::<T>(),
        })
    }
}
