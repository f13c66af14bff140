//! Routes of VPN gateways, by destination and by policy.

use serde_json::{Value, json};

use crate::desired::desired;
use crate::error::ApiError;
use crate::testing::World;

/// A world with a VPN gateway and two connections of it that are in force and bring no routes of their own.
struct Gateway {
    world: World,
    gateway: String,
    connections: [String; 2],
}

fn gateway() -> Gateway {
    let mut world = World::new();
    let gateway = world.vpn_gateway("vpc-a");
    world.settle();
    let peer = world.customer_gateway("198.51.100.7");
    let connections = ["10.8.0.0/16", "10.9.0.0/16"].map(|remote| {
        let created = [
            ("VpnGatewayId", gateway.as_str()),
            ("LocalSubnet", "10.1.0.0/16"),
            ("RemoteSubnet", remote),
            ("CustomerGatewayId", peer.as_str()),
            ("AutoConfigRoute", "false"),
        ];
        let answer = world.call("CreateVpnConnection", &created).unwrap();
        answer["VpnConnectionId"].as_str().unwrap().to_owned()
    });
    world.settle();
    Gateway { world, gateway, connections }
}

impl Gateway {
    /// Calls with the gateway, the first connection and a destination, and more.
    fn call(&mut self, action: &str, more: &[(&str, &str)]) -> Result<Value, ApiError> {
        let mut all = vec![
            ("VpnGatewayId", self.gateway.as_str()),
            ("NextHop", self.connections[0].as_str()),
            ("RouteDest", "10.2.0.0/16"),
            ("Weight", "100"),
        ];
        all.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        all.extend(more);
        let answer = self.world.call(action, &all);
        self.world.settle();
        answer
    }

    fn listed(&mut self, action: &str, members: [&str; 2]) -> Vec<Value> {
        let answer = self.world.call(action, &[("VpnGatewayId", &self.gateway)]).unwrap();
        answer[members[0]][members[1]].as_array().unwrap().clone()
    }

    fn destinations(&mut self) -> Vec<Value> {
        self.listed("DescribeVpnRouteEntries", ["VpnRouteEntries", "VpnRouteEntry"])
    }

    fn policies(&mut self) -> Vec<Value> {
        self.listed("DescribeVpnPbrRouteEntries", ["VpnPbrRouteEntries", "VpnPbrRouteEntry"])
    }
}

const PUBLISHED: (&str, &str) = ("PublishVpc", "true");
const SOURCE: (&str, &str) = ("RouteSource", "10.1.2.0/24");

#[test]
fn a_destination_based_route_is_created_listed_weighed_and_deleted() {
    let mut it = gateway();
    let answer =
        it.call("CreateVpnRouteEntry", &[("PublishVpc", "false"), ("Description", "branch")]).unwrap();
    let expected = json!({
        "CreateTime": answer["CreateTime"], "Description": "branch", "NextHop": it.connections[0],
        "OverlayMode": "Ipsec", "RequestId": answer["RequestId"], "RouteDest": "10.2.0.0/16", "State": "normal",
        "VpnInstanceId": it.gateway, "Weight": 100,
    });
    assert_eq!(answer, expected);
    let listed = it.destinations();
    assert_eq!((listed.len(), &listed[0]["State"]), (1, &json!("normal")));
    it.call("ModifyVpnRouteEntryWeight", &[("NewWeight", "0")]).unwrap();
    assert_eq!(it.destinations()[0]["Weight"], 0);
    let wrong = it.call("DeleteVpnRouteEntry", &[]).unwrap_err();
    assert_eq!(wrong.code(), "VpnRouteEntry.Conflict");
    assert!(wrong.recommend().contains("weight 0"), "{}", wrong.recommend());
    it.call("DeleteVpnRouteEntry", &[("Weight", "0")]).unwrap();
    assert_eq!(it.destinations(), Vec::<Value>::new());
    assert_eq!(it.call("DeleteVpnRouteEntry", &[]).unwrap_err().code(), "InvalidRouteEntry.NotFound");
    assert_eq!(it.world.state, it.world.restored());
}

#[test]
fn a_policy_based_route_has_a_priority_and_is_told_to_the_gateway_with_it() {
    let mut it = gateway();
    let answer = it.call("CreateVpnPbrRouteEntry", &[SOURCE, PUBLISHED]).unwrap();
    assert_eq!((&answer["Priority"], &answer["State"]), (&json!(10), &json!("published")));
    assert_eq!(answer["RouteSource"], "10.1.2.0/24");
    it.call("ModifyVpnPbrRouteEntryPriority", &[SOURCE, ("Priority", "10"), ("NewPriority", "3")]).unwrap();
    let stale = it.call("ModifyVpnPbrRouteEntryWeight", &[SOURCE, ("Priority", "10"), ("NewWeight", "0")]);
    assert_eq!(stale.unwrap_err().code(), "VpnRouteEntry.Conflict");
    it.call("ModifyVpnPbrRouteEntryWeight", &[SOURCE, ("NewWeight", "0")]).unwrap();
    let both = [SOURCE, ("Priority", "3"), ("Weight", "0"), ("NewPriority", "7"), ("NewWeight", "100")];
    it.call("ModifyVpnPbrRouteEntryAttribute", &both).unwrap();
    let nothing = it.call("ModifyVpnPbrRouteEntryAttribute", &[SOURCE, ("Priority", "7")]).unwrap_err();
    assert_eq!(nothing.code(), "MissingNewPriority");
    let listed = it.policies();
    assert_eq!((&listed[0]["Priority"], &listed[0]["Weight"]), (&json!(7), &json!(100)));
    let wanted = desired(&it.world.state, &it.connections[0].parse().unwrap(), &it.world.settings).unwrap();
    let policy = wanted.routes[0].policy.unwrap();
    assert_eq!((policy.priority, policy.source.to_string().as_str()), (7, "10.1.2.0/24"));
    assert!(wanted.routes[0].is_published);
    it.call("DeleteVpnPbrRouteEntry", &[SOURCE]).unwrap();
    assert_eq!(it.policies(), Vec::<Value>::new());
}

#[test]
fn withdrawing_a_destination_withdraws_it_over_each_connection_and_publishing_is_of_one() {
    let mut it = gateway();
    it.call("CreateVpnRouteEntry", &[PUBLISHED]).unwrap();
    let other = it.connections[1].clone();
    it.call("CreateVpnRouteEntry", &[PUBLISHED, ("NextHop", &other)]).unwrap();
    let kind = ("RouteType", "dbr");
    it.call("PublishVpnRouteEntry", &[kind, ("PublishVpc", "false")]).unwrap();
    assert!(it.destinations().iter().all(|route| route["State"] == "normal"));
    it.call("PublishVpnRouteEntry", &[kind, PUBLISHED]).unwrap();
    let states: Vec<Value> = it.destinations().iter().map(|route| route["State"].clone()).collect();
    assert_eq!(states, ["published", "normal"]);
    // Two over one connection go together.
    it.call("CreateVpnRouteEntry", &[PUBLISHED, ("Weight", "0")]).unwrap();
    it.call("PublishVpnRouteEntry", &[kind, ("PublishVpc", "false")]).unwrap();
    assert!(it.destinations().iter().all(|route| route["State"] == "normal"));
    let none = it.call("PublishVpnRouteEntry", &[("RouteType", "pbr"), PUBLISHED]).unwrap_err();
    assert_eq!(none.code(), "InvalidRouteEntry.NotFound");
}

#[test]
fn what_cannot_be_a_route_is_refused_by_name() {
    let mut it = gateway();
    let all = it.call("CreateVpnRouteEntry", &[PUBLISHED, ("RouteDest", "0.0.0.0/0")]).unwrap_err();
    assert_eq!(all.code(), "InvalidRouteDest");
    let elsewhere = it.call("CreateVpnRouteEntry", &[PUBLISHED, ("NextHop", "vco-elsewhere")]).unwrap_err();
    assert_eq!(elsewhere.code(), "InvalidNextHop");
    let nowhere = it.call("CreateVpnRouteEntry", &[PUBLISHED, ("VpnGatewayId", "vpn-nowhere")]).unwrap_err();
    assert_eq!(nowhere.code(), "InvalidVpnGatewayInstanceId.NotFound");
    it.call("CreateVpnRouteEntry", &[PUBLISHED]).unwrap();
    let again = it.call("CreateVpnRouteEntry", &[PUBLISHED]).unwrap_err();
    assert_eq!(again.code(), "VpnRouteEntry.Conflict");
    it.world.settings.vpn_routes_per_gateway_max = 1;
    let full = it.call("CreateVpnRouteEntry", &[PUBLISHED, ("RouteDest", "10.3.0.0/16")]).unwrap_err();
    assert_eq!(full.code(), "Resource.QuotaFull");
    let priority = it.call("CreateVpnPbrRouteEntry", &[SOURCE, PUBLISHED, ("Priority", "101")]).unwrap_err();
    assert_eq!(priority.code(), "InvalidPriority");
}

#[test]
fn a_second_change_over_the_same_connection_waits_and_one_over_another_does_not() {
    let mut it = gateway();
    it.call("CreateVpnRouteEntry", &[PUBLISHED]).unwrap();
    let (gateway, [first, second]) = (it.gateway.clone(), it.connections.clone());
    let route = |next_hop: &str, dest: &str, world: &mut World| {
        let parameters = [
            ("VpnGatewayId", gateway.as_str()),
            ("NextHop", next_hop),
            ("RouteDest", dest),
            ("Weight", "100"),
            PUBLISHED,
        ];
        world.call("CreateVpnRouteEntry", &parameters)
    };
    route(&first, "10.3.0.0/16", &mut it.world).unwrap();
    let busy = route(&first, "10.4.0.0/16", &mut it.world).unwrap_err();
    assert_eq!((busy.code().as_ref(), busy.busy.is_some()), ("VpnGateway.Configuring", true));
    route(&second, "10.4.0.0/16", &mut it.world).unwrap();
}

#[test]
fn routes_that_come_with_a_connection_follow_its_networks_and_go_with_it() {
    let mut it = gateway();
    let connection = it.connections[0].clone();
    let change = |it: &mut Gateway, more: &[(&str, &str)]| {
        let mut all = vec![("VpnConnectionId", connection.as_str())];
        all.extend(more);
        it.world.call("ModifyVpnConnectionAttribute", &all).unwrap();
        it.world.settle();
        let listed = it.policies();
        listed
            .iter()
            .map(|route| format!("{} {}", route["RouteSource"], route["RouteDest"]))
            .collect::<Vec<_>>()
    };
    let routes = change(&mut it, &[("AutoConfigRoute", "true"), ("LocalSubnet", "10.1.0.0/16,10.5.0.0/16")]);
    assert_eq!(routes, [r#""10.1.0.0/16" "10.8.0.0/16""#, r#""10.5.0.0/16" "10.8.0.0/16""#]);
    let weight = [("RouteSource", "10.5.0.0/16"), ("RouteDest", "10.8.0.0/16"), ("NewWeight", "0")];
    it.call("ModifyVpnPbrRouteEntryWeight", &weight).unwrap();
    change(&mut it, &[("Name", "renamed")]);
    assert_eq!(it.policies()[1]["Weight"], 0, "what its owner chose stays");
    let routes = change(&mut it, &[("LocalSubnet", "10.5.0.0/16"), ("RemoteSubnet", "10.7.0.0/16")]);
    assert_eq!(routes, [r#""10.5.0.0/16" "10.7.0.0/16""#]);
    let gone = [("RouteSource", "10.5.0.0/16"), ("RouteDest", "10.7.0.0/16"), ("Weight", "100")];
    it.call("DeleteVpnPbrRouteEntry", &gone).unwrap();
    assert_eq!(change(&mut it, &[("Name", "renamed again")]), [""; 0], "what its owner deleted stays away");
    let routes = change(&mut it, &[("RemoteSubnet", "10.7.0.0/16,10.9.0.0/16")]);
    assert_eq!(routes, [r#""10.5.0.0/16" "10.9.0.0/16""#], "a network that was added has its route");
    assert_eq!(change(&mut it, &[("AutoConfigRoute", "false")]), [""; 0]);
    assert_eq!(change(&mut it, &[("AutoConfigRoute", "true")]).len(), 2, "asked for anew, all come");
    assert_eq!(change(&mut it, &[("RemoteSubnet", "0.0.0.0/0")]), Vec::<String>::new());
    it.world.settings.vpn_pbr_routes_per_gateway_max = 1;
    let two = [("VpnConnectionId", connection.as_str()), ("RemoteSubnet", "10.7.0.0/16,10.8.0.0/16")];
    let full = it.world.refusal("ModifyVpnConnectionAttribute", &two);
    assert_eq!(full.code(), "QuotaExceeded.PolicyBasedRoute");
    assert_eq!(
        full.message(),
        "The maximum number of policy-based routes is exceeded. Existing routes: 0. Routes to be created: 2. Maximum routes: 1."
    );
    assert_eq!(change(&mut it, &[("RemoteSubnet", "10.7.0.0/16")]).len(), 1);
    it.world.call("DeleteVpnConnection", &[("VpnConnectionId", &connection)]).unwrap();
    assert_eq!(it.policies(), Vec::<Value>::new());
    assert_eq!(it.world.state, it.world.restored());
}
