//! What all operations have in common: who may, client tokens, and that nobody sees what is another's.

pub(crate) mod captures;
pub(crate) mod everybody;
mod nonsense;
mod sequences;
pub(crate) mod transcripts;

use serde_json::{Value, json};

use crate::account::{Caller, new_account};
use crate::core::Outcome;
use crate::operation;
use crate::ram_policy::{Attached, PolicyType, RamPolicy};
use crate::ram_user::RamUser;
use crate::record::{Change, Record};
use crate::resource::client_token::{LIFE_MS, TOKENS_MAX};
use crate::testing::{ACCOUNT, REGION, World, params};

/// Becomes a RAM user with one policy of one statement.
fn become_user(world: &mut World, statement: Value) {
    let user = RamUser::new("alice".to_owned(), "2".repeat(18), 0);
    let policy = json!({ "Version": "1", "Statement": [statement] });
    attach(world, user, "only", &policy.to_string());
    world.caller = Caller::RamUser { name: "alice".to_owned() };
}

/// Makes a policy, whatever it says, and attaches it.
fn attach(world: &mut World, mut user: RamUser, name: &str, document: &str) {
    let policy = RamPolicy::new(name.to_owned(), document.to_owned(), 0);
    let attached = Attached { policy_type: PolicyType::Custom, attached_ms: 0 };
    user.policies.insert(name.to_owned(), attached);
    world.commit(&[Change::Put(Record::RamPolicy(policy)), Change::Put(Record::RamUser(user))]);
}

#[test]
fn a_ram_user_may_do_what_its_policies_allow_and_nothing_else() {
    let (mut world, connection) = World::with_connection();
    world.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
    world.settle();
    let resource = format!("acs:vpc:eu-central-1:{ACCOUNT}:vpnconnection/{connection}");
    become_user(
        &mut world,
        json!({ "Effect": "Allow", "Action": "vpc:DeleteVcoRouteEntry", "Resource": resource }),
    );
    world.route("DeleteVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
    world.settle();
    let refusal = world.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap_err();
    assert_eq!((refusal.code().as_ref(), refusal.status()), ("Forbbiden.SubUser", 403));
    let detail = refusal.access_denied.clone().unwrap();
    assert_eq!(detail["AuthAction"], "vpc:CreateVcoRouteEntry");
    assert_eq!(detail["NoPermissionType"], "ImplicitDeny");
    assert!(refusal.recommend().contains("vpc:CreateVcoRouteEntry"));
    assert!(refusal.recommend().contains(&resource));
    let other = world.route("DeleteVcoRouteEntry", "vco-another", "192.168.10.0/24", "100").unwrap_err();
    assert_eq!(other.code(), "Forbbiden.SubUser");
}

#[test]
fn an_explicit_deny_wins_and_is_told_apart() {
    let (mut world, connection) = World::with_connection();
    become_user(&mut world, json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
    world.call("DescribeVpnConnections", &[]).unwrap();
    let user = world.state.ram_user("alice").unwrap().clone();
    let deny = json!({
        "Version": "1",
        "Statement": [{ "Effect": "Deny", "Action": "vpc:*VcoRouteEntry", "Resource": "*" }],
    });
    attach(&mut world, user, "no-routes", &deny.to_string());
    let refusal = world.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap_err();
    assert_eq!(refusal.access_denied.unwrap()["NoPermissionType"], "ExplicitDeny");
    world.call("DescribeVcoRouteEntries", &[("VpnConnectionId", &connection)]).unwrap();
}

#[test]
fn what_is_denied_in_a_region_is_not_had_by_naming_none() {
    let (mut world, connection) = World::with_connection();
    let tunnel = world.state.vpn_connection(&connection.parse().unwrap()).unwrap().tunnels[0].id.to_string();
    let change = [
        ("VpnConnectionId", connection.as_str()),
        ("TunnelId", &tunnel),
        ("TunnelOptionsSpecification.EnableDpd", "false"),
    ];
    let denied =
        |world: &World, parameters| match world.plan_exactly("ModifyTunnelAttribute", &params(parameters)) {
            Outcome::Refused(refusal) => Some(refusal.access_denied.unwrap()["AuthResource"].clone()),
            Outcome::Answered { .. } => None,
        };
    let here = format!("acs:vpc:{REGION}:{ACCOUNT}:vpnconnection/{connection}");
    become_user(&mut world, json!({ "Effect": "Allow", "Action": "*", "Resource": here }));
    assert_eq!(denied(&world, &change), None, "it is where it is, named or not");
    let of_another = [("VpnConnectionId", "vco-another"), change[1]];
    assert!(denied(&world, &of_another).is_some());
    become_user(&mut world, json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
    assert_eq!(denied(&world, &change), None);
    let user = world.state.ram_user("alice").unwrap().clone();
    let statement = |region: &str| {
        let resource = format!("acs:vpc:{region}:*:*");
        json!({ "Version": "1", "Statement": [{ "Effect": "Deny", "Action": "vpc:*", "Resource": resource }] })
    };
    attach(&mut world, user, "not-here", &statement(REGION).to_string());
    assert_eq!(denied(&world, &change), Some(here));
    let vpcs = world.plan_exactly("DescribeVSwitches", &params(&[]));
    assert!(matches!(vpcs, Outcome::Refused(_)), "a list of all regions is one of this region too");
}

#[test]
fn a_policy_that_cannot_be_read_allows_nothing() {
    let mut world = World::new();
    become_user(&mut world, json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
    world.call("DescribeVpnConnections", &[]).unwrap();
    let user = world.state.ram_user("alice").unwrap().clone();
    attach(&mut world, user, "broken", "{");
    assert_eq!(world.refusal("DescribeVpnConnections", &[]).code(), "Forbbiden.SubUser");
}

#[test]
fn a_policy_that_is_not_there_leaves_its_user_without_any() {
    let mut world = World::new();
    become_user(&mut world, json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
    let user = world.state.ram_user("alice").unwrap().clone();
    attach(&mut world, user, "gone", "{}");
    world.commit(&[Change::Delete { kind: Record::RAM_POLICY, id: "gone".to_owned() }]);
    assert_eq!(world.refusal("DescribeVpnConnections", &[]).code(), "Forbbiden.SubUser");
}

#[test]
fn tags_of_a_resource_count_in_conditions() {
    let (mut world, connection) = World::with_connection();
    let tag = [("ResourceType", "VPNATTACHMENT"), ("ResourceId.1", connection.as_str())];
    world.call("TagResources", &[tag[0], tag[1], ("Tag.1.Key", "env"), ("Tag.1.Value", "dev")]).unwrap();
    let statement = |value: &str| {
        let condition = json!({ "StringEquals": { "acs:ResourceTag/env": value } });
        json!({ "Effect": "Allow", "Action": "vpc:Describe*", "Resource": "*", "Condition": condition })
    };
    become_user(&mut world, statement("prod"));
    let id = [("VpnConnectionId", connection.as_str())];
    assert_eq!(world.refusal("DescribeVpnConnection", &id).code(), "Forbbiden.SubUser");
    become_user(&mut world, statement("dev"));
    world.call("DescribeVpnConnection", &id).unwrap();
}

#[test]
fn nobody_acts_for_another_account() {
    let mut world = World::new();
    let own = [("ResourceOwnerId", ACCOUNT), ("ResourceOwnerAccount", ACCOUNT)];
    world.call("DescribeVpnConnections", &own).unwrap();
    for zero in [("ResourceOwnerId", "0"), ("ResourceOwnerId", ""), ("ResourceOwnerAccount", "")] {
        world.call("DescribeVpnConnections", &[zero]).unwrap();
    }
    for foreign in [("ResourceOwnerId", "6543210987654321"), ("ResourceOwnerAccount", "someone@example.com")]
    {
        let refusal = world.refusal("DescribeVpnConnections", &[foreign]);
        assert_eq!((refusal.code().as_ref(), refusal.status()), ("Forbidden", 403));
        assert_eq!(refusal.message(), "User not authorized to operate on the specified resource.");
    }
}

#[test]
fn two_accounts_do_not_see_each_other() {
    let (mut mine, connection) = World::with_connection();
    mine.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
    let gateway = mine.call("DescribeCustomerGateways", &[]).unwrap()["CustomerGateways"]["CustomerGateway"]
        [0]["CustomerGatewayId"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut theirs = World::of("6543210987654321");
    let not_there = |refusal: crate::error::ApiError| (refusal.code().into_owned(), refusal.recommend());
    let foreign = theirs.refusal("DescribeVpnConnection", &[("VpnConnectionId", &connection)]);
    let nothing = theirs.refusal("DescribeVpnConnection", &[("VpnConnectionId", "vco-nothing")]);
    assert_eq!(not_there(foreign), not_there(nothing));
    let foreign = theirs.route("DeleteVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap_err();
    assert_eq!(foreign.code(), "InvalidVpnConnectionInstanceId.NotFound");
    assert_eq!(
        theirs.refusal("DescribeCustomerGateway", &[("CustomerGatewayId", &gateway)]).code(),
        "InvalidCustomerGatewayInstanceId.NotFound"
    );
    for list in ["DescribeVpnConnections", "DescribeCustomerGateways", "DescribeVpnAttachments"] {
        assert_eq!(theirs.call(list, &[]).unwrap()["TotalCount"], 0);
    }
    assert_eq!(theirs.call("ListTransitRouterVpnAttachments", &[]).unwrap()["TotalCount"], 0);
    let own = theirs.customer_gateway("198.51.100.7");
    assert_ne!(own, gateway);
}

fn create_with_token(token: &str, address: &str) -> [(&'static str, String); 2] {
    [("ClientToken", token.to_owned()), ("IpAddress", address.to_owned())]
}

fn call_with_token(world: &mut World, token: &str, address: &str) -> Result<Value, String> {
    let parameters = create_with_token(token, address);
    let pairs: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.call("CreateCustomerGateway", &pairs).map_err(|refusal| refusal.code().into_owned())
}

#[test]
fn the_same_request_with_the_same_token_has_its_effect_once_and_its_answer_twice() {
    let mut world = World::new();
    let first = call_with_token(&mut world, "token-1", "1.2.3.4").unwrap();
    let revision = world.state.revision();
    let again = call_with_token(&mut world, "token-1", "1.2.3.4").unwrap();
    assert_eq!(first, again);
    assert_eq!(world.state.revision(), revision);
    // After a restart too.
    world.state = world.restored();
    assert_eq!(call_with_token(&mut world, "token-1", "1.2.3.4").unwrap(), first);
}

#[test]
fn a_route_is_deleted_once_with_one_token() {
    let (mut world, connection) = World::with_connection();
    world.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
    world.settle();
    let delete = [
        ("VpnConnectionId", connection.as_str()),
        ("RouteDest", "192.168.10.0/24"),
        ("NextHop", connection.as_str()),
        ("Weight", "100"),
        ("ClientToken", "123e4567-e89b-12d3-a456-426655440000"),
    ];
    let first = world.call("DeleteVcoRouteEntry", &delete).unwrap();
    // Also while the connection is updating, and after the route was made again.
    assert_eq!(world.call("DeleteVcoRouteEntry", &delete).unwrap(), first);
    world.settle();
    world.route("CreateVcoRouteEntry", &connection, "192.168.10.0/24", "100").unwrap();
    assert_eq!(world.call("DeleteVcoRouteEntry", &delete).unwrap(), first);
    assert_eq!(world.state.vco_route_count(&connection.parse().unwrap()), 1);
}

#[test]
fn a_token_belongs_to_one_request() {
    let mut world = World::new();
    call_with_token(&mut world, "token-1", "1.2.3.4").unwrap();
    let other = call_with_token(&mut world, "token-1", "1.2.3.5").unwrap_err();
    assert_eq!(other, "IdempotentParameterMismatch");
    // The token of one operation is not that of another.
    let parameters = [("ClientToken", "token-1"), ("CustomerGatewayId", "cgw-nothing")];
    let refusal = world.refusal("DeleteCustomerGateway", &parameters);
    assert_eq!(refusal.code(), "InvalidCustomerGatewayInstanceId.NotFound");
}

#[test]
fn a_token_of_one_product_is_not_one_of_another() {
    let mut world = World::new();
    let gateway = world.customer_gateway("1.2.3.4");
    let cen = world.call("CreateCen", &[]).unwrap()["CenId"].as_str().unwrap().to_owned();
    let tag = |kind: &'static str, id: String| {
        [
            ("ClientToken", "token-1".to_owned()),
            ("ResourceType", kind.to_owned()),
            ("ResourceId.1", id),
            ("Tag.1.Key", "env".to_owned()),
            ("Tag.1.Value", "prod".to_owned()),
        ]
    };
    for (action, parameters) in
        [("Vpc:TagResources", tag("CUSTOMERGATEWAY", gateway)), ("Cbn:TagResources", tag("cen", cen))]
    {
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        world.call(action, &pairs).unwrap();
    }
}

#[test]
fn how_a_request_is_signed_and_encoded_is_not_what_it_asks_for() {
    let mut world = World::new();
    let base = [("RegionId", "eu-central-1"), ("IpAddress", "1.2.3.4"), ("ClientToken", "t")];
    let mut first = base.to_vec();
    first.extend([("Signature", "a"), ("SignatureNonce", "1"), ("Timestamp", "x"), ("AccessKeyId", "one")]);
    let mut second = base.to_vec();
    second.extend([("Signature", "b"), ("SignatureNonce", "2"), ("Format", "XML"), ("AccessKeyId", "other")]);
    let first = world.call("CreateCustomerGateway", &first).unwrap();
    assert_eq!(world.call("CreateCustomerGateway", &second).unwrap(), first);
}

#[test]
fn a_refused_request_does_not_use_up_its_token() {
    let mut world = World::new();
    world.customer_gateway("1.2.3.4");
    let refused = call_with_token(&mut world, "token-1", "1.2.3.4").unwrap_err();
    assert_eq!(refused, "InvalidIpAddress.AlreadyExist");
    call_with_token(&mut world, "token-1", "1.2.3.5").unwrap();
}

#[test]
fn a_token_is_printable_ascii_of_bounded_length() {
    let mut world = World::new();
    let longest = "t".repeat(64);
    call_with_token(&mut world, &longest, "1.2.3.4").unwrap();
    call_with_token(&mut world, "", "1.2.3.5").unwrap();
    for bad in ["t".repeat(65), "tökən".to_owned(), "new\nline".to_owned()] {
        let refused = call_with_token(&mut world, &bad, "1.2.3.6").unwrap_err();
        assert_eq!(refused, "InvalidClientToken", "{bad:?}");
    }
    assert_eq!(world.state.client_token_count(), 1);
}

#[test]
fn a_token_is_forgotten_after_a_day() {
    let mut world = World::new();
    let first = call_with_token(&mut world, "token-1", "1.2.3.4").unwrap();
    world.now_ms += LIFE_MS - 10;
    assert_eq!(call_with_token(&mut world, "token-1", "1.2.3.4").unwrap(), first);
    world.now_ms += 10;
    let after = call_with_token(&mut world, "token-1", "1.2.3.4").unwrap_err();
    assert_eq!(after, "InvalidIpAddress.AlreadyExist");
    call_with_token(&mut world, "token-2", "1.2.3.5").unwrap();
    assert_eq!(world.state.client_token_count(), 1);
    call_with_token(&mut world, "token-1", "1.2.3.6").unwrap();
    assert_eq!(world.state, world.restored());
}

#[test]
fn an_account_has_a_bounded_number_of_tokens() {
    let mut world = World::new();
    call_with_token(&mut world, "first", "1.2.3.4").unwrap();
    let template = world.state.client_tokens().next().unwrap().clone();
    let changes: Vec<Change> = (1..TOKENS_MAX)
        .map(|number| {
            let mut token = template.clone();
            token.token = format!("token-{number}");
            token.created_ms += 1;
            Change::Put(Record::ClientToken(token))
        })
        .collect();
    world.commit(&changes);
    assert_eq!(world.state.client_token_count(), TOKENS_MAX);
    world.now_ms += 10;
    call_with_token(&mut world, "last", "1.2.3.5").unwrap();
    assert_eq!(world.state.client_token_count(), TOKENS_MAX);
    assert!(world.state.client_token("Vpc:CreateCustomerGateway/first").is_none());
    assert!(world.state.client_token("Vpc:CreateCustomerGateway/last").is_some());
}

#[test]
fn a_read_with_a_token_is_a_read() {
    let (mut world, connection) = World::with_connection();
    let parameters = [("VpnConnectionId", connection.as_str()), ("ClientToken", "t")];
    let Outcome::Answered { changes, .. } = world.plan("DescribeVcoRouteEntries", &parameters) else {
        panic!("it was refused")
    };
    assert_eq!(changes, []);
    world.call("DescribeVcoRouteEntries", &parameters).unwrap();
    assert_eq!(world.state.client_token_count(), 0);
}

#[test]
fn every_answer_has_its_request_id_and_never_a_code() {
    let (mut world, connection) = World::with_connection();
    for entry in operation::all() {
        let parameters = [("VpnConnectionId", connection.as_str()), ("ResourceType", "VPNATTACHMENT")];
        if let Ok(body) = world.call(&entry.full_name(), &parameters) {
            assert!(body["RequestId"].is_string(), "{}", entry.name);
            assert!(body.get("Code").is_none(), "{}", entry.name);
        }
    }
}

#[test]
fn an_unknown_action_is_refused() {
    let world = World::new();
    let Outcome::Refused(refusal) = world.plan_exactly("DeleteEverything", &params(&[])) else {
        panic!("it was answered")
    };
    assert_eq!((refusal.code().as_ref(), refusal.status()), ("InvalidAction.NotFound", 404));
}

#[test]
fn a_new_account_has_a_key_that_is_its_own() {
    let new = new_account(&[5; 32], 7);
    assert_eq!(new.records.len(), 2);
    assert_eq!(new.access_key.caller(), Caller::Root);
    let state = crate::state::AccountState::restore(new.account.clone(), 1, new.records);
    assert_eq!(state.access_key(&new.access_key.id).unwrap().secret, new.access_key.secret);
    assert_eq!(state.account().unwrap().id, new.account);
}
