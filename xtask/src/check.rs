//! `cargo xtask check`: everything about the code that needs no run of it.

mod advisories;
mod licences;
mod spdx;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use crate::run::bounded;
use crate::workspace::Workspace;
use crate::{exit_code, tidy};

/// Enough for a build from nothing on two cores.
const CARGO_LIMIT: Duration = Duration::from_secs(15 * 60);

#[derive(Args)]
pub(crate) struct Options {
    /// Fetch the database of security advisories when it is not at hand.
    #[arg(long)]
    fetch_advisories: bool,
}

/// How a step ended.
enum Outcome {
    Well,
    Wrong,
    /// It could not be done here; the sentence says why.
    NotDone(String),
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = Workspace::open()?;
    let mut all_well = true;
    let mut summary = Vec::new();
    for (name, step) in steps() {
        println!("== {name}");
        let start = Instant::now();
        let outcome = step(&workspace, options)?;
        let word = match outcome {
            Outcome::Well => "ok".to_owned(),
            Outcome::Wrong => "FAILED".to_owned(),
            Outcome::NotDone(why) => format!("not checked: {why}"),
        };
        all_well &= word != "FAILED";
        summary.push(format!("{name:<14} {:>6.1} s  {word}", start.elapsed().as_secs_f32()));
    }
    println!("==\n{}", summary.join("\n"));
    exit_code(all_well)
}

type Step = fn(&Workspace, &Options) -> Result<Outcome>;

/// The cheap ones first.
fn steps() -> [(&'static str, Step); 8] {
    [
        ("format", |workspace, _| cargo(workspace, ["fmt", "--all", "--check"], &[])),
        ("tidy", |workspace, _| Ok(outcome(tidy::report(workspace)?))),
        ("licences", |workspace, _| Ok(outcome(licences::report(workspace.root(), workspace.packages())?))),
        ("advisories", |workspace, options| advisories::report(workspace, options.fetch_advisories)),
        ("lock file", |workspace, _| cargo(workspace, ["fetch", "--quiet", "--locked"], &[])),
        ("fuzz targets", |workspace, _| {
            let fuzz = workspace.fuzz()?;
            let formatted = cargo(&fuzz, ["fmt", "--all", "--check"], &[])?;
            let locked = cargo(&fuzz, ["fetch", "--quiet", "--locked"], &[])?;
            let licensed = licences::report(workspace.root(), fuzz.packages())?;
            Ok(outcome(matches!((formatted, locked), (Outcome::Well, Outcome::Well)) && licensed))
        }),
        ("clippy", |workspace, _| {
            cargo(
                workspace,
                ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"],
                &[],
            )
        }),
        ("documentation", |workspace, _| {
            let deny = [("RUSTDOCFLAGS", "-D warnings")];
            cargo(
                workspace,
                ["doc", "--workspace", "--no-deps", "--quiet", "--document-private-items"],
                &deny,
            )
        }),
    ]
}

fn cargo<const N: usize>(
    workspace: &Workspace,
    arguments: [&str; N],
    environment: &[(&str, &str)],
) -> Result<Outcome> {
    let mut command = workspace.cargo(arguments);
    command.envs(environment.iter().copied());
    Ok(outcome(bounded(&mut command, CARGO_LIMIT)?.success()))
}

fn outcome(well: bool) -> Outcome {
    if well { Outcome::Well } else { Outcome::Wrong }
}
