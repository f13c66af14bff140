//! What an answer must be, and whether it is.

use std::collections::BTreeMap;

use serde_json::Value;

/// What was captured, by name.
pub(crate) type Captured = BTreeMap<String, String>;

/// An answer, or a refusal in the API's envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// What a call must be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// The text has not said it yet; no transcript that was read has it.
    NotSaid,
    /// An answer with these members.
    Answer(Vec<Check>),
    /// A refusal.
    Refusal {
        /// Its HTTP status.
        status: u16,
        /// Its code.
        code: String,
        /// What else of it is looked at.
        checks: Vec<Check>,
    },
}

/// A check of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Where it is: names and positions, with dots.
    pub path: String,
    pub(crate) wanted: Wanted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    Text(String),
    Absent,
    Count(usize),
    Capture(String),
}

impl Expected {
    /// Checks a reply, and captures from it.
    pub(crate) fn check(&self, reply: &Reply, captured: &mut Captured) -> Result<(), String> {
        let checks = match self {
            Self::NotSaid => return Err("nothing is expected".to_owned()),
            Self::Answer(checks) => {
                if reply.status != 200 {
                    return Err(format!("it was refused with {}", said(reply)));
                }
                checks
            }
            Self::Refusal { status, code, checks } => {
                if reply.status != *status || reply.body["Code"] != **code {
                    return Err(format!("it must be refused with {status} {code}, and was {}", said(reply)));
                }
                checks
            }
        };
        checks.iter().try_for_each(|check| check.hold(&reply.body, captured))
    }
}

/// A reply in one line.
fn said(reply: &Reply) -> String {
    format!("{} {}", reply.status, reply.body)
}

impl Check {
    fn hold(&self, body: &Value, captured: &mut Captured) -> Result<(), String> {
        let path = &self.path;
        let found = self.path.split('.').try_fold(body, |at, part| match at {
            Value::Array(elements) => elements.get(part.parse::<usize>().ok()?),
            other => other.get(part),
        });
        match (&self.wanted, found) {
            (Wanted::Absent, None) => Ok(()),
            (Wanted::Absent, Some(there)) => Err(format!("{path} must be absent, and is {there}")),
            (_, None) => Err(format!("{path} is not in {body}")),
            (Wanted::Count(count), Some(Value::Array(elements))) if elements.len() == *count => Ok(()),
            (Wanted::Count(count), Some(other)) => {
                Err(format!("{path} must have {count} elements, and is {other}"))
            }
            (Wanted::Capture(name), Some(value)) => {
                captured.insert(name.clone(), text_of(value));
                Ok(())
            }
            (Wanted::Text(pattern), Some(value)) => {
                let pattern = replace(pattern, captured)?;
                if matches(&pattern, &text_of(value)) {
                    return Ok(());
                }
                Err(format!("{path} must be {pattern}, and is {value}"))
            }
        }
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// Puts in what was captured for each `$name`.
pub(crate) fn replace(text: &str, captured: &Captured) -> Result<String, String> {
    let mut parts = text.split('$');
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_of_name =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        let end = part.find(|letter| !is_of_name(letter)).unwrap_or(part.len());
        let value =
            captured.get(&part[..end]).ok_or_else(|| format!("${} was not captured", &part[..end]))?;
        replaced.push_str(value);
        replaced.push_str(&part[end..]);
    }
    Ok(replaced)
}

/// Whether a text is as a pattern says, in which `*` is whatever is there.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.any(|at| matches(after, &rest[at..]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics when something is wrong")]

    use serde_json::json;

    use super::{Captured, Reply, matches, replace};
    use crate::{Step, Transcript};

    fn holds(checks: &str, body: serde_json::Value) -> Result<Captured, String> {
        let transcript = Transcript::parse("x", &format!("Ask\n->\n{checks}")).unwrap();
        let Step::Call(call) = &transcript.steps[0].1 else { unreachable!("it is a call") };
        let mut captured = Captured::new();
        call.expected.check(&Reply { status: 200, body }, &mut captured).map(|()| captured)
    }

    #[test]
    fn an_asterisk_is_whatever_is_there() {
        for (pattern, text) in [("*", ""), ("a*", "a"), ("*b*d", "abcd"), ("é*", "éa"), ("a**", "ab")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a*", "ba"), ("*b", "bc"), ("a*a", "a")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn members_are_found_at_every_depth_and_compared_as_text() {
        let body = json!({ "A": { "B": [{ "C": 100 }, { "C": true }] }, "Id": "x-1" });
        let good = "    A.B.0.C = 100\n    A.B.1.C = true\n    A.B has 2\n    A.D is absent\n    $id = Id\n    Id = $id\n";
        assert_eq!(holds(good, body.clone()).unwrap()["id"], "x-1");
        for bad in ["A.B.0.C = 10", "A.B has 1", "A is absent", "A.B.2.C = *", "$x = Nothing", "Id = $never"]
        {
            assert!(holds(&format!("    {bad}\n"), body.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_ends_where_its_letters_end() {
        let captured = Captured::from([("vco".to_owned(), "vco-1".to_owned())]);
        assert_eq!(replace("a:$vco:b $vco", &captured).unwrap(), "a:vco-1:b vco-1");
        assert!(replace("$vcox", &captured).is_err());
    }
}
