//! What must hold for everything that strangers can send, whatever they send. Each module is one target: its `check`
//! takes any bytes and panics when something does not hold. README.md says how to run them.

pub mod esp;
pub mod http;
pub mod ike_endpoint;
pub mod ike_message;
pub mod json_parameter;
pub mod params;
pub mod policy;
pub mod script;
pub mod signature;
pub mod world;
