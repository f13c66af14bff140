//! The XML form of answers.
//!
//! A plain list repeats its element once per item; a wrapped list (`{"Tags":{"Tag":[...]}}`) is an object
//! with a plain list in it, and needs no rule of its own.

use serde_json::Value;

use super::ErrorBody;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// The document with this root element and these contents.
pub(super) fn document(root: &str, contents: &Value) -> String {
    let mut xml = DECLARATION.to_owned();
    // A document has one root, whatever it is given.
    if let Value::Array(elements) = contents {
        in_element(&mut xml, root, |xml| elements.iter().for_each(|element| push(xml, "Item", element)));
    } else if contents.is_null() {
        in_element(&mut xml, root, |_| ());
    } else {
        push(&mut xml, root, contents);
    }
    xml
}

/// The document of an error, its members in the order that the documentation gives them.
pub(super) fn error_document(error: &ErrorBody) -> String {
    let ErrorBody { request_id, host_id, code, message, recommend, access_denied_detail } = error;
    let mut xml = DECLARATION.to_owned();
    in_element(&mut xml, "Error", |xml| {
        let members = [
            ("RequestId", request_id),
            ("HostId", host_id),
            ("Code", code),
            ("Message", message),
            ("Recommend", recommend),
        ];
        for (name, text) in members {
            in_element(xml, name, |xml| push_escaped(xml, text));
        }
        if let Some(detail) = access_denied_detail {
            in_element(xml, "AccessDeniedDetail", |xml| {
                for (name, text) in detail {
                    in_element(xml, name, |xml| push_escaped(xml, text));
                }
            });
        }
    });
    xml
}

/// Appends the value as an element of this name, or as several if it is a list.
fn push(xml: &mut String, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(value) => {
            in_element(xml, name, |xml| xml.push_str(if *value { "true" } else { "false" }))
        }
        Value::Number(value) => in_element(xml, name, |xml| xml.push_str(&value.to_string())),
        Value::String(value) => in_element(xml, name, |xml| push_escaped(xml, value)),
        Value::Array(elements) => {
            for element in elements {
                match element {
                    Value::Array(_) => in_element(xml, name, |xml| push(xml, name, element)),
                    _ => push(xml, name, element),
                }
            }
        }
        Value::Object(members) => in_element(xml, name, |xml| {
            for (name, member) in members {
                push(xml, name, member);
            }
        }),
    }
}

fn in_element(xml: &mut String, name: &str, contents: impl FnOnce(&mut String)) {
    xml.push('<');
    push_name(xml, name);
    xml.push('>');
    contents(xml);
    xml.push_str("</");
    push_name(xml, name);
    xml.push('>');
}

/// Appends the name of an element; what XML does not allow in one becomes an underscore.
fn push_name(xml: &mut String, name: &str) {
    if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        xml.push('_');
    }
    xml.extend(name.chars().map(|char| match char {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' => char,
        _ => '_',
    }));
}

/// Appends text so that a parser reads back the same; the few characters that XML cannot hold at all become
/// the replacement character.
fn push_escaped(xml: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            // A parser would normalise it to a line feed.
            '\r' => xml.push_str("&#13;"),
            '\t' | '\n' => xml.push(char),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            _ => xml.push(char),
        }
    }
}
