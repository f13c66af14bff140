//! Each finding provoked once, by table.

use serde_json::Value;

use crate::observed::{ObservedTunnel, TunnelStatus};
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

fn fail(world: &mut World, id: &str, error: &str, all: bool) {
    let observed = world.reports.0.get_mut(&id.parse().unwrap()).unwrap();
    let count = if all { observed.tunnels.len() } else { 1 };
    for seen in observed.tunnels.values_mut().take(count) {
        *seen = ObservedTunnel { last_error: Some(error.to_owned()), ..ObservedTunnel::default() };
    }
}

#[test]
fn each_error_of_a_negotiation_has_its_code_and_the_parameter_of_this_side() {
    let table = [
        ("peer refused (NO_PROPOSAL_CHOSEN): DH group differs", "ProposalMismatch", "IkePfs="),
        ("the pre-shared key does not match", "AuthenticationFailed", ""),
        ("peer says it is 198.51.100.9, we want 198.51.100.7", "IdentityMismatch", "RemoteId="),
        ("no answer from 198.51.100.7", "PeerUnreachable", ""),
        ("peer refused (TS_UNACCEPTABLE)", "TrafficSelectorMismatch", "LocalSubnet="),
        ("the peer has no address", "NotNegotiable", ""),
        ("something else", "TunnelDown", ""),
    ];
    for (error, code, local) in table {
        let (mut world, id) = scene();
        fail(&mut world, &id, error, true);
        for tunnel in tunnels(&mut world, &id) {
            assert_eq!(tunnel["FailedReasonCode"], code, "{error}");
            assert_eq!(tunnel["Severity"], "Critical", "{error}");
            assert!(tunnel["FailedReason"].as_str().unwrap().contains(error), "{tunnel}");
            let shown = tunnel["MismatchLocalParam"].as_str().unwrap();
            assert!(shown.contains(local) && shown.is_empty() == local.is_empty(), "{tunnel}");
        }
    }
}

#[test]
fn a_tunnel_that_works_is_normal_and_one_beside_it_that_does_not_is_a_warning() {
    let (mut world, id) = scene();
    assert!(tunnels(&mut world, &id).iter().all(|tunnel| tunnel["Severity"] == "Normal"));
    fail(&mut world, &id, "no answer", false);
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
