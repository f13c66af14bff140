//! A peer that holds the keys and says what it should not, or when it should not.

mod parts;
pub mod puppet;
mod requests;
mod selectors;
mod table;
