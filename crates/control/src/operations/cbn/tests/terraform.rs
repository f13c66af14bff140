//! What Terraform's resources call, in their order: create, wait, read, modify, read, delete, wait.

use serde_json::json;

use super::{attachments, routers};
use crate::testing::{REGION, World};

/// `alicloud_cen_instance`, `alicloud_cen_transit_router` and `alicloud_cen_transit_router_vpn_attachment` of one
/// configuration, applied, changed and destroyed.
#[test]
fn a_configuration_is_applied_changed_and_destroyed() {
    let (mut world, connection) = World::with_connection();

    // alicloud_cen_instance: it sends no region, and waits for `Active`.
    let create = [("Name", "wan"), ("Description", "offices"), ("Tag.1.Key", "env"), ("Tag.1.Value", "dev")];
    let cen = world.call("CreateCen", &create).unwrap()["CenId"].as_str().unwrap().to_owned();
    let read =
        [("Filter.1.Key", "CenId"), ("Filter.1.Value.1", &*cen), ("PageSize", "50"), ("PageNumber", "1")];
    let found = world.call("DescribeCens", &read).unwrap()["Cens"]["Cen"][0].clone();
    assert_eq!((&found["CenId"], &found["Status"]), (&json!(cen), &json!("Active")));
    assert_eq!((&found["Name"], &found["Description"]), (&json!("wan"), &json!("offices")));
    assert_eq!(found["ProtectionLevel"], "REDUCED");
    let tags = [("ResourceType", "cen"), ("ResourceId.1", &*cen)];
    let listed = world.call("Cbn:ListTagResources", &tags).unwrap();
    assert_eq!(listed["TagResources"]["TagResource"][0]["TagValue"], "dev");
    assert!(listed.get("NextToken").is_none());

    // alicloud_cen_transit_router: its id is `CenId:TransitRouterId`.
    let create =
        [("CenId", &*cen), ("RegionId", REGION), ("TransitRouterName", "tr"), ("SupportMulticast", "false")];
    let router = world.call("CreateTransitRouter", &create).unwrap();
    let router = router["TransitRouterId"].as_str().unwrap().to_owned();
    let read_router = [("Region_id", REGION), ("CenId", &*cen), ("TransitRouterId", &*router)];
    let found = routers(&mut world, &read_router)[0].clone();
    assert_eq!((&found["TransitRouterId"], &found["Status"]), (&json!(router), &json!("Active")));
    assert_eq!((&found["Type"], &found["SupportMulticast"]), (&json!("Enterprise"), &json!(false)));

    // alicloud_cen_transit_router_vpn_attachment: it sends no VpnOwnerId, and waits for `Attached`.
    let create = [
        ("RegionId", REGION),
        ("CenId", &*cen),
        ("TransitRouterId", &*router),
        ("VpnId", &*connection),
        ("AutoPublishRouteEnabled", "false"),
        ("TransitRouterAttachmentName", "branch"),
        ("Zone.1.ZoneId", "eu-central-1-a"),
    ];
    let attachment = world.call("CreateTransitRouterVpnAttachment", &create).unwrap();
    let attachment = attachment["TransitRouterAttachmentId"].as_str().unwrap().to_owned();
    let read_attachment = [("RegionId", REGION), ("TransitRouterAttachmentId", &*attachment)];
    assert_eq!(attachments(&mut world, &read_attachment)[0]["Status"], "Attaching");
    world.settle();
    let found = attachments(&mut world, &read_attachment)[0].clone();
    assert_eq!((&found["Status"], &found["TransitRouterId"]), (&json!("Attached"), &json!(router)));
    assert_eq!((&found["VpnId"], &found["AutoPublishRouteEnabled"]), (&json!(connection), &json!(false)));
    assert_eq!(
        (&found["VpnOwnerId"], &found["Zones"]),
        (&json!(1_234_567_890_123_456_i64), &json!([{ "ZoneId": "eu-central-1-a" }]))
    );

    change(&mut world, &cen, &router, &attachment);

    // Destroyed in the reverse order, each until it is not found.
    world.call("DeleteTransitRouterVpnAttachment", &[("TransitRouterAttachmentId", &attachment)]).unwrap();
    assert!(attachments(&mut world, &read_attachment).is_empty());
    world.call("DeleteTransitRouter", &[("TransitRouterId", &router)]).unwrap();
    assert!(routers(&mut world, &read_router).is_empty());
    world.call("DeleteCen", &[("CenId", &cen)]).unwrap();
    let found = world.call("DescribeCens", &read).unwrap();
    assert_eq!((&found["Cens"]["Cen"], &found["TotalCount"]), (&json!([]), &json!(0)));
    assert_eq!(world.state, world.restored());
}

fn change(world: &mut World, cen: &str, router: &str, attachment: &str) {
    world
        .call("ModifyCenAttribute", &[("CenId", cen), ("Name", "wan2"), ("ProtectionLevel", "REDUCED")])
        .unwrap();
    let found = world.call("DescribeCens", &[("Filter.1.Key", "CenId"), ("Filter.1.Value.1", cen)]).unwrap();
    let found = &found["Cens"]["Cen"][0];
    assert_eq!((&found["Name"], &found["Description"]), (&json!("wan2"), &json!("offices")));
    let update = [("RegionId", REGION), ("TransitRouterId", router), ("TransitRouterDescription", "hub")];
    world.call("UpdateTransitRouter", &update).unwrap();
    let found = routers(world, &[("TransitRouterId", router)])[0].clone();
    assert_eq!(
        (&found["TransitRouterName"], &found["TransitRouterDescription"]),
        (&json!("tr"), &json!("hub"))
    );
    let update = [("TransitRouterAttachmentId", attachment), ("TransitRouterAttachmentName", "branch2")];
    world.call("UpdateTransitRouterVpnAttachmentAttribute", &update).unwrap();
    let found = attachments(world, &[("TransitRouterAttachmentId", attachment)])[0].clone();
    assert_eq!(
        (&found["TransitRouterAttachmentName"], &found["Status"]),
        (&json!("branch2"), &json!("Attached"))
    );
}

/// The data sources: `alicloud_cen_instances` also asks for what is attached to each instance.
#[test]
fn data_sources_read_lists() {
    let mut world = World::new();
    let (cen, router) = super::cen_with_router(&mut world, "wan");
    let children =
        world.call("DescribeCenAttachedChildInstances", &[("CenId", &cen), ("PageSize", "50")]).unwrap();
    assert_eq!(children["ChildInstances"]["ChildInstance"], json!([]));
    let gone = world.refusal("DescribeCenAttachedChildInstances", &[("CenId", "cen-nothing")]);
    assert_eq!(gone.code(), "ParameterCenInstanceId");
    let page = [("CenId", &*cen), ("TransitRouterId", &*router), ("PageSize", "50"), ("PageNumber", "1")];
    let found = routers(&mut world, &page);
    assert_eq!((found.len(), &found[0]["AliUid"]), (1, &json!(1_234_567_890_123_456_i64)));
}
