//! `UntagResources`: takes tags away from resources of Cbn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::optional;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::cbn::tagging::{self, ResourceType};
use crate::permission::Permission;
use crate::resource::tag::TAGS_MAX;
use crate::tx::Tx;

/// See the module.
pub struct UntagResources;

/// Takes the tags with these keys away from all of the resources, or all tags. A tag that is not there is no error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the resources; their ids say which they are.
    #[serde(default, deserialize_with = "optional")]
    pub region_id: Option<RegionId>,
    /// Whether to take all tags away; it has no effect beside `TagKey`.
    #[serde(default)]
    pub all: Option<bool>,
    /// The resources.
    pub resource_id: Vec<String>,
    /// What they are.
    pub resource_type: ResourceType,
    /// The keys.
    #[serde(default)]
    pub tag_key: Vec<String>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for UntagResources {
    const NAME: &'static str = "UntagResources";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::RESOURCE_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        request.region_id.as_ref()
    }

    fn permission(request: &Request) -> Permission {
        tagging::permission("cen:UntagResources", request.resource_type, &request.resource_id)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let keys = &request.tag_key;
        if keys.len() > TAGS_MAX {
            return Err(ApiError::invalid("TagKey", format!("at most {TAGS_MAX} keys")));
        }
        if keys.is_empty() && request.all != Some(true) {
            return Err(ApiError::missing("TagKey"));
        }
        tagging::change_tags(tx, request.resource_type, &request.resource_id, |tags| {
            tags.retain(|key, _| !keys.is_empty() && !keys.contains(key));
            Ok(())
        })?;
        Ok(Response {})
    }
}
