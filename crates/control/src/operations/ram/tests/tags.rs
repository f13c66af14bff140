//! Tags of roles, policies and RAM users.

use serde_json::json;

use super::{Params, World};

const TAG: &str = "Ram:TagResources";
const UNTAG: &str = "Ram:UntagResources";
const LIST: &str = "Ram:ListTagResources";
const POLICY: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"vpc:Describe*","Resource":"*"}]}"#;
const TRUST: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"x"}}]}"#;

/// A world with a role that has a tag, a policy and a RAM user, all of one name.
fn furnished() -> World {
    let mut world = World::new();
    let tag = ("Tag.1.Key", "team");
    world.root("CreateRole", &[("RoleName", "admin"), ("AssumeRolePolicyDocument", TRUST), tag]);
    world.root("CreatePolicy", &[("PolicyName", "admin"), ("PolicyDocument", POLICY)]);
    world.root("CreateUser", &[("UserName", "admin")]);
    world
}

/// The tags that are listed, as `name key=value`.
fn listed(world: &mut World, params: &Params<'_>) -> Vec<String> {
    let answer = world.root(LIST, params);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let tags = answer["TagResources"].as_array().unwrap().iter();
    tags.map(|it| format!("{} {}={}", text(&it["ResourceName"]), text(&it["TagKey"]), text(&it["TagValue"])))
        .collect()
}

#[test]
fn each_kind_has_tags_of_its_own_which_are_given_listed_and_taken_away() {
    let mut world = furnished();
    for (kind, at_first) in [("role", vec!["admin team="]), ("policy", vec![]), ("user", vec![])] {
        let named = [("ResourceType", kind), ("ResourceNames", r#"["admin"]"#)];
        assert_eq!(listed(&mut world, &named), at_first);
        let tags = ("Tag", r#"[{"Key":"env","Value":"prod"},{"Key":"team","Value":"net"}]"#);
        world.root(TAG, &[named[0], named[1], tags]);
        assert_eq!(listed(&mut world, &named), ["admin env=prod", "admin team=net"], "{kind}");
        let filtered = [named[0], ("Tag.1.Key", "env"), ("Tag.1.Value", "test")];
        assert!(listed(&mut world, &filtered).is_empty());
        world.root(UNTAG, &[named[0], ("ResourceNames.1", "admin"), ("TagKeys", r#"["env","none"]"#)]);
        assert_eq!(listed(&mut world, &named[..1]), ["admin team=net"]);
        world.root(UNTAG, &[named[0], named[1], ("All", "true")]);
        assert!(listed(&mut world, &named).is_empty(), "{kind}");
    }
    assert_eq!(world.world.restored(), world.world.state);
}

#[test]
fn what_cannot_be_tagged_is_refused_and_nothing_is_tagged() {
    let mut world = furnished();
    let tag = ("Tag", r#"[{"Key":"env","Value":"prod"}]"#);
    for (kind, code) in [
        ("role", "EntityNotExist.Role"),
        ("policy", "EntityNotExist.Policy"),
        ("user", "EntityNotExist.User"),
    ] {
        let named = [("ResourceType", kind), ("ResourceNames", r#"["admin","nobody"]"#)];
        assert_eq!(world.refused(TAG, &[named[0], named[1], tag]), (code.to_owned(), 404));
        assert_eq!(world.refused(UNTAG, &[named[0], named[1], ("TagKeys", r#"["env"]"#)]).0, code);
        assert!(!listed(&mut world, &named).contains(&"admin env=prod".to_owned()));
    }
    let admin = [("ResourceType", "role"), ("ResourceNames", r#"["admin"]"#)];
    assert_eq!(world.refused(UNTAG, &admin).0, "MissingTagKeys");
    assert_eq!(world.refused(TAG, &[("ResourceType", "group"), admin[1], tag]).0, "InvalidResourceType");
    let names = json!(vec!["admin"; 51]).to_string();
    assert_eq!(world.refused(TAG, &[admin[0], ("ResourceNames", &names), tag]).0, "InvalidResourceNames");
}

#[test]
fn terraform_reads_the_tags_of_a_role_page_by_page() {
    let mut world = furnished();
    let many: Vec<_> = (10..15).map(|number| json!({ "Key": format!("k{number}"), "Value": "v" })).collect();
    let many = json!(many).to_string();
    let named = [("ResourceType", "role"), ("ResourceNames", r#"["admin"]"#)];
    world.root(TAG, &[named[0], named[1], ("Tag", &many)]);
    let (mut keys, mut token) = (Vec::new(), String::new());
    loop {
        let page = world.root(LIST, &[named[0], named[1], ("PageSize", "4"), ("NextToken", &token)]);
        let tags = page["TagResources"].as_array().unwrap().iter();
        keys.extend(tags.map(|it| it["TagKey"].as_str().unwrap().to_owned()));
        match page["NextToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(keys, ["k10", "k11", "k12", "k13", "k14", "team"]);
}
