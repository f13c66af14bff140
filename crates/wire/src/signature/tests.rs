use super::{Claim, NONCE_BYTES_MAX, Scheme, SignatureError};
use crate::format::Format;
use crate::params::Params;
use crate::request::HttpRequest;
use crate::signature::digest::Algorithm;
use crate::urlencoded::percent_encode;

const SECRET: &str = "testsecret";
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn claim_of(request: &HttpRequest<'_>) -> Result<Claim, SignatureError> {
    Claim::read(request, &Params::decode(request).expect("the test's parameters are in bounds"))
}

/// The parameters of a V1 request, all that is mandatory, of which a test changes some.
struct V1(Vec<(&'static str, String)>);

impl V1 {
    fn new() -> Self {
        let params = [
            ("AccessKeyId", "testid"),
            ("Action", "DescribeRegions"),
            ("Version", "2016-04-28"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", "nonce"),
            ("Timestamp", "2016-04-28T12:00:00Z"),
            ("Signature", "unknown"),
        ];
        Self(params.map(|(name, value)| (name, value.to_owned())).to_vec())
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.0.retain(|(other, _)| *other != name);
        self
    }

    fn claim(&self) -> Result<Claim, SignatureError> {
        let pairs: Vec<_> =
            self.0.iter().map(|(name, value)| format!("{name}={}", percent_encode(value))).collect();
        claim_of(&HttpRequest { method: "GET", path: "/", query: &pairs.join("&"), headers: &[], body: &[] })
    }

    /// Signs what there is, as a client does.
    fn signed(self) -> Self {
        let claim = self.claim().expect("the test signs what can be signed");
        let algorithm = claim.algorithm().expect("it is to be signed");
        let signature = algorithm.sign(SECRET, claim.string_to_sign().expect("it is to be signed"));
        self.with("Signature", &signature)
    }
}

/// The headers of a V3 request, all that is mandatory, of which a test changes some.
#[derive(Clone)]
struct V3 {
    headers: Vec<(String, String)>,
    query: String,
    body: Vec<u8>,
    /// Instead of the names of all headers.
    signed_headers: Option<String>,
}

impl V3 {
    fn new() -> Self {
        let headers = [
            ("host", "127.0.0.1:8686"),
            ("x-acs-action", "DescribeRegions"),
            ("x-acs-version", "2016-04-28"),
            ("x-acs-date", "2016-04-28T12:00:00Z"),
            ("x-acs-signature-nonce", "nonce"),
            ("x-acs-content-sha256", EMPTY_SHA256),
        ];
        Self {
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            query: String::new(),
            body: Vec::new(),
            signed_headers: None,
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    fn signing(mut self, signed_headers: &str) -> Self {
        self.signed_headers = Some(signed_headers.to_owned());
        self
    }

    fn claim(&self) -> Result<Claim, SignatureError> {
        let (headers, body) = (&self.headers, &self.body);
        claim_of(&HttpRequest { method: "POST", path: "/", query: &self.query, headers, body })
    }

    /// Signs what there is, as a client does.
    fn signed(self) -> Result<Claim, SignatureError> {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let signed_headers = self.signed_headers.clone().unwrap_or_else(|| names.join(";"));
        let authorization = |signature: &str| {
            format!("ACS3-HMAC-SHA256 Credential=testid,SignedHeaders={signed_headers},Signature={signature}")
        };
        let unsigned = self.clone().with("authorization", &authorization("unknown")).claim()?;
        let string_to_sign = unsigned.string_to_sign().expect("it is to be signed");
        let signature = Algorithm::Acs3HmacSha256.sign(SECRET, string_to_sign);
        let claim = self.with("authorization", &authorization(&signature)).claim()?;
        assert_eq!(claim.verify(SECRET), Ok(()));
        Ok(claim)
    }
}

fn incomplete<T: std::fmt::Debug>(result: Result<T, SignatureError>) -> String {
    match result {
        Err(SignatureError::Incomplete { reason }) => reason,
        other => format!("{other:?}"),
    }
}

#[test]
fn a_v1_signature_verifies_with_either_method() {
    for method in ["HMAC-SHA1", "HMAC-SHA256"] {
        let signed = V1::new().with("SignatureMethod", method).signed();
        assert_eq!(signed.claim().and_then(|claim| claim.verify(SECRET)), Ok(()), "{method}");
        let claim = signed.claim().expect("complete");
        for wrong in ["", "testsecret2", "Testsecret", "testsecret&"] {
            assert!(matches!(claim.verify(wrong), Err(SignatureError::DoesNotMatch { .. })), "{wrong}");
        }
    }
}

#[test]
fn a_v1_mismatch_ends_with_the_servers_string_to_sign() {
    let claim = V1::new().claim().expect("complete");
    let error = claim.verify(SECRET).expect_err("it is not signed");
    assert_eq!((error.code(), error.http_status()), ("SignatureDoesNotMatch", 400));
    let expected = "Specified signature is not matched with our calculation. server string to sign is:\
                    GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26SignatureMethod%3DHMAC-SHA1\
                    %26SignatureNonce%3Dnonce%26SignatureVersion%3D1.0\
                    %26Timestamp%3D2016-04-28T12%253A00%253A00Z%26Version%3D2016-04-28";
    assert_eq!(error.message(), expected);
}

#[test]
fn what_was_signed_and_tokens_stay_out_of_logs() {
    let claim = V1::new().with("Psk", "geheim").with("SecurityToken", "geheim").claim().expect("complete");
    let error = claim.verify(SECRET).expect_err("it is not signed");
    assert!(error.message().contains("geheim"), "the caller is told what it sent itself");
    assert!(!format!("{claim:?} {error} {error:?}").contains("geheim"));
}

#[test]
fn an_empty_security_token_is_absent_and_signed_all_the_same() {
    let empty = V1::new().with("SecurityToken", "").signed();
    let claim = empty.claim().expect("complete");
    assert_eq!((claim.security_token.as_deref(), claim.verify(SECRET)), (None, Ok(())));
    assert!(claim.string_to_sign().is_some_and(|text| text.contains("SecurityToken%3D%26")));
    let without = empty.without("SecurityToken").claim().expect("complete");
    assert!(without.verify(SECRET).is_err());
    let with_token = V1::new().with("SecurityToken", "CAIS/x==").signed().claim().expect("complete");
    assert_eq!((with_token.security_token.as_deref(), with_token.verify(SECRET)), (Some("CAIS/x=="), Ok(())));
}

#[test]
fn what_v1_must_have_is_asked_for_by_name() {
    for (name, _) in V1::new().0 {
        for request in [V1::new().without(name), V1::new().with(name, "")] {
            let error = request.claim().expect_err("something is missing");
            assert_eq!((error.code(), error.http_status()), ("MissingParameter", 400));
            let message = format!(
                "The input parameter \"{name}\" that is mandatory for processing this request is not supplied."
            );
            assert_eq!(error.message(), message);
        }
    }
}

#[test]
fn what_v1_does_not_know_is_refused() {
    let refused = |name, value: &str| V1::new().with(name, value).claim().expect_err("refused");
    assert_eq!(refused("SignatureMethod", "HMAC-MD5").code(), "InvalidSignatureMethod");
    assert_eq!(refused("SignatureMethod", "hmac-sha1").code(), "InvalidSignatureMethod");
    assert_eq!(refused("SignatureType", "PRIVATEKEY").code(), "InvalidSignatureMethod");
    assert_eq!(refused("SignatureVersion", "2.0").code(), "IncompleteSignature");
    assert_eq!(refused("Timestamp", "2016-04-28T12:00:00").code(), "InvalidTimeStamp.Format");
    assert_eq!(refused("SignatureNonce", &"n".repeat(NONCE_BYTES_MAX + 1)), SignatureError::NonceTooLong);
    assert_eq!(refused("AccessKeyId", &"a".repeat(129)).code(), "IncompleteSignature");
    assert!(V1::new().with("SignatureNonce", &"n".repeat(NONCE_BYTES_MAX)).claim().is_ok());
}

#[test]
fn v1_binds_the_method_and_the_path() {
    let signed = V1::new().signed();
    let pairs: Vec<_> =
        signed.0.iter().map(|(name, value)| format!("{name}={}", percent_encode(value))).collect();
    let query = pairs.join("&");
    let verify = |method, path| {
        claim_of(&HttpRequest { method, path, query: &query, headers: &[], body: &[] })
            .and_then(|claim| claim.verify(SECRET))
    };
    assert_eq!(verify("GET", "/"), Ok(()));
    assert_eq!(verify("GET", ""), Ok(()), "no path is the path /");
    assert!(verify("POST", "/").is_err());
    assert!(verify("GET", "/other").is_err());
}

#[test]
fn a_v3_signature_covers_what_its_list_names() {
    let claim = V3::new().with("accept", "application/json").signed().expect("complete");
    assert_eq!(claim.scheme, Scheme::V3);
    assert_eq!((claim.access_key_id.as_str(), claim.action.as_str()), ("testid", "DescribeRegions"));
    let list = "x-acs-version;host;x-acs-action;x-acs-signature-nonce;x-acs-date;x-acs-content-sha256";
    let in_other_order = V3::new().with("user-agent", "x").signing(list).signed().expect("complete");
    assert!(
        in_other_order
            .canonical_request()
            .is_some_and(|text| text.contains("\nx-acs-version:2016-04-28\nhost:"))
    );
}

#[test]
fn v3_signs_the_query_by_its_parameters_and_the_form_by_its_bytes() {
    let body = b"Form=1".to_vec();
    let hash = Algorithm::Acs3HmacSha256.hash(&body);
    let request =
        V3 { query: "b=+&a=%7e&c".to_owned(), body, ..V3::new() }.with("x-acs-content-sha256", &hash);
    let claim = request.signed().expect("complete");
    assert!(claim.canonical_request().is_some_and(|text| text.starts_with("POST\n/\na=~&b=%20&c=\nhost:")));
}

#[test]
fn headers_that_decide_must_be_signed() {
    let all = "host;x-acs-action;x-acs-version;x-acs-date;x-acs-signature-nonce;x-acs-content-sha256";
    assert!(V3::new().signing(all).signed().is_ok());
    for (name, _) in V3::new().headers {
        let others: Vec<_> = all.split(';').filter(|other| *other != name).collect();
        let reason = incomplete(V3::new().signing(&others.join(";")).signed());
        let expected = if name == "host" { "is not signed" } else { "was sent and is not signed" };
        assert!(reason.contains(&format!("the header {name} {expected}")), "{reason}");
    }
    let added = V3::new().with("x-acs-security-token", "t").signing(all).signed();
    assert_eq!(incomplete(added), "the header x-acs-security-token was sent and is not signed");
}

#[test]
fn a_signed_header_comes_exactly_once() {
    let mut twice = V3::new();
    twice.headers.push(("x-acs-action".to_owned(), "DeleteVpnAttachment".to_owned()));
    let list = "host;x-acs-action;x-acs-version;x-acs-date;x-acs-signature-nonce;x-acs-content-sha256";
    assert_eq!(incomplete(twice.signing(list).signed()), "the header x-acs-action was sent twice");
    let absent = V3::new().signing(&format!("{list};x-acs-absent")).signed();
    assert_eq!(incomplete(absent), "the signed header x-acs-absent was not sent");
    let listed_twice = V3::new().signing(&format!("{list};host")).signed();
    assert_eq!(incomplete(listed_twice), "SignedHeaders has a name twice, or too many names");
    for list in ["Host", ";host", "host;", "host; x-acs-action"] {
        let reason = incomplete(V3::new().signing(list).signed());
        assert_eq!(reason, "SignedHeaders must be names in lower case with ; between them", "{list}");
    }
    let broken = V3::new().with("user-agent", "a\nhost:b").signed();
    assert_eq!(incomplete(broken), "the header user-agent has a line break in it");
}

#[test]
fn what_v3_must_have_is_asked_for_by_name() {
    for (name, _) in V3::new().headers.into_iter().skip(1) {
        let error = V3::new().without(&name).signed().expect_err("something is missing");
        assert!(error.message().contains(&format!("\"{name}\"")), "{name}: {}", error.message());
        assert_eq!(error.code(), "MissingParameter");
    }
    let without_host = V3::new().without("host").signed();
    assert_eq!(incomplete(without_host), "the header host is not signed");
}

#[test]
fn the_body_must_have_the_signed_hash() {
    let mut request = V3::new();
    request.body = b"a=1".to_vec();
    let error = request.signed().expect_err("another body");
    assert_eq!((error.code(), error.http_status()), ("SignatureDoesNotMatch", 400));
    let hash = Algorithm::Acs3HmacSha256.hash(b"a=1");
    assert!(error.message().contains(&hash), "{}", error.message());
}

#[test]
fn a_v3_mismatch_shows_both_strings() {
    let authorization = format!("ACS3-HMAC-SHA256 Credential=testid,SignedHeaders={},Signature=00", V3_LIST);
    let claim = V3::new().with("authorization", &authorization).claim().expect("complete");
    let message = claim.verify(SECRET).expect_err("not signed").message();
    let (string_to_sign, canonical) =
        (claim.string_to_sign().unwrap_or(""), claim.canonical_request().unwrap_or(""));
    assert!(message.contains(string_to_sign) && message.contains(canonical), "{message}");
    assert!(string_to_sign.starts_with("ACS3-HMAC-SHA256\n") && canonical.ends_with(EMPTY_SHA256));
}

const V3_LIST: &str = "host;x-acs-action;x-acs-version;x-acs-date;x-acs-signature-nonce;x-acs-content-sha256";

#[test]
fn malformed_authorizations_are_refused() {
    let read = |authorization: &str| V3::new().with("authorization", authorization).claim();
    for authorization in [
        "ACS3-HMAC-SHA256",
        "ACS3-HMAC-SHA256 ",
        "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host",
        "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=",
        "ACS3-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=00",
        "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=,Signature=00",
        "ACS3-HMAC-SHA256 Credential=a,Credential=b,SignedHeaders=host,Signature=00",
        "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=00,Other=1",
        "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature",
    ] {
        assert!(incomplete(read(authorization)).starts_with("Authorization must be"), "{authorization}");
    }
    let mut twice = V3::new().with("authorization", "ACS3-HMAC-SHA256 x");
    twice.headers.push(("authorization".to_owned(), "Basic x".to_owned()));
    assert_eq!(incomplete(twice.claim()), "the header authorization was sent twice");
}

#[test]
fn rsa_is_clearly_not_supported() {
    let authorization = "ACS3-RSA-SHA256 Credential=a,SignedHeaders=host,Signature=00";
    let error = V3::new().with("authorization", authorization).claim().expect_err("not supported");
    assert_eq!((error.code(), error.http_status()), ("InvalidSignatureMethod", 400));
    assert!(error.message().contains("ACS3-RSA-SHA256 is not supported"), "{}", error.message());
}

#[test]
fn two_ids_of_one_access_key_must_agree() {
    assert!(V3::new().with("x-acs-accesskey-id", "testid").signed().is_ok());
    let reason = incomplete(V3::new().with("x-acs-accesskey-id", "other").signed());
    assert_eq!(reason, "x-acs-accesskey-id and Credential name different AccessKeys");
}

#[test]
fn a_bearer_token_proves_nothing_here() {
    let by_parameter = V1::new().without("AccessKeyId").without("Signature").with("BearerToken", "t");
    let by_type = V1::new().without("AccessKeyId").with("SignatureType", "BEARERTOKEN");
    let by_header = V3::new().with("x-acs-bearer-token", "t");
    for claim in [by_parameter.claim(), by_type.claim(), by_header.claim()] {
        let claim = claim.expect("it is recognised");
        assert_eq!((claim.scheme, claim.access_key_id.as_str()), (Scheme::Bearer, ""));
        assert_eq!(claim.verify(SECRET), Err(SignatureError::BearerUnsupported));
    }
    let empty = V1::new().with("BearerToken", "").claim().expect("complete");
    assert_eq!(empty.scheme, Scheme::V1);
}

#[test]
fn the_format_comes_from_the_parameter_and_else_from_the_header() {
    for (format, expected) in [
        ("XML", Format::Xml),
        ("xml", Format::Xml),
        ("json", Format::Json),
        ("JSON", Format::Json),
        ("x", Format::Json),
    ] {
        assert_eq!(
            V1::new().with("Format", format).claim().map(|claim| claim.format),
            Ok(expected),
            "{format}"
        );
    }
    let accepting = |accept| V3::new().with("accept", accept).signed().map(|claim| claim.format);
    assert_eq!(accepting("application/json"), Ok(Format::Json));
    assert_eq!(accepting("application/xml"), Ok(Format::Xml));
    assert_eq!(accepting("*/*"), Ok(Format::Json));
    assert_eq!(V3::new().signed().map(|claim| claim.format), Ok(Format::Json));
}

#[test]
fn sm3_hashes_and_signs() {
    // RFC draft-sca-cfrg-sm3, example 1: SM3("abc").
    let hash = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0";
    assert_eq!(Algorithm::Acs3HmacSm3.hash(b"abc"), hash);
}
