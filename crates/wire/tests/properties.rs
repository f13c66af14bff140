//! Whatever comes over the wire: nothing panics, the bounds hold, and what is written can be read back.

use std::collections::BTreeMap;

use causeway_wire::{
    Claim, Format, HttpRequest, PARAMETERS_MAX, Params, chunked, format_timestamp, parse_timestamp,
    percent_encode, render_success,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::Config;
use serde::Deserialize;
use serde_json::Value;

/// A type with all that a request can ask for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "what matters is how it is read")]
struct Everything {
    region_id: Option<String>,
    weight: Option<i64>,
    enabled: Option<bool>,
    #[serde(default)]
    tags: Vec<BTreeMap<String, String>>,
    tunnel: Option<Box<Everything>>,
}

/// Text that is mostly made of what the formats give a meaning to.
fn wire_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "&", "=", "+", "%", "%2", "%20", "%ff", ".", ".1", ".1.", "1", "Tags", "Tunnel", "Weight", "RegionId",
            "[", "]", "{", "}", "\"", ":", ",", "null", "true", "\\", "Action=", "Signature=", "&SignatureMethod=HMAC-SHA1",
            "&Timestamp=2016-04-28T12:00:00Z", "&AccessKeyId=a",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop::sample::select(vec![
        "authorization",
        "host",
        "x-acs-action",
        "x-acs-version",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-content-sha256",
        "x-acs-bearer-token",
        "content-type",
        "accept",
    ]);
    let value = prop_oneof![
        wire_text(),
        prop::sample::select(vec![
            "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host;x-acs-action,Signature=00",
            "ACS3-HMAC-SM3 Credential=a,SignedHeaders=host,Signature=00",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "2016-04-28T12:00:00Z",
        ])
        .prop_map(str::to_owned),
    ];
    vec((name.prop_map(str::to_owned), value), 0..12)
}

/// Scalars, lists and objects as operations answer them.
fn answer() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::strategy::Just(Value::Null),
    ];
    scalar.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map("[A-Z][A-Za-z0-9]{0,8}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(Config { cases: 1000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_request_panics(
        query in wire_text(),
        headers in headers(),
        body in prop_oneof![vec(any::<u8>(), 0..60), wire_text().prop_map(String::into_bytes)],
        method in prop::sample::select(vec!["GET", "POST", ""]),
        path in prop::sample::select(vec!["/", "", "/ä"]),
    ) {
        let request = HttpRequest { method, path, query: &query, headers: &headers, body: &body };
        match Params::decode(&request) {
            Err(error) => prop_assert!(!error.message().is_empty() && error.http_status() == 400),
            Ok(params) => {
                prop_assert!(params.len() <= PARAMETERS_MAX);
                if let Err(error) = params.decode_into::<Everything>() {
                    prop_assert!(!error.field.is_empty() && !error.to_string().is_empty());
                }
                match Claim::read(&request, &params) {
                    Err(error) => prop_assert!(!error.message().is_empty() && !error.code().is_empty()),
                    Ok(claim) => prop_assert!(claim.verify("secret").is_err(), "nobody guesses a signature"),
                }
            }
        }
    }

    #[test]
    fn any_text_survives_query_and_form(texts in btree_map("[A-Za-z][A-Za-z0-9]{0,9}", any::<String>(), 0..8)) {
        let text: Vec<_> = texts.iter().map(|(name, value)| format!("{name}={}", percent_encode(value))).collect();
        let text = text.join("&");
        for (query, body) in [(text.as_str(), ""), ("", text.as_str())] {
            let request = HttpRequest { method: "POST", path: "/", query, headers: &[], body: body.as_bytes() };
            let params = Params::decode(&request).expect("it is in bounds");
            prop_assert_eq!(&params.decode_into::<BTreeMap<String, String>>().expect("all are text"), &texts);
        }
    }

    #[test]
    fn lists_come_back_whichever_way_they_are_sent(elements in vec(any::<String>(), 1..20)) {
        let flattened: Vec<_> =
            elements.iter().enumerate().map(|(n, text)| format!("L.{}={}", n + 1, percent_encode(text))).collect();
        let json = format!("L={}", percent_encode(&Value::from(elements.clone()).to_string()));
        for query in [flattened.join("&"), json] {
            let request = HttpRequest { method: "GET", path: "/", query: &query, headers: &[], body: &[] };
            let params = Params::decode(&request).expect("it is in bounds");
            let lists: BTreeMap<String, Vec<String>> = params.decode_into().expect("it is a list");
            prop_assert_eq!(&lists["L"], &elements);
        }
    }

    #[test]
    fn any_bytes_are_chunked_or_refused(bytes in vec(prop_oneof![prop::sample::select(b"0123af\r\n".to_vec()), any::<u8>()], 0..60)) {
        if let Ok(body) = chunked::decode(&bytes, 16) {
            prop_assert!(body.len() <= 16);
        }
    }

    #[test]
    fn chunked_bodies_come_back(chunks in vec(vec(any::<u8>(), 1..30), 0..6)) {
        let mut encoded = Vec::new();
        for chunk in &chunks {
            encoded.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            encoded.extend(chunk);
            encoded.extend(b"\r\n");
        }
        encoded.extend(b"0\r\n\r\n");
        prop_assert_eq!(chunked::decode(&encoded, 1000), Ok(chunks.concat()));
    }

    #[test]
    fn timestamps_come_back(unix_s in 0..253_402_300_800_i64) {
        prop_assert_eq!(parse_timestamp(&format_timestamp(unix_s * 1000)), Ok(unix_s * 1000));
    }

    #[test]
    fn any_text_is_a_timestamp_or_refused(text in "[0-9T:Z-]{0,24}|.{0,24}") {
        if let Ok(unix_ms) = parse_timestamp(&text) {
            prop_assert_eq!(format_timestamp(unix_ms), text);
        }
    }

    #[test]
    fn every_answer_is_well_formed_xml_and_json_without_null(answer in answer()) {
        let (_, json) = render_success("X", &answer, Format::Json);
        let json: Value = serde_json::from_str(&json).expect("it is JSON");
        prop_assert!(answer.is_null() || !has_null(&json));
        let (_, xml) = render_success("X", &answer, Format::Xml);
        let mut reader = quick_xml::Reader::from_str(&xml);
        while reader.read_event().expect("it is well-formed") != quick_xml::events::Event::Eof {}
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
