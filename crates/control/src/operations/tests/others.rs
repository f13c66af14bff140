//! Regions, identities and logs.

use serde_json::{Value, json};

use crate::account::Caller;
use crate::observed::{Level, LogEntry, LogLine};
use crate::ram_user::RamUser;
use crate::record::{Change, Record};
use crate::testing::{ACCOUNT, World, role_session};

#[test]
fn the_regions_are_those_of_the_configuration_behind_one_endpoint() {
    let answer = World::new().call("DescribeRegions", &[("AcceptLanguage", "en-US")]).unwrap();
    let region = |id: &str| json!({ "LocalName": id, "RegionEndpoint": "127.0.0.1:8686", "RegionId": id });
    assert_eq!(answer["Regions"]["Region"], json!([region("eu-central-1"), region("ap-southeast-2")]));
}

#[test]
fn who_calls_is_told_in_the_words_of_the_service() {
    let mut world = World::new();
    let root = world.call("GetCallerIdentity", &[]).unwrap();
    assert_eq!(
        root,
        json!({
            "AccountId": ACCOUNT,
            "Arn": format!("acs:ram::{ACCOUNT}:root"),
            "IdentityType": "Account",
            "PrincipalId": ACCOUNT,
            "RequestId": root["RequestId"],
            "UserId": ACCOUNT,
        })
    );
    let user = RamUser::new("alice".to_owned(), "2".repeat(18), 0);
    world.commit(&[Change::Put(Record::RamUser(user.clone()))]);
    world.caller = Caller::RamUser { name: "alice".to_owned() };
    let alice = world.call("GetCallerIdentity", &[]).unwrap();
    assert_eq!(alice["IdentityType"], "RAMUser");
    assert_eq!(alice["Arn"], format!("acs:ram::{ACCOUNT}:user/alice"));
    assert_eq!((&alice["UserId"], &alice["PrincipalId"]), (&json!(user.user_id), &json!(user.user_id)));
    world.caller = role_session("admin", "mine");
    let role = world.call("GetCallerIdentity", &[]).unwrap();
    assert_eq!(role["IdentityType"], "AssumedRoleUser");
    assert_eq!(role["Arn"], format!("acs:ram::{ACCOUNT}:assumed-role/admin/mine"));
    assert_eq!((&role["RoleId"], role.get("UserId")), (&json!("admin"), None));
}

fn logs(world: &mut World, connection: &str, more: &[(&str, &str)]) -> Value {
    let mut parameters = vec![("VpnConnectionId", connection)];
    parameters.extend(more);
    world.call("DescribeVpnConnectionLogs", &parameters).unwrap()
}

#[test]
fn a_log_is_paged_by_time() {
    let (mut world, connection) = World::with_connection();
    let id = connection.parse().unwrap();
    let tunnel = world.state.vpn_connection(&id).unwrap().tunnels[0].id.clone();
    for minute in 0..30 {
        let line = LogLine {
            connection: id.clone(),
            tunnel: (minute % 2 == 0).then(|| tunnel.clone()),
            level: Level::Info,
            text: format!("minute {minute}"),
        };
        world.lines.0.push(LogEntry { at_ms: 1_700_000_000_000 + minute * 60_000, line });
    }
    world.now_ms = 1_700_000_000_000 + 30 * 60_000 - 1;
    let recent = logs(&mut world, &connection, &[("MinutePeriod", "5")]);
    assert_eq!((&recent["Count"], &recent["IsCompleted"]), (&json!(5), &json!(true)));
    assert_eq!(recent["Data"]["Logs"][4], "2023-11-14T22:42:20Z INFO minute 29");
    let all = [("From", "1700000000"), ("To", "1700003600")];
    let first = logs(&mut world, &connection, &all);
    assert_eq!((&first["Count"], first["Data"]["Logs"].as_array().unwrap().len()), (&json!(30), 10));
    assert_eq!(first["Data"]["Logs"][0], format!("2023-11-14T22:13:20Z INFO {tunnel} minute 0"));
    let last = logs(&mut world, &connection, &[all[0], all[1], ("PageNumber", "3")]);
    assert!(last["Data"]["Logs"][9].as_str().unwrap().ends_with("minute 29"));
    let from = logs(&mut world, &connection, &[("From", "1700000000"), ("MinutePeriod", "2")]);
    assert_eq!(from["Count"], 3);
    let until = logs(&mut world, &connection, &[("To", "1700000120"), ("MinutePeriod", "1")]);
    assert_eq!(until["Count"], 1);
    let of_tunnel = logs(&mut world, &connection, &[all[0], all[1], ("TunnelId", tunnel.as_str())]);
    assert_eq!(of_tunnel["Count"], 15);
}

#[test]
fn a_log_that_cannot_be_is_refused() {
    let (mut world, connection) = World::with_connection();
    let id = ("VpnConnectionId", connection.as_str());
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("VpnConnectionId", "vco-nothing")], "InvalidVpnConnectionInstanceId.NotFound"),
        (&[id, ("MinutePeriod", "11")], "InvalidMinutePeriod"),
        (&[id, ("From", "soon")], "InvalidFrom"),
        (&[id, ("From", "1700000002"), ("To", "1700000000")], "InvalidFrom"),
        (&[id, ("TunnelId", "tun-another")], "InvalidTunnelId"),
        (&[id, ("PageSize", "51")], "InvalidPageSize"),
    ];
    for (parameters, code) in cases {
        assert_eq!(world.refusal("DescribeVpnConnectionLogs", parameters).code(), *code, "{parameters:?}");
    }
    assert_eq!(logs(&mut world, &connection, &[])["Data"], json!({ "Logs": [] }));
}

#[test]
fn a_region_has_one_zone() {
    let mut world = World::new();
    let answer = world.call("DescribeZones", &[("AcceptLanguage", "ja")]).unwrap();
    let zone =
        json!({ "LocalName": "eu-central-1-a", "ZoneId": "eu-central-1-a", "ZoneType": "AvailabilityZone" });
    assert_eq!(answer["Zones"]["Zone"], json!([zone]));
    let others = world.call("DescribeZones", &[("ZoneType", "LocalZone")]).unwrap();
    assert_eq!(others["Zones"]["Zone"], json!([]));
    assert_eq!(world.refusal("DescribeZones", &[("RegionId", "mars")]).code(), "InvalidRegionId.NotFound");
}

#[test]
fn bgp_is_said_not_to_run() {
    let answer = World::new().call("CheckVpnBgpEnabled", &[]).unwrap();
    assert_eq!(answer["BgpEnabled"], false);
}

#[test]
fn no_other_account_may_attach_a_connection() {
    let (mut world, connection) = World::with_connection();
    let id = ("VpnConnectionId", connection.as_str());
    let answer =
        world.call("DescribeVpnCrossAccountAuthorizations", &[id, ("PageNumber", "2"), ("PageSize", "50")]);
    let expected = json!({
        "CrossAccountAuthorizations": [],
        "PageNumber": 2,
        "PageSize": 50,
        "TotalCount": 0,
        "RequestId": answer.as_ref().unwrap()["RequestId"],
    });
    assert_eq!(answer.unwrap(), expected);
    let refusal =
        world.refusal("DescribeVpnCrossAccountAuthorizations", &[("VpnConnectionId", "vco-nothing")]);
    assert_eq!(refusal.code(), "InvalidVpnConnectionInstanceId.NotFound");
}

#[test]
fn a_resource_moves_to_another_group_and_stays_in_force() {
    let (mut world, connection) = World::with_connection();
    let gateway = world.customer_gateway("198.51.100.8");
    for (kind, id) in [("VPNATTACHMENT", &connection), ("CustomerGateway", &gateway)] {
        let parameters = [("ResourceType", kind), ("InstanceId", id), ("NewResourceGroupId", "rg-new")];
        world.call("MoveVpnResourceGroup", &parameters).unwrap();
    }
    let shown = world.call("DescribeVpnConnection", &[("VpnConnectionId", &connection)]).unwrap();
    assert_eq!((&shown["ResourceGroupId"], &shown["State"]), (&json!("rg-new"), &json!("attached")));
    let shown = world.call("DescribeCustomerGateway", &[("CustomerGatewayId", &gateway)]).unwrap();
    assert_eq!(shown["ResourceGroupId"], "rg-new");
}

#[test]
fn what_cannot_be_moved_is_refused() {
    let (mut world, connection) = World::with_connection();
    let cases = [
        ("VpnGateway", "vpn-nothing", "rg-new", "InvalidResourceId.NotFound"),
        ("CustomerGateway", connection.as_str(), "rg-new", "InvalidResourceId.NotFound"),
        ("VpnAttachment", "vco-nothing", "rg-new", "InvalidResourceId.NotFound"),
        ("Teapot", connection.as_str(), "rg-new", "InvalidResourceType"),
        ("VpnAttachment", connection.as_str(), "", "MissingNewResourceGroupId"),
        ("VpnAttachment", connection.as_str(), "rg new", "InvalidNewResourceGroupId"),
    ];
    for (kind, id, group, code) in cases {
        let parameters = [("ResourceType", kind), ("InstanceId", id), ("NewResourceGroupId", group)];
        assert_eq!(world.refusal("MoveVpnResourceGroup", &parameters).code(), code, "{parameters:?}");
    }
}
