//! In which form the caller wants its answer.

use crate::params::Params;
use crate::request::HttpRequest;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `application/json;charset=utf-8`.
    #[default]
    Json,
    /// `text/xml;charset=utf-8`.
    Xml,
}

impl Format {
    /// The form that a request asks for: its parameter `Format` (any case), else what it accepts.
    ///
    /// JSON unless XML was asked for, because several clients cannot read an error that comes in XML.
    /// Usable before the signature is known, so that also a refusal comes in the right form.
    pub fn of(request: &HttpRequest<'_>, params: &Params) -> Self {
        let asked = match params.get("Format") {
            Some(format) if !format.is_empty() => format,
            _ => request.header("accept").unwrap_or_default(),
        };
        match asked.to_ascii_lowercase().as_str() {
            "xml" | "text/xml" | "application/xml" => Self::Xml,
            _ => Self::Json,
        }
    }
}
