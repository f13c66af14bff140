//! Makes it so.
pub mod config;
pub mod counters;
pub mod forwarding;
mod kernel;
pub mod netlink;
pub mod path;
pub mod routes;
pub mod sockets;
pub mod stop;
pub mod trie;
pub mod tun;
