//! Parameters that make no sense, sent to every operation of every product: whatever is sent, the answer is an answer or a refusal,
//! never a panic, never a fault of the server's own, and a refusal changes nothing.

use proptest::prelude::{Strategy, any, prop_assert, prop_oneof, proptest};
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError};

use causeway_wire::{HttpRequest, Params, percent_encode};

use super::everybody::{self, Samples, furnished};
use crate::core::{Common, Outcome};
use crate::operation::{self, Entry};
use crate::testing::{ACCOUNT, World, check_listed};

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
        "$VpnConnectionId",
        "$ConnectionOfVpnGateway",
        "$CustomerGatewayId",
        "$VpnGatewayId",
        "$TunnelId",
        "$VpcId",
        "$VSwitchId",
        "$CenId",
        "$TransitRouterId",
        "$TransitRouterAttachmentId",
        "$ChangeRequestId",
        "$UserName",
        "$UserAccessKeyId",
        "$RoleName",
        "$RoleArn",
        "$PolicyName",
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
        "Cen",
        "role",
        "Custom",
        "System",
        "2026-01-01T00:00:00Z",
        "1e3",
        "v1",
        "[]",
        "{}",
        "[{}]",
        "[{},{}]",
        r#"{"Psk":"x"}"#,
        r#"{"enable":true}"#,
        r#"["a",1]"#,
        r#"{"Version":"1","Statement":[{}]}"#,
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
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

/// A world in which there is one of everything to break, with the names of what is in it.
fn inhabited() -> (World, Samples) {
    thread_local! {
        static MADE: (World, Samples) = {
            let (mut world, mut samples) = furnished(ACCOUNT);
            world.settle();
            world.route("CreateVcoRouteEntry", &samples["VpnConnectionId"], "192.168.10.0/24", "100").unwrap();
            let connection = routes_of_a_vpn_gateway(&mut world, &samples);
            samples.insert(OF_VPN_GATEWAY, connection);
            world.settle();
            (world, samples)
        };
    }
    MADE.with(Clone::clone)
}

/// The sample of a connection that is bound to a VPN gateway; that of `VpnConnectionId` is attached to a transit router.
const OF_VPN_GATEWAY: &str = "ConnectionOfVpnGateway";

/// Makes a connection of the VPN gateway and a route of each kind over it.
fn routes_of_a_vpn_gateway(world: &mut World, samples: &Samples) -> String {
    let peer = world.customer_gateway("198.51.100.77");
    let gateway = ("VpnGatewayId", samples["VpnGatewayId"].as_str());
    let networks = [("LocalSubnet", "10.1.0.0/16"), ("RemoteSubnet", "10.2.0.0/16")];
    let over = [gateway, ("CustomerGatewayId", peer.as_str())];
    let made = world.call("CreateVpnConnection", &[networks, over].concat()).unwrap();
    let connection = made["VpnConnectionId"].as_str().unwrap().to_owned();
    let route = [
        gateway,
        ("NextHop", connection.as_str()),
        ("RouteDest", "192.168.10.0/24"),
        ("Weight", "100"),
        ("PublishVpc", "true"),
    ];
    world.settle();
    world.call("CreateVpnRouteEntry", &route).unwrap();
    world.settle();
    let policy = [("RouteSource", "10.1.0.0/16"), ("Priority", "10")];
    world.call("CreateVpnPbrRouteEntry", &[&route[..], &policy].concat()).unwrap();
    connection
}

/// A request that the operation understands and that is about something that is there.
fn right_request(action: &str, samples: &Samples) -> Vec<(String, String)> {
    let entry = operation::named(action).unwrap();
    let mut pairs = everybody::request(entry, samples);
    let of_vpn_gateway = entry.name.ends_with("VpnConnection")
        || entry.name == "ModifyVpnConnectionAttribute"
        || pairs.iter().any(|(name, _)| name == "VpnGatewayId");
    for (_, value) in pairs.iter_mut().filter(|(name, value)| {
        of_vpn_gateway && ["NextHop", "VpnConnectionId"].contains(&name.as_str()) && value.starts_with("vco-")
    }) {
        value.clone_from(&samples[OF_VPN_GATEWAY]);
    }
    if !pairs.iter().any(|(name, _)| name == "RegionId") {
        pairs.push(("RegionId".to_owned(), "eu-central-1".to_owned()));
    }
    pairs
}

/// A value, or the sample that `$VpnConnectionId` stands for.
fn filled<'a>(value: &'a str, samples: &'a Samples) -> &'a str {
    value.strip_prefix('$').and_then(|name| samples.get(name)).map_or(value, String::as_str)
}

/// Parameters as a form has them. Names that no request can have are refused before there is an operation.
fn form<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Params> {
    let pair = |(name, value)| format!("{}={}", percent_encode(name), percent_encode(value));
    decoded(pairs.map(pair).collect::<Vec<_>>().join("&").as_bytes())
}

/// The operations of all products.
fn action() -> impl Strategy<Value = String> {
    select(operation::all().iter().map(Entry::full_name).collect::<Vec<_>>())
}

/// What is done to a request that would be understood.
#[derive(Debug, Clone)]
enum Spoiling {
    /// One of its parameters is left out.
    Without(usize),
    /// One of them has another value.
    With(usize, String),
    /// One of them has members.
    Inside(usize, String, String),
    /// One more is added.
    And(String, String),
}

fn spoiling() -> impl Strategy<Value = Spoiling> {
    let which = any::<usize>;
    prop_oneof![
        1 => which().prop_map(Spoiling::Without),
        4 => (which(), value()).prop_map(|(at, value)| Spoiling::With(at, value)),
        1 => (which(), name(), value()).prop_map(|(at, name, value)| Spoiling::Inside(at, name, value)),
        4 => (name(), value()).prop_map(|(name, value)| Spoiling::And(name, value)),
    ]
}

impl Spoiling {
    fn spoil(self, pairs: &mut Vec<(String, String)>, samples: &Samples) {
        let filled = |value: String| filled(&value, samples).to_owned();
        let count = pairs.len().max(1);
        match self {
            Self::Without(at) if !pairs.is_empty() => drop(pairs.remove(at % count)),
            Self::With(at, value) if !pairs.is_empty() => pairs[at % count].1 = filled(value),
            Self::Inside(at, name, value) if !pairs.is_empty() => {
                let pair = &mut pairs[at % count];
                *pair = (format!("{}.{name}", pair.0), filled(value));
            }
            Self::And(name, value) => pairs.push((name, filled(value))),
            Self::Without(_) | Self::With(..) | Self::Inside(..) => {}
        }
    }
}

/// Whether an operation understands its parameters, whatever comes of it.
fn is_understood(action: &str, params: &Params) -> bool {
    operation::named(action).unwrap().decode(params).is_ok() && params.decode_into::<Common>().is_ok()
}

/// Calls, and holds what comes of it against what must hold of everything: no fault of the server's own, a refusal that changes
/// nothing and whose code the operation lists, an answer whose changes lead to the same state that a restart would find.
fn try_it(world: &mut World, action: &str, params: &Params) -> Result<(), TestCaseError> {
    let outcome = world.plan_exactly(action, params);
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
            // What is not understood has the code that belongs to its parameter.
            if is_understood(action, params) {
                check_listed(action, &refusal);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config { cases: 2_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_parameters_make_an_operation_fail_for_reasons_of_its_own(
        action in action(),
        pairs in proptest::collection::btree_map(name(), value(), 0..14),
    ) {
        let (mut world, samples) = inhabited();
        let pairs: Vec<(&str, &str)> =
            pairs.iter().map(|(name, value)| (name.as_str(), filled(value, &samples))).collect();
        for region in [Some(("RegionId", "eu-central-1")), None] {
            if let Some(params) = form(pairs.iter().copied().chain(region)) {
                try_it(&mut world, &action, &params)?;
            }
        }
    }

    #[test]
    fn no_request_that_is_nearly_right_makes_an_operation_fail_for_reasons_of_its_own(
        action in action(),
        spoilings in proptest::collection::vec(spoiling(), 0..4),
    ) {
        let (mut world, samples) = inhabited();
        let mut pairs = right_request(&action, &samples);
        for spoiling in spoilings {
            spoiling.spoil(&mut pairs, &samples);
        }
        if let Some(params) = form(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))) {
            try_it(&mut world, &action, &params)?;
        }
    }

    #[test]
    fn no_bytes_make_an_operation_fail_for_reasons_of_its_own(
        action in action(),
        body in body(),
    ) {
        if let Some(params) = decoded(&body) {
            let (mut world, ..) = inhabited();
            try_it(&mut world, &action, &params)?;
        }
    }
}
