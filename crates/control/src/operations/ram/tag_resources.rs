//! `TagResources`: gives tags to resources of Ram.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram::tagging::{self, ResourceType};
use crate::permission::Permission;
use crate::resource::tag::{self, TagOption};
use crate::tx::Tx;

/// See the module.
pub struct TagResources;

/// Gives all of the tags to all of the resources, or none to any. A tag with the same key is replaced.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The names of the resources.
    pub resource_names: Vec<String>,
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
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::ROLE_NOT_FOUND,
        &catalogue::POLICY_NOT_FOUND,
        &catalogue::RAM_USER_NOT_FOUND,
        &catalogue::TAGS_EXCEEDED,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        tagging::permission("ram:TagResources", request.resource_type, &request.resource_names)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let more = tag::collect("Tag", request.tag)?;
        if more.is_empty() {
            return Err(ApiError::missing("Tag"));
        }
        tagging::change_tags(tx, request.resource_type, &request.resource_names, |tags| {
            tag::add(tags, &more)
        })?;
        Ok(Response {})
    }
}
