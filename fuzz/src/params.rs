//! Query, form and headers: what decodes is the same when it is encoded and decoded again, and can be read into types.

use std::collections::BTreeMap;

use causeway_wire::{Format, HttpRequest, JsonText, Params, percent_encode};
use serde::Deserialize;

use crate::http::Request;

/// A type with all that a request can ask for.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[allow(dead_code, reason = "what matters is that it is read")]
struct Everything {
    region_id: Option<String>,
    weight: Option<i64>,
    enabled: Option<bool>,
    tag: Vec<BTreeMap<String, String>>,
    tunnel_options_specification: Vec<Everything>,
    tunnel_ike_config: Option<Box<Everything>>,
    ike_config: Option<JsonText<BTreeMap<String, String>>>,
}

/// Decodes a request's parameters, encodes them, and decodes those.
///
/// # Panics
///
/// When they differ.
pub fn check(bytes: &[u8]) {
    let Some(request) = Request::read(bytes) else { return };
    let Ok(params) = Params::decode(&request.as_wire()) else { return };
    let _read_or_refused = params.decode_into::<Everything>();
    Format::of(&request.as_wire(), &params);

    let encode = |(name, value)| format!("{}={}", percent_encode(name), percent_encode(value));
    let form = params.iter().map(encode).collect::<Vec<_>>().join("&");
    let as_query = HttpRequest { method: "GET", path: "/", query: &form, headers: &[], body: &[] };
    let as_form = HttpRequest { method: "POST", path: "/", query: "", headers: &[], body: form.as_bytes() };
    for again in [as_query, as_form] {
        let again = Params::decode(&again).expect("what was decoded once is encoded so that it can be again");
        assert!(again.iter().eq(params.iter()), "{params:?} became {again:?}");
        assert_eq!(again.len(), params.len());
        assert!(params.iter().all(|(name, value)| again.get(name) == Some(value)));
    }
}
