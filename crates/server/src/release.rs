//! `causeway release`: removes what a gateway that stopped has left in Linux, so that packets go where they would without it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use causeway_gateway::Gateway;

use crate::config::Config;
use crate::engine;

/// What `causeway release` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The configuration that the gateway had, TOML: its devices are known by their prefix.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Removes devices, routes and rules.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let config = Config::load(arguments.config.as_deref())?;
    let gateway = engine::gateway_config(&config)?;
    Gateway::release(&gateway).context("nothing is released")?;
    println!("No device, route or rule of this gateway is left.");
    Ok(ExitCode::SUCCESS)
}
