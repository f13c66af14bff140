//! What `DiagnoseVpnGateway` finds, and what becomes of it.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde_json::Value;

use crate::observed::{
    FailureKind, NegotiatedSelectors, ObservedForwarding, ObservedTraffic, ObservedTunnel,
};
use crate::resource::diagnosis::DIAGNOSES_MAX;
use crate::testing::{OTHER_REGION, Pairs, World};

/// A VPN gateway with a connection and a route over it, in force, forwarding, and with packets passing.
struct Scene {
    world: World,
    gateway: String,
    connection: String,
}

/// By the name of the item: its level, and what was found.
type Results = BTreeMap<String, (String, Value)>;

impl Scene {
    fn new() -> Self {
        let mut world = World::new();
        let gateway = world.vpn_gateway("vpc-a");
        let peer = world.customer_gateway("198.51.100.7");
        let connection = connection(&mut world, &gateway, &peer);
        let mut scene = Self { world, gateway, connection };
        scene.settle();
        scene.route("CreateVpnRouteEntry", "10.2.0.0/16", &[]);
        scene
    }

    fn route(&mut self, action: &str, dest: &str, more: Pairs<'_>) {
        let route = [
            ("VpnGatewayId", self.gateway.as_str()),
            ("NextHop", &self.connection),
            ("RouteDest", dest),
            ("Weight", "100"),
            ("PublishVpc", "true"),
        ];
        self.world.call(action, &[&route[..], more].concat()).unwrap();
        self.settle();
    }

    fn settle(&mut self) {
        self.world.settle();
        let now_ms = self.world.now_ms;
        for (id, observed) in &mut self.world.reports.0 {
            let mut forwarding = ObservedForwarding {
                entry: Some(100),
                linux_route: Some("cway0".to_owned()),
                ..ObservedForwarding::default()
            };
            for (tunnel, seen) in &mut observed.tunnels {
                let net = |net: &str| vec![net.parse::<Ipv4Net>().unwrap()];
                seen.selectors =
                    Some(NegotiatedSelectors { local: net("10.1.0.0/16"), remote: net("10.2.0.0/16") });
                let traffic = ObservedTraffic { sent_ms: Some(now_ms), received_ms: Some(now_ms) };
                forwarding.tunnels.insert(tunnel.clone(), traffic);
            }
            self.world.reports.2.insert(id.clone(), forwarding);
        }
    }

    fn tunnels(&mut self) -> impl Iterator<Item = &mut ObservedTunnel> {
        let observed = self.world.reports.0.get_mut(&self.connection.parse().unwrap()).unwrap();
        observed.tunnels.values_mut()
    }

    fn down(&mut self, failure: &FailureKind) {
        self.tunnels().for_each(|seen| {
            let (failure, last_error) = (Some(failure.clone()), Some(format!("{failure:?}")));
            *seen = ObservedTunnel { failure, last_error, ..ObservedTunnel::default() };
        });
    }

    fn diagnose(&mut self, more: Pairs<'_>) -> String {
        let asked = [
            ("VpnGatewayId", self.gateway.as_str()),
            ("ResourceType", "IPsec"),
            ("ResourceId", &self.connection),
        ];
        let answer = self.world.call("DiagnoseVpnGateway", &[&asked[..], more].concat()).unwrap();
        answer["DiagnoseId"].as_str().unwrap().to_owned()
    }

    fn show(&mut self, id: &str) -> Value {
        self.world.call("GetVpnGatewayDiagnoseResult", &[("DiagnoseId", id)]).unwrap()
    }

    fn results(&mut self, more: Pairs<'_>) -> Results {
        let id = self.diagnose(more);
        let answer = self.show(&id);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let item = |it: &Value| {
            let found = serde_json::from_str(it["DiagnoseResultDescription"].as_str().unwrap()).unwrap();
            (text(&it["DiagnoseName"]), (text(&it["DiagnoseResultLevel"]), found))
        };
        answer["DiagnoseResult"].as_array().unwrap().iter().map(item).collect()
    }
}

fn connection(world: &mut World, gateway: &str, peer: &str) -> String {
    let parameters = [
        ("VpnGatewayId", gateway),
        ("LocalSubnet", "10.1.0.0/16"),
        ("RemoteSubnet", "10.2.0.0/16"),
        ("AutoConfigRoute", "false"),
        ("TunnelOptionsSpecification.1.CustomerGatewayId", peer),
        ("TunnelOptionsSpecification.2.CustomerGatewayId", peer),
    ];
    let answer = world.call("CreateVpnConnection", &parameters).unwrap();
    answer["VpnConnectionId"].as_str().unwrap().to_owned()
}

const BETWEEN: (&str, &str) =
    ("IPsecExtendInfo", r#"{"PrivateSourceIp":"10.1.0.9","PrivateDestinationIp":"10.2.0.9"}"#);

#[test]
fn a_connection_that_works_is_normal_in_every_item() {
    let mut scene = Scene::new();
    for more in [&[][..], &[BETWEEN]] {
        let results = scene.results(more);
        assert_eq!(results.len(), 7);
        for (name, (level, found)) in results {
            assert_eq!(level, "normal", "{name}: {found}");
        }
    }
    let id = scene.diagnose(&[]);
    let told = scene.show(&id);
    assert_eq!((&told["TotalCount"], &told["FinishedCount"]), (&7.into(), &7.into()));
    assert_eq!(told["ResourceInstanceId"], scene.connection.as_str());
    assert_eq!(told["VpnGatewayId"], scene.gateway.as_str());
    assert_eq!((&told["ResourceType"], &told["BeginTime"]), (&"IPsec".into(), &told["FinishTime"]));
}

/// What is wrong; the item, its level, and where in what was found which text must be.
type Case = (fn(&mut Scene), &'static str, &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    (
        |scene| {
            let peer = scene.world.customer_gateway("198.51.100.8");
            let ours = std::mem::take(&mut scene.connection);
            // Another connection has the same route.
            scene.connection = connection(&mut scene.world, &scene.gateway, &peer);
            scene.settle();
            scene.route("CreateVpnRouteEntry", "10.2.0.0/16", &[]);
            scene.connection = ours;
        },
        "RouteEntryConflict",
        "warning",
        "/conflicts/0/reason",
        "the smaller id is taken",
    ),
    (
        |scene| scene.world.settings.vpcs = vec![vpc("10.0.0.0/8")],
        "RouteEntryConflict",
        "warning",
        "/conflicts/0/conflictsWith",
        "vpc-a",
    ),
    (|_| {}, "RouteEntryConflict", "normal", "/count", "0"),
    (|scene| scene.world.settings.vpn_routes_per_gateway_max = 1, "VpnRouteQuota", "error", "/used", "1"),
    (
        |scene| scene.world.settings.vpn_connections_per_region_max = 1,
        "VpnIPsecQuota",
        "error",
        "/quantity",
        "1",
    ),
    (
        |scene| scene.world.settings.vpn_pbr_routes_per_gateway_max = 0,
        "VpnPbrRouteQuota",
        "error",
        "/quotaName",
        "vpn_pbr_routes_per_gateway",
    ),
    (
        |scene| {
            for number in 0..9 {
                scene.route("CreateVpnRouteEntry", &format!("10.2.{number}.0/24"), &[]);
            }
            scene.world.settings.vpn_routes_per_gateway_max = 11;
        },
        "VpnRouteQuota",
        "warning",
        "/used",
        "10",
    ),
    (
        |scene| scene.down(&FailureKind::PreSharedKey),
        "VcoConfigConsistency",
        "error",
        "/vcoDiffConf/0/code",
        "PskMismatch",
    ),
    (
        |scene| scene.tunnels().take(1).for_each(|seen| seen.selectors = narrow()),
        "VcoConfigConsistency",
        "warning",
        "/vcoDiffConf/0/remote",
        "RemoteSubnet=10.2.0.0/17",
    ),
    (
        |scene| scene.down(&FailureKind::PeerUnreachable),
        "VcoConfigConsistency",
        "warning",
        "/vcoLackConf/0",
        "tun-",
    ),
    (|scene| scene.world.reports.0.clear(), "VcoConfigConsistency", "warning", "/vcoConf/0/ikeEncAlg", "aes"),
    (
        |scene| scene.down(&FailureKind::PeerUnreachable),
        "VcoUserInternetIpConnectivity",
        "error",
        "/targetIp",
        "198.51.100.7",
    ),
    (
        |scene| scene.down(&FailureKind::PreSharedKey),
        "VcoUserInternetIpConnectivity",
        "normal",
        "/tunnels/0/answers",
        "true",
    ),
    (
        |scene| scene.tunnels().take(1).for_each(|seen| *seen = ObservedTunnel::default()),
        "VcoUserInternetIpConnectivity",
        "warning",
        "/tunnels",
        r#""answers":null"#,
    ),
    (
        |scene| scene.world.reports.0.clear(),
        "VcoUserInternetIpConnectivity",
        "warning",
        "/tunnels/1/answers",
        "null",
    ),
    (
        |scene| scene.down(&FailureKind::PeerUnreachable),
        "VcoPrivateConnectivity",
        "error",
        "/code",
        "TunnelPeerUnreachable",
    ),
    (
        |scene| scene.down(&FailureKind::PeerUnreachable),
        "VcoPrivateConnectivity",
        "error",
        "/hints/0/code",
        "RouteWithoutTunnel",
    ),
    (
        |scene| scene.route("DeleteVpnRouteEntry", "10.2.0.0/16", &[]),
        "VcoPrivateConnectivity",
        "error",
        "/code",
        "ConnectionHasNoRoutes",
    ),
    (|scene| scene.world.reports.0.clear(), "VcoPrivateConnectivity", "warning", "/code", "CannotTell"),
    (
        |scene| {
            let forwarding = scene.world.reports.2.values_mut();
            let passed = forwarding.flat_map(|it| it.tunnels.values_mut());
            passed.for_each(|passed| passed.received_ms = passed.received_ms.map(|ms| ms - 60_000));
        },
        "VcoPrivateConnectivity",
        "warning",
        "/hints/0/code",
        "NothingComesBack",
    ),
];

fn narrow() -> Option<NegotiatedSelectors> {
    let net = |net: &str| vec![net.parse::<Ipv4Net>().unwrap()];
    Some(NegotiatedSelectors { local: net("10.1.0.0/16"), remote: net("10.2.0.0/17") })
}

fn vpc(block: &str) -> crate::settings::ConfiguredVpc {
    crate::settings::ConfiguredVpc {
        id: "vpc-a".parse().unwrap(),
        region: crate::testing::REGION.parse().unwrap(),
        cidr_blocks: vec![block.parse().unwrap()],
        interface: None,
        v_switches: Vec::new(),
    }
}

#[test]
fn each_item_has_its_level_and_says_what_was_found() {
    for (spoil, name, level, place, expected) in CASES {
        let mut scene = Scene::new();
        spoil(&mut scene);
        let results = scene.results(&[]);
        let (found_level, found) = &results[*name];
        assert_eq!(found_level, level, "{name}: {found}");
        let told = found.pointer(place).unwrap_or_else(|| panic!("no {place} in {found}"));
        let told = told.as_str().map_or_else(|| told.to_string(), ToOwned::to_owned);
        assert!(told.contains(expected), "{name} {place}: {told}");
    }
}

#[test]
fn between_two_addresses_the_way_of_that_packet_is_told() {
    let mut scene = Scene::new();
    let between =
        |from: &str, to: &str| format!(r#"{{"PrivateSourceIp":"{from}","PrivateDestinationIp":"{to}"}}"#);
    let mut found = |from: &str, to: &str| {
        let between = between(from, to);
        scene.results(&[("IPsecExtendInfo", &between)]).remove("VcoPrivateConnectivity").unwrap()
    };
    let (level, told) = found("10.1.0.9", "10.2.0.9");
    assert_eq!((level.as_str(), &told["code"]), ("normal", &"Forwards".into()));
    assert_eq!((&told["srcIp"], &told["targetIp"]), (&"10.1.0.9".into(), &"10.2.0.9".into()));
    let (level, told) = found("10.9.0.9", "10.2.0.9");
    assert_eq!((level.as_str(), &told["code"]), ("error", &"SourceOutsideSelectors".into()));
    let (level, told) = found("10.1.0.9", "192.0.2.1");
    assert_eq!((level.as_str(), &told["code"]), ("error", &"NoRouteForDestination".into()));
    // Another connection has a longer prefix.
    let peer = scene.world.customer_gateway("198.51.100.8");
    let ours = std::mem::take(&mut scene.connection);
    scene.connection = connection(&mut scene.world, &scene.gateway, &peer);
    scene.settle();
    scene.route("CreateVpnRouteEntry", "10.2.0.0/24", &[]);
    scene.connection = ours;
    let (level, told) = scene.results(&[BETWEEN]).remove("VcoPrivateConnectivity").unwrap();
    assert_eq!(level, "warning");
    assert_ne!(told["nextHop"], scene.connection.as_str());
}

#[test]
fn no_secret_is_in_what_was_found() {
    let mut scene = Scene::new();
    let id = scene.connection.parse().unwrap();
    let tunnels = &scene.world.state.vpn_connection(&id).unwrap().tunnels;
    let keys: Vec<String> = tunnels.iter().map(|tunnel| tunnel.ike.psk.expose().to_owned()).collect();
    scene.down(&FailureKind::PreSharedKey);
    let id = scene.diagnose(&[]);
    let told = scene.show(&id).to_string();
    assert!(keys.iter().all(|key| !key.is_empty() && !told.contains(key.as_str())), "{told}");
}

#[test]
fn a_diagnosis_stays_what_it_was_also_after_a_restart_and_when_the_gateway_is_gone() {
    let mut scene = Scene::new();
    let id = scene.diagnose(&[]);
    let told = scene.show(&id)["DiagnoseResult"].clone();
    scene.down(&FailureKind::PeerUnreachable);
    assert_eq!(scene.show(&id)["DiagnoseResult"], told);
    scene.world.state = scene.world.restored();
    assert_eq!(scene.show(&id)["DiagnoseResult"], told);
    let connection = [("VpnConnectionId", scene.connection.as_str())];
    scene.world.call("DeleteVpnConnection", &connection).unwrap();
    scene.world.settle();
    let gateway = [("VpnGatewayId", scene.gateway.clone())];
    let gateway = gateway.each_ref().map(|(name, id)| (*name, id.as_str()));
    scene.world.call("DeleteVpnGateway", &gateway).unwrap();
    scene.world.settle();
    assert_eq!(scene.show(&id)["DiagnoseResult"], told);
    let refusal = scene.world.refusal("GetVpnGatewayDiagnoseResult", &gateway);
    assert_eq!(refusal.code(), "InvalidVpnGatewayInstanceId.NotFound");
}

#[test]
fn without_an_id_the_latest_diagnosis_of_the_gateway_is_shown() {
    let mut scene = Scene::new();
    let gateway = scene.gateway.clone();
    let of_gateway = [("VpnGatewayId", gateway.as_str())];
    let refusal = scene.world.refusal("GetVpnGatewayDiagnoseResult", &of_gateway);
    assert_eq!((refusal.code().as_ref(), refusal.status()), ("InvalidDiagnoseId.NotFound", 404));
    let first = scene.diagnose(&[]);
    // The clock went back meanwhile.
    scene.world.now_ms -= 60_000;
    let second = scene.diagnose(&[]);
    let shown = |scene: &mut Scene, asked: Pairs<'_>| {
        let answer = scene.world.call("GetVpnGatewayDiagnoseResult", asked).unwrap();
        answer["DiagnoseId"].as_str().unwrap().to_owned()
    };
    assert_eq!(shown(&mut scene, &of_gateway), second);
    assert_eq!(shown(&mut scene, &[of_gateway[0], ("DiagnoseId", &first)]), first);
    let other = scene.world.vpn_gateway("vpc-b");
    let mut code =
        |asked: Pairs<'_>| scene.world.refusal("GetVpnGatewayDiagnoseResult", asked).code().into_owned();
    assert_eq!(code(&[("VpnGatewayId", &other), ("DiagnoseId", &first)]), "InvalidDiagnoseId.NotFound");
    assert_eq!(code(&[("RegionId", OTHER_REGION), ("DiagnoseId", &first)]), "InvalidDiagnoseId.NotFound");
    assert_eq!(code(&[("DiagnoseId", "nonsense")]), "InvalidDiagnoseId.NotFound");
    assert_eq!(code(&[]), "MissingDiagnoseId");
}

#[test]
fn what_is_not_a_connection_of_the_gateway_is_not_diagnosed() {
    let mut scene = Scene::new();
    let gateway = scene.gateway.clone();
    let peer = scene.world.customer_gateway("198.51.100.9");
    let attachment = scene.world.two_tunnels(&peer);
    let mut code = |resource: &str, more: (&str, &str)| {
        let asked =
            [("VpnGatewayId", gateway.as_str()), ("ResourceType", "IPsec"), ("ResourceId", resource), more];
        scene.world.refusal("DiagnoseVpnGateway", &asked).code().into_owned()
    };
    for resource in [attachment.as_str(), "vco-nothing", "nonsense"] {
        assert_eq!(code(resource, ("Name", "")), "InvalidVpnConnectionInstanceId.NotFound", "{resource}");
    }
    for half in [
        r#"{"PrivateSourceIp":"10.1.0.9"}"#,
        "[]",
        r#"{"PrivateSourceIp":"10.1.0.9","PrivateDestinationIp":"x"}"#,
    ] {
        assert_eq!(code(&attachment, ("IPsecExtendInfo", half)), "InvalidIPsecExtendInfo", "{half}");
    }
    let other_type =
        [("VpnGatewayId", gateway.as_str()), ("ResourceType", "SSL"), ("ResourceId", &attachment)];
    assert_eq!(scene.world.refusal("DiagnoseVpnGateway", &other_type).code(), "InvalidResourceType");
}

#[test]
fn the_same_token_diagnoses_once_and_a_dry_run_not_at_all() {
    let mut scene = Scene::new();
    let token = [("ClientToken", "t")];
    assert_eq!(scene.diagnose(&token), scene.diagnose(&token));
    assert_eq!(scene.world.state.diagnosis_count(), 1);
    let asked = [
        ("VpnGatewayId", scene.gateway.as_str()),
        ("ResourceType", "IPsec"),
        ("ResourceId", &scene.connection),
        ("DryRun", "true"),
    ];
    assert_eq!(scene.world.refusal("DiagnoseVpnGateway", &asked).code(), "DryRunOperation");
    assert_eq!(scene.world.state.diagnosis_count(), 1);
}

#[test]
fn a_diagnosis_is_no_change_that_could_be_listed_or_undone_and_touches_nothing() {
    let mut scene = Scene::new();
    let changes = scene.world.call("ListChanges", &[]).unwrap()["Changes"].clone();
    scene.diagnose(&[]);
    assert_eq!(scene.world.call("ListChanges", &[]).unwrap()["Changes"], changes);
    let gateway = scene.gateway.clone();
    assert_eq!(scene.world.vpn_gateway_status(&gateway), "active", "no change is waited for");
}

#[test]
fn the_oldest_diagnosis_goes_when_there_are_too_many() {
    let mut scene = Scene::new();
    let ids: Vec<String> = (0..DIAGNOSES_MAX + 2).map(|_| scene.diagnose(&[])).collect();
    assert_eq!(scene.world.state.diagnosis_count(), DIAGNOSES_MAX);
    let kept: Vec<&str> = scene.world.state.diagnoses().map(|it| it.id.as_str()).collect();
    assert_eq!(kept, ids[2..]);
    assert_eq!(scene.world.rows.keys().filter(|(kind, _)| kind == "diagnosis").count(), DIAGNOSES_MAX);
    let sizes =
        scene.world.rows.iter().filter(|((kind, _), _)| kind == "diagnosis").map(|(_, json)| json.len());
    assert!(sizes.max().unwrap() < 4_096);
}
