use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Value, json};

use super::{ErrorBody, render_error, render_success};
use crate::format::Format;

/// The XML as an independent parser reads it: (path, text) of each element without elements in it.
fn leaves(xml: &str) -> Vec<(String, String)> {
    let mut reader = Reader::from_str(xml);
    let (mut path, mut leaves, mut text) = (Vec::<String>::new(), Vec::new(), None);
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(start) => {
                path.push(start.name().as_ref().to_owned());
                text = Some(String::new());
            }
            Event::Text(part) => push(&mut text, &part.xml10_content()),
            Event::GeneralRef(reference) => {
                let name = reference.to_string();
                let char = reference.resolve_char_ref().expect("a reference to a character that exists");
                let entity = quick_xml::escape::resolve_predefined_entity(&name);
                push(
                    &mut text,
                    &char.map(String::from).or(entity.map(str::to_owned)).expect("a known entity"),
                );
            }
            Event::End(_) => {
                if let Some(text) = text.take() {
                    leaves.push((path.join("/"), text));
                }
                path.pop();
            }
            Event::Eof => break,
            Event::Decl(_) => {}
            other => assert!(path.is_empty(), "unexpected {other:?}"),
        }
    }
    assert!(path.is_empty(), "all elements are closed");
    leaves
}

fn push(text: &mut Option<String>, part: &str) {
    if let Some(text) = text {
        text.push_str(part);
    }
}

fn xml_leaves(action: &str, answer: &Value) -> Vec<(String, String)> {
    let (content_type, xml) = render_success(action, answer, Format::Xml);
    assert_eq!(content_type, "text/xml;charset=utf-8");
    leaves(&xml)
}

fn leaf(path: &str, text: &str) -> (String, String) {
    (path.to_owned(), text.to_owned())
}

fn error() -> ErrorBody {
    ErrorBody {
        request_id: "0ED8D006-F706-4D23-88ED-E11ED28DCAC0".to_owned(),
        host_id: "127.0.0.1:8686".to_owned(),
        code: "SignatureDoesNotMatch".to_owned(),
        message: "server string to sign is:GET&%2F&<a>\"'".to_owned(),
        recommend: String::new(),
        access_denied_detail: None,
    }
}

#[test]
fn json_is_the_tree_itself() {
    let answer = json!({"RequestId": "R", "Routes": [{"Weight": 100}], "Tags": {"Tag": []}, "Ok": true});
    let (content_type, body) = render_success("DescribeVcoRouteEntries", &answer, Format::Json);
    assert_eq!(content_type, "application/json;charset=utf-8");
    assert_eq!(serde_json::from_str::<Value>(&body).expect("JSON"), answer);
}

#[test]
fn nothing_is_null_in_either_form() {
    let answer = json!({"RequestId": "R", "A": null, "B": {"C": null, "D": [null, 1, {"E": null}]}});
    let (_, body) = render_success("X", &answer, Format::Json);
    assert_eq!(
        serde_json::from_str::<Value>(&body).expect("JSON"),
        json!({"RequestId": "R", "B": {"D": [1, {}]}})
    );
    let expected = [leaf("XResponse/B/D", "1"), leaf("XResponse/B/D", ""), leaf("XResponse/RequestId", "R")];
    assert_eq!(xml_leaves("X", &answer), expected);
}

#[test]
fn a_plain_list_repeats_its_element_and_a_wrapped_one_nests() {
    let answer = json!({
        "Tags": {"Tag": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]},
        "VcoRouteEntries": [{"Weight": 0}, {"Weight": 100}],
        "Zones": ["z1", "z2"],
    });
    let root = "DescribeVcoRouteEntriesResponse";
    let expected = [
        ("Tags/Tag/Key", "a"),
        ("Tags/Tag/Value", "1"),
        ("Tags/Tag/Key", "b"),
        ("Tags/Tag/Value", "2"),
        ("VcoRouteEntries/Weight", "0"),
        ("VcoRouteEntries/Weight", "100"),
        ("Zones", "z1"),
        ("Zones", "z2"),
    ]
    .map(|(path, text)| leaf(&format!("{root}/{path}"), text));
    assert_eq!(xml_leaves("DescribeVcoRouteEntries", &answer), expected);
}

#[test]
fn lists_without_elements_are_empty_in_both_forms() {
    let answer = json!({"Plain": [], "Wrapped": {"Item": []}});
    assert_eq!(xml_leaves("X", &answer), [leaf("XResponse/Wrapped", "")]);
    assert_eq!(render_success("X", &answer, Format::Json).1, r#"{"Plain":[],"Wrapped":{"Item":[]}}"#);
}

#[test]
fn text_comes_back_from_a_parser_as_it_was() {
    for text in [
        "",
        " ",
        "a & b",
        "<a href=\"x\">it's</a>",
        "]]>",
        "&amp;",
        "ä€😀",
        "a\tb\nc\r\nd\re",
        "%2F&%26",
        "\u{7f}\u{85}",
    ] {
        assert_eq!(xml_leaves("X", &json!({ "T": text })), [leaf("XResponse/T", text)], "{text:?}");
    }
}

#[test]
fn characters_that_xml_cannot_hold_are_replaced() {
    let answer = json!({"T": "a\u{0}b\u{1f}c\u{fffe}d\u{b}"});
    assert_eq!(xml_leaves("X", &answer), [leaf("XResponse/T", "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}")]);
}

#[test]
fn names_that_xml_does_not_allow_are_made_to_fit() {
    let answer = json!({"1 a<b/>": "x", "": "y"});
    assert_eq!(xml_leaves("X", &answer), [leaf("XResponse/_", "y"), leaf("XResponse/_1_a_b__", "x")]);
}

#[test]
fn there_is_one_root_whatever_the_answer_is() {
    for answer in [json!(null), json!([]), json!([1, 2]), json!("text"), json!(1.5)] {
        let (_, xml) = render_success("X", &answer, Format::Xml);
        assert!(xml.ends_with("</XResponse>") && xml.matches("<XResponse>").count() == 1, "{xml}");
        leaves(&xml);
    }
}

#[test]
fn an_error_in_json_has_strings_only() {
    let (content_type, body) = render_error(&error(), Format::Json);
    assert_eq!(content_type, "application/json;charset=utf-8");
    let expected = r#"{"RequestId":"0ED8D006-F706-4D23-88ED-E11ED28DCAC0","HostId":"127.0.0.1:8686","Code":"SignatureDoesNotMatch","Message":"server string to sign is:GET&%2F&<a>\"'","Recommend":""}"#;
    assert_eq!(body, expected);
}

#[test]
fn an_error_in_xml_has_the_documented_order_and_reads_back() {
    let detail = BTreeMap::from([("AuthAction".to_owned(), "vpc:DeleteVcoRouteEntry".to_owned())]);
    let error = ErrorBody { access_denied_detail: Some(detail), ..error() };
    let (content_type, xml) = render_error(&error, Format::Xml);
    assert_eq!(content_type, "text/xml;charset=utf-8");
    let expected = [
        leaf("Error/RequestId", &error.request_id),
        leaf("Error/HostId", &error.host_id),
        leaf("Error/Code", &error.code),
        leaf("Error/Message", &error.message),
        leaf("Error/Recommend", ""),
        leaf("Error/AccessDeniedDetail/AuthAction", "vpc:DeleteVcoRouteEntry"),
    ];
    assert_eq!(leaves(&xml), expected);
    let (_, json) = render_error(&error, Format::Json);
    assert!(json.contains(r#""AccessDeniedDetail":{"AuthAction":"vpc:DeleteVcoRouteEntry"}"#), "{json}");
}
