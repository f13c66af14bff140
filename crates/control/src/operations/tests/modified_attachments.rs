//! What ModifyVpnAttachmentAttribute changes, and what it leaves alone.

use serde_json::{Value, json};

use crate::testing::{CERTIFICATE, Pairs, World};

const MODIFY: &str = "ModifyVpnAttachmentAttribute";

fn tunnel_ids(world: &mut World, connection: &str) -> Vec<String> {
    let described = world.call("DescribeVpnConnection", &[("VpnConnectionId", connection)]).unwrap();
    let tunnels = described["TunnelOptionsSpecification"]["TunnelOptions"].as_array().unwrap();
    tunnels.iter().map(|tunnel| tunnel["TunnelId"].as_str().unwrap().to_owned()).collect()
}

fn single(world: &mut World) -> String {
    let gateway = world.customer_gateway("198.51.100.9");
    let parameters = [
        ("LocalSubnet", "10.0.0.0/8"),
        ("RemoteSubnet", "172.16.0.0/16"),
        ("CustomerGatewayId", gateway.as_str()),
    ];
    let answer = world.call("CreateVpnAttachment", &parameters).unwrap();
    world.settle();
    answer["VpnConnectionId"].as_str().unwrap().to_owned()
}

#[test]
fn a_name_changes_without_the_gateway() {
    let (mut world, connection) = World::with_connection();
    // Terraform sends the subnets with every change.
    let parameters = [
        ("VpnConnectionId", connection.as_str()),
        ("Name", "renamed"),
        ("LocalSubnet", "0.0.0.0/0"),
        ("RemoteSubnet", "0.0.0.0/0"),
    ];
    let answer = world.call(MODIFY, &parameters).unwrap();
    assert_eq!((&answer["Name"], &answer["AttachType"]), (&json!("renamed"), &json!("CEN")));
    assert_eq!(world.connection_state(&connection), "attached");
}

#[test]
fn a_tunnel_is_changed_by_id_or_index_and_the_other_stays() {
    let (mut world, connection) = World::with_connection();
    let ids = tunnel_ids(&mut world, &connection);
    let by_index = [
        ("VpnConnectionId", connection.as_str()),
        ("TunnelOptionsSpecification.1.TunnelIndex", "2"),
        ("TunnelOptionsSpecification.1.TunnelIkeConfig.IkeVersion", "ikev1"),
    ];
    let answer = world.call(MODIFY, &by_index).unwrap();
    let tunnels = &answer["TunnelOptionsSpecification"];
    assert_eq!(tunnels[0]["TunnelIkeConfig"]["IkeVersion"], "ikev2");
    assert_eq!(tunnels[1]["TunnelIkeConfig"]["IkeVersion"], "ikev1");
    assert_eq!(tunnels[1]["TunnelIkeConfig"]["IkeLifetime"], 86400);
    assert_eq!(tunnels[1]["State"], "updating");
    assert_eq!(world.connection_state(&connection), "updating");
    let busy = world.refusal(MODIFY, &by_index_with("ikev2", &connection));
    assert_eq!((busy.code().as_ref(), busy.busy.is_some()), ("VpnConnection.Configuring", true));
    world.settle();
    let by_id = [
        ("VpnConnectionId", connection.as_str()),
        ("TunnelOptionsSpecification.1.TunnelId", &ids[1]),
        ("TunnelOptionsSpecification.1.EnableDpd", "false"),
    ];
    let answer = world.call(MODIFY, &by_id).unwrap();
    assert_eq!(answer["TunnelOptionsSpecification"][0]["EnableDpd"], true);
    assert_eq!(answer["TunnelOptionsSpecification"][1]["EnableDpd"], false);
    assert_eq!(tunnel_ids(&mut world, &connection), ids);
}

fn by_index_with<'a>(version: &'a str, connection: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("VpnConnectionId", connection),
        ("TunnelOptionsSpecification.1.TunnelIndex", "2"),
        ("TunnelOptionsSpecification.1.TunnelIkeConfig.IkeVersion", version),
    ]
}

#[test]
fn a_key_is_answered_in_clear_and_kept_when_it_is_not_sent() {
    let mut world = World::new();
    let connection = single(&mut world);
    let change = |world: &mut World, config: &str| -> Value {
        let answer = world.call(MODIFY, &[("VpnConnectionId", &connection), ("IkeConfig", config)]).unwrap();
        world.settle();
        answer["IkeConfig"].clone()
    };
    assert_eq!(change(&mut world, r#"{"Psk":"s3cret","IkeVersion":"ikev2"}"#)["Psk"], "s3cret");
    let after = change(&mut world, r#"{"IkeEncAlg":"aes256","Psk":""}"#);
    assert_eq!((&after["Psk"], &after["IkeEncAlg"]), (&json!("s3cret"), &json!("aes256")));
    assert_eq!((&after["IkeVersion"], &after["LocalId"]), (&json!("ikev2"), &json!("203.0.113.1")));
}

#[test]
fn a_new_peer_must_exist_and_is_then_in_use() {
    let mut world = World::new();
    let connection = single(&mut world);
    let id = ("VpnConnectionId", connection.as_str());
    let refusal = world.refusal(MODIFY, &[id, ("CustomerGatewayId", "cgw-nothing")]);
    assert_eq!(refusal.code(), "InvalidCustomerGatewayInstanceId.NotFound");
    let other = world.customer_gateway("198.51.100.10");
    let answer = world.call(MODIFY, &[id, ("CustomerGatewayId", &other)]).unwrap();
    assert_eq!(
        (&answer["CustomerGatewayId"], &answer["IkeConfig"]["RemoteId"]),
        (&json!(other), &json!("198.51.100.10"))
    );
    let refusal = world.refusal("DeleteCustomerGateway", &[("CustomerGatewayId", &other)]);
    assert_eq!(refusal.code(), "DependencyViolation.VpnConnection");
}

#[test]
fn everything_else_changes_too() {
    let mut world = World::new();
    let connection = single(&mut world);
    let answer = world
        .call(
            MODIFY,
            &[
                ("VpnConnectionId", &connection),
                ("LocalSubnet", "10.1.0.0/16"),
                ("RemoteSubnet", "10.2.0.0/16,10.3.0.0/16"),
                ("EffectImmediately", "True"),
                ("EnableDpd", "False"),
                ("EnableNatTraversal", "False"),
                ("NetworkType", "private"),
                ("AutoConfigRoute", "false"),
                ("RemoteCaCert", CERTIFICATE),
                ("BgpConfig", r#"{"EnableBgp":true,"LocalAsn":"1.1"}"#),
                ("HealthCheckConfig", r#"{"enable":true,"dip":"10.2.0.1","sip":"10.1.0.1"}"#),
                ("IpsecConfig", r#"{"IpsecAuthAlg":"sha512"}"#),
            ],
        )
        .unwrap();
    assert_eq!(
        (&answer["LocalSubnet"], &answer["RemoteSubnet"]),
        (&json!("10.1.0.0/16"), &json!("10.2.0.0/16,10.3.0.0/16"))
    );
    assert_eq!((&answer["EffectImmediately"], &answer["NetworkType"]), (&json!(true), &json!("private")));
    assert_eq!((&answer["EnableDpd"], &answer["EnableNatTraversal"]), (&json!(false), &json!(false)));
    assert_eq!(
        (&answer["VpnBgpConfig"]["EnableBgp"], &answer["VpnBgpConfig"]["LocalAsn"]),
        (&json!("true"), &json!(65537))
    );
    assert_eq!(answer["VcoHealthCheck"]["Enable"], "true");
    assert_eq!(answer["IpsecConfig"]["IpsecAuthAlg"], "sha512");
    assert_eq!(answer["TunnelOptionsSpecification"], json!([]));
    let described = world.call("DescribeVpnConnection", &[("VpnConnectionId", &connection)]).unwrap();
    assert_eq!(described["RemoteCaCertificate"], CERTIFICATE);
}

#[test]
fn what_cannot_be_changed_so_is_refused_with_the_name_of_the_field() {
    let (mut world, connection) = World::with_connection();
    let one = single(&mut world);
    let ids = tunnel_ids(&mut world, &connection);
    let cases: &[(&str, Pairs<'_>, &str)] = &[
        ("vco-nothing", &[], "InvalidVpnConnectionInstanceId.NotFound"),
        (&connection, &[("Name", "http://x")], "InvalidName"),
        (&connection, &[("LocalSubnet", "10.0.0.1/8")], "IllegalParam.LocalSubnet"),
        (&connection, &[("RemoteSubnet", "x")], "IllegalParam.RemoteSubnet"),
        (&connection, &[("IkeConfig", "{}")], "InvalidIkeConfig"),
        (
            &connection,
            &[("TunnelOptionsSpecification.1.TunnelId", "tun-x")],
            "InvalidTunnelOptionsSpecification",
        ),
        (&connection, &[("TunnelOptionsSpecification.1.Role", "slave")], "InvalidTunnelOptionsSpecification"),
        (
            &connection,
            &[
                ("TunnelOptionsSpecification.1.TunnelId", &ids[0]),
                ("TunnelOptionsSpecification.2.TunnelIndex", "1"),
            ],
            "InvalidTunnelOptionsSpecification",
        ),
        (&one, &[("TunnelOptionsSpecification.1.TunnelIndex", "1")], "InvalidTunnelOptionsSpecification"),
        (&one, &[("IkeConfig", r#"{"IkePfs":"group3"}"#)], "InvalidIkeConfig"),
        (&one, &[("BgpConfig", r#"{"LocalBgpIp":"169.254.11.1"}"#)], "InvalidBgpConfig"),
    ];
    let before = world.state.clone();
    for (id, parameters, code) in cases {
        let mut all = vec![("VpnConnectionId", *id)];
        all.extend(*parameters);
        assert_eq!(world.refusal(MODIFY, &all).code(), *code, "{all:?}");
    }
    assert_eq!(world.state, before);
}
