//! The binary `causeway`: configuration, listening, and the sub-commands.
//!
//! ```text
//! serve   configuration -> data folder -> ledger -> gateway -> HTTP        main -> serve -> api
//! demo    the main job on real packets, in namespaces of its own           demo
//! release removes what a gateway that stopped has held             release -> gateway
//! top     reads the metrics of a running server                            top -> metrics::exposition
//! keys, status, explain, env                                               clients of the public API, signed like any other
//! ```
//!
//! Everything that is wrong with how it was started is one line on standard error and exit status 2.

mod api;
mod client;
mod config;
mod demo;
mod engine;
mod env;
mod explain;
mod http;
mod keys;
mod ledger;
mod metrics;
mod observations;
mod operations;
mod release;
mod serve;
mod shown;
mod status;
mod throttle;
mod top;
mod turns;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A self-hosted IPsec-VPN gateway, driven by the Alibaba Cloud VPN Gateway API.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and carry out what it is told.
    Serve(serve::Arguments),
    /// Show the whole way on real packets: two sites, two tunnels each, a route, and its deletion.
    Demo(demo::Arguments),
    /// Print the environment variables with which SDKs, the CLI and Terraform find this server.
    Env(env::Arguments),
    /// Say how packets go over a connection or to an address, step by step, and if they do not, why.
    Explain(explain::Arguments),
    /// Make RAM users and AccessKeys, and attach policies.
    Keys(keys::Arguments),
    /// Every operation of the API with its parameters and its answer, as JSON.
    Operations(operations::Arguments),
    /// Remove the devices, routes and rules that a gateway left in this machine when it stopped or was killed.
    Release(release::Arguments),
    /// Connections, tunnels and routes at a glance.
    Status(status::Arguments),
    /// Tunnels, their traffic and what is dropped, as it happens.
    Top(top::Arguments),
}

/// Where the data folder is; the same for every sub-command that needs it.
#[derive(Debug, Clone, clap::Args)]
struct DataFolder {
    /// The data folder.
    #[arg(long, value_name = "DIR", env = "CAUSEWAY_DATA", global = true)]
    data: Option<PathBuf>,
}

impl DataFolder {
    fn path(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(config::default_data_folder)
    }
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Env(arguments) => env::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Keys(arguments) => keys::run(&arguments),
        Command::Operations(arguments) => operations::run(&arguments),
        Command::Release(arguments) => release::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("causeway: {}", one_line(&error));
            ExitCode::from(2)
        }
    }
}

/// The error and its causes, each said once: many of our errors say their cause themselves.
fn one_line(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |line, cause| match line {
        line if line.contains(&cause) => line,
        line if line.is_empty() => cause,
        line => format!("{line}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    #[test]
    fn a_cause_that_the_error_says_itself_is_not_said_again() {
        let cause = || std::io::Error::other("no such file");
        let said = anyhow::Error::new(cause()).context("cannot read x: no such file");
        assert_eq!(super::one_line(&said), "cannot read x: no such file");
        let unsaid = Err::<(), _>(cause()).context("cannot read x").unwrap_err();
        assert_eq!(super::one_line(&unsaid), "cannot read x: no such file");
    }
}
