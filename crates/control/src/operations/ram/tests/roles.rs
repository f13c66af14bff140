//! Roles, the versions of policies, and to whom policies are attached.

use serde_json::json;

use super::{ALLOW_GATEWAYS, GATEWAY, Params, World};
use crate::testing::ACCOUNT;

const TRUST: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1234567890123456:root"}}]}"#;

fn role(world: &mut World, name: &str) -> serde_json::Value {
    let answer = world.root("CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", TRUST)]);
    answer["Role"].clone()
}

#[test]
fn a_role_is_shown_as_it_was_made_and_changed() {
    let mut world = World::new();
    let made = role(&mut world, "admin");
    assert_eq!(made["Arn"], format!("acs:ram::{ACCOUNT}:role/admin"));
    assert_eq!((&made["MaxSessionDuration"], &made["AllowConsoleLogin"]), (&json!(3600), &json!(true)));
    assert_eq!(made["AssumeRolePolicyDocument"], TRUST);
    let service = TRUST.replace("RAM", "Service");
    let change = [
        ("RoleName", "admin"),
        ("NewDescription", "for a while"),
        ("NewMaxSessionDuration", "43200"),
        ("NewAssumeRolePolicyDocument", &service),
        ("NewAllowConsoleLogin", "False"),
    ];
    let changed = world.root("UpdateRole", &change)["Role"].clone();
    let shown = world.root("GetRole", &[("RoleName", "admin")])["Role"].clone();
    for (name, value) in changed.as_object().unwrap() {
        assert_eq!(shown[name], *value, "{name}");
    }
    assert_eq!(shown["RoleId"], made["RoleId"]);
    assert_eq!((&shown["Description"], &shown["MaxSessionDuration"]), (&json!("for a while"), &json!(43200)));
    assert_eq!(shown["AssumeRolePolicyDocument"], service);
    // What a change does not name stays.
    world.root("UpdateRole", &[("RoleName", "admin"), ("NewDescription", "")]);
    let shown = world.root("GetRole", &[("RoleName", "admin")])["Role"].clone();
    assert_eq!((&shown["Description"], &shown["MaxSessionDuration"]), (&json!(""), &json!(43200)));
    assert_eq!(world.world.restored(), world.world.state);
    world.root("DeleteRole", &[("RoleName", "admin")]);
    assert_eq!(world.refused("GetRole", &[("RoleName", "admin")]), ("EntityNotExist.Role".to_owned(), 404));
    assert_ne!(role(&mut world, "admin")["RoleId"], made["RoleId"], "another role of the same name");
}

#[test]
fn roles_are_listed_in_parts_and_by_tag() {
    let mut world = World::new();
    for name in ["c", "a", "b"] {
        let tags = format!(r#"[{{"Key":"team","Value":"{name}"}}]"#);
        let params = [("RoleName", name), ("AssumeRolePolicyDocument", TRUST), ("Tag", &tags)];
        world.root("CreateRole", &params);
    }
    let mut names = |params: &[(&str, &str)]| {
        let answer = world.root("ListRoles", params);
        let roles = answer["Roles"]["Role"].as_array().unwrap().iter();
        let names: Vec<String> = roles.map(|role| role["RoleName"].as_str().unwrap().to_owned()).collect();
        (names.join(" "), answer["Marker"].as_str().map(ToOwned::to_owned))
    };
    assert_eq!(names(&[]), ("a b c".to_owned(), None));
    assert_eq!(names(&[("MaxItems", "2")]), ("a b".to_owned(), Some("b".to_owned())));
    assert_eq!(names(&[("MaxItems", "2"), ("Marker", "b")]), ("c".to_owned(), None));
    assert_eq!(names(&[("Tag.1.Key", "team"), ("Tag.1.Value", "b")]).0, "b");
}

#[test]
fn a_role_with_policies_cannot_be_deleted_nor_a_policy_that_a_role_has() {
    let mut world = World::new();
    role(&mut world, "admin");
    world.policy("gateways", ALLOW_GATEWAYS);
    let attachment = [("PolicyType", "Custom"), ("PolicyName", "gateways"), ("RoleName", "admin")];
    world.root("AttachPolicyToRole", &attachment);
    let exists = world.refused("AttachPolicyToRole", &attachment);
    assert_eq!(exists, ("EntityAlreadyExists.Role.Policy".to_owned(), 409));
    let listed = world.root("ListPoliciesForRole", &attachment[2..]);
    assert_eq!(listed["Policies"]["Policy"][0]["PolicyName"], "gateways");
    let shown = world.root("GetPolicy", &attachment[..2]);
    assert_eq!(shown["Policy"]["AttachmentCount"], 1);
    assert_eq!(world.refused("DeleteRole", &attachment[2..]).0, "DeleteConflict.Role.Policy");
    assert_eq!(world.refused("DeletePolicy", &attachment[1..2]).0, "DeleteConflict.Policy.Role");
    world.root("DetachPolicyFromRole", &attachment);
    let again = world.refused("DetachPolicyFromRole", &attachment);
    assert_eq!(again, ("EntityNotExist.Role.Policy".to_owned(), 404));
    world.root("DeletePolicy", &attachment[1..2]);
    world.root("DeleteRole", &attachment[2..]);
}

#[test]
fn a_policy_is_asked_to_whom_it_is_attached() {
    let mut world = World::new();
    world.user("alice");
    let made = role(&mut world, "admin");
    world.attach("System", "ReadOnlyAccess", "alice");
    let policy = [("PolicyType", "System"), ("PolicyName", "ReadOnlyAccess"), ("RoleName", "admin")];
    world.root("AttachPolicyToRole", &policy);
    let entities = world.root("ListEntitiesForPolicy", &policy[..2]);
    assert_eq!(entities["Groups"]["Group"], json!([]));
    assert_eq!(entities["Users"]["User"][0]["UserName"], "alice");
    assert_eq!(entities["Roles"]["Role"][0]["RoleId"], made["RoleId"]);
    let nobody = world
        .root("ListEntitiesForPolicy", &[("PolicyType", "System"), ("PolicyName", "AdministratorAccess")]);
    assert_eq!((&nobody["Users"]["User"], &nobody["Roles"]["Role"]), (&json!([]), &json!([])));
    let gone = world.refused("ListEntitiesForPolicy", &[("PolicyType", "Custom"), ("PolicyName", "none")]);
    assert_eq!(gone, ("EntityNotExist.Policy".to_owned(), 404));
}

/// A new version of `rights` that gives everything in Vpc, or nothing.
fn version(world: &mut World, gives: bool, more: &[(&str, &str)]) -> Result<String, String> {
    let effect = if gives { "Allow" } else { "Deny" };
    let document =
        format!(r#"{{"Version":"1","Statement":[{{"Effect":"{effect}","Action":"vpc:*","Resource":"*"}}]}}"#);
    let params = [&[("PolicyName", "rights"), ("PolicyDocument", document.as_str())], more].concat();
    let answer = world.call_as(crate::account::Caller::Root, "CreatePolicyVersion", &params);
    let answer = answer.map_err(|refusal| refusal.code().into_owned())?;
    Ok(answer["PolicyVersion"]["VersionId"].as_str().unwrap().to_owned())
}

#[test]
fn the_default_version_of_a_policy_decides_and_can_be_changed() {
    let mut world = World::new();
    world.user("alice");
    world.policy("rights", ALLOW_GATEWAYS);
    world.attach("Custom", "rights", "alice");
    let may = |world: &mut World| world.may("alice", "CreateCustomerGateway", &GATEWAY);
    assert!(may(&mut world));
    assert_eq!(version(&mut world, false, &[]).unwrap(), "v2");
    assert!(may(&mut world), "it is not the default");
    world.root("SetDefaultPolicyVersion", &[("PolicyName", "rights"), ("VersionId", "v2")]);
    assert!(!may(&mut world));
    assert_eq!(version(&mut world, true, &[("SetAsDefault", "true")]).unwrap(), "v3");
    assert!(may(&mut world));
    let policy = [("PolicyType", "Custom"), ("PolicyName", "rights"), ("VersionId", "v2")];
    let shown = world.root("GetPolicy", &policy[..2]);
    assert_eq!(shown["Policy"]["DefaultVersion"], "v3");
    assert_eq!(shown["DefaultPolicyVersion"]["VersionId"], "v3");
    let old = world.root("GetPolicyVersion", &policy)["PolicyVersion"].clone();
    assert_eq!(old["IsDefaultVersion"], false);
    assert!(old["PolicyDocument"].as_str().unwrap().contains("Deny"));
    assert_eq!(world.world.restored(), world.world.state);
    let last = [("PolicyName", "rights"), ("VersionId", "v3")];
    assert_eq!(world.refused("DeletePolicyVersion", &last).0, "DeleteConflict.PolicyVersion.Default");
    world.root("DeletePolicyVersion", &policy[1..]);
    assert_eq!(world.refused("GetPolicyVersion", &policy), ("EntityNotExist.Policy.Version".to_owned(), 404));
    for id in ["v9", "two", "v"] {
        let refused = world.refused("SetDefaultPolicyVersion", &[policy[1], ("VersionId", id)]);
        assert_eq!(refused.0, "EntityNotExist.Policy.Version", "{id}");
    }
}

#[test]
fn a_policy_has_at_most_five_versions_and_rotates_when_asked() {
    let mut world = World::new();
    world.policy("rights", ALLOW_GATEWAYS);
    for number in 2..=5 {
        assert_eq!(version(&mut world, true, &[]).unwrap(), format!("v{number}"));
    }
    assert_eq!(version(&mut world, true, &[]).unwrap_err(), "LimitExceeded.Policy.Version");
    let none = version(&mut world, true, &[("RotateStrategy", "None")]);
    assert_eq!(none.unwrap_err(), "LimitExceeded.Policy.Version");
    let rotate = [("RotateStrategy", "DeleteOldestNonDefaultVersionWhenLimitExceeded")];
    assert_eq!(version(&mut world, true, &rotate).unwrap(), "v6");
    let versions = world.root("ListPolicyVersions", &[("PolicyType", "Custom"), ("PolicyName", "rights")]);
    let versions = versions["PolicyVersions"]["PolicyVersion"].as_array().unwrap().iter();
    let ids: Vec<&str> = versions.map(|version| version["VersionId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["v1", "v3", "v4", "v5", "v6"], "v1 is the default");
    assert_eq!(world.refused("DeletePolicy", &[("PolicyName", "rights")]).0, "DeleteConflict.Policy.Version");
    // The number of a version that is gone is not given again.
    world.root("DeletePolicyVersion", &[("PolicyName", "rights"), ("VersionId", "v6")]);
    assert_eq!(version(&mut world, true, &[]).unwrap(), "v7");
    world.root("DeletePolicy", &[("PolicyName", "rights"), ("CascadingDelete", "true")]);
}

#[test]
fn a_policy_of_the_system_has_one_version() {
    let mut world = World::new();
    let policy = [("PolicyType", "System"), ("PolicyName", "ReadOnlyAccess"), ("VersionId", "v1")];
    let versions = world.root("ListPolicyVersions", &policy[..2]);
    assert_eq!(versions["PolicyVersions"]["PolicyVersion"].as_array().unwrap().len(), 1);
    assert_eq!(world.root("GetPolicyVersion", &policy)["PolicyVersion"]["IsDefaultVersion"], true);
    assert_eq!(world.refused("DeletePolicyVersion", &policy[1..]).0, "EntityNotExist.Policy");
}

#[test]
fn a_role_that_cannot_be_is_refused() {
    let mut world = World::new();
    role(&mut world, "admin");
    let long = "x".repeat(1025);
    let trust = ("AssumeRolePolicyDocument", TRUST);
    let name = ("RoleName", "b");
    let no_principal = TRUST.replace("\"RAM\"", "\"Who\"");
    let cases: [(&str, &Params<'_>, &str); 8] = [
        ("CreateRole", &[("RoleName", "admin"), trust], "EntityAlreadyExists.Role"),
        ("CreateRole", &[("RoleName", "a b"), trust], "InvalidParameter.RoleName.InvalidChars"),
        ("CreateRole", &[name], "MissingAssumeRolePolicyDocument"),
        ("CreateRole", &[name, trust, ("Description", &long)], "InvalidParameter.Description.Length"),
        (
            "CreateRole",
            &[name, trust, ("MaxSessionDuration", "3599")],
            "InvalidParameter.MaxSessionDuration.Format",
        ),
        (
            "CreateRole",
            &[name, ("AssumeRolePolicyDocument", &no_principal)],
            "InvalidParameter.AssumeRolePolicyDocument",
        ),
        (
            "UpdateRole",
            &[("RoleName", "admin"), ("NewAssumeRolePolicyDocument", "{}")],
            "InvalidParameter.AssumeRolePolicyDocument",
        ),
        ("UpdateRole", &[name], "EntityNotExist.Role"),
    ];
    for (action, params, expected) in cases {
        assert_eq!(world.refused(action, params).0, expected, "{action} {params:?}");
    }
}
