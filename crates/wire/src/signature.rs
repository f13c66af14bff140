//! Who claims to be calling, and whether the signature proves it.
//!
//! V1 (`SignatureVersion=1.0`) signs all parameters of query and form and is sent as parameters. V3
//! (`Authorization: ACS3-...`) signs the query, the headers that it lists and the hash of the body.

mod digest;
mod error;
mod v1;
mod v3;

use std::fmt;

use crate::clock::parse_timestamp;
use crate::format::Format;
use crate::params::Params;
use crate::request::HttpRequest;

pub use digest::{Algorithm, hex};
pub use error::SignatureError;

/// How long the nonce of a request may be, in bytes.
pub const NONCE_BYTES_MAX: usize = 256;
/// How long the id of an AccessKey may be, in bytes.
const ACCESS_KEY_ID_BYTES_MAX: usize = 128;

/// How a request says who is calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Signature in the parameters, over all parameters.
    V1,
    /// Signature in the header `Authorization`, over query, headers and body.
    V3,
    /// A bearer token instead of a signature.
    Bearer,
}

/// What a request says about itself before any of it is believed.
#[derive(Clone)]
pub struct Claim {
    /// How it is signed.
    pub scheme: Scheme,
    /// The id of the AccessKey; empty for [`Scheme::Bearer`].
    pub access_key_id: String,
    /// The token of a role session; `None` when absent or empty.
    pub security_token: Option<String>,
    /// Unique per request and AccessKey.
    pub nonce: String,
    /// When the request was signed, in UNIX milliseconds.
    pub timestamp_ms: i64,
    /// The operation that is asked for.
    pub action: String,
    /// The version of the API, which tells the product as well: `2016-04-28`.
    pub version: String,
    /// The form the answer shall have.
    pub format: Format,
    proof: Proof,
}

/// What there is to check once the secret is known.
#[derive(Clone)]
enum Proof {
    Signed {
        algorithm: Algorithm,
        string_to_sign: String,
        canonical_request: Option<String>,
        signature: String,
    },
    Bearer,
}

impl Claim {
    /// Reads what the request claims, by the rules of the scheme that it uses. Nothing is proven yet,
    /// except that the body of a V3 request has the hash that it says it has.
    ///
    /// # Errors
    ///
    /// When something mandatory is missing, malformed, unsupported, or sent but not covered by the signature.
    pub fn read(request: &HttpRequest<'_>, params: &Params) -> Result<Self, SignatureError> {
        if v3::is_signed(request) {
            return v3::read(request, params);
        }
        if request.header("x-acs-bearer-token").is_some_and(|token| !token.is_empty()) {
            let common = Common::of_headers(request)?;
            return common.claim(request, params, Identity::bearer());
        }
        let has_token = params.get("BearerToken").is_some_and(|token| !token.is_empty());
        if has_token || params.get("SignatureType") == Some("BEARERTOKEN") {
            let common = Common::of_params(params)?;
            return common.claim(request, params, Identity::bearer());
        }
        v1::read(request, params)
    }

    /// Checks the signature against the secret of the AccessKey, in constant time.
    ///
    /// # Errors
    ///
    /// [`SignatureError::DoesNotMatch`], or [`SignatureError::BearerUnsupported`] when there is no signature.
    pub fn verify(&self, secret: &str) -> Result<(), SignatureError> {
        let Proof::Signed { algorithm, string_to_sign, canonical_request, signature } = &self.proof else {
            return Err(SignatureError::BearerUnsupported);
        };
        let expected = algorithm.sign(secret, string_to_sign);
        if digest::equal(expected.as_bytes(), signature.as_bytes()) {
            return Ok(());
        }
        Err(SignatureError::DoesNotMatch {
            string_to_sign: string_to_sign.clone(),
            canonical_request: canonical_request.clone(),
        })
    }

    /// The string that the signature is over; `None` when there is no signature. It holds all parameters,
    /// secret ones too, and is for the caller only: never log it.
    pub fn string_to_sign(&self) -> Option<&str> {
        match &self.proof {
            Proof::Signed { string_to_sign, .. } => Some(string_to_sign),
            Proof::Bearer => None,
        }
    }

    /// The canonical request of V3, of which the string to sign has the hash. As secret as that one.
    pub fn canonical_request(&self) -> Option<&str> {
        match &self.proof {
            Proof::Signed { canonical_request, .. } => canonical_request.as_deref(),
            Proof::Bearer => None,
        }
    }

    /// The algorithm of the signature; `None` when there is no signature.
    pub fn algorithm(&self) -> Option<Algorithm> {
        match &self.proof {
            Proof::Signed { algorithm, .. } => Some(*algorithm),
            Proof::Bearer => None,
        }
    }
}

#[cfg(test)]
impl Claim {
    /// A claim that no request made, for tests of what comes after it.
    pub(crate) fn for_tests(access_key_id: &str, nonce: &str, timestamp_ms: i64) -> Self {
        Self {
            scheme: Scheme::Bearer,
            access_key_id: access_key_id.to_owned(),
            security_token: None,
            nonce: nonce.to_owned(),
            timestamp_ms,
            action: "DescribeRegions".to_owned(),
            version: "2016-04-28".to_owned(),
            format: Format::Json,
            proof: Proof::Bearer,
        }
    }
}

/// Leaves out the token and all that is signed.
impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("scheme", &self.scheme)
            .field("access_key_id", &self.access_key_id)
            .field("nonce", &self.nonce)
            .field("timestamp_ms", &self.timestamp_ms)
            .field("action", &self.action)
            .field("version", &self.version)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// What every request says, in parameters or in headers.
struct Common<'a> {
    action: &'a str,
    version: &'a str,
    nonce: &'a str,
    timestamp_ms: i64,
}

impl<'a> Common<'a> {
    fn of_params(params: &'a Params) -> Result<Self, SignatureError> {
        Self::read(
            |name| mandatory(name, params.get(name)),
            ["Action", "Version", "SignatureNonce", "Timestamp"],
        )
    }

    fn of_headers(request: &HttpRequest<'a>) -> Result<Self, SignatureError> {
        Self::read(
            |name| mandatory(name, request.header(name)),
            ["x-acs-action", "x-acs-version", "x-acs-signature-nonce", "x-acs-date"],
        )
    }

    fn read(
        mandatory: impl Fn(&'static str) -> Result<&'a str, SignatureError>,
        [action, version, nonce, timestamp]: [&'static str; 4],
    ) -> Result<Self, SignatureError> {
        let (action, version) = (mandatory(action)?, mandatory(version)?);
        let nonce = mandatory(nonce)?;
        if nonce.len() > NONCE_BYTES_MAX {
            return Err(SignatureError::NonceTooLong);
        }
        let timestamp_ms =
            parse_timestamp(mandatory(timestamp)?).map_err(|_| SignatureError::TimestampFormat)?;
        Ok(Self { action, version, nonce, timestamp_ms })
    }

    fn claim(
        self,
        request: &HttpRequest<'_>,
        params: &Params,
        identity: Identity<'_>,
    ) -> Result<Claim, SignatureError> {
        if identity.access_key_id.len() > ACCESS_KEY_ID_BYTES_MAX {
            return Err(SignatureError::incomplete("the AccessKey id is too long"));
        }
        Ok(Claim {
            scheme: identity.scheme,
            access_key_id: identity.access_key_id.to_owned(),
            security_token: identity.security_token.filter(|token| !token.is_empty()).map(str::to_owned),
            nonce: self.nonce.to_owned(),
            timestamp_ms: self.timestamp_ms,
            action: self.action.to_owned(),
            version: self.version.to_owned(),
            format: Format::of(request, params),
            proof: identity.proof,
        })
    }
}

/// Who is calling and what there is to prove it.
struct Identity<'a> {
    scheme: Scheme,
    access_key_id: &'a str,
    security_token: Option<&'a str>,
    proof: Proof,
}

impl Identity<'_> {
    fn bearer() -> Self {
        Self { scheme: Scheme::Bearer, access_key_id: "", security_token: None, proof: Proof::Bearer }
    }
}

/// A value that may be neither absent nor empty.
fn mandatory<'a>(name: &'static str, value: Option<&'a str>) -> Result<&'a str, SignatureError> {
    value.filter(|value| !value.is_empty()).ok_or(SignatureError::MissingParameter { name })
}

#[cfg(test)]
mod tests;
