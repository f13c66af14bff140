//! `ListPolicies`: lists the RAM policies.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{MaxItems, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_policy::{self, NamedPolicy, PolicyType, PolicyView};
use crate::resource::tag::{self, TagFilter, Tags};
use crate::tx::Tx;

/// See the module.
pub struct ListPolicies;

/// Lists the RAM policies by name: those of the account and those that every account has.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Only those of this type.
    #[serde(default, deserialize_with = "optional")]
    pub policy_type: Option<PolicyType>,
    /// Only those with all of these tags.
    #[serde(default)]
    pub tag: Vec<TagFilter>,

    /// Where to go on: the `Marker` of the answer before.
    #[serde(default, deserialize_with = "optional")]
    pub marker: Option<String>,
    /// How many at once: 100 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub max_items: Option<MaxItems>,
}

/// Some of them, and where to go on.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
    policies: PolicyListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct PolicyListView {
    policy: Vec<ListedPolicyView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct ListedPolicyView {
    #[serde(flatten)]
    policy: PolicyView,
    attachment_count: i32,
    tags: PolicyTagListView,
    update_date: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct PolicyTagListView {
    tag: Vec<PolicyTagView>,
}

/// Ram calls the members of a tag otherwise than Vpc.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct PolicyTagView {
    tag_key: String,
    tag_value: String,
}

impl ListedPolicyView {
    fn new(policy: &NamedPolicy<'_>, attached: usize) -> Self {
        let tags = policy.tags.into_iter().flatten();
        let tag = tags.map(|(key, value)| PolicyTagView { tag_key: key.clone(), tag_value: value.clone() });
        Self {
            policy: PolicyView::from(policy),
            attachment_count: i32::try_from(attached).unwrap_or(i32::MAX),
            tags: PolicyTagListView { tag: tag.collect() },
            update_date: format_timestamp(policy.updated_ms),
        }
    }
}

impl Operation for ListPolicies {
    const NAME: &'static str = "ListPolicies";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::INVALID_POLICY_TYPE];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("ram:ListPolicies", Target::RamPolicies)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tag::check_filters(&request.tag)?;
        let none = Tags::new();
        let wanted = |policy: &NamedPolicy<'_>| {
            request.policy_type.is_none_or(|policy_type| policy_type == policy.policy_type)
                && tag::matches(policy.tags.unwrap_or(&none), &request.tag)
        };
        let policies = ram_policy::all(tx.state()).into_iter().filter(wanted);
        let (policies, marker) =
            ram::part(policies, |policy| policy.name, request.marker.as_deref(), request.max_items);
        let counts = ram_policy::attachment_counts(tx.state());
        let view = |policy: NamedPolicy<'_>| {
            let attached = counts.get(&(policy.policy_type, policy.name)).copied().unwrap_or_default();
            ListedPolicyView::new(&policy, attached)
        };
        let policy = policies.into_iter().map(view).collect();
        Ok(Response { is_truncated: marker.is_some(), marker, policies: PolicyListView { policy } })
    }
}
