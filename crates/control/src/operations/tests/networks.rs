//! VPCs and vSwitches: those of the configuration, those that somebody makes, and those that VPN gateways bring along.

use serde_json::Value;

use crate::operation::Product;
use crate::settings::{ConfiguredVSwitch, ConfiguredVpc};
use crate::testing::declared::check;
use crate::testing::{OTHER_REGION, REGION, World};

/// Operation, parameters, members of the answer, as the provider's SDK declares them. Left out are IPv6, IPAM, DHCP options,
/// access lists, the owners of shared networks, and what else a VPC here does not have.
const DECLARED: [(&str, &str, &str); 11] = [
    (
        "CreateVSwitch",
        "CidrBlock Description RegionId Tag VSwitchName VpcId ZoneId",
        "VSwitchId",
    ),
    (
        "CreateVpc",
        "CidrBlock Description EnableIpv6 RegionId ResourceGroupId Tag UserCidr VpcName",
        "ResourceGroupId
         RouteTableId
         VRouterId
         VpcId",
    ),
    ("DeleteVSwitch", "RegionId VSwitchId", ""),
    ("DeleteVpc", "ForceDelete RegionId VpcId", ""),
    (
        "DescribeRouteTableList",
        "PageNumber PageSize RegionId RouteTableId VpcId",
        "PageNumber
         PageSize
         TotalCount
         RouterTableList.RouterTableListType: AssociateType CreationTime Description OwnerId ResourceGroupId RoutePropagationEnable RouteTableId RouteTableName RouteTableType RouterId RouterType Status VpcId
         RouterTableList.RouterTableListType.VSwitchIds.VSwitchId",
    ),
    (
        "DescribeVSwitchAttributes",
        "RegionId VSwitchId",
        "AvailableIpAddressCount
         CidrBlock
         CreationTime
         Description
         EnabledIpv6
         Ipv6CidrBlock
         IsDefault
         OwnerId
         ResourceGroupId
         RouteTable: RouteTableId RouteTableType
         Status
         Tags.Tag: Key Value
         VSwitchId
         VSwitchName
         VpcId
         ZoneId",
    ),
    (
        "DescribeVSwitches",
        "IsDefault PageNumber PageSize RegionId RouteTableId Tag VSwitchId VSwitchName VpcId ZoneId",
        "PageNumber
         PageSize
         TotalCount
         VSwitches.VSwitch: AvailableIpAddressCount CidrBlock CreationTime Description EnabledIpv6 Ipv6CidrBlock IsDefault OwnerId ResourceGroupId Status VSwitchId VSwitchName VpcId ZoneId
         VSwitches.VSwitch.RouteTable: RouteTableId RouteTableType
         VSwitches.VSwitch.Tags.Tag: Key Value",
    ),
    (
        "DescribeVpcAttribute",
        "RegionId VpcId",
        "CidrBlock
         ClassicLinkEnabled
         CreationTime
         Description
         EnabledIpv6
         Ipv6CidrBlock
         IsDefault
         OwnerId
         RegionId
         ResourceGroupId
         SecondaryCidrBlocks.SecondaryCidrBlock
         Status
         SupportIpv4Gateway
         Tags.Tag: Key Value
         UserCidrs.UserCidr
         VRouterId
         VSwitchIds.VSwitchId
         VpcId
         VpcName",
    ),
    (
        "DescribeVpcs",
        "IsDefault PageNumber PageSize RegionId ResourceGroupId Tag VpcId VpcName",
        "PageNumber
         PageSize
         TotalCount
         Vpcs.Vpc: CidrBlock CreationTime Description EnabledIpv6 Ipv6CidrBlock IsDefault OwnerId RegionId ResourceGroupId Status VRouterId VpcId VpcName
         Vpcs.Vpc.RouterTableIds.RouterTableIds
         Vpcs.Vpc.SecondaryCidrBlocks.SecondaryCidrBlock
         Vpcs.Vpc.Tags.Tag: Key Value
         Vpcs.Vpc.UserCidrs.UserCidr
         Vpcs.Vpc.VSwitchIds.VSwitchId",
    ),
    ("ModifyVSwitchAttribute", "Description EnableIPv6 RegionId VSwitchId VSwitchName", ""),
    ("ModifyVpcAttribute", "CidrBlock Description EnableIPv6 RegionId VpcId VpcName", ""),
];

/// Whether the table has an operation.
pub(super) fn is_declared(name: &str) -> bool {
    DECLARED.iter().any(|(declared, ..)| *declared == name)
}

#[test]
fn every_operation_takes_and_answers_what_the_sdk_declares() {
    for (name, parameters, members) in DECLARED {
        check(Product::Vpc, name, parameters, members);
    }
}

const CREATE_V_SWITCH: &str = "CreateVSwitch";

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A world whose configuration names a VPC with two networks and a vSwitch.
fn configured() -> World {
    let mut world = World::new();
    world.settings.vpcs = vec![ConfiguredVpc {
        id: "vpc-lan".parse().unwrap(),
        region: REGION.parse().unwrap(),
        cidr_blocks: vec!["10.0.0.0/16".parse().unwrap(), "10.9.0.0/16".parse().unwrap()],
        interface: Some("eth1".to_owned()),
        v_switches: vec![ConfiguredVSwitch {
            id: "vsw-lan".parse().unwrap(),
            cidr_block: "10.0.1.0/24".parse().unwrap(),
        }],
    }];
    world
}

fn vpc(world: &mut World, block: &str) -> String {
    text(&world.call("CreateVpc", &[("CidrBlock", block)]).unwrap()["VpcId"])
}

fn v_switch(world: &mut World, vpc: &str, block: &str) -> String {
    let asked = [("VpcId", vpc), ("CidrBlock", block), ("ZoneId", "eu-central-1-a")];
    text(&world.call(CREATE_V_SWITCH, &asked).unwrap()["VSwitchId"])
}

fn ids(world: &mut World, pairs: &[(&str, &str)]) -> Vec<String> {
    let answer = world.call("DescribeVpcs", pairs).unwrap();
    answer["Vpcs"]["Vpc"].as_array().unwrap().iter().map(|vpc| text(&vpc["VpcId"])).collect()
}

#[test]
fn terraform_makes_changes_and_destroys_a_vpc_with_a_v_switch_and_a_gateway() {
    let mut world = World::new();
    let asked = [
        ("CidrBlock", "172.16.0.0/12"),
        ("VpcName", "office"),
        ("Description", "where we are"),
        ("EnableIpv6", "false"),
        ("Tag.1.Key", "env"),
        ("Tag.1.Value", "prod"),
        ("ClientToken", "TF-CreateVpc-1"),
    ];
    let made = world.call("CreateVpc", &asked).unwrap();
    let id = text(&made["VpcId"]);
    let named = ("VpcId", id.as_str());
    let shown = world.call("DescribeVpcAttribute", &[named]).unwrap();
    for (member, value) in [
        ("Status", "Available"),
        ("CidrBlock", "172.16.0.0/12"),
        ("VpcName", "office"),
        ("RegionId", REGION),
        ("VRouterId", made["VRouterId"].as_str().unwrap()),
    ] {
        assert_eq!(shown[member], value, "{member}");
    }
    assert_eq!(shown["Tags"]["Tag"][0]["Value"], "prod");
    let tables = world.call("DescribeRouteTableList", &[named]).unwrap();
    let table = &tables["RouterTableList"]["RouterTableListType"][0];
    assert_eq!((&table["RouteTableType"], &table["RouteTableId"]), (&"System".into(), &made["RouteTableId"]));

    world.call("ModifyVpcAttribute", &[named, ("VpcName", "home"), ("Description", "")]).unwrap();
    let shown = world.call("DescribeVpcAttribute", &[named]).unwrap();
    assert_eq!((&shown["VpcName"], &shown["Description"]), (&"home".into(), &"".into()));

    let switch = v_switch(&mut world, &id, "172.16.1.0/24");
    let of_switch = ("VSwitchId", switch.as_str());
    world.call("ModifyVSwitchAttribute", &[of_switch, ("VSwitchName", "first")]).unwrap();
    let shown = world.call("DescribeVSwitchAttributes", &[of_switch]).unwrap();
    assert_eq!((&shown["Status"], &shown["VSwitchName"]), (&"Available".into(), &"first".into()));
    assert_eq!((&shown["VpcId"], &shown["AvailableIpAddressCount"]), (&id.as_str().into(), &252.into()));
    let tag = [("Tag.1.Key", "env"), ("Tag.1.Value", "test")];
    let tagged = [("ResourceType", "VSWITCH"), ("ResourceId.1", switch.as_str()), tag[0], tag[1]];
    world.call("TagResources", &tagged).unwrap();
    assert_eq!(world.call("DescribeVSwitches", &tag).unwrap()["TotalCount"], 1);

    let gateway = [named, of_switch, ("Bandwidth", "100")];
    let gateway = text(&world.call("CreateVpnGateway", &gateway).unwrap()["VpnGatewayId"]);
    world.settle();
    assert_eq!(world.refusal("DeleteVSwitch", &[of_switch]).code(), "DependencyViolation.Instance");
    world.call("DeleteVpnGateway", &[("VpnGatewayId", &gateway)]).unwrap();
    assert_eq!(world.refusal("DeleteVSwitch", &[of_switch]).code(), "DependencyViolation.Instance");
    world.settle();
    assert_eq!(world.refusal("DeleteVpc", &[named]).code(), "DependencyViolation.VSwitch");
    world.call("DeleteVSwitch", &[of_switch]).unwrap();
    assert_eq!(world.call("DescribeVSwitchAttributes", &[of_switch]).unwrap()["VSwitchId"], "");
    assert_eq!(world.refusal("DeleteVSwitch", &[of_switch]).code(), "InvalidVSwitchId.NotFound");
    world.call("DeleteVpc", &[named]).unwrap();
    assert_eq!(world.call("DescribeVpcAttribute", &[named]).unwrap()["VpcId"], "");
    assert_eq!(world.refusal("DeleteVpc", &[named]).code(), "InvalidVpcID.NotFound");
    assert_eq!(world.restored(), world.state);
}

#[test]
fn a_vpc_of_the_configuration_is_listed_first_and_cannot_be_changed() {
    let mut world = configured();
    let own = vpc(&mut world, "192.168.0.0/16");
    assert_eq!(ids(&mut world, &[]), ["vpc-lan", &own]);
    let shown = world.call("DescribeVpcAttribute", &[("VpcId", "vpc-lan")]).unwrap();
    assert_eq!(shown["CidrBlock"], "10.0.0.0/16");
    assert_eq!(shown["SecondaryCidrBlocks"]["SecondaryCidrBlock"][0], "10.9.0.0/16");
    assert_eq!(shown["VSwitchIds"]["VSwitchId"][0], "vsw-lan");
    let unsupported = "OperationUnsupported.ConfiguredVpc";
    let of_vpc = [("VpcId", "vpc-lan"), ("VpcName", "other")];
    assert_eq!(world.refusal("DeleteVpc", &of_vpc[..1]).code(), unsupported);
    assert_eq!(world.refusal("ModifyVpcAttribute", &of_vpc).code(), unsupported);
    let of_switch = [("VSwitchId", "vsw-lan"), ("VSwitchName", "other")];
    assert_eq!(world.refusal("DeleteVSwitch", &of_switch[..1]).code(), unsupported);
    assert_eq!(world.refusal("ModifyVSwitchAttribute", &of_switch).code(), unsupported);
    let tag = [("ResourceType", "VPC"), ("ResourceId.1", "vpc-lan"), ("Tag.1.Key", "env")];
    assert_eq!(world.refusal("TagResources", &tag).code(), unsupported);
    // It takes more vSwitches, which do not overlap with those of the configuration.
    let more = v_switch(&mut world, "vpc-lan", "10.9.1.0/24");
    let overlapping = [("VpcId", "vpc-lan"), ("CidrBlock", "10.0.0.0/22"), ("ZoneId", "eu-central-1-a")];
    assert_eq!(world.refusal(CREATE_V_SWITCH, &overlapping).code(), "InvalidCidrBlock.Overlapped");
    let listed = world.call("DescribeVSwitches", &[("VpcId", "vpc-lan")]).unwrap();
    let listed: Vec<_> = listed["VSwitches"]["VSwitch"].as_array().unwrap().iter().collect();
    assert_eq!([text(&listed[0]["VSwitchId"]), text(&listed[1]["VSwitchId"])], ["vsw-lan".to_owned(), more]);
    // A gateway in it makes nothing on demand.
    world.vpn_gateway("vpc-lan");
    assert_eq!(ids(&mut world, &[]), ["vpc-lan", &own]);
    assert!(ids(&mut world, &[("RegionId", OTHER_REGION)]).is_empty());
}

#[test]
fn a_vpc_that_only_a_gateway_names_is_made_on_demand() {
    let mut world = World::new();
    let gateway = world.vpn_gateway("vpc-a");
    assert_eq!(ids(&mut world, &[]), ["vpc-a"]);
    world.vpn_gateway("vpc-a");
    assert_eq!(world.rows.keys().filter(|(kind, _)| kind == "vpc").count(), 1);
    let refusal = world.refusal("DeleteVpc", &[("VpcId", "vpc-a")]);
    assert_eq!(refusal.code(), "DependencyViolation.Instance");
    assert!(refusal.recommend().contains(&gateway), "{}", refusal.recommend());
    let elsewhere = [("RegionId", OTHER_REGION), ("VpcId", "vpc-a"), ("Bandwidth", "100")];
    assert_eq!(world.refusal("CreateVpnGateway", &elsewhere).code(), "InvalidVpcId");
    assert_eq!(world.restored(), world.state);
}

#[test]
fn networks_that_cannot_be_are_refused() {
    let mut world = World::new();
    for (name, value, code) in [
        ("CidrBlock", "10.0.0.0/7", "InvalidCidrBlock"),
        ("CidrBlock", "10.0.0.0/29", "InvalidCidrBlock"),
        ("CidrBlock", "10.0.0.1/24", "InvalidCidrBlock"),
        ("CidrBlock", "100.64.1.0/24", "InvalidCidrBlock"),
        ("EnableIpv6", "true", "InvalidEnableIpv6"),
        ("VpcName", "http://x", "InvalidVpcName"),
    ] {
        assert_eq!(world.refusal("CreateVpc", &[(name, value)]).code(), code, "{name}={value}");
    }
    let id = vpc(&mut world, "10.0.0.0/16");
    v_switch(&mut world, &id, "10.0.1.0/24");
    for (block, zone, code) in [
        ("10.1.0.0/24", "eu-central-1-a", "InvalidCidrBlock"),
        ("10.0.0.0/30", "eu-central-1-a", "InvalidCidrBlock"),
        ("10.0.1.128/25", "eu-central-1-a", "InvalidCidrBlock.Overlapped"),
        ("10.0.0.0/16", "eu-central-1-a", "InvalidCidrBlock.Overlapped"),
        ("10.0.2.0/24", "eu-central-1-b", "InvalidZoneId"),
    ] {
        let asked = [("VpcId", id.as_str()), ("CidrBlock", block), ("ZoneId", zone)];
        assert_eq!(world.refusal(CREATE_V_SWITCH, &asked).code(), code, "{block}");
    }
    let away = [("VpcId", id.as_str()), ("CidrBlock", "10.1.0.0/16")];
    assert_eq!(world.refusal("ModifyVpcAttribute", &away).code(), "InvalidCidrBlock");
    let wider = [("VpcId", id.as_str()), ("CidrBlock", "10.0.0.0/8")];
    world.call("ModifyVpcAttribute", &wider).unwrap();
    v_switch(&mut world, &id, "10.1.0.0/24");
}

#[test]
fn every_filter_of_the_lists_filters() {
    let mut world = configured();
    let named = [("CidrBlock", "10.0.0.0/8"), ("VpcName", "office"), ("ResourceGroupId", "rg-a")];
    let office = text(&world.call("CreateVpc", &named).unwrap()["VpcId"]);
    let other = vpc(&mut world, "192.168.0.0/16");
    let both = format!("{office},{other}");
    for (pairs, expected) in [
        (&[("VpcId", both.as_str())][..], vec![office.as_str(), &other]),
        (&[("VpcId", "no id")], vec![]),
        (&[("VpcName", "office")], vec![&office]),
        (&[("ResourceGroupId", "rg-a")], vec![&office]),
        (&[("IsDefault", "true")], vec![]),
        (&[("PageSize", "2"), ("PageNumber", "2")], vec![&other]),
        (&[("Tag.1.Key", "env")], vec![]),
    ] {
        assert_eq!(ids(&mut world, pairs), expected, "{pairs:?}");
    }
    let switch = v_switch(&mut world, &office, "10.1.0.0/24");
    for (pairs, total) in [
        (&[][..], 2),
        (&[("VpcId", office.as_str())], 1),
        (&[("VSwitchId", switch.as_str())], 1),
        (&[("ZoneId", "eu-central-1-b")], 0),
        (&[("IsDefault", "true")], 0),
        (&[("VSwitchName", "x")], 0),
        (&[("RouteTableId", "vtb-lan")], 1),
        (&[("RegionId", OTHER_REGION)], 0),
    ] {
        let answer = world.call("DescribeVSwitches", pairs).unwrap();
        assert_eq!(answer["TotalCount"], total, "{pairs:?}");
    }
}
