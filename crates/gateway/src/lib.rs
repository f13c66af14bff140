//! Makes it so.
pub mod forwarding;
pub mod netlink;
pub mod routes;
//pub mod tun;
pub mod trie;
