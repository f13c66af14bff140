//! Makes it so.
pub mod trie;
