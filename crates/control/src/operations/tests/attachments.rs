//! VPN attachments: made, described, deleted, and each refusal.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::observed::TunnelHealth;
use crate::testing::{OTHER_REGION, Pairs, World};

const CREATE: &str = "CreateVpnAttachment";

fn created(world: &mut World, parameters: &[(&str, &str)]) -> Value {
    let mut all = vec![("LocalSubnet", "10.1.1.0/24,10.1.2.0/24"), ("RemoteSubnet", "10.1.3.0/24")];
    all.extend(parameters);
    let answer = world.call(CREATE, &all).unwrap();
    assert_eq!(answer["Success"], true);
    assert!(answer.get("Code").is_none() && answer.get("Message").is_none(), "{answer}");
    let id = answer["VpnConnectionId"].as_str().unwrap();
    world.call("DescribeVpnConnection", &[("VpnConnectionId", id)]).unwrap()
}

#[test]
fn a_connection_of_one_tunnel_has_the_documented_defaults() {
    let mut world = World::new();
    let gateway = world.customer_gateway("198.51.100.7");
    let mut described = created(&mut world, &[("CustomerGatewayId", &gateway)]);
    let psk = described["IkeConfig"]["Psk"].take();
    assert_eq!(psk.as_str().unwrap().len(), 16);
    assert_eq!(
        described["IkeConfig"],
        json!({
            "IkeAuthAlg": "md5",
            "IkeEncAlg": "aes",
            "IkeLifetime": 86400,
            "IkeMode": "main",
            "IkePfs": "group2",
            "IkeVersion": "ikev1",
            "LocalId": "203.0.113.1",
            "Psk": null,
            "RemoteId": "198.51.100.7",
        })
    );
    let ipsec = json!({
        "IpsecAuthAlg": "md5",
        "IpsecEncAlg": "aes",
        "IpsecLifetime": 86400,
        "IpsecPfs": "group2",
    });
    assert_eq!(described["IpsecConfig"], ipsec);
    assert_eq!(described["TunnelOptionsSpecification"], json!({ "TunnelOptions": [] }));
    assert_eq!(described["InternetIp"], "203.0.113.1");
    assert_eq!(described["CustomerGatewayId"], gateway);
    assert_eq!((&described["EnableDpd"], &described["EnableNatTraversal"]), (&json!(true), &json!(true)));
    assert_eq!(described["LocalSubnet"], "10.1.1.0/24,10.1.2.0/24");
    let health = json!({
        "Dip": "", "Enable": "false", "Interval": 3, "Policy": "revoke_route", "Retry": 3, "Sip": "", "Status": "failed",
    });
    assert_eq!(described["VcoHealthCheck"], health);
    assert_eq!(described["VpnBgpConfig"]["EnableBgp"], "false");
    assert_eq!(described["VpnBgpConfig"]["LocalAsn"], 45104);
}

#[test]
fn json_parameters_are_read_with_quoted_scalars() {
    let mut world = World::new();
    let gateway = world.customer_gateway("198.51.100.7");
    let described = created(
        &mut world,
        &[
            ("CustomerGatewayId", &gateway),
            ("EnableNatTraversal", "False"),
            (
                "BgpConfig",
                r#"{"EnableBgp":"true","LocalAsn":"45105","TunnelCidr":"169.254.11.0/30","LocalBgpIp":"169.254.11.1"}"#,
            ),
            (
                "HealthCheckConfig",
                r#"{"enable":"true","dip":"192.168.1.1","sip":"10.1.1.1","interval":"5","retry":"4","Policy":"reserve_route"}"#,
            ),
            (
                "IkeConfig",
                r#"{"Psk":"1234","IkeVersion":"ikev2","IkeLifetime":"3600","LocalId":"gw.example"}"#,
            ),
            ("IpsecConfig", r#"{"IpsecEncAlg":"3des","IpsecPfs":"disabled","IpsecLifetime":0}"#),
        ],
    );
    assert_eq!(described["EnableNatTraversal"], false);
    let bgp = &described["VpnBgpConfig"];
    assert_eq!((&bgp["EnableBgp"], &bgp["LocalAsn"]), (&json!("true"), &json!(45105)));
    assert_eq!((&bgp["LocalBgpIp"], &bgp["PeerBgpIp"]), (&json!("169.254.11.1"), &json!("169.254.11.2")));
    let health = &described["VcoHealthCheck"];
    assert_eq!(
        (&health["Enable"], &health["Interval"], &health["Retry"]),
        (&json!("true"), &json!(5), &json!(4))
    );
    assert_eq!(health["Policy"], "reserve_route");
    let ike = &described["IkeConfig"];
    assert_eq!(
        (&ike["Psk"], &ike["IkeVersion"], &ike["IkeLifetime"]),
        (&json!("1234"), &json!("ikev2"), &json!(3600))
    );
    assert_eq!((&ike["LocalId"], &ike["RemoteId"]), (&json!("gw.example"), &json!("198.51.100.7")));
    let ipsec = &described["IpsecConfig"];
    assert_eq!((&ipsec["IpsecEncAlg"], &ipsec["IpsecPfs"]), (&json!("3des"), &json!("disabled")));
    assert_eq!(ipsec["IpsecLifetime"], 86400);
}

#[test]
fn the_health_check_succeeds_while_a_tunnel_that_is_up_passes_it() {
    let (mut world, id) = World::with_connection();
    let check = |enable: &str| format!(r#"{{"enable":{enable},"dip":"10.2.0.9","sip":"10.1.0.9"}}"#);
    let modify = |world: &mut World, enable: &str| {
        world.settle();
        let check = check(enable);
        let parameters = [("VpnConnectionId", id.as_str()), ("HealthCheckConfig", &check)];
        world.call("ModifyVpnAttachmentAttribute", &parameters).unwrap();
        world.settle();
    };
    let status = |world: &mut World, healths: [TunnelHealth; 2]| {
        let observed = world.reports.0.get_mut(&id.parse().unwrap()).unwrap();
        observed.tunnels.values_mut().zip(healths).for_each(|(tunnel, health)| tunnel.health = health);
        let described = world.call("DescribeVpnConnection", &[("VpnConnectionId", &id)]).unwrap();
        described["VcoHealthCheck"]["Status"].as_str().unwrap().to_owned()
    };
    modify(&mut world, "true");
    let (good, bad) = (TunnelHealth::Healthy, TunnelHealth::Unhealthy);
    assert_eq!(status(&mut world, [bad, good]), "success");
    assert_eq!(status(&mut world, [bad, bad]), "failed");
    assert_eq!(status(&mut world, [bad, TunnelHealth::Unknown]), "failed", "nothing was answered yet");
    modify(&mut world, "false");
    assert_eq!(status(&mut world, [good, good]), "failed", "there is none");
}

#[test]
fn members_that_terraform_sends_empty_or_zero_were_not_given() {
    let mut world = World::new();
    let gateway = world.customer_gateway("198.51.100.7");
    let described = created(
        &mut world,
        &[
            ("CustomerGatewayId", &gateway),
            (
                "IkeConfig",
                r#"{"IkeAuthAlg":"","IkeEncAlg":"","IkeLifetime":0,"LocalId":"","IkeMode":"","IkePfs":"","RemoteId":"","IkeVersion":"ikev2","Psk":""}"#,
            ),
            ("BgpConfig", r#"{"EnableBgp":false,"LocalAsn":0,"TunnelCidr":"","LocalBgpIp":""}"#),
            ("HealthCheckConfig", r#"{"enable":false,"dip":"","sip":"","interval":0,"retry":0,"Policy":""}"#),
        ],
    );
    let ike = &described["IkeConfig"];
    assert_eq!(
        (&ike["IkeVersion"], &ike["IkeAuthAlg"], &ike["IkeLifetime"]),
        (&json!("ikev2"), &json!("md5"), &json!(86400))
    );
    assert_eq!(ike["Psk"].as_str().unwrap().len(), 16);
    assert_eq!(described["VpnBgpConfig"]["LocalAsn"], 45104);
    assert_eq!(described["VcoHealthCheck"]["Interval"], 3);
}

fn two(gateway: &str) -> Vec<(&str, &str)> {
    // In the order of a hash set, as Terraform sends it: the first element is the second tunnel.
    vec![
        ("TunnelOptionsSpecification.1.CustomerGatewayId", gateway),
        ("TunnelOptionsSpecification.1.TunnelIndex", "2"),
        ("TunnelOptionsSpecification.1.TunnelIkeConfig.Psk", "psk2"),
        ("TunnelOptionsSpecification.1.TunnelIkeConfig.IkeLifetime", "0"),
        ("TunnelOptionsSpecification.2.CustomerGatewayId", gateway),
        ("TunnelOptionsSpecification.2.TunnelIndex", "1"),
        ("TunnelOptionsSpecification.2.TunnelIkeConfig.Psk", "p+s/k=1&*~'x"),
        ("TunnelOptionsSpecification.2.EnableDpd", "False"),
        ("TunnelOptionsSpecification.2.TunnelIpsecConfig.IpsecPfs", "group5"),
        ("TunnelOptionsSpecification.2.TunnelBgpConfig.TunnelCidr", "169.254.11.0/30"),
        ("TunnelOptionsSpecification.2.TunnelBgpConfig.LocalBgpIp", "169.254.11.2"),
    ]
}

#[test]
fn two_tunnels_come_in_any_order_and_are_shown_by_index() {
    let mut world = World::new();
    let gateway = world.customer_gateway("198.51.100.7");
    let described = created(&mut world, &two(&gateway));
    let tunnels = described["TunnelOptionsSpecification"]["TunnelOptions"].as_array().unwrap();
    let [master, slave] = tunnels.as_slice() else { panic!("{tunnels:?}") };
    assert_eq!(
        *master,
        json!({
            "CustomerGatewayId": gateway,
            "EnableDpd": "false",
            "EnableNatTraversal": "true",
            "InternetIp": "203.0.113.1",
            "RemoteCaCertificate": "",
            "Role": "master",
            "State": "updating",
            "Status": "ike_sa_not_established",
            "TunnelBgpConfig": {
                "BgpStatus": "failed",
                "LocalAsn": "45104",
                "LocalBgpIp": "169.254.11.2",
                "PeerAsn": "0",
                "PeerBgpIp": "169.254.11.1",
                "TunnelCidr": "169.254.11.0/30",
            },
            "TunnelId": master["TunnelId"],
            "TunnelIkeConfig": {
                "IkeAuthAlg": "sha1",
                "IkeEncAlg": "aes",
                "IkeLifetime": "86400",
                "IkeMode": "main",
                "IkePfs": "group2",
                "IkeVersion": "ikev2",
                "LocalId": "203.0.113.1",
                "Psk": "p+s/k=1&*~'x",
                "RemoteId": "198.51.100.7",
            },
            "TunnelIndex": 1,
            "TunnelIpsecConfig": {
                "IpsecAuthAlg": "sha1",
                "IpsecEncAlg": "aes",
                "IpsecLifetime": "86400",
                "IpsecPfs": "group5",
            },
            "ZoneNo": "",
        })
    );
    assert_eq!((&slave["TunnelIndex"], &slave["Role"]), (&json!(2), &json!("slave")));
    assert_eq!((&slave["InternetIp"], &slave["EnableDpd"]), (&json!("203.0.113.2"), &json!("true")));
    assert_eq!(slave["TunnelIkeConfig"]["Psk"], "psk2");
    assert_ne!(master["TunnelId"], slave["TunnelId"]);
    // Terraform would replace a connection of two tunnels that names a peer of its own.
    assert_eq!((&described["CustomerGatewayId"], &described["InternetIp"]), (&json!(""), &json!("")));
    assert_eq!(described["IkeConfig"]["Psk"], "");
}

#[test]
fn two_tunnels_may_come_as_one_json_array() {
    let mut world = World::new();
    let gateway = world.customer_gateway("198.51.100.7");
    let tunnels = format!(
        r#"[{{"CustomerGatewayId":"{gateway}","TunnelIndex":1,"TunnelIkeConfig":{{"Psk":"p+s"}}}},{{"CustomerGatewayId":"{gateway}","TunnelIndex":2}}]"#
    );
    let described = created(&mut world, &[("TunnelOptionsSpecification", &tunnels)]);
    let tunnels = &described["TunnelOptionsSpecification"]["TunnelOptions"];
    assert_eq!(tunnels[0]["TunnelIkeConfig"]["Psk"], "p+s");
    assert_eq!(tunnels[1]["TunnelIkeConfig"]["Psk"].as_str().unwrap().len(), 16);
}

#[test]
fn roles_may_be_chosen() {
    let mut world = World::new();
    let gateway = world.customer_gateway("198.51.100.7");
    let mut parameters = two(&gateway);
    parameters.push(("TunnelOptionsSpecification.1.Role", "master"));
    parameters.push(("TunnelOptionsSpecification.2.Role", "slave"));
    let described = created(&mut world, &parameters);
    let tunnels = &described["TunnelOptionsSpecification"]["TunnelOptions"];
    assert_eq!((&tunnels[0]["Role"], &tunnels[1]["Role"]), (&json!("slave"), &json!("master")));
}

/// What is put in place of something in a request of two tunnels that would be accepted (nothing, for `(none)`), the
/// code of the refusal, and what its sentence names.
const WRONG: &[(&str, &str, &str, &str)] = &[
    ("LocalSubnet", "(none)", "MissingLocalSubnet", "LocalSubnet"),
    ("RemoteSubnet", "(none)", "MissingRemoteSubnet", "RemoteSubnet"),
    ("LocalSubnet", "10.0.0.1/8", "IllegalParam.LocalSubnet", "(10.0.0.1/8)"),
    ("RemoteSubnet", "nonsense", "IllegalParam.RemoteSubnet", "(nonsense)"),
    ("Name", "https://name", "InvalidName", "name"),
    ("NetworkType", "secret", "InvalidNetworkType", "NetworkType"),
    ("TunnelBandwidth", "Huge", "InvalidTunnelBandwidth", "TunnelBandwidth"),
    ("EnableDpd", "maybe", "InvalidEnableDpd", "EnableDpd"),
    ("IkeConfig", "{}", "InvalidIkeConfig", "IkeConfig"),
    ("IpsecConfig", "{}", "InvalidIpsecConfig", "IpsecConfig"),
    ("BgpConfig", "{}", "InvalidBgpConfig", "BgpConfig"),
    ("CustomerGatewayId", "cgw-1", "InvalidCustomerGatewayId", "CustomerGatewayId"),
    ("HealthCheckConfig", r#"{"enable":true}"#, "InvalidHealthCheckConfig", "HealthCheckConfig"),
    ("IkeConfig", "not json", "InvalidIkeConfig", "IkeConfig"),
    ("Tags.1.Key", "aliyun", "InvalidTags", "Tags.1.Key"),
];

/// The same for members of `TunnelOptionsSpecification`, all of which have one code.
const WRONG_MEMBERS: &[(&str, &str)] = &[
    ("TunnelOptionsSpecification.2.TunnelIndex", "2"),
    ("TunnelOptionsSpecification.2.TunnelIndex", "3"),
    ("TunnelOptionsSpecification.2.Role", "slave"),
    ("TunnelOptionsSpecification.2.Role", "king"),
    ("TunnelOptionsSpecification.1.TunnelIkeConfig.Psk", "with space"),
    ("TunnelOptionsSpecification.1.TunnelIkeConfig.LocalId", "a b"),
    ("TunnelOptionsSpecification.1.TunnelIkeConfig.IkeLifetime", "86401"),
    ("TunnelOptionsSpecification.2.TunnelIpsecConfig.IpsecPfs", "group3"),
    ("TunnelOptionsSpecification.2.TunnelBgpConfig.LocalBgpIp", "169.254.12.1"),
    ("TunnelOptionsSpecification.2.TunnelBgpConfig.TunnelCidr", "169.254.169.252/30"),
];

/// The refusal of a request of two tunnels with one thing put in place of another.
fn refusal_with(world: &mut World, gateway: &str, name: &str, value: &str) -> ApiError {
    let mut parameters = vec![("LocalSubnet", "0.0.0.0/0"), ("RemoteSubnet", "0.0.0.0/0")];
    parameters.extend(two(gateway));
    parameters.retain(|(there, _)| *there != name);
    parameters.extend((value != "(none)").then_some((name, value)));
    world.refusal(CREATE, &parameters)
}

#[test]
fn what_cannot_be_an_attachment_is_refused_with_the_name_of_the_field() {
    let mut world = World::new();
    let gateway = world.customer_gateway("198.51.100.7");
    for (name, value, code, named) in WRONG {
        let refusal = refusal_with(&mut world, &gateway, name, value);
        assert_eq!(refusal.code(), *code, "{name}={value}");
        assert!(refusal.message().contains(named), "{}: {named}", refusal.message());
    }
    for (name, value) in WRONG_MEMBERS {
        let refusal = refusal_with(&mut world, &gateway, name, value);
        assert_eq!(refusal.code(), "InvalidTunnelOptionsSpecification", "{name}={value}");
        assert_eq!(refusal.message(), format!("Specified parameter {name} is not valid."));
        // A key must not be told on.
        assert!(!refusal.recommend().contains("with space"));
    }
    let peer = "TunnelOptionsSpecification.1.CustomerGatewayId";
    let refusal = refusal_with(&mut world, &gateway, peer, "(none)");
    assert_eq!(refusal.code(), "MissingTunnelOptionsSpecification");
    assert!(refusal.message().contains(peer));
    for nobody in ["cgw-nothing", "nonsense"] {
        let refusal = refusal_with(&mut world, &gateway, peer, nobody);
        assert_eq!(refusal.code(), "InvalidCustomerGatewayInstanceId.NotFound");
    }
}

#[test]
fn a_connection_has_one_tunnel_or_two() {
    let mut world = World::new();
    let gateway = world.customer_gateway("198.51.100.7");
    let mut parameters = vec![("LocalSubnet", "0.0.0.0/0"), ("RemoteSubnet", "0.0.0.0/0")];
    assert_eq!(world.refusal(CREATE, &parameters).code(), "MissingCustomerGatewayId");
    parameters.push(("TunnelOptionsSpecification.1.CustomerGatewayId", &gateway));
    let refusal = world.refusal(CREATE, &parameters);
    assert_eq!(refusal.code(), "InvalidTunnelOptionsSpecification");
    assert!(refusal.recommend().contains("exactly two"));
}

#[test]
fn a_peer_of_another_region_is_no_peer() {
    let mut world = World::new();
    let gateway = world.customer_gateway("198.51.100.7");
    let parameters = [
        ("RegionId", OTHER_REGION),
        ("LocalSubnet", "0.0.0.0/0"),
        ("RemoteSubnet", "0.0.0.0/0"),
        ("CustomerGatewayId", gateway.as_str()),
    ];
    assert_eq!(world.refusal(CREATE, &parameters).code(), "InvalidCustomerGatewayInstanceId.NotFound");
}

#[test]
fn a_region_has_no_more_connections_than_its_quota_and_a_dry_run_makes_none() {
    let mut world = World::new();
    world.settings.vpn_connections_per_region_max = 1;
    let gateway = world.customer_gateway("198.51.100.7");
    let mut parameters = vec![("LocalSubnet", "0.0.0.0/0"), ("RemoteSubnet", "0.0.0.0/0")];
    parameters.push(("CustomerGatewayId", &gateway));
    parameters.push(("DryRun", "true"));
    assert_eq!(world.refusal(CREATE, &parameters).code(), "DryRunOperation");
    parameters.pop();
    world.call(CREATE, &parameters).unwrap();
    assert_eq!(world.refusal(CREATE, &parameters).code(), "Resource.QuotaFull");
}

#[test]
fn a_new_connection_is_attached_to_the_built_in_transit_router_and_taken_up_by_the_gateway() {
    let mut world = World::new();
    let gateway = world.customer_gateway("198.51.100.7");
    let described = created(&mut world, &[("CustomerGatewayId", &gateway), ("Tag.1.Key", "env")]);
    assert_eq!((&described["AttachType"], &described["State"]), (&json!("CEN"), &json!("attaching")));
    assert!(described["TransitRouterId"].as_str().unwrap().starts_with("tr-"));
    assert_eq!(described["Status"], "ike_sa_not_established");
    assert_eq!(described["Tags"], json!({ "Tag": [{ "Key": "env", "Value": "" }] }));
    world.settle();
    let id = described["VpnConnectionId"].as_str().unwrap();
    let described = world.call("DescribeVpnConnection", &[("VpnConnectionId", id)]).unwrap();
    assert_eq!(
        (&described["State"], &described["Status"]),
        (&json!("attached"), &json!("ipsec_sa_established"))
    );
}

#[test]
fn a_deleted_attachment_takes_its_routes_with_it_and_is_gone_at_once() {
    let (mut world, connection) = World::with_connection();
    for third in 0..5 {
        world.route("CreateVcoRouteEntry", &connection, &format!("192.168.{third}.0/24"), "100").unwrap();
        world.settle();
    }
    // Also while it is updating.
    world.route("DeleteVcoRouteEntry", &connection, "192.168.0.0/24", "100").unwrap();
    let answer = world.call("DeleteVpnAttachment", &[("VpnConnectionId", &connection)]).unwrap();
    assert_eq!(answer["Success"], true);
    let refusal = world.refusal("DescribeVpnConnection", &[("VpnConnectionId", &connection)]);
    assert_eq!(refusal.status(), 404);
    let refusal = world.refusal("DeleteVpnAttachment", &[("VpnConnectionId", &connection)]);
    assert_eq!(refusal.code(), "InvalidVpnConnectionInstanceId.NotFound");
    assert_eq!(
        world.rows.keys().filter(|(kind, _)| kind.starts_with("v")).count(),
        0,
        "{:?}",
        world.rows.keys()
    );
}

#[test]
fn lists_are_filtered_by_peer_tag_and_id() {
    let mut world = World::new();
    let one = world.customer_gateway("198.51.100.7");
    let other = world.customer_gateway("198.51.100.8");
    let first =
        created(&mut world, &[("CustomerGatewayId", &one), ("Tags.1.Key", "env"), ("Tags.1.Value", "dev")]);
    let second = created(&mut world, &two(&other));
    let first = first["VpnConnectionId"].as_str().unwrap();
    let second = second["VpnConnectionId"].as_str().unwrap();
    let cases: &[(Pairs<'_>, &[&str])] = &[
        (&[], &[first, second]),
        (&[("CustomerGatewayId", &other)], &[second]),
        (&[("VpnConnectionId", first)], &[first]),
        (&[("VpnConnectionId", "vco-nothing")], &[]),
        (&[("Tag.1.Key", "env")], &[first]),
        (&[("Tag.1.Key", "env"), ("Tag.1.Value", "dev")], &[first]),
        (&[("Tag.1.Key", "env"), ("Tag.1.Value", "prod")], &[]),
        (&[("VpnGatewayId", "vpn-1")], &[]),
        (&[("ResourceGroupId", "rg-1")], &[]),
        (&[("RegionId", OTHER_REGION)], &[]),
    ];
    for (parameters, expected) in cases {
        let answer = world.call("DescribeVpnConnections", parameters).unwrap();
        let listed = answer["VpnConnections"]["VpnConnection"].as_array().unwrap();
        let ids: Vec<&str> =
            listed.iter().map(|connection| connection["VpnConnectionId"].as_str().unwrap()).collect();
        assert_eq!(ids, *expected, "{parameters:?}");
        assert_eq!(answer["TotalCount"], expected.len());
    }
    let attachments = world.call("DescribeVpnAttachments", &[("AttachType", "CEN")]).unwrap();
    assert_eq!(attachments["VpnAttachments"][0]["InstanceId"], first);
    assert_eq!(attachments["VpnAttachments"][0]["Tag"], r#"{"env":"dev"}"#);
    assert_eq!(attachments["VpnAttachments"][1]["AttachType"], "CEN");
    assert_eq!(world.refusal("DescribeVpnAttachments", &[("AttachType", "VPC")]).code(), "InvalidAttachType");
}

#[test]
fn algorithms_beyond_the_published_ones_are_taken_and_shown() {
    let mut world = World::new();
    let gateway = world.customer_gateway("198.51.100.7");
    for (encryption, group) in [("aes128gcm", "group19"), ("aes192gcm", "group31"), ("aes256gcm", "group14")]
    {
        let ike = format!(r#"{{"IkeVersion":"ikev2","IkeEncAlg":"{encryption}","IkePfs":"{group}"}}"#);
        let ipsec = format!(r#"{{"IpsecEncAlg":"{encryption}","IpsecPfs":"{group}"}}"#);
        let parameters =
            [("CustomerGatewayId", gateway.as_str()), ("IkeConfig", &ike), ("IpsecConfig", &ipsec)];
        let described = created(&mut world, &parameters);
        assert_eq!(
            (&described["IkeConfig"]["IkeEncAlg"], &described["IkeConfig"]["IkePfs"]),
            (&json!(encryption), &json!(group))
        );
        assert_eq!(
            (&described["IpsecConfig"]["IpsecEncAlg"], &described["IpsecConfig"]["IpsecPfs"]),
            (&json!(encryption), &json!(group))
        );
    }
}
