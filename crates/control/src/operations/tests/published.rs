//! Holds the structures of each operation against the published description of the API: names, types, which
//! parameters are required, members at every depth, enumerations and bounds.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::Common;
use crate::core::tests::captures::published;
use crate::operation::{self, Entry, Kind, Product};
use crate::operations::cbn;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

/// What this server takes beyond the published parameters, as `Operation: Parameter.Member`.
const EXTENSIONS: &[&str] = &[
    // Terraform sends it, although no SDK declares it.
    "CreateVpnAttachment: TunnelOptionsSpecification.Role",
    "ModifyVpnAttachmentAttribute: TunnelOptionsSpecification.Role",
    // One structure describes the tunnels of both operations; on creation the id has no effect.
    "CreateVpnAttachment: TunnelOptionsSpecification.TunnelId",
    "CreateVpnConnection: TunnelOptionsSpecification.TunnelId",
    // What one of the two kinds of connections has, the other takes as well.
    "CreateVpnConnection: TunnelOptionsSpecification.TunnelIndex",
    "ModifyVpnConnectionAttribute: TunnelOptionsSpecification.TunnelIndex",
    "ModifyVpnConnectionAttribute answers VcoHealthCheck.Policy",
    "CreateVpnAttachment: TunnelOptionsSpecification.RemoteCaCertificate",
    "ModifyVpnAttachmentAttribute: TunnelOptionsSpecification.RemoteCaCertificate",
    // A list shows of each connection what its description shows.
    "DescribeVpnConnections answers VpnConnections.VpnConnection.VpnBgpConfig.EnableBgp",
    // The peer's configuration in the language of its vendor.
    "DownloadVpnConnectionConfig: Vendor",
    "DownloadVpnConnectionConfig answers VendorConfig",
];

/// Words that this server takes beyond those of an enumeration: algorithms that are better than the published ones, and
/// resources with tags that the description is not about.
const EXTENSION_WORDS: &[&str] =
    &["aes128gcm", "aes192gcm", "aes256gcm", "group19", "group31", "VPC", "VSWITCH"];

/// Errors that the page of an operation has otherwise than its siblings' pages, or that cannot happen here: `Operation: Code`.
const DIFFERENT_ERRORS: &[&str] = &[
    // 400 on this page, 500 and 404 on all others.
    "DeleteEnhancedVpnGateway: InternalError",
    "DeleteEnhancedVpnGateway: InvalidVpnGatewayInstanceId.NotFound",
    // There is no elastic address to operate on.
    "DeleteEnhancedVpnGateway: TaskConflict",
    // Forbbiden.SubUser everywhere else.
    "DeleteEnhancedVpnGateway: Forbidden.SubUser",
];

/// Parameters of every operation, whether its page lists them or not.
const COMMON: &[&str] =
    &["ClientToken", "DryRun", "OwnerAccount", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId"];

/// Not in the description: it belongs to another service. The members are those that the service answers.
const NOT_DESCRIBED: &[&str] = &["AssumeRole", "GetCallerIdentity"];

/// Parameters that are published as required, and that this server does without, as `Operation: Parameter`.
const NOT_REQUIRED: &[&str] = &[
    // Terraform does not send it unless somebody configures it.
    "CreateTransitRouterVpnAttachment: VpnOwnerId",
];

/// The operations of Ram are not described either, and of Cbn only some; they have tables of their own.
fn is_described(entry: &Entry) -> bool {
    let elsewhere = match entry.product {
        Product::Ram | Product::Causeway => true,
        Product::Cbn => cbn::tests::schemas::is_declared(entry.name),
        Product::Vpc if super::networks::is_declared(entry.name) => true,
        Product::Vpc | Product::Sts => NOT_DESCRIBED.contains(&entry.name),
    };
    !elsewhere
}

fn description() -> Value {
    published("vpn-gateway-2016-04-28.json")
}

fn described(description: &Value, entry: &Entry) -> Value {
    match entry.product {
        Product::Vpc => description["operations"][entry.name].clone(),
        Product::Ram | Product::Causeway => Value::Null,
        Product::Cbn | Product::Sts => description["adjacent_operations"]
            .as_array()
            .unwrap()
            .iter()
            .find(|operation| operation["name"] == entry.name)
            .cloned()
            .unwrap_or_default(),
    }
}

/// The error codes that the description lists for an operation.
pub(super) fn published_errors(entry: &Entry) -> Vec<String> {
    let described = described(&description(), entry);
    let errors = described["errors"].as_array().cloned().unwrap_or_default();
    let code = |error: &Value| match error["code"].as_str().unwrap() {
        // Some pages spell it as one would.
        "Forbidden.SubUser" => "Forbbiden.SubUser".to_owned(),
        code => code.to_owned(),
    };
    let is_ours = |code: &String| !DIFFERENT_ERRORS.contains(&format!("{}: {code}", entry.name).as_str());
    errors.iter().map(code).filter(is_ours).collect()
}

/// What is found to differ.
#[derive(Default)]
struct Report(Vec<String>);

impl Report {
    fn check(&mut self, holds: bool, what: impl Fn() -> String) {
        if !holds {
            self.0.push(what());
        }
    }
}

/// The schema without references and without the possibility of being absent.
fn plain(schema: &Value, root: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return plain(root.pointer(reference.trim_start_matches('#')).unwrap(), root);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let there: Vec<&Value> = choices.iter().filter(|choice| choice["type"] != "null").collect();
        assert_eq!(there.len(), 1, "{schema}");
        return plain(there[0], root);
    }
    let mut schema = schema.clone();
    if let Some(types) = schema["type"].as_array() {
        schema["type"] = types.iter().find(|name| **name != "null").unwrap().clone();
    }
    // The words of an enumeration whose variants have documentation are one by one.
    if let Some(variants) = schema["oneOf"].as_array() {
        let words: Vec<Value> = variants.iter().map(|variant| variant["const"].clone()).collect();
        schema = json!({ "type": "string", "enum": words });
    }
    if let Some(words) = schema["enum"].as_array() {
        schema["enum"] = words.iter().filter(|word| !word.is_null()).cloned().collect();
    }
    schema
}

fn type_matches(published: &str, schema: &Value, is_answer: bool) -> bool {
    let wide = matches!(schema["format"].as_str(), Some("int64" | "uint64"));
    match published {
        "String" => schema["type"] == "string",
        "Boolean" => schema["type"] == "boolean",
        "Array" => schema["type"] == "array",
        "Object" => schema["type"] == "object",
        // A client may keep an Integer in 32 bits, so that an answer must not need more.
        "Integer" => schema["type"] == "integer" && !(is_answer && wide),
        "Long" => schema["type"] == "integer" && (wide || !is_answer),
        other => panic!("the description has a type {other}"),
    }
}

struct Members<'a> {
    /// Operation and where in it, for the report.
    place: String,
    published: &'a [Value],
    schema: Value,
    root: &'a Value,
    is_answer: bool,
}

fn check_members(members: &Members<'_>, extensions: &mut BTreeSet<String>, report: &mut Report) {
    let Members { place, published, schema, root, is_answer } = members;
    let none = serde_json::Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let required: BTreeSet<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut names = BTreeSet::new();
    for member in *published {
        let name = member["name"].as_str().unwrap();
        names.insert(name);
        let Some(property) = properties.get(name) else {
            report.check(false, || format!("{place}{name} is not there"));
            continue;
        };
        if !is_answer && member["required"].is_boolean() {
            let place_and_name = format!("{place}{name}");
            let needed = member["required"] == true && !NOT_REQUIRED.contains(&place_and_name.as_str());
            report
                .check(required.contains(name) == needed, || format!("{place}{name}: required is {needed}"));
        }
        check_member(members, member, &plain(property, root), extensions, report);
    }
    for name in properties.keys().filter(|name| !names.contains(name.as_str())) {
        extensions.insert(format!("{place}{name}"));
    }
}

fn check_member(
    members: &Members<'_>,
    member: &Value,
    schema: &Value,
    extensions: &mut BTreeSet<String>,
    report: &mut Report,
) {
    let Members { place, root, is_answer, .. } = members;
    let name = member["name"].as_str().unwrap();
    let published = member["type"].as_str().unwrap();
    report.check(type_matches(published, schema, *is_answer), || {
        format!("{place}{name} is {published}, and here {schema}")
    });
    if let (Some(words), Some(ours)) = (member["enum"].as_array(), schema["enum"].as_array()) {
        let words: BTreeSet<String> = words.iter().map(Value::to_string).collect();
        let is_extension = |word: &Value| EXTENSION_WORDS.iter().any(|extension| word == extension);
        let ours = ours.iter().filter(|word| words.contains(&word.to_string()) || !is_extension(word));
        let ours: BTreeSet<String> = ours.map(Value::to_string).collect();
        // An answer need not use every word; a request must accept every one, and no other.
        let holds = if *is_answer { ours.is_subset(&words) } else { ours == words };
        report.check(holds, || format!("{place}{name} is one of {words:?}, and here {ours:?}"));
    }
    for (bound, ours) in [("min", "minimum"), ("max", "maximum")] {
        if published != "String" && member[bound].is_number() && schema[ours].is_number() {
            report.check(member[bound] == schema[ours], || {
                format!("{place}{name}: {bound} is {}, and here {}", member[bound], schema[ours])
            });
        }
    }
    if published == "Array" && member["item_type"] == "String" {
        report.check(plain(&schema["items"], root)["type"] == "string", || format!("{place}{name}: strings"));
    }
    if let Some(inner) = member["members"].as_array() {
        let object = if published == "Array" { plain(&schema["items"], root) } else { schema.clone() };
        report.check(object["type"] == "object", || format!("{place}{name} has members, and here {object}"));
        let inner =
            Members { place: format!("{place}{name}."), published: inner, schema: object, ..*members };
        check_members(&inner, extensions, report);
    }
}

fn schema_of<T: JsonSchema>() -> Schema {
    SchemaGenerator::default().into_root_schema_for::<T>()
}

/// What an operation takes: its own parameters and those that all have in common.
fn request_schema(entry: &Entry) -> Value {
    let mut schema = entry.request_schema().to_value();
    let common = schema_of::<Common>().to_value();
    for (name, property) in common["properties"].as_object().unwrap() {
        schema["properties"][name] = property.clone();
    }
    schema
}

#[test]
fn every_operation_takes_and_answers_what_is_published() {
    let description = description();
    let mut report = Report::default();
    let mut extensions = BTreeSet::new();
    for entry in operation::all().iter().filter(|entry| is_described(entry)) {
        let published = described(&description, entry);
        let request = request_schema(entry);
        let members = Members {
            place: format!("{}: ", entry.name),
            published: published["parameters"].as_array().expect(entry.name),
            schema: request.clone(),
            root: &request,
            is_answer: false,
        };
        check_members(&members, &mut extensions, &mut report);
        let response = entry.response_schema().to_value();
        let without_request_id: Vec<Value> = published["response"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|member| member["name"] != "RequestId")
            .cloned()
            .collect();
        let members = Members {
            place: format!("{} answers ", entry.name),
            published: &without_request_id,
            schema: response.clone(),
            root: &response,
            is_answer: true,
        };
        check_members(&members, &mut extensions, &mut report);
    }
    extensions.retain(|extension| !COMMON.iter().any(|name| extension.ends_with(&format!(": {name}"))));
    let known: BTreeSet<String> = EXTENSIONS.iter().map(ToString::to_string).collect();
    for extension in extensions.symmetric_difference(&known) {
        report.check(false, || {
            format!("{extension} is beyond the description and not listed here, or the reverse")
        });
    }
    assert!(report.0.is_empty(), "\n{}", report.0.join("\n"));
}

#[test]
fn every_operation_has_the_published_rate_limit() {
    let description = description();
    for entry in operation::all() {
        let published = &described(&description, entry)["rate_limit"];
        match entry.rate_limit {
            Some(limit) if !published.is_null() => {
                assert_eq!(published["requests"], limit.requests, "{}", entry.name);
                assert_eq!(published["per_seconds"], limit.per_seconds, "{}", entry.name);
            }
            // That of Sts is on a page of its own; the siblings of the other have 60 in 60 seconds.
            Some(limit) => {
                let known = [("AssumeRole", 6000), ("CreateVcoRouteEntry", 60)];
                assert!(known.contains(&(entry.name, limit.requests)), "{}", entry.name);
            }
            None => assert!(published.is_null(), "{}: {published}", entry.name),
        }
    }
}

#[test]
fn every_published_error_has_its_status_and_sentence() {
    let description = description();
    let mut checked = BTreeMap::new();
    for entry in operation::all() {
        let published = described(&description, entry);
        for error in published["errors"].as_array().into_iter().flatten() {
            // Some pages spell it as one would.
            let code = match error["code"].as_str().unwrap() {
                "Forbidden.SubUser" => "Forbbiden.SubUser",
                code => code,
            };
            if DIFFERENT_ERRORS.contains(&format!("{}: {code}", entry.name).as_str()) {
                continue;
            }
            let ours = crate::catalogue::ALL.iter().find(|ours| ours.code == code);
            let ours = ours.unwrap_or_else(|| panic!("{}: {code}", entry.name));
            assert_eq!(error["http"], ours.status, "{}: {code}", entry.name);
            // Of one sentence some pages leave out the full stop.
            let published = error["message"].as_str().unwrap();
            let sentence = |text: &str| text.trim_end_matches('.').to_owned();
            assert_eq!(sentence(published), sentence(ours.message), "{}: {code}", entry.name);
            let access = code.starts_with("Forb");
            assert!(access || entry.errors.contains(ours), "{} does not list {code}", entry.name);
            checked.insert(code.to_owned(), entry.name);
        }
    }
    for code in ["Resource.QuotaFull", "VpnRouteEntry.Conflict", "Forbbiden.SubUser", "Forbidden"] {
        assert!(checked.contains_key(code), "{code}");
    }
    for published in description["gateway_errors"].as_array().unwrap() {
        let Some(ours) = crate::catalogue::ALL.iter().find(|ours| published["code"] == ours.code) else {
            continue;
        };
        if published["http"].is_number() {
            assert_eq!(published["http"], ours.status, "{}", ours.code);
        }
        if published["message"].is_string() {
            assert_eq!(published["message"], ours.message, "{}", ours.code);
        }
    }
}

/// Reads that the description calls actions by their verb. Their pages ask for the permission to read.
const READS_BY_ANOTHER_VERB: &[&str] = &["DiagnoseVpnConnections"];

#[test]
fn every_read_is_published_as_one() {
    let description = description();
    for entry in operation::all().iter().filter(|entry| entry.product == Product::Vpc && is_described(entry))
    {
        let kind = &described(&description, entry)["kind"];
        let is_read = kind == "read" || (kind == "action" && READS_BY_ANOTHER_VERB.contains(&entry.name));
        assert_eq!(is_read, entry.kind == Kind::Read, "{}: {kind}", entry.name);
    }
}

#[test]
fn an_action_is_found_in_its_version_only() {
    let found = operation::find("2016-04-28", "DeleteVcoRouteEntry").unwrap();
    assert_eq!(found.name, "DeleteVcoRouteEntry");
    let version = operation::find("2014-05-26", "DeleteVcoRouteEntry").err().unwrap();
    assert_eq!(version.code(), "InvalidVersion");
    assert_eq!(version.message(), "Specified parameter Version is not valid.");
    assert!(version.recommend().contains("2016-04-28"));
    let action = operation::find("2016-04-28", "DeleteEverything").err().unwrap();
    assert_eq!((action.code().as_ref(), action.status()), ("InvalidAction.NotFound", 404));
    let mut names: Vec<_> = operation::all().iter().map(|entry| (entry.product, entry.name)).collect();
    names.dedup();
    assert_eq!(names.len(), operation::all().len());
}
