//! Makes it so.
pub mod config;
pub mod counters;
pub mod engine;
pub mod forwarding;
mod kernel;
pub mod netlink;
pub mod path;
pub mod proposals;
pub mod reconcile;
pub mod reports;
pub mod routes;
#[cfg(test)]
mod samples;
pub mod sockets;
pub mod stop;
pub mod trie;
pub mod tun;
pub mod tunnels;
