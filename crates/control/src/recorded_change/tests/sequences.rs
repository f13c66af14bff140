//! Random sequences of changes, each reverted, the newest first.

use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};
use proptest::test_runner::Config;

use super::{revert, rows};
use crate::testing::{ACCOUNT, REGION, World};

/// One of the changes, and what it is made of.
#[derive(Debug, Clone, Copy)]
struct Step {
    action: u8,
    which: u8,
    value: u8,
}

fn step() -> impl Strategy<Value = Step> {
    (0..16_u8, 0..4_u8, any::<u8>()).prop_map(|(action, which, value)| Step { action, which, value })
}

fn gateway(world: &World, which: u8) -> String {
    let found = world.state.customer_gateways(&REGION.parse().unwrap()).nth(which.into());
    found.map_or_else(|| "cgw-nothing".to_owned(), |gateway| gateway.id.to_string())
}

fn connection(world: &World, which: u8) -> String {
    let found = world.state.all_vpn_connections().nth(which.into());
    found.map_or_else(|| "vco-nothing".to_owned(), |connection| connection.id.to_string())
}

fn attachment(world: &World, which: u8) -> String {
    let found = world.state.all_vpn_connections().nth(which.into());
    let attachment = found.and_then(|connection| connection.attachment.as_ref());
    attachment.map_or_else(|| "tr-attach-nothing".to_owned(), |attachment| attachment.id.to_string())
}

/// Makes the change, and answers the id of its request if it was one.
fn take(world: &mut World, step: Step) -> Option<String> {
    let Step { action, which, value } = step;
    let (gateway, connection) = (gateway(world, which), connection(world, which));
    let (attachment, text) = (attachment(world, which), format!("value-{value}"));
    let dest = format!("10.{}.0.0/16", value % 4);
    let weights = if value % 2 == 0 { ("100", "0") } else { ("0", "100") };
    let route = [
        ("VpnConnectionId", connection.as_str()),
        ("RouteDest", &dest),
        ("NextHop", &connection),
        ("Weight", weights.0),
        ("NewWeight", weights.1),
    ];
    let user = format!("user-{}", value % 2);
    let id = ("VpnConnectionId", connection.as_str());
    let address = format!("198.51.100.{}", value % 8);
    let answer = match action {
        0 => world.call("CreateCustomerGateway", &[("IpAddress", &address), ("AuthKey", "k")]),
        1 => world.call("DeleteCustomerGateway", &[("CustomerGatewayId", &gateway)]),
        2 => {
            let key = format!("key{value}");
            world.call(
                "ModifyCustomerGatewayAttribute",
                &[("CustomerGatewayId", &gateway), ("AuthKey", &key), ("Name", &text)],
            )
        }
        3 => world.call(
            "CreateVpnAttachment",
            &[
                ("LocalSubnet", "0.0.0.0/0"),
                ("RemoteSubnet", "0.0.0.0/0"),
                ("TunnelOptionsSpecification.1.CustomerGatewayId", &gateway),
                ("TunnelOptionsSpecification.2.CustomerGatewayId", &gateway),
            ],
        ),
        4 => world.call("DeleteVpnAttachment", &[id]),
        5 => {
            let psk = ("TunnelOptionsSpecification.1.TunnelIkeConfig.Psk", text.as_str());
            let index = ("TunnelOptionsSpecification.1.TunnelIndex", "1");
            world.call("ModifyVpnAttachmentAttribute", &[id, ("Name", &text), index, psk])
        }
        6 => {
            world.call("CreateTransitRouterVpnAttachment", &[("VpnId", &connection), ("VpnOwnerId", ACCOUNT)])
        }
        7 => world.call("DeleteTransitRouterVpnAttachment", &[("TransitRouterAttachmentId", &attachment)]),
        8 | 9 => world.call("CreateVcoRouteEntry", &route[..4]),
        10 => world.call("DeleteVcoRouteEntry", &route[..4]),
        11 => world.call("ModifyVcoRouteEntryWeight", &route),
        12 => {
            let resource = [("ResourceType", "VPNATTACHMENT"), ("ResourceId.1", connection.as_str())];
            let tag = [("Tag.1.Key", "psk"), ("Tag.1.Value", text.as_str())];
            world.call("TagResources", &[resource, tag].concat())
        }
        13 => world.call("CreateUser", &[("UserName", &user)]),
        14 => world.call("UpdateUser", &[("UserName", &user), ("NewUserName", &text)]),
        _ => world.call(
            "AttachPolicyToUser",
            &[("UserName", &user), ("PolicyType", "System"), ("PolicyName", "ReadOnlyAccess")],
        ),
    };
    world.settle();
    let id = answer.ok()?["RequestId"].as_str().unwrap().to_owned();
    world.state.recorded_change(&id.parse().unwrap()).map(|_| id)
}

proptest! {
    #![proptest_config(Config { cases: 96, failure_persistence: None, ..Config::default() })]

    #[test]
    fn what_is_reverted_newest_first_ends_where_it_began(steps in proptest::collection::vec(step(), 1..40)) {
        let (mut world, _) = World::with_connection();
        let began = rows(&world);
        let changes: Vec<String> = steps.iter().filter_map(|step| take(&mut world, *step)).collect();
        let led = rows(&world);
        let reverts: Vec<String> = changes.iter().rev().map(|change| revert(&mut world, change)).collect();
        prop_assert_eq!(rows(&world), began);
        prop_assert_eq!(&world.state, &world.restored());
        reverts.iter().rev().for_each(|change| drop(revert(&mut world, change)));
        prop_assert_eq!(rows(&world), led);
    }
}
