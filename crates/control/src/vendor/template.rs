//! Templates: `<<name>>` stands for a value, and the lines from `%% each name` to `%% end` for each part of a list.

use std::collections::BTreeMap;

/// What names stand for. Those of a list's part come before those around the list.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    values: BTreeMap<&'static str, String>,
    lists: BTreeMap<&'static str, Vec<Scope>>,
}

impl Scope {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn set(&mut self, name: &'static str, value: &str) {
        self.values.insert(name, value.to_owned());
    }

    pub(super) fn set_list(&mut self, name: &'static str, parts: Vec<Scope>) {
        self.lists.insert(name, parts);
    }
}

/// Fills a template in. A line with a name that stands for nothing disappears; a name that is not known stays as
/// it is.
pub(super) fn render(template: &str, scope: &Scope) -> String {
    let lines: Vec<&str> = template.lines().collect();
    let mut text = String::new();
    lines_into(&mut text, &lines, &[scope]);
    text
}

fn lines_into(text: &mut String, lines: &[&str], scopes: &[&Scope]) {
    let mut at = 0;
    while at < lines.len() {
        if let Some(name) = lines[at].strip_prefix("%% each ") {
            let end = end_of(lines, at);
            let list = scopes.iter().rev().find_map(|scope| scope.lists.get(name));
            for part in list.into_iter().flatten() {
                let mut inner = scopes.to_vec();
                inner.push(part);
                lines_into(text, &lines[at + 1..end], &inner);
            }
            at = end + 1;
        } else {
            if let Some(line) = filled(lines[at], scopes) {
                text.push_str(&line);
                text.push('\n');
            }
            at += 1;
        }
    }
}

/// Where the list that begins here ends.
fn end_of(lines: &[&str], start: usize) -> usize {
    let mut depth = 0;
    for (at, line) in lines.iter().enumerate().skip(start) {
        if line.starts_with("%% each ") {
            depth += 1;
        } else if *line == "%% end" {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    lines.len()
}

/// One pass, so that what a value says is never read as a name.
fn filled(line: &str, scopes: &[&Scope]) -> Option<String> {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("<<") {
        text.push_str(before);
        let Some((name, after)) = after.split_once(">>") else {
            text.push_str("<<");
            rest = after;
            continue;
        };
        match scopes.iter().rev().find_map(|scope| scope.values.get(name)) {
            Some(value) if value.is_empty() => return None,
            Some(value) => text.push_str(value),
            None => text.push_str(&format!("<<{name}>>")),
        }
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::{Scope, render};

    #[test]
    fn lists_nest_and_values_are_not_read_again() {
        let mut inner = Scope::new();
        inner.set("name", "inner <<outer>>");
        let mut part = Scope::new();
        part.set_list("b", vec![inner.clone(), inner]);
        part.set("name", "part");
        let mut scope = Scope::new();
        scope.set("outer", "out");
        scope.set("nothing", "");
        scope.set_list("a", vec![part]);
        let template = "<<outer>>\nno <<nothing>>\n%% each a\n<<name>>\n%% each b\n<<name>> <<outer>> <<none>>\n%% end\n%% end\nend\n";
        let line = "inner <<outer>> out <<none>>\n";
        assert_eq!(render(template, &scope), format!("out\npart\n{line}{line}end\n"));
    }
}
