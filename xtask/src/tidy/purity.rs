//! The pure crates: time and randomness are arguments, no sockets, no files, no tokio, ordered maps.
//!
//! That is what lets a year of rekeys be tested in a second, and any failure be reproduced from its seed.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{ItemUse, Macro, Path, UseTree};

use super::Finding;
use super::source::Source;

const PURE_CRATES: [&str; 5] = ["crypto", "esp", "ike", "wire", "control"];

/// What a pure crate does not touch, and what it does instead.
const IMPURE: [(&str, &str); 15] = [
    ("tokio", "Leave the waiting to the caller"),
    ("rand", "Take the random bytes as an argument"),
    ("getrandom", "Take the random bytes as an argument"),
    ("std::fs", "Let the caller read and write files"),
    ("std::env", "Take it as an argument"),
    ("std::process", "Let the caller do it"),
    ("std::thread", "Leave threads to the caller"),
    ("std::net::TcpStream", "Take and give bytes; sockets are the caller's"),
    ("std::net::TcpListener", "Take and give bytes; sockets are the caller's"),
    ("std::net::UdpSocket", "Take and give bytes; sockets are the caller's"),
    ("std::time::Instant", "Take the time as an argument"),
    ("std::time::SystemTime", "Take the time as an argument"),
    ("std::collections::HashMap", "Use BTreeMap: its order is always the same"),
    ("std::collections::HashSet", "Use BTreeSet: its order is always the same"),
    ("socket2", "Take and give bytes; sockets are the caller's"),
];

pub(super) fn find(source: &Source) -> Vec<Finding> {
    let of_pure_crate = |name: &&str| source.path.starts_with(&format!("crates/{name}/src/"));
    if !PURE_CRATES.iter().any(of_pure_crate) {
        return Vec::new();
    }
    let mut paths = Paths { source, findings: Vec::new() };
    paths.visit_file(&source.syntax);
    paths.findings
}

struct Paths<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl Paths<'_> {
    fn judge(&mut self, path: &[String], line: usize) {
        if self.source.is_test(line) {
            return;
        }
        let hit = IMPURE.iter().find(|(impure, _)| {
            let impure: Vec<&str> = impure.split("::").collect();
            path.len() >= impure.len() && path.iter().zip(&impure).all(|(part, impure)| part == impure)
        });
        if let Some((impure, remedy)) = hit {
            let what = format!("`{impure}` in a pure crate");
            self.findings.push(Finding::new(&self.source.path, line, "purity", what, remedy));
        }
    }

    fn judge_use(&mut self, tree: &UseTree, before: &[String]) {
        let with = |ident: &proc_macro2::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.judge_use(&path.tree, &with(&path.ident)),
            UseTree::Name(name) => self.judge(&with(&name.ident), name.span().start().line),
            UseTree::Rename(name) => self.judge(&with(&name.ident), name.span().start().line),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.judge_use(tree, before)),
            UseTree::Glob(_) => {}
        }
    }

    /// Paths inside a macro call, of which only the tokens are known.
    fn judge_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.judge(&std::mem::take(&mut path), line);
                    }
                    line = ident.span().start().line;
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.judge(&std::mem::take(&mut path), line);
                    self.judge_tokens(group.stream());
                    colons = 0;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => colons = 0,
            }
        }
        self.judge(&path, line);
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.judge_use(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let parts: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.judge(&parts, path.span().start().line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.judge_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::tidy::source::source;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        find(&source(path, text)).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_clock_is_found_however_it_is_named() {
        for text in [
            "use std::time::Instant;",
            "use std::{fmt, time::{Duration, Instant as Clock}};",
            "fn f() { let _ = std::time::Instant::now(); }",
            "fn f() { println!(\"{:?}\", std::time::SystemTime::now()); }",
            "struct A(std::collections::HashMap<u8, u8>);",
            "use tokio::net::UdpSocket;",
            "fn f() -> Result<(), std::io::Error> { std::fs::read(\"a\").map(drop) }",
        ] {
            assert_eq!(lines("crates/ike/src/a.rs", text), [1], "{text}");
        }
    }

    #[test]
    fn durations_addresses_and_the_random_bytes_of_a_library_are_pure() {
        for text in [
            "use std::time::Duration;",
            "use std::net::{Ipv4Addr, SocketAddrV4};",
            "use aws_lc_rs::rand::SecureRandom;",
            "use std::collections::BTreeMap;",
            "fn f() { let time = 1; assert!(time == 1); }",
        ] {
            assert_eq!(lines("crates/ike/src/a.rs", text), [0; 0], "{text}");
        }
    }

    #[test]
    fn tests_and_other_crates_may() {
        let text = "#[cfg(test)]\nmod tests {\n    use std::time::Instant;\n}";
        assert_eq!(lines("crates/ike/src/a.rs", text), [0; 0]);
        assert_eq!(lines("crates/gateway/src/a.rs", "use std::time::Instant;"), [0; 0]);
    }
}
