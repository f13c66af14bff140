//! Holds the parameters and the members of the answers of an operation against what an SDK declares.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::operation::{self, Product};

/// The operation takes these parameters and answers these members, beside what all have in common.
pub(crate) fn check(product: Product, name: &str, parameters: &str, members: &str) {
    let entry = operation::find(product.version(), name).unwrap();
    let schema = entry.request_schema();
    let taken = schema.get("properties").and_then(Value::as_object).unwrap();
    let taken: Vec<&str> = taken.keys().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
    assert_eq!(taken.join(" "), parameters, "{name}");
    let mut answered = BTreeSet::new();
    leaves(entry.response_schema().as_value(), "", &mut answered);
    assert_eq!(answered, declared(members), "{name}");
}

/// The paths of the members that a table declares, one parent a line.
pub(crate) fn declared(members: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for line in members.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_once(": ") {
            Some((parent, names)) => paths.extend(names.split(' ').map(|name| format!("{parent}.{name}"))),
            None => paths.extend([line.to_owned()]),
        }
    }
    paths
}

/// The paths of the members that hold no others, without the numbers of lists.
fn leaves(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(items) = schema.get("items") {
        return leaves(items, path, found);
    }
    match schema.get("properties").and_then(Value::as_object) {
        Some(members) => {
            for (name, member) in members {
                leaves(member, format!("{path}.{name}").trim_start_matches('.'), found);
            }
        }
        None if path.is_empty() => {}
        None => {
            found.insert(path.to_owned());
        }
    }
}
