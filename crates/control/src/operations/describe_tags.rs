//! `DescribeTags`: lists tags.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{TagMaxResults, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation};
use crate::operations::tagging::{self, ResourceType};
use crate::page;
use crate::permission::Permission;
use crate::resource::tag::{self, TagFilter};
use crate::tx::Tx;

/// See the module.
pub struct DescribeTags;

/// Lists each tag that a resource of the region has, once: of one kind of resource or of all, of those that are named
/// or of all, and of those that have all of the tags that are asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// How many tags at once: 50 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub max_result: Option<TagMaxResults>,
    /// Where the answer before ended.
    #[serde(default, deserialize_with = "optional")]
    pub next_token: Option<String>,
    /// The region of the resources.
    pub region_id: RegionId,
    /// Only these resources.
    #[serde(default)]
    pub resource_id: Vec<String>,
    /// What they are.
    #[serde(default, deserialize_with = "optional")]
    pub resource_type: Option<ResourceType>,
    /// Only resources with all of these tags.
    #[serde(default)]
    pub tag: Vec<TagFilter>,
}

/// Some of them, and where the next ones begin.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    tag_resources: TagListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TagListView {
    tag_resource: Vec<TagView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TagView {
    tag_key: String,
    tag_value: String,
}

impl Operation for DescribeTags {
    const NAME: &'static str = "DescribeTags";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        tagging::permission("vpc:DescribeTags", request.resource_type, &request.resource_id)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tag::check_filters(&request.tag)?;
        let mut tagged =
            tagging::tagged(tx.state(), &request.region_id, request.resource_type, &request.resource_id)?;
        tagged.retain(|(_, tags)| tag::matches(tags, &request.tag));
        let tags: BTreeSet<(&String, &String)> = tagged.into_iter().flat_map(|(_, tags)| tags).collect();
        // A key has no control characters, so that the names are in the order of the tags.
        let name = |(key, value): &(&String, &String)| format!("{key}\u{1}{value}");
        let max_results = request.max_result.unwrap_or_default().get();
        let tags: Vec<_> = tags.into_iter().collect();
        let (tags, next_token) = page::after(tags, request.next_token.as_deref(), max_results, name);
        let view =
            |(key, value): (&String, &String)| TagView { tag_key: key.clone(), tag_value: value.clone() };
        Ok(Response {
            next_token,
            tag_resources: TagListView { tag_resource: tags.into_iter().map(view).collect() },
        })
    }
}
