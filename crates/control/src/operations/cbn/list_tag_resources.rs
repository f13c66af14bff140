//! `ListTagResources`: lists the tags of resources of Cbn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageSize, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::cbn::tagging::{self, ResourceType};
use crate::page;
use crate::permission::Permission;
use crate::resource::tag::{self, TagFilter};
use crate::tx::Tx;

/// See the module.
pub struct ListTagResources;

/// Lists the tags of the resources of one kind: of those that are named, and of those that have all of
/// the tags that are asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Only resources of this region; a Cloud Enterprise Network instance has none.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
    /// Where the answer before ended.
    #[serde(default, deserialize_with = "optional")]
    pub next_token: Option<String>,
    /// How many tags at once: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// Only these resources.
    #[serde(default)]
    pub resource_id: Vec<String>,
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
    tag_resources: TagResourceListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TagResourceListView {
    tag_resource: Vec<TagResourceView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct TagResourceView {
    resource_id: String,
    resource_type: ResourceType,
    tag_key: String,
    tag_value: String,
}

impl Operation for ListTagResources {
    const NAME: &'static str = "ListTagResources";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        tagging::permission("cen:ListTagResources", request.resource_type, &request.resource_id)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tag::check_filters(&request.tag)?;
        let (regions, region) = (&tx.settings().regions, request.region_id.as_ref());
        let kind = request.resource_type;
        let mut tagged = tagging::tagged(tx.state(), regions, region, kind, &request.resource_id)?;
        tagged.retain(|(_, tags)| tag::matches(tags, &request.tag));
        let mut tags: Vec<TagResourceView> = tagged
            .into_iter()
            .flat_map(|(id, tags)| tags.iter().map(move |(key, value)| (id, key, value)))
            .map(|(id, key, value)| TagResourceView {
                resource_id: id.to_owned(),
                resource_type: request.resource_type,
                tag_key: key.clone(),
                tag_value: value.clone(),
            })
            .collect();
        let page_size = request.page_size.unwrap_or_default().get();
        let name = |tag: &TagResourceView| format!("{}/{}", tag.resource_id, tag.tag_key);
        tags.sort_by_cached_key(name);
        let (tag_resource, next_token) = page::after(tags, request.next_token.as_deref(), page_size, name);
        Ok(Response { next_token, tag_resources: TagResourceListView { tag_resource } })
    }
}
