//! Parameters that make no sense: whatever is sent, the answer is an answer or a refusal, never a panic.

use proptest::prelude::{Strategy, any, prop_assert, prop_oneof, proptest};
use proptest::sample::select;
use proptest::test_runner::Config;

use crate::catalogue;
use crate::core::Outcome;
use crate::operation;
use crate::testing::{ACCOUNT, World, params};

/// The names of all parameters of all operations, and of some members.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "TunnelOptionsSpecification.1.TunnelIkeConfig.Psk",
        "TunnelOptionsSpecification.1.TunnelIkeConfig.IkeLifetime",
        "TunnelOptionsSpecification.1.TunnelIkeConfig",
        "TunnelOptionsSpecification.1.TunnelBgpConfig.LocalBgpIp",
        "TunnelOptionsSpecification.1.TunnelBgpConfig.TunnelCidr",
        "TunnelOptionsSpecification.1.TunnelBgpConfig.LocalAsn",
        "TunnelOptionsSpecification.1.TunnelIpsecConfig.IpsecPfs",
        "TunnelOptionsSpecification.1.CustomerGatewayId",
        "TunnelOptionsSpecification.2.CustomerGatewayId",
        "TunnelOptionsSpecification.1.TunnelIndex",
        "TunnelOptionsSpecification.2.TunnelIndex",
        "TunnelOptionsSpecification.1.Role",
        "TunnelOptionsSpecification.7",
        "IkeConfig.Psk",
        "Tags.1.Key",
        "Tag.1.Key",
        "Tag.1.Value",
        "TagKey.1",
        "ResourceId.1",
        "Zone.1.ZoneId",
        "Zone",
        "ClientToken",
        "OwnerId",
        "ResourceOwnerId",
        "ResourceOwnerAccount",
    ]
    .map(ToOwned::to_owned)
    .to_vec();
    for entry in operation::all() {
        let schema = entry.request_schema().to_value();
        names.extend(schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
    }
    names.sort();
    names.dedup();
    names
}

/// Values that are right for some parameter, and values that are right for none.
fn value() -> impl Strategy<Value = String> {
    let known = [
        "",
        "0",
        "1",
        "2",
        "100",
        "-1",
        "4294967296",
        "99999999999999999999",
        "true",
        "False",
        "maybe",
        "eu-central-1",
        "ap-southeast-2",
        "cgw-1",
        "vco-1",
        "CONNECTION",
        "GATEWAY",
        "tr-attach-1",
        "tr-1",
        "tun-1",
        "0.0.0.0/0",
        "10.0.0.0/8",
        "192.168.10.0/24",
        "192.168.10.0/33",
        "1.2.3.4",
        "255.255.255.255",
        "::/0",
        "VPNATTACHMENT",
        "CUSTOMERGATEWAY",
        "[]",
        "{}",
        "[{}]",
        "[{},{}]",
        r#"{"Psk":"x"}"#,
        r#"{"enable":true}"#,
        "null",
        "Ipsec",
        "custom",
        "bgp",
        "CEN",
        "public",
        "Large",
        "ikev2",
        "169.254.11.0/30",
        "169.254.11.1",
        "é",
        "\u{0}",
        "a b",
        ACCOUNT,
    ];
    prop_oneof![
        8 => select(known.map(ToOwned::to_owned).to_vec()),
        1 => any::<String>().prop_map(|text| text.chars().take(80).collect()),
    ]
}

proptest! {
    #![proptest_config(Config { cases: 400, failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_parameters_make_an_operation_panic(
        action in select(operation::all().iter().map(|entry| entry.name).collect::<Vec<_>>()),
        pairs in proptest::collection::btree_map(select(names()), value(), 0..14),
    ) {
        let (mut world, connection) = World::with_connection();
        world.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
        world.settle();
        let region = "eu-central-1".parse().unwrap();
        let gateway = world.state.customer_gateways(&region).next().unwrap().id.to_string();
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(name, value)| match value.as_str() {
                "CONNECTION" => (name.as_str(), connection.as_str()),
                "GATEWAY" => (name.as_str(), gateway.as_str()),
                value => (name.as_str(), value),
            })
            .collect();
        match world.plan(action, &pairs) {
            Outcome::Answered { body, changes, .. } => {
                prop_assert!(body["RequestId"].is_string());
                world.commit(&changes);
                prop_assert!(world.state == world.restored());
            }
            Outcome::Refused(refusal) => {
                prop_assert!(refusal.kind != &catalogue::INTERNAL_ERROR, "{refusal}");
                let (code, message) = (refusal.code(), refusal.message());
                prop_assert!(!code.contains('{') && !message.contains("{ParameterName}"), "{code}: {message}");
                prop_assert!(code.len() > 5, "{code}");
            }
        }
        // Exactly as they came, without the region that the helper adds.
        let _either = world.plan_exactly(action, &params(&pairs));
    }
}
