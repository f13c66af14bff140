use serde_json::{Value, json};

use crate::account::Caller;
use crate::observed::{Level, LogEntry, LogLine};
use crate::ram_user::RamUser;
use crate::record::{Change, Record};
use crate::testing::{ACCOUNT, World};

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
    world.caller = Caller::RoleSession { role: "admin".to_owned(), session: "mine".to_owned() };
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
