//! Load generators: what `cargo xtask bench` runs.
//!
//! Each starts the real server in a folder of its own, drives it from outside over loopback for a bounded
//! time, prints a table, and stops it. Client and server share the machine: figures are of both together.

mod api;
mod dataplane;
mod docs;
mod gateway;
mod http;
mod ike;
mod processor;
mod routes;
mod server;
mod summary;
mod udp;

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
    /// Packets through tunnels between network namespaces, beside strongSwan and WireGuard in userspace.
    Dataplane(dataplane::Arguments),
    /// Routes through the API into the forwarding table and Linux, and from a deletion to the last packet.
    Routes(routes::Arguments),
    /// Tunnels set up per second, beside strongSwan's charon.
    Ike(ike::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().what {
        What::Api(arguments) => api::run(&arguments),
        What::Dataplane(arguments) => dataplane::run(&arguments),
        What::Routes(arguments) => routes::run(&arguments),
        What::Ike(arguments) => ike::run(&arguments),
    }
}
