//! Hosts on one machine: network namespaces, links, captures, strongSwan peers.
//!
//! A [`Lab`] is a small network. Its hosts are network namespaces, so what happens between them is what happens between
//! machines: real sockets, real routes, real packets. `causeway demo`, the tests and `cargo xtask lab` are built on it.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! netlab::ensure_rights()?; // first thing in main: may start the program again in a user namespace
//! let lab = netlab::Lab::new("example")?;
//! let (left, right) = (lab.host("left")?, lab.host("right")?);
//! lab.link((&left, "eth0", &["10.0.0.1/24"]), (&right, "eth0", &["10.0.0.2/24"]))?;
//! let answer = netlab::ping(&left, "10.0.0.2".parse()?, &netlab::PingOptions::default())?;
//! assert!(answer.received > 0);
//! # Ok(())
//! # } // the lab is removed here, and on an error, and on Ctrl-C
//! # use causeway_netlab as netlab;
//! ```
//!
//! It makes and removes only what carries the lab's own name, and ends only processes that it started.

mod capture;
mod host;
mod interrupt;
mod iproute;
mod lab;
mod ping;
mod process;
mod relay;
mod rights;
mod strongswan;
mod sweep;
mod tcp;
mod wire;

pub use capture::{Capture, CaptureOptions, Captured, Class, Leak};
pub use host::Host;
pub use interrupt::Interrupt;
pub use lab::Lab;
pub use ping::{Flow, PingAnswer, PingOptions, Pinger, Probe, ping};
pub use process::Process;
pub use relay::{Front, Relay, RelayCounts, RelaySettings, Weather};
pub use rights::{Rights, ensure_rights, rights};
pub use strongswan::{
    Certificate, ChildSa, Connection, IkeSa, IkeVersion, PeerConfig, STRONGSWAN_PACKAGES, StartAction,
    StrongSwan,
};
pub use tcp::{TcpOptions, Throughput, tcp_echo, tcp_throughput};
pub use wire::Wire;

/// Repeated in the payload of every ping and TCP stream of this crate; a [`Capture`] that sees it has seen clear text.
pub const MARKER: &[u8; 16] = b"CAUSEWAY-MARKER.";
