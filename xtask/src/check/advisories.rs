//! Security advisories: no version in Cargo.lock is known to be vulnerable.
//!
//! The data is the RustSec advisory database, a git repository of one file per advisory. It is looked for where
//! `ADVISORY_DB` says, and where cargo-audit and cargo-deny keep it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use semver::{Version, VersionReq};
use toml::{Table, Value};

use super::Outcome;
use crate::run::bounded;
use crate::workspace::Workspace;

const DATABASE_URL: &str = "https://github.com/RustSec/advisory-db.git";
const FETCH_LIMIT: Duration = Duration::from_secs(60);

/// One advisory, as far as it matters here.
struct Advisory {
    id: String,
    package: String,
    title: String,
    /// Versions that have been repaired, and such that never had the fault.
    safe: Vec<VersionReq>,
}

/// A package of Cargo.lock.
struct Locked {
    name: String,
    version: Version,
}

pub(super) fn report(workspace: &Workspace, fetch: bool) -> Result<Outcome> {
    let Some(database) = database(workspace, fetch)? else {
        let tried = if fetch { "and cannot be fetched from here" } else { "(--fetch-advisories fetches it)" };
        let why = format!(
            "the RustSec advisory database is not at hand {tried}; ADVISORY_DB may name a checkout of it"
        );
        return Ok(Outcome::NotDone(why));
    };
    let lock = fs::read_to_string(workspace.root().join("Cargo.lock")).context("reading Cargo.lock")?;
    let locked = locked(&lock)?;
    let advisories = read_all(&database.join("crates"))?;
    let mut all_well = true;
    for package in &locked {
        for advisory in advisories.iter().filter(|advisory| advisory.concerns(package)) {
            let Advisory { id, title, .. } = advisory;
            println!("{} {}: {id}, {title}. Update it: cargo update -p {0}", package.name, package.version);
            all_well = false;
        }
    }
    println!("{} packages against {} advisories of {}", locked.len(), advisories.len(), database.display());
    Ok(if all_well { Outcome::Well } else { Outcome::Wrong })
}

/// Where the database is, if it is anywhere.
fn database(workspace: &Workspace, fetch: bool) -> Result<Option<PathBuf>> {
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let fetched = workspace.target().join("advisory-db");
    let mut places = vec![fetched.clone()];
    places.extend(std::env::var_os("ADVISORY_DB").map(PathBuf::from));
    if let Some(home) = cargo_home {
        places.push(home.join("advisory-db"));
        let kept_by_deny = fs::read_dir(home.join("advisory-dbs")).into_iter().flatten().flatten();
        places.extend(kept_by_deny.map(|entry| entry.path()));
    }
    let at_hand = places.into_iter().find(|place| place.join("crates").is_dir());
    if at_hand.is_some() || !fetch {
        return Ok(at_hand);
    }
    let mut clone = Command::new("git");
    clone
        .args(["clone", "--quiet", "--depth", "1", DATABASE_URL])
        .arg(&fetched)
        .env("GIT_TERMINAL_PROMPT", "0");
    match bounded(&mut clone, FETCH_LIMIT) {
        Ok(status) if status.success() => Ok(Some(fetched)),
        Ok(_) => Ok(None),
        Err(error) => {
            println!("{error:#}");
            Ok(None)
        }
    }
}

fn locked(lock: &str) -> Result<Vec<Locked>> {
    let lock: Table = lock.parse().context("reading Cargo.lock")?;
    let packages = lock.get("package").and_then(Value::as_array).context("Cargo.lock has no packages")?;
    // What has no source is our own.
    let foreign = packages.iter().filter(|package| package.get("source").is_some());
    foreign
        .map(|package| {
            let text = |key| {
                package.get(key).and_then(Value::as_str).context("a package of Cargo.lock is incomplete")
            };
            Ok(Locked { name: text("name")?.to_owned(), version: text("version")?.parse()? })
        })
        .collect()
}

fn read_all(crates: &Path) -> Result<Vec<Advisory>> {
    let mut advisories = Vec::new();
    for folder in fs::read_dir(crates).context("reading the advisory database")? {
        for file in fs::read_dir(folder?.path())? {
            let file = file?.path();
            if file.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&file)?;
                let read = Advisory::parse(&text).with_context(|| format!("reading {}", file.display()))?;
                advisories.extend(read);
            }
        }
    }
    Ok(advisories)
}

impl Advisory {
    /// Reads an advisory: TOML between a fence, and then its title as a heading. `None` when it was withdrawn or only
    /// informs.
    fn parse(text: &str) -> Result<Option<Self>> {
        let rest = text.trim_start().strip_prefix("```toml").context("no ```toml at its start")?;
        let (front, body) = rest.split_once("```").context("no end of its TOML")?;
        let front: Table = front.parse()?;
        let advisory = front.get("advisory").context("no [advisory]")?;
        if advisory.get("withdrawn").is_some() || advisory.get("informational").is_some() {
            return Ok(None);
        }
        let text = |key: &str| advisory.get(key).and_then(Value::as_str).with_context(|| format!("no {key}"));
        let mut safe = Vec::new();
        for kind in ["patched", "unaffected"] {
            let versions =
                front.get("versions").and_then(|versions| versions.get(kind)).and_then(Value::as_array);
            for version in versions.into_iter().flatten() {
                safe.push(version.as_str().context("a version is no text")?.parse()?);
            }
        }
        let title = body.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("no title").to_owned();
        Ok(Some(Self { id: text("id")?.to_owned(), package: text("package")?.to_owned(), title, safe }))
    }

    fn concerns(&self, locked: &Locked) -> bool {
        self.package == locked.name && !self.safe.iter().any(|versions| versions.matches(&locked.version))
    }
}

#[cfg(test)]
mod tests {
    use super::{Advisory, Locked, locked};

    const ADVISORY: &str = "```toml\n[advisory]\nid = \"RUSTSEC-2099-0001\"\npackage = \"thing\"\ndate = \"2099-01-01\"\n\
                            [versions]\npatched = [\">= 1.2.3\", \"^0.9.8\"]\nunaffected = [\"< 0.9.0\"]\n```\n\n# It leaks\n";

    fn thing(version: &str) -> Locked {
        Locked { name: "thing".into(), version: version.parse().unwrap() }
    }

    #[test]
    fn versions_neither_patched_nor_unaffected_are_found() {
        let advisory = Advisory::parse(ADVISORY).unwrap().unwrap();
        assert_eq!(advisory.title, "It leaks");
        for (version, concerned) in
            [("1.2.2", true), ("1.2.3", false), ("0.9.7", true), ("0.9.8", false), ("0.8.0", false)]
        {
            assert_eq!(advisory.concerns(&thing(version)), concerned, "{version}");
        }
        assert!(!advisory.concerns(&Locked { name: "other".into(), ..thing("1.0.0") }));
    }

    #[test]
    fn what_only_informs_or_was_withdrawn_is_no_fault() {
        for line in ["informational = \"unmaintained\"", "withdrawn = \"2099-02-01\""] {
            let text = ADVISORY.replace("[versions]", &format!("{line}\n[versions]"));
            assert!(Advisory::parse(&text).unwrap().is_none());
        }
    }

    #[test]
    fn our_own_packages_are_not_looked_up() {
        let lock = "[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n[[package]]\nname = \"thing\"\nversion = \"1.0.0\"\n\
                    source = \"registry+https://example.org\"\n";
        let locked = locked(lock).unwrap();
        assert_eq!(locked.len(), 1);
        assert_eq!(locked[0].name, "thing");
    }
}
