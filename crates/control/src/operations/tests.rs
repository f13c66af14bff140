//! What each operation does, and with which code it refuses what it does not.

mod attachments;
mod certificates;
mod customer_gateways;
mod downloads;
mod modified_attachments;
mod modified_tunnels;
mod networks;
mod others;
mod provoked;
mod published;
mod routes;
mod sessions;
mod tags;
mod transit_routers;
mod vpn_connections;
mod vpn_gateways;
mod vpn_routes;
