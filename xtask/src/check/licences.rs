//! Licences: every dependency has one that xtask/licences.txt allows.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::spdx::Expression;
use crate::workspace::Package;

const LIST: &str = "xtask/licences.txt";

/// What the list allows: licences of all, and exceptions `crate licence`.
struct Allowed<'a> {
    lines: Vec<&'a str>,
}

/// Prints what is not allowed by the list below `root`, and says whether all is well.
pub(super) fn report(root: &Path, packages: &[Package]) -> Result<bool> {
    let text = fs::read_to_string(root.join(LIST)).with_context(|| format!("reading {LIST}"))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let allowed = Allowed { lines: lines.collect() };
    let mut all_well = true;
    let others: Vec<&Package> = packages.iter().filter(|package| !package.ours).collect();
    for package in &others {
        if let Err(why) = allowed.check(package) {
            println!("{} {}: {why}. Replace it, or add the licence to {LIST}", package.name, package.version);
            all_well = false;
        }
    }
    println!("{} dependencies", others.len());
    Ok(all_well)
}

impl Allowed<'_> {
    fn check(&self, package: &Package) -> Result<(), String> {
        let licence = package.license.as_deref().ok_or("it names no licence")?;
        let expression =
            Expression::parse(licence).map_err(|error| format!("its licence `{licence}`: {error}"))?;
        let allows = |one: &str| {
            let exception = format!("{} {one}", package.name);
            self.lines.iter().any(|line| *line == one || *line == exception)
        };
        if expression.holds(&allows) {
            Ok(())
        } else {
            Err(format!("its licence `{licence}` is not allowed"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Allowed;
    use crate::workspace::Package;

    fn package(license: Option<&str>) -> Package {
        Package {
            name: "thing".into(),
            version: "1.0.0".into(),
            license: license.map(str::to_owned),
            ours: false,
            dependencies: Vec::new(),
            tests: Vec::new(),
        }
    }

    #[test]
    fn a_licence_must_be_on_the_list_or_excepted_for_the_crate() {
        let allowed = Allowed { lines: vec!["MIT", "thing GPL-3.0-only", "other MPL-2.0"] };
        assert!(allowed.check(&package(Some("MIT OR MPL-2.0"))).is_ok());
        assert!(allowed.check(&package(Some("GPL-3.0-only"))).is_ok());
        assert!(allowed.check(&package(Some("MPL-2.0"))).is_err());
        assert!(allowed.check(&package(Some("MIT AND MPL-2.0"))).is_err());
        assert!(allowed.check(&package(None)).is_err());
    }
}
