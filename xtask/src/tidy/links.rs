//! Pages point to what exists: links, and paths of the tree in backticks.

use std::path::Path;

use super::Finding;
use super::text::TextFile;

/// What a path of our tree begins with.
const FOLDERS: [&str; 9] =
    ["crates/", "xtask/", "docs/", "tests/", "lab/", "fuzz/", "console/", ".ci/", ".cargo/"];

pub(super) fn find(file: &TextFile, root: &Path) -> Vec<Finding> {
    if !file.path.ends_with(".md") {
        return Vec::new();
    }
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    let mut findings = Vec::new();
    for (text, line) in file.text.lines().zip(1..) {
        let mut note = |what: String| {
            let remedy = "Point to what exists, or make it";
            findings.push(Finding::new(&file.path, line, "dead-link", what, remedy));
        };
        for target in links(text) {
            if !root.join(folder).join(target).exists() {
                note(format!("the link to {target} leads nowhere"));
            }
        }
        for path in paths(text) {
            if !root.join(path).exists() {
                note(format!("{path} does not exist"));
            }
        }
    }
    findings
}

/// The targets of `[text](target)` that are files of ours.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let targets = targets.map(|target| target.split('#').next().unwrap_or_default());
    targets.filter(|target| !target.is_empty() && !target.contains(':'))
}

/// What is in backticks and looks like a path of the tree.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(|text| {
        FOLDERS.iter().any(|folder| text.starts_with(folder))
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::find;
    use crate::tidy::text::TextFile;

    #[test]
    fn links_and_paths_that_lead_nowhere_are_found() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("docs")).unwrap();
        fs::write(root.path().join("docs/here.md"), "").unwrap();
        let text = "see [a](docs/here.md#part), [b](https://example.org), [c](#part)\n\
                    and `docs/here.md`, `docs/<name>.md`, `cargo test`\n\
                    but [d](docs/gone.md)\nor `docs/lost.md`\n";
        let page = TextFile { path: "README.md".into(), text: text.into() };
        let lines: Vec<usize> = find(&page, root.path()).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [3, 4]);
        let inside =
            TextFile { path: "docs/page.md".into(), text: "[a](here.md) [b](../docs/here.md)".into() };
        assert_eq!(find(&inside, root.path()), []);
    }
}
