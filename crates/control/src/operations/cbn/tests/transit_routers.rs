//! Transit routers that somebody made, and the connections in their forwarding domains.

use serde_json::{Value, json};

use super::{attachments, cen_with_router, routers};
use crate::desired::{DomainOwner, desired};
use crate::testing::{ACCOUNT, OTHER_REGION, REGION, World};

const ATTACH: &str = "CreateTransitRouterVpnAttachment";

/// Whose forwarding domain the gateway is to have the connection in.
fn domain_of(world: &World, connection: &str) -> DomainOwner {
    desired(&world.state, &connection.parse().unwrap(), &world.settings).unwrap().domain.owner
}

#[test]
fn an_automatic_attachment_gives_way_to_an_explicit_one_and_the_connection_changes_its_domain() {
    let (mut world, connection) = World::with_connection();
    let (cen, router) = cen_with_router(&mut world, "berlin");
    let before = attachments(&mut world, &[])[0].clone();
    assert_ne!(domain_of(&world, &connection).as_str(), router);
    let parameters = [("VpnId", connection.as_str()), ("CenId", &cen), ("TransitRouterId", &router)];
    let answer = world.call(ATTACH, &parameters).unwrap();
    assert_ne!(answer["TransitRouterAttachmentId"], before["TransitRouterAttachmentId"]);
    assert_eq!(domain_of(&world, &connection), DomainOwner::TransitRouter(router.parse().unwrap()));
    let after = attachments(&mut world, &[("TransitRouterId", &router)]);
    assert_eq!((after.len(), &after[0]["Status"], &after[0]["CenId"]), (1, &json!("Attaching"), &json!(cen)));
    assert_eq!(attachments(&mut world, &[]).len(), 1);
    assert_eq!(world.connection_state(&connection), "attaching");
    world.settle();
    assert_eq!(attachments(&mut world, &[("CenId", &cen)])[0]["Status"], "Attached");
    let described = world.call("DescribeVpnConnection", &[("VpnConnectionId", &connection)]).unwrap();
    assert_eq!(described["TransitRouterId"], router);
    assert_eq!(
        (&described["TransitRouterName"], &described["AttachInstanceId"]),
        (&json!("berlin"), &json!(cen))
    );
    let listed = world.call("DescribeVpnAttachments", &[("VpnConnectionId", &connection)]).unwrap();
    assert_eq!(listed["VpnAttachments"][0]["TransitRouterName"], "berlin");
}

#[test]
fn the_transit_router_of_an_instance_is_taken_when_only_the_instance_is_named() {
    let (mut world, connection) = World::with_connection();
    let (cen, router) = cen_with_router(&mut world, "berlin");
    let answer = world.call(ATTACH, &[("VpnId", &connection), ("CenId", &cen), ("VpnOwnerId", ACCOUNT)]);
    answer.unwrap();
    assert_eq!(domain_of(&world, &connection).as_str(), router);
}

#[test]
fn a_connection_is_attached_to_no_transit_router_of_another_region_or_instance() {
    let (mut world, connection) = World::with_connection();
    let (cen, router) = cen_with_router(&mut world, "berlin");
    let elsewhere =
        world.call("CreateTransitRouter", &[("CenId", &cen), ("RegionId", OTHER_REGION)]).unwrap();
    let elsewhere = elsewhere["TransitRouterId"].as_str().unwrap();
    let other = world.call("CreateCen", &[]).unwrap();
    let other = other["CenId"].as_str().unwrap();
    let vpn = ("VpnId", connection.as_str());
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[vpn, ("TransitRouterId", elsewhere)], "InvalidTransitRouterId.NotFound"),
        (&[vpn, ("TransitRouterId", &router), ("CenId", other)], "ParameterCenInstanceId"),
        (&[vpn, ("CenId", other)], "InvalidTransitRouterId.NotFound"),
        (&[vpn, ("CenId", "cen-nothing")], "ParameterCenInstanceId"),
        (&[vpn, ("CenId", "nonsense")], "ParameterCenInstanceId"),
    ];
    for (parameters, code) in cases {
        assert_eq!(world.refusal(ATTACH, parameters).code(), *code, "{parameters:?}");
    }
    assert_ne!(domain_of(&world, &connection).as_str(), router);
}

#[test]
fn an_instance_has_one_transit_router_in_a_region() {
    let mut world = World::new();
    let (cen, router) = cen_with_router(&mut world, "berlin");
    let refusal = world.refusal("CreateTransitRouter", &[("CenId", &cen), ("RegionId", REGION)]);
    assert_eq!(refusal.code(), "InvalidOperation.TransitRouterExist");
    assert!(refusal.recommend().contains(&router), "{}", refusal.recommend());
    world.call("CreateTransitRouter", &[("CenId", &cen), ("RegionId", OTHER_REGION)]).unwrap();
    world.call("DeleteTransitRouter", &[("TransitRouterId", &router)]).unwrap();
    world.call("CreateTransitRouter", &[("CenId", &cen), ("RegionId", REGION)]).unwrap();
    assert_eq!(world.state, world.restored());
    let refusal = world.refusal("CreateTransitRouter", &[("CenId", "cen-nothing")]);
    assert_eq!((refusal.code().as_ref(), refusal.status()), ("ParameterCenInstanceId", 404));
    let multicast = world.refusal("CreateTransitRouter", &[("CenId", &cen), ("SupportMulticast", "true")]);
    assert_eq!(multicast.code(), "InvalidSupportMulticast");
}

#[test]
fn what_connections_are_attached_to_is_not_deleted() {
    let (mut world, connection) = World::with_connection();
    let (cen, router) = cen_with_router(&mut world, "berlin");
    let answer = world.call(ATTACH, &[("VpnId", &connection), ("TransitRouterId", &router)]).unwrap();
    let attachment = answer["TransitRouterAttachmentId"].as_str().unwrap();
    for (action, id) in
        [("DeleteTransitRouter", ("TransitRouterId", &router)), ("DeleteCen", ("CenId", &cen))]
    {
        let refusal = world.refusal(action, &[(id.0, id.1)]);
        assert_eq!(refusal.code(), "InvalidOperation.AttachedChildInstanceExist");
        assert!(refusal.recommend().contains(&connection), "{}", refusal.recommend());
    }
    world.call("DeleteTransitRouterVpnAttachment", &[("TransitRouterAttachmentId", attachment)]).unwrap();
    // Its transit routers go with it.
    world.call("DeleteCen", &[("CenId", &cen)]).unwrap();
    assert_eq!(routers(&mut world, &[("TransitRouterId", &router)]), Vec::<Value>::new());
    assert_eq!(world.state, world.restored());
    assert_eq!(
        world.refusal("DeleteTransitRouter", &[("TransitRouterId", &router)]).code(),
        "ParameterInstanceId"
    );
    assert_eq!(world.refusal("DeleteCen", &[("CenId", &cen)]).code(), "ParameterCenInstanceId");
}

#[test]
fn the_built_in_transit_router_is_listed_belongs_to_no_instance_and_stays() {
    let (mut world, connection) = World::with_connection();
    let (cen, router) = cen_with_router(&mut world, "berlin");
    let described = world.call("DescribeVpnConnection", &[("VpnConnectionId", &connection)]).unwrap();
    let built_in = described["TransitRouterId"].as_str().unwrap();
    let listed = routers(&mut world, &[]);
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["TransitRouterId"], &listed[0]["CenId"]), (&json!(built_in), &json!("")));
    assert_eq!(listed[0]["TransitRouterName"], "built-in");
    assert_eq!((&listed[1]["TransitRouterId"], &listed[1]["CenId"]), (&json!(router), &json!(cen)));
    for action in ["DeleteTransitRouter", "UpdateTransitRouter"] {
        let refusal = world.refusal(action, &[("TransitRouterId", built_in)]);
        assert_eq!(refusal.code(), "OperationUnsupported.TransitRouterType");
    }
    for (parameters, count) in [
        ([("CenId", cen.as_str())], 1),
        ([("TransitRouterId", built_in)], 1),
        ([("TransitRouterName", "berlin")], 1),
        ([("Type", "Basic")], 0),
        ([("Status", "Deleting")], 0),
        ([("RegionId", OTHER_REGION)], 1),
        ([("Tag.1.Key", "env")], 0),
        ([("PageSize", "1")], 1),
    ] {
        assert_eq!(routers(&mut world, &parameters).len(), count, "{parameters:?}");
    }
    let enabled = [("FeatureFilter.1.Key", "Multicast"), ("FeatureFilter.1.Value.1", "Enabled")];
    assert_eq!(routers(&mut world, &enabled), Vec::<Value>::new());
}

#[test]
fn instances_are_found_by_id_name_and_tag() {
    let mut world = World::new();
    let first =
        world.call("CreateCen", &[("Name", "a"), ("Tag.1.Key", "env"), ("Tag.1.Value", "dev")]).unwrap();
    let first = first["CenId"].as_str().unwrap();
    world.call("CreateCen", &[("Name", "b")]).unwrap();
    let filter = |key, value| [("Filter.1.Key", key), ("Filter.1.Value.1", value)];
    let group = [("ResourceId", first), ("ResourceType", "cen"), ("NewResourceGroupId", "rg-1")];
    world.call("MoveResourceGroup", &[group[0], group[1], group[2]]).unwrap();
    let cases: &[(&[(&str, &str)], i64)] = &[
        (&[], 2),
        (&filter("CenId", first), 1),
        (&filter("CenId", "cen-nothing"), 0),
        (&filter("Name", "b"), 1),
        (&[("Tag.1.Key", "env")], 1),
        (&[("ResourceGroupId", "rg-1")], 1),
    ];
    for (parameters, count) in cases {
        let answer = world.call("DescribeCens", parameters).unwrap();
        assert_eq!(answer["TotalCount"], *count, "{parameters:?}");
    }
    assert_eq!(world.refusal("DescribeCens", &filter("Status", "Active")).code(), "InvalidFilter");
    assert_eq!(world.refusal("CreateCen", &[("Name", "http://x")]).code(), "InvalidName");
    let zones = world.call("ListTransitRouterAvailableResource", &[]).unwrap();
    assert_eq!(zones["AvailableZones"], json!(["eu-central-1-a"]));
}

#[test]
fn tags_of_cbn_and_of_vpc_are_told_apart_by_the_version() {
    let (mut world, connection) = World::with_connection();
    let (cen, router) = cen_with_router(&mut world, "berlin");
    let attachment = world.call(ATTACH, &[("VpnId", &connection), ("TransitRouterId", &router)]).unwrap();
    let attachment = attachment["TransitRouterAttachmentId"].as_str().unwrap();
    let resources =
        [("Cen", cen.as_str()), ("TransitRouter", &router), ("TransitRouterVpnAttachment", attachment)];
    for (kind, id) in resources {
        let resource = [("ResourceType", kind), ("ResourceId.1", id)];
        let tag = [resource[0], resource[1], ("Tag.1.Key", "env"), ("Tag.1.Value", kind)];
        world.call("Cbn:TagResources", &tag).unwrap();
        let listed = world.call("Cbn:ListTagResources", &resource).unwrap();
        let expected = json!([{ "ResourceId": id, "ResourceType": kind, "TagKey": "env", "TagValue": kind }]);
        assert_eq!(listed["TagResources"]["TagResource"], expected);
        assert!(world.call("Vpc:ListTagResources", &resource).is_err());
        world.call("Cbn:UntagResources", &[resource[0], resource[1], ("TagKey.1", "env")]).unwrap();
        let listed = world.call("Cbn:ListTagResources", &resource).unwrap();
        assert_eq!(listed["TagResources"]["TagResource"], json!([]));
        let gone = [resource[0], ("ResourceId.1", "cen-nothing"), ("Tag.1.Key", "env")];
        assert_eq!(world.refusal("Cbn:TagResources", &gone).code(), "InvalidResourceId.NotFound");
    }
    assert_eq!(world.connection_state(&connection), "attaching");
}
