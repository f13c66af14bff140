//! Why a request is refused: a code from the catalogue, and what helps the caller on.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use causeway_wire::{FieldError, FieldErrorKind};

use crate::catalogue;
use crate::ids::{VpnConnectionId, VpnGatewayId};

/// One code of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// The code; `{ParameterName}` in it stands for the parameter at fault.
    pub code: &'static str,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The documented sentence. Clients compare it: what is to be added goes into the recommendation.
    /// `{ParameterName}` and `%s` stand for the parameter at fault and for its value.
    pub message: &'static str,
    /// What the caller can do about it.
    pub remedy: &'static str,
}

/// Stands for a value in the sentences of the catalogue.
const VALUE: &str = "%s";

impl ErrorCode {
    /// How many values the sentence shows.
    pub fn values(&self) -> usize {
        self.message.matches(VALUE).count()
    }
}

/// What is `updating`: once it has settled, planning the same request again may succeed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Busy {
    /// An IPsec-VPN connection.
    VpnConnection(VpnConnectionId),
    /// A VPN gateway.
    VpnGateway(VpnGatewayId),
}

impl Busy {
    /// The id of what is updating.
    pub fn as_str(&self) -> &str {
        match self {
            Self::VpnConnection(id) => id.as_str(),
            Self::VpnGateway(id) => id.as_str(),
        }
    }

    /// The code with which a change of it is refused.
    pub fn code(&self) -> &'static ErrorCode {
        match self {
            Self::VpnConnection(_) => &catalogue::CONNECTION_CONFIGURING,
            Self::VpnGateway(_) => &catalogue::VPN_GATEWAY_CONFIGURING,
        }
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal. Nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// Which code of the catalogue it is.
    pub kind: &'static ErrorCode,
    /// The parameter at fault, as a client flattens it (`TunnelOptionsSpecification.1.TunnelIkeConfig.Psk`).
    pub field: Option<Box<str>>,
    /// What was in the parameter, where the sentence shows it.
    pub value: Option<Box<str>>,
    /// More than the catalogue's remedy, about this very request.
    pub detail: Option<Box<str>>,
    /// After how long trying again may succeed.
    pub retry_after_ms: Option<u64>,
    /// What is `updating` and may be waited for.
    pub busy: Option<Box<Busy>>,
    /// Which permission was missing.
    pub access_denied: Option<BTreeMap<String, String>>,
}

impl ApiError {
    /// A refusal with the catalogue's own words.
    pub const fn new(kind: &'static ErrorCode) -> Self {
        Self {
            kind,
            field: None,
            value: None,
            detail: None,
            retry_after_ms: None,
            busy: None,
            access_denied: None,
        }
    }

    /// A change of what is `updating`.
    pub fn busy(busy: Busy) -> Self {
        Self { busy: Some(Box::new(busy.clone())), ..Self::new(busy.code()) }
    }

    /// A parameter that a request must have.
    pub fn missing(field: &str) -> Self {
        Self { field: Some(field.into()), ..Self::new(&catalogue::MISSING_PARAMETER) }
    }

    /// A parameter that is there and cannot be accepted: `expected` says what could.
    pub fn invalid(field: &str, expected: impl fmt::Display) -> Self {
        let kind = catalogue::invalid(field);
        Self { field: Some(field.into()), ..Self::new(kind) }.detail(format!("{field}: expected {expected}."))
    }

    /// Adds what is known about this very request.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into().into());
        self
    }

    /// Adds what the parameter was, for sentences that show it.
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into().into());
        self
    }

    /// The code of the answer. It names the parameter, not the element and the member in it.
    pub fn code(&self) -> Cow<'static, str> {
        let parameter =
            self.field.as_deref().and_then(|field| field.split('.').next()).unwrap_or("Parameter");
        with_parameter(self.kind.code, parameter)
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        self.kind.status
    }

    /// The sentence of the answer.
    pub fn message(&self) -> Cow<'static, str> {
        let message = with_parameter(self.kind.message, self.field.as_deref().unwrap_or("Parameter"));
        let places = self.kind.values();
        if places == 0 {
            return message;
        }
        // Several values, each of a line, go to the places in their order. A single one may have lines of its own.
        let mut values = self.value.as_deref().unwrap_or("").splitn(places, '\n');
        let mut parts = message.split(VALUE);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + values.next().unwrap_or("") + part).into()
    }

    /// What the caller can do about it.
    pub fn recommend(&self) -> String {
        match self.detail.as_deref() {
            Some(detail) if self.kind.remedy.is_empty() => detail.to_owned(),
            Some(detail) => format!("{detail} {}", self.kind.remedy),
            None => self.kind.remedy.to_owned(),
        }
    }
}

fn with_parameter(template: &'static str, parameter: &str) -> Cow<'static, str> {
    const PLACEHOLDER: &str = "{ParameterName}";
    if template.contains(PLACEHOLDER) {
        template.replace(PLACEHOLDER, parameter).into()
    } else {
        template.into()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message())
    }
}

impl std::error::Error for ApiError {}

impl From<&'static ErrorCode> for ApiError {
    fn from(kind: &'static ErrorCode) -> Self {
        Self::new(kind)
    }
}

/// A parameter that could not be decoded, told with the code that the API has for this parameter.
impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        match error.kind {
            FieldErrorKind::Missing => Self::missing(&error.field),
            FieldErrorKind::Invalid => {
                let refusal = Self::new(catalogue::invalid(&error.field)).detail(format!("{error}."));
                Self {
                    value: Some(error.got.unwrap_or_default().into()),
                    field: Some(error.field.into()),
                    ..refusal
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use causeway_wire::{FieldError, FieldErrorKind};

    use super::ApiError;
    use crate::catalogue;

    fn invalid(field: &str, got: &str) -> ApiError {
        let expected = "something else".to_owned();
        ApiError::from(FieldError {
            field: field.to_owned(),
            kind: FieldErrorKind::Invalid,
            expected,
            got: Some(got.to_owned()),
        })
    }

    #[test]
    fn a_missing_parameter_is_named_in_code_and_sentence() {
        let error = ApiError::missing("RouteDest");
        assert_eq!(error.code(), "MissingRouteDest");
        assert_eq!(error.message(), "RouteDest is mandatory for this action.");
        assert_eq!(error.status(), 400);
    }

    #[test]
    fn an_invalid_member_is_named_in_full_in_the_sentence_and_by_its_parameter_in_the_code() {
        let error = invalid("TunnelOptionsSpecification.1.TunnelIkeConfig.IkePfs", "group3");
        assert_eq!(error.code(), "InvalidTunnelOptionsSpecification");
        assert_eq!(
            error.message(),
            "Specified parameter TunnelOptionsSpecification.1.TunnelIkeConfig.IkePfs is not valid."
        );
        assert!(error.recommend().contains("group3"), "{}", error.recommend());
    }

    #[test]
    fn parameters_with_a_code_of_their_own_keep_it() {
        assert_eq!(invalid("Name", "http://x").kind, &catalogue::INVALID_NAME);
        assert_eq!(invalid("IpAddress", "1.2.3").kind, &catalogue::IP_ADDRESS_WRONG_FORMAT);
        let error = invalid("LocalSubnet", "10.0.0.1/8");
        assert_eq!(error.code(), "IllegalParam.LocalSubnet");
        assert_eq!(error.message(), "The specified \"LocalSubnet\" (10.0.0.1/8) is invalid.");
    }

    #[test]
    fn the_sentence_shows_all_of_a_value_also_one_of_lines_or_with_a_placeholder_in_it() {
        for value in ["10.1.0.0/1ListPoliciesForU%sC", "10.0.0.0/8\n10.1.0.0/8", ""] {
            let sentence = invalid("LocalSubnet", value).message().into_owned();
            assert_eq!(sentence, format!("The specified \"LocalSubnet\" ({value}) is invalid."));
        }
    }

    #[test]
    fn an_id_that_cannot_be_is_an_id_that_does_not_exist() {
        assert_eq!(invalid("VpnConnectionId", "nonsense").kind, &catalogue::VPN_CONNECTION_NOT_FOUND);
        assert_eq!(
            invalid("TunnelOptionsSpecification.2.CustomerGatewayId", "x").kind,
            &catalogue::CUSTOMER_GATEWAY_NOT_FOUND
        );
    }

    #[test]
    fn a_refusal_is_small_enough_to_be_returned_everywhere() {
        assert!(size_of::<ApiError>() < 128, "{}", size_of::<ApiError>());
    }
}
