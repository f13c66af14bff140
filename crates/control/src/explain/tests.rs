//! Each finding provoked once, by table.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::{Code, Explanation, Outcome, Question, Subject, explain};
use crate::ids::VpnConnectionId;
use crate::observed::{
    CertificateProblem, FailureKind, NatDetected, Negotiated, NegotiatedSelectors, ObservedForwarding,
    ObservedTraffic, ObservedTunnel, ProposalItem, TunnelHealth, TunnelStatus,
};
use crate::record::{Change, Record};
use crate::resource::vpn_connection::VpnConnection;
use crate::testing::{Pairs, REGION, World};

const DEST: &str = "10.2.0.0/16";

/// Two connections; the first has a route to [`DEST`], and all is well with it.
struct Scene {
    world: World,
    ours: VpnConnectionId,
    other: VpnConnectionId,
}

impl Scene {
    fn new() -> Self {
        let (mut world, one) = World::with_connection();
        let gateway = world.customer_gateway("198.51.100.8");
        let two = world.two_tunnels(&gateway);
        world.settle();
        // The one whose id comes second is ours, so that it loses where only the id decides.
        let (other, ours) = if one < two { (one, two) } else { (two, one) };
        let mut scene = Self { world, ours: ours.parse().unwrap(), other: other.parse().unwrap() };
        scene.route(true, DEST, "0");
        scene
    }

    fn route(&mut self, is_ours: bool, dest: &str, weight: &str) {
        let id = if is_ours { &self.ours } else { &self.other };
        let id = id.to_string();
        self.world.route("CreateVcoRouteEntry", &id, dest, weight).unwrap();
        self.settle();
    }

    /// Everything is in force, everything is up, and packets pass.
    fn settle(&mut self) {
        self.world.settle();
        let now_ms = self.world.now_ms;
        for (id, observed) in &mut self.world.reports.0 {
            let mut forwarding = ObservedForwarding {
                entry: Some(0),
                linux_route: Some("cway0".to_owned()),
                ..ObservedForwarding::default()
            };
            for (tunnel, seen) in &mut observed.tunnels {
                let nets = |net: &str| vec![net.parse::<Ipv4Net>().unwrap()];
                seen.selectors =
                    Some(NegotiatedSelectors { local: nets("10.1.0.0/16"), remote: nets("10.2.0.0/16") });
                let traffic = ObservedTraffic { sent_ms: Some(now_ms), received_ms: Some(now_ms) };
                forwarding.tunnels.insert(tunnel.clone(), traffic);
            }
            self.world.reports.2.insert(id.clone(), forwarding);
        }
    }

    fn tunnels(&mut self) -> impl Iterator<Item = &mut ObservedTunnel> {
        self.world.reports.0.get_mut(&self.ours).unwrap().tunnels.values_mut()
    }

    fn down(&mut self, failure: Option<FailureKind>) {
        let last_error = failure.as_ref().map(|failure| format!("{failure:?}"));
        self.tunnels().for_each(|tunnel| {
            let (failure, last_error) = (failure.clone(), last_error.clone());
            *tunnel = ObservedTunnel { failure, last_error, ..ObservedTunnel::default() };
        });
    }

    /// Both addresses are translated.
    fn translate(&mut self) {
        self.tunnels().for_each(|tunnel| tunnel.nat = Some(NatDetected { ours: true, theirs: true }));
    }

    /// No tunnel passes the health check, and the routes are withdrawn.
    fn withdraw(&mut self) {
        self.tunnels().for_each(|tunnel| tunnel.health = TunnelHealth::Unhealthy);
        let ours = self.ours.clone();
        self.world.reports.0.get_mut(&ours).unwrap().is_withdrawn = true;
        (self.forwarding().linux_route, self.forwarding().carrier) = (None, None);
    }

    /// Our connection is stored otherwise, and that is in force.
    fn change(&mut self, change: fn(&mut VpnConnection)) {
        let mut connection = self.world.state.vpn_connection(&self.ours).unwrap().clone();
        change(&mut connection);
        self.world.commit(&[Change::Put(Record::VpnConnection(Box::new(connection)))]);
    }

    fn forwarding(&mut self) -> &mut ObservedForwarding {
        self.world.reports.2.get_mut(&self.ours).unwrap()
    }

    fn ask(&self, subject: Subject) -> Explanation {
        let question = Question {
            region: REGION.parse().unwrap(),
            subject,
            source: Some("10.1.0.9".parse().unwrap()),
            now_ms: self.world.now_ms,
        };
        explain(&self.world.state, &self.world.reports, &question)
    }

    fn connection(&self, dest: Option<&str>) -> Explanation {
        self.ask(Subject::Connection(self.ours.clone(), dest.map(|dest| dest.parse().unwrap())))
    }

    fn address(&self, address: &str) -> Explanation {
        let connection = self.world.state.vpn_connection(&self.other).unwrap();
        self.ask(Subject::Address(address.parse().unwrap(), connection.domain_owner().unwrap()))
    }
}

fn codes(told: &Explanation) -> Vec<Code> {
    told.steps.iter().map(|step| step.code).collect()
}

/// What is wrong, and what is found then.
type Case = (Code, Outcome, fn(&mut Scene));

/// Cases about the connection and its route; the conclusion is the finding wherever it is a failure.
const OF_ROUTE: &[Case] = &[
    (Code::RouteWins, Outcome::Passed, |_| {}),
    (Code::ConnectionAttached, Outcome::Passed, |_| {}),
    (Code::RouteStored, Outcome::Passed, |_| {}),
    (Code::GenerationInForce, Outcome::Passed, |_| {}),
    (Code::ForwardingEntryPresent, Outcome::Passed, |_| {}),
    (Code::LinuxRoutePresent, Outcome::Passed, |_| {}),
    (Code::TunnelCarries, Outcome::Passed, |_| {}),
    (Code::TunnelStandsBy, Outcome::Passed, |_| {}),
    (Code::SelectorsCover, Outcome::Passed, |_| {}),
    (Code::PacketsSent, Outcome::Passed, |_| {}),
    (Code::PacketsReceived, Outcome::Passed, |_| {}),
    (Code::ConnectionNotAttached, Outcome::Failed, |scene| {
        scene.change(|connection| connection.attachment = None);
    }),
    (Code::RouteNotStored, Outcome::Failed, |scene| {
        let id = scene.ours.to_string();
        scene.world.route("DeleteVcoRouteEntry", &id, DEST, "0").unwrap();
        scene.settle();
    }),
    (Code::HigherWeightWins, Outcome::Failed, |scene| scene.route(false, DEST, "100")),
    (Code::SmallerIdWins, Outcome::Failed, |scene| scene.route(false, DEST, "0")),
    (Code::AnotherRouteTakesOver, Outcome::Hint, |scene| {
        scene.route(false, "10.0.0.0/8", "0");
        scene.down(Some(FailureKind::PeerUnreachable));
    }),
    (Code::NoRouteIsUp, Outcome::Hint, |scene| scene.down(None)),
    (Code::GenerationPending, Outcome::Hint, |scene| {
        scene.world.reports.0.get_mut(&scene.ours.clone()).unwrap().generation -= 1;
    }),
    (Code::NothingReported, Outcome::Unknown, |scene| {
        scene.world.reports.0.remove(&scene.ours.clone());
        scene.world.reports.2.remove(&scene.ours.clone());
    }),
    (Code::ForwardingUnknown, Outcome::Unknown, |scene| {
        scene.world.reports.2.remove(&scene.ours.clone());
    }),
    (Code::ForwardingEntryMissing, Outcome::Failed, |scene| scene.forwarding().entry = None),
    (Code::LinuxRouteMissing, Outcome::Failed, |scene| scene.forwarding().linux_route = None),
    (Code::TunnelProposalMismatch, Outcome::Failed, |scene| {
        let items = vec![ProposalItem::Encryption];
        scene.down(Some(FailureKind::Proposal { of: Negotiated::Ike, items }));
    }),
    (Code::TunnelProposalMismatch, Outcome::Hint, |scene| {
        // One of the two is up.
        let first = scene.tunnels().next().unwrap();
        first.status = TunnelStatus::IkeSaNotEstablished;
        first.last_error = Some("peer refused our ESP proposal x (NO_PROPOSAL_CHOSEN)".to_owned());
        first.failure = Some(FailureKind::Proposal { of: Negotiated::Ipsec, items: Vec::new() });
    }),
    (Code::TunnelAuthenticationFailed, Outcome::Failed, |scene| {
        scene.down(Some(FailureKind::AuthenticationRefused));
    }),
    (Code::TunnelProposalMismatch, Outcome::Failed, |scene| scene.down(Some(FailureKind::Version))),
    (Code::TunnelAuthenticationFailed, Outcome::Failed, |scene| {
        scene.down(Some(FailureKind::Certificate(CertificateProblem::Expired)));
    }),
    (Code::TunnelDown, Outcome::Failed, |scene| scene.down(Some(FailureKind::ClosedByPeer))),
    (Code::TunnelIdentityMismatch, Outcome::Failed, |scene| {
        scene.down(Some(FailureKind::RemoteIdentity));
    }),
    (Code::TunnelPeerUnreachable, Outcome::Failed, |scene| {
        scene.down(Some(FailureKind::PeerUnreachable));
    }),
    (Code::TunnelSelectorsRefused, Outcome::Failed, |scene| {
        scene.down(Some(FailureKind::TrafficSelectors));
    }),
    (Code::TunnelNotNegotiable, Outcome::Failed, |scene| {
        scene.down(Some(FailureKind::Configuration));
    }),
    (Code::TunnelRekeyingFails, Outcome::Hint, |scene| {
        scene.tunnels().for_each(|tunnel| tunnel.last_error = Some("the peer refused".to_owned()));
    }),
    (Code::NatInBetween, Outcome::Passed, |scene| scene.translate()),
    (Code::NatTraversalOff, Outcome::Hint, |scene| {
        scene.translate();
        scene.change(|connection| {
            connection.tunnels.iter_mut().for_each(|tunnel| tunnel.enable_nat_traversal = false);
        });
    }),
    (Code::SelectorsNarrowed, Outcome::Passed, |_| {}),
    (Code::SelectorsNarrowed, Outcome::Hint, |scene| {
        scene.change(|connection| connection.remote_subnet = vec!["10.2.0.0/15".parse().unwrap()]);
    }),
    (Code::TunnelNegotiating, Outcome::Failed, |scene| {
        scene.down(None);
        scene.tunnels().for_each(|tunnel| tunnel.status = TunnelStatus::IkeSaEstablished);
    }),
    (Code::TunnelDown, Outcome::Failed, |scene| scene.down(None)),
    (Code::TunnelUnhealthy, Outcome::Hint, |scene| {
        scene.tunnels().next().unwrap().health = TunnelHealth::Unhealthy;
    }),
    (Code::TunnelSilent, Outcome::Hint, |scene| {
        scene.tunnels().for_each(|tunnel| tunnel.health = TunnelHealth::Silent);
    }),
    (Code::HealthCheckOutsideSelectors, Outcome::Hint, |scene| {
        scene.tunnels().for_each(|tunnel| tunnel.health = TunnelHealth::OutsideSelectors);
    }),
    (Code::RouteFailsHealthCheck, Outcome::Failed, Scene::withdraw),
    (Code::RouteFailsHealthCheck, Outcome::Hint, |scene| {
        scene.withdraw();
        scene.down(Some(FailureKind::PeerUnreachable));
    }),
    (Code::AnotherRouteTakesOver, Outcome::Hint, |scene| {
        scene.route(false, "10.0.0.0/8", "0");
        scene.withdraw();
    }),
    (Code::SelectorsUnknown, Outcome::Unknown, |scene| {
        scene.tunnels().for_each(|tunnel| tunnel.selectors = None);
    }),
    (Code::DestinationOutsideSelectors, Outcome::Failed, |scene| {
        scene.tunnels().for_each(|tunnel| {
            tunnel.selectors.as_mut().unwrap().remote = vec!["10.2.0.0/17".parse().unwrap()];
        });
    }),
    (Code::SourceOutsideSelectors, Outcome::Failed, |scene| {
        scene.tunnels().for_each(|tunnel| {
            tunnel.selectors.as_mut().unwrap().local = vec!["10.1.0.0/29".parse().unwrap()];
        });
    }),
    (Code::NothingSent, Outcome::Hint, |scene| {
        scene.forwarding().tunnels.values_mut().for_each(|traffic| traffic.sent_ms = None);
    }),
    (Code::NothingReceived, Outcome::Hint, |scene| {
        scene.forwarding().tunnels.values_mut().for_each(|traffic| traffic.received_ms = None);
    }),
    (Code::NothingComesBack, Outcome::Hint, |scene| {
        scene.forwarding().tunnels.values_mut().for_each(|traffic| {
            traffic.received_ms = traffic.received_ms.map(|ms| ms - 60_000);
        });
    }),
];

#[test]
fn each_finding_about_a_route_is_made_where_it_is_to_be_made() {
    for (code, outcome, spoil) in OF_ROUTE {
        let mut scene = Scene::new();
        spoil(&mut scene);
        let told = scene.connection(Some(DEST));
        let found = told.steps.iter().find(|step| step.code == *code);
        let found = found.unwrap_or_else(|| panic!("{code:?} is not in {:?}", codes(&told)));
        assert_eq!(found.outcome, *outcome, "{code:?}");
        match outcome {
            Outcome::Failed => assert_eq!(told.conclusion.code, *code, "{:?}", codes(&told)),
            Outcome::Unknown => assert_eq!(told.conclusion.code, Code::CannotTell, "{code:?}"),
            Outcome::Passed => assert_eq!(told.conclusion.code, Code::Forwards, "{code:?}"),
            Outcome::Hint => {}
        }
        let is_good = *outcome == Outcome::Passed || *code == Code::AnotherRouteTakesOver;
        assert!(is_good || !found.remedy.is_empty(), "{code:?} does not say what to do");
    }
}

#[test]
fn each_finding_about_an_address_is_made() {
    let mut scene = Scene::new();
    assert_eq!(scene.address("192.0.2.1").conclusion.code, Code::NoRouteForDestination);
    assert!(codes(&scene.address("10.2.3.4")).starts_with(&[Code::RouteStored, Code::RouteWins]));
    scene.route(false, "10.0.0.0/8", "100");
    let told = scene.address("10.2.3.4");
    assert_eq!((told.connection.as_ref(), told.conclusion.code), (Some(&scene.ours), Code::Forwards));
    assert_eq!(told.next_route.unwrap().connection, scene.other);
    scene.down(Some(FailureKind::PeerUnreachable));
    let told = scene.address("10.2.3.4");
    assert_eq!(told.connection.as_ref(), Some(&scene.other));
    assert_eq!(codes(&told)[..2], [Code::RouteStored, Code::RouteTakesOver]);
}

#[test]
fn a_connection_is_explained_without_a_route_too() {
    let mut scene = Scene::new();
    let told = scene.connection(None);
    assert_eq!(codes(&told)[..2], [Code::ConnectionAttached, Code::ConnectionHasRoutes]);
    assert_eq!(told.conclusion.code, Code::Forwards);
    scene.route(true, "10.9.0.0/16", "0");
    let told = scene.connection(None);
    let outside = told.steps.iter().find(|step| step.code == Code::DestinationOutsideSelectors).unwrap();
    assert_eq!((outside.outcome, told.conclusion.code), (Outcome::Hint, Code::Forwards), "one of two");
    assert!(outside.message.contains("10.9.0.0/16 is dropped"), "{}", outside.message);
    scene.down(None);
    let told = scene.connection(None);
    let without = told.steps.iter().find(|step| step.code == Code::RouteWithoutTunnel).unwrap();
    assert!(without.message.contains(&format!("{DEST}, 10.9.0.0/16")), "{}", without.message);
    std::mem::swap(&mut scene.ours, &mut scene.other);
    assert_eq!(scene.connection(None).conclusion.code, Code::ConnectionHasNoRoutes);
}

#[test]
fn routes_of_a_vpn_gateway_are_explained_with_their_policies() {
    let mut scene = Scene::new();
    let gateway = scene.world.vpn_gateway("vpc-a");
    let peer = scene.world.customer_gateway("198.51.100.9");
    let mut connection = |remote: &str| {
        let parameters = [
            ("VpnGatewayId", gateway.as_str()),
            ("LocalSubnet", "10.1.0.0/16"),
            ("RemoteSubnet", remote),
            ("CustomerGatewayId", &peer),
            ("AutoConfigRoute", "false"),
        ];
        let made = scene.world.call("CreateVpnConnection", &parameters).unwrap();
        made["VpnConnectionId"].as_str().unwrap().to_owned()
    };
    let (first, second) = (connection("10.2.0.0/16"), connection("10.3.0.0/16"));
    scene.settle();
    let mut route = |action: &str, next_hop: &str, more: Pairs<'_>| {
        let route = [
            ("VpnGatewayId", gateway.as_str()),
            ("NextHop", next_hop),
            ("RouteDest", DEST),
            ("Weight", "100"),
            ("PublishVpc", "false"),
        ];
        let answer = scene.world.call(action, &[&route[..], more].concat());
        scene.settle();
        answer
    };
    route("CreateVpnRouteEntry", &first, &[]).unwrap();
    let policy = [("RouteSource", "10.1.2.0/24"), ("Priority", "5")];
    route("CreateVpnPbrRouteEntry", &second, &policy).unwrap();
    let dry = route("DeleteVpnPbrRouteEntry", &second, &[("RouteSource", "10.1.2.0/24"), ("DryRun", "true")]);
    let effect = dry.unwrap_err().recommend();
    let expected = format!(
        "10.2.0.0/16 from 10.1.2.0/24 would lose its route of weight 100 over {second}; the route 10.2.0.0/16 of weight 100 over {first} would take over."
    );
    assert!(effect.contains(&expected), "{effect}");
    let first_id: VpnConnectionId = first.parse().unwrap();
    scene.world.reports.2.get_mut(&first_id).unwrap().linux_route = None;
    let ask = |scene: &Scene, source: Option<&str>| {
        let subject = Subject::Connection(first_id.clone(), Some(DEST.parse().unwrap()));
        let source = source.map(|source| source.parse().unwrap());
        let question =
            Question { region: REGION.parse().unwrap(), subject, source, now_ms: scene.world.now_ms };
        explain(&scene.world.state, &scene.world.reports, &question)
    };
    assert!(codes(&ask(&scene, None)).contains(&Code::RouteWithdrawn));
    // Linux has one table for all routes of the gateway.
    scene.world.reports.2.get_mut(&first_id).unwrap().linux_route = Some("cway0".to_owned());
    let told = ask(&scene, None);
    assert!(!codes(&told).contains(&Code::RouteWithdrawn));
    let brought = told.steps.iter().find(|step| step.code == Code::LinuxRoutePresent).unwrap();
    let expected =
        "This route is withdrawn, but Linux brings 10.2.0.0/16 to the device cway0 by another route.";
    assert_eq!(brought.message, expected);
    let told = ask(&scene, Some("10.1.2.3"));
    assert_eq!(told.conclusion.code, Code::AnotherRouteIsAskedFirst);
    assert!(told.conclusion.message.contains("from 10.1.2.0/24 to 10.2.0.0/16 of priority 5"), "{told:?}");
}

#[test]
fn the_tunnel_that_carries_says_why_it_is_not_the_master() {
    let mut scene = Scene::new();
    let tunnels = scene.world.state.vpn_connection(&scene.ours).unwrap().tunnels.clone();
    let (master, slave) = (tunnels[0].id.clone(), tunnels[1].id.clone());
    let carries = |scene: &mut Scene| {
        let told = scene.connection(Some(DEST));
        assert_eq!(told.conclusion.code, Code::Forwards, "{told:?}");
        told.steps.into_iter().find(|step| step.code == Code::TunnelCarries).unwrap().message
    };
    for (health, why) in [
        (TunnelHealth::Unhealthy, "fails the health check"),
        (TunnelHealth::Silent, "lets nothing back"),
        (TunnelHealth::Left, "is not the one that the peer sends through"),
        (TunnelHealth::Returning, "is up again and has to pass the health check for a while first"),
    ] {
        let ours = scene.ours.clone();
        scene.world.reports.0.get_mut(&ours).unwrap().tunnels.get_mut(&master).unwrap().health = health;
        scene.forwarding().carrier = Some(slave.clone());
        let expected = format!("The tunnel {slave} is up and carries the packets, because {master} {why}.");
        assert_eq!(carries(&mut scene), expected);
    }
}

#[test]
fn a_withdrawn_route_gives_way_to_the_next_in_what_is_said_of_an_address_too() {
    let mut scene = Scene::new();
    scene.route(false, "10.0.0.0/8", "0");
    scene.withdraw();
    let told = scene.address("10.2.3.4");
    assert_eq!((told.connection.as_ref(), told.conclusion.code), (Some(&scene.other), Code::Forwards));
    let over = told.steps.iter().find(|step| step.code == Code::RouteTakesOver).unwrap();
    assert!(over.message.contains("no tunnel of it passes the health check"), "{over:?}");
}

#[test]
fn the_words_say_what_is_wrong_and_what_to_do() {
    let mut scene = Scene::new();
    scene.tunnels().for_each(|tunnel| {
        tunnel.selectors.as_mut().unwrap().remote = vec!["10.3.0.0/16".parse().unwrap()];
    });
    let told = scene.connection(Some(DEST)).conclusion;
    let expected = "RouteDest is outside the negotiated traffic selectors 10.1.0.0/16 === 10.3.0.0/16: 10.2.0.0/16 is dropped.";
    assert_eq!(told.message, expected);
    assert!(told.remedy.contains("RemoteSubnet"), "{}", told.remedy);
}

#[test]
fn the_operation_answers_the_same_and_says_what_it_needs() {
    let mut scene = Scene::new();
    let (ours, dest) = (scene.ours.to_string(), "10.2.3.4");
    let answer =
        scene.world.call("ExplainRoute", &[("VpnConnectionId", &ours), ("RouteDest", DEST)]).unwrap();
    assert_eq!((&answer["Forwards"], &answer["Conclusion"]["Code"]), (&true.into(), &"Forwards".into()));
    assert_eq!(answer["Route"]["RouteDest"], DEST);
    let answer = scene.world.call("ExplainRoute", &[("DestinationAddress", dest)]).unwrap();
    assert_eq!(answer["VpnConnectionId"], ours.as_str());
    assert_eq!(refusal(&[]), "MissingVpnConnectionId");
    assert_eq!(refusal(&[("VpnConnectionId", "vco-nothing")]), "InvalidVpnConnectionInstanceId.NotFound");
    assert_eq!(refusal(&[("DestinationAddress", "10.2.3")]), "InvalidDestinationAddress");
    assert_eq!(refusal(&[("DestinationAddress", dest), ("RouteDest", DEST)]), "InvalidRouteDest");
    let router = [("DestinationAddress", dest), ("TransitRouterId", "tr-nothing")];
    assert_eq!(refusal(&router), "InvalidTransitRouterId.NotFound");
}

fn refusal(parameters: Pairs<'_>) -> String {
    Scene::new().world.refusal("ExplainRoute", parameters).code().into_owned()
}

/// Every code is in one of the tables above, so that none is only ever promised.
#[test]
fn no_finding_is_without_a_case() {
    let mut cases: BTreeMap<Code, usize> = BTreeMap::new();
    OF_ROUTE.iter().for_each(|(code, ..)| *cases.entry(*code).or_default() += 1);
    let elsewhere = [
        Code::Forwards,
        Code::CannotTell,
        Code::NoRouteForDestination,
        Code::RouteTakesOver,
        Code::ConnectionHasRoutes,
        Code::ConnectionHasNoRoutes,
        Code::RouteWithoutTunnel,
        Code::RouteWithdrawn,
        Code::AnotherRouteIsAskedFirst,
    ];
    let schema = schemars::schema_for!(Code).to_value();
    let all = schema["oneOf"].as_array().unwrap().len();
    assert_eq!(cases.len() + elsewhere.len(), all);
}
