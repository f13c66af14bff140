//! A function fits on a screen, and a file is a room one can look over.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, ItemFn, Signature, TraitItemFn};

use super::Finding;
use super::source::Source;

pub(super) const FILE_LENGTH: &str = "file-length";
pub(super) const FUNCTION_LENGTH: &str = "function-length";
const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 60;

pub(super) fn find(source: &Source) -> Vec<Finding> {
    let mut functions = Functions { source, findings: Vec::new() };
    functions.visit_file(&source.syntax);
    let mut findings = functions.findings;
    let lines = source.lines_without_tests();
    if lines > FILE_LINES_MAX {
        let what = format!("{lines} lines without its tests, {FILE_LINES_MAX} at most");
        let remedy = "Move what belongs together into a module below it";
        let finding = Finding::new(&source.path, 1, FILE_LENGTH, what, remedy);
        findings.push(Finding { measured: Some(("*".to_owned(), lines)), ..finding });
    }
    findings
}

struct Functions<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &Signature, block: &Block) {
        let start = signature.span().start().line;
        let end = Span::end(&block.brace_token.span.close()).line;
        let lines = end - start + 1;
        if lines <= FUNCTION_LINES_MAX || self.source.is_test(start) {
            return;
        }
        let name = signature.ident.to_string();
        let what = format!("{name} has {lines} lines, {FUNCTION_LINES_MAX} at most");
        let remedy = "Give each thing that it does a function of its own";
        let finding = Finding::new(&self.source.path, start, FUNCTION_LENGTH, what, remedy);
        self.findings.push(Finding { measured: Some((name, lines)), ..finding });
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::tidy::source::source;

    fn function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    call();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_of_sixty_lines_is_the_longest() {
        let text = format!("//! A.\n/// Documentation\n/// does not count.\n#[must_use]\n{}", function(60));
        assert_eq!(find(&source("crates/a/src/b.rs", &text)), []);
        let findings = find(&source("crates/a/src/b.rs", &function(61)));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].measured, Some(("long".to_owned(), 61)));
        assert_eq!(findings[0].line, 1);
    }

    #[test]
    fn methods_are_measured_and_tests_are_not() {
        let method = format!("struct A;\nimpl A {{\n{}}}\n", function(61));
        assert_eq!(find(&source("crates/a/src/b.rs", &method)).len(), 1);
        let test = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(61));
        assert_eq!(find(&source("crates/a/src/b.rs", &test)), []);
        assert_eq!(find(&source("crates/a/tests/b.rs", &function(61))), []);
    }

    #[test]
    fn a_file_of_five_hundred_lines_is_the_longest_its_tests_apart() {
        let lines = |count| "const A: u8 = 0;\n".repeat(count);
        assert_eq!(find(&source("crates/a/src/b.rs", &lines(500))), []);
        assert_eq!(find(&source("crates/a/src/b.rs", &lines(501))).len(), 1);
        let with_tests = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", lines(500), lines(300));
        assert_eq!(find(&source("crates/a/src/b.rs", &with_tests)), []);
        assert_eq!(find(&source("crates/a/src/b/tests.rs", &lines(2000))), []);
    }
}
