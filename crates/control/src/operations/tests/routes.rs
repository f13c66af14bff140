//! VCO routes: the page of each operation, rule by rule.

use serde_json::{Value, json};

use crate::account::Caller;
use crate::core::Outcome;
use crate::observed::Level;
use crate::testing::{OTHER_REGION, World, role_session};

const CREATE: &str = "CreateVcoRouteEntry";
const DELETE: &str = "DeleteVcoRouteEntry";
const MODIFY: &str = "ModifyVcoRouteEntryWeight";

/// A connection with a route to 192.168.10.0/24 of weight 100, in force.
fn with_route() -> (World, String) {
    let (mut world, connection) = World::with_connection();
    world.route(CREATE, &connection, "192.168.10.0/24", "100").unwrap();
    world.settle();
    (world, connection)
}

fn listed(world: &mut World, connection: &str) -> Vec<(String, u64)> {
    let answer =
        world.call("DescribeVcoRouteEntries", &[("VpnConnectionId", connection), ("PageSize", "50")]);
    let routes = answer.unwrap()["VcoRouteEntries"].as_array().unwrap().clone();
    let route =
        |route: &Value| (route["RouteDest"].as_str().unwrap().to_owned(), route["Weight"].as_u64().unwrap());
    routes.iter().map(route).collect()
}

#[test]
fn a_deleted_route_is_gone_at_once_and_the_connection_updating_until_the_gateway_has_caught_up() {
    let (mut world, connection) = with_route();
    assert_eq!(world.connection_state(&connection), "attached");
    let answer = world.route(DELETE, &connection, "192.168.10.0/24", "100").unwrap();
    assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), ["RequestId"]);
    assert_eq!(listed(&mut world, &connection), []);
    assert_eq!(world.connection_state(&connection), "updating");
    world.settle();
    assert_eq!(world.connection_state(&connection), "attached");
}

#[test]
fn a_route_with_the_other_weight_only_is_a_conflict() {
    let (mut world, connection) = with_route();
    for action in [DELETE, MODIFY] {
        let refusal = world.refusal(
            action,
            &[
                ("VpnConnectionId", &connection),
                ("NextHop", &connection),
                ("RouteDest", "192.168.10.0/24"),
                ("Weight", "0"),
                ("NewWeight", "100"),
            ],
        );
        assert_eq!((refusal.code().as_ref(), refusal.status()), ("VpnRouteEntry.Conflict", 400));
        assert_eq!(refusal.message(), "The specified route entry has conflict.");
        assert!(refusal.recommend().contains("has the weight 100, not 0"), "{}", refusal.recommend());
    }
    assert_eq!(listed(&mut world, &connection), [("192.168.10.0/24".to_owned(), 100)]);
}

#[test]
fn a_route_that_is_not_there_at_all_is_not_found() {
    let (mut world, connection) = with_route();
    for dest in ["192.168.11.0/24", "192.168.10.0/25", "192.168.0.0/16", "0.0.0.0/0"] {
        let refusal = world.route(DELETE, &connection, dest, "100").unwrap_err();
        assert_eq!(
            (refusal.code().as_ref(), refusal.status()),
            ("InvalidRouteEntry.NotFound", 404),
            "{dest}"
        );
    }
    world.route(DELETE, &connection, "192.168.10.0/24", "100").unwrap();
    let again = world.route(DELETE, &connection, "192.168.10.0/24", "100").unwrap_err();
    assert_eq!(again.code(), "InvalidRouteEntry.NotFound");
}

#[test]
fn a_connection_that_does_not_exist_here_is_not_found() {
    let (mut world, connection) = with_route();
    let cases =
        [("vco-doesnotexist", "eu-central-1"), ("nonsense", "eu-central-1"), (&connection, OTHER_REGION)];
    for (id, region) in cases {
        for action in [DELETE, CREATE, MODIFY, "DescribeVcoRouteEntries", "DescribeVpnConnection"] {
            let refusal = world.refusal(
                action,
                &[
                    ("RegionId", region),
                    ("VpnConnectionId", id),
                    ("NextHop", id),
                    ("RouteDest", "192.168.10.0/24"),
                    ("Weight", "100"),
                    ("NewWeight", "0"),
                ],
            );
            assert_eq!(refusal.code(), "InvalidVpnConnectionInstanceId.NotFound", "{action} {id}");
            assert_eq!(refusal.status(), 404);
            assert_eq!(refusal.message(), "The specified vpn connection instance id does not exist.");
        }
    }
}

#[test]
fn a_second_change_of_a_connection_that_is_updating_is_told_whom_to_wait_for() {
    let (mut world, connection) = with_route();
    world.route(CREATE, &connection, "192.168.11.0/24", "100").unwrap();
    let attempts = [(DELETE, "192.168.10.0/24"), (CREATE, "192.168.12.0/24"), (DELETE, "192.168.11.0/24")];
    for (action, dest) in attempts {
        let refusal = world.route(action, &connection, dest, "100").unwrap_err();
        assert_eq!((refusal.code().as_ref(), refusal.status()), ("VpnConnection.Configuring", 400));
        assert_eq!(refusal.busy.unwrap().as_str(), connection);
    }
    // What could not succeed anyway need not wait.
    let refusal = world.route(DELETE, &connection, "10.0.0.0/8", "100").unwrap_err();
    assert_eq!((refusal.code().as_ref(), refusal.busy), ("InvalidRouteEntry.NotFound", None));
    world.settle();
    world.route(DELETE, &connection, "192.168.10.0/24", "100").unwrap();
}

#[test]
fn a_neighbour_is_not_updating() {
    let (mut world, connection) = with_route();
    let gateway = world.customer_gateway("198.51.100.8");
    let neighbour = world.two_tunnels(&gateway);
    world.settle();
    world.route(DELETE, &connection, "192.168.10.0/24", "100").unwrap();
    assert_eq!(world.connection_state(&neighbour), "attached");
    world.route(CREATE, &neighbour, "192.168.10.0/24", "100").unwrap();
}

#[test]
fn after_a_restart_a_connection_is_not_in_force_until_the_gateway_says_so() {
    let (mut world, connection) = with_route();
    world.reports.0.clear();
    assert_eq!(world.connection_state(&connection), "updating");
    world.settle();
    assert_eq!(world.connection_state(&connection), "attached");
}

#[test]
fn who_may_not_delete_a_route_is_told_so_before_what_exists() {
    let (mut world, connection) = with_route();
    for id in [connection.as_str(), "vco-doesnotexist"] {
        world.caller = Caller::RamUser { name: "nobody".to_owned() };
        let refusal = world.route(DELETE, id, "192.168.10.0/24", "100").unwrap_err();
        assert_eq!((refusal.code().as_ref(), refusal.status()), ("Forbbiden.SubUser", 403));
        assert_eq!(
            refusal.message(),
            "User not authorized to operate on the specified resource as your account is created by another user."
        );
        world.caller = role_session("admin", "s");
        let refusal = world.route(DELETE, id, "192.168.10.0/24", "100").unwrap_err();
        assert_eq!((refusal.code().as_ref(), refusal.status()), ("Forbidden", 403));
        assert_eq!(refusal.message(), "User not authorized to operate on the specified resource.");
    }
}

#[test]
fn each_parameter_that_is_absent_or_wrong_is_named() {
    let (mut world, connection) = with_route();
    let good = [
        ("VpnConnectionId", connection.as_str()),
        ("RouteDest", "192.168.10.0/24"),
        ("NextHop", connection.as_str()),
        ("Weight", "100"),
        ("NewWeight", "0"),
    ];
    for (position, (name, _)) in good.iter().enumerate().take(4) {
        let mut without = good.to_vec();
        without.remove(position);
        for action in [DELETE, CREATE, MODIFY] {
            let refusal = world.refusal(action, &without);
            assert_eq!(refusal.code(), format!("Missing{name}"));
            assert_eq!(refusal.message(), format!("{name} is mandatory for this action."));
        }
    }
    let without_region = crate::testing::params(&good);
    let Outcome::Refused(refusal) = world.plan_exactly(DELETE, &without_region) else {
        panic!("it was answered")
    };
    assert_eq!(refusal.code(), "MissingRegionId");
    let wrong = [
        ("RouteDest", "192.168.10.7/24", "InvalidRouteDest"),
        ("RouteDest", "192.168.10.0", "InvalidRouteDest"),
        ("RouteDest", "2001:db8::/32", "InvalidRouteDest"),
        ("Weight", "50", "InvalidWeight"),
        ("Weight", "", "InvalidWeight"),
        ("NextHop", "vco-another", "InvalidNextHop"),
        ("NextHop", "", "InvalidNextHop"),
        ("RegionId", "atlantis", "InvalidRegionId.NotFound"),
        ("OverlayMode", "Gre", "InvalidOverlayMode"),
        ("ResourceOwnerId", "six", "InvalidResourceOwnerId"),
    ];
    for (name, value, code) in wrong {
        let mut changed = good.to_vec();
        changed.retain(|(there, _)| *there != name);
        changed.push((name, value));
        for action in [DELETE, CREATE, MODIFY] {
            assert_eq!(world.refusal(action, &changed).code(), code, "{action} {name}={value}");
        }
    }
    let mut changed = good.to_vec();
    changed[4].1 = "7";
    assert_eq!(world.refusal(MODIFY, &changed).code(), "InvalidNewWeight");
    changed[4] = ("Description", "https://x");
    assert_eq!(world.refusal(CREATE, &changed).code(), "InvalidDescription");
}

#[test]
fn a_route_is_created_and_readable_at_once() {
    let (mut world, connection) = World::with_connection();
    let answer = world
        .call(
            CREATE,
            &[
                ("VpnConnectionId", &connection),
                ("RouteDest", "192.168.10.0/24"),
                ("NextHop", &connection),
                ("Weight", "100"),
                ("OverlayMode", "Ipsec"),
                ("Description", "to *dc* & 中文 ~ok"),
                ("DryRun", "False"),
            ],
        )
        .unwrap();
    assert_eq!(
        answer,
        json!({
            "CreateTime": world.now_ms,
            "Description": "to *dc* & 中文 ~ok",
            "NextHop": connection,
            "OverlayMode": "Ipsec",
            "RequestId": answer["RequestId"],
            "RouteDest": "192.168.10.0/24",
            "State": "published",
            "VpnConnectionId": connection,
            "Weight": 100,
        })
    );
    assert_eq!(world.connection_state(&connection), "updating");
    let described = world.call("DescribeVcoRouteEntries", &[("VpnConnectionId", &connection)]).unwrap();
    assert_eq!(
        described["VcoRouteEntries"],
        json!([{
            "AsPath": "",
            "Community": "",
            "CreateTime": answer["CreateTime"],
            "NextHop": connection,
            "NextHopTunnelIdList": described["VcoRouteEntries"][0]["NextHopTunnelIdList"],
            "RouteDest": "192.168.10.0/24",
            "RouteEntryType": "custom",
            "Source": "",
            "State": "published",
            "VpnConnectionId": connection,
            "Weight": 100,
        }])
    );
    assert_eq!(described["VcoRouteEntries"][0]["NextHopTunnelIdList"].as_array().unwrap().len(), 2);
    assert_eq!(described["TotalCount"], 1);
    assert_eq!(described["VpnRouteCounts"][0]["RouteCount"], 1);
}

#[test]
fn the_default_route_and_a_duplicate_are_refused() {
    let (mut world, connection) = with_route();
    let refusal = world.route(CREATE, &connection, "0.0.0.0/0", "100").unwrap_err();
    assert_eq!(refusal.code(), "InvalidRouteDest");
    let refusal = world.route(CREATE, &connection, "192.168.10.0/24", "100").unwrap_err();
    assert_eq!(refusal.code(), "VpnRouteEntry.Conflict");
    world.route(CREATE, &connection, "192.168.10.0/24", "0").unwrap();
    let both = [("192.168.10.0/24".to_owned(), 100), ("192.168.10.0/24".to_owned(), 0)];
    assert_eq!(listed(&mut world, &connection), both);
}

#[test]
fn deleting_one_of_two_weights_leaves_the_other() {
    let (mut world, connection) = with_route();
    world.route(CREATE, &connection, "192.168.10.0/24", "0").unwrap();
    world.settle();
    world.route(DELETE, &connection, "192.168.10.0/24", "100").unwrap();
    assert_eq!(listed(&mut world, &connection), [("192.168.10.0/24".to_owned(), 0)]);
}

#[test]
fn a_connection_has_no_more_routes_than_its_quota() {
    let (mut world, connection) = World::with_connection();
    world.settings.vco_routes_per_connection_max = 3;
    for third in 0..3 {
        world.route(CREATE, &connection, &format!("192.168.{third}.0/24"), "100").unwrap();
        world.settle();
    }
    let refusal = world.route(CREATE, &connection, "192.168.3.0/24", "100").unwrap_err();
    assert_eq!((refusal.code().as_ref(), refusal.status()), ("Resource.QuotaFull", 400));
    assert_eq!(refusal.message(), "The quota of resource is full");
    world.route(DELETE, &connection, "192.168.0.0/24", "100").unwrap();
    world.settle();
    world.route(CREATE, &connection, "192.168.3.0/24", "100").unwrap();
}

#[test]
fn a_route_needs_a_transit_router() {
    let mut world = World::new();
    world.settings.auto_attach = false;
    let gateway = world.customer_gateway("198.51.100.7");
    let connection = world.two_tunnels(&gateway);
    assert_eq!(world.connection_state(&connection), "init");
    let refusal = world.route(CREATE, &connection, "192.168.10.0/24", "100").unwrap_err();
    assert_eq!(refusal.code(), "IncorrectStatus.VpnConnection");
    assert!(refusal.recommend().contains("CreateTransitRouterVpnAttachment"));
}

#[test]
fn a_route_into_shared_address_space_is_made_with_a_warning() {
    for (dest, warned) in [
        ("100.64.0.0/10", true),
        ("100.64.7.0/24", true),
        ("100.0.0.0/8", true),
        ("100.128.0.0/16", false),
        ("10.0.0.0/8", false),
    ] {
        let (mut world, connection) = World::with_connection();
        world.route(CREATE, &connection, dest, "100").unwrap();
        assert_eq!(world.lines.0.len(), usize::from(warned), "{dest}");
        if let Some(entry) = world.lines.0.first() {
            assert_eq!(entry.line.level, Level::Warning);
            assert!(entry.line.text.contains("100.64.0.0/10") && entry.line.text.contains(dest));
        }
    }
}

#[test]
fn a_dry_run_checks_everything_and_changes_nothing() {
    let (mut world, connection) = with_route();
    let before = world.state.clone();
    let mut parameters = vec![
        ("VpnConnectionId", connection.as_str()),
        ("RouteDest", "192.168.11.0/24"),
        ("NextHop", connection.as_str()),
        ("Weight", "100"),
        ("DryRun", "True"),
        ("ClientToken", "once"),
    ];
    let refusal = world.refusal(CREATE, &parameters);
    assert_eq!((refusal.code().as_ref(), refusal.status()), ("DryRunOperation", 400));
    assert_eq!(refusal.message(), "Request validation has been passed with DryRun flag set.");
    parameters[1].1 = "192.168.10.0/24";
    assert_eq!(world.refusal(CREATE, &parameters).code(), "VpnRouteEntry.Conflict");
    assert_eq!(world.state, before);
}

#[test]
fn a_weight_is_changed_in_place() {
    let (mut world, connection) = with_route();
    let change = |weight, new| {
        [
            ("VpnConnectionId", connection.as_str()),
            ("RouteDest", "192.168.10.0/24"),
            ("NextHop", connection.as_str()),
            ("Weight", weight),
            ("NewWeight", new),
        ]
    };
    let created = world.call("DescribeVcoRouteEntries", &[("VpnConnectionId", &connection)]).unwrap();
    world.call(MODIFY, &change("100", "100")).unwrap();
    assert_eq!(world.connection_state(&connection), "attached");
    world.call(MODIFY, &change("100", "0")).unwrap();
    assert_eq!(world.connection_state(&connection), "updating");
    assert_eq!(listed(&mut world, &connection), [("192.168.10.0/24".to_owned(), 0)]);
    let changed = world.call("DescribeVcoRouteEntries", &[("VpnConnectionId", &connection)]).unwrap();
    assert_eq!(created["VcoRouteEntries"][0]["CreateTime"], changed["VcoRouteEntries"][0]["CreateTime"]);
    world.settle();
    world.route(CREATE, &connection, "192.168.10.0/24", "100").unwrap();
    world.settle();
    assert_eq!(world.refusal(MODIFY, &change("0", "100")).code(), "VpnRouteEntry.Conflict");
    world.route(DELETE, &connection, "192.168.10.0/24", "0").unwrap();
    world.settle();
    world.route(DELETE, &connection, "192.168.10.0/24", "100").unwrap();
    world.settle();
    assert_eq!(world.refusal(MODIFY, &change("0", "100")).code(), "InvalidRouteEntry.NotFound");
}

#[test]
fn routes_are_paged_in_the_order_of_creation_and_bgp_has_none() {
    let (mut world, connection) = World::with_connection();
    let dests: Vec<String> = (0..25).rev().map(|third| format!("192.168.{third}.0/24")).collect();
    for dest in &dests {
        world.route(CREATE, &connection, dest, "100").unwrap();
        world.settle();
    }
    let mut paged = Vec::new();
    for number in ["1", "2"] {
        let page = [("VpnConnectionId", connection.as_str()), ("PageNumber", number), ("PageSize", "20")];
        let answer = world.call("DescribeVcoRouteEntries", &page).unwrap();
        assert_eq!(answer["TotalCount"], 25);
        paged.extend(answer["VcoRouteEntries"].as_array().unwrap().clone());
    }
    let paged: Vec<&str> = paged.iter().map(|route| route["RouteDest"].as_str().unwrap()).collect();
    assert_eq!(paged, dests);
    let bgp = [("VpnConnectionId", connection.as_str()), ("RouteEntryType", "bgp")];
    let answer = world.call("DescribeVcoRouteEntries", &bgp).unwrap();
    assert_eq!((&answer["VcoRouteEntries"], &answer["TotalCount"]), (&json!([]), &json!(0)));
    for (name, value) in [("PageSize", "51"), ("RouteEntryType", "static"), ("PageNumber", "-1")] {
        let refusal =
            world.refusal("DescribeVcoRouteEntries", &[("VpnConnectionId", &connection), (name, value)]);
        assert_eq!(refusal.code(), format!("Invalid{name}"));
    }
}
