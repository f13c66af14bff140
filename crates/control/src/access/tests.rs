use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::prelude::{Strategy, prop, prop_assert, prop_oneof, proptest};

use super::{
    AccessRequest, CONDITION_VALUES_MAX, Decision, PATTERN_BYTES_MAX, PATTERNS_MAX, POLICY_BYTES_MAX, Policy,
    STATEMENTS_MAX, TrustPolicy, evaluate,
};

const ALLOWED: Decision = Decision::Allowed;
const IMPLICIT: Decision = Decision::ImplicitDeny;

fn explicit(policy: usize, statement: usize) -> Decision {
    Decision::ExplicitDeny { policy, statement }
}

/// A policy with these statements.
fn policy(statements: &str) -> Policy {
    Policy::parse(&format!(r#"{{"Version":"1","Statement":[{statements}]}}"#))
        .expect("the test's policy is valid")
}

/// A request from 192.0.2.7 over TLS at 2026-01-31T12:00:00Z to delete a route of a connection that is
/// tagged `env: prod`.
struct Caller {
    action: &'static str,
    resource: &'static str,
    source_ip: IpAddr,
    secure_transport: bool,
    now_ms: i64,
    tags: BTreeMap<String, String>,
    request_tags: BTreeMap<String, String>,
    is_new: bool,
}

impl Caller {
    fn new() -> Self {
        Self {
            action: "vpc:DeleteVcoRouteEntry",
            resource: "acs:vpc:eu-central-1:1234567890:vpnconnection/vco-1",
            source_ip: [192, 0, 2, 7].into(),
            secure_transport: true,
            now_ms: 1_769_860_800_000,
            tags: [("env", "prod"), ("level", "7"), ("until", "2026-02-01T00:00:00Z"), ("open", "True")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            request_tags: BTreeMap::from([("cost".to_owned(), "it".to_owned())]),
            is_new: false,
        }
    }

    fn asks(&self, policies: &[Policy]) -> Decision {
        let request = AccessRequest {
            action: self.action,
            resource: self.resource,
            source_ip: self.source_ip,
            secure_transport: self.secure_transport,
            now_ms: self.now_ms,
            resource_tags: &self.tags,
            request_tags: &self.request_tags,
            is_new: self.is_new,
        };
        evaluate(policies, &request)
    }
}

const ALLOW_ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
const DENY_ALL: &str = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;
const ALLOW_OTHER: &str = r#"{"Effect":"Allow","Action":"vpc:Describe*","Resource":"*"}"#;

#[test]
fn nothing_is_allowed_unless_something_allows_it() {
    assert_eq!(Caller::new().asks(&[]), IMPLICIT);
    assert_eq!(Caller::new().asks(&[policy(ALLOW_OTHER)]), IMPLICIT);
    assert_eq!(Caller::new().asks(&[policy(ALLOW_OTHER), policy(ALLOW_ALL)]), ALLOWED);
}

#[test]
fn an_explicit_deny_wins_wherever_it_stands() {
    let both = |first: &str, second: &str| policy(&format!("{first},{second}"));
    assert_eq!(Caller::new().asks(&[both(ALLOW_ALL, DENY_ALL)]), explicit(0, 1));
    assert_eq!(Caller::new().asks(&[both(DENY_ALL, ALLOW_ALL)]), explicit(0, 0));
    assert_eq!(Caller::new().asks(&[policy(ALLOW_ALL), both(ALLOW_OTHER, DENY_ALL)]), explicit(1, 1));
    let deny_other = r#"{"Effect":"Deny","Action":"vpc:Create*","Resource":"*"}"#;
    assert_eq!(Caller::new().asks(&[both(deny_other, ALLOW_ALL)]), ALLOWED);
}

#[test]
fn actions_are_matched_as_globs_in_any_case() {
    let table = [
        (r#""Action":"*""#, true),
        (r#""Action":"vpc:*""#, true),
        (r#""Action":"VPC:deletevcorouteentry""#, true),
        (r#""Action":"vpc:Delete*Entry""#, true),
        (r#""Action":"vpc:DeleteVcoRouteEntr?""#, true),
        (r#""Action":"*:DeleteVcoRouteEntry""#, true),
        (r#""Action":["ram:*","vpc:DeleteVcoRouteEntry"]"#, true),
        (r#""Action":"vpc:DeleteVcoRoute""#, false),
        (r#""Action":"vpc:DeleteVcoRouteEntry?""#, false),
        (r#""Action":"cen:*""#, false),
        (r#""NotAction":"vpc:Describe*""#, true),
        (r#""NotAction":["ram:*","VPC:*"]"#, false),
        (r#""NotAction":"*""#, false),
    ];
    for (action, matches) in table {
        let policies = [policy(&format!(r#"{{"Effect":"Allow",{action},"Resource":"*"}}"#))];
        assert_eq!(Caller::new().asks(&policies).is_allowed(), matches, "{action}");
    }
}

#[test]
fn resources_are_matched_part_by_part() {
    let table = [
        (r#""Resource":"*""#, true),
        (r#""Resource":"acs:vpc:*:*:*""#, true),
        (r#""Resource":"acs:vpc:*:*:vpnconnection/*""#, true),
        (r#""Resource":"acs:*:eu-*:1234567890:vpnconnection/vco-?""#, true),
        (r#""Resource":["acs:vpc:*:*:vpngateway/*","acs:vpc:*:*:vpnconnection/vco-1"]"#, true),
        (r#""Resource":"acs:vpc:*:*:vpnconnection/vco-2""#, false),
        (r#""Resource":"acs:vpc:*:*:vpnconnection""#, false),
        (r#""Resource":"acs:vpc:*:*:VpnConnection/*""#, false),
        (r#""Resource":"acs:vpc:us-*:*:*""#, false),
        (r#""Resource":"acs:vpc:*:987:*""#, false),
        (r#""Resource":"acs:vpc::1234567890:vpnconnection/vco-1""#, false),
        (r#""Resource":"acs:vpc*:*:vpnconnection/vco-1:*""#, false),
        (r#""NotResource":"acs:vpc:*:*:vpngateway/*""#, true),
        (r#""NotResource":["acs:vpc:*:*:vpngateway/*","acs:vpc:*:*:vpnconnection/*"]"#, false),
    ];
    for (resource, matches) in table {
        let policies = [policy(&format!(r#"{{"Effect":"Allow","Action":"*",{resource}}}"#))];
        assert_eq!(Caller::new().asks(&policies).is_allowed(), matches, "{resource}");
    }
}

#[test]
fn a_star_in_one_part_does_not_reach_into_the_next() {
    let policies = [policy(r#"{"Effect":"Allow","Action":"*","Resource":"acs:vpc:*:1234567890:*"}"#)];
    let tricky = Caller { resource: "acs:vpc:eu:666:vpnconnection/x:1234567890:y", ..Caller::new() };
    assert_eq!(tricky.asks(&policies), IMPLICIT);
    let short = Caller { resource: "acs:vpc:eu:1234567890", ..Caller::new() };
    assert_eq!(short.asks(&policies), IMPLICIT);
}

/// Whether a statement that allows, and one that denies, match under this condition.
fn under(condition: &str, caller: &Caller) -> (bool, bool) {
    let with = |effect: &str| {
        policy(&format!(r#"{{"Effect":"{effect}","Action":"*","Resource":"*","Condition":{{{condition}}}}}"#))
    };
    let allows = caller.asks(&[with("Allow")]) == ALLOWED;
    let denies = caller.asks(&[policy(ALLOW_ALL), with("Deny")]) == explicit(1, 0);
    (allows, denies)
}

#[test]
fn conditions_hold_or_fail_the_same_way_for_both_effects() {
    let table = [
        (r#""IpAddress":{"acs:SourceIp":"192.0.2.0/24"}"#, true),
        (r#""IpAddress":{"ACS:sourceip":["10.0.0.0/8","192.0.2.7"]}"#, true),
        (r#""IpAddress":{"acs:SourceIp":["10.0.0.0/8","2001:db8::/32"]}"#, false),
        (r#""NotIpAddress":{"acs:SourceIp":["10.0.0.0/8","2001:db8::/32"]}"#, true),
        (r#""NotIpAddress":{"acs:SourceIp":["10.0.0.0/8","192.0.2.0/24"]}"#, false),
        (r#""Bool":{"acs:SecureTransport":"true"}"#, true),
        (r#""Bool":{"acs:SecureTransport":true}"#, true),
        (r#""Bool":{"acs:SecureTransport":["True","false"]}"#, true),
        (r#""Bool":{"acs:SecureTransport":"false"}"#, false),
        (r#""DateLessThan":{"acs:CurrentTime":"2026-01-31T12:00:01Z"}"#, true),
        (r#""DateLessThan":{"acs:CurrentTime":"2026-01-31T12:00:00Z"}"#, false),
        (r#""DateLessThanEquals":{"acs:CurrentTime":"2026-01-31T12:00:00Z"}"#, true),
        (r#""DateLessThan":{"acs:CurrentTime":"2026-01-31T20:00:01+08:00"}"#, true),
        (r#""DateLessThan":{"acs:CurrentTime":"2026-01-31T20:00:00+08:00"}"#, false),
        (r#""DateGreaterThan":{"acs:CurrentTime":"2026-01-31T06:29:59-05:30"}"#, true),
        (r#""DateGreaterThan":{"acs:CurrentTime":"2026-01-31T06:30:00-05:30"}"#, false),
        (r#""DateGreaterThanEquals":{"acs:CurrentTime":"2026-01-31T12:00:00Z"}"#, true),
        (r#""DateGreaterThanEquals":{"acs:CurrentTime":"2026-01-31T12:00:01Z"}"#, false),
        (r#""DateEquals":{"acs:CurrentTime":["2000-01-01T00:00:00Z","2026-01-31T12:00:00Z"]}"#, true),
        (r#""DateNotEquals":{"acs:CurrentTime":["2000-01-01T00:00:00Z","2026-01-31T12:00:00Z"]}"#, false),
        (r#""DateNotEquals":{"acs:CurrentTime":"2000-01-01T00:00:00Z"}"#, true),
        (r#""StringEquals":{"acs:ResourceTag/env":"prod"}"#, true),
        (r#""StringEquals":{"acs:ResourceTag/env":["test","prod"]}"#, true),
        (r#""StringEquals":{"acs:ResourceTag/env":"Prod"}"#, false),
        (r#""StringEquals":{"acs:ResourceTag/env":"p*"}"#, false),
        (r#""StringEquals":{"acs:ResourceTag/Env":"prod"}"#, false),
        (r#""StringEquals":{"acs:ResourceTag/owner":"prod"}"#, false),
        (r#""StringNotEquals":{"acs:ResourceTag/env":["test","prod"]}"#, false),
        (r#""StringNotEquals":{"acs:ResourceTag/env":"test"}"#, true),
        (r#""StringNotEquals":{"acs:ResourceTag/owner":"prod"}"#, true),
        (r#""StringEqualsIgnoreCase":{"acs:ResourceTag/env":"PROD"}"#, true),
        (r#""StringNotEqualsIgnoreCase":{"acs:ResourceTag/env":"PROD"}"#, false),
        (r#""StringLike":{"acs:ResourceTag/env":["t*","p?od"]}"#, true),
        (r#""StringLike":{"acs:ResourceTag/owner":"*"}"#, false),
        (r#""StringNotLike":{"acs:ResourceTag/env":"p*"}"#, false),
        (r#""StringNotLike":{"acs:ResourceTag/env":"t*"}"#, true),
        (r#""StringEquals":{"acs:RequestTag/cost":"it"}"#, true),
        (r#""StringEquals":{"acs:RequestTag/env":"prod"}"#, false),
        (r#""StringLike":{"ACS:requesttag/cost":"i?"}"#, true),
        (r#""StringEquals":{"vpc:tag/env":"prod"}"#, true),
        (r#""StringEquals":{"vpc:tag/cost":"it"}"#, false),
        (r#""Bool":{"acs:MFAPresent":"true"}"#, false),
        (r#""Bool":{"acs:MFAPresent":"false"}"#, true),
        (r#""NumericEquals":{"acs:ResourceTag/level":"7.0"}"#, true),
        (r#""NumericEquals":{"acs:ResourceTag/level":[5,6]}"#, false),
        (r#""NumericNotEquals":{"acs:ResourceTag/level":[5,7]}"#, false),
        (r#""NumericNotEquals":{"acs:ResourceTag/env":7}"#, true),
        (r#""NumericLessThan":{"acs:ResourceTag/level":7}"#, false),
        (r#""NumericLessThan":{"acs:ResourceTag/level":"7.5"}"#, true),
        (r#""NumericLessThanEquals":{"acs:ResourceTag/level":7}"#, true),
        (r#""NumericGreaterThan":{"acs:ResourceTag/level":-1}"#, true),
        (r#""NumericGreaterThanEquals":{"acs:ResourceTag/level":8}"#, false),
        (r#""NumericGreaterThan":{"acs:ResourceTag/env":0}"#, false),
        (r#""DateGreaterThan":{"acs:ResourceTag/until":"2026-01-31T12:00:00Z"}"#, true),
        (r#""DateGreaterThan":{"acs:ResourceTag/env":"2026-01-31T12:00:00Z"}"#, false),
        (r#""Bool":{"acs:ResourceTag/open":true}"#, true),
        (r#""Bool":{"acs:ResourceTag/env":true}"#, false),
        (r#""IpAddress":{"acs:ResourceTag/env":"0.0.0.0/0"}"#, false),
        (r#""NotIpAddress":{"acs:ResourceTag/env":"0.0.0.0/0"}"#, true),
    ];
    for (condition, holds) in table {
        assert_eq!(under(condition, &Caller::new()), (holds, holds), "{condition}");
    }
}

#[test]
fn all_operators_and_all_keys_of_a_condition_must_hold() {
    let ip = r#""IpAddress":{"acs:SourceIp":"192.0.2.0/24"}"#;
    let both = |env: &str| format!(r#"{ip},"StringEquals":{{"acs:ResourceTag/env":"{env}"}}"#);
    assert_eq!(under(&both("prod"), &Caller::new()), (true, true));
    assert_eq!(under(&both("test"), &Caller::new()), (false, false));
    let keys = r#""StringEquals":{"acs:ResourceTag/env":"prod","acs:ResourceTag/owner":"me"}"#;
    assert_eq!(under(keys, &Caller::new()), (false, false));
    assert_eq!(under("", &Caller::new()), (true, true), "no condition always holds");
}

#[test]
fn a_condition_that_is_not_understood_only_takes_rights_away() {
    let failing = r#""IpAddress":{"acs:SourceIp":"10.0.0.0/8"}"#;
    for condition in [
        r#""Null":{"acs:SourceIp":"true"}"#,
        r#""IpAddressIfExists":{"acs:SourceIp":"192.0.2.7"}"#,
        r#""ipaddress":{"acs:SourceIp":"192.0.2.7"}"#,
        r#""IpAddress":{"acs:VpcSourceIp":"192.0.2.7"}"#,
        r#""StringEquals":{"acs:SourceIp":"192.0.2.7"}"#,
        r#""StringEquals":{"acs:RequestTag":"prod"}"#,
        r#""StringEquals":{"ecs:tag/env":"prod"}"#,
        r#""StringEquals":{"acs:ResourceTag/":"prod"}"#,
        r#""StringEquals":{"acs:ResourceTag":"prod"}"#,
        r#""Bool":{"acs:SecureTransport/x":"true"}"#,
        r#""StringEquals":{"acs:MFAPresent":"true"}"#,
        r#""NumericLessThan":{"acs:CurrentTime":5}"#,
    ] {
        assert_eq!(under(condition, &Caller::new()), (false, true), "{condition}");
        assert_eq!(
            under(&format!("{condition},{}", failing.replace("IpAddress", "NotIpAddress")), &Caller::new()),
            (false, true)
        );
        if !condition.contains("\"IpAddress\"") {
            assert_eq!(
                under(&format!("{failing},{condition}"), &Caller::new()),
                (false, true),
                "{condition}"
            );
        }
    }
}

#[test]
fn conditions_that_are_not_understood_are_named() {
    let statement = r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":
        {"Bool":{"acs:SecureTransport":"true","acs:CurrentTime":"true"},"Null":{"acs:SourceIp":"true"}}}"#;
    let places = policy(&format!("{ALLOW_ALL},{statement}")).conditions_not_understood();
    assert_eq!(
        places,
        ["Statement[1].Condition.Bool.acs:CurrentTime", "Statement[1].Condition.Null.acs:SourceIp"]
    );
    assert!(policy(ALLOW_ALL).conditions_not_understood().is_empty());
}

#[test]
fn an_ipv4_address_in_ipv6_clothes_is_still_that_address() {
    let mapped = Caller { source_ip: "::ffff:192.0.2.7".parse().expect("an address"), ..Caller::new() };
    assert_eq!(under(r#""IpAddress":{"acs:SourceIp":"192.0.2.0/24"}"#, &mapped), (true, true));
    let insecure = Caller { secure_transport: false, ..Caller::new() };
    assert_eq!(under(r#""Bool":{"acs:SecureTransport":"true"}"#, &insecure), (false, false));
    let v6 = Caller { source_ip: "2001:db8::1".parse().expect("an address"), ..Caller::new() };
    assert_eq!(under(r#""IpAddress":{"acs:SourceIp":["192.0.2.0/24","2001:db8::/32"]}"#, &v6), (true, true));
    assert_eq!(under(r#""IpAddress":{"acs:SourceIp":"0.0.0.0/0"}"#, &v6), (false, false));
}

#[test]
fn the_tags_of_a_resource_that_is_made_are_those_of_the_request() {
    let mut maker = Caller { is_new: true, ..Caller::new() };
    assert_eq!(under(r#""StringEquals":{"vpc:tag/cost":"it"}"#, &maker), (true, true));
    assert_eq!(under(r#""StringEquals":{"vpc:tag/env":"prod"}"#, &maker), (false, false));
    maker.request_tags.clear();
    assert_eq!(under(r#""StringNotEquals":{"acs:RequestTag/cost":"it"}"#, &maker), (true, true));
}

#[test]
fn resources_of_ram_are_the_same_with_and_without_a_star_for_the_region() {
    for region in ["", "*"] {
        let allow = format!(
            r#"{{"Effect":"Allow","Action":"sts:*","Resource":"acs:ram:{region}:1234567890123456:role/a*"}}"#
        );
        let of = |resource| Caller { action: "sts:AssumeRole", resource, ..Caller::new() };
        assert!(of("acs:ram:*:1234567890123456:role/admin").asks(&[policy(&allow)]).is_allowed());
        assert!(!of("acs:ram:*:1234567890123456:role/boss").asks(&[policy(&allow)]).is_allowed());
        assert!(!of("acs:ram:*:6543210987654321:role/admin").asks(&[policy(&allow)]).is_allowed());
    }
    let everywhere = policy(r#"{"Effect":"Allow","Action":"vpc:*","Resource":"acs:vpc::*:*"}"#);
    assert!(!Caller::new().asks(&[everywhere]).is_allowed(), "a resource of Vpc has a region");
}

fn trusts(statements: &str, names: &[&str], caller: &Caller) -> bool {
    let policy = TrustPolicy::parse(&format!(r#"{{"Version":"1","Statement":[{statements}]}}"#))
        .expect("the test's trust policy is valid");
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let request = AccessRequest {
        action: "sts:AssumeRole",
        resource: "acs:ram:*:1234567890123456:role/admin",
        source_ip: caller.source_ip,
        secure_transport: caller.secure_transport,
        now_ms: caller.now_ms,
        resource_tags: &caller.tags,
        request_tags: &caller.request_tags,
        is_new: false,
    };
    policy.trusts(&names, &request)
}

#[test]
fn a_role_is_for_those_whom_its_trust_policy_names() {
    const ALICE: [&str; 2] = ["acs:ram::1234567890123456:root", "acs:ram::1234567890123456:user/alice"];
    let trust = |effect: &str, action: &str, principal: &str| {
        format!(r#"{{"Effect":"{effect}","Action":"{action}","Principal":{principal}}}"#)
    };
    let table = [
        (r#"{"RAM":"acs:ram::1234567890123456:root"}"#, true),
        (r#"{"RAM":["acs:ram::6543210987654321:root","acs:ram::1234567890123456:user/alice"]}"#, true),
        (r#"{"Service":"ecs.aliyuncs.com","RAM":"acs:ram::1234567890123456:root"}"#, true),
        (r#"{"RAM":"acs:ram::1234567890123456:user/alic"}"#, false),
        (r#"{"RAM":"acs:ram::1234567890123456:role/alice"}"#, false),
        (r#"{"RAM":"acs:ram::6543210987654321:root"}"#, false),
        (r#"{"Service":"ecs.aliyuncs.com"}"#, false),
    ];
    for (principal, may) in table {
        assert_eq!(trusts(&trust("Allow", "sts:AssumeRole", principal), &ALICE, &Caller::new()), may);
        assert!(!trusts(&trust("Allow", "ram:*", principal), &ALICE, &Caller::new()), "{principal}");
        assert!(!trusts(&trust("Deny", "sts:AssumeRole", principal), &ALICE, &Caller::new()), "{principal}");
    }
    let all = trust("Allow", "*", r#"{"RAM":"acs:ram::1234567890123456:root"}"#);
    let not_alice = trust("Deny", "*", r#"{"RAM":"acs:ram::1234567890123456:user/alice"}"#);
    assert!(!trusts(&format!("{all},{not_alice}"), &ALICE, &Caller::new()));
    assert!(trusts(&format!("{all},{not_alice}"), &ALICE[..1], &Caller::new()));
}

#[test]
fn a_trust_policy_has_conditions_too() {
    let from_home = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1234567890123456:root"},
        "Condition":{"IpAddress":{"acs:SourceIp":"192.0.2.0/24"}}}"#;
    let names = ["acs:ram::1234567890123456:root"];
    assert!(trusts(from_home, &names, &Caller::new()));
    let away = Caller { source_ip: [198, 51, 100, 1].into(), ..Caller::new() };
    assert!(!trusts(from_home, &names, &away));
}

#[test]
fn a_trust_policy_that_is_wrong_is_told_where() {
    let ram = |principal: &str| format!(r#""Effect":"Allow","Action":"*","Principal":{principal}"#);
    let table = [
        (r#""Effect":"Allow","Action":"*""#.to_owned(), ".Principal: must be given, like"),
        (ram(r#""*""#), ".Principal: must be an object"),
        (ram("{}"), ".Principal: must name a principal"),
        (ram(r#"{"RAM":[]}"#), ".Principal.RAM: must not be an empty list"),
        (ram(r#"{"RAM":"acs:ram::123:root"}"#), ".Principal.RAM: must be acs:ram::ACCOUNT:root"),
        (ram(r#"{"RAM":["acs:ram::1234567890123456:user/"]}"#), ".Principal.RAM[0]: must be"),
        (ram(r#"{"RAM":"acs:ram::*:root"}"#), ".Principal.RAM: must be"),
        (ram(r#"{"AWS":"x"}"#), ".Principal.AWS: is no kind of principal"),
        (format!(r#"{},"Resource":"*""#, ram(r#"{"Service":"x"}"#)), ".Resource: is not a member"),
    ];
    for (statement, problem) in table {
        let policy = format!(r#"{{"Version":"1","Statement":[{{{statement}}}]}}"#);
        let error = TrustPolicy::parse(&policy).expect_err("the test wants a refusal").to_string();
        assert!(error.starts_with(&format!("Statement[0]{problem}")), "{error}");
    }
}

/// The error of a whole policy.
fn refused(policy: &str) -> String {
    Policy::parse(policy).expect_err("the test wants a refusal").to_string()
}

#[test]
fn a_policy_that_is_wrong_is_told_where() {
    let table = [
        ("", "policy: must be well-formed JSON: EOF while parsing a value at line 1 column 0"),
        ("[]", "policy: must be an object"),
        (r#"{"Statement":[]}"#, "Version: must be \"1\""),
        (r#"{"Version":1,"Statement":[]}"#, "Version: must be \"1\""),
        (r#"{"Version":"2012-10-17","Statement":[]}"#, "Version: must be \"1\""),
        (r#"{"Version":"1"}"#, "Statement: must be a list of statements"),
        (r#"{"Version":"1","Statement":{}}"#, "Statement: must be a list of statements"),
        (r#"{"Version":"1","Statement":[]}"#, "Statement: must have 1 to 100 statements"),
        (r#"{"Version":"1","Statement":[{}],"Id":"x"}"#, "Id: is not a member of a policy of version 1"),
        (r#"{"Version":"1","Statement":["x"]}"#, "Statement[0]: must be an object"),
    ];
    for (policy, error) in table {
        assert_eq!(refused(policy), error, "{policy}");
    }
    let twice = refused(r#"{"Version":"1","Statement":[{"Effect":"Deny","Effect":"Allow"}]}"#);
    assert!(twice.contains("the member \"Effect\" is given twice"), "{twice}");
    let deep = refused(&format!("{}{}", "[".repeat(5000), "]".repeat(5000)));
    assert!(deep.contains("it is nested too deeply"), "{deep}");
}

#[test]
fn a_statement_that_is_wrong_is_told_where() {
    const ACTION: &str = "must be * or service:action, like vpc:DeleteVcoRouteEntry or vpc:Describe*";
    const RESOURCE: &str =
        "must be * or acs:service:region:account:resource, like acs:vpc:*:*:vpnconnection/*";
    let table = [
        (r#""Action":"*","Resource":"*""#, ".Effect: must be Allow or Deny"),
        (r#""Effect":"allow","Action":"*","Resource":"*""#, ".Effect: must be Allow or Deny"),
        (r#""Effect":["Allow"],"Action":"*","Resource":"*""#, ".Effect: must be Allow or Deny"),
        (r#""Effect":"Deny","Resource":"*""#, ".Action: must be given, or NotAction"),
        (r#""Effect":"Deny","Action":"*""#, ".Resource: must be given, or NotResource"),
        (
            r#""Effect":"Deny","Action":"*","NotAction":"*","Resource":"*""#,
            ".Action: must not be given together with NotAction",
        ),
        (r#""Effect":"Deny","Action":[],"Resource":"*""#, ".Action: must not be an empty list"),
        (r#""Effect":"Deny","Action":{},"Resource":"*""#, ".Action: must be a string"),
        (r#""Effect":"Deny","Action":["*",null],"Resource":"*""#, ".Action[1]: must be a string"),
        (r#""Effect":"Deny","Action":"vpc","Resource":"*""#, &format!(".Action: {ACTION}")),
        (r#""Effect":"Deny","Action":["*","vpc:"],"Resource":"*""#, &format!(".Action[1]: {ACTION}")),
        (r#""Effect":"Deny","NotAction":"a:b:c","Resource":"*""#, &format!(".NotAction: {ACTION}")),
        (r#""Effect":"Deny","Action":" vpc:*","Resource":"*""#, &format!(".Action: {ACTION}")),
        (r#""Effect":"Deny","Action":"*","Resource":"vco-1""#, &format!(".Resource: {RESOURCE}")),
        (r#""Effect":"Deny","Action":"*","Resource":"acs:vpc:*:*""#, &format!(".Resource: {RESOURCE}")),
        (r#""Effect":"Deny","Action":"*","Resource":"arn:vpc:*:*:*""#, &format!(".Resource: {RESOURCE}")),
        (r#""Effect":"Deny","Action":"*","Resource":"*","Condition":[]"#, ".Condition: must be an object"),
        (
            r#""Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":"true"}"#,
            ".Condition.Bool: must be an object",
        ),
        (
            r#""Effect":"Deny","Action":"*","Resource":"*","Conditions":{}"#,
            ".Conditions: is not a member of a policy of version 1",
        ),
    ];
    for (statement, error) in table {
        let policy = format!(r#"{{"Version":"1","Statement":[{ALLOW_ALL},{{{statement}}}]}}"#);
        assert_eq!(refused(&policy), format!("Statement[1]{error}"), "{statement}");
    }
}

#[test]
fn a_condition_whose_value_is_wrong_is_told_where() {
    let time = "must be a time like 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+08:00";
    let table = [
        (
            r#""IpAddress":{"acs:SourceIp":["10.0.0.0/8","10.0.0.0/33"]}"#,
            "IpAddress.acs:SourceIp[1]: must be an address or CIDR block",
        ),
        (r#""IpAddress":{"acs:SourceIp":""}"#, "IpAddress.acs:SourceIp: must be an address or CIDR block"),
        (r#""IpAddress":{"acs:SourceIp":[]}"#, "IpAddress.acs:SourceIp: must not be an empty list"),
        (r#""Bool":{"acs:SecureTransport":"yes"}"#, "Bool.acs:SecureTransport: must be true or false"),
        (r#""Bool":{"acs:SecureTransport":{}}"#, "Bool.acs:SecureTransport: must be a string"),
        (
            r#""DateLessThan":{"acs:CurrentTime":"2026-01-31"}"#,
            &format!("DateLessThan.acs:CurrentTime: {time}"),
        ),
        (
            r#""DateLessThan":{"acs:CurrentTime":"2026-02-30T00:00:00Z"}"#,
            &format!("DateLessThan.acs:CurrentTime: {time}"),
        ),
        (
            r#""DateLessThan":{"acs:CurrentTime":"2026-01-31T12:00:00+0800"}"#,
            &format!("DateLessThan.acs:CurrentTime: {time}"),
        ),
        (
            r#""DateLessThan":{"acs:CurrentTime":"2026-01-31T12:00:00+24:00"}"#,
            &format!("DateLessThan.acs:CurrentTime: {time}"),
        ),
        (
            r#""DateLessThan":{"acs:CurrentTime":"2026-01-31T12:00:00+8:00"}"#,
            &format!("DateLessThan.acs:CurrentTime: {time}"),
        ),
        (
            r#""DateLessThan":{"acs:CurrentTime":"2026-01-31T12:00:00++1:00"}"#,
            &format!("DateLessThan.acs:CurrentTime: {time}"),
        ),
    ];
    for (condition, error) in table {
        let policy = format!(
            r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{{condition}}}}}]}}"#
        );
        assert_eq!(refused(&policy), format!("Statement[0].Condition.{error}"), "{condition}");
    }
}

#[test]
fn policies_are_bounded() {
    let statements = |count: usize| {
        let statements = vec![ALLOW_ALL; count].join(",");
        Policy::parse(&format!(r#"{{"Version":"1","Statement":[{statements}]}}"#)).map(|_| ())
    };
    assert_eq!(statements(STATEMENTS_MAX), Ok(()));
    assert!(statements(STATEMENTS_MAX + 1).is_err());
    let action = |action: &str| {
        let policy = format!(
            r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":{action},"Resource":"*"}}]}}"#
        );
        Policy::parse(&policy).map(|_| ()).map_err(|error| error.to_string())
    };
    let list = |count: usize| format!("[{}]", vec!["\"vpc:*\""; count].join(","));
    assert_eq!(action(&list(PATTERNS_MAX)), Ok(()));
    assert!(
        action(&list(PATTERNS_MAX + 1))
            .is_err_and(|error| error.contains("Statement[0].Action: has too many"))
    );
    let long = |bytes: usize| format!("\"vpc:{}\"", "x".repeat(bytes - 4));
    assert_eq!(action(&long(PATTERN_BYTES_MAX)), Ok(()));
    assert!(action(&long(PATTERN_BYTES_MAX + 1)).is_err_and(|error| error.contains("at most 512 bytes")));
    let values = |count: usize| {
        let half = vec!["\"10.0.0.1\""; count / 2].join(",");
        let rest = vec!["\"10.0.0.1\""; count - count / 2].join(",");
        let condition = format!(
            r#"{{"IpAddress":{{"acs:SourceIp":[{half}]}},"NotIpAddress":{{"acs:SourceIp":[{rest}]}}}}"#
        );
        let policy = format!(
            r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}]}}"#
        );
        Policy::parse(&policy).map(|_| ())
    };
    assert_eq!(values(CONDITION_VALUES_MAX), Ok(()));
    assert!(values(CONDITION_VALUES_MAX + 1).is_err());
    let long = format!("{{{}}}", " ".repeat(POLICY_BYTES_MAX));
    assert_eq!(refused(&long), "policy: has 32770 bytes; at most 32768 are allowed");
}

/// Text that is mostly made of the pieces of policies.
fn policy_text() -> impl Strategy<Value = String> {
    let pieces = vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"Version\":\"1\"",
        "\"Statement\":[{",
        "\"Effect\":\"Allow\"",
        "\"Action\":\"*\"",
        "\"Resource\":\"*\"",
        "\"Resource\":\"acs:vpc:*:*:*\"",
        "\"Condition\":{",
        "\"Principal\":{\"RAM\":",
        "\"acs:ram::1234567890123456:user/a\"",
        "\"IpAddress\":{\"acs:SourceIp\":",
        "\"10.0.0.0/8\"",
        "\"DateLessThan\":{\"acs:CurrentTime\":\"2026-01-31T12:00:00+08:00\"}",
        "\"ä\"",
        "1e9",
        "null",
        "true",
        "}]}",
    ];
    let piece = prop_oneof![4 => prop::sample::select(pieces).prop_map(str::to_owned), 1 => ".".prop_map(|char| char)];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_policy_panics(text in policy_text()) {
        let parsed = [Policy::parse(&text).map(|_| ()), TrustPolicy::parse(&text).map(|_| ())];
        for error in parsed.into_iter().filter_map(Result::err) {
            prop_assert!(!error.place.is_empty() && !error.problem.is_empty());
        }
    }

    #[test]
    fn no_time_panics(text in "[0-9TZ:+-]{0,26}|.{0,26}") {
        let value = serde_json::Value::from(text);
        let condition = format!(r#"{{"DateLessThan":{{"acs:CurrentTime":{value}}}}}"#);
        let statement = format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}"#);
        let parsed = Policy::parse(&format!(r#"{{"Version":"1","Statement":[{statement}]}}"#));
        prop_assert!(parsed.is_ok() || parsed.is_err_and(|error| error.place.starts_with("Statement[0].Condition")));
    }
}
