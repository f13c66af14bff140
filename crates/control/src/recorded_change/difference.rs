//! In which members two versions of a record differ.
//!
//! A record is compared as its JSON, in which a secret is replaced by the number of its place in a list beside it, and
//! what every write sets is left out. A member is named by its JSON pointer (RFC 6901); `null` and a member that is not
//! there mean the same.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::ids::Secret;
use crate::record::Record;

/// JSON as text: a tree in memory would take ten times as much.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

/// One member that differs, or the whole record, whose pointer is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where it is.
    pub pointer: String,
    /// What it was; none where it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Json>,
    /// What it became; none where it is no longer there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Json>,
}

/// What every write sets, by kind and pointer. It says nothing about what somebody wanted.
pub(super) const SET_BY_EVERY_WRITE: [(&str, &str); 5] = [
    (Record::VPN_CONNECTION, "/generation"),
    (Record::VPN_CONNECTION, "/attachment/generation"),
    (Record::VPN_CONNECTION, "/vpn_gateway/generation"),
    (Record::VPN_GATEWAY, "/generation"),
    (Record::RAM_USER, "/updated_ms"),
];

/// What stands in place of a secret that is the same before and after, or that is not kept.
const NOT_KEPT: &str = "secret";

/// The names of the members that hold secrets.
const SECRET_NAMES: [&str; 3] = ["psk", "auth_key", "secret"];

impl Json {
    fn new(value: &Value) -> Self {
        let text = value.to_string();
        Self(RawValue::from_string(text).expect("a value is written as valid JSON"))
    }

    /// The value.
    pub fn value(&self) -> Value {
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Eq for Json {}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get())
    }
}

impl Member {
    /// Whether it is the record itself.
    pub fn is_whole(&self) -> bool {
        self.pointer.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        let text = |json: &Option<Json>| json.as_ref().map_or(0, |json| json.0.get().len());
        3 * size_of::<String>() + self.pointer.len() + text(&self.before) + text(&self.after)
    }
}

/// The members in which a record differs before and after; none where it does not. Secrets that differ are added to
/// the list.
pub fn between(before: Option<&Record>, after: Option<&Record>, secrets: &mut Vec<Secret>) -> Vec<Member> {
    let (mut before, mut after) = (before.cloned(), after.cloned());
    hide_secrets(&mut before, &mut after, secrets);
    let value = |record: &Option<Record>| record.as_ref().map(without_what_every_write_sets);
    let mut members = Vec::new();
    differ(String::new(), value(&before).as_ref(), value(&after).as_ref(), &mut members);
    members
}

/// A record as JSON, with its secrets in the list.
pub(super) fn image(record: &Record, secrets: &mut Vec<Secret>) -> Value {
    let mut record = record.clone();
    let keeps = keeps_secrets(&record);
    record.secrets_mut().into_iter().for_each(|secret| *secret = place(secret, keeps, secrets));
    without_what_every_write_sets(&record)
}

fn hide_secrets(before: &mut Option<Record>, after: &mut Option<Record>, list: &mut Vec<Secret>) {
    let keeps = before.iter().chain(after.iter()).all(keeps_secrets);
    let of = |record: &mut Option<Record>| -> Vec<Secret> {
        record.iter_mut().flat_map(Record::secrets_mut).map(|secret| secret.clone()).collect()
    };
    let (old, new) = (of(before), of(after));
    let is_same = |position: usize| old.len() == new.len() && old[position] == new[position];
    for record in [before, after] {
        for (position, secret) in record.iter_mut().flat_map(Record::secrets_mut).enumerate() {
            *secret = if is_same(position) { Secret::new(NOT_KEPT) } else { place(secret, keeps, list) };
        }
    }
}

fn keeps_secrets(record: &Record) -> bool {
    !matches!(record, Record::AccessKey(_))
}

/// What stands for a secret: where it is in the list.
fn place(secret: &Secret, is_kept: bool, list: &mut Vec<Secret>) -> Secret {
    if !is_kept {
        return Secret::new(NOT_KEPT);
    }
    let position = list.iter().position(|known| known == secret).unwrap_or_else(|| {
        list.push(secret.clone());
        list.len() - 1
    });
    Secret::new(format!("{NOT_KEPT}:{position}"))
}

/// Puts the secrets back; false if one of them was not kept.
pub(super) fn reveal(record: &mut Record, list: &[Secret]) -> bool {
    record.secrets_mut().into_iter().all(|secret| {
        let position = secret.expose().strip_prefix(NOT_KEPT).and_then(|rest| rest.strip_prefix(':'));
        let kept = position.and_then(|position| list.get(position.parse::<usize>().ok()?));
        kept.map(|kept| *secret = kept.clone()).is_some()
    })
}

/// Whether the member of a record holds a secret.
pub fn is_secret(pointer: &str, value: &Value) -> bool {
    let named = pointer.rsplit('/').next().is_some_and(|name| SECRET_NAMES.contains(&name));
    named && value.as_str().is_some_and(|text| text.starts_with(NOT_KEPT))
}

fn without_what_every_write_sets(record: &Record) -> Value {
    let mut value: Value = serde_json::from_slice(&record.to_json()).unwrap_or_default();
    for (kind, pointer) in SET_BY_EVERY_WRITE {
        if kind == record.kind() {
            set(&mut value, pointer, None);
        }
    }
    value
}

/// Sets a member, or removes it. False where its place is not there.
pub(super) fn set(document: &mut Value, pointer: &str, value: Option<Value>) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
    let name = name.replace("~1", "/").replace("~0", "~");
    match document.pointer_mut(parent) {
        Some(Value::Object(members)) => {
            match value {
                Some(value) => drop(members.insert(name, value)),
                None => drop(members.remove(&name)),
            }
            true
        }
        Some(Value::Array(elements)) => {
            match (name.parse().ok().and_then(|at: usize| elements.get_mut(at)), value) {
                (Some(element), Some(value)) => {
                    *element = value;
                    true
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// A member as it is, `null` being nothing.
pub(super) fn get<'v>(document: Option<&'v Value>, pointer: &str) -> Option<&'v Value> {
    document?.pointer(pointer).filter(|value| !value.is_null())
}

pub(super) fn differ(
    pointer: String,
    before: Option<&Value>,
    after: Option<&Value>,
    members: &mut Vec<Member>,
) {
    let there = |value: Option<&Value>| value.filter(|value| !value.is_null()).cloned();
    let below = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let added = after.keys().filter(|name| !before.contains_key(*name));
            for name in before.keys().chain(added) {
                differ(below(name), before.get(name), after.get(name), members);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after)))
            if before.len() == after.len() && before.iter().chain(after).all(Value::is_object) =>
        {
            for (position, (before, after)) in before.iter().zip(after).enumerate() {
                differ(below(&position.to_string()), Some(before), Some(after), members);
            }
        }
        _ => {
            let (before, after) = (there(before), there(after));
            if before != after {
                let json = |value: Option<Value>| value.as_ref().map(Json::new);
                members.push(Member { pointer, before: json(before), after: json(after) });
            }
        }
    }
}
