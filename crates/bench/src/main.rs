//! Load generators: what `cargo xtask bench` runs.
//!
//! Each starts the real server in a folder of its own, drives it from outside over loopback for a bounded
//! time, prints a table, and stops it. Client and server share the machine: figures are of both together.

mod api;
mod http;
mod server;
mod summary;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(about = "Measures Causeway from outside, in one bounded run.")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Signed requests over loopback: durable creates and deletes of routes, and describes.
    Api(api::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().what {
        What::Api(arguments) => api::run(&arguments),
    }
}
