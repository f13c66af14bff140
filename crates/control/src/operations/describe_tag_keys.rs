//! `DescribeTagKeys`: lists the keys of tags.

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
use crate::tx::Tx;

/// See the module.
pub struct DescribeTagKeys;

/// Lists each key that a resource of the region has, once: of one kind of resource or of all, of those that are named
/// or of all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Only keys with this text in them.
    #[serde(default)]
    pub keyword: Option<String>,
    /// How many keys at once: 50 unless it is given.
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
}

/// Some of them, and where the next ones begin.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    tag_keys: TagKeyListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TagKeyListView {
    tag_key: Vec<TagKeyView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TagKeyView {
    tag_key: String,
    r#type: TagType,
}

/// Who gave a tag. There are none but the account's own.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
enum TagType {
    Custom,
}

impl Operation for DescribeTagKeys {
    const NAME: &'static str = "DescribeTagKeys";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        tagging::permission("vpc:DescribeTagKeys", request.resource_type, &request.resource_id)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let tagged =
            tagging::tagged(tx.state(), &request.region_id, request.resource_type, &request.resource_id)?;
        let wanted = |key: &&String| request.keyword.as_ref().is_none_or(|word| key.contains(word.as_str()));
        let keys: BTreeSet<&String> =
            tagged.into_iter().flat_map(|(_, tags)| tags.keys()).filter(wanted).collect();
        let max_results = request.max_result.unwrap_or_default().get();
        let keys: Vec<&String> = keys.into_iter().collect();
        let (keys, next_token) =
            page::after(keys, request.next_token.as_deref(), max_results, |key| (*key).clone());
        let view = |key: &String| TagKeyView { tag_key: key.clone(), r#type: TagType::Custom };
        Ok(Response {
            next_token,
            tag_keys: TagKeyListView { tag_key: keys.into_iter().map(view).collect() },
        })
    }
}
