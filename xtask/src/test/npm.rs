//! The npm clients over all operations: tests under tests/npm, with packages installed into a folder of the project's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::tally::{self, Tally};
use crate::run::{bounded, bounded_lines};
use crate::workspace::Workspace;

const TESTS: &str = "tests/npm";
/// What is installed, and the exact version and digest of everything that it brings along.
const WANTED: [&str; 2] = ["package.json", "package-lock.json"];

const INSTALL_LIMIT: Duration = Duration::from_secs(5 * 60);
const TEST_LIMIT: Duration = Duration::from_secs(3 * 60);

/// Installs the clients when they are absent or others are wanted.
pub(super) fn prepare(workspace: &Workspace) -> Result<()> {
    let folder = folder(workspace);
    let wanted = wanted(workspace.root())?;
    let stamp = folder.join("wanted.stamp");
    if fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == wanted) {
        return Ok(());
    }
    println!("installing the npm clients that the tests use, in {}", folder.display());
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    for name in WANTED {
        let from = workspace.root().join(TESTS).join(name);
        fs::copy(&from, folder.join(name)).with_context(|| format!("copying {}", from.display()))?;
    }
    let mut install = Command::new("npm");
    install
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(&folder);
    if !bounded(&mut install, INSTALL_LIMIT)?.success() {
        bail!("{install:?} failed; the tests need node 18 or newer, and a package registry that npm reaches");
    }
    fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
}

/// Runs every test.
pub(super) fn run_tests(workspace: &Workspace) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=tap", TESTS])
        .env("CAUSEWAY_NPM", folder(workspace))
        .env("CAUSEWAY_BINARY", workspace.binary("debug", "causeway"))
        .current_dir(workspace.root());
    let status = bounded_lines(&mut command, TEST_LIMIT, |line| {
        if let Some(counted) = tally::of_node(line) {
            tally += counted;
        }
    })?;
    if (!status.success() && tally.failed == 0) || tally == Tally::default() {
        println!("node --test {TESTS}: {status}, though no test has failed: counted as one");
        tally.failed += 1;
    }
    Ok(tally)
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target().join("npm")
}

/// What the packages are installed for: both files, whole.
fn wanted(root: &Path) -> Result<String> {
    let read = |name: &&str| {
        let file = root.join(TESTS).join(name);
        fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
    };
    WANTED.iter().map(read).collect()
}
