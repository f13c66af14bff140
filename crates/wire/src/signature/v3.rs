//! V3: the signature is in the header `Authorization` and covers the query, the headers that it lists and
//! the hash of the body.

use std::collections::BTreeSet;

use super::{Algorithm, Claim, Common, Identity, Proof, Scheme, SignatureError, digest, mandatory};
use crate::params::Params;
use crate::request::HttpRequest;
use crate::urlencoded::push_percent_encoded;

/// What all V3 algorithms begin with.
const PREFIX: &str = "ACS3-";
/// How many headers a signature may list.
const SIGNED_HEADERS_MAX: usize = 64;

/// Whether the request claims to be signed with V3.
pub(super) fn is_signed(request: &HttpRequest<'_>) -> bool {
    request.values("authorization").any(|value| value.starts_with(PREFIX))
}

pub(super) fn read(request: &HttpRequest<'_>, params: &Params) -> Result<Claim, SignatureError> {
    let authorization = Authorization::parse(single(request, "authorization")?)?;
    let signed_headers = signed_headers(request, authorization.signed_headers)?;
    let common = Common::of_headers(request)?;
    let content_hash = mandatory("x-acs-content-sha256", request.header("x-acs-content-sha256"))?;
    let actual = authorization.algorithm.hash(request.body);
    if !digest::equal(actual.as_bytes(), content_hash.as_bytes()) {
        return Err(SignatureError::ContentHash { actual });
    }
    if request.header("x-acs-accesskey-id").is_some_and(|id| id != authorization.credential) {
        return Err(SignatureError::incomplete(
            "x-acs-accesskey-id and Credential name different AccessKeys",
        ));
    }
    let canonical_request =
        canonical_request(request, params, &signed_headers, authorization.signed_headers, content_hash);
    let string_to_sign = format!(
        "{}\n{}",
        authorization.algorithm.name(),
        authorization.algorithm.hash(canonical_request.as_bytes())
    );
    let identity = Identity {
        scheme: Scheme::V3,
        access_key_id: authorization.credential,
        security_token: request.header("x-acs-security-token"),
        proof: Proof::Signed {
            algorithm: authorization.algorithm,
            string_to_sign,
            canonical_request: Some(canonical_request),
            signature: authorization.signature.to_owned(),
        },
    };
    common.claim(request, params, identity)
}

/// `<algorithm> Credential=<id>,SignedHeaders=<a;b;c>,Signature=<hexadecimal digits>`
struct Authorization<'a> {
    algorithm: Algorithm,
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(text: &'a str) -> Result<Self, SignatureError> {
        let (algorithm, fields) = text.split_once(' ').unwrap_or((text, ""));
        let algorithm = match algorithm {
            "ACS3-HMAC-SHA256" => Algorithm::Acs3HmacSha256,
            "ACS3-HMAC-SM3" => Algorithm::Acs3HmacSm3,
            method => {
                return Err(SignatureError::MethodUnsupported { method: method.chars().take(32).collect() });
            }
        };
        let [mut credential, mut signed_headers, mut signature] = [None; 3];
        for field in fields.split(',') {
            let slot = match field.trim().split_once('=') {
                Some(("Credential", value)) => (&mut credential, value),
                Some(("SignedHeaders", value)) => (&mut signed_headers, value),
                Some(("Signature", value)) => (&mut signature, value),
                _ => return Err(malformed()),
            };
            if slot.0.replace(slot.1).is_some() {
                return Err(malformed());
            }
        }
        let [Some(credential), Some(signed_headers), Some(signature)] =
            [credential, signed_headers, signature]
        else {
            return Err(malformed());
        };
        if credential.is_empty() || signed_headers.is_empty() || signature.is_empty() {
            return Err(malformed());
        }
        Ok(Self { algorithm, credential, signed_headers, signature })
    }
}

fn malformed() -> SignatureError {
    SignatureError::incomplete("Authorization must be <algorithm> Credential=,SignedHeaders=,Signature=")
}

/// The value of a header that must be there exactly once: of two, one could be signed and the other obeyed.
fn single<'a>(request: &HttpRequest<'a>, name: &str) -> Result<&'a str, SignatureError> {
    let mut values = request.values(name);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(SignatureError::incomplete(format!("the signed header {name} was not sent"))),
        (Some(_), Some(_)) => Err(SignatureError::incomplete(format!("the header {name} was sent twice"))),
    }
}

/// The headers that the signature lists, in its order, with their values. Refused when it leaves out what
/// decides about the request: the host, and every `x-acs-` header that was sent.
fn signed_headers<'a>(
    request: &HttpRequest<'a>,
    list: &'a str,
) -> Result<Vec<(&'a str, &'a str)>, SignatureError> {
    let mut names = BTreeSet::new();
    let mut signed = Vec::new();
    for name in list.split(';') {
        if name.is_empty() || name.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii_graphic()) {
            return Err(SignatureError::incomplete(
                "SignedHeaders must be names in lower case with ; between them",
            ));
        }
        if !names.insert(name) || names.len() > SIGNED_HEADERS_MAX {
            return Err(SignatureError::incomplete("SignedHeaders has a name twice, or too many names"));
        }
        let value = single(request, name)?;
        if value.contains(['\r', '\n']) {
            return Err(SignatureError::incomplete(format!("the header {name} has a line break in it")));
        }
        signed.push((name, value));
    }
    if !names.contains("host") {
        return Err(SignatureError::incomplete("the header host is not signed"));
    }
    for (name, _) in request.headers {
        if name.starts_with("x-acs-") && !names.contains(name.as_str()) {
            return Err(SignatureError::incomplete(format!("the header {name} was sent and is not signed")));
        }
    }
    Ok(signed)
}

fn canonical_request(
    request: &HttpRequest<'_>,
    params: &Params,
    signed_headers: &[(&str, &str)],
    list: &str,
    content_hash: &str,
) -> String {
    let mut canonical =
        format!("{}\n{}\n", request.method, if request.path.is_empty() { "/" } else { request.path });
    for (position, (name, value)) in params.iter_query().enumerate() {
        if position > 0 {
            canonical.push('&');
        }
        push_percent_encoded(&mut canonical, name);
        canonical.push('=');
        push_percent_encoded(&mut canonical, value);
    }
    canonical.push('\n');
    for (name, value) in signed_headers {
        canonical.extend([name, ":", value, "\n"]);
    }
    canonical.extend(["\n", list, "\n", content_hash]);
    canonical
}
