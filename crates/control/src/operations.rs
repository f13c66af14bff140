//! The operations, one file each.

pub mod create_customer_gateway;
pub mod delete_vco_route_entry;
pub mod vco_route;

use crate::operation::Entry;

/// The list: an operation that is not in it does not exist.
pub(crate) const ALL: &[Entry] = &[
    Entry::of::<create_customer_gateway::CreateCustomerGateway>(),
    Entry::of::<delete_vco_route_entry::DeleteVcoRouteEntry>(),
];
