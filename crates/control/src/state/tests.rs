use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::account::new_account;
use crate::ids::Secret;
use crate::ram_policy::{Attached, AttachedPolicies, PolicyType, RamPolicy};
use crate::ram_role::RamRole;
use crate::ram_user::RamUser;
use crate::record::{self, Change, Record, RecordError};
use crate::resource::client_token::ClientToken;
use crate::resource::diagnosis::{
    DiagnoseName, DiagnoseResult, DiagnoseResultLevel, Diagnosis, ResourceType,
};
use crate::resource::tag::Tags;
use crate::state::AccountState;
use crate::testing::{ACCOUNT, World};

/// A record of every kind, with a secret in each that can have one.
fn one_of_each() -> Vec<Record> {
    let (mut world, connection) = World::with_connection();
    let parameters =
        [("IpAddress", "1.2.3.4"), ("AuthKey", "bgp-key"), ("Tags.1.Key", "env"), ("ClientToken", "t")];
    world.call("CreateCustomerGateway", &parameters).unwrap();
    world.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
    let mut records: Vec<Record> =
        world.rows.iter().map(|((kind, _), json)| Record::from_json(kind, json).unwrap()).collect();
    records.extend(new_account(&[1; 32], 1).records);
    let mut user = RamUser::new("alice".to_owned(), "2".repeat(18), 1);
    let attached = Attached { policy_type: PolicyType::Custom, attached_ms: 2 };
    user.policies.insert("p".to_owned(), attached.clone());
    records.push(Record::RamUser(user));
    records.push(Record::RamPolicy(RamPolicy::new("p".to_owned(), "{}".to_owned(), 1)));
    records.push(Record::RamRole(RamRole {
        name: "admin".to_owned(),
        role_id: "3".repeat(18),
        description: "for a while".to_owned(),
        trust: "{}".to_owned(),
        max_session_duration_s: 7200,
        allow_console_login: false,
        policies: AttachedPolicies::from([("p".to_owned(), attached)]),
        tags: Tags::from([("env".to_owned(), "prod".to_owned())]),
        created_ms: 1,
        updated_ms: 2,
    }));
    records.push(Record::Diagnosis(Diagnosis {
        id: "vpndgn-1".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
        vpn_gateway_id: "vpn-1".parse().unwrap(),
        resource_type: ResourceType::IpsecConnection,
        resource_id: "vco-1".parse().unwrap(),
        revision: 7,
        at_ms: 3,
        results: vec![DiagnoseResult {
            name: DiagnoseName::VpnIPsecQuota,
            level: DiagnoseResultLevel::Error,
            description: "{}".to_owned(),
        }],
    }));
    records
}

#[test]
fn every_record_is_read_back_as_it_was_written() {
    let records = one_of_each();
    let kinds: BTreeSet<&str> = records.iter().map(Record::kind).collect();
    assert_eq!(kinds.len(), 11);
    for record in records {
        let again = Record::from_json(record.kind(), &record.to_json()).unwrap();
        assert_eq!((again.id(), again.kind()), (record.id(), record.kind()));
        assert_eq!(again, record);
    }
}

#[test]
fn every_record_is_found_by_its_kind_and_id() {
    let records = one_of_each();
    let state = AccountState::restore(ACCOUNT.parse().unwrap(), 9, records.clone());
    // What is recorded of a change is compared with what is found so.
    let found = records.iter().filter(|record| {
        record::find(&state, record.kind(), &record.id()).is_some_and(|found| found == **record)
    });
    let found: BTreeSet<&str> = found.map(Record::kind).collect();
    let all: BTreeSet<&str> = records.iter().map(Record::kind).collect();
    let missing: Vec<&str> = all.difference(&found).copied().collect();
    assert_eq!(missing, [Record::CLIENT_TOKEN, Record::DIAGNOSIS, Record::RECORDED_CHANGE]);
}

#[test]
fn what_cannot_be_read_is_told_apart() {
    assert!(
        matches!(Record::from_json("teapot", b"{}"), Err(RecordError::UnknownKind(kind)) if kind == "teapot")
    );
    assert!(matches!(Record::from_json(Record::VPN_CONNECTION, b"{}"), Err(RecordError::Json(_))));
    assert!(matches!(Record::from_json(Record::ACCOUNT, b"\xff"), Err(RecordError::Json(_))));
}

#[test]
fn all_secrets_of_a_record_can_be_sealed() {
    let mut sealed = 0;
    for mut record in one_of_each() {
        let secrets: Vec<String> =
            record.secrets_mut().into_iter().map(|secret| secret.expose().to_owned()).collect();
        for secret in record.secrets_mut() {
            *secret = Secret::new("sealed");
            sealed += 1;
        }
        let text = String::from_utf8(record.to_json()).unwrap();
        assert!(secrets.iter().all(|secret| !text.contains(secret.as_str())), "{text}");
        assert_eq!(Record::from_json(record.kind(), &record.to_json()).unwrap(), record);
    }
    // Two tunnels, a BGP key, a client token's digest and answer, an AccessKey; and the two tunnels' and the BGP key
    // in what their creation changed.
    assert_eq!(sealed, 9);
}

#[test]
fn a_restart_finds_the_same_state() {
    let (mut world, connection) = World::with_connection();
    world.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
    world.settle();
    world.route("CreateVcoRouteEntry", &connection, "192.168.11.0/24", "0").unwrap();
    world.settle();
    world.route("DeleteVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
    assert_eq!(world.state, world.restored());
}

#[test]
fn what_a_change_names_that_is_not_there_is_not_deleted() {
    let (world, _) = World::with_connection();
    let mut state = world.state.clone();
    let kinds = [
        Record::RAM_USER,
        Record::ACCESS_KEY,
        Record::CUSTOMER_GATEWAY,
        Record::VPN_CONNECTION,
        Record::VCO_ROUTE_ENTRY,
        Record::CLIENT_TOKEN,
        "teapot",
    ];
    for id in ["", "nonsense", "vco-nothing", "vco-nothing:10.0.0.0/8:100", "cgw-nothing"] {
        let changes: Vec<Change> =
            kinds.iter().map(|kind| Change::Delete { kind, id: id.to_owned() }).collect();
        state.apply(&changes);
    }
    assert_eq!(state.revision(), world.state.revision() + 5);
    assert_eq!(state.generations().collect::<Vec<_>>(), world.state.generations().collect::<Vec<_>>());
}

/// An account with 10,000 connections, the first ten of which have 10,000 routes each.
fn large() -> World {
    let (mut world, connection) = World::with_connection();
    world.settings.vco_routes_per_connection_max = 20_000;
    let id = connection.parse().unwrap();
    let template = world.state.vpn_connection(&id).unwrap().clone();
    let mut changes = Vec::new();
    for number in 0..10_000 {
        let mut connection = template.clone();
        connection.id = format!("vco-n{number}").parse().unwrap();
        connection.attachment.as_mut().unwrap().id = format!("tr-attach-n{number}").parse().unwrap();
        for (tunnel, index) in connection.tunnels.iter_mut().zip(1..) {
            tunnel.id = format!("tun-n{number}i{index}").parse().unwrap();
        }
        if number < 10 {
            for route in 0..10_000_u32 {
                let [_, _, third, fourth] = route.to_be_bytes();
                let json = serde_json::json!({
                    "vpn_connection_id": connection.id,
                    "route_dest": format!("10.{third}.{fourth}.0/24"),
                    "weight": 100,
                    "created_ms": 1,
                });
                changes.push(Change::Put(
                    Record::from_json(Record::VCO_ROUTE_ENTRY, json.to_string().as_bytes()).unwrap(),
                ));
            }
        }
        changes.push(Change::Put(Record::VpnConnection(Box::new(connection))));
    }
    world.state.apply(&changes);
    world.settle();
    world
}

/// Looking at every route takes many times as long as this test allows.
#[test]
fn an_operation_on_one_object_does_not_look_at_all_of_them() {
    let mut world = large();
    assert_eq!(world.state.vco_route_count(&"vco-n3".parse().unwrap()), 10_000);
    world.settings.customer_gateways_per_region_max = 1_000;
    let mut fastest = Duration::MAX;
    for number in 0..50 {
        let dest = format!("172.16.{number}.0/24");
        let parameters = [
            ("VpnConnectionId", "vco-n3"),
            ("RouteDest", dest.as_str()),
            ("NextHop", "vco-n3"),
            ("Weight", "100"),
        ];
        let begun = Instant::now();
        for action in ["CreateVcoRouteEntry", "DescribeVpnConnection", "DeleteVcoRouteEntry"] {
            world.call(action, &parameters).unwrap();
            let generation = world.state.revision();
            world.reports.0.get_mut(&"vco-n3".parse().unwrap()).unwrap().generation = generation;
        }
        world.customer_gateway(&format!("1.2.3.{number}"));
        fastest = fastest.min(begun.elapsed());
    }
    // The fastest of many, so that a busy machine does not matter.
    assert!(fastest < Duration::from_millis(5), "{fastest:?} for four operations");
}

#[test]
fn client_tokens_are_told_in_the_order_of_their_age() {
    let mut state = AccountState::new(ACCOUNT.parse().unwrap());
    let token = |name: &str, created_ms| {
        Change::Put(Record::ClientToken(ClientToken {
            action: "A".to_owned(),
            token: name.to_owned(),
            digest: Secret::new("d"),
            answer: Secret::new("{}"),
            created_ms,
        }))
    };
    state.apply(&[token("new", 3), token("old", 1), token("middle", 2), token("old", 4)]);
    let order: Vec<&str> = state.client_tokens().map(|token| token.token.as_str()).collect();
    assert_eq!(order, ["middle", "new", "old"]);
}
