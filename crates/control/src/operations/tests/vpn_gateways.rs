//! VPN gateways: their life-cycle, and what is refused.

use crate::error::Busy;
use crate::testing::{OTHER_REGION, World};

const MONTH_MS: i64 = 30 * 24 * 60 * 60 * 1000;

#[test]
fn a_vpn_gateway_is_provisioning_then_active_and_deleting_until_its_domain_is_closed() {
    let mut world = World::new();
    let gateway = world.vpn_gateway("vpc-a");
    assert_eq!(world.vpn_gateway_status(&gateway), "provisioning");
    world.settle();
    assert_eq!(world.vpn_gateway_status(&gateway), "active");
    let named = [("VpnGatewayId", gateway.as_str())];
    world.call("DeleteVpnGateway", &named).unwrap();
    assert_eq!(world.vpn_gateway_status(&gateway), "deleting");
    world.call("DeleteVpnGateway", &named).unwrap();
    world.settle();
    for action in ["DescribeVpnGateway", "DeleteVpnGateway"] {
        assert_eq!(world.refusal(action, &named).code(), "InvalidVpnGatewayInstanceId.NotFound");
    }
    // What is over is forgotten with the next change.
    world.vpn_gateway("vpc-b");
    assert_eq!(world.rows.keys().filter(|(kind, _)| kind == "vpn-gateway").count(), 1);
    assert_eq!(world.restored(), world.state);
}

#[test]
fn a_description_has_everything_that_terraform_takes_apart() {
    let mut world = World::new();
    let asked = [
        ("VpcId", "vpc-a"),
        ("VSwitchId", "vsw-a"),
        ("DisasterRecoveryVSwitchId", "vsw-b"),
        ("Bandwidth", "200"),
        ("Name", "office"),
        ("InstanceChargeType", "POSTPAY"),
        ("EnableSsl", "true"),
        ("SslConnections", "20"),
        ("ResourceGroupId", "rg-a"),
    ];
    let answer = world.call("CreateVpnGateway", &asked).unwrap();
    assert_eq!(answer["Name"], "office");
    let id = answer["VpnGatewayId"].as_str().unwrap();
    let shown = world.call("DescribeVpnGateway", &[("VpnGatewayId", id)]).unwrap();
    for (member, value) in [
        ("Spec", "200M"),
        ("ChargeType", "PostpayByFlow"),
        ("IpsecVpn", "enable"),
        ("SslVpn", "enable"),
        ("GatewayType", "Traditional"),
        ("NetworkType", "public"),
        ("BusinessStatus", "Normal"),
        ("VpcId", "vpc-a"),
        ("VSwitchId", "vsw-a"),
        ("DisasterRecoveryVSwitchId", "vsw-b"),
        ("InternetIp", "203.0.113.1"),
        ("DisasterRecoveryInternetIp", "203.0.113.2"),
        ("ResourceGroupId", "rg-a"),
        ("Tag", "{}"),
    ] {
        assert_eq!(shown[member], value, "{member}");
    }
    assert_eq!((&shown["SslMaxConnections"], &shown["EndTime"]), (&20.into(), &0.into()));
    assert!(shown["Tags"]["Tag"].as_array().unwrap().is_empty());
    let unnamed = world.vpn_gateway("vpc-b");
    let shown = world.call("DescribeVpnGateway", &[("VpnGatewayId", &unnamed)]).unwrap();
    assert_eq!(shown["Name"], unnamed.as_str());
}

#[test]
fn a_gateway_that_is_not_settled_or_paid_for_is_not_deleted() {
    let mut world = World::new();
    let fresh = world.vpn_gateway("vpc-a");
    let refusal = world.refusal("DeleteVpnGateway", &[("VpnGatewayId", &fresh)]);
    assert_eq!(refusal.code(), "VpnGateway.Configuring");
    assert_eq!(*refusal.busy.unwrap(), Busy::VpnGateway(fresh.parse().unwrap()));

    let asked = [("VpcId", "vpc-a"), ("Bandwidth", "5"), ("InstanceChargeType", "PREPAY"), ("Period", "2")];
    let answer = world.call("CreateVpnGateway", &asked).unwrap();
    let prepaid = answer["VpnGatewayId"].as_str().unwrap();
    world.settle();
    let named = [("VpnGatewayId", prepaid)];
    assert_eq!(world.refusal("DeleteVpnGateway", &named).code(), "ForbiddenRelease");
    let shown = world.call("DescribeVpnGateway", &named).unwrap();
    assert_eq!(shown["ChargeType"], "Prepay");
    world.now_ms += 2 * MONTH_MS;
    world.call("DeleteVpnGateway", &named).unwrap();
}

#[test]
fn what_cannot_be_asked_for_is_refused_by_name() {
    let mut world = World::new();
    for (name, value, code) in [
        ("Bandwidth", "7", "InvalidBandwidth"),
        ("SslConnections", "6", "InvalidSslConnections"),
        ("NetworkType", "private", "InvalidBandwidth"),
        ("InstanceChargeType", "PREPAY", "MissingPeriod"),
        ("Name", "1st", "InvalidName"),
        ("VpnType", "Other", "InvalidVpnType"),
    ] {
        let mut asked = vec![("VpcId", "vpc-a"), (name, value)];
        if name != "Bandwidth" {
            asked.push(("Bandwidth", "100"));
        }
        assert_eq!(world.refusal("CreateVpnGateway", &asked).code(), code, "{name}");
    }
    world.settings.vpn_gateways_per_region_max = 1;
    world.vpn_gateway("vpc-a");
    let asked = [("VpcId", "vpc-a"), ("Bandwidth", "100")];
    assert_eq!(world.refusal("CreateVpnGateway", &asked).code(), "Resource.QuotaFull");
    let elsewhere = [("RegionId", OTHER_REGION), ("VpcId", "vpc-b"), ("Bandwidth", "100")];
    world.call("CreateVpnGateway", &elsewhere).unwrap();
}

fn enhanced(world: &mut World, name: &str) -> String {
    let asked = [
        ("VpcId", "vpc-a"),
        ("VSwitchId", "vsw-a"),
        ("DisasterRecoveryVSwitchId", "vsw-b"),
        ("GatewayType", "Enhanced.SiteToSite"),
        ("Name", name),
    ];
    let answer = world.call("CreateEnhancedVpnGateway", &asked).unwrap();
    answer["VpnGatewayId"].as_str().unwrap().to_owned()
}

#[test]
fn a_change_is_updating_until_it_is_in_force_and_a_second_one_waits() {
    let mut world = World::new();
    let traditional = world.vpn_gateway("vpc-a");
    let modern = enhanced(&mut world, "modern");
    world.settle();
    for (action, gateway) in
        [("ModifyVpnGatewayAttribute", &traditional), ("UpdateEnhancedVpnGateway", &modern)]
    {
        let id = ("VpnGatewayId", gateway.as_str());
        let answer = world.call(action, &[id, ("Name", "renamed"), ("AutoPropagate", "true")]).unwrap();
        assert_eq!((&answer["Name"], &answer["Status"]), (&"renamed".into(), &"updating".into()));
        assert_eq!(answer["AutoPropagate"], true);
        let refusal = world.refusal(action, &[id, ("Description", "more")]);
        assert_eq!(refusal.code(), "VpnGateway.Configuring");
        assert_eq!(refusal.busy.unwrap().as_str(), gateway);
        world.settle();
        assert_eq!(world.vpn_gateway_status(gateway), "active");
        let unchanged = world.call(action, &[id, ("Name", "renamed")]).unwrap();
        assert_eq!(unchanged["Status"], "active");
        assert_eq!(world.refusal(action, &[id, ("Name", "a b")]).code(), "InvalidName");
        let long = "x".repeat(101);
        assert_eq!(world.refusal(action, &[id, ("Description", &long)]).code(), "InvalidDescription");
        assert_eq!(
            world.refusal(action, &[("VpnGatewayId", "vpn-none")]).code(),
            "InvalidVpnGatewayInstanceId.NotFound"
        );
    }
}

#[test]
fn each_type_has_its_own_operations_and_both_are_described_together() {
    let mut world = World::new();
    let (traditional, modern) = (world.vpn_gateway("vpc-a"), enhanced(&mut world, "modern"));
    world.settle();
    for (action, gateway) in [
        ("DeleteVpnGateway", &modern),
        ("DeleteEnhancedVpnGateway", &traditional),
        ("ModifyVpnGatewayAttribute", &modern),
        ("UpdateEnhancedVpnGateway", &traditional),
    ] {
        let refusal = world.refusal(action, &[("VpnGatewayId", gateway)]);
        assert_eq!(refusal.code(), "InvalidVpnGatewayInstanceId.NotFound", "{action}");
    }
    let shown = world.call("DescribeVpnGateway", &[("VpnGatewayId", &modern)]).unwrap();
    assert_eq!((&shown["GatewayType"], &shown["Spec"]), (&"Enhanced.SiteToSite".into(), &"1000M".into()));
    world.call("DeleteEnhancedVpnGateway", &[("VpnGatewayId", &modern)]).unwrap();
    assert_eq!(world.vpn_gateway_status(&modern), "deleting");
}

#[test]
fn every_filter_of_the_list_filters() {
    let mut world = World::new();
    let (first, second) = (world.vpn_gateway("vpc-a"), enhanced(&mut world, "modern"));
    world.settle();
    let third = world.vpn_gateway("vpc-b");
    for (pairs, expected) in [
        (&[][..], vec![&first, &second, &third]),
        (&[("VpcId", "vpc-a")][..], vec![&first, &second]),
        (&[("VpcId", "vpc-a"), ("GatewayType", "Traditional")], vec![&first]),
        (&[("Status", "provisioning")], vec![&third]),
        (&[("VpnGatewayId", second.as_str())], vec![&second]),
        (&[("BusinessStatus", "FinancialLocked")], vec![]),
        (&[("ResourceGroupId", "rg-a")], vec![]),
        (&[("PageSize", "2"), ("PageNumber", "2")], vec![&third]),
        (&[("RegionId", OTHER_REGION)], vec![]),
    ] {
        let answer = world.call("DescribeVpnGateways", pairs).unwrap();
        let listed = answer["VpnGateways"]["VpnGateway"].as_array().unwrap();
        let ids: Vec<_> = listed.iter().map(|it| it["VpnGatewayId"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{pairs:?}");
    }
}

#[test]
fn tags_and_the_resource_group_of_a_vpn_gateway_are_found_in_any_case() {
    let mut world = World::new();
    let gateway = world.vpn_gateway("vpc-a");
    let id = ("ResourceId.1", gateway.as_str());
    let tag = [("Tag.1.Key", "env"), ("Tag.1.Value", "prod")];
    world.call("TagResources", &[("ResourceType", "VpnGateWay"), id, tag[0], tag[1]]).unwrap();
    let listed = world.call("ListTagResources", &[("ResourceType", "VPNGATEWAY"), id]).unwrap();
    assert_eq!(listed["TagResources"]["TagResource"][0]["ResourceId"], gateway.as_str());
    let found = world.call("DescribeVpnGateways", &tag).unwrap();
    assert_eq!(found["VpnGateways"]["VpnGateway"][0]["Tag"], r#"{"env":"prod"}"#);
    let moved =
        [("ResourceType", "VpnGateWay"), ("InstanceId", gateway.as_str()), ("NewResourceGroupId", "rg-b")];
    world.call("MoveVpnResourceGroup", &moved).unwrap();
    let found = world.call("DescribeVpnGateways", &[("ResourceGroupId", "rg-b")]).unwrap();
    assert_eq!(found["TotalCount"], 1);
    assert_eq!(world.vpn_gateway_status(&gateway), "provisioning");
    world.call("UnTagResources", &[("ResourceType", "vpngateway"), id, ("TagKey.1", "env")]).unwrap();
    assert_eq!(world.call("DescribeVpnGateways", &tag).unwrap()["TotalCount"], 0);
    let zones = world.call("DescribeVpnGatewayAvailableZones", &[("Spec", "5M")]).unwrap();
    assert_eq!(zones["AvailableZoneIdList"][0]["ZoneId"], "eu-central-1-a");
}
