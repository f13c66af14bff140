//! Builds the fuzz targets as cargo-fuzz does without a sanitizer: coverage for libFuzzer, on the stable compiler.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::run::bounded;
use crate::workspace::Workspace;

/// Enough for a build from nothing on two cores.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// What tells libFuzzer which edges an input took and what was compared with what. There is no sanitizer: it would look for
/// what only `unsafe` code can do, and there is none here. What can go wrong in safe code panics.
const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "--cfg fuzzing",
];

/// Builds, and says in which folder the programs are; `None` when they do not build, and cargo has said why.
pub(super) fn build(workspace: &Workspace, targets: &[String]) -> Result<Option<PathBuf>> {
    let folder = workspace.target().join("fuzz");
    // With a target of its own, so that build scripts and macros are not slowed down as well.
    let host = host()?;
    let mut command = workspace.cargo(["build", "--quiet", "--locked", "--release", "--target", &host]);
    command
        .current_dir(workspace.root().join("fuzz"))
        .env("CARGO_TARGET_DIR", &folder)
        .env("RUSTFLAGS", FLAGS.join(" "))
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    for target in targets {
        command.args(["--bin", target]);
    }
    let is_built = bounded(&mut command, LIMIT)?.success();
    Ok(is_built.then(|| folder.join(host).join("release")))
}

/// The machine that the compiler runs on, as it names it.
fn host() -> Result<String> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).arg("-vV").output().context("running rustc -vV")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("rustc -vV names no host"),
    }
}
