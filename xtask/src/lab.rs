//! `cargo xtask lab`: the scenarios of `lab/`, against strongSwan.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::exit_code;
use crate::run::bounded;
use crate::test::install_missing;
use crate::workspace::Workspace;

/// Long enough for a build from nothing and all scenarios one after the other.
const LIMIT: Duration = Duration::from_secs(40 * 60);

#[derive(Args)]
pub(crate) struct Options {
    /// Parts of names: only scenarios with one of them.
    filters: Vec<String>,
    /// How many run at once; three for each core when absent.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: Option<u8>,
    /// Only says which there are.
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = Workspace::open()?;
    if !options.list {
        install_missing()?;
    }
    let mut lab =
        workspace.cargo(["test", "--quiet", "--package", "causeway-gateway", "--test", "lab", "--"]);
    lab.arg("--strict").args(&options.filters);
    if let Some(jobs) = options.jobs {
        lab.args(["--jobs", &jobs.to_string()]);
    }
    if options.list {
        lab.arg("--list");
    }
    exit_code(bounded(&mut lab, LIMIT)?.success())
}
