//! A peer that holds the keys and says what it should not, or when it should not.

mod collisions;
mod parts;
pub mod puppet;
mod reauthentication;
mod requests;
mod selectors;
mod table;
