//! Cloud Enterprise Network instances and their transit routers.

pub(in crate::operations) mod schemas;
mod terraform;
mod transit_routers;

use serde_json::Value;

use crate::testing::{REGION, World};

/// A Cloud Enterprise Network instance and its transit router in the region.
fn cen_with_router(world: &mut World, name: &str) -> (String, String) {
    let cen = world.call("CreateCen", &[("Name", name)]).unwrap();
    let cen = cen["CenId"].as_str().unwrap().to_owned();
    let parameters = [("CenId", cen.as_str()), ("RegionId", REGION), ("TransitRouterName", name)];
    let router = world.call("CreateTransitRouter", &parameters).unwrap();
    (cen, router["TransitRouterId"].as_str().unwrap().to_owned())
}

fn routers(world: &mut World, parameters: &[(&str, &str)]) -> Vec<Value> {
    world.call("ListTransitRouters", parameters).unwrap()["TransitRouters"].as_array().unwrap().clone()
}

fn attachments(world: &mut World, parameters: &[(&str, &str)]) -> Vec<Value> {
    let answer = world.call("ListTransitRouterVpnAttachments", parameters).unwrap();
    answer["TransitRouterAttachments"].as_array().unwrap().clone()
}
