//! `ListTagResources`: lists the tags of resources of Ram.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{MaxResults, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram::tagging::{self, ResourceType};
use crate::page;
use crate::permission::Permission;
use crate::resource::tag::{self, TagFilter};
use crate::tx::Tx;

/// See the module.
pub struct ListTagResources;

/// Lists the tags of the resources of one kind: of those that are named, and of those that have all of the tags that are
/// asked for. Terraform reads the tags of a role with it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Where the answer before ended.
    #[serde(default, deserialize_with = "optional")]
    pub next_token: Option<String>,
    /// How many tags at once: 20 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<MaxResults>,
    /// The names of the resources; all of them when none is named.
    #[serde(default)]
    pub resource_names: Vec<String>,
    /// What they are.
    pub resource_type: ResourceType,
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
    tag_resources: Vec<TagResourceView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TagResourceView {
    resource_name: String,
    resource_type: ResourceType,
    tag_key: String,
    tag_value: String,
}

impl Operation for ListTagResources {
    const NAME: &'static str = "ListTagResources";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        tagging::permission("ram:ListTagResources", request.resource_type, &request.resource_names)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tag::check_filters(&request.tag)?;
        let mut tagged = tagging::tagged(tx.state(), request.resource_type, &request.resource_names)?;
        tagged.retain(|(_, tags)| tag::matches(tags, &request.tag));
        let mut tags: Vec<TagResourceView> = tagged
            .into_iter()
            .flat_map(|(name, tags)| tags.iter().map(move |(key, value)| (name, key, value)))
            .map(|(name, key, value)| TagResourceView {
                resource_name: name.to_owned(),
                resource_type: request.resource_type,
                tag_key: key.clone(),
                tag_value: value.clone(),
            })
            .collect();
        let page_size = request.page_size.unwrap_or_default().get();
        let name = |tag: &TagResourceView| format!("{}/{}", tag.resource_name, tag.tag_key);
        tags.sort_by_cached_key(name);
        let (tag_resources, next_token) = page::after(tags, request.next_token.as_deref(), page_size, name);
        Ok(Response { next_token, tag_resources })
    }
}
