//! Text files of the tree, and what must not stand in any of them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Finding;

/// A text file of the tree.
pub(super) struct TextFile {
    /// From the root of the workspace, with slashes.
    pub(super) path: String,
    pub(super) text: String,
}

/// Folders that are made, not written.
const MADE: [&str; 3] = ["target", "node_modules", "__pycache__"];

/// Hidden folders that are ours.
const OURS: [&str; 3] = [".ci", ".cargo", ".github"];

/// Text by the end of its name; a name without a dot is looked at as well.
const EXTENSIONS: [&str; 12] =
    ["rs", "toml", "md", "txt", "py", "sh", "yml", "yaml", "json", "html", "css", "js"];

/// What must not stand in a file: paths of one machine, and hosts of one network. In two parts, so that it does not
/// stand in this one either.
const FOREIGN: [(&str, &str, &str); 5] = [
    ("/ro", "ot/", "a path of one machine"),
    ("/wo", "rk/", "a path of one machine"),
    ("/ho", "me/", "a path of one machine"),
    ("artif", "actory", "a package registry of one network"),
    ("py", "pi.org", "a package registry"),
];

/// Reads all text files below `root`, in the order of their names.
pub(super) fn files(root: &Path) -> Result<Vec<TextFile>> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn walk(root: &Path, folder: &str, files: &mut Vec<TextFile>) -> Result<()> {
    let entries = fs::read_dir(root.join(folder)).with_context(|| format!("reading the folder {folder}"))?;
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let is_made = MADE.contains(&name.as_str()) || (folder.is_empty() && name.starts_with("target-"));
            if !is_made && (!name.starts_with('.') || OURS.contains(&name.as_str())) {
                walk(root, &path, files)?;
            }
        } else if kind.is_file() && is_text(&name) {
            let bytes = fs::read(root.join(&path)).with_context(|| format!("reading {path}"))?;
            files.extend(String::from_utf8(bytes).ok().map(|text| TextFile { path, text }));
        }
    }
    Ok(())
}

fn is_text(name: &str) -> bool {
    match name.rsplit_once('.') {
        None => true,
        Some((_, extension)) => EXTENSIONS.contains(&extension),
    }
}

pub(super) fn find(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (text, line) in file.text.lines().zip(1..) {
        for (one, two, what) in FOREIGN {
            let foreign = format!("{one}{two}");
            if stands_alone(text, &foreign) {
                let remedy = "Name it so that it is right on every machine";
                findings.push(Finding::new(
                    &file.path,
                    line,
                    "foreign-place",
                    format!("`{foreign}`: {what}"),
                    remedy,
                ));
            }
        }
    }
    findings
}

/// Whether it stands in the line and is not the middle of a longer path, as in `net/work/`.
fn stands_alone(line: &str, foreign: &str) -> bool {
    line.match_indices(foreign).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !foreign.starts_with('/')
            || !before.is_some_and(|before| before.is_alphanumeric() || "._-}".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::{TextFile, find, is_text};

    #[test]
    fn paths_of_one_machine_are_found_and_longer_ones_are_not() {
        let count = |text: String| find(&TextFile { path: "a.toml".into(), text }).len();
        assert_eq!(count(format!("path = \"{}{}main\"", "/wo", "rk/")), 1);
        assert_eq!(count(format!("cd {}{}x", "/ro", "ot/")), 1);
        assert_eq!(count(format!("net{}{}x", "/wo", "rk/")), 0);
        assert_eq!(count("a framework/thing".into()), 0);
    }

    #[test]
    fn text_is_known_by_its_name() {
        for (name, expected) in
            [("lib.rs", true), ("run", true), ("Cargo.lock", false), ("picture.png", false)]
        {
            assert_eq!(is_text(name), expected, "{name}");
        }
    }
}
