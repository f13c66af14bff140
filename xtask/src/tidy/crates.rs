//! Who may know what: the dependencies between our crates go as the design says.

use super::Finding;
use crate::workspace::Package;

/// For each crate, which others it may depend on (other than for its tests).
const MAY_DEPEND_ON: [(&str, &[&str]); 13] = [
    ("causeway-crypto", &[]),
    ("causeway-netlab", &[]),
    ("causeway-transcript", &[]),
    ("causeway-wire", &[]),
    ("causeway-control", &["causeway-wire"]),
    ("causeway-esp", &["causeway-crypto"]),
    ("causeway-ike", &["causeway-crypto"]),
    ("causeway-store", &["causeway-control"]),
    ("causeway-gateway", &["causeway-control", "causeway-crypto", "causeway-esp", "causeway-ike"]),
    (
        "causeway-server",
        &["causeway-control", "causeway-gateway", "causeway-netlab", "causeway-store", "causeway-wire"],
    ),
    ("causeway-lab", &["causeway-control", "causeway-netlab"]),
    ("causeway-bench", &["causeway-crypto", "causeway-ike", "causeway-netlab", "causeway-wire"]),
    ("xtask", &["causeway-netlab"]),
];

pub(super) fn find(packages: &[Package]) -> Vec<Finding> {
    let ours: Vec<&Package> = packages.iter().filter(|package| package.ours).collect();
    let mut findings = Vec::new();
    for package in &ours {
        let file = match package.name.strip_prefix("causeway-") {
            Some(short) => format!("crates/{short}/Cargo.toml"),
            None => format!("{}/Cargo.toml", package.name),
        };
        let Some((_, allowed)) = MAY_DEPEND_ON.iter().find(|(name, _)| *name == package.name) else {
            let what = format!("the crate {} has no place in the design", package.name);
            let remedy = "Give it one in ARCHITECTURE.md and in the list of this rule";
            findings.push(Finding::new(&file, 1, "crate-dependency", what, remedy));
            continue;
        };
        let of_ours = |name: &&String| ours.iter().any(|package| package.name == **name);
        for dependency in package.dependencies.iter().filter(of_ours) {
            if !allowed.contains(&dependency.as_str()) {
                let what = format!("{} depends on {dependency}", package.name);
                let remedy = "It may not know of it: pass what it needs, or move the code";
                findings.push(Finding::new(&file, 1, "crate-dependency", what, remedy));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::workspace::Package;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.into(),
            version: "0.1.0".into(),
            license: None,
            ours: name != "serde",
            dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
            tests: Vec::new(),
        }
    }

    #[test]
    fn a_dependency_against_the_direction_is_found() {
        let packages = [
            package("causeway-wire", &["causeway-control", "serde"]),
            package("causeway-control", &["causeway-wire", "serde"]),
            package("serde", &[]),
        ];
        let findings = find(&packages);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].file, "crates/wire/Cargo.toml");
    }

    #[test]
    fn a_crate_that_nobody_designed_is_found() {
        assert_eq!(find(&[package("causeway-extras", &[])]).len(), 1);
    }
}
