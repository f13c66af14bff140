//! The resources: what is stored of each, and what an answer shows of it.

pub mod bgp_config;
pub mod cen;
pub mod client_token;
pub mod customer_gateway;
pub mod diagnosis;
pub mod health_check;
pub mod ike_config;
pub mod ipsec_config;
pub mod tag;
pub mod transit_router;
pub mod tunnel;
pub mod vco_route_entry;
pub mod vpc;
pub mod vpn_connection;
pub mod vpn_gateway;
pub mod vpn_route_entry;
