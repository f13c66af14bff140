//! Each finding provoked once, by table, and the line of the log that goes with it.

use serde_json::Value;

use crate::observed::{
    CertificateProblem, FailureKind, Level, LogLine, Negotiated, ObservedTunnel, ProposalItem, TunnelStatus,
};
use crate::testing::World;

fn scene() -> (World, String) {
    let (mut world, id) = World::with_connection();
    world.settle();
    (world, id)
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
        (proposal(Negotiated::Ike, &[ProposalItem::Group]), "ProposalMismatch", "IkePfs=group2"),
        (
            proposal(Negotiated::Ike, &[ProposalItem::Integrity, ProposalItem::Prf]),
            "ProposalMismatch",
            "IkeAuthAlg=sha1",
        ),
        (proposal(Negotiated::Ipsec, &[ProposalItem::Encryption]), "ProposalMismatch", "IpsecEncAlg=aes"),
        (
            proposal(Negotiated::Ipsec, &[]),
            "ProposalMismatch",
            "IpsecEncAlg=aes IpsecAuthAlg=sha1 IpsecPfs=group2",
        ),
        (FailureKind::Version, "ProposalMismatch", "IkeVersion=ikev2 IkeMode=main"),
        (FailureKind::PreSharedKey, "AuthenticationFailed", ""),
        (FailureKind::Certificate(CertificateProblem::Expired), "AuthenticationFailed", ""),
        (FailureKind::RemoteIdentity, "IdentityMismatch", "RemoteId=198.51.100.7"),
        (FailureKind::PeerUnreachable, "PeerUnreachable", ""),
        (
            FailureKind::TrafficSelectors,
            "TrafficSelectorMismatch",
            "LocalSubnet=0.0.0.0/0 RemoteSubnet=0.0.0.0/0",
        ),
        (FailureKind::Configuration, "NotNegotiable", ""),
        (FailureKind::ClosedByPeer, "TunnelDown", ""),
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
fn a_tunnel_in_negotiation_says_so() {
    let (mut world, id) = scene();
    for seen in world.reports.0.get_mut(&id.parse().unwrap()).unwrap().tunnels.values_mut() {
        *seen = ObservedTunnel { status: TunnelStatus::IkeSaEstablished, ..ObservedTunnel::default() };
    }
    assert!(tunnels(&mut world, &id).iter().all(|tunnel| tunnel["FailedReasonCode"] == "Negotiating"));
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
