//! A peer that holds the keys and says what it should not, or when it should not.

pub mod puppet;
mod requests;
mod selectors;
mod table;
