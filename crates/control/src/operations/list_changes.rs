//! `ListChanges`: who changed what.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{ApiError, ErrorCode};
use crate::fields::{MaxResults, UtcTime, optional};
use crate::ids::{RegionId, RequestId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::recorded_change::difference::{Json, Member, is_secret};
use crate::recorded_change::inverse::view_name;
use crate::recorded_change::{CallerKind, Effect, RecordedChange, Touched};
use crate::tx::Tx;

/// See the module.
pub struct ListChanges;

/// Lists what requests changed, the newest first. With `ResourceId` or `RegionId`, only what they changed of that
/// resource or in that region is shown, and permission for that is enough; what has no region, such as a RAM user, is
/// shown to who asks for all regions. Pages are stable: what changes meanwhile comes before the first page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Only changes in this region.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
    /// Only changes of this resource: the id of a customer gateway, or of a connection or a VPN gateway with its
    /// routes, or the name of a RAM user or of a RAM policy.
    #[serde(default, deserialize_with = "optional")]
    pub resource_id: Option<String>,
    /// Only the change of this request.
    #[serde(default, deserialize_with = "optional")]
    pub change_request_id: Option<RequestId>,
    /// Only changes by this operation. `Action` itself is the operation that is called.
    #[serde(default, deserialize_with = "optional")]
    pub change_action: Option<String>,
    /// Only changes by this RAM user, by this role session (`role/session`), or by the account itself (its id).
    #[serde(default, deserialize_with = "optional")]
    pub caller: Option<String>,
    /// Only changes from then on.
    #[serde(default, deserialize_with = "optional")]
    pub start_time: Option<UtcTime>,
    /// Only changes before then.
    #[serde(default, deserialize_with = "optional")]
    pub end_time: Option<UtcTime>,
    /// How many at once: 20 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub max_results: Option<MaxResults>,
    /// Where the answer before ended.
    #[serde(default, deserialize_with = "optional")]
    pub next_token: Option<String>,
}

/// Some of them, and where the next ones begin.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    changes: Vec<ChangeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct ChangeView {
    action: String,
    /// The account, the RAM user, or role and session.
    caller: String,
    caller_type: CallerKind,
    /// The request that made the change.
    change_request_id: RequestId,
    /// UTC.
    create_time: String,
    /// How many resources were changed; the first 100 are shown.
    resource_count: i32,
    resources: Vec<ResourceView>,
    source_ip: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct ResourceView {
    effect: Effect,
    members: Vec<MemberView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region_id: Option<RegionId>,
    resource_id: String,
    resource_type: String,
}

/// One member before and after; what is not there has no value. Of a secret it is only said that it changed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct MemberView {
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<SecretChange>,
}

/// What is told of a secret.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum SecretChange {
    /// It is another one, or came or went with its resource.
    Changed,
}

/// How many resources of one change are shown.
const RESOURCES_SHOWN_MAX: usize = 100;

impl Operation for ListChanges {
    const NAME: &'static str = "ListChanges";
    const PRODUCT: Product = Product::Causeway;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        let resource = request.resource_id.as_deref();
        let target = resource.and_then(|id| {
            let connection = id.parse().map(Target::VpnConnection);
            let gateway = || id.parse().map(Target::VpnGateway);
            connection
                .or_else(|_other| gateway())
                .or_else(|_other| id.parse().map(Target::CustomerGateway))
                .ok()
        });
        Permission::on("causeway:ListChanges", target.unwrap_or(Target::Anything))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let before = match request.next_token.as_deref().map(RecordedChange::revision_of) {
            Some(Some(revision)) => revision,
            Some(None) => return Err(ApiError::invalid("NextToken", "the NextToken of an answer before")),
            None => u64::MAX,
        };
        let max = usize::try_from(request.max_results.unwrap_or_default().get()).unwrap_or(usize::MAX);
        let account = tx.account_id().as_str();
        let changes = tx.state().recorded_changes_before(before).rev();
        let mut found = changes.filter(|change| request.asks_for(change, account));
        let page: Vec<&RecordedChange> = found.by_ref().take(max).collect();
        let next_token = found.next().and_then(|_more| page.last()).map(|last| last.id());
        let changes = page.into_iter().map(|change| request.view(change, account)).collect();
        Ok(Response { changes, next_token })
    }
}

impl Request {
    fn asks_for(&self, change: &RecordedChange, account: &str) -> bool {
        let is = |wanted: &Option<String>, it: &str| wanted.as_ref().is_none_or(|wanted| wanted == it);
        self.change_request_id.as_ref().is_none_or(|id| *id == change.request_id)
            && is(&self.change_action, &change.action)
            && is(&self.caller, caller(change, account))
            && self.start_time.is_none_or(|start| change.at_ms >= start.ms())
            && self.end_time.is_none_or(|end| change.at_ms < end.ms())
            && change.touched.iter().any(|touched| self.shows(touched))
    }

    fn shows(&self, touched: &Touched) -> bool {
        self.resource_id.as_ref().is_none_or(|id| touched.is_of(id))
            && (self.region_id.is_none() || touched.region == self.region_id)
    }

    fn view(&self, change: &RecordedChange, account: &str) -> ChangeView {
        let shown: Vec<&Touched> = change.touched.iter().filter(|touched| self.shows(touched)).collect();
        ChangeView {
            action: change.action.clone(),
            caller: caller(change, account).to_owned(),
            caller_type: change.caller.kind,
            change_request_id: change.request_id.clone(),
            create_time: format_timestamp(change.at_ms),
            resource_count: crate::page::count(shown.len()),
            resources: shown.into_iter().take(RESOURCES_SHOWN_MAX).map(resource).collect(),
            source_ip: change.source_ip.to_string(),
        }
    }
}

fn caller<'c>(change: &'c RecordedChange, account: &'c str) -> &'c str {
    if change.caller.kind == CallerKind::Account { account } else { &change.caller.name }
}

fn resource(touched: &Touched) -> ResourceView {
    let mut members = Vec::new();
    for member in &touched.members {
        show(member, &mut members);
    }
    ResourceView {
        effect: touched.effect(),
        members,
        region_id: touched.region.clone(),
        resource_id: touched.id.clone(),
        resource_type: touched.kind.clone(),
    }
}

/// A member, or the members of the record that came or went.
fn show(member: &Member, members: &mut Vec<MemberView>) {
    let (before, after) = (member.before.as_ref().map(Json::value), member.after.as_ref().map(Json::value));
    let mut pointers = Vec::new();
    for value in before.iter().chain(&after) {
        leaves(String::new(), value, &mut pointers);
    }
    pointers.sort();
    pointers.dedup();
    for pointer in pointers {
        let at = |value: &Option<Value>| value.as_ref().and_then(|value| value.pointer(&pointer)).cloned();
        let full = format!("{}{pointer}", member.pointer);
        let hidden = [at(&before), at(&after)].iter().flatten().any(|value| is_secret(&full, value));
        let text = |value: Option<Value>| value.filter(|_| !hidden).map(text);
        members.push(MemberView {
            after: text(at(&after)),
            before: text(at(&before)),
            name: view_name(&full),
            secret: hidden.then_some(SecretChange::Changed),
        });
    }
}

fn leaves(pointer: String, value: &Value, pointers: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(elements) if elements.iter().any(Value::is_object) => {
            elements.iter().enumerate().map(|(position, value)| (position.to_string(), value)).collect()
        }
        // What is empty says nothing where a whole record is shown.
        Value::Null => return,
        _ => return pointers.push(pointer),
    };
    for (name, value) in children {
        leaves(format!("{pointer}/{name}"), value, pointers);
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
