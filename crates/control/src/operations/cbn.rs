//! The operations of Cbn on what connections are attached to: Cloud Enterprise Network instances, which have no
//! region, and their transit routers.

pub mod create_cen;
pub mod create_transit_router;
pub mod delete_cen;
pub mod delete_transit_router;
pub mod describe_cen_attached_child_instances;
pub mod describe_cens;
pub mod list_tag_resources;
pub mod list_transit_router_available_resource;
pub mod list_transit_routers;
pub mod modify_cen_attribute;
pub mod move_resource_group;
pub mod tag_resources;
pub mod untag_resources;
pub mod update_transit_router;

mod tagging;

use crate::catalogue;
use crate::error::ApiError;
use crate::ids::TransitRouterId;
use crate::tx::Tx;

/// Refuses to change or to delete the built-in transit router of a region.
fn must_not_be_built_in(tx: &Tx<'_>, id: &TransitRouterId) -> Result<(), ApiError> {
    match tx.region_of_built_in(id) {
        Some(region) => {
            let detail = format!("{id} is the built-in transit router of {region}.");
            Err(ApiError::new(&catalogue::TRANSIT_ROUTER_BUILT_IN).detail(detail))
        }
        None => Ok(()),
    }
}

/// Refuses to delete a transit router to which a connection is attached.
fn must_be_unused(tx: &Tx<'_>, id: &TransitRouterId) -> Result<(), ApiError> {
    match tx.state().attached_to(id).next() {
        Some(connection) => {
            let detail = format!("The IPsec-VPN connection {} is attached to {id}.", connection.id);
            Err(ApiError::new(&catalogue::STILL_ATTACHED_TO).detail(detail))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
pub(super) mod tests;
