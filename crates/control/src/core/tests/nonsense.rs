//! Parameters that make no sense: whatever is sent, the answer is an answer or a refusal, never a panic, never a fault of the server's
//! own, and a refusal changes nothing.

use proptest::prelude::{Strategy, any, prop_assert, prop_oneof, proptest};
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError};

use causeway_wire::{HttpRequest, Params, percent_encode};

use crate::core::Outcome;
use crate::operation;
use crate::testing::{ACCOUNT, World};

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

/// A tree of names that starts at a parameter's and goes on as it likes.
fn name() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => select(names()),
        2 => (0..12_u32).prop_map(|index| index.to_string()),
        1 => select(["", "0", "Key", "Value", "99999", "-1", "TunnelIkeConfig", "Psk", "a b"].map(ToOwned::to_owned).to_vec()),
    ];
    prop_oneof![
        4 => select(names()),
        1 => proptest::collection::vec(part, 1..5).prop_map(|parts| parts.join(".")),
    ]
}

/// The parameters of a request's body, whatever its bytes are; none where they cannot be read.
fn decoded(body: &[u8]) -> Option<Params> {
    let form = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    Params::decode(&HttpRequest { method: "POST", path: "/", query: "", headers: &form, body }).ok()
}

/// Bytes that are a form, nearly one, or anything.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let pair = (name(), value()).prop_map(|(name, value)| format!("{name}={}", percent_encode(&value)));
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        proptest::collection::vec(pair, 0..8).prop_map(|pairs| pairs.join("&").into_bytes()),
        "[A-Za-z.0-9=&%+\\[\\]{}\":,]{0,200}".prop_map(String::into_bytes),
    ]
}

/// A world where there is something to break: a connection with two tunnels, a route and a tag.
fn inhabited() -> (World, String, String) {
    let (mut world, connection) = World::with_connection();
    world.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
    world.settle();
    let region = "eu-central-1".parse().unwrap();
    let gateway = world.state.customer_gateways(&region).next().unwrap().id.to_string();
    (world, connection, gateway)
}

/// Holds an outcome against what must hold of every one: no fault of the server's own, a refusal that changes nothing, an answer
/// whose changes lead to the same state that a restart would find.
fn judge(world: &mut World, outcome: Outcome) -> Result<(), TestCaseError> {
    match outcome {
        Outcome::Answered { body, changes, .. } => {
            prop_assert!(body["RequestId"].is_string());
            world.commit(&changes);
            prop_assert!(world.state == world.restored());
        }
        // It carries no changes: the type says that it changes nothing.
        Outcome::Refused(refusal) => {
            prop_assert!((400..500).contains(&refusal.status()), "{refusal}");
            let (code, message) = (refusal.code(), refusal.message());
            prop_assert!(!code.contains('{') && !message.contains("{ParameterName}"), "{code}: {message}");
            prop_assert!(code.len() > 5, "{code}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config { cases: 2_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_parameters_make_an_operation_fail_for_reasons_of_its_own(
        action in select(operation::all().iter().map(|entry| entry.name).collect::<Vec<_>>()),
        pairs in proptest::collection::btree_map(name(), value(), 0..14),
    ) {
        let (mut world, connection, gateway) = inhabited();
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(name, value)| match value.as_str() {
                "CONNECTION" => (name.as_str(), connection.as_str()),
                "GATEWAY" => (name.as_str(), gateway.as_str()),
                value => (name.as_str(), value),
            })
            .collect();
        // Names that no request can have are refused before there is an operation.
        let mut with_region = pairs.clone();
        with_region.push(("RegionId", "eu-central-1"));
        for pairs in [with_region, pairs] {
            let form: Vec<String> =
                pairs.iter().map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value))).collect();
            if let Some(params) = decoded(form.join("&").as_bytes()) {
                let outcome = world.plan_exactly(action, &params);
                judge(&mut world, outcome)?;
            }
        }
    }

    #[test]
    fn no_bytes_make_an_operation_fail_for_reasons_of_its_own(
        action in select(operation::all().iter().map(|entry| entry.name).collect::<Vec<_>>()),
        body in body(),
    ) {
        if let Some(params) = decoded(&body) {
            let (mut world, ..) = inhabited();
            let outcome = world.plan_exactly(action, &params);
            judge(&mut world, outcome)?;
        }
    }
}
