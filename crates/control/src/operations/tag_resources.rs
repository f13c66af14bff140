//! `TagResources`: gives tags to resources.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation};
use crate::operations::tagging::{self, ResourceType};
use crate::permission::Permission;
use crate::resource::tag::{self, TagOption};
use crate::tx::Tx;

/// See the module.
pub struct TagResources;

/// Gives all of the tags to all of the resources, or none to any. A tag with the same key is replaced.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the resources.
    pub region_id: RegionId,
    /// The resources.
    pub resource_id: Vec<String>,
    /// What they are.
    pub resource_type: ResourceType,
    /// The tags.
    pub tag: Vec<TagOption>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for TagResources {
    const NAME: &'static str = "TagResources";
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::VPC_CONFIGURED, &catalogue::RESOURCE_NOT_FOUND, &catalogue::TAGS_EXCEEDED];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        tagging::permission("vpc:TagResources", Some(request.resource_type), &request.resource_id)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let more = tag::collect("Tag", request.tag)?;
        if more.is_empty() {
            return Err(ApiError::missing("Tag"));
        }
        tagging::change_tags(tx, &request.region_id, request.resource_type, &request.resource_id, |tags| {
            tag::add(tags, &more)
        })?;
        Ok(Response {})
    }
}
