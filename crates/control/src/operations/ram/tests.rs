//! The life of RAM users, their AccessKeys and policies, and every refusal.

use serde_json::{Value, json};

use crate::access_key::AccessKey;
use crate::account::{Caller, new_account};
use crate::core::Outcome;
use crate::error::ApiError;
use crate::ids::Secret;
use crate::ram_policy::RamPolicy;
use crate::ram_user::RamUser;
use crate::record::{Change, Record};
use crate::testing;

mod roles;
mod schemas;
mod tags;

type Params<'a> = [(&'a str, &'a str)];

/// A world with an account that has its first AccessKey.
struct World {
    world: testing::World,
    root_key: AccessKey,
}

impl World {
    fn new() -> Self {
        let mut world = testing::World::new();
        let account = new_account(&[1; 32], world.now_ms);
        let changes: Vec<Change> = account.records.into_iter().map(Change::Put).collect();
        world.commit(&changes);
        Self { world, root_key: account.access_key }
    }

    fn call_as(&mut self, caller: Caller, action: &str, params: &Params<'_>) -> Result<Value, ApiError> {
        self.world.caller = caller;
        self.world.call(action, params)
    }

    fn root(&mut self, action: &str, params: &Params<'_>) -> Value {
        self.call_as(Caller::Root, action, params).unwrap()
    }

    /// The code and the status with which the account itself is refused.
    fn refused(&mut self, action: &str, params: &Params<'_>) -> (String, u16) {
        let refusal = self.call_as(Caller::Root, action, params).unwrap_err();
        (refusal.code().into_owned(), refusal.status())
    }

    fn user(&mut self, name: &str) {
        self.root("CreateUser", &[("UserName", name)]);
    }

    fn policy(&mut self, name: &str, statement: &str) {
        let document = format!(r#"{{"Version":"1","Statement":[{statement}]}}"#);
        self.root("CreatePolicy", &[("PolicyName", name), ("PolicyDocument", &document)]);
    }

    fn attach(&mut self, policy_type: &str, policy: &str, user: &str) {
        let params = [("PolicyType", policy_type), ("PolicyName", policy), ("UserName", user)];
        self.root("AttachPolicyToUser", &params);
    }

    /// Whether a RAM user may; it does not do it.
    fn may(&mut self, user: &str, action: &str, params: &Params<'_>) -> bool {
        self.world.caller = ram_user(user);
        match self.world.plan(action, params) {
            Outcome::Answered { .. } => true,
            Outcome::Refused(refusal) => {
                assert_eq!(refusal.code(), "Forbbiden.SubUser", "{refusal}: {}", refusal.recommend());
                false
            }
        }
    }
}

fn ram_user(name: &str) -> Caller {
    Caller::RamUser { name: name.to_owned() }
}

const ALLOW_GATEWAYS: &str = r#"{"Effect":"Allow","Action":"vpc:CreateCustomerGateway","Resource":"*"}"#;
const GATEWAY: [(&str, &str); 1] = [("IpAddress", "198.51.100.7")];

#[test]
fn a_user_may_what_an_attached_policy_allows_until_it_is_detached() {
    let mut world = World::new();
    world.user("alice");
    let may = |world: &mut World| world.may("alice", "CreateCustomerGateway", &GATEWAY);
    assert!(!may(&mut world), "a user without policies may nothing");
    world.policy("gateways", ALLOW_GATEWAYS);
    assert!(!may(&mut world), "a policy that is attached to nobody gives nothing");
    world.attach("Custom", "gateways", "alice");
    assert!(may(&mut world));
    assert!(!world.may("bob", "CreateCustomerGateway", &GATEWAY));

    let listed = world.root("ListPoliciesForUser", &[("UserName", "alice")]);
    assert_eq!(listed["Policies"]["Policy"][0]["PolicyName"], "gateways");
    assert_eq!(listed["Policies"]["Policy"][0]["PolicyType"], "Custom");
    assert_eq!(world.refused("DeletePolicy", &[("PolicyName", "gateways")]).0, "DeleteConflict.Policy.User");
    assert_eq!(world.refused("DeleteUser", &[("UserName", "alice")]).0, "DeleteConflict.User.Policy");

    let attachment = [("PolicyType", "Custom"), ("PolicyName", "gateways"), ("UserName", "alice")];
    world.root("DetachPolicyFromUser", &attachment);
    assert!(!may(&mut world));
    world.root("DeletePolicy", &[("PolicyName", "gateways")]);
    world.root("DeleteUser", &[("UserName", "alice")]);
    assert_eq!(world.world.state.ram_users().len(), 0);
    assert_eq!(world.world.state.ram_policies().len(), 0);
}

#[test]
fn a_policy_that_denies_wins_over_the_administrators_one() {
    let mut world = World::new();
    world.user("alice");
    world.attach("System", "AdministratorAccess", "alice");
    assert!(world.may("alice", "CreateCustomerGateway", &GATEWAY));
    assert!(world.may("alice", "ListUsers", &[]));
    world.policy("no-ram", r#"{"Effect":"Deny","Action":"ram:*","Resource":"*"}"#);
    world.attach("Custom", "no-ram", "alice");
    assert!(world.may("alice", "CreateCustomerGateway", &GATEWAY));
    assert!(!world.may("alice", "ListUsers", &[]));
}

#[test]
fn who_may_attach_the_policies_of_the_account_may_not_attach_the_administrators_one() {
    let mut world = World::new();
    world.user("alice");
    let account = world.world.state.account_id().clone();
    world.policy("gateways", ALLOW_GATEWAYS);
    world.policy(
        "attach-own",
        &format!(
            r#"{{"Effect":"Allow","Action":"ram:AttachPolicyToUser","Resource":["acs:ram:*:{account}:user/alice","acs:ram:*:{account}:policy/*"]}}"#
        ),
    );
    world.attach("Custom", "attach-own", "alice");
    let attach =
        |policy_type, policy, user| [("PolicyType", policy_type), ("PolicyName", policy), ("UserName", user)];
    world.user("bob");
    let mut may = |params: &Params<'_>| world.may("alice", "AttachPolicyToUser", params);
    assert!(may(&attach("Custom", "gateways", "alice")));
    assert!(!may(&attach("Custom", "gateways", "bob")));
    assert!(!may(&attach("System", "AdministratorAccess", "alice")));
}

#[test]
fn without_a_name_a_user_acts_on_its_own_access_keys_and_needs_the_right_to() {
    let mut world = World::new();
    world.user("alice");
    world.user("bob");
    assert!(!world.may("alice", "CreateAccessKey", &[]));
    world.policy(
        "own-keys",
        r#"{"Effect":"Allow","Action":"ram:*AccessKey*","Resource":"acs:ram:*:*:user/alice"}"#,
    );
    world.attach("Custom", "own-keys", "alice");
    assert!(!world.may("alice", "CreateAccessKey", &[("UserName", "bob")]));
    let made = world.call_as(ram_user("alice"), "CreateAccessKey", &[]).unwrap();
    let listed = world.root("ListAccessKeys", &[("UserName", "alice")]);
    let key = &made["AccessKey"]["AccessKeyId"];
    assert_eq!(listed["AccessKeys"]["AccessKey"][0]["AccessKeyId"], *key);
    let root_key = world.root_key.id.to_string();
    let stolen = world.call_as(ram_user("alice"), "DeleteAccessKey", &[("UserAccessKeyId", &root_key)]);
    assert_eq!(stolen.unwrap_err().code(), "EntityNotExist.User.AccessKey");
    let own = [("UserAccessKeyId", key.as_str().unwrap())];
    world.call_as(ram_user("alice"), "DeleteAccessKey", &own).unwrap();
    assert_eq!(world.world.state.access_keys().count(), 1);
}

#[test]
fn the_secret_of_an_access_key_is_answered_once_and_sealed_in_the_store() {
    let mut world = World::new();
    world.user("alice");
    // Ram has no client tokens: nothing keeps the answer, and the same token makes another AccessKey.
    let params = [("UserName", "alice"), ("ClientToken", "t")];
    let made = world.root("CreateAccessKey", &params);
    let secret = made["AccessKey"]["AccessKeySecret"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 30);
    assert_eq!(made["AccessKey"]["Status"], "Active");
    assert_eq!(world.world.state.client_token_count(), 0);
    let made_key = world.world.state.access_keys().find(|key| key.id != world.root_key.id).unwrap();
    let record = Record::AccessKey(made_key.clone());
    let mut sealed = record.clone();
    for text in sealed.secrets_mut() {
        *text = Secret::new("sealed");
    }
    assert!(String::from_utf8(record.to_json()).unwrap().contains(&secret));
    assert!(!String::from_utf8(sealed.to_json()).unwrap().contains(&secret));
    for action in ["ListAccessKeys", "GetUser"] {
        assert!(!world.root(action, &[("UserName", "alice")]).to_string().contains(&secret));
    }
    assert_ne!(world.root("CreateAccessKey", &params)["AccessKey"]["AccessKeySecret"], Value::from(secret));
}

#[test]
fn an_access_key_can_be_switched_off_and_on_and_deleted() {
    let mut world = World::new();
    world.user("alice");
    let made = world.root("CreateAccessKey", &[("UserName", "alice")]);
    let id = made["AccessKey"]["AccessKeyId"].as_str().unwrap();
    for status in ["Inactive", "Active", "Inactive"] {
        world.root("UpdateAccessKey", &[("UserName", "alice"), ("UserAccessKeyId", id), ("Status", status)]);
        let listed = world.root("ListAccessKeys", &[("UserName", "alice")]);
        assert_eq!(listed["AccessKeys"]["AccessKey"][0]["Status"], status);
    }
    world.root("DeleteAccessKey", &[("UserName", "alice"), ("UserAccessKeyId", id)]);
    assert_eq!(world.root("ListAccessKeys", &[("UserName", "alice")])["AccessKeys"]["AccessKey"], json!([]));
    world.root("DeleteUser", &[("UserName", "alice")]);
}

#[test]
fn the_last_active_access_key_of_the_account_cannot_be_taken_away() {
    let mut world = World::new();
    let first = world.root_key.id.to_string();
    let off = [("UserAccessKeyId", first.as_str()), ("Status", "Inactive")];
    let on = [("UserAccessKeyId", first.as_str()), ("Status", "Active")];
    let last = ("DeleteConflict.Account.AccessKey".to_owned(), 409);
    assert_eq!(world.refused("DeleteAccessKey", &off[..1]), last);
    assert_eq!(world.refused("UpdateAccessKey", &off), last);
    world.root("UpdateAccessKey", &on);

    let second = world.root("CreateAccessKey", &[]);
    let second = second["AccessKey"]["AccessKeyId"].as_str().unwrap();
    world.root("UpdateAccessKey", &off);
    assert_eq!(world.refused("DeleteAccessKey", &[("UserAccessKeyId", second)]), last);
    world.root("DeleteAccessKey", &off[..1]);
    let left: Vec<String> = world.world.state.access_keys().map(|key| key.id.to_string()).collect();
    assert_eq!(left, [second]);
}

#[test]
fn a_user_has_at_most_two_access_keys_and_the_account_five() {
    let mut world = World::new();
    world.user("alice");
    for _ in 0..2 {
        world.root("CreateAccessKey", &[("UserName", "alice")]);
    }
    let full = ("LimitExceeded.User.AccessKey".to_owned(), 409);
    assert_eq!(world.refused("CreateAccessKey", &[("UserName", "alice")]), full);
    for _ in 1..5 {
        world.root("CreateAccessKey", &[]);
    }
    assert_eq!(world.refused("CreateAccessKey", &[]), full);
    assert_eq!(world.refused("DeleteUser", &[("UserName", "alice")]).0, "DeleteConflict.User.AccessKey");
}

#[test]
fn what_is_not_there_is_refused_by_its_name() {
    let mut world = World::new();
    world.user("alice");
    let nobody = [("UserName", "nobody")];
    for action in
        ["GetUser", "UpdateUser", "DeleteUser", "CreateAccessKey", "ListAccessKeys", "ListPoliciesForUser"]
    {
        assert_eq!(world.refused(action, &nobody), ("EntityNotExist.User".to_owned(), 404), "{action}");
    }
    let key = [("UserName", "alice"), ("UserAccessKeyId", "LTAInone"), ("Status", "Active")];
    for action in ["UpdateAccessKey", "DeleteAccessKey"] {
        assert_eq!(
            world.refused(action, &key),
            ("EntityNotExist.User.AccessKey".to_owned(), 404),
            "{action}"
        );
    }
    let impossible = [("UserAccessKeyId", "no key!"), ("Status", "Active")];
    assert_eq!(world.refused("UpdateAccessKey", &impossible).0, "EntityNotExist.User.AccessKey");
    let missing = ("EntityNotExist.Policy".to_owned(), 404);
    for policy_type in ["Custom", "System"] {
        let params = [("PolicyType", policy_type), ("PolicyName", "none"), ("UserName", "alice")];
        for action in ["GetPolicy", "AttachPolicyToUser", "DetachPolicyFromUser"] {
            assert_eq!(world.refused(action, &params), missing, "{action} {policy_type}");
        }
    }
    assert_eq!(world.refused("DeletePolicy", &[("PolicyName", "none")]), missing);
    assert_eq!(world.refused("DeletePolicy", &[("PolicyName", "ReadOnlyAccess")]), missing);
    let not_attached = [("PolicyType", "System"), ("PolicyName", "ReadOnlyAccess"), ("UserName", "alice")];
    assert_eq!(world.refused("DetachPolicyFromUser", &not_attached).0, "EntityNotExist.User.Policy");
}

#[test]
fn what_is_there_is_not_made_again() {
    let mut world = World::new();
    world.user("alice");
    world.policy("gateways", ALLOW_GATEWAYS);
    world.attach("Custom", "gateways", "alice");
    let document = r#"{"Version":"1","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let user = [("UserName", "alice")];
    assert_eq!(world.refused("CreateUser", &user), ("EntityAlreadyExists.User".to_owned(), 409));
    for name in ["gateways", "AdministratorAccess"] {
        let policy = [("PolicyName", name), ("PolicyDocument", document)];
        assert_eq!(world.refused("CreatePolicy", &policy), ("EntityAlreadyExists.Policy".to_owned(), 409));
    }
    let attachment = [("PolicyType", "Custom"), ("PolicyName", "gateways"), ("UserName", "alice")];
    let attached = ("EntityAlreadyExists.User.Policy".to_owned(), 409);
    assert_eq!(world.refused("AttachPolicyToUser", &attachment), attached);
}

#[test]
fn a_policy_that_cannot_be_understood_is_refused_with_the_place() {
    let mut world = World::new();
    let mut refusal = |document: &str| {
        let params = [("PolicyName", "p"), ("PolicyDocument", document)];
        world.call_as(Caller::Root, "CreatePolicy", &params).unwrap_err()
    };
    let error = refusal(r#"{"Version":"1","Statement":[{"Effect":"Maybe","Action":"*","Resource":"*"}]}"#);
    assert_eq!((error.code().as_ref(), error.status()), ("MalformedPolicyDocument", 400));
    assert_eq!(error.message(), "Statement[0].Effect: must be Allow or Deny.");
    assert!(refusal("{").message().starts_with("policy: must be well-formed JSON"));
    let error = refusal(&" ".repeat(6145));
    assert_eq!(error.code(), "InvalidParameter.PolicyDocument.Length");
    assert_eq!(error.message(), "The parameter - \"PolicyDocument\" beyond the length limit.");
}

#[test]
fn names_and_texts_that_cannot_be_are_refused() {
    let mut world = World::new();
    world.user("alice");
    let long = "x".repeat(129);
    let cases: [(&str, &Params<'_>, &str); 8] = [
        ("CreateUser", &[("UserName", "a b")], "InvalidParameter.UserName.InvalidChars"),
        ("CreateUser", &[("UserName", "*")], "InvalidParameter.UserName.InvalidChars"),
        ("CreateUser", &[("UserName", "b"), ("Comments", &long)], "InvalidParameter.Comments.Length"),
        ("CreateUser", &[("UserName", "b"), ("Email", "b")], "InvalidParameter.Email.Format"),
        ("CreateUser", &[("UserName", "b"), ("MobilePhone", "1")], "InvalidParameter.MobilePhone.Format"),
        ("CreateUser", &[], "MissingUserName"),
        (
            "CreatePolicy",
            &[("PolicyName", "a.b"), ("PolicyDocument", "{}")],
            "InvalidParameter.PolicyName.InvalidChars",
        ),
        ("GetPolicy", &[("PolicyName", "a"), ("PolicyType", "Other")], "InvalidParameter.PolicyType"),
    ];
    for (action, params, code) in cases {
        assert_eq!(world.refused(action, params), (code.to_owned(), 400), "{action}");
    }
    let scoped = [
        ("PolicyType", "System"),
        ("PolicyName", "ReadOnlyAccess"),
        ("UserName", "alice"),
        ("ResourceGroupId", "rg-1"),
    ];
    assert_eq!(world.refused("AttachPolicyToUser", &scoped).0, "InvalidResourceGroupId");
}

#[test]
fn a_user_with_another_name_keeps_its_id_its_access_keys_and_its_policies() {
    let mut world = World::new();
    world.user("alice");
    world.user("carol");
    world.attach("System", "AliyunVPCFullAccess", "alice");
    world.root("CreateAccessKey", &[("UserName", "alice")]);
    let before = world.root("GetUser", &[("UserName", "alice")]);
    let taken = [("UserName", "alice"), ("NewUserName", "carol")];
    assert_eq!(world.refused("UpdateUser", &taken).0, "EntityAlreadyExists.User");
    let change = [("UserName", "alice"), ("NewUserName", "alicia"), ("NewComments", "renamed")];
    let answer = world.root("UpdateUser", &change);
    assert_eq!(answer["User"]["UserId"], before["User"]["UserId"]);
    assert_eq!(answer["User"]["Comments"], "renamed");
    assert_eq!(world.refused("GetUser", &[("UserName", "alice")]).0, "EntityNotExist.User");
    let keys = world.root("ListAccessKeys", &[("UserName", "alicia")]);
    assert_eq!(keys["AccessKeys"]["AccessKey"].as_array().unwrap().len(), 1);
    assert!(world.may("alicia", "CreateCustomerGateway", &GATEWAY));
    assert!(!world.may("alice", "CreateCustomerGateway", &GATEWAY));
    assert!(
        world
            .world
            .state
            .access_keys()
            .all(|key| key.caller() == Caller::Root || key.caller() == ram_user("alicia"))
    );
}

#[test]
fn lists_are_answered_in_parts_that_together_are_the_list() {
    let mut world = World::new();
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        world.user(name);
    }
    for max_items in ["1", "2", "5", "100"] {
        let (mut seen, mut marker) = (Vec::new(), String::new());
        loop {
            let answer = world.root("ListUsers", &[("MaxItems", max_items), ("Marker", &marker)]);
            let users = answer["Users"]["User"].as_array().unwrap();
            seen.extend(users.iter().map(|user| user["UserName"].as_str().unwrap().to_owned()));
            assert_eq!(answer["IsTruncated"], Value::from(answer.get("Marker").is_some()));
            let Some(next) = answer.get("Marker") else { break };
            marker = next.as_str().unwrap().to_owned();
        }
        assert_eq!(seen, names);
    }
    assert_eq!(world.refused("ListUsers", &[("MaxItems", "0")]).0, "InvalidMaxItems");
}

#[test]
fn policies_are_listed_by_type_and_tag_with_how_often_they_are_attached() {
    let mut world = World::new();
    world.user("alice");
    let document = format!(r#"{{"Version":"1","Statement":[{ALLOW_GATEWAYS}]}}"#);
    let tagged = [
        ("PolicyName", "gateways"),
        ("PolicyDocument", &document),
        ("Tag.1.Key", "team"),
        ("Tag.1.Value", "net"),
    ];
    world.root("CreatePolicy", &tagged);
    world.attach("Custom", "gateways", "alice");
    world.attach("System", "ReadOnlyAccess", "alice");
    let mut names = |params: &Params<'_>| -> Vec<String> {
        let answer = world.root("ListPolicies", params);
        let policies = answer["Policies"]["Policy"].as_array().unwrap();
        policies
            .iter()
            .map(|policy| format!("{} {}", policy["PolicyName"], policy["AttachmentCount"]))
            .collect()
    };
    assert_eq!(names(&[("PolicyType", "Custom")]), ["\"gateways\" 1"]);
    assert_eq!(names(&[("Tag.1.Key", "team")]), ["\"gateways\" 1"]);
    let system = [
        "\"AdministratorAccess\" 0",
        "\"AliyunSTSAssumeRoleAccess\" 0",
        "\"AliyunVPCFullAccess\" 0",
        "\"AliyunVPCReadOnlyAccess\" 0",
        "\"ReadOnlyAccess\" 1",
    ];
    assert_eq!(names(&[("PolicyType", "System")]), system);
    assert_eq!(names(&[]).len(), 6);
    let shown = world.root("GetPolicy", &[("PolicyType", "Custom"), ("PolicyName", "gateways")]);
    assert_eq!(shown["Policy"]["AttachmentCount"], 1);
    assert_eq!(shown["DefaultPolicyVersion"]["PolicyDocument"], Value::from(document));
}

#[test]
fn there_is_a_bound_on_users_policies_and_attachments() {
    let mut world = World::new();
    world.user("alice");
    world.policy("p", ALLOW_GATEWAYS);
    let user = world.world.state.ram_user("alice").unwrap().clone();
    let policy = world.world.state.ram_policy("p").unwrap().clone();
    for number in 1..1500 {
        let name = format!("p{number}");
        let put = Record::RamPolicy(RamPolicy { name: name.clone(), ..policy.clone() });
        world.world.state.apply(&[Change::Put(put)]);
        if number < 1000 {
            world.world.state.apply(&[Change::Put(Record::RamUser(RamUser { name, ..user.clone() }))]);
        }
    }
    let document = format!(r#"{{"Version":"1","Statement":[{ALLOW_GATEWAYS}]}}"#);
    let params = [("PolicyName", "more"), ("PolicyDocument", document.as_str())];
    assert_eq!(world.refused("CreatePolicy", &params), ("LimitExceeded.Policy".to_owned(), 409));
    assert_eq!(world.refused("CreateUser", &[("UserName", "more")]), ("LimitExceeded.User".to_owned(), 409));
    for number in 1..=20 {
        world.attach("Custom", &format!("p{number}"), "alice");
    }
    let params = [("PolicyType", "Custom"), ("PolicyName", "p"), ("UserName", "alice")];
    assert_eq!(world.refused("AttachPolicyToUser", &params), ("LimitExceeded.User.Policy".to_owned(), 409));
}

#[test]
fn users_policies_and_access_keys_are_read_as_they_were_written() {
    let mut world = World::new();
    world.user("alice");
    world.policy("gateways", ALLOW_GATEWAYS);
    world.attach("Custom", "gateways", "alice");
    world.root("CreateAccessKey", &[("UserName", "alice")]);
    assert_eq!(world.world.restored(), world.world.state);
}
