//! Answers as JSON or XML, out of one tree.

mod xml;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::format::Format;

/// The content type of an answer in JSON.
const JSON: &str = "application/json;charset=utf-8";
/// The content type of an answer in XML; a client reads an XML error only when it is exactly this.
const XML: &str = "text/xml;charset=utf-8";

/// What an error answers. All members are strings, because clients rely on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ErrorBody {
    /// An upper-case UUID, also in the header and the logs.
    pub request_id: String,
    /// The name by which the caller reached the server.
    pub host_id: String,
    /// The code from the catalogue.
    pub code: String,
    /// The sentence for people.
    pub message: String,
    /// Where to read on; may be empty.
    pub recommend: String,
    /// Which permission was missing, where that may be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_denied_detail: Option<BTreeMap<String, String>>,
}

/// Renders what an operation answers: the content type and the body. `answer` is an object that has its
/// `RequestId` already. Members that are `null` are left out.
pub fn render_success(action: &str, answer: &Value, format: Format) -> (&'static str, String) {
    match format {
        Format::Json => {
            (JSON, if has_null(answer) { without_null(answer).to_string() } else { answer.to_string() })
        }
        Format::Xml => (XML, xml::document(&format!("{action}Response"), answer)),
    }
}

/// Renders an error: the content type and the body.
pub fn render_error(error: &ErrorBody, format: Format) -> (&'static str, String) {
    match format {
        Format::Json => (
            JSON,
            serde_json::to_string(error).expect("a structure of strings can always be written as JSON"),
        ),
        Format::Xml => (XML, xml::error_document(error)),
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn without_null(value: &Value) -> Value {
    match value {
        Value::Array(elements) => {
            elements.iter().filter(|element| !element.is_null()).map(without_null).collect()
        }
        Value::Object(members) => members
            .iter()
            .filter(|(_, member)| !member.is_null())
            .map(|(name, member)| (name.clone(), without_null(member)))
            .collect(),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests;
