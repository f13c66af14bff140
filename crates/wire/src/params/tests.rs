use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Deserialize;

use super::{
    FieldError, FieldErrorKind, JSON_BYTES_MAX, JSON_DEPTH_MAX, JSON_VALUES_MAX, JsonText, LIST_INDEX_MAX,
    NAME_BYTES_MAX, NAME_DEPTH_MAX, PARAMETERS_BYTES_MAX, PARAMETERS_MAX, Params, ParamsError,
};
use crate::request::HttpRequest;
use crate::urlencoded::percent_encode;

fn request<'a>(query: &'a str, headers: &'a [(String, String)], body: &'a [u8]) -> HttpRequest<'a> {
    HttpRequest { method: "POST", path: "/", query, headers, body }
}

fn decode(query: &str, form: &str) -> Result<Params, ParamsError> {
    Params::decode(&request(query, &[], form.as_bytes()))
}

/// The parameters with these names and values, whatever characters they have.
fn params(pairs: &[(&str, &str)]) -> Params {
    let query: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
        .collect();
    decode(&query.join("&"), "").expect("the test's parameters are in bounds")
}

fn read<'de, T: serde::de::DeserializeOwned + 'de>(pairs: &[(&str, &str)]) -> Result<T, FieldError> {
    params(pairs).decode_into()
}

/// Of the error: the field, and what was expected of it or `missing`.
fn refused<T: serde::de::DeserializeOwned + std::fmt::Debug>(pairs: &[(&str, &str)]) -> (String, String) {
    let error = read::<T>(pairs).expect_err("the test wants a refusal");
    let expected = if error.kind == FieldErrorKind::Missing { "missing".to_owned() } else { error.expected };
    (error.field, expected)
}

fn owned(field: &str, expected: &str) -> (String, String) {
    (field.to_owned(), expected.to_owned())
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attachment {
    region_id: String,
    #[serde(default)]
    enable_dpd: Option<bool>,
    #[serde(default, alias = "Tag")]
    tags: Vec<Tag>,
    #[serde(default)]
    tunnel_options_specification: Vec<TunnelOptions>,
    #[serde(default)]
    ike_config: Option<JsonText<IkeConfig>>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TunnelOptions {
    tunnel_index: u8,
    #[serde(default)]
    tunnel_ike_config: Option<IkeConfig>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IkeConfig {
    psk: Psk,
    #[serde(default)]
    ike_version: Option<IkeVersion>,
    #[serde(default)]
    ike_lifetime: Option<u32>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
struct Psk(String);

impl TryFrom<String> for Psk {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() <= 100 {
            Ok(Self(text))
        } else {
            Err(format!("a key of at most 100 characters, not {text}"))
        }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum IkeVersion {
    Ikev1,
    Ikev2,
}

mod bounds {
    use super::{
        HttpRequest, NAME_BYTES_MAX, NAME_DEPTH_MAX, PARAMETERS_BYTES_MAX, PARAMETERS_MAX, Params,
        ParamsError, decode, request,
    };

    #[test]
    fn query_and_form_are_merged() {
        let params = decode("b=2&a=1+%2B", "c=&d").expect("in bounds");
        assert_eq!(params.iter().collect::<Vec<_>>(), [("a", "1 +"), ("b", "2"), ("c", ""), ("d", "")]);
        assert_eq!(params.iter_query().collect::<Vec<_>>(), [("a", "1 +"), ("b", "2")]);
        assert_eq!((params.get("a"), params.get("A"), params.len()), (Some("1 +"), None, 4));
    }

    #[test]
    fn a_name_given_twice_is_refused_wherever_it_comes_from() {
        for (query, form, in_both_places) in
            [("a=1&a=1", "", false), ("", "a=1&%61=2", false), ("a=1", "a=1", true)]
        {
            let duplicate = ParamsError::Duplicate { name: "a".to_owned(), in_both_places };
            assert_eq!(decode(query, form), Err(duplicate), "{query} {form}");
        }
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        let query = |count: usize| (0..count).map(|n| format!("p{n}=")).collect::<Vec<_>>().join("&");
        assert_eq!(decode(&query(PARAMETERS_MAX), "").map(|params| params.len()), Ok(PARAMETERS_MAX));
        assert_eq!(decode(&query(PARAMETERS_MAX), "q="), Err(ParamsError::TooMany));
    }

    #[test]
    fn the_size_of_query_and_form_together_is_bounded() {
        let value = "x".repeat(PARAMETERS_BYTES_MAX - 4);
        assert!(decode("a=", &format!("b={value}")).is_ok());
        let bytes = PARAMETERS_BYTES_MAX + 1;
        assert_eq!(decode("a=1", &format!("b={value}")), Err(ParamsError::TooLarge { bytes }));
    }

    #[test]
    fn names_are_bounded_in_length_and_depth() {
        let long = "n".repeat(NAME_BYTES_MAX);
        assert!(decode(&format!("{long}=1"), "").is_ok());
        assert_eq!(decode(&format!("{long}n=1"), ""), Err(ParamsError::NameTooLong));
        assert_eq!(
            decode(&format!("{}=1", "%41".repeat(NAME_BYTES_MAX + 1)), ""),
            Err(ParamsError::NameTooLong)
        );
        let deep = ["a"; NAME_DEPTH_MAX].join(".");
        assert!(decode(&format!("{deep}=1"), "").is_ok());
        let name = format!("{deep}.a");
        assert_eq!(decode(&format!("{name}=1"), ""), Err(ParamsError::NameTooDeep { name }));
    }

    #[test]
    fn names_must_be_segments_with_dots_between() {
        for (query, name) in [("=1", ""), (".a=1", ".a"), ("a.=1", "a."), ("a..b=1", "a..b"), ("%2e=1", ".")]
        {
            assert_eq!(decode(query, ""), Err(ParamsError::NameEmpty { name: name.to_owned() }), "{query}");
        }
    }

    #[test]
    fn broken_encodings_are_refused_without_the_value() {
        let of = |name: &str| Err(ParamsError::Encoding { name: Some(name.to_owned()) });
        assert_eq!(decode("Psk=secret%4", ""), of("Psk"));
        assert_eq!(decode("", "Psk=secret%ff"), of("Psk"));
        assert_eq!(decode("%zz=1", ""), Err(ParamsError::Encoding { name: None }));
        assert_eq!(
            Params::decode(&request("", &[], b"a=\xff")),
            Err(ParamsError::Encoding { name: None }),
            "a form is ASCII text with escapes"
        );
    }

    #[test]
    fn only_forms_are_read_from_bodies() {
        let of_type = |content_type: &str, body: &[u8]| {
            let headers = [("content-type".to_owned(), content_type.to_owned())];
            Params::decode(&HttpRequest { method: "POST", path: "/", query: "", headers: &headers, body })
                .map(|params| params.len())
        };
        assert_eq!(of_type("application/x-www-form-urlencoded", b"a=1"), Ok(1));
        assert_eq!(of_type("Application/X-WWW-form-urlencoded ; charset=utf-8", b"a=1"), Ok(1));
        assert_eq!(of_type("application/json", b"{}"), Err(ParamsError::NotAForm));
        assert_eq!(of_type("application/json", b""), Ok(0));
    }

    #[test]
    fn a_refusal_says_what_is_wrong_and_never_a_value() {
        let message = |query: &str| decode(query, "").expect_err("the test wants a refusal").message();
        assert_eq!(
            message("Psk=geheim&Psk=geheim"),
            "The specified parameter is not valid: the parameter \"Psk\" is given twice."
        );
        assert_eq!(
            message("Psk=geheim%"),
            "The specified parameter is not valid: the value of the parameter \"Psk\" is not percent-encoded UTF-8."
        );
    }

    #[test]
    fn debug_shows_names_only() {
        let params = decode("Psk=geheim", "").expect("in bounds");
        assert_eq!(format!("{params:?}"), "{\"Psk\"}");
    }
}

#[test]
fn a_flattened_list_of_objects_and_one_json_array_read_the_same() {
    let flattened = [
        ("RegionId", "eu-central-1"),
        ("TunnelOptionsSpecification.1.TunnelIndex", "2"),
        ("TunnelOptionsSpecification.2.TunnelIndex", "1"),
        ("TunnelOptionsSpecification.2.TunnelIkeConfig.Psk", "p+s/k=1&*~'x"),
        ("TunnelOptionsSpecification.2.TunnelIkeConfig.IkeVersion", "ikev2"),
        ("TunnelOptionsSpecification.2.TunnelIkeConfig.IkeLifetime", "86400"),
    ];
    let json = [
        ("RegionId", "eu-central-1"),
        (
            "TunnelOptionsSpecification",
            r#" [{"TunnelIndex":2,"Unknown":[1,{}]},{"TunnelIndex":"1","TunnelIkeConfig":
               {"Psk":"p+s/k=1&*~'x","IkeVersion":"ikev2","IkeLifetime":86400}}]"#,
        ),
    ];
    let read_flattened: Attachment = read(&flattened).expect("it is an attachment");
    assert_eq!(read_flattened, read(&json).expect("it is an attachment"));
    assert_eq!(read_flattened.tunnel_options_specification[1].tunnel_index, 1);
    let psk = read_flattened.tunnel_options_specification[1].tunnel_ike_config.as_ref().map(|ike| &ike.psk.0);
    assert_eq!(psk.map(String::as_str), Some("p+s/k=1&*~'x"));
}

#[test]
fn json_may_hold_json_text_as_some_clients_nest_it() {
    let attachment: Attachment = read(&[
        ("RegionId", "r"),
        ("TunnelOptionsSpecification", r#"[{"TunnelIndex":1,"TunnelIkeConfig":"{\"Psk\":\"p\"}"}]"#),
    ])
    .expect("it is an attachment");
    assert!(attachment.tunnel_options_specification[0].tunnel_ike_config.is_some());
}

#[test]
fn json_text_parameters_may_quote_their_scalars() {
    for text in
        [r#"{"Psk":"12345","IkeLifetime":"3600"}"#, r#"{"Psk":12345,"IkeLifetime":3600,"IkeVersion":null}"#]
    {
        let attachment: Attachment =
            read(&[("RegionId", "r"), ("IkeConfig", text)]).expect("it is an attachment");
        let ike = attachment.ike_config.expect("it was given").into_inner();
        assert_eq!(ike, IkeConfig { psk: Psk("12345".into()), ike_version: None, ike_lifetime: Some(3600) });
    }
    let flattened: Attachment =
        read(&[("RegionId", "r"), ("IkeConfig.Psk", "p")]).expect("it is an attachment");
    assert_eq!(flattened.ike_config.map(|ike| ike.psk.0.clone()).as_deref(), Some("p"));
}

#[test]
fn json_text_stays_text_where_a_type_asks_for_text() {
    let text = r#"{"Psk": "x"}"#;
    let map: BTreeMap<String, String> = read(&[("IkeConfig", text), ("Name", "[1]")]).expect("both are text");
    assert_eq!(map["IkeConfig"], text);
    assert_eq!(map["Name"], "[1]");
}

#[test]
fn either_name_of_an_alias_will_do_but_not_both() {
    for name in ["Tag", "Tags"] {
        let key = format!("{name}.1.Key");
        let attachment: Attachment = read(&[("RegionId", "r"), (&key, "env")]).expect("it is an attachment");
        assert_eq!(attachment.tags, [Tag { key: "env".into(), value: String::new() }]);
    }
    let both = refused::<Attachment>(&[("RegionId", "r"), ("Tag.1.Key", "a"), ("Tags.1.Key", "a")]);
    assert_eq!(both, owned("Tags", "one value only, and it is given under two names"));
}

#[test]
fn booleans_come_in_any_case() {
    for (text, value) in [("true", true), ("True", true), ("FALSE", false), ("fAlse", false)] {
        let attachment: Attachment =
            read(&[("RegionId", "r"), ("EnableDpd", text)]).expect("it is an attachment");
        assert_eq!(attachment.enable_dpd, Some(value), "{text}");
    }
    for text in ["", "1", "yes", "true ", "[true]"] {
        let refusal = refused::<Attachment>(&[("RegionId", "r"), ("EnableDpd", text)]);
        assert_eq!(refusal, owned("EnableDpd", "true or false"), "{text}");
    }
}

#[test]
fn integers_are_checked_against_their_type() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Numbers {
        small: Option<i8>,
        large: Option<u64>,
        float: Option<f64>,
    }
    let numbers: Numbers = read(&[("small", "-128"), ("large", "18446744073709551615"), ("float", "2.5")])
        .expect("all in range");
    assert_eq!(numbers, Numbers { small: Some(-128), large: Some(u64::MAX), float: Some(2.5) });
    for text in ["128", "-129", "99999999999999999999999999", "", "-", "+1", " 1", "1.0", "0x1", "١", "--1"]
    {
        let refusal = refused::<Numbers>(&[("small", text)]);
        assert_eq!(refusal, owned("small", "an integer from -128 to 127"), "{text}");
    }
    let refusal = refused::<Numbers>(&[("large", "-1")]);
    assert_eq!(refusal, owned("large", "an integer from 0 to 18446744073709551615"));
    for text in ["NaN", "inf", "", "1e999"] {
        assert_eq!(refused::<Numbers>(&[("float", text)]), owned("float", "a number"), "{text}");
    }
}

#[test]
fn types_that_read_text_say_themselves_what_they_want() {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Gateway {
        ip_address: Ipv4Addr,
    }
    let gateway: Gateway = read(&[("IpAddress", "192.0.2.1")]).expect("it is an address");
    assert_eq!(gateway.ip_address, Ipv4Addr::new(192, 0, 2, 1));
    let error = read::<Gateway>(&[("IpAddress", "192.0.2.256")]).expect_err("it is no address");
    assert_eq!((error.field.as_str(), error.got.as_deref()), ("IpAddress", Some("192.0.2.256")));
}

#[test]
fn unknown_parameters_are_ignored_whatever_their_shape() {
    let pairs = [("RegionId", "r"), ("A.B.7.C", "1"), ("Z", "{broken"), ("Action", "CreateVpnAttachment")];
    assert!(read::<Attachment>(&pairs).is_ok());
}

#[test]
fn errors_name_the_whole_path() {
    let tunnel = "TunnelOptionsSpecification";
    let json = |text| [("RegionId", "r"), ("TunnelOptionsSpecification", text)];
    assert_eq!(refused::<Attachment>(&[]), owned("RegionId", "missing"));
    let first = [("RegionId", "r"), ("TunnelOptionsSpecification.1.TunnelIkeConfig.IkeVersion", "ikev1")];
    assert_eq!(refused::<Attachment>(&first), owned(&format!("{tunnel}.1.TunnelIkeConfig.Psk"), "missing"));
    let second =
        json(r#"[{"TunnelIndex":1},{"TunnelIndex":2,"TunnelIkeConfig":{"Psk":"p","IkeVersion":"IKEv2"}}]"#);
    let path = format!("{tunnel}.2.TunnelIkeConfig.IkeVersion");
    assert_eq!(refused::<Attachment>(&second), owned(&path, "one of ikev1, ikev2"));
    let config = [("RegionId", "r"), ("IkeConfig", r#"{"IkeVersion":"ikev1"}"#)];
    assert_eq!(refused::<Attachment>(&config), owned("IkeConfig.Psk", "missing"));
    let error = read::<Attachment>(&json(r#"[{"TunnelIndex":300}]"#)).expect_err("out of range");
    assert_eq!(
        error.to_string(),
        "TunnelOptionsSpecification.1.TunnelIndex: expected an integer from 0 to 255, got \"300\""
    );
    assert_eq!(error.parameter(), tunnel);
}

#[test]
fn secrets_are_never_shown() {
    let long = "geheim".repeat(20);
    let cases: [&[(&str, &str)]; 5] = [
        &[("RegionId", "r"), ("TunnelOptionsSpecification.1.TunnelIkeConfig.Psk", &long)],
        &[("RegionId", "r"), ("IkeConfig", "{\"Psk\":\"geheim\"")],
        &[("RegionId", "r"), ("IkeConfig", "[{\"Psk\":\"geheim\"}]")],
        &[("RegionId", "r"), ("TunnelOptionsSpecification", "[\"Psk\",\"geheim\"")],
        &[("RegionId", "r"), ("EnableDpd", "{\"Psk\":\"geheim\"}")],
    ];
    for pairs in cases {
        let error = read::<Attachment>(pairs).expect_err("the test wants a refusal");
        assert!(!format!("{error} {error:?}").contains("geheim"), "{error:?}");
    }
    let error = read::<BTreeMap<String, bool>>(&[("AccessKeySecret", "geheim")]).expect_err("no boolean");
    assert_eq!(error.to_string(), "AccessKeySecret: expected true or false");
}

#[test]
fn refused_values_are_shown_short_and_escaped() {
    let text = format!("a\nb{}", "c".repeat(100));
    let error = read::<BTreeMap<String, bool>>(&[("Flag", &text)]).expect_err("no boolean");
    assert_eq!(error.got, Some(format!("a\\nb{}", "c".repeat(61))));
}

#[test]
fn lists_have_no_gaps_and_count_from_one() {
    type Lists = BTreeMap<String, Vec<String>>;
    let ten: Vec<(String, String)> = (1..=12).map(|n| (format!("L.{n}"), n.to_string())).collect();
    let ten: Vec<(&str, &str)> = ten.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let lists: Lists = read(&ten).expect("it is a list");
    assert_eq!(lists["L"].last().map(String::as_str), Some("12"), "ordered by number, not by text");
    let gap = |index| format!("an element here, because there is an element {index}");
    assert_eq!(refused::<Lists>(&[("L.1", "a"), ("L.3", "c")]), owned("L.2", &gap(3)));
    assert_eq!(refused::<Lists>(&[("L.2", "b")]), owned("L.1", &gap(2)));
    let index = format!("an index from 1 to {LIST_INDEX_MAX}");
    for name in ["L.0", "L.01", "L.+1", "L.-1", "L.x", "L.1001", "L.99999999999999999999999"] {
        assert_eq!(refused::<Lists>(&[(name, "a")]), owned(name, &index));
    }
}

#[test]
fn lists_are_bounded_flattened_or_not() {
    type Lists = BTreeMap<String, Vec<u32>>;
    let json = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    assert_eq!(
        read::<Lists>(&[("L", &json(LIST_INDEX_MAX))]).map(|lists| lists["L"].len()),
        Ok(LIST_INDEX_MAX)
    );
    let refusal = refused::<Lists>(&[("L", &json(LIST_INDEX_MAX + 1))]);
    assert_eq!(refusal, owned("L", &format!("a list of at most {LIST_INDEX_MAX} elements")));
}

#[test]
fn a_scalar_is_no_list_and_no_object_and_the_reverse() {
    type Lists = BTreeMap<String, Vec<String>>;
    type Objects = BTreeMap<String, BTreeMap<String, String>>;
    type Texts = BTreeMap<String, String>;
    const LIST: &str = "a list: Name.1, Name.2 and so on, or one JSON array";
    const OBJECT: &str = "an object: Name.Member for each member, or one JSON object";
    for text in ["", "a", "{}", "null"] {
        assert_eq!(refused::<Lists>(&[("L", text)]), owned("L", LIST), "{text}");
    }
    for text in ["", "a", "[]", "null"] {
        assert_eq!(refused::<Objects>(&[("O", text)]), owned("O", OBJECT), "{text}");
    }
    assert_eq!(refused::<Texts>(&[("T.1", "a")]), owned("T", "text"));
}

#[test]
fn a_name_cannot_be_a_value_and_have_members() {
    for (pairs, at) in [([("A", "1"), ("A.B", "2")], "A"), ([("A.B", "1"), ("A.B.C.D", "2")], "A.B")] {
        let refusal = refused::<BTreeMap<String, serde::de::IgnoredAny>>(&pairs);
        assert_eq!(refusal, owned(at, "either one value or members, and it is given as both"));
    }
}

#[test]
fn json_is_bounded_in_size_depth_and_number() {
    #[derive(Debug, Deserialize)]
    struct Text {
        #[serde(rename = "J")]
        _json: BTreeMap<String, serde::de::IgnoredAny>,
    }
    let error_of = |text: &str| read::<Text>(&[("J", text)]).map(|_| ()).map_err(|error| error.expected);
    let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert_eq!(error_of(&nested(JSON_DEPTH_MAX)), Ok(()));
    let too_deep = error_of(&nested(JSON_DEPTH_MAX + 1)).expect_err("too deep");
    assert!(too_deep.contains("it nests deeper than 8"), "{too_deep}");
    assert!(error_of(&nested(20_000)).is_err());
    let with_values = |count: usize| format!("{{\"a\":[{}]}}", vec!["1"; count - 2].join(","));
    assert_eq!(error_of(&with_values(JSON_VALUES_MAX)), Ok(()));
    let too_many = error_of(&with_values(JSON_VALUES_MAX + 1)).expect_err("too many");
    assert!(too_many.contains("it has more than 10000 values"), "{too_many}");
    let of_size = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    assert_eq!(error_of(&of_size(JSON_BYTES_MAX)), Ok(()));
    assert_eq!(error_of(&of_size(JSON_BYTES_MAX + 1)), Err("JSON of at most 65536 bytes".to_owned()));
}

#[test]
fn json_that_two_readers_could_read_differently_is_refused() {
    type Objects = BTreeMap<String, BTreeMap<String, String>>;
    for text in [r#"{"a":1,"a":2}"#, r#"{"a":1} x"#, r#"{"a":1,}"#, r#"{'a':1}"#, r#"{"a":1}{"b":2}"#] {
        let (field, expected) = refused::<Objects>(&[("O", text)]);
        assert!(field == "O" && expected.starts_with("well-formed JSON ("), "{text}: {expected}");
    }
}
