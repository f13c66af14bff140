//! Names say what a thing is: no `utils`, no `Manager`, no glob imports, no test that is switched off.

use proc_macro2::Ident;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ItemEnum, ItemMod, ItemStruct, ItemTrait, ItemType, UseGlob};

use super::Finding;
use super::source::Source;

/// Words that say nothing, as parts of names.
const EMPTY_WORDS: [&str; 7] = ["util", "utils", "helper", "helpers", "manager", "managers", "prelude"];

pub(super) fn find(source: &Source) -> Vec<Finding> {
    let mut names = Names { path: &source.path, findings: Vec::new() };
    let stem = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    names.judge(stem, 1);
    names.visit_file(&source.syntax);
    names.findings
}

struct Names<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl Names<'_> {
    fn judge_ident(&mut self, ident: &Ident) {
        self.judge(&ident.to_string(), ident.span().start().line);
    }

    fn judge(&mut self, name: &str, line: usize) {
        if words(name).iter().any(|word| EMPTY_WORDS.contains(&word.as_str())) {
            let remedy = "Name it after what it is or does";
            self.findings.push(Finding::new(
                self.path,
                line,
                "empty-name",
                format!("`{name}` says nothing"),
                remedy,
            ));
        }
    }
}

/// The words of a `snake_case` or `CamelCase` name, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter == '_' || letter == '-' || letter.is_uppercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut()
            && letter.is_alphanumeric()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_use_glob(&mut self, glob: &'ast UseGlob) {
        let remedy = "Name what is used, so that a reader can find it";
        let line = glob.span().start().line;
        self.findings.push(Finding::new(self.path, line, "glob-import", "a glob import", remedy));
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("ignore") {
            let remedy = "A test that cannot run here fails and says why; one that nobody needs goes";
            let line = attribute.span().start().line;
            self.findings.push(Finding::new(
                self.path,
                line,
                "ignored-test",
                "a test that never runs",
                remedy,
            ));
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.judge_ident(&item.ident);
        visit::visit_item_mod(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.judge_ident(&item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        self.judge_ident(&item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.judge_ident(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast ItemType) {
        self.judge_ident(&item.ident);
        visit::visit_item_type(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::tidy::source::source;

    fn rules(path: &str, text: &str) -> Vec<(&'static str, usize)> {
        find(&source(path, text)).iter().map(|finding| (finding.rule, finding.line)).collect()
    }

    #[test]
    fn empty_names_are_found_in_types_modules_and_files() {
        assert_eq!(rules("a/b.rs", "struct TunnelManager;"), [("empty-name", 1)]);
        assert_eq!(rules("a/b.rs", "mod helpers;\nenum Fine {}"), [("empty-name", 1)]);
        assert_eq!(rules("a/string_utils.rs", ""), [("empty-name", 1)]);
        assert_eq!(
            rules("a/b.rs", "struct Utilisation;\nstruct ManagerialIsNoManagers(u8);"),
            [("empty-name", 2)]
        );
    }

    #[test]
    fn globs_are_found_wherever_they_hide() {
        assert_eq!(rules("a/b.rs", "mod c {\n    use d::{e, f::*};\n}"), [("glob-import", 2)]);
        assert_eq!(rules("a/b.rs", "use d::e;"), []);
    }

    #[test]
    fn a_test_that_is_switched_off_is_found() {
        assert_eq!(rules("a/b.rs", "#[test]\n#[ignore = \"slow\"]\nfn a() {}"), [("ignored-test", 2)]);
    }
}
