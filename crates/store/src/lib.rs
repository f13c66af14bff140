//! Durability: SQLite with group commit, memory, one conformance suite.
