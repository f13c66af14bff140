//! `cargo xtask bench`: the load generators of `causeway-bench`, in a release build.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::exit_code;
use crate::run::bounded;
use crate::workspace::Workspace;

/// Long enough for a release build from nothing and the longest bench.
const LIMIT: Duration = Duration::from_secs(3600);

#[derive(Args)]
pub(crate) struct Options {
    /// Which bench, and its own arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    bench: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = Workspace::open()?;
    let mut server = workspace.cargo(["build", "--release", "--package", "causeway-server"]);
    if !bounded(&mut server, LIMIT)?.success() {
        return exit_code(false);
    }
    let mut bench = workspace.cargo(["run", "--release", "--package", "causeway-bench", "--"]);
    bench.args(&options.bench).env("CAUSEWAY_BINARY", workspace.binary("release", "causeway"));
    exit_code(bounded(&mut bench, LIMIT)?.success())
}
