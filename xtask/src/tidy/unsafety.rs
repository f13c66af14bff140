//! `unsafe` is confined to the modules that talk to the kernel.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ExprUnsafe, ItemImpl, Safety, Signature};

use super::Finding;
use super::source::{Source, mentions};

/// Where it is allowed: the module that talks to the kernel.
const ALLOWED: [&str; 1] = ["crates/gateway/src/kernel"];

pub(super) fn find(source: &Source) -> Vec<Finding> {
    let allowed = |place: &&str| {
        source.path.strip_prefix(*place).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    };
    if ALLOWED.iter().any(allowed) {
        return Vec::new();
    }
    let mut unsafety = Unsafety { path: &source.path, findings: Vec::new() };
    unsafety.visit_file(&source.syntax);
    unsafety.findings
}

struct Unsafety<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl Unsafety<'_> {
    fn note(&mut self, line: usize) {
        let remedy = "Use a safe function of nix, socket2 or std, or move it to the kernel module";
        self.findings.push(Finding::new(
            self.path,
            line,
            "unsafe",
            "unsafe code outside the kernel module",
            remedy,
        ));
    }
}

impl<'ast> Visit<'ast> for Unsafety<'_> {
    fn visit_expr_unsafe(&mut self, block: &'ast ExprUnsafe) {
        self.note(block.span().start().line);
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if item.unsafety.is_some() {
            self.note(item.span().start().line);
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_signature(&mut self, signature: &'ast Signature) {
        if matches!(signature.safety, Safety::Unsafe(_)) {
            self.note(signature.span().start().line);
        }
        visit::visit_signature(self, signature);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("allow")
            && attribute.meta.require_list().is_ok_and(|list| mentions(&list.tokens, "unsafe_code"))
        {
            self.note(attribute.span().start().line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::tidy::source::source;

    #[test]
    fn unsafe_code_is_found_outside_the_kernel_module() {
        for text in [
            "fn f() { unsafe { g() } }",
            "unsafe fn f() {}",
            "unsafe impl Send for A {}",
            "#![allow(unsafe_code)]",
        ] {
            assert_eq!(find(&source("crates/gateway/src/tun.rs", text)).len(), 1, "{text}");
            assert_eq!(find(&source("crates/gateway/src/kernels.rs", text)).len(), 1, "{text}");
            assert_eq!(find(&source("crates/gateway/src/kernel.rs", text)), [], "{text}");
            assert_eq!(find(&source("crates/gateway/src/kernel/batch.rs", text)), [], "{text}");
        }
        assert_eq!(find(&source("crates/gateway/src/tun.rs", "#![deny(unsafe_code)]\nfn f() {}")), []);
    }
}
