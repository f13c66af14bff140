//! Connections of VPN gateways: made, described, changed, deleted, and each refusal.

use serde_json::{Value, json};

use crate::record::{Change, Record};
use crate::resource::vpn_gateway::VpnGateway;
use crate::testing::World;

const CREATE: &str = "CreateVpnConnection";
const GATEWAY: &str = "vpn-test";

/// A world with a VPN gateway and a customer gateway.
fn world() -> (World, String) {
    let mut world = World::new();
    let made = world.vpn_gateway("vpc-a").parse().unwrap();
    let gateway =
        VpnGateway { id: GATEWAY.parse().unwrap(), ..world.state.vpn_gateway(&made).unwrap().clone() };
    world.commit(&[Change::Put(Record::VpnGateway(Box::new(gateway)))]);
    world.settle();
    let peer = world.customer_gateway("198.51.100.7");
    (world, peer)
}

fn two_tunnels(peer: &str) -> Vec<(&str, &str)> {
    vec![
        ("VpnGatewayId", GATEWAY),
        ("LocalSubnet", "10.1.0.0/16"),
        ("RemoteSubnet", "10.2.0.0/16"),
        ("TunnelOptionsSpecification.1.CustomerGatewayId", peer),
        ("TunnelOptionsSpecification.1.Role", "slave"),
        ("TunnelOptionsSpecification.2.CustomerGatewayId", peer),
        ("TunnelOptionsSpecification.2.Role", "master"),
    ]
}

fn created(world: &mut World, peer: &str) -> String {
    let answer = world.call(CREATE, &two_tunnels(peer)).unwrap();
    answer["VpnConnectionId"].as_str().unwrap().to_owned()
}

#[test]
fn a_connection_is_provisioning_then_active_then_updating_and_gone_at_once() {
    let (mut world, peer) = world();
    let connection = created(&mut world, &peer);
    assert_eq!(world.connection_state(&connection), "provisioning");
    world.settle();
    assert_eq!(world.connection_state(&connection), "active");
    let change = [("VpnConnectionId", connection.as_str()), ("RemoteSubnet", "10.3.0.0/16")];
    let answer = world.call("ModifyVpnConnectionAttribute", &change).unwrap();
    assert_eq!((&answer["RemoteSubnet"], &answer["VpnGatewayId"]), (&json!("10.3.0.0/16"), &json!(GATEWAY)));
    assert_eq!(world.connection_state(&connection), "updating");
    world.call("DeleteVpnConnection", &[("VpnConnectionId", &connection)]).unwrap();
    let gone = world.refusal("DescribeVpnConnection", &[("VpnConnectionId", &connection)]);
    assert_eq!(gone.code(), "InvalidVpnConnectionInstanceId.NotFound");
}

#[test]
fn two_tunnels_have_the_roles_that_were_asked_for_and_the_defaults_of_a_vpn_gateway() {
    let (mut world, peer) = world();
    let connection = created(&mut world, &peer);
    let described = world.call("DescribeVpnConnection", &[("VpnConnectionId", &connection)]).unwrap();
    assert_eq!((&described["AttachType"], &described["VpnGatewayId"]), (&json!("VPNGW"), &json!(GATEWAY)));
    let tunnels = &described["TunnelOptionsSpecification"]["TunnelOptions"];
    assert_eq!((&tunnels[0]["Role"], &tunnels[1]["Role"]), (&json!("slave"), &json!("master")));
    assert_eq!(tunnels[0]["TunnelIkeConfig"]["IkeVersion"], "ikev1");
    assert_eq!(tunnels[0]["TunnelIpsecConfig"]["IpsecAuthAlg"], "md5");
}

#[test]
fn the_connections_of_one_vpn_gateway_are_listed_and_none_of_them_as_an_attachment() {
    let (mut world, peer) = world();
    let connection = created(&mut world, &peer);
    let attachment = world.two_tunnels(&peer);
    let ids = |listed: &Value, member: &str| -> Vec<String> {
        listed.as_array().unwrap().iter().map(|it| it[member].as_str().unwrap().to_owned()).collect()
    };
    for (filter, expected) in [
        (&[("VpnGatewayId", GATEWAY)][..], vec![connection.clone()]),
        (&[("VpnGatewayId", "vpn-another")], vec![]),
        (&[], vec![connection, attachment.clone()]),
    ] {
        let answer = world.call("DescribeVpnConnections", filter).unwrap();
        let listed = &answer["VpnConnections"]["VpnConnection"];
        assert_eq!(ids(listed, "VpnConnectionId"), expected, "{filter:?}");
    }
    let answer = world.call("DescribeVpnAttachments", &[]).unwrap();
    assert_eq!(ids(&answer["VpnAttachments"], "InstanceId"), [attachment]);
}

#[test]
fn what_a_connection_of_the_gateway_does_already_is_refused_by_its_id() {
    let (mut world, peer) = world();
    let connection = created(&mut world, &peer);
    let refusal = world.refusal(CREATE, &two_tunnels(&peer));
    assert_eq!(refusal.code(), "InvalidVpnConnection.AlreadyExists");
    assert!(refusal.recommend().contains(&connection));
}

#[test]
fn networks_that_overlap_are_refused_by_name() {
    let (mut world, peer) = world();
    for (local, remote, code) in [
        ("10.1.0.0/16", "10.1.2.0/24", "IllegalParam.RemoteSubnet"),
        ("10.1.0.0/16,10.1.2.0/24", "10.2.0.0/16", "IllegalParam.LocalSubnet"),
        ("10.1.0.0/16", "10.2.0.0/16,10.2.0.0/16", "IllegalParam.RemoteSubnet"),
    ] {
        let mut parameters = two_tunnels(&peer);
        parameters[1].1 = local;
        parameters[2].1 = remote;
        let refusal = world.refusal(CREATE, &parameters);
        assert_eq!(refusal.code(), code, "{local} {remote}");
        assert!(refusal.recommend().contains("overlap"), "{}", refusal.recommend());
    }
}

#[test]
fn a_link_network_is_for_one_tunnel_of_a_gateway() {
    let (mut world, peer) = world();
    let cidr = |number: usize| match number {
        1 => "TunnelOptionsSpecification.1.TunnelBgpConfig.TunnelCidr",
        _ => "TunnelOptionsSpecification.2.TunnelBgpConfig.TunnelCidr",
    };
    let mut twice = two_tunnels(&peer);
    twice.extend([(cidr(1), "169.254.11.0/30"), (cidr(2), "169.254.11.0/30")]);
    assert_eq!(world.refusal(CREATE, &twice).code(), "InvalidTunnelOptionsSpecification");
    let mut first = two_tunnels(&peer);
    first.push((cidr(1), "169.254.11.0/30"));
    let answer = world.call(CREATE, &first).unwrap();
    let mut second = two_tunnels(&peer);
    second[2].1 = "10.9.0.0/16";
    second.push((cidr(2), "169.254.11.0/30"));
    let refusal = world.refusal(CREATE, &second);
    assert!(refusal.recommend().contains(answer["VpnConnectionId"].as_str().unwrap()));
}

#[test]
fn each_kind_of_connection_has_its_own_operations() {
    let (mut world, peer) = world();
    let (connection, attachment) = (created(&mut world, &peer), world.two_tunnels(&peer));
    for (action, id, named) in [
        ("DeleteVpnAttachment", &connection, "VpnConnection"),
        ("ModifyVpnAttachmentAttribute", &connection, "VpnConnection"),
        ("DeleteVpnConnection", &attachment, "VpnAttachment"),
        ("ModifyVpnConnectionAttribute", &attachment, "VpnAttachment"),
    ] {
        let refusal = world.refusal(action, &[("VpnConnectionId", id)]);
        assert_eq!(refusal.code(), "InvalidVpnConnectionInstanceId.NotFound", "{action}");
        assert!(refusal.recommend().contains(named), "{}", refusal.recommend());
    }
}

#[test]
fn the_gateway_and_the_peer_must_exist() {
    let (mut world, peer) = world();
    let mut parameters = two_tunnels(&peer);
    parameters[0].1 = "vpn-nowhere";
    assert_eq!(world.refusal(CREATE, &parameters).code(), "InvalidVpnGatewayInstanceId.NotFound");
    let mut parameters = two_tunnels("cgw-nowhere");
    parameters[0].1 = GATEWAY;
    assert_eq!(world.refusal(CREATE, &parameters).code(), "InvalidCustomerGatewayInstanceId.NotFound");
}

#[test]
fn a_connection_of_a_vpn_gateway_is_attached_to_no_transit_router() {
    let (mut world, peer) = world();
    let connection = created(&mut world, &peer);
    let refusal = world.refusal("CreateTransitRouterVpnAttachment", &[("VpnId", &connection)]);
    assert_eq!(refusal.code(), "InvalidVpnConnectionInstanceId.NotFound");
    assert!(refusal.recommend().contains(GATEWAY), "{}", refusal.recommend());
}
