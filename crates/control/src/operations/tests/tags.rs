//! Tags on resources, and resources by tags.

use serde_json::{Value, json};

use crate::testing::{OTHER_REGION, Pairs, World};

fn list(world: &mut World, parameters: &[(&str, &str)]) -> Value {
    world.call("ListTagResources", parameters).unwrap()["TagResources"]["TagResource"].clone()
}

#[test]
fn tags_are_given_listed_and_taken_away() {
    let (mut world, connection) = World::with_connection();
    let resource = [("ResourceType", "VPNATTACHMENT"), ("ResourceId.1", connection.as_str())];
    let mut tag = resource.to_vec();
    tag.extend([("Tag.1.Key", "env"), ("Tag.1.Value", "dev test"), ("Tag.2.Key", "owner")]);
    world.call("TagResources", &tag).unwrap();
    assert_eq!(world.connection_state(&connection), "attached");
    assert_eq!(
        list(&mut world, &resource),
        json!([
            { "ResourceId": connection, "ResourceType": "VPNATTACHMENT", "TagKey": "env", "TagValue": "dev test" },
            { "ResourceId": connection, "ResourceType": "VPNATTACHMENT", "TagKey": "owner", "TagValue": "" },
        ])
    );
    let mut one = resource.to_vec();
    one.push(("TagKey.1", "env"));
    world.call("UnTagResources", &one).unwrap();
    assert_eq!(list(&mut world, &resource).as_array().unwrap().len(), 1);
    let mut all = resource.to_vec();
    all.push(("All", "True"));
    world.call("UnTagResources", &all).unwrap();
    assert_eq!(list(&mut world, &resource), json!([]));
}

#[test]
fn all_resources_are_tagged_or_none() {
    let (mut world, connection) = World::with_connection();
    let parameters = [
        ("ResourceType", "vpnconnection"),
        ("ResourceId.1", connection.as_str()),
        ("ResourceId.2", "vco-nothing"),
        ("Tag.1.Key", "env"),
    ];
    let refusal = world.refusal("TagResources", &parameters);
    assert_eq!((refusal.code().as_ref(), refusal.status()), ("InvalidResourceId.NotFound", 404));
    assert!(refusal.recommend().contains("vco-nothing"));
    assert_eq!(list(&mut world, &[("ResourceType", "VPNCONNECTION")]), json!([]));
}

#[test]
fn a_resource_has_at_most_twenty_tags() {
    let (mut world, connection) = World::with_connection();
    let tag = |world: &mut World, from: usize, count: usize| {
        let names: Vec<String> = (1..=count).map(|number| format!("Tag.{number}.Key")).collect();
        let keys: Vec<String> = (from..from + count).map(|number| format!("key-{number}")).collect();
        let mut parameters = vec![("ResourceType", "VPNATTACHMENT"), ("ResourceId.1", connection.as_str())];
        parameters.extend(names.iter().map(String::as_str).zip(keys.iter().map(String::as_str)));
        world.call("TagResources", &parameters).map_err(|refusal| refusal.code().into_owned())
    };
    assert_eq!(tag(&mut world, 0, 21), Err("InvalidTag".to_owned()));
    tag(&mut world, 0, 20).unwrap();
    tag(&mut world, 0, 20).unwrap();
    assert_eq!(tag(&mut world, 20, 1), Err("NumberExceed.Tags".to_owned()));
}

#[test]
fn lists_are_filtered_and_continued_by_their_token() {
    let mut world = World::new();
    let ids: Vec<String> = (1..=8).map(|host| world.customer_gateway(&format!("1.2.3.{host}"))).collect();
    for (number, id) in ids.iter().enumerate() {
        let environment = if number % 2 == 0 { "dev" } else { "prod" };
        let parameters = [
            ("ResourceType", "CUSTOMERGATEWAY"),
            ("ResourceId.1", id.as_str()),
            ("Tag.1.Key", "env"),
            ("Tag.1.Value", environment),
        ];
        world.call("TagResources", &parameters).unwrap();
    }
    let kind = ("ResourceType", "CustomerGateway");
    let dev = list(&mut world, &[kind, ("Tag.1.Key", "env"), ("Tag.1.Value", "dev")]);
    assert_eq!(dev.as_array().unwrap().len(), 4);
    assert_eq!(list(&mut world, &[kind, ("ResourceId.1", &ids[3])])[0]["ResourceId"], ids[3]);
    assert_eq!(list(&mut world, &[kind, ("RegionId", OTHER_REGION)]), json!([]));
    assert_eq!(list(&mut world, &[("ResourceType", "VpnGateWay")]), json!([]));
    let mut seen = Vec::new();
    let mut token = String::new();
    for expected in [3, 3, 2] {
        let answer =
            world.call("ListTagResources", &[kind, ("MaxResults", "3"), ("NextToken", &token)]).unwrap();
        let page = answer["TagResources"]["TagResource"].as_array().unwrap();
        assert_eq!(page.len(), expected);
        seen.extend(page.iter().map(|tag| tag["ResourceId"].as_str().unwrap().to_owned()));
        token = answer["NextToken"].as_str().unwrap_or_default().to_owned();
    }
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(seen, sorted);
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    let (mut world, connection) = World::with_connection();
    let id = ("ResourceId.1", connection.as_str());
    let kind = ("ResourceType", "VPNATTACHMENT");
    let cases: &[(&str, Pairs<'_>, &str)] = &[
        ("TagResources", &[kind, ("Tag.1.Key", "a")], "MissingResourceId"),
        ("TagResources", &[id, ("Tag.1.Key", "a")], "MissingResourceType"),
        ("TagResources", &[id, kind], "MissingTag"),
        ("TagResources", &[id, kind, ("Tag", "[]")], "MissingTag"),
        ("TagResources", &[kind, ("ResourceId", "[]"), ("Tag.1.Key", "a")], "MissingResourceId"),
        ("TagResources", &[id, ("ResourceType", "TEAPOT"), ("Tag.1.Key", "a")], "InvalidResourceType"),
        (
            "TagResources",
            &[id, ("ResourceType", "VPNGATEWAY"), ("Tag.1.Key", "a")],
            "InvalidResourceId.NotFound",
        ),
        ("TagResources", &[id, kind, ("Tag.1.Key", "aliyun-a")], "InvalidTag"),
        ("UnTagResources", &[id, kind], "MissingTagKey"),
        ("UnTagResources", &[kind, ("TagKey.1", "a")], "MissingResourceId"),
        ("ListTagResources", &[], "MissingResourceType"),
        ("ListTagResources", &[kind, ("MaxResults", "51")], "InvalidMaxResults"),
    ];
    for (action, parameters, code) in cases {
        assert_eq!(world.refusal(action, parameters).code(), *code, "{action} {parameters:?}");
    }
}

/// A customer gateway and a connection that share a tag, and have one each.
fn tagged_world() -> (World, String) {
    let (mut world, connection) = World::with_connection();
    let gateway = world.customer_gateway("198.51.100.8");
    for (kind, id, key) in [("CUSTOMERGATEWAY", &gateway, "owner"), ("VPNATTACHMENT", &connection, "site")] {
        let parameters = [
            ("ResourceType", kind),
            ("ResourceId.1", id.as_str()),
            ("Tag.1.Key", "env"),
            ("Tag.1.Value", "dev"),
            ("Tag.2.Key", key),
            ("Tag.2.Value", "x"),
        ];
        world.call("TagResources", &parameters).unwrap();
    }
    (world, connection)
}

#[test]
fn the_keys_of_tags_are_listed_once_each() {
    let (mut world, connection) = tagged_world();
    let mut keys = |parameters: Pairs<'_>| {
        let answer = world.call("DescribeTagKeys", parameters).unwrap();
        let keys = answer["TagKeys"]["TagKey"].as_array().unwrap().clone();
        assert!(keys.iter().all(|key| key["Type"] == "Custom"), "{answer}");
        let keys: Vec<String> = keys.iter().map(|key| key["TagKey"].as_str().unwrap().to_owned()).collect();
        (keys.join(" "), answer["NextToken"].as_str().map(str::to_owned))
    };
    assert_eq!(keys(&[]), ("env owner site".to_owned(), None));
    assert_eq!(keys(&[("ResourceType", "CustomerGateway")]).0, "env owner");
    assert_eq!(keys(&[("ResourceId.1", &connection)]).0, "env site");
    assert_eq!(keys(&[("ResourceType", "VPNGATEWAY")]).0, "");
    assert_eq!(keys(&[("Keyword", "n")]).0, "env owner");
    assert_eq!(keys(&[("RegionId", OTHER_REGION)]).0, "");
    let (first, token) = keys(&[("MaxResult", "2")]);
    assert_eq!(first, "env owner");
    assert_eq!(keys(&[("MaxResult", "2"), ("NextToken", &token.unwrap())]), ("site".to_owned(), None));
    assert_eq!(world.refusal("DescribeTagKeys", &[("MaxResult", "51")]).code(), "InvalidMaxResult");
    assert_eq!(world.refusal("DescribeTagKeys", &[("ResourceType", "POT")]).code(), "InvalidResourceType");
}

#[test]
fn tags_are_listed_once_each_whatever_has_them() {
    let (mut world, connection) = tagged_world();
    let mut tags = |parameters: Pairs<'_>| {
        let answer = world.call("DescribeTags", parameters).unwrap();
        let tags = answer["TagResources"]["TagResource"].as_array().unwrap().clone();
        let text = |tag: &Value| {
            format!("{}={}", tag["TagKey"].as_str().unwrap(), tag["TagValue"].as_str().unwrap())
        };
        let tags: Vec<String> = tags.iter().map(text).collect();
        (tags.join(" "), answer["NextToken"].as_str().map(str::to_owned))
    };
    assert_eq!(tags(&[]), ("env=dev owner=x site=x".to_owned(), None));
    assert_eq!(tags(&[("ResourceType", "VpnAttachment"), ("ResourceId.1", &connection)]).0, "env=dev site=x");
    assert_eq!(tags(&[("Tag.1.Key", "owner"), ("Tag.1.Value", "x")]).0, "env=dev owner=x");
    assert_eq!(tags(&[("Tag.1.Key", "owner"), ("Tag.1.Value", "y")]).0, "");
    let (first, token) = tags(&[("MaxResult", "1")]);
    assert_eq!(first, "env=dev");
    let token = token.unwrap();
    assert_eq!(tags(&[("MaxResult", "2"), ("NextToken", &token)]), ("owner=x site=x".to_owned(), None));
    let ids: Vec<String> = (1..=51).map(|number| format!("ResourceId.{number}")).collect();
    let many: Vec<(&str, &str)> = ids.iter().map(|name| (name.as_str(), "vco-x")).collect();
    assert_eq!(world.refusal("DescribeTags", &many).code(), "InvalidResourceId");
}
