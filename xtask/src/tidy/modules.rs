//! Every file is a module that somebody declares and that says what it is; every operation is in the list.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, Meta};

use super::Finding;
use super::source::{Source, mentions};

/// The module whose children are the operations of the API.
const OPERATIONS: &str = "crates/control/src/operations";

pub(super) fn find(sources: &[Source]) -> Vec<Finding> {
    let by_path: BTreeMap<&str, &Source> =
        sources.iter().map(|source| (source.path.as_str(), source)).collect();
    let mut findings = Vec::new();
    for source in sources {
        let note = |rule, what: String, remedy| Finding::new(&source.path, 1, rule, what, remedy);
        if source.path.ends_with("/mod.rs") {
            let remedy = "Call it `noun.rs` beside the folder `noun/`";
            findings.push(note("mod-rs", "a file called mod.rs".to_owned(), remedy));
        }
        let tests_beside_the_code = source.path.ends_with("/tests.rs");
        if !tests_beside_the_code && !source.syntax.attrs.iter().any(is_documentation) {
            let remedy = "Begin the file with `//!` and what the module is";
            findings.push(note("module-page", "no word on what this module is".to_owned(), remedy));
        }
        let Some((parents, stem)) = parents_of(&source.path) else { continue };
        let parents: Vec<&Source> =
            parents.iter().filter_map(|path| by_path.get(path.as_str()).copied()).collect();
        if !parents.iter().any(|parent| declares(parent, &stem)) {
            let remedy = "Declare it with `mod`, or delete it";
            findings.push(note(
                "orphan-file",
                "no module declares this file, so it is not compiled".into(),
                remedy,
            ));
        } else if source.path.starts_with(&format!("{OPERATIONS}/"))
            && parents.iter().any(|parent| parent.path == format!("{OPERATIONS}.rs"))
            && is_operation(source)
            && !parents.iter().any(|parent| uses(parent, &stem))
        {
            let remedy = "Add its line to the list of operations";
            findings.push(note("operation-list", format!("the operation {stem} is not in the list"), remedy));
        }
    }
    findings
}

fn is_documentation(attribute: &Attribute) -> bool {
    matches!(&attribute.meta, Meta::NameValue(value) if value.path.is_ident("doc"))
}

/// The files that may declare this one, and the name they would do it by. `None` for the root of a crate, a program, an
/// example or an integration test.
fn parents_of(path: &str) -> Option<(Vec<String>, String)> {
    let (folder, file) = path.rsplit_once('/')?;
    let stem = file.strip_suffix(".rs")?;
    let (_crate_folder, inside) = path.split_once("/src/")?;
    if inside.starts_with("bin/") || ["lib.rs", "main.rs"].contains(&inside) {
        return None;
    }
    let parents = if folder.ends_with("/src") {
        vec![format!("{folder}/lib.rs"), format!("{folder}/main.rs")]
    } else {
        vec![format!("{folder}.rs"), format!("{folder}/mod.rs")]
    };
    Some((parents, stem.to_owned()))
}

fn declares(parent: &Source, name: &str) -> bool {
    struct Declarations<'a> {
        name: &'a str,
        found: bool,
    }
    impl<'ast> Visit<'ast> for Declarations<'_> {
        fn visit_item_mod(&mut self, item: &'ast ItemMod) {
            self.found |= item.ident == self.name && item.content.is_none();
            visit::visit_item_mod(self, item);
        }
    }
    let mut declarations = Declarations { name, found: false };
    declarations.visit_file(&parent.syntax);
    declarations.found
}

/// Whether the file implements an operation, rather than what several of them share.
fn is_operation(source: &Source) -> bool {
    let implemented = source.syntax.items.iter().filter_map(|item| match item {
        Item::Impl(item) => item.trait_.as_ref()?.0.segments.last(),
        _ => None,
    });
    implemented.into_iter().any(|name| name.ident == "Operation")
}

/// Whether anything but a `mod` or `use` line names the module.
fn uses(parent: &Source, name: &str) -> bool {
    struct Names<'a> {
        name: &'a str,
        found: bool,
    }
    impl<'ast> Visit<'ast> for Names<'_> {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            self.found |= path.segments.iter().any(|segment| segment.ident == self.name);
            visit::visit_path(self, path);
        }

        fn visit_macro(&mut self, call: &'ast syn::Macro) {
            self.found |= mentions(&call.tokens, self.name);
        }
    }
    let mut names = Names { name, found: false };
    for item in &parent.syntax.items {
        if !matches!(item, Item::Mod(_) | Item::Use(_)) {
            names.visit_item(item);
        }
    }
    names.found
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::tidy::source::{Source, source};

    fn rules(sources: &[Source]) -> Vec<(String, &'static str)> {
        find(sources).into_iter().map(|finding| (finding.file, finding.rule)).collect()
    }

    #[test]
    fn a_file_that_nobody_declares_is_found() {
        let sources = [
            source("crates/a/src/lib.rs", "//! A.\nmod b;"),
            source("crates/a/src/b.rs", "//! B.\n#[cfg(test)]\nmod tests;"),
            source("crates/a/src/b/tests.rs", "//! T."),
            source("crates/a/src/c.rs", "//! C."),
            source("crates/a/src/bin/d.rs", "//! D."),
            source("crates/a/tests/e.rs", "//! E."),
        ];
        assert_eq!(rules(&sources), [("crates/a/src/c.rs".to_owned(), "orphan-file")]);
    }

    #[test]
    fn a_module_without_a_page_and_a_mod_rs_are_found() {
        let sources = [
            source("crates/a/src/lib.rs", "//! A.\nmod b;"),
            source("crates/a/src/b/mod.rs", "fn undocumented() {}"),
        ];
        let found: Vec<&str> = rules(&sources).iter().map(|(_, rule)| *rule).collect();
        assert_eq!(found, ["mod-rs", "module-page", "orphan-file"]);
    }

    #[test]
    fn an_operation_that_is_not_in_the_list_is_found() {
        let list = |text: &str| {
            [
                source("crates/control/src/lib.rs", "//! A.\nmod operations;"),
                source("crates/control/src/operations.rs", text),
                source("crates/control/src/operations/describe.rs", "//! D.\nimpl Operation for Describe {}"),
            ]
        };
        let declared = "//! O.\nmod describe;\nuse describe::Describe;";
        assert_eq!(
            rules(&list(declared)),
            [("crates/control/src/operations/describe.rs".into(), "operation-list")]
        );
        assert_eq!(
            rules(&list(&format!("{declared}\nstatic ALL: &[Entry] = &[entry::<describe::Describe>()];"))),
            []
        );
        let shared = list(declared)
            .map(|file| if file.path.ends_with("be.rs") { source(&file.path, "//! S.") } else { file });
        assert_eq!(rules(&shared), [], "what operations share is no operation");
        assert_eq!(rules(&list(&format!("{declared}\noperations!(describe::Describe);"))), []);
    }
}
