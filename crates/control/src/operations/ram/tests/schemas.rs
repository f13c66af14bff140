//! The parameters and the members of the answers, held against what the provider's SDK declares.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Caller, World};
use crate::operation::{self, Product};
use crate::testing::declared::{check, declared};

/// Operation, parameters, members of the answer. The SDK reads nothing else, and nothing else is answered.
const DECLARED: [(&str, &str, &str); 33] = [
    (
        "AttachPolicyToRole",
        "PolicyName PolicyType ResourceGroupId RoleName",
        "",
    ),
    ("AttachPolicyToUser", "PolicyName PolicyType ResourceGroupId UserName", ""),
    ("CreateAccessKey", "UserName", "AccessKey: AccessKeyId AccessKeySecret CreateDate Status"),
    (
        "CreatePolicy",
        "Description PolicyDocument PolicyName Tag",
        "Policy: CreateDate DefaultVersion Description PolicyName PolicyType",
    ),
    (
        "CreatePolicyVersion",
        "PolicyDocument PolicyName RotateStrategy SetAsDefault",
        "PolicyVersion: CreateDate IsDefaultVersion PolicyDocument VersionId",
    ),
    (
        "CreateRole",
        "AllowConsoleLogin AssumeRolePolicyDocument Description MaxSessionDuration RoleName Tag",
        "Role: AllowConsoleLogin Arn AssumeRolePolicyDocument CreateDate Description MaxSessionDuration RoleId RoleName",
    ),
    (
        "CreateUser",
        "Comments DisplayName Email MobilePhone UserName",
        "User: Comments CreateDate DisplayName Email MobilePhone UserId UserName",
    ),
    ("DeleteAccessKey", "UserAccessKeyId UserName", ""),
    ("DeletePolicy", "CascadingDelete PolicyName", ""),
    (
        "DeletePolicyVersion",
        "PolicyName VersionId",
        "",
    ),
    (
        "DeleteRole",
        "RoleName",
        "",
    ),
    ("DeleteUser", "UserName", ""),
    (
        "DetachPolicyFromRole",
        "PolicyName PolicyType ResourceGroupId RoleName",
        "",
    ),
    ("DetachPolicyFromUser", "PolicyName PolicyType ResourceGroupId UserName", ""),
    (
        "GetPolicy",
        "PolicyName PolicyType",
        "DefaultPolicyVersion: CreateDate IsDefaultVersion PolicyDocument VersionId
         Policy: AttachmentCount CreateDate DefaultVersion Description PolicyDocument PolicyName PolicyType UpdateDate",
    ),
    (
        "GetPolicyVersion",
        "PolicyName PolicyType VersionId",
        "PolicyVersion: CreateDate IsDefaultVersion PolicyDocument VersionId",
    ),
    (
        "GetRole",
        "RoleName",
        "Role: AllowConsoleLogin Arn AssumeRolePolicyDocument CreateDate Description IsServiceLinkedRole MaxSessionDuration RoleId RoleName UpdateDate",
    ),
    (
        "GetUser",
        "UserName",
        "User: Comments CreateDate DisplayName Email LastLoginDate MobilePhone UpdateDate UserId UserName",
    ),
    ("ListAccessKeys", "UserName", "AccessKeys.AccessKey: AccessKeyId CreateDate Status"),
    (
        "ListEntitiesForPolicy",
        "PolicyName PolicyType",
        "Groups.Group: AttachDate Comments GroupName
         Roles.Role: Arn AttachDate Description RoleId RoleName
         Users.User: AttachDate DisplayName UserId UserName",
    ),
    (
        "ListPolicies",
        "Marker MaxItems PolicyType Tag",
        "IsTruncated
         Marker
         Policies.Policy: AttachmentCount CreateDate DefaultVersion Description PolicyName PolicyType UpdateDate
         Policies.Policy.Tags.Tag: TagKey TagValue",
    ),
    (
        "ListPoliciesForRole",
        "RoleName",
        "Policies.Policy: AttachDate DefaultVersion Description PolicyName PolicyType",
    ),
    (
        "ListPoliciesForUser",
        "UserName",
        "Policies.Policy: AttachDate DefaultVersion Description PolicyName PolicyType",
    ),
    (
        "ListPolicyVersions",
        "PolicyName PolicyType",
        "PolicyVersions.PolicyVersion: CreateDate IsDefaultVersion PolicyDocument VersionId",
    ),
    (
        "ListRoles",
        "Marker MaxItems Tag",
        "IsTruncated
         Marker
         Roles.Role: AllowConsoleLogin Arn CreateDate Description MaxSessionDuration RoleId RoleName UpdateDate
         Roles.Role.Tags.Tag: TagKey TagValue",
    ),
    (
        "ListTagResources",
        "NextToken PageSize ResourceNames ResourceType Tag",
        "NextToken
         TagResources: ResourceName ResourceType TagKey TagValue",
    ),
    (
        "ListUsers",
        "Marker MaxItems",
        "IsTruncated
         Marker
         Users.User: Comments CreateDate DisplayName Email MobilePhone UpdateDate UserId UserName",
    ),
    (
        "SetDefaultPolicyVersion",
        "PolicyName VersionId",
        "",
    ),
    ("TagResources", "ResourceNames ResourceType Tag", ""),
    ("UntagResources", "All ResourceNames ResourceType TagKeys", ""),
    ("UpdateAccessKey", "Status UserAccessKeyId UserName", ""),
    (
        "UpdateRole",
        "NewAllowConsoleLogin NewAssumeRolePolicyDocument NewDescription NewMaxSessionDuration RoleName",
        "Role: AllowConsoleLogin Arn AssumeRolePolicyDocument CreateDate Description MaxSessionDuration RoleId RoleName UpdateDate",
    ),
    (
        "UpdateUser",
        "NewComments NewDisplayName NewEmail NewMobilePhone NewUserName UserName",
        "User: Comments CreateDate DisplayName Email MobilePhone UpdateDate UserId UserName",
    ),
];

#[test]
fn every_operation_takes_and_answers_what_the_sdk_declares() {
    let there: Vec<&str> = operation::all()
        .iter()
        .filter(|entry| entry.product == Product::Ram)
        .map(|entry| entry.name)
        .collect();
    assert_eq!(there, DECLARED.map(|(name, ..)| name));
    for (name, parameters, members) in DECLARED {
        check(Product::Ram, name, parameters, members);
    }
}

/// The paths of an answer, as [`leaves`] gives them for a schema.
fn answered(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(entries) => entries.iter().for_each(|entry| answered(entry, path, found)),
        Value::Object(members) => {
            for (name, member) in members {
                answered(member, format!("{path}.{name}").trim_start_matches('.'), found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

#[test]
fn answers_have_the_members_that_their_schemas_say() {
    let mut world = World::new();
    let document = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let trust = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"x"}}]}"#;
    let role = ("RoleName", "admin");
    let attach = [("PolicyName", "AAA"), ("PolicyType", "Custom"), ("UserName", "bob"), role];
    let version = [attach[0], attach[1], ("VersionId", "v1"), ("PolicyDocument", document)];
    let calls: [(&str, &[(&str, &str)]); 22] = [
        ("CreateUser", &[("UserName", "alice")]),
        ("CreateUser", &[("UserName", "bob")]),
        ("UpdateUser", &[("UserName", "alice"), ("NewEmail", "alice@example.org")]),
        ("GetUser", &[("UserName", "alice")]),
        ("ListUsers", &[("MaxItems", "1")]),
        ("CreateAccessKey", &[("UserName", "alice")]),
        ("ListAccessKeys", &[("UserName", "alice")]),
        ("CreatePolicy", &[("PolicyName", "AAA"), ("PolicyDocument", document), ("Tag.1.Key", "team")]),
        ("GetPolicy", &[("PolicyName", "AAA"), ("PolicyType", "Custom")]),
        ("ListPolicies", &[("MaxItems", "1")]),
        ("CreateRole", &[role, ("AssumeRolePolicyDocument", trust), ("Tag.1.Key", "team")]),
        ("CreateRole", &[("RoleName", "other"), ("AssumeRolePolicyDocument", trust)]),
        ("UpdateRole", &[role, ("NewDescription", "x")]),
        ("GetRole", &[role]),
        ("ListRoles", &[("MaxItems", "1")]),
        ("AttachPolicyToRole", &attach),
        ("AttachPolicyToUser", &attach),
        ("ListPoliciesForRole", &[role]),
        ("ListPoliciesForUser", &[("UserName", "bob")]),
        ("CreatePolicyVersion", &version),
        ("ListPolicyVersions", &version),
        ("GetPolicyVersion", &version),
    ];
    for (name, params) in calls {
        let answer = world.call_as(Caller::Root, name, params).unwrap();
        let mut members = BTreeSet::new();
        answered(&answer, "", &mut members);
        assert!(members.remove("RequestId"));
        let (_, _, expected) = DECLARED.iter().find(|(declared, ..)| *declared == name).unwrap();
        assert_eq!(members, declared(expected), "{name}");
    }
}
