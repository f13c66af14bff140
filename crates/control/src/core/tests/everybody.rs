//! Every operation there is, called by those who may not and about what is another's.
//!
//! The requests are made of the schemas and of the samples here: an operation that requires a parameter without
//! a sample fails the tests until it gets one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::become_user;
use crate::account::Caller;
use crate::core::Outcome;
use crate::error::ApiError;
use crate::operation::{self, Entry, Product};
use crate::testing::{ACCOUNT, World, role_session};

/// The operation that everybody may call who can sign.
const OPEN: &str = "GetCallerIdentity";

const OTHER_ACCOUNT: &str = "6543210987654321";

const TRUST: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1234567890123456:root"}}]}"#;
const POLICY: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"vpc:Describe*","Resource":"*"}]}"#;

/// The parameters with which one thing of an account is named, in all operations.
pub(crate) type Samples = BTreeMap<&'static str, String>;

/// What operations need beside what their schemas require: one of several, or a member of a list.
fn more(entry: &Entry) -> &'static [&'static str] {
    match (entry.product, entry.name) {
        (Product::Vpc, "ModifyVpnPbrRouteEntryAttribute") => &["NewPriority"],
        (Product::Vpc, "CreateVpnAttachment" | "CreateVpnConnection") => &["TunnelOptionsSpecification"],
        (Product::Vpc, "DescribeTagKeys" | "DescribeTags" | "ListTagResources") => &["ResourceId.1"],
        (Product::Causeway, "ExplainRoute") => &["VpnConnectionId"],
        (Product::Vpc, "DiagnoseVpnConnections") => &["VpnConnectionIds.1"],
        (Product::Vpc, "GetVpnGatewayDiagnoseResult") => &["DiagnoseId"],
        (Product::Causeway, "ListChanges") => &["ResourceId"],
        (Product::Vpc, "UnTagResources") => &["TagKey.1"],
        (Product::Vpc, "ModifyTunnelAttribute") => &["RegionId"],
        (Product::Vpc, "DescribeCustomerGateways") => &["CustomerGatewayId"],
        (Product::Vpc, "DescribeVpnConnections" | "DescribeVpnAttachments") => &["VpnConnectionId"],
        (Product::Vpc, "DescribeVSwitches") => &["RegionId"],
        (Product::Cbn, "ListTagResources") => &["ResourceId.1"],
        (Product::Cbn, "UntagResources") => &["TagKey.1"],
        (Product::Cbn, "DescribeCens") => &["RegionId"],
        (Product::Cbn, "ListTransitRouters") => &["CenId", "TransitRouterId"],
        (Product::Cbn, "ListTransitRouterVpnAttachments") => &["TransitRouterAttachmentId"],
        (Product::Ram, "ListTagResources") => &["ResourceNames"],
        (Product::Ram, "UntagResources") => &["TagKeys"],
        (Product::Ram, "UpdateAccessKey" | "DeleteAccessKey" | "CreateAccessKey" | "ListAccessKeys") => {
            &["UserName"]
        }
        _ => &[],
    }
}

/// An account that has one of everything.
pub(crate) fn furnished(account: &str) -> (World, Samples) {
    let mut world = World::of(account);
    let gateway = world.customer_gateway("198.51.100.7");
    let connection = world.two_tunnels(&gateway);
    world.settle();
    let about = [("VpnConnectionId", connection.as_str())];
    let shown = world.call("DescribeVpnConnection", &about).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let tunnel = text(&shown["TunnelOptionsSpecification"]["TunnelOptions"][0]["TunnelId"]);
    let attachments = world.call("ListTransitRouterVpnAttachments", &[]).unwrap();
    let attachment = text(&attachments["TransitRouterAttachments"][0]["TransitRouterAttachmentId"]);
    world.call("CreateUser", &[("UserName", "somebody")]).unwrap();
    let key = world.call("CreateAccessKey", &[("UserName", "somebody")]).unwrap();
    let role = [("RoleName", "somerole"), ("AssumeRolePolicyDocument", TRUST)];
    world.call("CreateRole", &role).unwrap();
    world.call("CreatePolicy", &[("PolicyName", "something"), ("PolicyDocument", POLICY)]).unwrap();
    let cen = text(&world.call("CreateCen", &[]).unwrap()["CenId"]);
    let router = world.call("CreateTransitRouter", &[("CenId", &cen)]).unwrap();
    let vpn_gateway = world.vpn_gateway("vpc-a");
    let vpc = text(&world.call("CreateVpc", &[("CidrBlock", "10.0.0.0/8")]).unwrap()["VpcId"]);
    let v_switch = [("VpcId", vpc.as_str()), ("CidrBlock", "10.1.0.0/24"), ("ZoneId", "eu-central-1-a")];
    let v_switch = text(&world.call("CreateVSwitch", &v_switch).unwrap()["VSwitchId"]);
    let diagnosis = diagnosis(&mut world);
    let change = world.call("CreateCustomerGateway", &[("IpAddress", "203.0.113.99")]).unwrap();
    let samples = [
        ("ChangeRequestId", text(&change["RequestId"])),
        ("DiagnoseId", diagnosis),
        ("CenId", cen),
        ("TransitRouterId", text(&router["TransitRouterId"])),
        ("VpnGatewayId", vpn_gateway),
        ("VpcId", vpc),
        ("VSwitchId", v_switch),
        ("VpnConnectionId", connection.clone()),
        ("VpnId", connection.clone()),
        ("InstanceId", connection.clone()),
        ("ResourceId", connection.clone()),
        ("ResourceId.1", connection.clone()),
        ("VpnConnectionIds.1", connection.clone()),
        ("NextHop", connection),
        ("CustomerGatewayId", gateway),
        ("TunnelId", tunnel),
        ("TransitRouterAttachmentId", attachment),
        ("UserAccessKeyId", text(&key["AccessKey"]["AccessKeyId"])),
        ("UserName", "somebody".to_owned()),
        ("RoleName", "somerole".to_owned()),
        ("PolicyName", "something".to_owned()),
        ("RoleArn", format!("acs:ram::{account}:role/somerole")),
    ];
    (world, samples.into())
}

/// A diagnosis of a VPN gateway of its own.
fn diagnosis(world: &mut World) -> String {
    let gateway = world.vpn_gateway("vpc-diagnosed");
    let peer = world.customer_gateway("198.51.100.70");
    let of_gateway = [("VpnGatewayId", gateway.as_str())];
    let networks = [
        ("CustomerGatewayId", peer.as_str()),
        ("LocalSubnet", "10.1.0.0/16"),
        ("RemoteSubnet", "10.2.0.0/16"),
    ];
    let made = world.call("CreateVpnConnection", &[&of_gateway[..], &networks].concat()).unwrap();
    let resource = [("ResourceType", "IPsec"), ("ResourceId", made["VpnConnectionId"].as_str().unwrap())];
    let answer = world.call("DiagnoseVpnGateway", &[&of_gateway[..], &resource].concat()).unwrap();
    answer["DiagnoseId"].as_str().unwrap().to_owned()
}

/// Names of the same form that name nothing.
fn nothing() -> Samples {
    let samples = [
        ("ChangeRequestId", "00000000-0000-4000-8000-000000000001"),
        ("DiagnoseId", "vpndgn-nothing"),
        ("CenId", "cen-nothing"),
        ("TransitRouterId", "tr-nothing"),
        ("VpnGatewayId", "vpn-nothing"),
        ("VpcId", "vpc-nothing"),
        ("VSwitchId", "vsw-nothing"),
        ("VpnConnectionId", "vco-nothing"),
        ("VpnId", "vco-nothing"),
        ("InstanceId", "vco-nothing"),
        ("ResourceId", "vco-nothing"),
        ("ResourceId.1", "vco-nothing"),
        ("VpnConnectionIds.1", "vco-nothing"),
        ("NextHop", "vco-nothing"),
        ("CustomerGatewayId", "cgw-nothing"),
        ("TunnelId", "tun-nothing"),
        ("TransitRouterAttachmentId", "tr-attach-nothing"),
        ("UserAccessKeyId", "LTAInothing"),
        ("UserName", "nobody"),
        ("RoleName", "norole"),
        ("PolicyName", "nopolicy"),
        ("RoleArn", "acs:ram::6543210987654321:role/norole"),
    ];
    samples.map(|(name, value)| (name, value.to_owned())).into()
}

/// What is right wherever it is asked for.
fn constant(name: &str) -> Option<&'static str> {
    Some(match name {
        "AssumeRolePolicyDocument" => TRUST,
        "CenOwnerId" | "VpnOwnerId" => ACCOUNT,
        "InstanceType" => "VPN",
        "IpAddress" => "203.0.113.77",
        "LocalSubnet" | "RemoteSubnet" => "0.0.0.0/0",
        "NewPriority" | "Priority" => "10",
        "NewResourceGroupId" => "rg-1",
        "PublishVpc" => "true",
        "RouteSource" => "10.1.0.0/16",
        "RouteType" => "dbr",
        "NewWeight" => "0",
        "PolicyDocument" => POLICY,
        "PolicyType" => "Custom",
        "RegionId" => "eu-central-1",
        "ResourceType" => "VPNATTACHMENT",
        "RoleSessionName" => "session",
        "RouteDest" => "192.168.10.0/24",
        "Status" => "Active",
        "Tag" => r#"[{"Key":"env","Value":"dev"}]"#,
        "TagKey.1" => "env",
        "TagKeys" => r#"["env"]"#,
        "VersionId" => "v1",
        "CertificateId" => "cert-a",
        "CertificateType" => "Encryption",
        "Bandwidth" => "100",
        "DisasterRecoveryVSwitchId" => "vsw-b",
        "GatewayType" => "Enhanced.SiteToSite",
        "Spec" => "100M",
        "CidrBlock" => "10.2.0.0/24",
        "ZoneId" => "eu-central-1-a",
        "Weight" => "100",
        _ => return None,
    })
}

/// A request with everything that the operation requires.
pub(crate) fn request(entry: &Entry, of: &Samples) -> Vec<(String, String)> {
    let schema = entry.request_schema().to_value();
    let required = schema["required"].as_array().into_iter().flatten().filter_map(|name| name.as_str());
    let mut names: Vec<&str> = required.chain(more(entry).iter().copied()).collect();
    if schema["properties"]["ResourceId"]["type"] == "array" {
        for name in names.iter_mut().filter(|name| **name == "ResourceId") {
            *name = "ResourceId.1";
        }
    }
    let pair = |name: &str| {
        let value = match name {
            "ResourceId" | "ResourceId.1" if entry.product == Product::Cbn => Some(of["CenId"].clone()),
            "ResourceType" if entry.product == Product::Cbn => {
                Some(if entry.name == "MoveResourceGroup" { "cen" } else { "Cen" }.to_owned())
            }
            "ResourceNames" => Some(json!([of["RoleName"]]).to_string()),
            "ResourceType" if entry.product == Product::Ram => Some("role".to_owned()),
            "ResourceType" if entry.name == "DiagnoseVpnGateway" => Some("IPsec".to_owned()),
            "TunnelOptionsSpecification" => Some(tunnels(&of["CustomerGatewayId"])),
            _ => of.get(name).cloned().or_else(|| constant(name).map(ToOwned::to_owned)),
        };
        let value = value.unwrap_or_else(|| {
            panic!("{} requires {name}, of which there is no sample: add one in this file", entry.name)
        });
        (name.to_owned(), value)
    };
    names.into_iter().map(pair).collect()
}

fn tunnels(gateway: &str) -> String {
    json!([{ "CustomerGatewayId": gateway }, { "CustomerGatewayId": gateway }]).to_string()
}

pub(crate) fn call(world: &World, entry: &Entry, pairs: &[(String, String)]) -> Result<Value, ApiError> {
    let pairs: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    match world.plan_as(entry, &pairs) {
        Outcome::Answered { body, .. } => Ok(body),
        Outcome::Refused(refusal) => Err(refusal),
    }
}

fn code(result: &Result<Value, ApiError>) -> String {
    result.as_ref().err().map_or_else(String::new, |refusal| refusal.code().into_owned())
}

#[test]
fn each_sample_is_a_request_that_the_operation_understands() {
    let (mut world, samples) = furnished(ACCOUNT);
    for entry in operation::all() {
        world.caller = Caller::Root;
        let result = call(&world, entry, &request(entry, &samples));
        let is_form = ["Missing", "InvalidParameter", "IllegalParam"];
        assert!(
            !is_form.iter().any(|prefix| code(&result).starts_with(prefix)),
            "{}: {result:?}",
            entry.name
        );
    }
}

#[test]
fn without_the_permission_nobody_hears_what_exists() {
    let (mut world, samples) = furnished(ACCOUNT);
    let callers = [
        (Caller::RamUser { name: "somebody".to_owned() }, "Forbbiden.SubUser"),
        (Caller::RamUser { name: "never-was".to_owned() }, "Forbbiden.SubUser"),
        (role_session("somerole", "s"), "Forbidden"),
    ];
    for entry in operation::all().iter().filter(|entry| entry.name != OPEN) {
        for (caller, expected) in &callers {
            world.caller = caller.clone();
            let existing = call(&world, entry, &request(entry, &samples)).unwrap_err();
            let absent = call(&world, entry, &request(entry, &nothing())).unwrap_err();
            for refusal in [&existing, &absent] {
                assert_eq!((refusal.code().as_ref(), refusal.status()), (*expected, 403), "{}", entry.name);
                let detail = refusal.access_denied.as_ref().unwrap();
                assert_eq!(detail["NoPermissionType"], "ImplicitDeny", "{}", entry.name);
            }
            assert_eq!(existing.message(), absent.message(), "{}", entry.name);
        }
    }
    assert!(call(&world, operation::find("2015-04-01", OPEN).unwrap(), &[]).is_ok());
}

#[test]
fn the_action_that_a_refusal_names_is_the_one_that_gives_the_permission() {
    let (mut world, samples) = furnished(ACCOUNT);
    for entry in operation::all().iter().filter(|entry| entry.name != OPEN) {
        let parameters = request(entry, &samples);
        become_user(&mut world, json!({ "Effect": "Allow", "Action": "none:Such", "Resource": "*" }));
        let refusal = call(&world, entry, &parameters).unwrap_err();
        let action = refusal.access_denied.unwrap()["AuthAction"].clone();
        // Who undoes something must also be allowed to do what undoes it.
        let granted = match entry.name {
            "RevertChange" => json!([action, "vpc:DeleteCustomerGateway"]),
            _ => json!([action]),
        };
        become_user(&mut world, json!({ "Effect": "Allow", "Action": granted, "Resource": "*" }));
        let result = call(&world, entry, &parameters);
        assert!(result.is_ok() || !code(&result).starts_with("Forb"), "{}: {result:?}", entry.name);
        become_user(&mut world, json!({ "Effect": "Allow", "NotAction": action, "Resource": "*" }));
        assert!(code(&call(&world, entry, &parameters)).starts_with("Forb"), "{}", entry.name);
    }
}

#[test]
fn what_another_account_has_is_like_what_does_not_exist() {
    let (theirs, foreign) = furnished(OTHER_ACCOUNT);
    let mut mine = World::of(ACCOUNT);
    // Names can be the same in two accounts; ids, which are never, are what could give something away.
    let mut named = foreign;
    let absent: Samples = nothing();
    for name in ["UserName", "RoleName", "PolicyName"] {
        named.insert(name, absent[name].clone());
    }
    for caller in [Caller::Root, Caller::RamUser { name: "alice".to_owned() }] {
        for entry in operation::all() {
            become_user(&mut mine, json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
            mine.caller = caller.clone();
            let token = ("ClientToken".to_owned(), "token".to_owned());
            let with_token = |of: &Samples| [request(entry, of), vec![token.clone()]].concat();
            let before = mine.state.clone();
            let (of_theirs, of_nothing) =
                (call(&mine, entry, &with_token(&named)), call(&mine, entry, &with_token(&absent)));
            assert_eq!(told(of_theirs, &named), told(of_nothing, &absent), "{}", entry.name);
            assert_eq!(mine.state, before, "{}", entry.name);
        }
    }
    assert_eq!(theirs.state.vpn_connections(&"eu-central-1".parse().unwrap()).count(), 2);
}

/// Everything that an answer says, with the names of the request taken out.
fn told(result: Result<Value, ApiError>, names: &Samples) -> (String, u16, String, String) {
    let mut told = match result {
        Ok(body) => (String::new(), 200, String::new(), body.to_string()),
        Err(refusal) => (
            refusal.code().into_owned(),
            refusal.status(),
            refusal.message().into_owned(),
            refusal.recommend(),
        ),
    };
    for name in names.values() {
        told.3 = told.3.replace(name, "<name>");
    }
    told
}
