//! What can be wrong with parameters.

use std::fmt;

use thiserror::Error;

use super::{JSON_BYTES_MAX, NAME_BYTES_MAX, NAME_DEPTH_MAX, PARAMETERS_BYTES_MAX, PARAMETERS_MAX};

/// Why the parameters of a request could not be decoded at all. Never shows a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParamsError {
    /// Query and form are longer than [`PARAMETERS_BYTES_MAX`].
    #[error("query and form have {bytes} bytes together; at most {PARAMETERS_BYTES_MAX} are allowed")]
    TooLarge {
        /// Their length as sent.
        bytes: usize,
    },
    /// More parameters than [`PARAMETERS_MAX`].
    #[error("there are more than {PARAMETERS_MAX} parameters")]
    TooMany,
    /// A name is longer than [`NAME_BYTES_MAX`].
    #[error("the name of a parameter has more than {NAME_BYTES_MAX} bytes")]
    NameTooLong,
    /// A name has more segments than [`NAME_DEPTH_MAX`].
    #[error("the parameter name {name:?} has more than {NAME_DEPTH_MAX} segments")]
    NameTooDeep {
        /// The name as decoded.
        name: String,
    },
    /// A name, or one of its segments, is empty.
    #[error("the parameter name {name:?} has an empty segment")]
    NameEmpty {
        /// The name as decoded.
        name: String,
    },
    /// The same name comes twice.
    #[error("the parameter {name:?} is given twice{}", if *.in_both_places { ", in the query and in the form" } else { "" })]
    Duplicate {
        /// The name as decoded.
        name: String,
        /// Once in the query and once in the form.
        in_both_places: bool,
    },
    /// A percent-encoding is broken, or what it encodes is not UTF-8.
    #[error("{} is not percent-encoded UTF-8", match .name { Some(name) => format!("the value of the parameter {name:?}"), None => "the name of a parameter, or the form".to_owned() })]
    Encoding {
        /// Whose value it is; `None` when it is a name or the form as a whole.
        name: Option<String>,
    },
    /// There is a body and it is not a form.
    #[error("the body must have the content type application/x-www-form-urlencoded")]
    NotAForm,
}

impl ParamsError {
    /// The code of the answer.
    pub fn code(&self) -> &'static str {
        "InvalidParameter"
    }

    /// The HTTP status of the answer.
    pub fn http_status(&self) -> u16 {
        400
    }

    /// The message of the answer.
    pub fn message(&self) -> String {
        format!("The specified parameter is not valid: {self}.")
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// It is not there and has no default.
    Missing,
    /// It is there and cannot be what its type wants.
    Invalid,
}

/// A parameter that a type needs and that is missing, or that it cannot accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The whole name, as a client would flatten it: `TunnelOptionsSpecification.1.TunnelIkeConfig.Psk`.
    pub field: String,
    /// Whether it is missing or invalid.
    pub kind: FieldErrorKind,
    /// What it should have been, to be read after "expected"; empty for what is missing.
    pub expected: String,
    /// What it was, shortened and escaped; `None` for what is missing, not a plain word, or a secret.
    pub got: Option<String>,
}

impl FieldError {
    /// The part of the name before the first dot: the parameter as the operation declares it.
    pub fn parameter(&self) -> &str {
        self.field.split('.').next().unwrap_or_default()
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, &self.got) {
            (FieldErrorKind::Missing, _) => write!(f, "{} is missing", self.field),
            (FieldErrorKind::Invalid, None) => write!(f, "{}: expected {}", self.field, self.expected),
            (FieldErrorKind::Invalid, Some(got)) => {
                write!(f, "{}: expected {}, got \"{got}\"", self.field, self.expected)
            }
        }
    }
}

impl std::error::Error for FieldError {}

/// How much of a refused value is shown, in characters.
const GOT_CHARS_MAX: usize = 64;

/// What names of parameters with secret values contain, in lower case.
const SECRET_NAMES: [&str; 5] = ["psk", "secret", "authkey", "password", "privatekey"];

/// The error while it travels from the field to the root and collects the name on its way.
#[derive(Debug)]
pub(super) struct DecodeError {
    /// Segments, the innermost first.
    path: Vec<String>,
    kind: FieldErrorKind,
    expected: String,
    got: Option<String>,
}

impl DecodeError {
    pub(super) fn expected(expected: impl Into<String>) -> Self {
        Self { path: Vec::new(), kind: FieldErrorKind::Invalid, expected: expected.into(), got: None }
    }

    /// The same error, seen from outside the member or element of this name.
    pub(super) fn within(mut self, segment: impl Into<String>) -> Self {
        self.path.push(segment.into());
        self
    }

    /// Notes the text that was refused, if the error is about this very value and not about a part of it.
    pub(super) fn about(mut self, text: &str) -> Self {
        if self.path.is_empty() && self.kind == FieldErrorKind::Invalid {
            self.got = Some(text.to_owned());
        }
        self
    }
}

impl From<DecodeError> for FieldError {
    fn from(error: DecodeError) -> Self {
        let secret = error.path.iter().any(|segment| {
            let segment = segment.to_ascii_lowercase();
            SECRET_NAMES.iter().any(|name| segment.contains(name))
        });
        let mut expected = error.expected;
        if secret && error.got.as_ref().is_some_and(|got| !got.is_empty() && expected.contains(got.as_str()))
        {
            "a valid value".clone_into(&mut expected);
        }
        let segments: Vec<String> = error.path.into_iter().rev().collect();
        Self {
            field: segments.join("."),
            kind: error.kind,
            expected,
            // Text that looks like JSON may hold secrets whatever the name of the parameter is.
            got: error
                .got
                .filter(|got| !secret && got.len() <= JSON_BYTES_MAX && !got.contains(['{', '[', '"']))
                .map(|got| got.chars().take(GOT_CHARS_MAX).flat_map(char::escape_debug).collect()),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expected)
    }
}

impl std::error::Error for DecodeError {}

/// None of these shows the value at hand: it may be a secret, and `about` adds it where it may be shown.
impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::expected(message.to_string())
    }

    fn invalid_type(_: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::expected(expected.to_string())
    }

    fn invalid_value(_: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::expected(expected.to_string())
    }

    fn invalid_length(_: usize, expected: &dyn serde::de::Expected) -> Self {
        Self::expected(expected.to_string())
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::expected(format!("one of {}", expected.join(", ")))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::expected("no such member").within(field)
    }

    fn missing_field(field: &'static str) -> Self {
        Self { kind: FieldErrorKind::Missing, ..Self::expected("") }.within(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::expected("one value only, and it is given under two names").within(field)
    }
}
