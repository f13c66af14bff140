//! What somebody must be allowed to do who reverts a change.

use serde_json::{Value, json};

use super::{list, request, route, text};
use crate::account::Caller;
use crate::ram_user::RamUser;
use crate::record::{Change, Record};
use crate::testing::{ACCOUNT, REGION, World};

/// A caller whom a policy allows so much.
fn become_user(world: &mut World, statements: Value) {
    let document = json!({ "Version": "1", "Statement": statements }).to_string();
    let policy = crate::ram_policy::RamPolicy::new("p".to_owned(), document, 1);
    let mut user = RamUser::new("alice".to_owned(), "2".repeat(18), 1);
    let attached =
        crate::ram_policy::Attached { policy_type: crate::ram_policy::PolicyType::Custom, attached_ms: 1 };
    user.policies.insert("p".to_owned(), attached);
    world.commit(&[Change::Put(Record::RamUser(user)), Change::Put(Record::RamPolicy(policy))]);
    world.caller = Caller::RamUser { name: "alice".to_owned() };
}

#[test]
fn a_revert_needs_permission_for_itself_and_for_what_it_does() {
    let (mut world, connection) = World::with_connection();
    let added = request(&mut world, "CreateVcoRouteEntry", &route(&connection, "192.168.10.0/24"));
    let change = [("ChangeRequestId", added.as_str())];
    let own = format!("acs:vpc:{REGION}:{ACCOUNT}:vpnconnection/{connection}");
    let allow = |actions: &[&str], resource: &str| json!([{ "Effect": "Allow", "Action": actions, "Resource": resource }]);
    become_user(&mut world, allow(&["vpc:*"], "*"));
    let needed = world.refusal("RevertChange", &change).access_denied.unwrap();
    assert_eq!(
        (needed["AuthAction"].as_str(), needed["AuthResource"].as_str()),
        ("causeway:RevertChange", own.as_str())
    );
    become_user(&mut world, allow(&["causeway:*"], "*"));
    let needed = world.refusal("RevertChange", &change).access_denied.unwrap();
    assert_eq!(needed["AuthAction"], "vpc:DeleteVcoRouteEntry");
    // Whether there is such a change is told only to those who may revert it.
    become_user(&mut world, allow(&["causeway:*", "vpc:*"], &own));
    let unknown = [("ChangeRequestId", "00000000-0000-4000-8000-0000000000FF")];
    assert_eq!(world.refusal("RevertChange", &unknown).code(), "Forbbiden.SubUser");
    assert_eq!(world.refusal("ListChanges", &[]).code(), "Forbbiden.SubUser");
    assert_eq!(list(&mut world, &[("ResourceId", &connection)]).len(), 2);
    let shown = Value::from(list(&mut world, &[("ResourceId", &connection)])).to_string();
    assert!(!shown.contains("customer-gateway\""), "{shown}");
    world.call("RevertChange", &change).unwrap();
}

/// The action and the resource that a RAM user who may do so much lacks to revert a change; none if nothing.
fn lacking(world: &mut World, change: &str, statements: Value) -> Option<(String, String)> {
    become_user(world, statements);
    let outcome = world.plan("RevertChange", &[("ChangeRequestId", change), ("DryRun", "true")]);
    let crate::core::Outcome::Refused(refusal) = outcome else { panic!("a dry run is refused") };
    let lacks = refusal.access_denied?;
    Some((lacks["AuthAction"].clone(), lacks["AuthResource"].clone()))
}

#[test]
fn nobody_gets_by_a_revert_what_they_could_not_do_by_hand() {
    let mut world = World::new();
    let connection = {
        let gateway = world.customer_gateway("198.51.100.7");
        world.two_tunnels(&gateway)
    };
    world.settle();
    let document = |action: &str| {
        let statement = json!([{ "Effect": "Allow", "Action": action, "Resource": "*" }]);
        json!({ "Version": "1", "Statement": statement }).to_string()
    };
    let (one, other) = (document("vpc:Describe*"), document("vpc:*"));
    world.call("CreateUser", &[("UserName", "bob")]).unwrap();
    world.call("CreatePolicy", &[("PolicyName", "app"), ("PolicyDocument", &one)]).unwrap();
    let policy = [("PolicyType", "System"), ("PolicyName", "AdministratorAccess"), ("UserName", "bob")];
    world.call("AttachPolicyToUser", &policy).unwrap();
    let detached = request(&mut world, "DetachPolicyFromUser", &policy);
    let version = [("PolicyName", "app"), ("PolicyDocument", other.as_str()), ("SetAsDefault", "true")];
    let version = request(&mut world, "CreatePolicyVersion", &version);
    let tags = [("ResourceType", "VpnConnection"), ("ResourceId.1", connection.as_str())];
    let tags = [&tags[..], &[("Tag.1.Key", "env"), ("Tag.1.Value", "prod")]].concat();
    let tagged = request(&mut world, "TagResources", &tags);
    let allow = |actions: &[&str], resources: &[&str]| {
        json!([
            { "Effect": "Allow", "Action": "causeway:*", "Resource": "*" },
            { "Effect": "Allow", "Action": actions, "Resource": resources },
        ])
    };
    let lacks = |action: &str, resource: &str| Some((action.to_owned(), resource.to_owned()));
    let attach = ["ram:AttachPolicyToUser", "ram:DetachPolicyFromUser"];
    let own = [format!("acs:ram:*:{ACCOUNT}:user/*"), format!("acs:ram:*:{ACCOUNT}:policy/app")];
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let administrator = "acs:ram:*:system:policy/AdministratorAccess";
    assert_eq!(
        lacking(&mut world, &detached, allow(&attach, &own)),
        lacks("ram:AttachPolicyToUser", administrator)
    );
    let both = [&own[..], &[administrator]].concat();
    assert_eq!(lacking(&mut world, &detached, allow(&attach, &both)), None);
    let app = format!("acs:ram:*:{ACCOUNT}:policy/app");
    for (may, needs) in [
        (vec!["ram:CreatePolicy"], "ram:CreatePolicyVersion"),
        (vec!["ram:CreatePolicyVersion"], "ram:DeletePolicyVersion"),
        (vec!["ram:CreatePolicyVersion", "ram:DeletePolicyVersion"], "ram:SetDefaultPolicyVersion"),
    ] {
        assert_eq!(lacking(&mut world, &version, allow(&may, &["*"])), lacks(needs, &app));
    }
    assert_eq!(lacking(&mut world, &version, allow(&["ram:*PolicyVersion"], &[&app])), None);
    let connection = format!("acs:vpc:{REGION}:{ACCOUNT}:vpnconnection/{connection}");
    let modify = ["vpc:ModifyVpnAttachmentAttribute", "vpc:ModifyVpnConnectionAttribute"];
    assert_eq!(lacking(&mut world, &tagged, allow(&modify, &["*"])), lacks("vpc:TagResources", &connection));
    assert_eq!(
        lacking(&mut world, &tagged, allow(&["vpc:TagResources", "vpc:UnTagResources"], &[&connection])),
        None
    );
}

#[test]
fn what_somebody_attached_is_attached_again_only_by_who_may_attach() {
    let mut world = World::new();
    let gateway = world.customer_gateway("198.51.100.7");
    let connection = world.two_tunnels(&gateway);
    world.settle();
    let cen = text(&world.call("CreateCen", &[]).unwrap()["CenId"]);
    let router = text(&world.call("CreateTransitRouter", &[("CenId", &cen)]).unwrap()["TransitRouterId"]);
    let attached = [("VpnId", connection.as_str()), ("CenId", &cen), ("TransitRouterId", &router)];
    world.call("CreateTransitRouterVpnAttachment", &attached).unwrap();
    world.settle();
    let attachment = {
        let id = connection.parse().unwrap();
        world.state.vpn_connection(&id).unwrap().attachment.as_ref().unwrap().id.to_string()
    };
    let named = ("TransitRouterAttachmentId", attachment.as_str());
    let renamed = [named, ("TransitRouterAttachmentName", "office")];
    let renamed = request(&mut world, "UpdateTransitRouterVpnAttachmentAttribute", &renamed);
    let detached = request(&mut world, "DeleteTransitRouterVpnAttachment", &[named]);
    let all_of = |actions: &str| {
        json!([
            { "Effect": "Allow", "Action": "causeway:*", "Resource": "*" },
            { "Effect": "Allow", "Action": actions, "Resource": "*" },
        ])
    };
    for (change, action) in [
        (&renamed, "cen:UpdateTransitRouterVpnAttachmentAttribute"),
        (&detached, "cen:CreateTransitRouterVpnAttachment"),
    ] {
        let lacks = lacking(&mut world, change, all_of("vpc:*")).unwrap();
        assert_eq!(lacks.0, action);
        assert_eq!(lacking(&mut world, change, all_of("cen:*")), None);
    }
}
