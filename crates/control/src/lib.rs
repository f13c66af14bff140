//! The product: resources, operations, access, error codes.
//!
//! Everything is a pure function of its arguments. [`core::execute`] plans a request at a state of its
//! account and answers what is to be written; the caller makes it durable and applies it to the state.
//! [`desired::desired`] derives from the state what the gateway is to do, and the gateway reports what it
//! does as [`observed::ObservedConnection`].

pub mod access;
pub mod access_key;
pub mod account;
pub mod catalogue;
pub mod context;
pub mod core;
pub mod desired;
pub mod diagnosis;
pub mod effect;
pub mod error;
pub mod explain;
pub mod fields;
pub mod ids;
pub mod observed;
pub mod operation;
pub mod operations;
pub mod page;
pub mod permission;
pub mod ram_policy;
pub mod ram_role;
pub mod ram_user;
pub mod record;
pub mod recorded_change;
pub mod resource;
pub mod role_session;
pub mod routing;
pub mod settings;
pub mod state;
pub mod tx;
pub mod vendor;

#[cfg(test)]
mod testing;
