//! What CI and a contributor run: `cargo xtask test`, `check`, `tidy`, `bench`, `fuzz`, `lab`.

mod bench;
mod check;
mod fuzz;
mod lab;
mod run;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "What CI and a contributor run.")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what the tests need, runs them all, and ends with a line `N passed, N failed`.
    Test(test::Options),
    /// Format, clippy, documentation, tidy, licences, and advisories where the data is at hand.
    Check(check::Options),
    /// The agreed style, as a test.
    Tidy(tidy::Options),
    /// Measures, in a release build: `cargo xtask bench api`.
    Bench(bench::Options),
    /// Runs the fuzz targets for a minute each: `cargo xtask fuzz --target params --seconds 600`.
    Fuzz(fuzz::Options),
    /// Plays the scenarios of `lab/` against strongSwan: `cargo xtask lab ikev1 --jobs 2`.
    Lab(lab::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Test(options) => test::run(&options),
        Task::Check(options) => check::run(&options),
        Task::Tidy(options) => tidy::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Lab(options) => lab::run(&options),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}

/// Success, or the exit status of work that was done and found something wrong.
fn exit_code(all_well: bool) -> Result<ExitCode> {
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
