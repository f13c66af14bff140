//! What a request with `DryRun` says, and that it does nothing.

use crate::core::Outcome;
use crate::operation::{self, Kind};
use crate::testing::World;

/// What a call with `DryRun` says it would do.
fn effect(world: &mut World, action: &str, parameters: &[(&str, &str)]) -> String {
    let before = world.state.clone();
    let mut parameters = parameters.to_vec();
    parameters.push(("DryRun", "true"));
    let refusal = world.refusal(action, &parameters);
    assert_eq!((refusal.code().as_ref(), refusal.status()), ("DryRunOperation", 400), "{action}");
    assert_eq!(refusal.message(), "Request validation has been passed with DryRun flag set.");
    assert_eq!(world.state, before, "{action}");
    refusal.recommend()
}

fn deletion(world: &mut World, connection: &str, dest: &str, weight: &str) -> String {
    let route = [
        ("VpnConnectionId", connection),
        ("RouteDest", dest),
        ("NextHop", connection),
        ("Weight", weight),
        ("ClientToken", "token"),
    ];
    effect(world, "DeleteVcoRouteEntry", &route)
}

fn add_route(world: &mut World, connection: &str, dest: &str, weight: &str) {
    world.route("CreateVcoRouteEntry", connection, dest, weight).unwrap();
    world.settle();
}

#[test]
fn a_deletion_says_which_route_would_take_over() {
    let (mut world, connection) = World::with_connection();
    let other = {
        let gateway = world.customer_gateway("198.51.100.8");
        world.two_tunnels(&gateway)
    };
    world.settle();
    add_route(&mut world, &connection, "192.168.10.0/24", "100");
    let lost = format!("192.168.10.0/24 would lose its route of weight 100 over {connection};");
    let told = deletion(&mut world, &connection, "192.168.10.0/24", "100");
    assert!(told.contains(&format!("{lost} no other route would take over.")), "{told}");
    add_route(&mut world, &other, "192.168.0.0/16", "100");
    let told = deletion(&mut world, &connection, "192.168.10.0/24", "100");
    let wider = format!("{lost} the route 192.168.0.0/16 of weight 100 over {other} would take over.");
    assert!(told.contains(&wider), "{told}");
    add_route(&mut world, &other, "192.168.10.0/24", "0");
    let told = deletion(&mut world, &connection, "192.168.10.0/24", "100");
    let same = format!("{lost} the route 192.168.10.0/24 of weight 0 over {other} would take over.");
    assert!(told.contains(&same), "{told}");
    // A narrower route covers only a part.
    add_route(&mut world, &other, "192.168.10.128/25", "100");
    assert!(deletion(&mut world, &connection, "192.168.10.0/24", "100").contains(&same));
    // The token was not used up.
    let token = ("ClientToken", "token");
    let route = [
        ("VpnConnectionId", connection.as_str()),
        ("RouteDest", "192.168.10.0/24"),
        ("NextHop", &connection),
        ("Weight", "100"),
        token,
    ];
    world.call("DeleteVcoRouteEntry", &route).unwrap();
}

#[test]
fn the_end_of_a_connection_is_told_with_its_routes() {
    let (mut world, connection) = World::with_connection();
    add_route(&mut world, &connection, "192.168.10.0/24", "100");
    let listed = world.call("ListTransitRouterVpnAttachments", &[]).unwrap();
    let attachment = listed["TransitRouterAttachments"][0]["TransitRouterAttachmentId"].as_str().unwrap();
    let told =
        effect(&mut world, "DeleteTransitRouterVpnAttachment", &[("TransitRouterAttachmentId", attachment)]);
    assert!(told.contains(&format!("detach {connection}: none of its 1 routes")), "{told}");
    let told = effect(&mut world, "DeleteVpnAttachment", &[("VpnConnectionId", &connection)]);
    assert!(told.contains(&format!("It would delete the vpn-connection {connection}.")), "{told}");
    assert!(told.contains("192.168.10.0/24 would lose its route"), "{told}");
    for number in 1..=12 {
        add_route(&mut world, &connection, &format!("10.{number}.0.0/16"), "100");
    }
    let told = effect(&mut world, "DeleteVpnAttachment", &[("VpnConnectionId", &connection)]);
    assert!(told.contains("3 more routes would go."), "{told}");
}

#[test]
fn other_changes_are_told_too() {
    let (mut world, connection) = World::with_connection();
    let told = effect(&mut world, "CreateCustomerGateway", &[("IpAddress", "198.51.100.9")]);
    assert!(told.contains("It would write the customer-gateway cgw-"), "{told}");
    let told = effect(
        &mut world,
        "ModifyVpnAttachmentAttribute",
        &[("VpnConnectionId", &connection), ("Name", "b")],
    );
    assert!(told.contains(&format!("It would change {connection}.")), "{told}");
    let same = effect(&mut world, "ModifyVpnAttachmentAttribute", &[("VpnConnectionId", &connection)]);
    assert!(same.contains("It would change nothing."), "{same}");
    let told = effect(&mut world, "CreateUser", &[("UserName", "alice")]);
    assert!(told.contains("It would write the ram-user alice."), "{told}");
}

#[test]
fn a_dry_run_makes_the_same_checks_and_a_read_has_none() {
    let mut world = World::new();
    let nothing = [("VpnConnectionId", "vco-nothing"), ("DryRun", "true")];
    let refusal = world.refusal("DeleteVpnAttachment", &nothing);
    assert_eq!(refusal.code(), "InvalidVpnConnectionInstanceId.NotFound");
    assert_eq!(world.refusal("DeleteVpnAttachment", &[("DryRun", "perhaps")]).code(), "InvalidDryRun");
    let reads = operation::all().iter().filter(|entry| entry.kind == Kind::Read);
    let answered = reads
        .filter(|entry| matches!(world.plan(entry.name, &[("DryRun", "true")]), Outcome::Answered { .. }))
        .count();
    assert!(answered > 5, "{answered}");
}
