//! Changes of one tunnel of a connection.

use serde_json::{Value, json};

use crate::testing::{CERTIFICATE, OTHER_REGION, World};

const MODIFY: &str = "ModifyTunnelAttribute";

/// The ids of the tunnels of a connection.
fn tunnels(world: &World, connection: &str) -> [String; 2] {
    let connection = world.state.vpn_connection(&connection.parse().unwrap()).unwrap();
    [0, 1].map(|position| connection.tunnels[position].id.to_string())
}

fn described(world: &mut World, connection: &str) -> Vec<Value> {
    let answer = world.call("DescribeVpnConnection", &[("VpnConnectionId", connection)]).unwrap();
    answer["TunnelOptionsSpecification"]["TunnelOptions"].as_array().unwrap().clone()
}

#[test]
fn one_tunnel_changes_and_the_other_does_not() {
    let (mut world, connection) = World::with_connection();
    let [_, second] = tunnels(&world, &connection);
    let before = described(&mut world, &connection);
    let answer = world.call(
        MODIFY,
        &[
            ("VpnConnectionId", &connection),
            ("TunnelId", &second),
            ("TunnelOptionsSpecification.EnableDpd", "False"),
            ("TunnelOptionsSpecification.TunnelIkeConfig.Psk", "another-key"),
            ("TunnelOptionsSpecification.TunnelIkeConfig.IkeEncAlg", "aes256"),
            ("TunnelOptionsSpecification.TunnelIpsecConfig.IpsecLifetime", "3600"),
            ("TunnelOptionsSpecification.TunnelBgpConfig.TunnelCidr", "169.254.11.0/30"),
            ("TunnelOptionsSpecification.TunnelBgpConfig.LocalBgpIp", "169.254.11.1"),
            ("TunnelOptionsSpecification.RemoteCaCertificate", CERTIFICATE),
        ],
    );
    let answer = answer.unwrap();
    assert_eq!((&answer["TunnelId"], &answer["Role"]), (&json!(second), &json!("slave")));
    assert_eq!((&answer["State"], &answer["InternetIp"]), (&json!("updating"), &json!("203.0.113.2")));
    assert_eq!((&answer["EnableDpd"], &answer["EnableNatTraversal"]), (&json!(false), &json!(true)));
    assert_eq!(answer["TunnelIkeConfig"]["Psk"], "another-key");
    assert_eq!(answer["TunnelIkeConfig"]["IkeLifetime"], 86_400);
    assert_eq!(answer["TunnelIpsecConfig"]["IpsecLifetime"], 3600);
    assert_eq!(answer["TunnelBgpConfig"]["EnableBgp"], false);
    assert_eq!(answer["TunnelBgpConfig"]["PeerBgpIp"], "169.254.11.2");
    let after = described(&mut world, &connection);
    assert_eq!(after[1]["TunnelIkeConfig"]["IkeEncAlg"], "aes256");
    assert_eq!(after[1]["TunnelIkeConfig"]["IkeAuthAlg"], before[1]["TunnelIkeConfig"]["IkeAuthAlg"]);
    assert_eq!(after[1]["RemoteCaCertificate"], CERTIFICATE);
    for member in
        ["TunnelIkeConfig", "TunnelIpsecConfig", "EnableDpd", "RemoteCaCertificate", "TunnelBgpConfig"]
    {
        assert_eq!(after[0][member], before[0][member], "{member}");
    }
    assert_eq!(world.connection_state(&connection), "updating");
    world.settle();
    assert_eq!(world.connection_state(&connection), "attached");
    assert_eq!(world.restored(), world.state);
}

#[test]
fn the_options_may_be_json_text() {
    let (mut world, connection) = World::with_connection();
    let [first, _] = tunnels(&world, &connection);
    let options =
        r#"{"EnableNatTraversal":"false","TunnelIkeConfig":{"IkePfs":"group14","IkeLifetime":"0"}}"#;
    let parameters = [
        ("VpnConnectionId", connection.as_str()),
        ("TunnelId", &first),
        ("TunnelOptionsSpecification", options),
    ];
    let answer = world.call(MODIFY, &parameters).unwrap();
    assert_eq!(answer["EnableNatTraversal"], false);
    assert_eq!(answer["TunnelIkeConfig"]["IkePfs"], "group14");
}

#[test]
fn a_busy_connection_takes_no_change_of_a_tunnel_and_none_is_none() {
    let (mut world, connection) = World::with_connection();
    let [first, second] = tunnels(&world, &connection);
    let tunnel = |id| [("VpnConnectionId", connection.as_str()), ("TunnelId", id)];
    world.call(MODIFY, &tunnel(&first)).unwrap();
    assert_eq!(world.connection_state(&connection), "attached");
    let dpd = ("TunnelOptionsSpecification.EnableDpd", "false");
    let change = |id| [tunnel(id)[0], tunnel(id)[1], dpd];
    world.call(MODIFY, &change(&first)).unwrap();
    let refusal = world.refusal(MODIFY, &change(&second));
    assert_eq!(refusal.code(), "VpnConnection.Configuring");
    assert_eq!(refusal.busy.map(|id| id.to_string()), Some(connection.clone()));
    world.settle();
    world.call(MODIFY, &change(&second)).unwrap();
}

#[test]
fn a_tunnel_that_cannot_be_changed_so_is_refused() {
    let (mut world, connection) = World::with_connection();
    let [first, _] = tunnels(&world, &connection);
    let other = {
        let gateway = world.customer_gateway("198.51.100.8");
        world.two_tunnels(&gateway)
    };
    world.settle();
    let id = ("VpnConnectionId", connection.as_str());
    let tunnel = ("TunnelId", first.as_str());
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("VpnConnectionId", "vco-nothing"), tunnel], "InvalidVpnConnectionInstanceId.NotFound"),
        (&[id, tunnel, ("RegionId", OTHER_REGION)], "InvalidVpnConnectionInstanceId.NotFound"),
        (&[("VpnConnectionId", &other), tunnel], "InvalidTunnelId"),
        (&[id, ("TunnelId", "nonsense")], "InvalidTunnelId"),
        (&[id], "MissingTunnelId"),
        (
            &[id, tunnel, ("TunnelOptionsSpecification.CustomerGatewayId", "cgw-nothing")],
            "InvalidCustomerGatewayInstanceId.NotFound",
        ),
        (
            &[id, tunnel, ("TunnelOptionsSpecification.TunnelIkeConfig.IkePfs", "group3")],
            "InvalidTunnelOptionsSpecification",
        ),
        (
            &[id, tunnel, ("TunnelOptionsSpecification.TunnelBgpConfig.LocalBgpIp", "169.254.11.1")],
            "InvalidTunnelOptionsSpecification",
        ),
        (
            &[id, tunnel, ("TunnelOptionsSpecification.RemoteCaCertificate", "authority.pem")],
            "InvalidTunnelOptionsSpecification",
        ),
    ];
    let before = world.state.clone();
    for (parameters, code) in cases {
        assert_eq!(world.refusal(MODIFY, parameters).code(), *code, "{parameters:?}");
    }
    assert_eq!(world.state, before);
}

#[test]
fn two_tunnels_cannot_have_one_link_network() {
    let (mut world, connection) = World::with_connection();
    let [first, second] = tunnels(&world, &connection);
    let mut change = |tunnel: &str| {
        let parameters = [
            ("VpnConnectionId", connection.as_str()),
            ("TunnelId", tunnel),
            ("TunnelOptionsSpecification.TunnelBgpConfig.TunnelCidr", "169.254.11.0/30"),
            ("TunnelOptionsSpecification.TunnelBgpConfig.LocalBgpIp", "169.254.11.1"),
        ];
        let changed = world.call(MODIFY, &parameters);
        world.settle();
        changed
    };
    change(&first).unwrap();
    assert_eq!(change(&second).unwrap_err().code(), "InvalidTunnelOptionsSpecification");
    change(&first).unwrap();
}
