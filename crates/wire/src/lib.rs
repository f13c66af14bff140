//! The RPC protocol of the API: parameters, signatures, answers.
//!
//! A request passes through here on its way in and its answer on the way out:
//!
//! ```text
//! HttpRequest -> Params::decode -> Claim::read -> check_clock -> Claim::verify -> Nonces::remember
//!             -> Params::decode_into::<Request>() ... render_success | render_error
//! ```
//!
//! Everything is a pure function of its arguments: time comes in as UNIX milliseconds, and nothing here
//! reads a clock, a socket or a file. Every size, count and depth that a client chooses has a bound, each
//! a constant with its unit in the name. No input panics.

pub mod chunked;
mod clock;
mod format;
mod nonces;
mod params;
mod render;
mod request;
mod signature;
mod urlencoded;

pub use clock::{CLOCK_SKEW_MS_MAX, TimestampError, check_clock, format_timestamp, parse_timestamp};
pub use format::Format;
pub use nonces::{NonceLimits, Nonces};
pub use params::{
    FieldError, FieldErrorKind, JSON_BYTES_MAX, JSON_DEPTH_MAX, JSON_VALUES_MAX, JsonText, LIST_INDEX_MAX,
    NAME_BYTES_MAX, NAME_DEPTH_MAX, PARAMETERS_BYTES_MAX, PARAMETERS_MAX, Params, ParamsError,
};
pub use render::{ErrorBody, render_error, render_success};
pub use request::HttpRequest;
pub use signature::{Algorithm, Claim, NONCE_BYTES_MAX, Scheme, SignatureError, hex};
pub use urlencoded::percent_encode;
