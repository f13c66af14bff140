//! `UnTagResources`: takes tags away from resources.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, RateLimit};
use crate::operations::tagging::{self, ResourceType};
use crate::permission::Permission;
use crate::resource::tag::TAGS_MAX;
use crate::tx::Tx;

/// See the module.
pub struct UnTagResources;

/// Takes the tags with these keys away from all of the resources, or all tags. A tag that is not there is no error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the resources.
    pub region_id: RegionId,
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

impl Operation for UnTagResources {
    const NAME: &'static str = "UnTagResources";
    const KIND: Kind = Kind::Write;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(300));
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::VPC_CONFIGURED, &catalogue::RESOURCE_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        tagging::permission("vpc:UnTagResources", Some(request.resource_type), &request.resource_id)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let keys = &request.tag_key;
        if keys.len() > TAGS_MAX {
            return Err(ApiError::invalid("TagKey", format!("at most {TAGS_MAX} keys")));
        }
        if keys.is_empty() && request.all != Some(true) {
            return Err(ApiError::missing("TagKey"));
        }
        tagging::change_tags(tx, &request.region_id, request.resource_type, &request.resource_id, |tags| {
            tags.retain(|key, _| !keys.is_empty() && !keys.contains(key));
            Ok(())
        })?;
        Ok(Response {})
    }
}
