//! The stories that unmodified SDKs tell: Python tests under tests/sdk, in a virtual environment of the project's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::tally::{self, Tally};
use crate::run::{bounded, bounded_lines};
use crate::workspace::Workspace;

const STORIES: &str = "tests/sdk";
const REQUIREMENTS: &str = "tests/sdk/requirements.txt";
/// The exact version of everything that the requirements bring along.
const CONSTRAINTS: &str = "xtask/python-constraints.txt";

const INSTALL_LIMIT: Duration = Duration::from_secs(5 * 60);
const TEST_LIMIT: Duration = Duration::from_secs(8 * 60);

/// The virtual environment.
pub(super) struct Environment {
    python: PathBuf,
}

impl Environment {
    /// Where it is, when it is there.
    pub(super) fn at(workspace: &Workspace) -> Self {
        Self { python: folder(workspace).join("bin/python") }
    }

    /// Makes the environment when it is absent or was made for other requirements.
    pub(super) fn prepare(workspace: &Workspace) -> Result<()> {
        let folder = folder(workspace);
        let python = folder.join("bin/python");
        let wanted = wanted(workspace.root())?;
        let stamp = folder.join("requirements.stamp");
        if fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == wanted) && python.exists() {
            return Ok(());
        }
        println!("making a virtual environment with the SDKs that the tests use, in {}", folder.display());
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        install
            .args(["--requirement", REQUIREMENTS, "--constraint", CONSTRAINTS])
            .current_dir(workspace.root());
        run(&mut install)?;
        fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
    }

    /// Runs every story.
    pub(super) fn run_tests(&self, workspace: &Workspace) -> Result<Tally> {
        let mut counted = None;
        let mut command = Command::new(&self.python);
        command
            .args(["-m", "pytest", "-p", "no:cacheprovider", "--color=no", STORIES])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("CAUSEWAY_BINARY", workspace.binary("debug", "causeway"))
            .current_dir(workspace.root());
        let status = bounded_lines(&mut command, TEST_LIMIT, |line| {
            counted = tally::of_pytest(line).or(counted);
        })?;
        let mut tally = counted.unwrap_or_default();
        if !status.success() && tally.failed == 0 {
            println!("pytest {STORIES}: {status}, though no test has failed: counted as one");
            tally.failed = 1;
        }
        Ok(tally)
    }
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target().join("python")
}

/// What the environment is made for: both files, whole.
fn wanted(root: &Path) -> Result<String> {
    let read = |name: &str| fs::read_to_string(root.join(name)).with_context(|| format!("reading {name}"));
    Ok(read(REQUIREMENTS)? + &read(CONSTRAINTS)?)
}

fn run(command: &mut Command) -> Result<()> {
    let what = format!("{command:?}");
    if !bounded(command, INSTALL_LIMIT)?.success() {
        bail!("{what} failed; the tests need python3, its module venv, and a package index that pip reaches");
    }
    Ok(())
}
