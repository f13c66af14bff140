//! 38 requests that real clients made, recorded as they came over the wire: each is read as its client
//! meant it, its signature verifies, and not one signed byte of it can be changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use causeway_wire::{
    Algorithm, Claim, Format, HttpRequest, Params, Scheme, SignatureError, chunked, parse_timestamp,
};
use serde::Deserialize;

/// What is known about a capture, found out without this crate.
#[derive(Deserialize)]
struct Vector {
    file: String,
    method: String,
    action: String,
    chunked_body: bool,
    params: BTreeMap<String, String>,
    signing: String,
    algorithm: Option<String>,
    access_key_id: Option<String>,
    string_to_sign: Option<String>,
    canonical_request: Option<String>,
    signature: Option<String>,
}

#[derive(Deserialize)]
struct Index {
    access_key_secret: String,
    vectors: Vec<Vector>,
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/api"))
}

fn read(path: &Path) -> Vec<u8> {
    let read = std::fs::read(path);
    assert!(read.is_ok(), "{}: {read:?}; the captures lie beside the checkout", path.display());
    read.unwrap_or_default()
}

fn index() -> Index {
    let path = folder().join("captured-requests-index.json");
    let text = read(&path);
    serde_json::from_slice(&text).expect("the index has the form described here")
}

/// A request taken apart, each part open to change.
#[derive(Clone)]
struct Capture {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Capture {
    fn load(vector: &Vector) -> Self {
        let path = folder().join("captured-requests").join(&vector.file);
        let raw = read(&path);
        let end =
            raw.windows(4).position(|window| window == b"\r\n\r\n").expect("an empty line ends the head");
        let head = std::str::from_utf8(&raw[..end]).expect("the head is ASCII");
        let (request_line, headers) = head.split_once("\r\n").expect("there are headers");
        let mut words = request_line.split(' ');
        let (method, target) = (words.next().expect("a method"), words.next().expect("a target"));
        assert_eq!(words.collect::<Vec<_>>(), ["HTTP/1.1"], "{request_line}");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers: Vec<_> = headers
            .split("\r\n")
            .map(|line| line.split_once(':').expect("a header has a colon"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let is_chunked =
            headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        assert_eq!(is_chunked, vector.chunked_body, "{}", vector.file);
        let body = &raw[end + 4..];
        let body =
            if is_chunked { chunked::decode(body, 1 << 20).expect("it is chunked") } else { body.to_vec() };
        Self { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), headers, body }
    }

    fn request(&self) -> HttpRequest<'_> {
        let Self { method, path, query, headers, body } = self;
        HttpRequest { method, path, query, headers, body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The request as a server takes it in: refused, or what it claims and says.
    fn accept(&self, access_key_id: &str, secret: &str) -> Option<(Claim, Params)> {
        let request = self.request();
        let params = Params::decode(&request).ok()?;
        let claim = Claim::read(&request, &params).ok()?;
        if claim.access_key_id != access_key_id {
            return None;
        }
        claim.verify(secret).ok()?;
        Some((claim, params))
    }
}

#[test]
fn there_are_38_captures_and_each_is_a_vector() {
    let listed: Vec<String> = index().vectors.into_iter().map(|vector| vector.file).collect();
    let mut found: Vec<String> = std::fs::read_dir(folder().join("captured-requests"))
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed").file_name().into_string().expect("ASCII"))
        .collect();
    found.sort();
    assert_eq!((found.len(), found), (38, listed));
}

#[test]
fn parameters_are_decoded_as_the_clients_meant_them() {
    for vector in index().vectors {
        let capture = Capture::load(&vector);
        let params = Params::decode(&capture.request()).expect("a client's parameters are in bounds");
        let decoded: BTreeMap<_, _> =
            params.iter().map(|(name, value)| (name.into(), value.into())).collect();
        assert_eq!(decoded, vector.params, "{}", vector.file);
    }
}

#[test]
fn the_tunnels_of_an_attachment_are_read_from_every_form_that_clients_use() {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Request {
        tunnel_options_specification: Vec<Tunnel>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tunnel {
        customer_gateway_id: String,
        tunnel_index: u8,
        enable_dpd: Option<bool>,
        tunnel_ike_config: Option<BTreeMap<String, String>>,
    }
    let mut attachments = 0;
    for vector in index().vectors {
        if vector.action != "CreateVpnAttachment" || vector.file.contains("single-tunnel") {
            continue;
        }
        let capture = Capture::load(&vector);
        let params = Params::decode(&capture.request()).expect("a client's parameters are in bounds");
        let tunnels = params.decode_into::<Request>().expect("it has tunnels").tunnel_options_specification;
        assert!(
            tunnels.iter().all(|tunnel| tunnel.customer_gateway_id.starts_with("cgw-")),
            "{}",
            vector.file
        );
        assert!(tunnels.iter().all(|tunnel| tunnel.enable_dpd != Some(false)), "{}", vector.file);
        let first = tunnels.iter().find(|tunnel| tunnel.tunnel_index == 1).expect("there is a first");
        let psk = first.tunnel_ike_config.as_ref().map(|ike| ike["Psk"].as_str());
        assert!(matches!(psk, Some("p+s/k=1&*~'x" | "p+s")), "{}: {psk:?}", vector.file);
        attachments += 1;
    }
    assert_eq!(attachments, 7);
}

#[test]
fn what_is_signed_is_what_the_clients_signed() {
    for vector in index().vectors.iter().filter(|vector| vector.signing != "bearer") {
        let capture = Capture::load(vector);
        let params = Params::decode(&capture.request()).expect("a client's parameters are in bounds");
        let claim = Claim::read(&capture.request(), &params).expect("a client's claim is complete");
        let file = &vector.file;
        assert_eq!(claim.string_to_sign(), vector.string_to_sign.as_deref(), "{file}");
        assert_eq!(claim.canonical_request(), vector.canonical_request.as_deref(), "{file}");
        assert_eq!(claim.algorithm().map(Algorithm::name), vector.algorithm.as_deref(), "{file}");
        assert_eq!(format!("{:?}", claim.scheme), vector.signing, "{file}");
    }
}

#[test]
fn claims_are_read_as_the_clients_made_them() {
    for vector in index().vectors {
        let capture = Capture::load(&vector);
        let params = Params::decode(&capture.request()).expect("a client's parameters are in bounds");
        let claim = Claim::read(&capture.request(), &params).expect("a client's claim is complete");
        let (file, is_v3) = (&vector.file, capture.header("x-acs-date").is_some());
        let common = |parameter, header| if is_v3 { capture.header(header) } else { params.get(parameter) };
        assert_eq!(claim.action, vector.action, "{file}");
        assert_eq!(claim.version, "2016-04-28", "{file}");
        assert_eq!(claim.access_key_id, vector.access_key_id.unwrap_or_default(), "{file}");
        assert_eq!(Some(claim.nonce.as_str()), common("SignatureNonce", "x-acs-signature-nonce"), "{file}");
        let timestamp = common("Timestamp", "x-acs-date").expect("it has one");
        assert_eq!(Ok(claim.timestamp_ms), parse_timestamp(timestamp), "{file}");
        let token = common("SecurityToken", "x-acs-security-token").filter(|token| !token.is_empty());
        assert_eq!(claim.security_token.as_deref(), token, "{file}");
        assert_eq!(claim.security_token.is_some(), file.contains("-sts-"), "{file}");
        assert_eq!(claim.format == Format::Xml, file.contains("-xml-"), "{file}");
        assert_eq!(capture.method, vector.method, "{file}");
    }
}

#[test]
fn every_signature_verifies_and_only_with_its_secret() {
    let Index { access_key_secret, vectors } = index();
    for vector in vectors.iter().filter(|vector| vector.signing != "bearer") {
        let capture = Capture::load(vector);
        let params = Params::decode(&capture.request()).expect("a client's parameters are in bounds");
        let claim = Claim::read(&capture.request(), &params).expect("a client's claim is complete");
        assert_eq!(claim.verify(&access_key_secret), Ok(()), "{}", vector.file);
        let error = claim.verify("testsecreT").expect_err("another secret");
        let string_to_sign = vector.string_to_sign.as_deref().expect("it is signed");
        match claim.scheme {
            Scheme::V1 => {
                assert!(error.message().ends_with(&format!("to sign is:{string_to_sign}")), "{error:?}")
            }
            Scheme::V3 | Scheme::Bearer => assert!(error.message().contains(string_to_sign), "{error:?}"),
        }
        assert!(vector.signature.is_some(), "{}", vector.file);
    }
}

#[test]
fn bearer_requests_are_recognised_and_prove_nothing() {
    let Index { access_key_secret, vectors } = index();
    let mut bearers = 0;
    for vector in vectors.iter().filter(|vector| vector.signing == "bearer") {
        let capture = Capture::load(vector);
        let params = Params::decode(&capture.request()).expect("a client's parameters are in bounds");
        let claim = Claim::read(&capture.request(), &params).expect("a client's claim is complete");
        assert_eq!(claim.scheme, Scheme::Bearer, "{}", vector.file);
        assert_eq!(
            claim.verify(&access_key_secret),
            Err(SignatureError::BearerUnsupported),
            "{}",
            vector.file
        );
        bearers += 1;
    }
    assert_eq!(bearers, 2);
}

/// How a byte is changed: into its neighbour, into the other case, and into what divides parameters.
fn alterations(byte: u8) -> impl Iterator<Item = u8> {
    [byte ^ 0x01, byte ^ 0x20, b'&']
        .into_iter()
        .filter(move |altered| *altered != byte && (0x20..0x7f).contains(altered))
}

/// `text` with each of its bytes altered in each way, and without each of its bytes.
fn altered(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let replaced = (0..text.len()).flat_map(move |at| {
        alterations(text[at]).map(move |byte| {
            let mut text = text.to_vec();
            text[at] = byte;
            text
        })
    });
    let removed = (0..text.len()).map(move |at| [&text[..at], &text[at + 1..]].concat());
    replaced.chain(removed)
}

/// Every request that differs from this one in one byte of what its signature covers, or of the signature.
fn tampered(capture: &Capture, scheme: Scheme) -> Vec<Capture> {
    let text = |bytes| String::from_utf8(bytes).expect("alterations are ASCII");
    let mut all: Vec<Capture> = Vec::new();
    all.extend(
        altered(capture.query.as_bytes()).map(|query| Capture { query: text(query), ..capture.clone() }),
    );
    all.extend(altered(&capture.body).map(|body| Capture { body, ..capture.clone() }));
    all.extend(
        altered(capture.method.as_bytes()).map(|method| Capture { method: text(method), ..capture.clone() }),
    );
    for (position, (name, value)) in capture.headers.iter().enumerate() {
        let signed_headers =
            capture.header("authorization").and_then(|value| value.split("SignedHeaders=").nth(1));
        let is_signed =
            signed_headers.is_some_and(|list| list.split([';', ',']).any(|signed| signed == name));
        if scheme == Scheme::V3 && (is_signed || name == "authorization") {
            all.extend(altered(value.as_bytes()).map(|value| {
                let mut capture = capture.clone();
                capture.headers[position].1 = text(value);
                capture
            }));
        }
    }
    all
}

#[test]
fn no_signed_byte_can_be_changed_without_refusal_or_without_being_the_same_request() {
    let Index { access_key_secret: secret, vectors } = index();
    let (mut refused, mut same) = (0, 0);
    for vector in vectors.iter().filter(|vector| vector.signing != "bearer") {
        let capture = Capture::load(vector);
        let (claim, params) = capture.accept("testid", &secret).expect("the untouched request is accepted");
        for tampered in tampered(&capture, claim.scheme) {
            let Some((other, other_params)) = tampered.accept("testid", &secret) else {
                refused += 1;
                continue;
            };
            // Some forms are two spellings of one request: `+` and `%20`, `%2f` and `%2F`, a space more
            // around a header. Then all that anybody will read must be the same.
            same += 1;
            let file = &vector.file;
            assert_eq!(other_params, params, "{file}");
            assert_eq!(other.string_to_sign(), claim.string_to_sign(), "{file}");
            assert_eq!(other.canonical_request(), claim.canonical_request(), "{file}");
            assert_eq!(format!("{other:?}"), format!("{claim:?}"), "{file}");
            assert_eq!(other.security_token, claim.security_token, "{file}");
        }
    }
    assert!(refused > 100_000, "only {refused} changes were tried and refused");
    assert!(same > 0 && same < refused / 20, "{same} changes were other spellings of the same request");
}
