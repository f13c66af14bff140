//! Who may, over HTTP: nobody without a signature, and a session of a role only while it lives.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when something is wrong, its functions too"
)]

#[allow(dead_code, reason = "the binary's own client, of which these tests need a part")]
#[path = "../src/client.rs"]
mod client;
#[path = "support/server.rs"]
mod server;

use std::time::SystemTime;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use causeway_control::operation;
use causeway_wire::{format_timestamp, percent_encode};
use client::{Client, Credentials, Product, RAM, Refusal, STS, VPC};
use serde_json::Value;
use server::{REGION, Server};

/// The code with which a call is refused; empty when it is not.
fn code(credentials: &Credentials, product: Product, action: &str, parameters: &[(&str, &str)]) -> String {
    match Client::new(credentials.clone()).call(product, action, parameters) {
        Ok(_) => String::new(),
        Err(error) => error.downcast::<Refusal>().unwrap().code,
    }
}

/// Sends parameters as they are and answers the status and the body.
fn send(endpoint: &str, parameters: &[(&str, &str)]) -> (u16, String) {
    let pair = |(name, value): &(&str, &str)| format!("{}={}", percent_encode(name), percent_encode(value));
    let query = parameters.iter().map(pair).collect::<Vec<_>>().join("&");
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let mut answer = agent.get(format!("http://{endpoint}/?{query}")).call().unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

/// A call that is signed by V1, as Terraform and the CLI sign.
fn send_v1(as_whom: &Credentials, product: Product, action: &str, more: &[(&str, &str)]) -> (u16, String) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let (nonce, timestamp) =
        (uuid::Uuid::new_v4().to_string(), format_timestamp(i64::try_from(now.as_millis()).unwrap()));
    let mut parameters = vec![
        ("AccessKeyId", as_whom.access_key_id.as_str()),
        ("Action", action),
        ("SecurityToken", as_whom.security_token.as_deref().unwrap_or_default()),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", &nonce),
        ("SignatureVersion", "1.0"),
        ("Timestamp", &timestamp),
        ("Version", product.version),
    ];
    parameters.extend(more);
    parameters.sort_unstable();
    let pair = |(name, value): &(&str, &str)| format!("{}={}", percent_encode(name), percent_encode(value));
    let canonical = parameters.iter().map(pair).collect::<Vec<_>>().join("&");
    let key = format!("{}&", as_whom.access_key_secret);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    let tag = hmac::sign(&key, format!("GET&%2F&{}", percent_encode(&canonical)).as_bytes());
    let signature = STANDARD.encode(tag);
    parameters.push(("Signature", &signature));
    send(&as_whom.endpoint, &parameters)
}

#[test]
fn no_operation_is_carried_out_for_who_did_not_sign_it() {
    let server = Server::start("");
    let root = server.root();
    let stranger = Credentials { access_key_id: "LTAIstranger".to_owned(), ..root.clone() };
    let guesser = Credentials { access_key_secret: "guessed".to_owned(), ..root.clone() };
    let nobody = Credentials { access_key_id: "STS.nobody".to_owned(), ..root.clone() };
    let forger = Credentials { security_token: Some("v1:Zm9yZ2Vk".to_owned()), ..nobody.clone() };
    for entry in operation::all() {
        let product = Product { version: entry.product.version() };
        let (status, body) = send(
            &root.endpoint,
            &[("Action", entry.name), ("Version", product.version), ("RegionId", REGION)],
        );
        assert!(status == 400 && body.contains("MissingParameter"), "{}: {status} {body}", entry.name);
        let region = [("RegionId", REGION), ("Format", "JSON")];
        for (who, expected) in [
            (&stranger, "InvalidAccessKeyId.NotFound"),
            (&guesser, "SignatureDoesNotMatch"),
            (&nobody, "MissingSecurityToken"),
            (&forger, "InvalidSecurityToken.Malformed"),
        ] {
            assert_eq!(code(who, product, entry.name, &region), expected, "{}", entry.name);
            let (status, body) = send_v1(who, product, entry.name, &region);
            let body: Value = serde_json::from_str(&body).unwrap();
            assert!(status >= 400, "{}", entry.name);
            assert_eq!(body["Code"], expected, "{}", entry.name);
        }
    }
    assert_eq!(server.call("DescribeCustomerGateways", &[])["TotalCount"], 0);
    let users = Client::new(root).call(RAM, "ListUsers", &[]).unwrap();
    assert_eq!(users["Users"]["User"], Value::Array(Vec::new()));
}

/// Makes the user `alice`, who may assume the role `admin`, which may do anything in Vpc; answers alice.
fn alice(server: &Server) -> Credentials {
    let root = server.root();
    let client = Client::new(root.clone());
    let call = |action: &str, parameters: &[(&str, &str)]| client.call(RAM, action, parameters).unwrap();
    call("CreateUser", &[("UserName", "alice")]);
    let key = call("CreateAccessKey", &[("UserName", "alice")])["AccessKey"].clone();
    let trust = format!(
        r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{{"RAM":"acs:ram::{}:root"}}}}]}}"#,
        root.account_id
    );
    call("CreateRole", &[("RoleName", "admin"), ("AssumeRolePolicyDocument", &trust)]);
    let system = ("PolicyType", "System");
    call("AttachPolicyToRole", &[("RoleName", "admin"), system, ("PolicyName", "AliyunVPCFullAccess")]);
    call("AttachPolicyToUser", &[("UserName", "alice"), system, ("PolicyName", "AliyunSTSAssumeRoleAccess")]);
    Credentials {
        access_key_id: key["AccessKeyId"].as_str().unwrap().to_owned(),
        access_key_secret: key["AccessKeySecret"].as_str().unwrap().to_owned(),
        ..root
    }
}

fn assume(user: &Credentials) -> Credentials {
    let arn = format!("acs:ram::{}:role/admin", user.account_id);
    let parameters = [("RoleArn", arn.as_str()), ("RoleSessionName", "test")];
    let answer = Client::new(user.clone()).call(STS, "AssumeRole", &parameters).unwrap();
    let text = |member: &str| answer["Credentials"][member].as_str().unwrap().to_owned();
    Credentials {
        access_key_id: text("AccessKeyId"),
        access_key_secret: text("AccessKeySecret"),
        security_token: Some(text("SecurityToken")),
        ..user.clone()
    }
}

#[test]
fn a_session_acts_until_its_role_is_gone_also_after_a_restart() {
    let mut server = Server::start("");
    let alice = alice(&server);
    let region = [("RegionId", REGION)];
    assert_eq!(code(&alice, VPC, "DescribeVpnConnections", &region), "Forbbiden.SubUser");
    let session = assume(&alice);
    let gateway = [region[0], ("IpAddress", "198.51.100.7")];
    assert_eq!(code(&session, VPC, "CreateCustomerGateway", &gateway), "");
    let identity = Client::new(session.clone()).call(STS, "GetCallerIdentity", &[]).unwrap();
    assert_eq!(identity["IdentityType"], "AssumedRoleUser");
    assert_eq!(send_v1(&session, VPC, "DescribeCustomerGateways", &region).0, 200);

    server.restart();
    let session = Credentials { endpoint: server.root().endpoint, ..session };
    // Requests from before the start are refused, and timestamps have whole seconds.
    server::until("the session acts again", || {
        code(&session, VPC, "DescribeCustomerGateways", &region).is_empty()
    });
    assert_eq!(send_v1(&session, VPC, "DescribeCustomerGateways", &region).0, 200);

    let client = Client::new(server.root());
    let policy = [("RoleName", "admin"), ("PolicyType", "System"), ("PolicyName", "AliyunVPCFullAccess")];
    client.call(RAM, "DetachPolicyFromRole", &policy).unwrap();
    assert_eq!(code(&session, VPC, "DescribeCustomerGateways", &region), "Forbidden");
    client.call(RAM, "DeleteRole", &policy[..1]).unwrap();
    assert_eq!(code(&session, STS, "GetCallerIdentity", &[]), "InvalidSecurityToken.Expired");
    let (status, body) = send_v1(&session, VPC, "DescribeCustomerGateways", &region);
    assert!(status == 400 && body.contains("InvalidSecurityToken.Expired"), "{body}");
}

#[test]
fn what_belongs_to_a_session_only_works_together() {
    let server = Server::start("");
    let alice = alice(&server);
    let (session, other) = (assume(&alice), assume(&alice));
    let refused = |credentials: Credentials| {
        let region = [("RegionId", REGION), ("Format", "JSON")];
        let by_v3 = code(&credentials, VPC, "DescribeVpnConnections", &region);
        let (_, body) = send_v1(&credentials, VPC, "DescribeVpnConnections", &region);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["Code"].as_str().unwrap_or_default(), by_v3);
        by_v3
    };
    let mismatch = "InvalidSecurityToken.MismatchWithAccessKey";
    let with_token = |token: &str| Credentials { security_token: Some(token.to_owned()), ..session.clone() };
    let token = session.security_token.clone().unwrap();
    assert_eq!(refused(session.clone()), "");
    assert_eq!(refused(Credentials { security_token: None, ..session.clone() }), "MissingSecurityToken");
    assert_eq!(refused(with_token(&other.security_token.unwrap())), mismatch);
    assert_eq!(refused(Credentials { security_token: Some(token.clone()), ..alice.clone() }), mismatch);
    assert_eq!(refused(with_token(&token[..token.len() - 4])), "InvalidSecurityToken.Malformed");
    assert_eq!(refused(with_token("x")), "InvalidSecurityToken.Malformed");
    let guessed = Credentials { access_key_secret: alice.access_key_secret, ..session };
    assert_eq!(refused(guessed), "SignatureDoesNotMatch");
}

#[test]
fn a_refusal_says_which_permission_is_missing_in_json_and_xml() {
    let server = Server::start("");
    let alice = alice(&server);
    let session = assume(&alice);
    let region = ("RegionId", REGION);
    let (status, body) = send_v1(&session, RAM, "ListUsers", &[region, ("Format", "JSON")]);
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &answer["Code"]), (403, &Value::from("Forbidden")));
    let detail = &answer["AccessDeniedDetail"];
    for (member, value) in [
        ("AuthAction", "ram:ListUsers"),
        ("AuthPrincipalType", "AssumedRoleUser"),
        ("AuthPrincipalDisplayName", "admin:test"),
        ("AuthPrincipalOwnerId", &alice.account_id),
        ("PolicyType", "AccountLevelIdentityBasedPolicy"),
        ("NoPermissionType", "ImplicitDeny"),
    ] {
        assert_eq!(detail[member], value, "{member}");
    }
    let (status, body) = send_v1(&alice, VPC, "DescribeVpnConnections", &[region, ("Format", "XML")]);
    assert_eq!(status, 403);
    for element in [
        "<Code>Forbbiden.SubUser</Code>",
        "<AccessDeniedDetail>",
        "<AuthAction>vpc:DescribeVpnConnections</AuthAction>",
        "<AuthPrincipalType>SubUser</AuthPrincipalType>",
        "<NoPermissionType>ImplicitDeny</NoPermissionType>",
    ] {
        assert!(body.contains(element), "{element}: {body}");
    }
}

#[test]
fn the_command_line_makes_a_role_and_assumes_it() {
    let server = Server::start("");
    let keys = |arguments: &[&str], as_user: Option<&Credentials>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_causeway"));
        command.arg("keys").arg("--data").arg(server.data()).args(arguments);
        command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_ID").env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
        if let Some(user) = as_user {
            command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", &user.access_key_id);
            command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", &user.access_key_secret);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice::<Value>(&output.stdout).map_err(|_nothing| said)
    };
    let alice = alice(&server);
    let made = keys(&["create-role", "auditor", "--trust", "alice"], None).unwrap();
    assert!(made["Role"]["AssumeRolePolicyDocument"].as_str().unwrap().contains(":user/alice"));
    let policy = server.data().join("reads.json");
    std::fs::write(
        &policy,
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"vpc:Describe*","Resource":"*"}]}"#,
    )
    .unwrap();
    keys(&["attach-policy", "--role", "auditor", "--file", policy.to_str().unwrap()], None).unwrap();
    assert!(keys(&["attach-policy", "--file", policy.to_str().unwrap()], None).is_err());
    let of_role = keys(&["list-policies", "--role", "auditor"], None).unwrap();
    assert_eq!(of_role["Policies"]["Policy"][0]["PolicyName"], "reads");

    assert!(keys(&["assume-role", "auditor"], None).is_err());
    assert!(keys(&["assume-role", "auditor"], Some(&server.root())).unwrap_err().contains("NoPermission"));
    let answer = keys(&["assume-role", "auditor", "--seconds", "900"], Some(&alice)).unwrap();
    let text = |member: &str| answer[member].as_str().unwrap().to_owned();
    let session = Credentials {
        access_key_id: text("AccessKeyId"),
        access_key_secret: text("AccessKeySecret"),
        security_token: Some(text("SecurityToken")),
        ..alice
    };
    let region = [("RegionId", REGION)];
    assert_eq!(code(&session, VPC, "DescribeVpnConnections", &region), "");
    assert_eq!(
        code(&session, VPC, "CreateCustomerGateway", &[region[0], ("IpAddress", "1.2.3.4")]),
        "Forbidden"
    );
    keys(&["detach-policy", "--role", "auditor", "--name", "reads"], None).unwrap();
    keys(&["delete-role", "auditor"], None).unwrap();
    assert_eq!(keys(&["list-roles"], None).unwrap()["Roles"]["Role"].as_array().unwrap().len(), 1);
}
