//! The parameters of a request: decoded, merged from query and form, bounded, and read into types.
//!
//! Names are flattened as the provider's clients do it: lists are `Name.N` with N from 1, objects
//! `Name.Member`, and the two nest (`TunnelOptionsSpecification.1.TunnelIkeConfig.Psk`). A whole list or
//! object may also come as JSON text in one value.

mod decode;
mod error;
mod json_text;
mod tree;

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;

use crate::request::HttpRequest;
use crate::urlencoded;

pub use error::{FieldError, FieldErrorKind, ParamsError};
pub use json_text::JsonText;
pub use tree::{JSON_BYTES_MAX, JSON_DEPTH_MAX, JSON_VALUES_MAX, LIST_INDEX_MAX};

/// How long the query and the form may be together, in bytes as sent.
pub const PARAMETERS_BYTES_MAX: usize = 512 * 1024;
/// How many parameters a request may have.
pub const PARAMETERS_MAX: usize = 8192;
/// How long the name of a parameter may be, in decoded bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// How many segments the name of a parameter may have: `A.1.B` has three.
pub const NAME_DEPTH_MAX: usize = 8;

/// The parameters of one request, each with a unique name.
#[derive(Clone, PartialEq, Eq)]
pub struct Params {
    values: BTreeMap<String, Parameter>,
}

#[derive(Clone, PartialEq, Eq)]
struct Parameter {
    value: String,
    place: Place,
}

/// Where a parameter came from. V3 signs the query by name and the form by its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Query,
    Form,
}

impl Params {
    /// Decodes and merges query and form.
    ///
    /// # Errors
    ///
    /// When a bound is exceeded, an encoding is broken, a name is given twice or is not made of segments
    /// divided by dots, or when there is a body that is not a form.
    pub fn decode(request: &HttpRequest<'_>) -> Result<Self, ParamsError> {
        let form = form_of(request)?;
        let bytes = request.query.len().saturating_add(form.len());
        if bytes > PARAMETERS_BYTES_MAX {
            return Err(ParamsError::TooLarge { bytes });
        }
        let mut params = Self { values: BTreeMap::new() };
        params.add_all(request.query, Place::Query)?;
        params.add_all(form, Place::Form)?;
        Ok(params)
    }

    fn add_all(&mut self, text: &str, place: Place) -> Result<(), ParamsError> {
        for (name, value) in urlencoded::pairs(text) {
            if self.values.len() == PARAMETERS_MAX {
                return Err(ParamsError::TooMany);
            }
            let name = decode_name(name)?;
            let value =
                urlencoded::decode(value).map_err(|_| ParamsError::Encoding { name: Some(name.clone()) })?;
            if let Some(first) = self.values.insert(name.clone(), Parameter { value, place }) {
                return Err(ParamsError::Duplicate { name, in_both_places: first.place != place });
            }
        }
        Ok(())
    }

    /// The value of the parameter of exactly this name, in its flattened form.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|parameter| parameter.value.as_str())
    }

    /// All parameters with their flattened names, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, parameter)| (name.as_str(), parameter.value.as_str()))
    }

    /// The parameters that came in the query, ordered by name.
    pub(crate) fn iter_query(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .filter(|(_, parameter)| parameter.place == Place::Query)
            .map(|(name, parameter)| (name.as_str(), parameter.value.as_str()))
    }

    /// How many parameters there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no parameter at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Reads the parameters into a type: names are matched exactly, parameters that it does not know are
    /// ignored, booleans come in any case, integers are checked against the range of their type.
    ///
    /// # Errors
    ///
    /// The whole name of the first field that is missing or that cannot be what its type wants.
    pub fn decode_into<T: DeserializeOwned>(&self) -> Result<T, FieldError> {
        decode::decode(tree::Node::from_params(self.iter())?).map_err(FieldError::from)
    }
}

/// Shows names only: values may be secrets.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// The body as text, when it is a form.
fn form_of<'a>(request: &HttpRequest<'a>) -> Result<&'a str, ParamsError> {
    if request.body.is_empty() {
        return Ok("");
    }
    let content_type = request.header("content-type").unwrap_or("application/x-www-form-urlencoded");
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(ParamsError::NotAForm);
    }
    std::str::from_utf8(request.body).map_err(|_| ParamsError::Encoding { name: None })
}

fn decode_name(name: &str) -> Result<String, ParamsError> {
    // Each byte takes at most three as sent: what is longer need not be decoded to be refused.
    if name.len() > 3 * NAME_BYTES_MAX {
        return Err(ParamsError::NameTooLong);
    }
    let name = urlencoded::decode(name).map_err(|_| ParamsError::Encoding { name: None })?;
    if name.len() > NAME_BYTES_MAX {
        return Err(ParamsError::NameTooLong);
    }
    if name.split('.').any(str::is_empty) {
        return Err(ParamsError::NameEmpty { name });
    }
    if name.split('.').count() > NAME_DEPTH_MAX {
        return Err(ParamsError::NameTooDeep { name });
    }
    Ok(name)
}

#[cfg(test)]
mod tests;
