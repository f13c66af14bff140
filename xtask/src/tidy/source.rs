//! A Rust source file, parsed, and which of its lines are tests.

use std::ops::RangeInclusive;

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Meta};

use super::text::TextFile;

/// A parsed source file.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) lines: usize,
    pub(super) syntax: syn::File,
    /// The whole file is tests.
    is_test_file: bool,
    /// Lines of items that are compiled for tests only.
    test_lines: Vec<RangeInclusive<usize>>,
}

impl Source {
    pub(super) fn parse(file: &TextFile) -> Result<Self> {
        let syntax = syn::parse_file(&file.text).with_context(|| format!("parsing {}", file.path))?;
        let mut collector = TestLines::default();
        collector.visit_file(&syntax);
        Ok(Self {
            path: file.path.clone(),
            lines: file.text.lines().count(),
            is_test_file: is_test_path(&file.path) || is_for_tests(&syntax.attrs),
            syntax,
            test_lines: collector.found,
        })
    }

    /// Whether a line belongs to tests.
    pub(super) fn is_test(&self, line: usize) -> bool {
        self.is_test_file || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// How many lines are not tests.
    pub(super) fn lines_without_tests(&self) -> usize {
        if self.is_test_file { 0 } else { (1..=self.lines).filter(|line| !self.is_test(*line)).count() }
    }
}

/// `foo/tests.rs`, `foo/tests/…`, the integration tests and benches of a crate.
fn is_test_path(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || ["tests", "benches"].iter().any(|folder| path.split('/').any(|part| part == *folder))
}

#[derive(Default)]
struct TestLines {
    found: Vec<RangeInclusive<usize>>,
}

impl<'ast> Visit<'ast> for TestLines {
    fn visit_item(&mut self, item: &'ast Item) {
        if attributes_of(item).is_some_and(is_for_tests) {
            self.found.push(lines_of(item));
        }
        visit::visit_item(self, item);
    }
}

/// The lines that something takes, its attributes and documentation included.
pub(super) fn lines_of(thing: &impl Spanned) -> RangeInclusive<usize> {
    let span = thing.span();
    span.start().line..=span.end().line
}

fn attributes_of(item: &Item) -> Option<&[Attribute]> {
    Some(match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return None,
    })
}

/// Whether one of the attributes says that this is compiled for tests only.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) => {
            list.path.is_ident("cfg") && mentions(&list.tokens, "test") && !mentions(&list.tokens, "not")
        }
        Meta::NameValue(_) => false,
    })
}

/// Whether a word is among the tokens, at any depth.
pub(super) fn mentions(tokens: &TokenStream, word: &str) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => mentions(&group.stream(), word),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

#[cfg(test)]
pub(super) fn source(path: &str, text: &str) -> Source {
    Source::parse(&TextFile { path: path.into(), text: text.into() }).unwrap()
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn lines_for_tests_are_told_from_the_others() {
        let text = "//! A.\nfn one() {}\n#[cfg(test)]\nmod tests {\n    fn two() {}\n}\n#[cfg(not(test))]\nfn three() {}\n";
        let source = source("crates/a/src/b.rs", text);
        let tests: Vec<usize> = (1..=8).filter(|line| source.is_test(*line)).collect();
        assert_eq!(tests, [3, 4, 5, 6]);
        assert_eq!(source.lines_without_tests(), 4);
    }

    #[test]
    fn test_files_are_known_by_their_place() {
        for (path, expected) in [
            ("crates/a/src/b/tests.rs", true),
            ("crates/a/tests/b.rs", true),
            ("crates/a/src/contests.rs", false),
        ] {
            assert_eq!(source(path, "//! A.\n").is_test(1), expected, "{path}");
        }
    }
}
