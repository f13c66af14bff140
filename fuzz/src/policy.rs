//! RAM policies and trust policies: whatever parses decides every request, in the same way each time, and what denies
//! cannot be outvoted. That it is quick is what the fuzzer's time limit holds.
//!
//! The input is texts with NULs between them: a policy, a second one, an action, a resource.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use causeway_control::access::{AccessRequest, Decision, Policy, TrustPolicy, evaluate};

const DENY_ALL: &str = r#"{"Version":"1","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
const ALLOW_ALL: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const ACTION: &str = "vpc:DeleteVcoRouteEntry";
const RESOURCE: &str = "acs:vpc:eu-central-1:1234567890123456:vpnconnection/vco-1";

/// Parses the policies and decides requests by them.
///
/// # Panics
///
/// When two decisions contradict each other.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut texts = text.split('\0');
    let (one, two) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
    let (action, resource) = (texts.next().unwrap_or(ACTION), texts.next().unwrap_or(RESOURCE));
    let tags = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
    let none = BTreeMap::new();
    let request = |source_ip, is_new| AccessRequest {
        action,
        resource,
        source_ip,
        secure_transport: is_new,
        now_ms: 1_769_860_800_000,
        resource_tags: if is_new { &none } else { &tags },
        request_tags: if is_new { &tags } else { &none },
        is_new,
    };
    let requests = [
        request(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), false),
        request(IpAddr::V6(Ipv6Addr::LOCALHOST), true),
    ];
    let policies = [one, two].map(Policy::parse);
    for policy in policies.iter().flatten() {
        requests.iter().for_each(|request| check_one(policy, request));
    }
    if let [Ok(one), Ok(two)] = &policies {
        requests.iter().for_each(|request| check_two(one, two, request));
    }
    if let Ok(trust) = TrustPolicy::parse(one) {
        requests.iter().for_each(|request| check_trust(&trust, request));
    }
}

fn built_in(text: &str) -> Policy {
    Policy::parse(text).expect("it is a policy")
}

fn check_one(policy: &Policy, request: &AccessRequest<'_>) {
    let with = |other: &str| evaluate(&[policy.clone(), built_in(other)], request);
    let alone = evaluate(std::slice::from_ref(policy), request);
    assert_eq!(evaluate(&[policy.clone(), policy.clone()], request), alone, "a policy twice says it once");
    assert!(matches!(with(DENY_ALL), Decision::ExplicitDeny { .. }), "what denies is not outvoted");
    match alone {
        Decision::ExplicitDeny { .. } => assert_eq!(with(ALLOW_ALL), alone, "what denies is not outvoted"),
        Decision::Allowed | Decision::ImplicitDeny => assert_eq!(with(ALLOW_ALL), Decision::Allowed),
    }
    policy.conditions_not_understood();
}

fn check_two(one: &Policy, two: &Policy, request: &AccessRequest<'_>) {
    let both = evaluate(&[one.clone(), two.clone()], request);
    let turned = evaluate(&[two.clone(), one.clone()], request);
    assert_eq!(both.is_allowed(), turned.is_allowed(), "the order of policies means nothing");
}

fn check_trust(trust: &TrustPolicy, request: &AccessRequest<'_>) {
    assert!(!trust.trusts(&[], request), "nobody is trusted by no name");
    let names = ["acs:ram::1234567890123456:root", "acs:ram::1234567890123456:user/alice"].map(str::to_owned);
    let turned = [names[1].clone(), names[0].clone()];
    assert_eq!(trust.trusts(&names, request), trust.trusts(&turned, request));
}
