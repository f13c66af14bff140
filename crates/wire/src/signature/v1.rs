//! V1: the signature is a parameter and covers all others.

use super::{Algorithm, Claim, Common, Identity, Proof, Scheme, SignatureError, mandatory};
use crate::params::Params;
use crate::request::HttpRequest;
use crate::urlencoded::push_percent_encoded;

/// How much of an unknown signature method is shown, in characters.
const METHOD_CHARS_MAX: usize = 32;

pub(super) fn read(request: &HttpRequest<'_>, params: &Params) -> Result<Claim, SignatureError> {
    let common = Common::of_params(params)?;
    let access_key_id = mandatory("AccessKeyId", params.get("AccessKeyId"))?;
    let signature = mandatory("Signature", params.get("Signature"))?;
    let algorithm = match mandatory("SignatureMethod", params.get("SignatureMethod"))? {
        "HMAC-SHA1" => Algorithm::HmacSha1,
        "HMAC-SHA256" => Algorithm::HmacSha256,
        method => return Err(unsupported(method)),
    };
    if mandatory("SignatureVersion", params.get("SignatureVersion"))? != "1.0" {
        return Err(SignatureError::incomplete("SignatureVersion must be 1.0"));
    }
    // Absent, or empty as some clients send it: a plain AccessKey.
    if let Some(signature_type) =
        params.get("SignatureType").filter(|signature_type| !signature_type.is_empty())
    {
        return Err(unsupported(signature_type));
    }
    let proof = Proof::Signed {
        algorithm,
        string_to_sign: string_to_sign(request, params),
        canonical_request: None,
        signature: signature.to_owned(),
    };
    let security_token = params.get("SecurityToken");
    common.claim(request, params, Identity { scheme: Scheme::V1, access_key_id, security_token, proof })
}

fn unsupported(method: &str) -> SignatureError {
    SignatureError::MethodUnsupported { method: method.chars().take(METHOD_CHARS_MAX).collect() }
}

/// `METHOD&%2F&` and all parameters but the signature, ordered by name and encoded twice.
fn string_to_sign(request: &HttpRequest<'_>, params: &Params) -> String {
    let mut canonical = String::new();
    for (name, value) in params.iter().filter(|(name, _)| *name != "Signature") {
        if !canonical.is_empty() {
            canonical.push('&');
        }
        push_percent_encoded(&mut canonical, name);
        canonical.push('=');
        push_percent_encoded(&mut canonical, value);
    }
    let mut string_to_sign = String::with_capacity(canonical.len() * 5 / 4 + 16);
    string_to_sign.push_str(request.method);
    string_to_sign.push('&');
    push_percent_encoded(&mut string_to_sign, if request.path.is_empty() { "/" } else { request.path });
    string_to_sign.push('&');
    push_percent_encoded(&mut string_to_sign, &canonical);
    string_to_sign
}
