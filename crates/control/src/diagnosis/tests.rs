//! Each finding provoked once, by table, and the line of the log that goes with it.

use ipnet::Ipv4Net;
use serde_json::Value;

use super::FailedReasonCode;
use crate::observed::{
    CertificateProblem, FailureKind, Level, LogLine, NatDetected, Negotiated, NegotiatedSelectors,
    ObservedForwarding, ObservedTraffic, ObservedTunnel, ProposalItem, TunnelHealth, TunnelStatus,
};
use crate::resource::diagnosis::DiagnoseName;
use crate::testing::World;

/// A connection with a route, and all is well with it.
fn scene() -> (World, String) {
    let (mut world, id) = World::with_connection();
    world.route("CreateVcoRouteEntry", &id, "10.2.0.0/16", "100").unwrap();
    world.settle();
    (world, id)
}

fn seen<'a>(world: &'a mut World, id: &str) -> impl Iterator<Item = &'a mut ObservedTunnel> {
    world.reports.0.get_mut(&id.parse().unwrap()).unwrap().tunnels.values_mut()
}

fn tunnels(world: &mut World, id: &str) -> Vec<Value> {
    let answer = world.call("DiagnoseVpnConnections", &[("VpnConnectionIds.1", id)]).unwrap();
    answer["VpnConnections"].as_array().unwrap().clone()
}

fn fail(world: &mut World, id: &str, failure: &FailureKind, all: bool) {
    let observed = world.reports.0.get_mut(&id.parse().unwrap()).unwrap();
    let count = if all { observed.tunnels.len() } else { 1 };
    for seen in observed.tunnels.values_mut().take(count) {
        let (last_error, failure) = (Some(format!("{failure:?}")), Some(failure.clone()));
        *seen = ObservedTunnel { last_error, failure, ..ObservedTunnel::default() };
    }
}

#[test]
fn each_failure_has_its_code_and_the_parameter_of_this_side_that_differs() {
    let proposal = |of, items: &[ProposalItem]| FailureKind::Proposal { of, items: items.to_vec() };
    let table = [
        (proposal(Negotiated::Ike, &[ProposalItem::Group]), "DhGroupMismatch", "IkePfs=group2"),
        (
            proposal(Negotiated::Ike, &[ProposalItem::Integrity, ProposalItem::Prf]),
            "AuthenticationAlgorithmMismatch",
            "IkeAuthAlg=sha1",
        ),
        (
            proposal(Negotiated::Ike, &[ProposalItem::Encryption, ProposalItem::Group]),
            "AlgorithmMismatch",
            "IkeEncAlg=aes IkePfs=group2",
        ),
        (
            proposal(Negotiated::Ipsec, &[ProposalItem::Encryption]),
            "EncryptionAlgorithmMismatch",
            "IpsecEncAlg=aes",
        ),
        (proposal(Negotiated::Ipsec, &[ProposalItem::Group]), "PfsMismatch", "IpsecPfs=group2"),
        (proposal(Negotiated::Ipsec, &[ProposalItem::Lifetime]), "LifetimeMismatch", "IpsecLifetime=86400"),
        (
            proposal(Negotiated::Ipsec, &[]),
            "ProposalMismatch",
            "IpsecEncAlg=aes IpsecAuthAlg=sha1 IpsecPfs=group2",
        ),
        (proposal(Negotiated::Ipsec, &[ProposalItem::SequenceNumbers]), "ProposalMismatch", ""),
        (FailureKind::Version, "IkeVersionMismatch", "IkeVersion=ikev2 IkeMode=main"),
        (FailureKind::PreSharedKey, "PskMismatch", ""),
        (FailureKind::AuthenticationRefused, "AuthenticationFailed", ""),
        (FailureKind::Certificate(CertificateProblem::Expired), "AuthenticationFailed", ""),
        (FailureKind::RemoteIdentity, "PeerIdMismatch", "RemoteId=198.51.100.7"),
        (FailureKind::PeerUnreachable, "NoResponse", ""),
        (
            FailureKind::TrafficSelectors,
            "TrafficSelectorMismatch",
            "LocalSubnet=0.0.0.0/0 RemoteSubnet=0.0.0.0/0",
        ),
        (FailureKind::Configuration, "NotNegotiable", ""),
        (FailureKind::ClosedByPeer, "ReceiveDeleteNotify", ""),
        (FailureKind::Refused, "NegotiationFailed", ""),
        (FailureKind::Malformed, "NegotiationFailed", ""),
        (FailureKind::LifetimeEnded, "NegotiationFailed", ""),
    ];
    for (failure, code, local) in table {
        let (mut world, id) = scene();
        fail(&mut world, &id, &failure, true);
        for tunnel in tunnels(&mut world, &id) {
            assert_eq!(tunnel["FailedReasonCode"], code, "{failure:?}");
            assert_eq!(tunnel["Severity"], "Critical", "{failure:?}");
            assert!(tunnel["FailedReason"].as_str().unwrap().contains(&format!("{failure:?}")), "{tunnel}");
            assert_eq!(tunnel["MismatchLocalParam"], local, "{failure:?}");
        }
    }
}

#[test]
fn a_tunnel_that_works_is_normal_and_one_beside_it_that_does_not_is_a_warning() {
    let (mut world, id) = scene();
    assert!(tunnels(&mut world, &id).iter().all(|tunnel| tunnel["Severity"] == "Normal"));
    fail(&mut world, &id, &FailureKind::PeerUnreachable, false);
    let mut severities: Vec<_> =
        tunnels(&mut world, &id).iter().map(|tunnel| tunnel["Severity"].to_string()).collect();
    severities.sort();
    assert_eq!(severities, [r#""Normal""#, r#""Warn""#]);
}

#[test]
fn a_tunnel_that_lets_nothing_through_is_found_although_it_is_up() {
    let (mut world, id) = scene();
    for (health, code) in
        [(TunnelHealth::Unhealthy, "HealthCheckFailed"), (TunnelHealth::Silent, "NothingComesBack")]
    {
        let seen = world.reports.0.get_mut(&id.parse().unwrap()).unwrap();
        seen.tunnels.values_mut().for_each(|tunnel| tunnel.health = health);
        seen.is_withdrawn = health == TunnelHealth::Unhealthy;
        let severity = if seen.is_withdrawn { "Critical" } else { "Warn" };
        for tunnel in tunnels(&mut world, &id) {
            assert_eq!((&tunnel["FailedReasonCode"], &tunnel["Severity"]), (&code.into(), &severity.into()));
        }
    }
}

#[test]
fn what_was_not_reported_is_not_guessed() {
    let (mut world, id) = scene();
    world.reports.0.clear();
    for tunnel in tunnels(&mut world, &id) {
        assert_eq!(tunnel["FailedReasonCode"], "NotReported");
        assert_eq!(tunnel["Severity"], "Warn");
        assert!(tunnel["FailedTime"].is_null(), "{tunnel}");
    }
}

#[test]
fn a_tunnel_in_negotiation_says_so_and_one_that_is_down_without_an_error_too() {
    let (mut world, id) = scene();
    for (status, code) in [
        (TunnelStatus::IkeSaEstablished, "Negotiating"),
        (TunnelStatus::IkeSaNotEstablished, "NoExceptionFound"),
    ] {
        for seen in seen(&mut world, &id) {
            *seen = ObservedTunnel { status, ..ObservedTunnel::default() };
        }
        assert!(tunnels(&mut world, &id).iter().all(|tunnel| tunnel["FailedReasonCode"] == code));
    }
}

/// Code, severity, and a part of the words of the first tunnel.
fn first(world: &mut World, id: &str) -> (String, String, String) {
    let told = tunnels(world, id).remove(0);
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    (text("FailedReasonCode"), text("Severity"), text("FailedReason"))
}

#[test]
fn a_translator_in_between_is_told_and_is_only_bad_for_a_tunnel_that_does_not_traverse_it() {
    let (mut world, id) = scene();
    for seen in seen(&mut world, &id) {
        seen.nat = Some(NatDetected { ours: false, theirs: false });
    }
    assert_eq!(first(&mut world, &id).0, "Normal");
    for seen in seen(&mut world, &id) {
        seen.nat = Some(NatDetected { ours: false, theirs: true });
    }
    let (code, severity, reason) = first(&mut world, &id);
    assert_eq!((code.as_str(), severity.as_str()), ("NatInBetween", "Normal"));
    assert!(reason.starts_with("The peer's address is translated"), "{reason}");
    let tunnel = tunnels(&mut world, &id)[0]["TunnelId"].as_str().unwrap().to_owned();
    let off = [
        ("VpnConnectionId", id.as_str()),
        ("TunnelId", &tunnel),
        ("TunnelOptionsSpecification.EnableNatTraversal", "false"),
    ];
    world.call("ModifyTunnelAttribute", &off).unwrap();
    let (code, severity, reason) = first(&mut world, &id);
    assert_eq!((code.as_str(), severity.as_str()), ("NatTMismatch", "Warn"));
    assert!(reason.contains("Set EnableNatTraversal"), "{reason}");
    assert_eq!(tunnels(&mut world, &id)[0]["MismatchLocalParam"], "EnableNatTraversal=false");
}

#[test]
fn a_route_whose_tunnels_are_all_down_is_told_after_what_keeps_them_down() {
    let (mut world, id) = scene();
    fail(&mut world, &id, &FailureKind::PeerUnreachable, true);
    let (code, severity, reason) = first(&mut world, &id);
    assert_eq!((code.as_str(), severity.as_str()), ("NoResponse", "Critical"));
    assert!(reason.contains("The routes over") && reason.contains("10.2.0.0/16"), "{reason}");
}

#[test]
fn a_tunnel_that_no_route_leads_into_is_as_bad_as_one_that_is_down() {
    let (mut world, id) = scene();
    world.route("DeleteVcoRouteEntry", &id, "10.2.0.0/16", "100").unwrap();
    world.settle();
    let (code, severity, reason) = first(&mut world, &id);
    assert_eq!((code.as_str(), severity.as_str()), ("TunnelWithoutRoute", "Critical"));
    assert!(reason.contains("CreateVcoRouteEntry"), "{reason}");
}

fn select(world: &mut World, id: &str, local: &str, remote: &str) {
    let nets = |text: &str| vec![text.parse::<Ipv4Net>().unwrap()];
    for seen in seen(world, id) {
        seen.selectors = Some(NegotiatedSelectors { local: nets(local), remote: nets(remote) });
    }
}

#[test]
fn networks_that_the_peer_left_out_are_told_unless_they_were_left_to_it() {
    let (mut world, id) = scene();
    select(&mut world, &id, "0.0.0.0/0", "0.0.0.0/0");
    assert_eq!(first(&mut world, &id).0, "Normal");
    select(&mut world, &id, "10.1.0.0/16", "10.2.0.0/16");
    let (code, severity, _) = first(&mut world, &id);
    assert_eq!((code.as_str(), severity.as_str()), ("SelectorsNarrowed", "Normal"));
    let changed = [("VpnConnectionId", id.as_str()), ("RemoteSubnet", "10.2.0.0/15")];
    world.call("ModifyVpnAttachmentAttribute", &changed).unwrap();
    assert_eq!(first(&mut world, &id).0, "Normal", "while the change is not in force, nothing is said");
    world.settle();
    select(&mut world, &id, "10.1.0.0/16", "10.2.0.0/16");
    let told = tunnels(&mut world, &id).remove(0);
    assert_eq!((&told["FailedReasonCode"], &told["Severity"]), (&"SelectorsNarrowed".into(), &"Warn".into()));
    assert_eq!(told["MismatchLocalParam"], "LocalSubnet=0.0.0.0/0 RemoteSubnet=10.2.0.0/15");
    assert_eq!(told["MismatchRemoteParam"], "LocalSubnet=10.1.0.0/16 RemoteSubnet=10.2.0.0/16");
}

#[test]
fn routes_that_a_tunnel_does_not_let_through_are_counted_and_named() {
    let (mut world, id) = scene();
    select(&mut world, &id, "0.0.0.0/0", "10.3.0.0/16");
    let (code, severity, reason) = first(&mut world, &id);
    // The other tunnel is up as well, whatever it lets through.
    assert_eq!((code.as_str(), severity.as_str()), ("RouteOutsideSelectors", "Warn"));
    assert!(reason.contains("1 of 1 routes") && reason.contains("10.2.0.0/16 is dropped"), "{reason}");
    for (number, seen) in seen(&mut world, &id).enumerate() {
        if number == 1 {
            *seen = ObservedTunnel::default();
        }
    }
    let severities: Vec<_> = tunnels(&mut world, &id)
        .iter()
        .filter(|it| it["FailedReasonCode"] == "RouteOutsideSelectors")
        .map(|it| it["Severity"].to_string())
        .collect();
    assert_eq!(severities, [r#""Critical""#]);
    for number in 0..7 {
        let dest = format!("10.3.{number}.0/24");
        world.route("CreateVcoRouteEntry", &id, &dest, "100").unwrap();
        world.settle();
    }
    select(&mut world, &id, "0.0.0.0/0", "10.2.0.0/16");
    let (_, severity, reason) = first(&mut world, &id);
    assert!(severity == "Warn" && reason.contains("and 2 more is dropped"), "{reason}");
}

#[test]
fn a_tunnel_that_is_up_and_cannot_be_renewed_is_a_warning_with_the_cause() {
    let (mut world, id) = scene();
    for seen in seen(&mut world, &id) {
        seen.last_error = Some("NO_PROPOSAL_CHOSEN".to_owned());
        seen.failure =
            Some(FailureKind::Proposal { of: Negotiated::Ipsec, items: vec![ProposalItem::Group] });
    }
    let (code, severity, reason) = first(&mut world, &id);
    assert_eq!((code.as_str(), severity.as_str()), ("PfsMismatch", "Warn"));
    assert!(reason.contains("will not stay so") && reason.contains("NO_PROPOSAL_CHOSEN"), "{reason}");
}

#[test]
fn packets_that_none_comes_back_for_are_told_of_the_tunnel_that_sends_them() {
    let (mut world, id) = scene();
    let mut forwarding = ObservedForwarding::default();
    let ids: Vec<_> =
        tunnels(&mut world, &id).iter().map(|it| it["TunnelId"].as_str().unwrap().to_owned()).collect();
    let passed = |ago: i64| ObservedTraffic { sent_ms: Some(100_000), received_ms: Some(100_000 - ago) };
    forwarding.tunnels.insert(ids[0].parse().unwrap(), passed(60_000));
    forwarding.tunnels.insert(ids[1].parse().unwrap(), passed(1_000));
    world.reports.2.insert(id.parse().unwrap(), forwarding);
    let told = tunnels(&mut world, &id);
    let codes: Vec<_> = told.iter().map(|it| it["FailedReasonCode"].as_str().unwrap()).collect();
    assert_eq!(codes, ["NothingComesBack", "Normal"]);
}

#[test]
fn a_connection_that_is_attached_to_nothing_is_critical_whatever_was_seen() {
    let mut world = World::new();
    world.settings.auto_attach = false;
    let gateway = world.customer_gateway("198.51.100.7");
    let id = world.two_tunnels(&gateway);
    let (code, severity, reason) = first(&mut world, &id);
    assert_eq!((code.as_str(), severity.as_str()), ("NotAttached", "Critical"));
    assert!(reason.contains("CreateTransitRouterVpnAttachment"), "{reason}");
}

#[test]
fn a_tunnel_that_is_not_there_is_refused_and_nothing_named_is_too() {
    let (mut world, id) = scene();
    world.refusal("DiagnoseVpnConnections", &[("TunnelIds.1", "tun-nothing")]);
    world.refusal("DiagnoseVpnConnections", &[]);
    let tunnel = tunnels(&mut world, &id)[0]["TunnelId"].as_str().unwrap().to_owned();
    let answer = world.call("DiagnoseVpnConnections", &[("TunnelIds.1", &tunnel)]).unwrap();
    assert_eq!(answer["TotalCount"], 1);
}

#[test]
fn tunnels_that_are_named_are_told_once_the_older_connection_first() {
    let (mut world, id) = scene();
    let peer = world.customer_gateway("198.51.100.8");
    let other = world.two_tunnels(&peer);
    let of = |world: &mut World, id: &str| {
        let told = tunnels(world, id);
        told.iter().map(|it| it["TunnelId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (ours, theirs) = (of(&mut world, &id), of(&mut world, &other));
    let named = [
        ("TunnelIds.1", theirs[1].as_str()),
        ("TunnelIds.2", &ours[0]),
        ("TunnelIds.3", &ours[0]),
        ("VpnConnectionIds.1", &id),
    ];
    let answer = world.call("DiagnoseVpnConnections", &named).unwrap();
    let told: Vec<_> =
        answer["VpnConnections"].as_array().unwrap().iter().map(|it| &it["TunnelId"]).collect();
    assert_eq!(told, [&ours[0], &ours[1], &theirs[1]], "the older connection first");
    assert_eq!(answer["TotalCount"], 3);
    world.call("DeleteVpnAttachment", &[("VpnConnectionId", &other)]).unwrap();
    world.refusal("DiagnoseVpnConnections", &[("TunnelIds.1", &theirs[1])]);
}

#[test]
fn what_is_named_must_be_of_the_vpn_gateway_that_is_named() {
    let (mut world, id) = scene();
    let gateway = world.vpn_gateway("vpc-a");
    let tunnel = tunnels(&mut world, &id)[0]["TunnelId"].as_str().unwrap().to_owned();
    let mut code = |name: &str, value: &str| {
        let asked = [("VpnGatewayId", gateway.as_str()), (name, value)];
        world.refusal("DiagnoseVpnConnections", &asked).code().into_owned()
    };
    assert_eq!(code("VpnConnectionIds.1", &id), "InvalidVpnConnectionInstanceId.NotFound");
    assert_eq!(code("TunnelIds.1", &tunnel), "InvalidTunnelIds");
}

#[test]
fn a_request_names_as_many_as_a_page_can_show() {
    let (mut world, id) = scene();
    let names: Vec<_> = (1..=51).map(|number| format!("VpnConnectionIds.{number}")).collect();
    let mut named: Vec<_> = names.iter().map(|name| (name.as_str(), id.as_str())).collect();
    assert_eq!(world.refusal("DiagnoseVpnConnections", &named).code(), "InvalidVpnConnectionIds");
    named.pop();
    assert_eq!(world.call("DiagnoseVpnConnections", &named).unwrap()["TotalCount"], 2);
}

/// Nothing is written, also where a client token or DryRun asks for what only changes have.
#[test]
fn a_diagnosis_of_tunnels_changes_nothing() {
    let (mut world, id) = scene();
    let before = world.state.clone();
    let asked = [("VpnConnectionIds.1", id.as_str()), ("ClientToken", "token"), ("DryRun", "true")];
    world.call("DiagnoseVpnConnections", &asked).unwrap();
    assert_eq!(world.state, before);
}

#[test]
fn every_code_is_in_the_document() {
    let document = include_str!("../../../../docs/diagnosis.md");
    for schema in [schemars::schema_for!(FailedReasonCode), schemars::schema_for!(DiagnoseName)] {
        for variant in schema.to_value()["oneOf"].as_array().unwrap() {
            let code = variant["const"].as_str().unwrap();
            assert!(document.contains(&format!("\n| `{code}` ")), "{code} is not in docs/diagnosis.md");
        }
    }
}

#[test]
fn the_newest_line_of_the_log_that_says_so_comes_with_its_time() {
    let (mut world, id) = scene();
    fail(&mut world, &id, &FailureKind::PeerUnreachable, true);
    let tunnel = tunnels(&mut world, &id)[0]["TunnelId"].as_str().unwrap().to_owned();
    let line = |text: &str| LogLine {
        connection: id.parse().unwrap(),
        tunnel: Some(tunnel.parse().unwrap()),
        level: Level::Warning,
        text: text.to_owned(),
    };
    world.log(vec![line("PeerUnreachable, the first time")]);
    world.now_ms += 1_000;
    let newest_ms = world.now_ms;
    world.log(vec![line("PeerUnreachable, again"), line("something else")]);
    let told = tunnels(&mut world, &id);
    assert_eq!(told[0]["FailedTime"], newest_ms, "{told:?}");
    assert!(told[0]["SourceLog"].as_str().unwrap().contains("again"), "{told:?}");
    assert!(told[1]["FailedTime"].is_null(), "the other tunnel has no line: {told:?}");
}
