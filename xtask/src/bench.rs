//! `cargo xtask bench`: the load generators of `causeway-bench`, in a release build.

use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::Result;
use causeway_netlab::STRONGSWAN_PACKAGES;
use clap::Args;

use crate::exit_code;
use crate::run::bounded;
use crate::test::packages::{self, has_program};
use crate::workspace::Workspace;

/// Long enough for a release build from nothing and the longest bench.
const LIMIT: Duration = Duration::from_secs(3600);

/// What the data plane is measured beside, from Debian, and a program of each package.
const WIREGUARD_PACKAGES: [(&str, &str); 2] = [("wireguard-go", "wireguard-go"), ("wireguard-tools", "wg")];
/// The same from crates.io.
const BORINGTUN_VERSION: &str = "0.7.1";
/// How the bench is told where boringtun-cli is.
const BORINGTUN_VARIABLE: &str = "BORINGTUN_CLI";

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
    match options.bench.first().map(String::as_str) {
        Some("ike") => install(&STRONGSWAN_PACKAGES.map(|package| (package, "charon-systemd")))?,
        Some("dataplane") => {
            install(&STRONGSWAN_PACKAGES.map(|package| (package, "charon-systemd")))?;
            install(&WIREGUARD_PACKAGES)?;
            install_boringtun(&workspace, &mut bench)?;
        }
        _ => {}
    }
    exit_code(bounded(&mut bench, LIMIT)?.success())
}

/// Installs packages whose program is missing. Without them the bench measures the others, and says who is missing.
fn install(packages: &[(&str, &str)]) -> Result<()> {
    let missing = packages.iter().filter(|(_, program)| !has_program(program)).map(|(package, _)| *package);
    let missing: Vec<&str> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    if let Err(error) = packages::install_packages(&missing) {
        eprintln!("{error:#}");
        eprintln!("NOT INSTALLED: {} (as root: apt-get install {})", missing.join(" "), missing.join(" "));
    }
    Ok(())
}

/// Builds boringtun-cli into the target folder, once.
fn install_boringtun(workspace: &Workspace, bench: &mut Command) -> Result<()> {
    let root = workspace.target().join("bench-peers");
    let program = root.join("bin/boringtun-cli");
    if std::env::var_os(BORINGTUN_VARIABLE).is_some() {
        return Ok(());
    }
    if !program.is_file() {
        let mut command =
            workspace.cargo(["install", "boringtun-cli", "--version", BORINGTUN_VERSION, "--root"]);
        command.arg(&root).env("CARGO_TARGET_DIR", root.join("build")).stdout(Stdio::null());
        if !bounded(&mut command, LIMIT).is_ok_and(|status| status.success()) {
            eprintln!("NOT INSTALLED: boringtun-cli {BORINGTUN_VERSION}; it is left out of the comparison");
            return Ok(());
        }
    }
    bench.env(BORINGTUN_VARIABLE, program);
    Ok(())
}
