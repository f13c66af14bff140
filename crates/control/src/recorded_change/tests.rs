//! What is recorded of a change, who is shown it, and that its inverse undoes it.

mod access;
mod sequences;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::record::{Change, Record};
use crate::testing::{ACCOUNT, Pairs, REGION, World};

/// Calls, and answers the id of the request.
fn request(world: &mut World, action: &str, parameters: Pairs<'_>) -> String {
    let answer = world.call(action, parameters).unwrap();
    world.settle();
    answer["RequestId"].as_str().unwrap().to_owned()
}

fn revert(world: &mut World, change: &str) -> String {
    request(world, "RevertChange", &[("ChangeRequestId", change)])
}

/// With which code and detail a change is not reverted.
fn refused(world: &mut World, change: &str) -> (String, String) {
    let before = world.state.clone();
    let refusal = world.refusal("RevertChange", &[("ChangeRequestId", change)]);
    assert_eq!(world.state, before);
    (refusal.code().into_owned(), refusal.detail.map(String::from).unwrap_or_default())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn list(world: &mut World, parameters: Pairs<'_>) -> Vec<Value> {
    world.call("ListChanges", parameters).unwrap()["Changes"].as_array().unwrap().clone()
}

fn route<'a>(connection: &'a str, dest: &'a str) -> [(&'a str, &'a str); 4] {
    [("VpnConnectionId", connection), ("RouteDest", dest), ("NextHop", connection), ("Weight", "100")]
}

/// What is stored, without the record of what happened and without what every write sets.
fn rows(world: &World) -> Vec<(String, String, Value)> {
    let rows = world.rows.iter().map(|((kind, id), json)| (kind.clone(), id.clone(), json.clone()));
    let kept =
        rows.filter(|(kind, ..)| ![Record::RECORDED_CHANGE, Record::CLIENT_TOKEN].contains(&kind.as_str()));
    kept.map(|(kind, id, json)| {
        let mut value: Value = serde_json::from_slice(&json).unwrap();
        for (_, pointer) in super::difference::SET_BY_EVERY_WRITE.iter().filter(|(of, _)| *of == kind) {
            if let Some(member) = value.pointer_mut(pointer) {
                *member = 0.into();
            }
        }
        (kind, id, value)
    })
    .collect()
}

#[test]
fn a_change_is_recorded_in_its_own_commit_with_who_when_and_the_values() {
    let (mut world, connection) = World::with_connection();
    let named = request(
        &mut world,
        "ModifyVpnAttachmentAttribute",
        &[("VpnConnectionId", &connection), ("Name", "office")],
    );
    let at = causeway_wire::format_timestamp(world.now_ms);
    assert_eq!(world.state, world.restored());
    let listed = list(&mut world, &[("ChangeRequestId", &named)]);
    let expected = json!([{
        "Action": "ModifyVpnAttachmentAttribute",
        "Caller": ACCOUNT,
        "CallerType": "Account",
        "ChangeRequestId": named,
        "CreateTime": at,
        "ResourceCount": 1,
        "Resources": [{
            "Effect": "modified",
            "Members": [{ "Name": "Name", "Before": "", "After": "office" }],
            "RegionId": REGION,
            "ResourceId": connection,
            "ResourceType": "vpn-connection",
        }],
        "SourceIp": "127.0.0.1",
    }]);
    assert_eq!(Value::from(listed), expected);
}

#[test]
fn what_changes_nothing_is_no_change_and_a_route_does_not_drag_its_connection_along() {
    let (mut world, connection) = World::with_connection();
    let same = [("VpnConnectionId", connection.as_str()), ("ClientToken", "t")];
    world.call("ModifyVpnAttachmentAttribute", &same).unwrap();
    let count = world.state.recorded_change_count();
    assert_eq!(count, 2);
    let added = request(&mut world, "CreateVcoRouteEntry", &route(&connection, "192.168.10.0/24"));
    let change = world.state.recorded_change(&added.parse().unwrap()).unwrap();
    let kinds: Vec<&str> = change.touched.iter().map(|touched| touched.kind.as_str()).collect();
    assert_eq!(kinds, [Record::VCO_ROUTE_ENTRY]);
}

#[test]
fn a_secret_is_told_as_changed_and_never_shown() {
    let (mut world, connection) = World::with_connection();
    let psk = ("TunnelOptionsSpecification.1.TunnelIkeConfig.Psk", "another-key-of-mine");
    let changed = request(
        &mut world,
        "ModifyVpnAttachmentAttribute",
        &[("VpnConnectionId", &connection), ("TunnelOptionsSpecification.1.TunnelIndex", "1"), psk],
    );
    let listed = list(&mut world, &[("ChangeRequestId", &changed)]);
    assert_eq!(
        listed[0]["Resources"][0]["Members"],
        json!([{ "Name": "Tunnels.1.Ike.Psk", "Secret": "changed" }])
    );
    let keys: Vec<String> = {
        let id = connection.parse().unwrap();
        let tunnels = &world.state.vpn_connection(&id).unwrap().tunnels;
        tunnels.iter().map(|tunnel| tunnel.ike.psk.expose().to_owned()).collect()
    };
    let everything = Value::from(list(&mut world, &[])).to_string();
    assert!(keys.iter().all(|key| !everything.contains(key.as_str())), "{everything}");
    assert!(everything.contains("Tunnels.2.Ike.Psk"));
}

#[test]
fn filters_show_what_is_asked_for() {
    let (mut world, connection) = World::with_connection();
    let before = causeway_wire::format_timestamp(world.now_ms + 1_000);
    world.now_ms += 5_000;
    let added = request(&mut world, "CreateVcoRouteEntry", &route(&connection, "192.168.10.0/24"));
    world.call("CreateUser", &[("UserName", "bob")]).unwrap();
    let ids = |listed: Vec<Value>| -> Vec<String> {
        listed.iter().map(|it| it["Action"].as_str().unwrap().to_owned()).collect()
    };
    let made = ["CreateVpnAttachment", "CreateCustomerGateway"];
    let all = ids(list(&mut world, &[("RegionId", "")]));
    assert_eq!(all, ["CreateUser", "CreateVcoRouteEntry", made[0], made[1]]);
    let of_connection = list(&mut world, &[("ResourceId", &connection)]);
    assert_eq!(ids(of_connection), ["CreateVcoRouteEntry", made[0]]);
    assert_eq!(ids(list(&mut world, &[("ChangeRequestId", &added)])), ["CreateVcoRouteEntry"]);
    assert_eq!(ids(list(&mut world, &[("ChangeAction", "CreateUser"), ("RegionId", "")])), ["CreateUser"]);
    assert_eq!(ids(list(&mut world, &[("EndTime", &before)])), made);
    assert_eq!(ids(list(&mut world, &[("StartTime", &before)])), ["CreateVcoRouteEntry"]);
    assert_eq!(list(&mut world, &[("Caller", "nobody")]).len(), 0);
    assert_eq!(list(&mut world, &[("Caller", ACCOUNT), ("RegionId", "")]).len(), 4);
    assert_eq!(list(&mut world, &[("RegionId", "ap-southeast-2")]).len(), 0);
    assert_eq!(world.refusal("ListChanges", &[("StartTime", "yesterday")]).code(), "InvalidStartTime");
    assert_eq!(world.refusal("ListChanges", &[("NextToken", "x")]).code(), "InvalidNextToken");
}

#[test]
fn pages_stay_what_they_are_while_others_change_things() {
    let (mut world, connection) = World::with_connection();
    for number in 0..5 {
        request(&mut world, "CreateVcoRouteEntry", &route(&connection, &format!("10.{number}.0.0/16")));
    }
    let all: Vec<Value> = list(&mut world, &[]).iter().map(|it| it["ChangeRequestId"].clone()).collect();
    let (mut together, mut token) = (Vec::new(), String::new());
    loop {
        let answer = world.call("ListChanges", &[("MaxResults", "2"), ("NextToken", &token)]).unwrap();
        together.extend(answer["Changes"].as_array().unwrap().iter().map(|it| it["ChangeRequestId"].clone()));
        request(&mut world, "CreateCustomerGateway", &[("IpAddress", &format!("5.5.5.{}", together.len()))]);
        match answer["NextToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(together, all);
}

#[test]
fn the_oldest_are_forgotten_by_count_by_age_and_by_size_in_the_same_commits() {
    let (mut world, connection) = World::with_connection();
    world.settings.recorded_changes_max = 3;
    for number in 0..5 {
        request(&mut world, "CreateVcoRouteEntry", &route(&connection, &format!("10.{number}.0.0/16")));
    }
    assert_eq!(world.state.recorded_change_count(), 3);
    assert_eq!(world.state, world.restored());
    world.now_ms += world.settings.recorded_change_age_ms_max + 1;
    request(&mut world, "CreateVcoRouteEntry", &route(&connection, "10.9.0.0/16"));
    assert_eq!(world.state.recorded_change_count(), 1);
    world.settings.recorded_changes_max = 1_000;
    world.settings.recorded_bytes_max = world.state.recorded_bytes() * 2;
    for number in 0..9 {
        request(&mut world, "CreateVcoRouteEntry", &route(&connection, &format!("10.2{number}.0.0/16")));
        assert!(world.state.recorded_bytes() <= world.settings.recorded_bytes_max);
    }
    world.settings.recorded_bytes_max = 1;
    request(&mut world, "DeleteVpnAttachment", &[("VpnConnectionId", &connection)]);
    assert_eq!(world.state.recorded_change_count(), 1);
    assert_eq!(world.state, world.restored());
    world.settings.recorded_changes_max = 0;
    request(&mut world, "CreateCustomerGateway", &[("IpAddress", "5.5.5.5")]);
    assert_eq!(list(&mut world, &[]).len(), 1);
}

#[test]
fn many_are_forgotten_several_at_a_time() {
    let (mut world, connection) = World::with_connection();
    world.settings.recorded_changes_max = 200;
    let mut counts = Vec::new();
    for action in ["CreateVcoRouteEntry", "DeleteVcoRouteEntry"].iter().cycle().take(250) {
        request(&mut world, action, &route(&connection, "10.0.0.0/24"));
        counts.push(world.state.recorded_change_count());
    }
    let full = counts.iter().position(|count| *count == 200).expect("so many requests");
    // Two are one of a hundred.
    let each: BTreeSet<_> = counts[full..].iter().copied().collect();
    assert_eq!(each, BTreeSet::from([199, 200]));
    assert_eq!(world.state, world.restored());
}

#[test]
fn a_deleted_connection_comes_back_with_its_id_its_routes_and_its_keys() {
    let (mut world, connection) = World::with_connection();
    for number in 0..4 {
        request(&mut world, "CreateVcoRouteEntry", &route(&connection, &format!("10.{number}.0.0/16")));
    }
    let before = rows(&world);
    let deleted = request(&mut world, "DeleteVpnAttachment", &[("VpnConnectionId", &connection)]);
    assert!(rows(&world).len() < before.len());
    world.call("RevertChange", &[("ChangeRequestId", &deleted)]).unwrap();
    assert_eq!(world.connection_state(&connection), "attaching");
    world.settle();
    assert_eq!(world.connection_state(&connection), "attached");
    assert_eq!(rows(&world), before);
    assert_eq!(world.state, world.restored());
}

#[test]
fn a_revert_is_a_change_and_can_be_reverted() {
    let (mut world, connection) = World::with_connection();
    let added = request(&mut world, "CreateVcoRouteEntry", &route(&connection, "192.168.10.0/24"));
    let with_route = rows(&world);
    let reverted = revert(&mut world, &added);
    assert_eq!(world.state.vco_route_count(&connection.parse().unwrap()), 0);
    let again = revert(&mut world, &reverted);
    assert_eq!(rows(&world), with_route);
    assert_eq!(refused(&mut world, &reverted).0, "ConflictingChange");
    revert(&mut world, &again);
    assert_eq!(world.state.vco_route_count(&connection.parse().unwrap()), 0);
}

#[test]
fn a_changed_key_is_restored_and_its_connection_is_updating_meanwhile() {
    let (mut world, connection) = World::with_connection();
    let before = rows(&world);
    let psk = ("TunnelOptionsSpecification.1.TunnelIkeConfig.Psk", "another-key-of-mine");
    let changed = request(
        &mut world,
        "ModifyVpnAttachmentAttribute",
        &[("VpnConnectionId", &connection), ("TunnelOptionsSpecification.1.TunnelIndex", "2"), psk],
    );
    assert_ne!(rows(&world), before);
    world.call("RevertChange", &[("ChangeRequestId", &changed)]).unwrap();
    assert_eq!(world.connection_state(&connection), "updating");
    assert_eq!(rows(&world), before);
}

#[test]
fn what_was_changed_since_is_named_and_what_was_changed_beside_it_stays() {
    let (mut world, connection) = World::with_connection();
    let named = |world: &mut World, name: &str| {
        let parameters = [("VpnConnectionId", connection.as_str()), ("Name", name)];
        request(world, "ModifyVpnAttachmentAttribute", &parameters)
    };
    let first = named(&mut world, "one");
    let dpd = [("VpnConnectionId", connection.as_str()), ("EnableDpd", "false")];
    request(&mut world, "ModifyVpnAttachmentAttribute", &dpd);
    revert(&mut world, &first);
    let stored = world.state.vpn_connection(&connection.parse().unwrap()).unwrap();
    assert_eq!((stored.name.as_str(), stored.tunnels[0].enable_dpd), ("", false));
    let second = named(&mut world, "two");
    let third = named(&mut world, "three");
    let (code, detail) = refused(&mut world, &second);
    assert_eq!(code, "ConflictingChange");
    let expected = format!(
        "Name of vpn-connection {connection} is \"three\" now, and the change left \"two\". The latest change of it is {third} (ModifyVpnAttachmentAttribute)."
    );
    assert_eq!(detail, expected);
}

#[test]
fn vpcs_and_v_switches_come_and_go_with_a_revert_unless_something_is_in_them() {
    let mut world = World::new();
    let made = request(&mut world, "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]);
    let vpcs = world.call("DescribeVpcs", &[]).unwrap();
    let vpc = vpcs["Vpcs"]["Vpc"][0]["VpcId"].as_str().unwrap().to_owned();
    let switch = |block| [("VpcId", vpc.as_str()), ("CidrBlock", block), ("ZoneId", "eu-central-1-a")];
    let first = request(&mut world, "CreateVSwitch", &switch("10.0.1.0/24"));
    assert_eq!(refused(&mut world, &made).0, "DependencyViolation.VSwitch");
    let gone = revert(&mut world, &first);
    request(&mut world, "CreateVSwitch", &switch("10.0.0.0/20"));
    assert_eq!(refused(&mut world, &gone).0, "InvalidCidrBlock.Overlapped");
    // A gateway takes the VPC that it brought along with it, unless another one is in it.
    let gateway = [("VpcId", "vpc-new"), ("Bandwidth", "100")];
    let one = request(&mut world, "CreateVpnGateway", &gateway);
    let other = request(&mut world, "CreateVpnGateway", &gateway);
    assert_eq!(refused(&mut world, &one).0, "DependencyViolation.Instance");
    revert(&mut world, &other);
    revert(&mut world, &one);
    assert!(!world.rows.keys().any(|(_, id)| id == "vpc-new"));
    assert_eq!(world.restored(), world.state);
}

#[test]
fn a_change_on_which_others_build_is_not_reverted() {
    let mut world = World::new();
    let gateway = request(&mut world, "CreateCustomerGateway", &[("IpAddress", "198.51.100.7")]);
    let id = world.state.customer_gateways(&REGION.parse().unwrap()).next().unwrap().id.to_string();
    let connection = world.two_tunnels(&id);
    world.settle();
    assert_eq!(refused(&mut world, &gateway).0, "DependencyViolation.VpnConnection");
    let made = list(&mut world, &[("ChangeAction", "CreateVpnAttachment")])[0]["ChangeRequestId"].clone();
    request(&mut world, "CreateVcoRouteEntry", &route(&connection, "192.168.10.0/24"));
    let (code, detail) = refused(&mut world, made.as_str().unwrap());
    assert_eq!(code, "ConflictingChange");
    assert!(detail.contains("1 routes that the change did not make"), "{detail}");
    let deleted = request(&mut world, "DeleteVpnAttachment", &[("VpnConnectionId", &connection)]);
    request(&mut world, "DeleteCustomerGateway", &[("CustomerGatewayId", &id)]);
    assert_eq!(refused(&mut world, &deleted).0, "InvalidCustomerGatewayInstanceId.NotFound");
    let gone = list(&mut world, &[("ChangeAction", "DeleteCustomerGateway")])[0]["ChangeRequestId"].clone();
    request(&mut world, "CreateCustomerGateway", &[("IpAddress", "198.51.100.7")]);
    assert_eq!(refused(&mut world, gone.as_str().unwrap()).0, "InvalidIpAddress.AlreadyExist");
    let nothing = "00000000-0000-4000-8000-0000000000FF";
    assert_eq!(refused(&mut world, nothing).0, "InvalidChangeRequestId.NotFound");
    assert_eq!(refused(&mut world, "nonsense").0, "InvalidChangeRequestId.NotFound");
}

#[test]
fn quotas_and_a_connection_that_is_updating_hold_for_a_revert_too() {
    let (mut world, connection) = World::with_connection();
    let added = request(&mut world, "CreateVcoRouteEntry", &route(&connection, "10.1.0.0/16"));
    let removed = request(&mut world, "DeleteVcoRouteEntry", &route(&connection, "10.1.0.0/16"));
    world.call("CreateVcoRouteEntry", &route(&connection, "10.2.0.0/16")).unwrap();
    let refusal = world.refusal("RevertChange", &[("ChangeRequestId", &removed)]);
    assert_eq!(refusal.code(), "VpnConnection.Configuring");
    assert_eq!(refusal.busy.map(|busy| busy.as_str().to_owned()), Some(connection.clone()));
    world.settle();
    world.settings.vco_routes_per_connection_max = 1;
    assert_eq!(refused(&mut world, &removed).0, "Resource.QuotaFull");
    assert_eq!(refused(&mut world, &added).0, "ConflictingChange");
    world.settings.vco_routes_per_connection_max = 2;
    revert(&mut world, &removed);
    let deleted = request(&mut world, "DeleteVpnAttachment", &[("VpnConnectionId", &connection)]);
    world.settings.vpn_connections_per_region_max = 0;
    assert_eq!(refused(&mut world, &deleted).0, "Resource.QuotaFull");
}

#[test]
fn a_dry_run_says_what_would_be_and_a_token_reverts_once() {
    let (mut world, connection) = World::with_connection();
    let added = request(&mut world, "CreateVcoRouteEntry", &route(&connection, "192.168.10.0/24"));
    let dry = [("ChangeRequestId", added.as_str()), ("DryRun", "true")];
    let told = world.refusal("RevertChange", &dry);
    assert_eq!(told.code(), "DryRunOperation");
    assert!(told.recommend().contains("192.168.10.0/24 would lose its route"), "{}", told.recommend());
    let once = [("ChangeRequestId", added.as_str()), ("ClientToken", "t")];
    let first = world.call("RevertChange", &once).unwrap();
    let revision = world.state.revision();
    assert_eq!(world.call("RevertChange", &once).unwrap(), first);
    assert_eq!(world.state.revision(), revision);
}

#[test]
fn an_access_key_that_was_deleted_does_not_come_back() {
    let mut world = World::new();
    world.call("CreateUser", &[("UserName", "bob")]).unwrap();
    let made = world.call("CreateAccessKey", &[("UserName", "bob")]).unwrap();
    let key = made["AccessKey"]["AccessKeyId"].as_str().unwrap();
    let named = [("UserName", "bob"), ("UserAccessKeyId", key)];
    let off = request(&mut world, "UpdateAccessKey", &[named[0], named[1], ("Status", "Inactive")]);
    let before = rows(&world);
    let on = revert(&mut world, &off);
    revert(&mut world, &on);
    assert_eq!(rows(&world), before);
    let deleted = request(&mut world, "DeleteAccessKey", &named);
    assert_eq!(refused(&mut world, &deleted).0, "OperationUnsupported.RevertChange");
    let secret = made["AccessKey"]["AccessKeySecret"].as_str().unwrap();
    let kept = world.rows.iter().filter(|((kind, _), _)| kind == Record::RECORDED_CHANGE);
    assert!(kept.into_iter().all(|(_, json)| !String::from_utf8_lossy(json).contains(secret)));
}

/// A world with a VPN gateway and a connection of it, both in force.
fn with_vpn_gateway() -> (World, String, String) {
    let mut world = World::new();
    let (gateway, peer) = (world.vpn_gateway("vpc-a"), world.customer_gateway("198.51.100.7"));
    world.settle();
    let parameters = [
        ("VpnGatewayId", gateway.as_str()),
        ("CustomerGatewayId", peer.as_str()),
        ("LocalSubnet", "10.1.0.0/16"),
        ("RemoteSubnet", "10.2.0.0/16"),
    ];
    let connection = text(&world.call("CreateVpnConnection", &parameters).unwrap()["VpnConnectionId"]);
    world.settle();
    (world, gateway, connection)
}

#[test]
fn a_connection_does_not_come_back_to_a_vpn_gateway_that_is_being_deleted() {
    let (mut world, gateway, connection) = with_vpn_gateway();
    let deleted = request(&mut world, "DeleteVpnConnection", &[("VpnConnectionId", &connection)]);
    world.call("DeleteVpnGateway", &[("VpnGatewayId", &gateway)]).unwrap();
    assert_eq!(refused(&mut world, &deleted).0, "InvalidVpnGatewayInstanceId.NotFound");
}

#[test]
fn the_changes_of_a_vpn_gateway_and_of_its_connection_are_listed_with_their_routes() {
    let (mut world, gateway, connection) = with_vpn_gateway();
    let route = [
        ("VpnGatewayId", gateway.as_str()),
        ("NextHop", connection.as_str()),
        ("RouteDest", "10.3.0.0/16"),
        ("Weight", "100"),
        ("PublishVpc", "true"),
    ];
    let added = request(&mut world, "CreateVpnRouteEntry", &route);
    for resource in [gateway.as_str(), connection.as_str()] {
        let listed = list(&mut world, &[("ResourceId", resource)]);
        assert_eq!(listed[0]["ChangeRequestId"], added, "{resource}");
        assert_eq!(listed[0]["Resources"][0]["ResourceType"], "vpn-route-entry");
    }
}

#[test]
fn a_connection_with_thousands_of_routes_comes_back_in_no_time() {
    let (mut world, connection) = World::with_connection();
    world.settings.vco_routes_per_connection_max = 5_000;
    world.commit(&many_routes(&connection, 5_000));
    let before = rows(&world);
    let deleted = request(&mut world, "DeleteVpnAttachment", &[("VpnConnectionId", &connection)]);
    let began = std::time::Instant::now();
    revert(&mut world, &deleted);
    // A few hundred milliseconds without optimisation; what is compared each with each takes minutes.
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(rows(&world), before);
}

fn many_routes(connection: &str, count: u32) -> Vec<Change> {
    let id: crate::ids::VpnConnectionId = connection.parse().unwrap();
    let routes = (0..count).map(|number| {
        let dest = ipnet::Ipv4Net::new((10 << 24 | number << 6).into(), 26).unwrap();
        Change::Put(Record::VcoRouteEntry(crate::resource::vco_route_entry::VcoRouteEntry {
            vpn_connection_id: id.clone(),
            route_dest: dest,
            weight: crate::fields::Weight::LOW,
            description: String::new(),
            created_ms: 1,
        }))
    });
    routes.collect()
}

#[test]
fn with_a_hundred_thousand_routes_a_change_records_only_itself() {
    let (mut world, connection) = World::with_connection();
    world.settings.vco_routes_per_connection_max = 100_001;
    world.state.apply(&many_routes(&connection, 100_000));
    let before = world.state.recorded_bytes();
    request(&mut world, "CreateVcoRouteEntry", &route(&connection, "192.168.10.0/24"));
    let added = world.state.recorded_bytes() - before;
    assert!(added < 1_000, "{added}");
}
