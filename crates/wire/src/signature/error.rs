//! Why a signature, or what belongs to it, was refused, and how that is answered.

use thiserror::Error;

use super::NONCE_BYTES_MAX;
use crate::clock::{CLOCK_SKEW_MS_MAX, format_timestamp};

/// Why a request is refused before anything is done.
///
/// [`message`](Self::message) is for the caller. `Display` says less: it is for logs, and holds nothing
/// that could be secret.
#[derive(Clone, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// A common parameter or header is absent or empty.
    #[error("the common parameter {name} is missing")]
    MissingParameter {
        /// The parameter, or in V3 the header.
        name: &'static str,
    },
    /// The signature is malformed, or does not cover what it must.
    #[error("the signature does not conform: {reason}")]
    Incomplete {
        /// What is wrong with it.
        reason: String,
    },
    /// The algorithm is unknown or not supported.
    #[error("the signature method is not supported")]
    MethodUnsupported {
        /// The method as sent, shortened.
        method: String,
    },
    /// The request carries a bearer token instead of a signature.
    #[error("bearer tokens are not supported")]
    BearerUnsupported,
    /// The body does not have the hash that is signed.
    #[error("the body does not have the signed hash")]
    ContentHash {
        /// The hash of the body as it arrived, in hexadecimal digits.
        actual: String,
    },
    /// The signature is not the one that the secret makes.
    #[error("the signature does not match")]
    DoesNotMatch {
        /// The string that the server signed.
        string_to_sign: String,
        /// In V3, the canonical request of which it has the hash.
        canonical_request: Option<String>,
    },
    /// The timestamp is not of the form `YYYY-MM-DDThh:mm:ssZ`.
    #[error("the timestamp is malformed")]
    TimestampFormat,
    /// The timestamp is too far from the server's clock.
    #[error("the timestamp {} is too far from {}", format_timestamp(*.timestamp_ms), format_timestamp(*.now_ms))]
    TimestampExpired {
        /// The time of the request, in UNIX milliseconds.
        timestamp_ms: i64,
        /// The time of the server, in UNIX milliseconds.
        now_ms: i64,
    },
    /// The nonce is longer than [`NONCE_BYTES_MAX`].
    #[error("the nonce is too long")]
    NonceTooLong,
    /// A request with this nonce has been accepted already.
    #[error("the nonce was used already")]
    NonceUsed,
    /// It was signed at a time of which the server no longer knows which requests it has accepted.
    #[error("signed before {}, since when nonces are remembered", format_timestamp(*.since_ms))]
    NotRemembered {
        /// Since when it knows, in UNIX milliseconds.
        since_ms: i64,
    },
    /// The AccessKey has used so many nonces that no further one can be remembered yet.
    #[error("the AccessKey has used too many nonces")]
    TooManyNonces,
    /// All AccessKeys together have used so many nonces that no further one can be remembered yet.
    #[error("the memory for nonces is full")]
    NonceMemoryFull,
}

impl SignatureError {
    pub(super) fn incomplete(reason: impl Into<String>) -> Self {
        Self::Incomplete { reason: reason.into() }
    }

    /// The code of the answer.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingParameter { .. } => "MissingParameter",
            Self::Incomplete { .. } => "IncompleteSignature",
            Self::MethodUnsupported { .. } | Self::BearerUnsupported => "InvalidSignatureMethod",
            Self::ContentHash { .. } | Self::DoesNotMatch { .. } => "SignatureDoesNotMatch",
            Self::TimestampFormat => "InvalidTimeStamp.Format",
            Self::TimestampExpired { .. } | Self::NotRemembered { .. } => "InvalidTimeStamp.Expired",
            Self::NonceTooLong => "InvalidSignatureNonce",
            Self::NonceUsed => "SignatureNonceUsed",
            Self::TooManyNonces => "Throttling.User",
            Self::NonceMemoryFull => "ServiceUnavailable",
        }
    }

    /// The HTTP status of the answer.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::NonceMemoryFull => 503,
            _ => 400,
        }
    }

    /// The message of the answer, for the caller only: that of a mismatch holds all that was signed.
    pub fn message(&self) -> String {
        match self {
            Self::MissingParameter { name } => format!(
                "The input parameter \"{name}\" that is mandatory for processing this request is not supplied."
            ),
            Self::Incomplete { reason } => {
                format!("The request signature does not conform to Aliyun standards: {reason}.")
            }
            Self::MethodUnsupported { method } => format!(
                "Specified signature method {method} is not supported: use HMAC-SHA1, HMAC-SHA256, ACS3-HMAC-SHA256 or ACS3-HMAC-SM3."
            ),
            Self::BearerUnsupported => {
                "Specified signature type BEARERTOKEN is not supported: sign the request with an AccessKey.".to_owned()
            }
            Self::ContentHash { actual } => format!(
                "Specified signature is not matched with our calculation. The header x-acs-content-sha256 is not the hash of the body, which is {actual}."
            ),
            // The clients compare what follows the colon with their own string.
            Self::DoesNotMatch { string_to_sign, canonical_request: None } => format!(
                "Specified signature is not matched with our calculation. server string to sign is:{string_to_sign}"
            ),
            Self::DoesNotMatch { string_to_sign, canonical_request: Some(canonical_request) } => format!(
                "Specified signature does not match our calculation. server StringToSign is [{string_to_sign}] server CanonicalRequest is [{canonical_request}]"
            ),
            Self::TimestampFormat => {
                "Specified time stamp or date value is not well formatted: it must be like 2016-04-28T12:00:00Z.".to_owned()
            }
            Self::TimestampExpired { timestamp_ms, now_ms } => expired(*timestamp_ms, *now_ms),
            Self::NonceTooLong => {
                format!("Specified parameter SignatureNonce is not valid: at most {NONCE_BYTES_MAX} bytes are allowed.")
            }
            Self::NonceUsed => "Specified signature nonce was used already.".to_owned(),
            Self::NotRemembered { since_ms } => format!(
                "Specified time stamp or date value is expired. The server knows only since {} which requests it has accepted: sign the request again.",
                format_timestamp(*since_ms)
            ),
            Self::TooManyNonces => "Request was denied due to user flow control.".to_owned(),
            Self::NonceMemoryFull => "The request has failed due to a temporary failure of the server.".to_owned(),
        }
    }
}

fn expired(timestamp_ms: i64, now_ms: i64) -> String {
    let skew_ms = timestamp_ms.saturating_sub(now_ms);
    let direction = if skew_ms < 0 { "behind" } else { "ahead of" };
    let skew_s = skew_ms.unsigned_abs() / 1000;
    format!(
        "Specified time stamp or date value is expired. The server's time is {}; the request's is {}, {} min {} s {direction} it; {} min are allowed.",
        format_timestamp(now_ms),
        format_timestamp(timestamp_ms),
        skew_s / 60,
        skew_s % 60,
        CLOCK_SKEW_MS_MAX / 60_000,
    )
}

/// As `Display`: what was signed stays out of logs.
impl std::fmt::Debug for SignatureError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignatureError({self})")
    }
}
