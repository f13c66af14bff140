//! Attachments of transit routers: attached, adopted, listed, detached.

use serde_json::{Value, json};

use crate::testing::{ACCOUNT, OTHER_REGION, World};

const CREATE: &str = "CreateTransitRouterVpnAttachment";
const DELETE: &str = "DeleteTransitRouterVpnAttachment";
const LIST: &str = "ListTransitRouterVpnAttachments";

fn attach(world: &mut World, connection: &str, more: &[(&str, &str)]) -> String {
    let mut parameters = vec![("VpnId", connection), ("VpnOwnerId", ACCOUNT)];
    parameters.extend(more);
    let answer = world.call(CREATE, &parameters).unwrap();
    answer["TransitRouterAttachmentId"].as_str().unwrap().to_owned()
}

fn list(world: &mut World, parameters: &[(&str, &str)]) -> Vec<Value> {
    world.call(LIST, parameters).unwrap()["TransitRouterAttachments"].as_array().unwrap().clone()
}

fn unattached() -> (World, String) {
    let mut world = World::new();
    world.settings.auto_attach = false;
    let gateway = world.customer_gateway("198.51.100.7");
    let connection = world.two_tunnels(&gateway);
    (world, connection)
}

#[test]
fn a_connection_is_attached_and_detached() {
    let (mut world, connection) = unattached();
    let described = world.call("DescribeVpnConnection", &[("VpnConnectionId", &connection)]).unwrap();
    assert_eq!((&described["State"], &described["AttachType"]), (&json!("init"), &json!("NO_ASSOCIATED")));
    assert_eq!(described["TransitRouterId"], "");
    let attachment = attach(&mut world, &connection, &[]);
    assert_eq!(world.connection_state(&connection), "attaching");
    assert_eq!(list(&mut world, &[])[0]["Status"], "Attaching");
    world.settle();
    assert_eq!(world.connection_state(&connection), "attached");
    assert_eq!(list(&mut world, &[])[0]["Status"], "Attached");
    world.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
    world.call(DELETE, &[("TransitRouterAttachmentId", &attachment)]).unwrap();
    assert_eq!(world.connection_state(&connection), "detaching");
    world.settle();
    assert_eq!(world.connection_state(&connection), "init");
    assert_eq!(list(&mut world, &[]), Vec::<Value>::new());
    // Its routes stay with it, and can be deleted.
    world.route("DeleteVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
    let refusal = world.refusal(DELETE, &[("TransitRouterAttachmentId", &attachment)]);
    assert_eq!(
        (refusal.code().as_ref(), refusal.status()),
        ("InvalidTransitRouterAttachmentId.NotFound", 404)
    );
}

#[test]
fn an_attachment_that_came_with_its_connection_is_adopted() {
    let (mut world, connection) = World::with_connection();
    let before = list(&mut world, &[])[0].clone();
    assert_eq!(before["TransitRouterAttachmentName"], "");
    let id = attach(
        &mut world,
        &connection,
        &[
            ("TransitRouterId", before["TransitRouterId"].as_str().unwrap()),
            ("TransitRouterAttachmentName", "mine"),
            ("TransitRouterAttachmentDescription", "for Terraform"),
            ("CenId", "cen-1"),
            ("AutoPublishRouteEnabled", "false"),
            ("Zone.1.ZoneId", "eu-central-1a"),
            ("Tag.1.Key", "env"),
            ("Tag.1.Value", "dev"),
        ],
    );
    assert_eq!(before["TransitRouterAttachmentId"], id);
    assert_eq!(world.connection_state(&connection), "attached");
    assert_eq!(
        list(&mut world, &[("TransitRouterAttachmentId", &id)]),
        [json!({
            "AutoPublishRouteEnabled": false,
            "CenId": "cen-1",
            "ChargeType": "POSTPAY",
            "CreationTime": "2023-11-14T22:13:20Z",
            "OrderType": "PayByCenOwner",
            "ResourceType": "VPN",
            "Status": "Attached",
            "Tags": [{ "Key": "env", "Value": "dev" }],
            "TransitRouterAttachmentDescription": "for Terraform",
            "TransitRouterAttachmentId": id,
            "TransitRouterAttachmentName": "mine",
            "TransitRouterId": before["TransitRouterId"],
            "VpnId": connection,
            "VpnOwnerId": 1_234_567_890_123_456_i64,
            "VpnRegionId": "eu-central-1",
            "Zones": [{ "ZoneId": "eu-central-1a" }],
        })]
    );
    let again = world.refusal(CREATE, &[("VpnId", &connection), ("VpnOwnerId", ACCOUNT)]);
    assert_eq!(again.code(), "OperationFailed.VpnConnectionAttached");
    assert!(again.recommend().contains(&id));
}

#[test]
fn an_explicit_attachment_is_to_be_deleted_before_its_connection() {
    let (mut world, connection) = World::with_connection();
    let attachment = attach(&mut world, &connection, &[]);
    let refusal = world.refusal("DeleteVpnAttachment", &[("VpnConnectionId", &connection)]);
    assert_eq!(refusal.code(), "DependencyViolation.TransitRouterVpnAttachment");
    assert!(refusal.recommend().contains(&attachment));
    world.call(DELETE, &[("TransitRouterAttachmentId", &attachment), ("Force", "true")]).unwrap();
    world.call("DeleteVpnAttachment", &[("VpnConnectionId", &connection)]).unwrap();
}

#[test]
fn what_cannot_be_attached_is_refused() {
    let (mut world, connection) = unattached();
    let good = [("VpnId", connection.as_str()), ("VpnOwnerId", ACCOUNT)];
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("VpnOwnerId", ACCOUNT)], "MissingVpnId"),
        (&[("VpnId", &connection), ("VpnOwnerId", "me")], "InvalidVpnOwnerId"),
        (&[("VpnId", &connection), ("VpnOwnerId", "6543210987654321")], "Forbidden"),
        (&[("VpnId", "vco-nothing"), ("VpnOwnerId", ACCOUNT)], "InvalidVpnConnectionInstanceId.NotFound"),
        (&[good[0], good[1], ("RegionId", OTHER_REGION)], "InvalidVpnConnectionInstanceId.NotFound"),
        (&[good[0], good[1], ("TransitRouterId", "tr-another")], "InvalidTransitRouterId.NotFound"),
        (&[good[0], good[1], ("TransitRouterId", "nonsense")], "InvalidTransitRouterId.NotFound"),
        (&[good[0], good[1], ("DryRun", "true")], "DryRunOperation"),
    ];
    for (parameters, code) in cases {
        assert_eq!(world.refusal(CREATE, parameters).code(), *code, "{parameters:?}");
    }
    assert_eq!(world.connection_state(&connection), "init");
    let attachment = attach(&mut world, &connection, &[]);
    let dry = [("TransitRouterAttachmentId", attachment.as_str()), ("DryRun", "true")];
    assert_eq!(world.refusal(DELETE, &dry).code(), "DryRunOperation");
    assert_eq!(world.refusal(DELETE, &[]).code(), "MissingTransitRouterAttachmentId");
}

#[test]
fn a_list_is_filtered_and_continued_by_its_token() {
    let mut world = World::new();
    for host in 1..=25 {
        let gateway = world.customer_gateway(&format!("198.51.100.{host}"));
        world.two_tunnels(&gateway);
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    for _ in 0..3 {
        let answer = world.call(LIST, &[("MaxResults", "10"), ("NextToken", &token)]).unwrap();
        assert_eq!((&answer["TotalCount"], &answer["MaxResults"]), (&json!(25), &json!(10)));
        seen.extend(answer["TransitRouterAttachments"].as_array().unwrap().clone());
        token = answer["NextToken"].as_str().unwrap_or_default().to_owned();
    }
    assert!(token.is_empty());
    let mut ids: Vec<String> = seen.iter().map(|attachment| attachment["VpnId"].to_string()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 25);
    assert_eq!(list(&mut world, &[]).len(), 20);
    let transit_router = seen[0]["TransitRouterId"].as_str().unwrap().to_owned();
    for (parameters, count) in [
        ([("TransitRouterId", transit_router.as_str())], 20),
        ([("TransitRouterId", "tr-another")], 0),
        ([("RegionId", OTHER_REGION)], 0),
        ([("CenId", "cen-1")], 0),
        ([("Tag.1.Key", "env")], 0),
        ([("TransitRouterAttachmentId", "tr-attach-nothing")], 0),
    ] {
        assert_eq!(list(&mut world, &parameters).len(), count, "{parameters:?}");
    }
    assert_eq!(world.refusal(LIST, &[("MaxResults", "101")]).code(), "InvalidMaxResults");
}

const UPDATE: &str = "UpdateTransitRouterVpnAttachmentAttribute";

#[test]
fn an_attachment_is_renamed_while_its_connection_stays_in_force() {
    let (mut world, connection) = World::with_connection();
    let attachment = list(&mut world, &[])[0]["TransitRouterAttachmentId"].as_str().unwrap().to_owned();
    let id = ("TransitRouterAttachmentId", attachment.as_str());
    let change = [
        id,
        ("TransitRouterAttachmentName", "berlin"),
        ("TransitRouterAttachmentDescription", "the office"),
        ("AutoPublishRouteEnabled", "false"),
        ("OrderType", "PayByCenOwner"),
    ];
    let mut dry = change.to_vec();
    dry.push(("DryRun", "true"));
    assert_eq!(world.refusal(UPDATE, &dry).code(), "DryRunOperation");
    assert_eq!(list(&mut world, &[])[0]["TransitRouterAttachmentName"], "");
    world.call(UPDATE, &change).unwrap();
    let after = list(&mut world, &[])[0].clone();
    assert_eq!(after["TransitRouterAttachmentName"], "berlin");
    assert_eq!(after["TransitRouterAttachmentDescription"], "the office");
    assert_eq!((&after["AutoPublishRouteEnabled"], &after["Status"]), (&json!(false), &json!("Attached")));
    assert_eq!(world.connection_state(&connection), "attached");
    world.call(UPDATE, &[id, ("TransitRouterAttachmentName", "")]).unwrap();
    let after = list(&mut world, &[])[0].clone();
    assert_eq!(after["TransitRouterAttachmentName"], "");
    assert_eq!(after["TransitRouterAttachmentDescription"], "the office");
    let refusal = world.refusal(UPDATE, &[("TransitRouterAttachmentId", "tr-attach-nothing")]);
    assert_eq!(refusal.code(), "InvalidTransitRouterAttachmentId.NotFound");
}

#[test]
fn an_account_needs_no_grant_for_its_own_connections_and_gives_none_to_others() {
    let (mut world, connection) = World::with_connection();
    let own = [
        ("CenId", "cen-1"),
        ("CenOwnerId", ACCOUNT),
        ("InstanceId", connection.as_str()),
        ("InstanceType", "VPN"),
    ];
    let before = world.state.clone();
    for action in ["GrantInstanceToTransitRouter", "RevokeInstanceFromTransitRouter"] {
        world.call(action, &own).unwrap();
        let cases = [
            (1, "6543210987654321", "Forbidden"),
            (2, "vco-nothing", "InvalidVpnConnectionInstanceId.NotFound"),
            (2, "vpc-nothing", "InvalidVpnConnectionInstanceId.NotFound"),
            (3, "VPC", "InvalidInstanceType"),
            (3, "Teapot", "InvalidInstanceType"),
        ];
        for (position, value, code) in cases {
            let mut parameters = own;
            parameters[position].1 = value;
            assert_eq!(world.refusal(action, &parameters).code(), code, "{action} {parameters:?}");
        }
        let mut elsewhere = own.to_vec();
        elsewhere.push(("RegionId", OTHER_REGION));
        assert_eq!(world.refusal(action, &elsewhere).code(), "InvalidVpnConnectionInstanceId.NotFound");
    }
    assert_eq!(world.state, before);
}
