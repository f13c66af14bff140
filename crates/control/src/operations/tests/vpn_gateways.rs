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
    let elsewhere = [("RegionId", OTHER_REGION), ("VpcId", "vpc-a"), ("Bandwidth", "100")];
    world.call("CreateVpnGateway", &elsewhere).unwrap();
}
