//! Sessions of roles: who gets one, what it may do, and when it ends.

use serde_json::{Value, json};

use crate::access_key::Status;
use crate::account::Caller;
use crate::error::ApiError;
use crate::role_session::{RoleSession, TOKEN_BYTES_MAX};
use crate::testing::{ACCOUNT, Glass, Pairs, World};

const ARN: &str = "acs:ram::1234567890123456:role/admin";

/// A world in which alice may assume the role `admin`, which may do anything in Vpc.
fn world() -> World {
    let mut world = World::new();
    let trust = trust("acs:ram::1234567890123456:root");
    let everything = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"vpc:*","Resource":"*"}]}"#;
    let calls: [(&str, Pairs<'_>); 5] = [
        ("CreateUser", &[("UserName", "alice")]),
        (
            "AttachPolicyToUser",
            &[("UserName", "alice"), ("PolicyType", "System"), ("PolicyName", "AliyunSTSAssumeRoleAccess")],
        ),
        ("CreateRole", &[("RoleName", "admin"), ("AssumeRolePolicyDocument", &trust)]),
        ("CreatePolicy", &[("PolicyName", "everything"), ("PolicyDocument", everything)]),
        (
            "AttachPolicyToRole",
            &[("RoleName", "admin"), ("PolicyType", "Custom"), ("PolicyName", "everything")],
        ),
    ];
    for (action, params) in calls {
        world.call(action, params).unwrap();
    }
    world
}

fn trust(principal: &str) -> String {
    json!({ "Version": "1", "Statement": [
        { "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "RAM": principal } },
    ] })
    .to_string()
}

fn alice() -> Caller {
    Caller::RamUser { name: "alice".to_owned() }
}

fn assume(world: &mut World, caller: Caller, more: Pairs<'_>) -> Result<Value, ApiError> {
    world.caller = caller;
    let params = [&[("RoleArn", ARN), ("RoleSessionName", "mine")], more].concat();
    let result = world.call("AssumeRole", &params);
    world.caller = Caller::Root;
    result
}

/// Who calls with an answer of AssumeRole.
fn session(world: &World, answer: &Value) -> Result<Caller, ApiError> {
    let credentials = &answer["Credentials"];
    let id = credentials["AccessKeyId"].as_str().unwrap().parse().unwrap();
    let token = credentials["SecurityToken"].as_str().unwrap();
    RoleSession::open(token, &id, &Glass)?.caller(&world.state, world.now_ms)
}

fn code(refusal: &ApiError) -> (String, u16) {
    (refusal.code().into_owned(), refusal.status())
}

#[test]
fn somebody_whom_a_role_trusts_gets_it_for_a_while() {
    let mut world = world();
    let answer = assume(&mut world, alice(), &[]).unwrap();
    let role_id = world.state.ram_role("admin").unwrap().role_id.clone();
    let user = &answer["AssumedRoleUser"];
    assert_eq!(user["Arn"], format!("acs:ram::{ACCOUNT}:assumed-role/admin/mine"));
    assert_eq!(user["AssumedRoleId"], format!("{role_id}:mine"));
    assert!(answer["Credentials"]["AccessKeyId"].as_str().unwrap().starts_with("STS."));
    assert_eq!(answer["Credentials"]["AccessKeySecret"].as_str().unwrap().len(), 30);
    let expiration = causeway_wire::format_timestamp(world.now_ms + 3_600_000);
    assert_eq!(answer["Credentials"]["Expiration"], expiration);
    let again = assume(&mut world, alice(), &[]).unwrap();
    for member in ["AccessKeyId", "AccessKeySecret", "SecurityToken"] {
        assert_ne!(answer["Credentials"][member], again["Credentials"][member], "{member}");
    }

    world.caller = session(&world, &answer).unwrap();
    let identity = world.call("GetCallerIdentity", &[]).unwrap();
    assert_eq!(identity["Arn"], user["Arn"]);
    assert_eq!((&identity["RoleId"], &identity["PrincipalId"]), (&json!(role_id), &user["AssumedRoleId"]));
    world.call("CreateCustomerGateway", &[("IpAddress", "198.51.100.7")]).unwrap();
    let refusal = world.refusal("ListUsers", &[]);
    assert_eq!(code(&refusal), ("Forbidden".to_owned(), 403));
    let detail = refusal.access_denied.unwrap();
    let told =
        ["AuthAction", "AuthPrincipalType", "AuthPrincipalDisplayName", "PolicyType", "NoPermissionType"]
            .map(|member| detail[member].as_str());
    let expected =
        ["ram:ListUsers", "AssumedRoleUser", "admin:mine", "AccountLevelIdentityBasedPolicy", "ImplicitDeny"];
    assert_eq!(told, expected);
    assert_eq!(detail["AuthPrincipalOwnerId"], ACCOUNT);
}

#[test]
fn nothing_of_a_session_is_stored() {
    let mut world = world();
    let (revision, rows) = (world.state.revision(), world.rows.len());
    assume(&mut world, alice(), &[("ClientToken", "t")]).unwrap();
    assert_eq!((world.state.revision(), world.rows.len()), (revision, rows));
    assert_eq!(world.state.client_token_count(), 0);
    assert!(world.state.access_keys().all(|key| key.status == Status::Active && !key.id.is_temporary()));
}

#[test]
fn a_session_ends_when_its_time_is_up() {
    let mut world = world();
    let answer = assume(&mut world, alice(), &[("DurationSeconds", "900")]).unwrap();
    world.now_ms += 900_000 - 1;
    session(&world, &answer).unwrap();
    // A restart is no reprieve.
    world.state = world.restored();
    session(&world, &answer).unwrap();
    world.now_ms += 1;
    let refusal = session(&world, &answer).unwrap_err();
    assert_eq!(code(&refusal), ("InvalidSecurityToken.Expired".to_owned(), 400));
}

#[test]
fn a_session_lives_no_longer_than_its_role_allows() {
    let mut world = world();
    for (seconds, lives) in [("899", false), ("900", true), ("3600", true), ("3601", false), ("x", false)] {
        let result = assume(&mut world, alice(), &[("DurationSeconds", seconds)]);
        assert_eq!(result.is_ok(), lives, "{seconds}");
        if let Err(refusal) = result {
            assert_eq!(code(&refusal), ("InvalidParameter.DurationSeconds".to_owned(), 400));
        }
    }
    world.call("UpdateRole", &[("RoleName", "admin"), ("NewMaxSessionDuration", "43200")]).unwrap();
    assume(&mut world, alice(), &[("DurationSeconds", "43200")]).unwrap();
}

#[test]
fn a_changed_policy_changes_what_living_sessions_may_at_once() {
    let mut world = world();
    let answer = assume(&mut world, alice(), &[]).unwrap();
    let attachment = [("RoleName", "admin"), ("PolicyType", "Custom"), ("PolicyName", "everything")];
    let may = |world: &mut World| {
        world.caller = session(world, &answer).unwrap();
        let may = world.call("DescribeVpnConnections", &[]).is_ok();
        world.caller = Caller::Root;
        may
    };
    assert!(may(&mut world));
    world.call("DetachPolicyFromRole", &attachment).unwrap();
    assert!(!may(&mut world));
    world.call("AttachPolicyToRole", &attachment).unwrap();
    assert!(may(&mut world));
    let deny = r#"{"Version":"1","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let version = [("PolicyName", "everything"), ("PolicyDocument", deny), ("SetAsDefault", "true")];
    world.call("CreatePolicyVersion", &version).unwrap();
    assert!(!may(&mut world));
}

#[test]
fn a_session_ends_with_its_role_and_another_role_of_the_name_does_not_revive_it() {
    let mut world = world();
    let answer = assume(&mut world, alice(), &[]).unwrap();
    let caller = session(&world, &answer).unwrap();
    let attachment = [("RoleName", "admin"), ("PolicyType", "Custom"), ("PolicyName", "everything")];
    world.call("DetachPolicyFromRole", &attachment).unwrap();
    world.call("DeleteRole", &attachment[..1]).unwrap();
    assert_eq!(session(&world, &answer).unwrap_err().code(), "InvalidSecurityToken.Expired");
    let trust = trust("acs:ram::1234567890123456:root");
    world.call("CreateRole", &[attachment[0], ("AssumeRolePolicyDocument", &trust)]).unwrap();
    world.call("AttachPolicyToRole", &attachment).unwrap();
    assert_eq!(session(&world, &answer).unwrap_err().code(), "InvalidSecurityToken.Expired");
    // Also for a request that was authenticated before the role was deleted.
    world.caller = caller;
    assert_eq!(world.refusal("DescribeVpnConnections", &[]).code(), "Forbidden");
}

#[test]
fn a_session_may_do_what_both_its_own_policy_and_its_roles_policies_allow() {
    let mut world = world();
    let own = |statement: &str| format!(r#"{{"Version":"1","Statement":[{statement}]}}"#);
    let reads = own(r#"{"Effect":"Allow","Action":["vpc:Describe*","ram:List*"],"Resource":"*"}"#);
    let answer = assume(&mut world, alice(), &[("Policy", &reads)]).unwrap();
    world.caller = session(&world, &answer).unwrap();
    world.call("DescribeVpnConnections", &[]).unwrap();
    let refusal = world.refusal("CreateCustomerGateway", &[("IpAddress", "198.51.100.7")]);
    assert_eq!(refusal.access_denied.unwrap()["PolicyType"], "SessionPolicy");
    let refusal = world.refusal("ListUsers", &[]);
    assert_eq!(refusal.access_denied.unwrap()["PolicyType"], "AccountLevelIdentityBasedPolicy");
    let denies = own(r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#);
    let answer = assume(&mut world, alice(), &[("Policy", &denies)]).unwrap();
    world.caller = session(&world, &answer).unwrap();
    let detail = world.refusal("DescribeVpnConnections", &[]).access_denied.unwrap();
    assert_eq!(
        (detail["PolicyType"].as_str(), detail["NoPermissionType"].as_str()),
        ("SessionPolicy", "ExplicitDeny")
    );

    let long = " ".repeat(2048) + &reads;
    for policy in ["{", "{}", &long] {
        let refusal = assume(&mut world, alice(), &[("Policy", policy)]).unwrap_err();
        assert_eq!(code(&refusal), ("InvalidParameter.PolicyGrammar".to_owned(), 400));
    }
}

#[test]
fn only_who_is_trusted_and_allowed_gets_a_role() {
    let mut world = world();
    world.call("CreateUser", &[("UserName", "bob")]).unwrap();
    let bob = Caller::RamUser { name: "bob".to_owned() };
    let refusal = assume(&mut world, bob.clone(), &[]).unwrap_err();
    assert_eq!(code(&refusal), ("Forbbiden.SubUser".to_owned(), 403));
    let detail = refusal.access_denied.unwrap();
    assert_eq!(detail["AuthAction"], "sts:AssumeRole");
    assert_eq!(detail["AuthResource"], format!("acs:ram:*:{ACCOUNT}:role/admin"));

    let may_admin = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"acs:ram::1234567890123456:role/adm*"}]}"#;
    let attachment = [("UserName", "bob"), ("PolicyType", "Custom"), ("PolicyName", "may-admin")];
    world.call("CreatePolicy", &[attachment[2], ("PolicyDocument", may_admin)]).unwrap();
    world.call("AttachPolicyToUser", &attachment).unwrap();
    assume(&mut world, bob.clone(), &[]).unwrap();
    let only_alice = trust("acs:ram::1234567890123456:user/alice");
    let change = [("RoleName", "admin"), ("NewAssumeRolePolicyDocument", only_alice.as_str())];
    world.call("UpdateRole", &change).unwrap();
    assert_eq!(code(&assume(&mut world, bob, &[]).unwrap_err()), ("NoPermission".to_owned(), 403));
    let answer = assume(&mut world, alice(), &[]).unwrap();
    // A session is neither alice nor allowed to assume its own role.
    let caller = session(&world, &answer).unwrap();
    assert_eq!(assume(&mut world, caller, &[]).unwrap_err().code(), "Forbidden");
    let root = assume(&mut world, Caller::Root, &[]).unwrap_err();
    assert_eq!(root.message(), "Roles may not be assumed by root accounts.");
}

#[test]
fn a_role_of_another_account_is_as_if_it_were_not_there() {
    let mut world = world();
    let mut refused = |arn: &str| {
        world.caller = alice();
        code(&world.refusal("AssumeRole", &[("RoleArn", arn), ("RoleSessionName", "mine")]))
    };
    assert_eq!(refused("acs:ram::6543210987654321:role/admin").0, "NoPermission");
    assert_eq!(refused("acs:ram::6543210987654321:role/nothing").0, "NoPermission");
    assert_eq!(refused("acs:ram::1234567890123456:role/nothing"), ("EntityNotExist.Role".to_owned(), 404));
    for arn in [
        "admin",
        "acs:ram::1:role/admin",
        "acs:ram::1234567890123456:role/",
        "acs:ram:*:1234567890123456:role/a",
    ] {
        assert_eq!(refused(arn), ("InvalidParameter.RoleArn".to_owned(), 400), "{arn}");
    }
}

#[test]
fn a_token_that_is_not_that_of_the_access_key_is_refused() {
    let mut world = world();
    let [mine, other] = [(); 2].map(|()| assume(&mut world, alice(), &[]).unwrap());
    let token = |answer: &Value| answer["Credentials"]["SecurityToken"].as_str().unwrap().to_owned();
    let id = mine["Credentials"]["AccessKeyId"].as_str().unwrap().parse().unwrap();
    let refused = |token: &str| RoleSession::open(token, &id, &Glass).unwrap_err().code().into_owned();
    RoleSession::open(&token(&mine), &id, &Glass).unwrap();
    assert_eq!(refused(&token(&other)), "InvalidSecurityToken.MismatchWithAccessKey");
    for malformed in ["", "x", "glass:", "glass:{}", &token(&mine)[1..]] {
        assert_eq!(refused(malformed), "InvalidSecurityToken.Malformed", "{malformed}");
    }
    let long = format!("{}{}", token(&mine), " ".repeat(TOKEN_BYTES_MAX));
    assert_eq!(refused(&long), "InvalidSecurityToken.Malformed");
}

#[test]
fn the_longest_token_is_short_enough() {
    let mut world = world();
    let name = "n".repeat(64);
    // What takes most room in JSON.
    let policy = format!(
        r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":[{}],"Resource":"*"}}]}}"#,
        vec![r#""*""#; 100].join(",")
    );
    let policy = policy.clone() + &"\n".repeat(2048 - policy.len());
    let params = [("Policy", policy.as_str()), ("RoleArn", ARN), ("RoleSessionName", &name)];
    world.caller = alice();
    let answer = world.call("AssumeRole", &params).unwrap();
    let plain = answer["Credentials"]["SecurityToken"].as_str().unwrap().len();
    // Sealed, it has a nonce and a tag more, and four characters for each three bytes.
    assert!((plain + 64).div_ceil(3) * 4 <= TOKEN_BYTES_MAX, "{plain}");
}

#[test]
fn nothing_of_a_session_is_shown_that_is_secret() {
    let mut world = world();
    let answer = assume(&mut world, alice(), &[]).unwrap();
    let credentials = &answer["Credentials"];
    let id = credentials["AccessKeyId"].as_str().unwrap().parse().unwrap();
    let session = RoleSession::open(credentials["SecurityToken"].as_str().unwrap(), &id, &Glass).unwrap();
    assert!(!format!("{session:?}").contains(credentials["AccessKeySecret"].as_str().unwrap()));
}
