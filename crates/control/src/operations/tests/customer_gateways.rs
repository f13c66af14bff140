//! Customer gateways: made, described, changed, deleted, and each refusal.

use serde_json::json;

use crate::testing::{OTHER_REGION, World};

#[test]
fn a_customer_gateway_is_created_and_described_with_every_field() {
    let mut world = World::new();
    let parameters = [
        ("IpAddress", "42.104.22.210"),
        ("Asn", "45014"),
        ("AuthKey", "k3y"),
        ("Name", "cg name"),
        ("Description", "desc"),
        ("ResourceGroupId", "rg-1"),
        ("Tags.1.Key", "env"),
        ("Tags.1.Value", "dev test"),
    ];
    let created = world.call("CreateCustomerGateway", &parameters).unwrap();
    let id = created["CustomerGatewayId"].as_str().unwrap().to_owned();
    assert_eq!(
        created,
        json!({
            "CreateTime": world.now_ms,
            "CustomerGatewayId": id,
            "Description": "desc",
            "IpAddress": "42.104.22.210",
            "Name": "cg name",
            "RequestId": "00000000-0000-4000-8000-000000000001",
        })
    );
    let described = world.call("DescribeCustomerGateway", &[("CustomerGatewayId", &id)]).unwrap();
    assert_eq!(
        described,
        json!({
            "Asn": 45014,
            "AuthKey": "k3y",
            "CreateTime": created["CreateTime"],
            "CustomerGatewayId": id,
            "Description": "desc",
            "IpAddress": "42.104.22.210",
            "Name": "cg name",
            "RequestId": "00000000-0000-4000-8000-000000000002",
            "ResourceGroupId": "rg-1",
            "Tags": { "Tag": [{ "Key": "env", "Value": "dev test" }] },
        })
    );
}

#[test]
fn terraform_may_call_the_tags_of_a_customer_gateway_tag() {
    let mut world = World::new();
    let created =
        world.call("CreateCustomerGateway", &[("IpAddress", "1.2.3.4"), ("Tag.1.Key", "a")]).unwrap();
    let id = created["CustomerGatewayId"].as_str().unwrap().to_owned();
    let described = world.call("DescribeCustomerGateway", &[("CustomerGatewayId", &id)]).unwrap();
    assert_eq!(described["Tags"]["Tag"], json!([{ "Key": "a", "Value": "" }]));
}

#[test]
fn what_cannot_be_a_customer_gateway_is_refused_with_the_code_of_its_field() {
    let long = "n".repeat(101);
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[], "MissingIpAddress"),
        (&[("IpAddress", "1.2.3")], "InvalidIpAddress.WrongFormat"),
        (&[("IpAddress", "127.0.0.1")], "InvalidIpAddress.WrongFormat"),
        (&[("IpAddress", "100.64.0.1")], "InvalidIpAddress.WrongFormat"),
        (&[("IpAddress", "1.2.3.4"), ("Name", "http://x")], "InvalidName"),
        (&[("IpAddress", "1.2.3.4"), ("Name", &long)], "InvalidName"),
        (&[("IpAddress", "1.2.3.4"), ("Description", &long)], "InvalidDescription"),
        (&[("IpAddress", "1.2.3.4"), ("Asn", "0")], "InvalidAsn"),
        (&[("IpAddress", "1.2.3.4"), ("Asn", "45104")], "InvalidAsn"),
        (&[("IpAddress", "1.2.3.4"), ("AuthKey", "what?")], "InvalidAuthKey"),
        (&[("IpAddress", "1.2.3.4"), ("Tags.1.Key", "acs:x")], "InvalidTags"),
        (&[("IpAddress", "1.2.3.4"), ("Tags.1.Value", "x")], "MissingTags"),
        (&[("IpAddress", "1.2.3.4"), ("Tags.1.Key", "a"), ("Tags.2.Key", "a")], "InvalidTags"),
        (&[("IpAddress", "1.2.3.4"), ("OwnerId", "me")], "InvalidOwnerId"),
        (&[("IpAddress", "1.2.3.4"), ("RegionId", "mars-1")], "InvalidRegionId.NotFound"),
        (&[("IpAddress", "1.2.3.4"), ("RegionId", "MARS")], "InvalidRegionId.NotFound"),
    ];
    for (parameters, code) in cases {
        assert_eq!(World::new().refusal("CreateCustomerGateway", parameters).code(), *code, "{parameters:?}");
    }
}

#[test]
fn an_address_has_one_customer_gateway_in_a_region() {
    let mut world = World::new();
    let id = world.customer_gateway("1.2.3.4");
    let refusal = world.refusal("CreateCustomerGateway", &[("IpAddress", "1.2.3.4")]);
    assert_eq!(refusal.code(), "InvalidIpAddress.AlreadyExist");
    assert!(refusal.recommend().contains(&id));
    world.call("CreateCustomerGateway", &[("IpAddress", "1.2.3.4"), ("RegionId", OTHER_REGION)]).unwrap();
    world.call("DeleteCustomerGateway", &[("CustomerGatewayId", &id)]).unwrap();
    world.customer_gateway("1.2.3.4");
}

#[test]
fn the_quota_of_a_region_does_not_count_another_region() {
    let mut world = World::new();
    world.settings.customer_gateways_per_region_max = 2;
    world.customer_gateway("1.2.3.1");
    world.customer_gateway("1.2.3.2");
    let refusal = world.refusal("CreateCustomerGateway", &[("IpAddress", "1.2.3.3")]);
    assert_eq!((refusal.code().as_ref(), refusal.status()), ("Resource.QuotaFull", 400));
    assert_eq!(refusal.message(), "The quota of resource is full");
    world.call("CreateCustomerGateway", &[("IpAddress", "1.2.3.3"), ("RegionId", OTHER_REGION)]).unwrap();
}

#[test]
fn a_customer_gateway_of_another_region_does_not_exist_here() {
    let mut world = World::new();
    let id = world.customer_gateway("1.2.3.4");
    for action in ["DescribeCustomerGateway", "DeleteCustomerGateway", "ModifyCustomerGatewayAttribute"] {
        for (name, region) in
            [(id.as_str(), OTHER_REGION), ("cgw-nothing", "eu-central-1"), ("nonsense", OTHER_REGION)]
        {
            let refusal = world.refusal(action, &[("CustomerGatewayId", name), ("RegionId", region)]);
            assert_eq!(refusal.code(), "InvalidCustomerGatewayInstanceId.NotFound", "{action} {name}");
            assert_eq!(refusal.status(), 404);
        }
    }
}

#[test]
fn a_customer_gateway_that_a_connection_uses_is_not_deleted() {
    let (mut world, connection) = World::with_connection();
    let gateway = world.customer_gateway("9.9.9.9");
    world.call("DeleteCustomerGateway", &[("CustomerGatewayId", &gateway)]).unwrap();
    let used = world.call("DescribeCustomerGateways", &[]).unwrap();
    let used =
        used["CustomerGateways"]["CustomerGateway"][0]["CustomerGatewayId"].as_str().unwrap().to_owned();
    let refusal = world.refusal("DeleteCustomerGateway", &[("CustomerGatewayId", &used)]);
    assert_eq!(refusal.code(), "DependencyViolation.VpnConnection");
    assert!(refusal.recommend().contains(&connection));
    world.call("DeleteVpnAttachment", &[("VpnConnectionId", &connection)]).unwrap();
    world.call("DeleteCustomerGateway", &[("CustomerGatewayId", &used)]).unwrap();
}

#[test]
fn a_list_is_filtered_and_paged_in_the_order_of_creation() {
    let mut world = World::new();
    let ids: Vec<String> = (1..=25).map(|host| world.customer_gateway(&format!("1.2.3.{host}"))).collect();
    let first = world.call("DescribeCustomerGateways", &[]).unwrap();
    assert_eq!(
        (&first["TotalCount"], &first["PageNumber"], &first["PageSize"]),
        (&json!(25), &json!(1), &json!(10))
    );
    let mut listed = Vec::new();
    for page in ["1", "2", "3", "4"] {
        let answer = world.call("DescribeCustomerGateways", &[("PageNumber", page)]).unwrap();
        let gateways = answer["CustomerGateways"]["CustomerGateway"].as_array().unwrap().clone();
        listed
            .extend(gateways.iter().map(|gateway| gateway["CustomerGatewayId"].as_str().unwrap().to_owned()));
    }
    assert_eq!(listed, ids);
    let one = world.call("DescribeCustomerGateways", &[("CustomerGatewayId", &ids[7])]).unwrap();
    assert_eq!(one["TotalCount"], 1);
    let none = world.call("DescribeCustomerGateways", &[("RegionId", OTHER_REGION)]).unwrap();
    assert_eq!(none["CustomerGateways"]["CustomerGateway"], json!([]));
    let tags = [("ResourceType", "customerGateway"), ("ResourceId.1", &ids[3]), ("Tag.1.Key", "env")];
    world.call("TagResources", &tags).unwrap();
    let tagged = world.call("DescribeCustomerGateways", &[("Tag.1.Key", "env")]).unwrap();
    assert_eq!(tagged["CustomerGateways"]["CustomerGateway"][0]["CustomerGatewayId"], ids[3]);
    assert_eq!(tagged["TotalCount"], 1);
}

#[test]
fn the_bounds_of_a_page_are_named() {
    for (name, value) in [("PageSize", "0"), ("PageSize", "51"), ("PageSize", "ten"), ("PageNumber", "0")] {
        let refusal = World::new().refusal("DescribeCustomerGateways", &[(name, value)]);
        assert_eq!(refusal.code(), format!("Invalid{name}"));
        assert_eq!(refusal.message(), format!("Specified parameter {name} is not valid."));
        assert!(refusal.recommend().contains("from 1 to"), "{}", refusal.recommend());
    }
}

#[test]
fn names_change_at_once_and_a_new_key_makes_the_connections_updating() {
    let (mut world, connection) = World::with_connection();
    let gateway =
        world.state.customer_gateways(&"eu-central-1".parse().unwrap()).next().unwrap().id.to_string();
    let id = ("CustomerGatewayId", gateway.as_str());
    let renamed =
        world.call("ModifyCustomerGatewayAttribute", &[id, ("Name", "new"), ("Description", "d")]).unwrap();
    assert_eq!((&renamed["Name"], &renamed["Description"]), (&json!("new"), &json!("d")));
    assert_eq!(world.connection_state(&connection), "attached");
    world.call("ModifyCustomerGatewayAttribute", &[id, ("AuthKey", "new-key")]).unwrap();
    assert_eq!(world.connection_state(&connection), "updating");
    let busy = world.refusal("ModifyCustomerGatewayAttribute", &[id, ("AuthKey", "newer-key")]);
    assert_eq!(busy.code(), "VpnConnection.Configuring");
    assert_eq!(busy.busy.unwrap().as_str(), connection);
    world.settle();
    assert_eq!(world.connection_state(&connection), "attached");
    let refusal = world.refusal("ModifyCustomerGatewayAttribute", &[id, ("Name", "https://x")]);
    assert_eq!(refusal.code(), "InvalidName");
    let refusal = world.refusal("ModifyCustomerGatewayAttribute", &[id, ("Description", "http://x")]);
    assert_eq!(refusal.code(), "InvalidDescription");
}
