//! `cargo xtask test`: what the tests need, the tests, and one closing line.

mod npm;
pub(crate) mod packages;
mod python;
mod tally;

use std::fs;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use causeway_netlab::ensure_rights;
use clap::Args;

use crate::exit_code;
use crate::run::{bounded, bounded_lines};
use crate::workspace::Workspace;
pub(crate) use packages::install_missing;
use tally::Tally;

/// Enough for a build from nothing on two cores, and all tests.
const CARGO_LIMIT: Duration = Duration::from_secs(40 * 60);
const FETCH_LIMIT: Duration = Duration::from_secs(5 * 60);

#[derive(Args)]
pub(crate) struct Options {
    /// Only what needs no network namespaces, no peers, no Python and no node.
    #[arg(long)]
    quick: bool,
    /// Only install what the tests need: the part that wants the network.
    #[arg(long, conflicts_with = "quick")]
    prepare: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = Workspace::open()?;
    if options.prepare {
        prepare(&workspace)?;
        return exit_code(true);
    }
    let tally = if options.quick { quick(&workspace)? } else { everything(&workspace)? };
    if tally.ignored > 0 {
        println!("{} tests are marked to be ignored: they count as failed", tally.ignored);
    }
    if tally.passed + tally.failed == 0 {
        println!("no test has run");
    }
    println!("{} passed, {} failed", tally.passed, tally.failed + tally.ignored);
    exit_code(tally.passed > 0 && tally.failed + tally.ignored == 0)
}

/// What needs the machine's own network and user: inside a user namespace there is neither.
fn prepare(workspace: &Workspace) -> Result<()> {
    install_missing()?;
    fetch(workspace)?;
    npm::prepare(workspace)?;
    python::Environment::prepare(workspace)
}

fn everything(workspace: &Workspace) -> Result<Tally> {
    // In another process, because this one must not start a thread before it has its rights.
    let program = std::env::current_exe().context("finding this program")?;
    let prepared =
        Command::new(program).args(["test", "--prepare"]).status().context("preparing the tests")?;
    if !prepared.success() {
        bail!("what the tests need is not there, so no test has run");
    }
    ensure_rights().context("the tests make hosts on this machine, and none is skipped")?;
    let python = python::Environment::at(workspace);

    let mut build = workspace.cargo(["build", "--offline", "--workspace", "--bins"]);
    if !bounded(&mut build, CARGO_LIMIT)?.success() {
        bail!("the programs do not build, so no test has run");
    }
    let mut tally = cargo_tests(workspace, &["--offline", "--workspace"])?;
    tally += python.run_tests(workspace)?;
    tally += npm::run_tests(workspace)?;
    Ok(tally)
}

fn fetch(workspace: &Workspace) -> Result<()> {
    if bounded(&mut workspace.cargo(["fetch", "--quiet"]), FETCH_LIMIT)?.success() {
        return Ok(());
    }
    bail!("cargo fetch failed: the crates that the tests need are not at hand");
}

/// Unit tests of all, documentation tests, and the integration tests that do not mention namespaces.
fn quick(workspace: &Workspace) -> Result<Tally> {
    let mut tally = cargo_tests(workspace, &["--workspace", "--lib", "--bins"])?;
    tally += cargo_tests(workspace, &["--workspace", "--doc"])?;
    for package in workspace.packages().iter().filter(|package| package.ours) {
        for (name, file) in &package.tests {
            let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
            if !text.contains("netlab") && !text.contains("netns") {
                tally += cargo_tests(workspace, &["--package", &package.name, "--test", name])?;
            }
        }
    }
    Ok(tally)
}

fn cargo_tests(workspace: &Workspace, arguments: &[&str]) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut command = workspace.cargo(["test", "--no-fail-fast"]);
    let status = bounded_lines(command.args(arguments), CARGO_LIMIT, |line| {
        if let Some(counted) = tally::of_libtest(line) {
            tally += counted;
        }
    })?;
    if !status.success() && tally.failed == 0 {
        println!("cargo test {}: {status}, though no test has failed: counted as one", arguments.join(" "));
        tally.failed = 1;
    }
    Ok(tally)
}
