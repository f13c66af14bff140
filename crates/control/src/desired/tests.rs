use std::net::Ipv4Addr;

use super::{DesiredHealthCheck, DomainOwner, desired, generations};
use crate::fields::Weight;
use crate::ids::{TransitRouterId, VpnConnectionId};
use crate::resource::health_check::HealthCheckPolicy;
use crate::resource::ike_config::IkeVersion;
use crate::resource::tunnel::TunnelRole;
use crate::testing::{ACCOUNT, REGION, World};

#[test]
fn the_gateway_is_told_everything_that_it_needs() {
    let (mut world, connection) = World::with_connection();
    world.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
    world.settle();
    world.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "0").unwrap();
    let id: VpnConnectionId = connection.parse().unwrap();
    let wanted = desired(&world.state, &id, &world.settings).unwrap();
    assert_eq!(wanted.generation, world.state.revision());
    assert_eq!((wanted.domain.account.as_str(), wanted.domain.region.as_str()), (ACCOUNT, REGION));
    let built_in = TransitRouterId::built_in(&wanted.domain.account, &wanted.domain.region);
    assert_eq!(wanted.domain.owner, DomainOwner::TransitRouter(built_in));
    let [master, slave] = wanted.tunnels.as_slice() else { panic!("{:?}", wanted.tunnels) };
    assert_eq!((master.role, slave.role), (TunnelRole::Master, TunnelRole::Slave));
    assert_eq!((master.index, slave.index), (1, 2));
    assert_eq!(master.local_address, Ipv4Addr::new(203, 0, 113, 1));
    assert_eq!(slave.local_address, Ipv4Addr::new(203, 0, 113, 2));
    assert_eq!(master.remote_address, Ipv4Addr::new(198, 51, 100, 7));
    assert_eq!(
        (master.ike.local_id.as_str(), master.ike.remote_id.as_str()),
        ("203.0.113.1", "198.51.100.7")
    );
    assert_eq!(slave.ike.local_id, "203.0.113.2");
    assert_eq!((master.ike.ike_version, master.ike.ike_lifetime_s), (IkeVersion::Ikev2, 86_400));
    assert_eq!(master.local_subnets, ["0.0.0.0/0".parse().unwrap()]);
    let weights: Vec<Weight> = wanted.routes.iter().map(|route| route.weight).collect();
    assert_eq!(weights, [Weight::LOW, Weight::HIGH]);
    assert_eq!(generations(&world.state), [(id, wanted.generation)]);
}

#[test]
fn both_tunnels_have_to_pass_the_health_check_of_their_connection() {
    let (mut world, connection) = World::with_connection();
    world.settle();
    let check = r#"{"enable":true,"dip":"10.2.0.9","sip":"10.1.0.9","interval":5,"Policy":"reserve_route"}"#;
    let parameters = [("VpnConnectionId", connection.as_str()), ("HealthCheckConfig", check)];
    world.call("ModifyVpnAttachmentAttribute", &parameters).unwrap();
    let wanted = desired(&world.state, &connection.parse().unwrap(), &world.settings).unwrap();
    let expected = DesiredHealthCheck {
        source: Ipv4Addr::new(10, 1, 0, 9),
        destination: Ipv4Addr::new(10, 2, 0, 9),
        interval_s: 5,
        retry: 3,
        policy: HealthCheckPolicy::ReserveRoute,
    };
    assert!(
        wanted.tunnels.iter().all(|tunnel| tunnel.health_check == Some(expected)),
        "{:?}",
        wanted.tunnels
    );
}

#[test]
fn nothing_is_wanted_of_a_connection_that_is_not_attached() {
    let mut world = World::new();
    world.settings.auto_attach = false;
    let gateway = world.customer_gateway("198.51.100.7");
    let connection = world.two_tunnels(&gateway).parse().unwrap();
    assert_eq!(desired(&world.state, &connection, &world.settings), None);
    assert_eq!(generations(&world.state), []);
    assert_eq!(desired(&world.state, &"vco-nothing".parse().unwrap(), &world.settings), None);
}

#[test]
fn a_gateway_of_one_address_gives_it_to_both_tunnels_and_one_of_none_to_neither() {
    let (mut world, connection) = World::with_connection();
    let id: VpnConnectionId = connection.parse().unwrap();
    let addresses = |world: &World| {
        let wanted = desired(&world.state, &id, &world.settings).unwrap();
        wanted.tunnels.iter().map(|tunnel| tunnel.local_address).collect::<Vec<_>>()
    };
    world.settings.public_addresses.truncate(1);
    assert_eq!(addresses(&world), [Ipv4Addr::new(203, 0, 113, 1); 2]);
    world.settings.public_addresses.clear();
    assert_eq!(addresses(&world), [Ipv4Addr::UNSPECIFIED; 2]);
}

#[test]
fn only_the_generation_of_what_changed_moves() {
    let (mut world, connection) = World::with_connection();
    let gateway = world.customer_gateway("198.51.100.8");
    let neighbour = world.two_tunnels(&gateway);
    world.settle();
    let generation = |world: &World, id: &str| {
        world.state.vpn_connection(&id.parse().unwrap()).map(|connection| connection.generation).unwrap()
    };
    let (mine, theirs) = (generation(&world, &connection), generation(&world, &neighbour));
    world.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
    assert!(generation(&world, &connection) > mine);
    assert_eq!(generation(&world, &neighbour), theirs);
    assert_eq!(generation(&world, &connection), world.state.revision());
}
