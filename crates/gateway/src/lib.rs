//! Makes it so.
pub mod forwarding;
pub mod trie;
